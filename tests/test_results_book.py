"""README and the docs say what the committed results say."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import importlib.util
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import results_book as book  # noqa: E402

README = (ROOT / "README.md").read_text()
PAGES = [
    *DOCS.glob("*.rst"),
    *DOCS.glob("user_guide/*.rst"),
    *DOCS.glob("results/*.rst"),
]
INCLUDED = re.compile(
    r"^\.\. include:: (?:(?:\.\./)?results/)?generated/(\w+)\.inc$", re.M
)
HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None


def test_readme_has_the_tables_of_the_results():
    assert book.readme(README) == README, "run `make results`"
    assert len(book.MARKED.findall(README)) == README.count("<!-- results:") == 4


def test_readme_changes_with_the_results(monkeypatch):
    name = "adult_worst_five"
    before = book.table_as_markdown(name)
    summary = book.read("adult_label_flip_summary.csv")
    changed = [summary.assign(mean=summary["mean"] + 0.01)]
    entry = book.TABLES[name]

    def later(*_):
        return entry(*changed)

    later.files, later.title = entry.files, entry.title
    monkeypatch.setitem(book.TABLES, name, later)
    assert book.table_as_markdown(name) != before
    assert book.readme(README) != README


def test_prose_quotes_the_results():
    for name, quote in book.QUOTES.items():
        text = " ".join((ROOT / quote.page).read_text().split())
        assert book.made(quote) in text, f"{quote.page} does not say {name}"


@pytest.mark.parametrize("name", book.TABLES)
def test_table_names_its_files_and_what_makes_them(name):
    entry, text = book.TABLES[name], book.table_as_rst(name)
    assert entry.title.endswith(".")
    for file in entry.files:
        assert f"`benchmarks/results/{file}`" in text.splitlines()[2]
        what = book.command(file)
        assert f"`{what}`" in text.splitlines()[2]
        if what == "make soak":
            assert file.startswith("reliability_")
        else:
            assert (ROOT / what).exists()
            assert Path(file).stem.startswith(Path(what).stem.split("_")[0])


@pytest.mark.parametrize("name", book.TABLES)
def test_table_is_whole(name):
    frame = book.made(book.TABLES[name])
    assert len(frame)
    assert not frame.isna().to_numpy().any()
    assert not frame.astype(str).isin(["nan", "None", "inf"]).to_numpy().any()
    lines = book.table_as_markdown(name).splitlines()
    assert len({line.count(" | ") for line in lines}) == 1


def test_every_result_is_shown_or_has_a_reason():
    unused = book.unused()
    assert set(unused) == set(book.NOT_SHOWN), "show it, or say why not in NOT_SHOWN"
    assert all(book.NOT_SHOWN.values())


def test_pages_include_all_of_the_book_and_nothing_else():
    included = {name for page in PAGES for name in INCLUDED.findall(page.read_text())}
    assert included == set(book.TABLES | book.FIGURES)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_lists_of_numbers_are_not_copied_by_hand(page):
    tables = re.findall(r"\.\. list-table::.*?(?=\n\S|\Z)", page.read_text(), re.DOTALL)
    for table in tables:
        assert len(re.findall(r"- -?\d*\.\d\d+\b", table)) < 4


@pytest.mark.skipif(not HAS_MATPLOTLIB, reason="figures are drawn with matplotlib")
def test_book_is_written_once_and_cleaned(tmp_path):
    book.write(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    pictures = {f"{name}.png" for name in book.FIGURES}
    assert names == {f"{n}.inc" for n in book.TABLES | book.FIGURES} | pictures
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / "gone.inc").touch()
    book.write(tmp_path)
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


def test_numbers_are_rounded_as_told():
    from results_book import _format as f

    assert f.number(-0.001) == "0.00"
    assert f.number(-1234.5, 1) == "-1,234.5"
    assert f.number(float("nan")) == ""
    assert f.bracketed(0.314, 0.25, 0.375) == "0.31 [0.25, 0.38]"
    assert f.bracketed(0.3, float("nan"), float("nan")) == "0.30"
    assert f.share(0.0991, 1) == "9.9 %"
    assert [f.seconds(x) for x in (0.0123, 0.123, 1.23, 1234.5)] == [
        "0.012 s",
        "0.12 s",
        "1.2 s",
        "1,234 s",
    ]
    frame = pd.DataFrame({"a": [1, 1, 2], "b": [3, 4, 3]})
    assert f.the(frame, a=1, b=4)["b"] == 4
    with pytest.raises(ValueError, match="2 rows"):
        f.the(frame, a=1)


def test_readme_of_a_copy_is_rewritten(tmp_path):
    path = shutil.copy(ROOT / "README.md", tmp_path)
    old = README.replace("| 0.300 | 0.437 |", "| 0.301 | 0.437 |")
    assert old != README
    Path(path).write_text(old)
    book.write_readme(Path(path))
    assert Path(path).read_text() == README
