"""The displays of a defense audit, and its report."""

import copy
import re
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from skpoison import ClusterMatch, DefenseAudit, SubpopPoisoner
from skpoison.audit import DefenseDisplay, RemovalDisplay
from skpoison.audit._defense_findings import findings
from skpoison.audit._display_tools import VARIABLES
from skpoison.base import BaseSanitizer

mpl.use("agg")
HOSTILE = "</td><script>alert(1)</script>"


class Oracle(BaseSanitizer):
    """Knows how many clean rows there are, and can be told to fail."""

    def __init__(self, n_clean=200, *, fails=False):
        super().__init__()
        self.n_clean = n_clean
        self.fails = fails

    def _sanitize(self, X, y):
        if self.fails and len(y) > self.n_clean:
            raise RuntimeError(HOSTILE)
        is_poison = np.arange(len(y)) >= self.n_clean
        return ~is_poison, is_poison.astype(float)


class FirstTenth(BaseSanitizer):
    def _sanitize(self, X, y):
        order = np.argsort(X[:, 0])
        kept = np.ones(len(y), bool)
        kept[order[: len(y) // 10]] = False
        return kept, X[:, 0]


@pytest.fixture(scope="module")
def audit():
    X, blob = make_blobs(400, n_features=3, centers=6, random_state=0)
    return DefenseAudit(
        KNeighborsClassifier(5),
        defenses={
            "oracle": Oracle(),
            HOSTILE: FirstTenth(),
            "broken": Oracle(fails=True),
            "NB": GaussianNB(),
        },
        poisoners={"constant": SubpopPoisoner(), "flip": SubpopPoisoner(label="flip")},
        finder=ClusterMatch(4, random_state=0),
        alphas=(0.5, 2.0),
        min_test=5,
        random_state=0,
    ).fit(X, np.where(blob % 2, "yes", "no"))


@pytest.mark.parametrize("kind", ["target", "worst", "collateral"])
def test_curves_are_those_of_the_summary(audit, kind):
    display = DefenseDisplay.from_audit(audit, poisoner="flip", kind=kind)
    names = [text.get_text() for text in display.legend_.get_texts()]
    assert names[:2] == ["no defense", "oracle"]
    assert len(names) == len(display.lines_) == len(display.fill_between_) == 4
    summary = audit.summary_[audit.summary_["poisoner"] == "flip"]
    for line, defense in zip(
        display.lines_, ["none", "oracle", HOSTILE, "NB"], strict=True
    ):
        values = summary.loc[summary["defense"] == defense, f"{kind}_damage"]
        np.testing.assert_allclose(line.get_ydata(), values)
        np.testing.assert_allclose(line.get_xdata(), [0.5, 2.0])
    mpl.pyplot.close(display.figure_)


@pytest.mark.parametrize(
    "kind", ["recall", "precision", "auc", "clean_removed", "target_removed"]
)
def test_curves_of_detection_are_of_sanitizers(audit, kind):
    display = DefenseDisplay.from_audit(audit, kind=kind)
    assert display.legend_.get_texts()[0].get_text() == "oracle"
    assert len(display.lines_) == 2
    expected = 0 if kind.endswith("removed") else 1
    assert (display.lines_[0].get_ydata() == expected).all()
    mpl.pyplot.close(display.figure_)


def test_removal_is_that_of_the_tables(audit):
    clean = RemovalDisplay.from_audit(audit)
    assert clean.removed.loc["oracle"].eq(0).all()
    costs = audit.costs_[audit.costs_["subpopulation"] >= 0]
    told = costs[costs["defense"] == HOSTILE].set_index("name")["removed"]
    for name, share in clean.removed.loc[HOSTILE].items():
        assert share == told[name]
    assert list(clean.removed.loc[HOSTILE]) == sorted(told, reverse=True)
    assert clean.text_.shape == clean.removed.shape
    assert clean.text_[0, 0].get_text() == "0%"
    few = RemovalDisplay.from_audit(
        audit, poisoner="flip", alpha=2.0, n_subpopulations=2
    )
    assert few.removed.shape == (2, 2)
    rows = audit.removed_
    chosen = (rows["poisoner"] == "flip") & (rows["alpha"] == 2.0)
    assert few.removed.to_numpy().max() == rows[chosen]["removed"].max()
    mpl.pyplot.close("all")


def luminance(color):
    channels = np.array(mpl.colors.to_rgb(color))
    low, high = channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
    return np.where(channels <= 0.03928, low, high) @ [0.2126, 0.7152, 0.0722]


def test_texts_of_removal_can_be_read_in_every_theme():
    shares = pd.DataFrame(np.linspace(0, 1, 101)[:, None], columns=["all"])
    shares.index = [f"removes {share:.2f}" for share in shares["all"]]
    display = RemovalDisplay(removed=shares).plot()
    cells = display.mesh_.cmap(display.mesh_.norm(display.mesh_.get_array())).ravel()
    for text, cell in zip(display.text_.ravel(), cells.reshape(-1, 4), strict=True):
        # A page has its own for the colors that follow its theme; cells do not.
        assert mpl.colors.to_hex(text.get_color()) not in VARIABLES
        dark, light = sorted([luminance(text.get_color()), luminance(cell[:3])])
        assert (light + 0.05) / (dark + 0.05) >= 4.5
    mpl.pyplot.close(display.figure_)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda a: DefenseDisplay.from_audit(a, kind="damage"), "kind must be one of"),
        (
            lambda a: DefenseDisplay.from_audit(a, poisoner="x"),
            r"poisoner must be one of \['constant', 'flip'\], got 'x'",
        ),
        (
            lambda a: RemovalDisplay.from_audit(a, alpha=1.0),
            r"alpha must be one of \[0.5, 2.0\], got 1.0",
        ),
        (
            lambda a: RemovalDisplay.from_audit(a, poisoner="flip"),
            "poisoner='flip' needs an alpha",
        ),
    ],
)
def test_bad_arguments_of_displays(audit, make, message):
    with pytest.raises(ValueError, match=message):
        make(audit)


