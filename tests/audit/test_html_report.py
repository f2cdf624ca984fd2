"""The report: everything is there, nothing comes from elsewhere, names are text."""

import os
import re
import stat
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skpoison.audit import _html_sections
from skpoison.audit._display_tools import printable
from skpoison.audit._html_page import write_page
from skpoison.audit._html_report import report_html, repr_html

pytest.importorskip("matplotlib")

VOID = {"meta", "link", "br", "input"}


class Page(HTMLParser):
    """Elements and texts of a page, and where its tags do not match."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.unmatched, self.text = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unmatched.append(tag)

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def words(self):
        return re.sub(r"\s+", " ", "".join(self.text))


@pytest.fixture(scope="module")
def make_page():
    pages = {}

    def make(audit, key):
        if key not in pages:
            pages[key] = report_html(audit)
        return pages[key]

    return make


@pytest.fixture
def no_figures(monkeypatch):
    """For tests of everything else: drawing takes most of the time."""
    monkeypatch.setattr(_html_sections, "draw_svg", lambda *_, **__: "<svg></svg>")


@pytest.fixture
def page(reported_audit, make_page):
    return make_page(reported_audit(), "hostile")


def test_tags_match_and_identifiers_are_distinct(page):
    parsed = Page(page)
    assert parsed.unmatched == parsed.open == []
    idents = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(idents) == len(set(idents))
    inner = {
        h[1:] for _, a in parsed.elements if (h := a.get("href", "")) and h[0] == "#"
    }
    assert inner <= set(idents)
    used = re.findall(r"url\(#([^)]+)\)", page)
    assert used
    assert set(used) <= set(idents)


def test_nothing_is_loaded_from_elsewhere(page):
    parsed = Page(page)
    for tag, attrs in parsed.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            if tag != "a" and name in attrs:
                assert attrs[name].startswith(("#", "data:"))
        assert not any(name.startswith("on") for name in attrs)
    assert "@import" not in page
    assert re.findall(r"https?://", page) == []
    policy = parsed.all("meta")[1]["content"]
    assert policy.startswith("default-src 'none';")


def test_the_policy_allows_the_one_script_of_the_page(page):
    import base64
    import hashlib

    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in page


def test_hostile_names_are_text(page, reported_audit):
    parsed = Page(page)
    names = [printable(name) for name in reported_audit.hostile]
    cells = [attrs["data-value"] for attrs in parsed.all("th") if "data-value" in attrs]
    assert set(names) <= set(cells)
    for name in names[:3]:
        assert name in parsed.words
    assert len(parsed.all("script")) == 1
    assert parsed.all("img") == parsed.all("b onerror") == []
    assert "ValueError: <b>Input</b> contains NaN." in parsed.words
    assert "fewer than 30 test rows <min_test>" in parsed.words
    assert "<b>sex</b>" in parsed.words
    page.encode()


def test_the_table_has_all_subpopulations_worst_first(page, reported_audit):
    audit = reported_audit()
    body = page.partition('<table id="all">')[2].partition("</table>")[0]
    rows = body.partition("<tbody>")[2].split("<tr")[1:]
    assert len(rows) == len(audit.summary_) == 60
    damage = [re.findall(r'data-value="([^"]*)"', row)[1] for row in rows]
    expected = audit.summary_["target_damage"]
    np.testing.assert_allclose([float(d or "nan") for d in damage], expected)
    measured = [float(d) for d in damage if d]
    assert measured == sorted(measured, reverse=True)
    assert damage[len(measured) :] == [""] * int(expected.isna().sum()) != []
    significant = sum(row.startswith(" data-sure") for row in rows)
    assert significant == (audit.summary_["q_value"] <= 0.05).sum() > 0
    heads = Page(body).all("th")[:9]
    assert [head.get("aria-sort") for head in heads] == [
        None,
        "descending",
        *[None] * 7,
    ]


def test_infinite_and_missing_numbers_are_keys_that_a_script_reads(page):
    keys = set(re.findall(r'<td[^>]* data-value="([^"]*)"', page))
    assert "Infinity" in keys
    assert "" in keys
    assert not {key for key in keys if "nan" in key or "inf" in key}
    assert "not reached" in page


def test_the_headline_counts_and_names_the_worst(page, reported_audit):
    audit = reported_audit()
    words, summary = Page(page).words, audit.summary_
    n_large = (summary["target_damage"] > 0.1).sum()
    assert f"{n_large} of 60 subpopulations lose more than 10 points" in words
    assert f"Hit hardest is {summary['name'][0]}" in words
    one = audit.worst_k_.query("k == 1 and alpha == 2").iloc[0]
    assert f"the worst loses {100 * one['held_out_damage']:.1f} points" in words
    results = audit.results_.query("alpha == 2")
    worst = results["subpopulation"] == summary["subpopulation"][0]
    assert f"takes {results['n_poison'][worst].iloc[0]} poison rows" in words


def test_a_harmless_audit_says_that_none_is_hit(reported_audit):
    audit = reported_audit(damage=0.05)
    assert "None of 60 subpopulations loses more than 10 points" in repr_html(audit)


def test_an_audit_without_a_figure_has_a_report(reported_audit):
    audit = reported_audit(n_subpopulations=12, hostile=False)
    numbers = [c for c in audit.summary_ if "damage" in c or c[:1] in "pqa"]
    audit.summary_[[c for c in numbers if c != "name"]] = np.nan
    audit.curves_.iloc[:, 3:] = np.nan
    audit.skipped_ = audit.skipped_.head(0)
    words = Page(report_html(audit)).words
    assert "No subpopulation could be measured" in words
    assert "All that the finder found were attacked" in words
    assert "could be measured" in repr_html(audit)


def test_figures_are_drawn_with_titles_in_the_colors_of_the_page(page):
    parsed = Page(page)
    svgs = parsed.all("svg")
    titles = {attrs["id"] for attrs in parsed.all("title") if "id" in attrs}
    assert len(svgs) == len(titles) == 4
    for svg in svgs:
        assert svg["role"] == "img"
        assert svg["aria-labelledby"] in titles
        assert "width" not in svg
    drawn = page[page.index("<svg") : page.rindex("</svg>")]
    assert "var(--series-1)" in drawn
    assert "var(--ink)" in drawn
    assert re.findall(r"#[0-9a-f]{6}\b(?!-)", re.sub(r"url\([^)]*\)", "", drawn)) == []
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert set(re.findall(r"var\((--[\w-]+)\)", drawn)) <= set(
        re.findall(r"(--[\w-]+):", style)
    )


def test_an_estimate_is_labeled_wherever_it_is_told(reported_audit, page):
    audit = reported_audit("influence", hostile=False)
    text = report_html(audit)
    assert 'class="banner"' in text
    words = Page(text).words
    assert "ESTIMATE." in words
    assert "subpopulations are estimated to lose" in words
    assert "Damage at alpha = 2, estimate" in words
    assert "models estimated" in words
    assert words.count("(influence estimate)") + words.count("influence estimate") >= 4
    assert "ESTIMATE." in repr_html(audit)
    assert "ESTIMATE" not in Page(page).words + repr_html(reported_audit())


def test_data_seeds_and_code_are_told(page):
    words = Page(page).words
    for text in (
        "15,000",
        "LogisticRegression(max_iter=1000)",
        "SubpopPoisoner(label='flip')",
        "0.5, 1, 2",
        "random_state",
        "scikit-learn",
        "from sklearn.linear_model import LogisticRegression",
        "from skpoison import ClusterMatch, SubpopPoisoner",
        "Responsible use.",
        "8 models failed",
        "3 subpopulations skipped",
    ):
        assert text in words, text


@pytest.mark.usefixtures("no_figures")
def test_the_page_tells_nothing_of_the_machine(reported_audit):
    audit = reported_audit(hostile=False, random_state=np.random.RandomState(0))
    audit.set_params(checkpoint="/home/someone/runs.csv", n_jobs=7)
    text = report_html(audit)
    assert "/home/someone" not in text
    assert "n_jobs=7" not in text
    assert "RandomState(MT19937)" in text
    assert re.search(r"\bat 0x", text) is None


def test_the_same_audit_gives_the_same_bytes_and_leaves_no_figure(page, reported_audit):
    import matplotlib
    import matplotlib.pyplot as plt

    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red"}):
        assert report_html(reported_audit()) == page
    assert plt.get_fignums() == []


@pytest.mark.usefixtures("no_figures")
def test_the_title_is_escaped(reported_audit):
    text = report_html(reported_audit(hostile=False), title="<i>$style & co")
    assert "<title>&lt;i&gt;$style &amp; co</title>" in text


def write_html(audit, path):
    write_page(path, lambda: report_html(audit))


@pytest.mark.usefixtures("no_figures")
def test_a_file_is_written_as_a_whole_or_not_at_all(
    reported_audit, tmp_path, monkeypatch
):
    path = tmp_path / "report.html"
    path.write_text("old")
    write_html(reported_audit(), str(path))
    page = path.read_bytes()
    assert page == report_html(reported_audit()).encode()
    if os.name == "posix":
        (tmp_path / "other").touch()
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(
            (tmp_path / "other").stat().st_mode
        )
    monkeypatch.setattr(
        os, "replace", lambda *_: (_ for _ in ()).throw(OSError("full"))
    )
    with pytest.raises(OSError, match="full"):
        write_html(reported_audit(hostile=False), path)
    assert path.read_bytes() == page
    assert sorted(p.name for p in tmp_path.iterdir()) in (
        ["other", "report.html"],
        ["report.html"],
    )


def test_what_cannot_be_a_file_is_refused_before_work(reported_audit, tmp_path):
    audit = reported_audit(hostile=False)
    audit.curves_ = None  # drawing it would raise
    with pytest.raises(IsADirectoryError, match="must be a file"):
        write_html(audit, tmp_path)
    with pytest.raises(FileNotFoundError, match="folder that exists"):
        write_html(audit, tmp_path / "missing" / "report.html")
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ValueError, match="device or a pipe"):
            write_html(audit, tmp_path / "pipe")


def test_an_audit_that_is_not_fitted_has_no_report(reported_audit):
    audit = reported_audit(hostile=False)
    del audit.summary_
    for report in (report_html, repr_html):
        with pytest.raises(NotFittedError):
            report(audit)


def test_without_matplotlib_the_error_names_the_extra(reported_audit, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "skpoison\[plot\]"'):
        report_html(reported_audit(hostile=False))


def test_a_notebook_shows_the_ten_worst_without_a_script(reported_audit, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    audit = reported_audit()
    parsed = Page(repr_html(audit))
    assert parsed.unmatched == parsed.open == []
    assert parsed.all("script") == parsed.all("img") == parsed.all("style") == []
    assert len(parsed.all("tr")) == 11
    for name in audit.summary_["name"].head(2):
        assert name in parsed.words
    assert "50 more in summary_" in parsed.words
