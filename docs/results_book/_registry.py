"""What the book has: tables, figures and quotations, each with its files."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import json
from functools import cache
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
TABLES = {}
FIGURES = {}
QUOTES = {}

# What makes a file, where its name does not begin with that of the script.
OTHER_SCRIPTS = {
    "adult_label_flip_summary.csv": "adult_label_flip.py",
    "defenses_clean_data.csv": "defenses_easy_cases.py",
    "impossibility_grid.csv": "impossibility.py",
    "impossibility_laws.csv": "impossibility_worlds.py",
    "impossibility_transition.csv": "impossibility.py",
}


def table(*files, title):
    """Register a function that makes a table of the contents of ``files``.

    The table is a frame of strings, or of numbers to be shown as they are, and has the
    name of the function. ``title`` is a sentence.
    """
    return _register(TABLES, files, title=title)


def figure(*files, title):
    """Register a function that draws a figure of the contents of ``files``."""
    return _register(FIGURES, files, title=title)


def quote(page, *files):
    """Register a function that writes what ``page`` says of ``files`` in its prose.

    ``page`` is a path from the root of the repository, and has to have these words.
    """
    return _register(QUOTES, files, page=page)


def _register(book, files, **notes):
    def register(make):
        book[make.__name__] = make
        make.files = files
        vars(make).update(notes)
        return make

    return register


def made(entry):
    """What an entry of the book makes of its files."""
    return entry(*map(read, entry.files))


@cache
def read(name):
    """Contents of a result: a frame of a CSV, a dict of a JSON."""
    path = RESULTS / name
    return pd.read_csv(path) if path.suffix == ".csv" else json.loads(path.read_text())


def command(name):
    """What makes a result again: a script, or the long run of the tests."""
    if name.startswith("reliability_"):
        return "make soak"
    return f"benchmarks/{_script(name)}"


def _script(name):
    scripts = sorted((path.stem for path in RESULTS.parent.glob("*.py")), key=len)
    named = [f"{stem}.py" for stem in scripts if name.startswith(stem)]
    return OTHER_SCRIPTS.get(name) or named[-1]


def source(entry):
    """Sentences that say what is shown, where it is kept, and what makes it."""
    files = [f"`benchmarks/results/{name}`" for name in entry.files]
    commands = dict.fromkeys(f"`{command(name)}`" for name in entry.files)
    return f"{entry.title} From {_listed(files)}, made by {_listed(commands)}."


def _listed(words):
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