def test_displays_need_a_fitted_audit():
    bare = DefenseAudit(GaussianNB(), defenses=[Oracle()])
    for display in (DefenseDisplay, RemovalDisplay):
        with pytest.raises(NotFittedError):
            display.from_audit(bare)
    assert "skpoison-audit" not in bare._repr_html_()


def test_findings_name_who_helps_and_whom_one_harms(audit):
    found = findings(audit)
    assert found.alpha == 2.0
    assert list(found.rows["defense"]) == ["none", "oracle", HOSTILE, "broken", "NB"]
    text = " ".join(found.sentences)
    assert "1 of 4 defenses helps against every attack" in found.statement
    assert "<strong><bdi>oracle</bdi></strong> leaves the least" in text
    worst = audit.costs_[audit.costs_["subpopulation"] >= 0].set_index("removed")
    assert f"<bdi>{worst.loc[worst.index.max(), 'name']}</bdi>" in text


def test_a_defense_helps_if_it_does_against_every_attack(audit):
    other = copy.copy(audit)
    other.summary_ = audit.summary_.copy()
    of_oracle = other.summary_.query("defense == 'oracle' and alpha == 2.0")
    hardest = of_oracle["target_damage"].idxmax()
    other.summary_.loc[of_oracle.index.drop(hardest), "change_high"] = 0.1
    found = findings(other)
    pd.testing.assert_frame_equal(found.rows, findings(audit).rows)
    assert found.statement == "None of 4 defenses is sure to help"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "br", "input", "path", "use", "circle", "rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass


def test_the_page_tells_all_and_loads_nothing(audit, tmp_path):
    path = tmp_path / "defenses.html"
    audit.to_html(path)
    page = path.read_text()
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert sum(tag == "script" for tag, _ in tags.seen) == 1
    links = [a.get("href") or a.get("src") or "" for _, a in tags.seen]
    assert all(link[:1] in {"", "#"} or link == "data:," for link in links)
    targets = {a["id"] for _, a in tags.seen if "id" in a}
    assert {link[1:] for link in links if link.startswith("#")} <= targets
    assert sum(tag == "svg" for tag, _ in tags.seen) == 5
    rows = re.findall(r'<th scope="row" data-value=', page)
    assert len(rows) == 2 * 5  # attacks by defenses, at the largest budget
    assert "RuntimeError" in page
    assert "from skpoison.attacks import" in page or "from skpoison import" in page
    audit.to_html(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page


def test_a_notebook_shows_a_box(audit):
    box = audit._repr_html_()
    assert "skpoison-audit" in box
    assert "<script" not in box
    assert box.count("<tr>") == 1 + 5
    assert ">no defense</bdi>" in box
    # Words on the left, figures on the right, and their heads above them.
    sides = re.findall(r'<t[hd] style="[^"]*text-align:(left|right)[^"]*">', box)
    assert sides == 6 * [*2 * ["left"], *4 * ["right"]]
