"""Entry points: the fetchers of data sets, and their files."""

import os
import tempfile
from contextlib import ExitStack, chdir
from pathlib import Path
from unittest.mock import patch

from malformed import UserError, odd
from malformed_cases import (
    Argument,
    EntryPoint,
    always,
    count,
    either,
    flag,
    one_of,
    parameter,
    seed,
)

from skpoison import datasets
from skpoison.datasets import _imdb_files

# Reviews of each kind that are taken for all.
N = 8


# Files of IMDB, small enough to write again and again.


def reviews():
    """Give the files of the data set by their names."""
    files = {}
    for split in ("train", "test"):
        for label, stars in (("neg", 1), ("pos", 9)):
            for j in range(N):
                text = f"{split} {label} {j}: a film".encode()
                files[f"imdb/aclImdb/{split}/{label}/{j}_{stars}.txt"] = text
            lines = [f"http://www.imdb.com/title/tt{j}/usercomments" for j in range(N)]
            files[f"imdb/aclImdb/{split}/urls_{label}.txt"] = "\n".join(lines).encode()
    return files


def fetch_reviews(files, **parameters):
    """Fetch the data set from a folder with these files alone."""
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        stack.enter_context(chdir(home))
        stack.enter_context(patch.object(_imdb_files, "N_REVIEWS", N))
        for name, content in files.items():
            path = Path(home) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        given = {"data_home": home, "download_if_missing": False, "cache": False}
        bunch = datasets.fetch_imdb(**(given | parameters))
        return {"data": bunch.data.tolist(), "target": bunch.target.tolist()}


def check_reviews(result, given):
    """Each review is there, with a label."""
    assert len(result["data"]) == len(result["target"])
    assert all(isinstance(text, str) and text for text in result["data"])


FIRST = "imdb/aclImdb/train/neg/0_1.txt"
URLS = "imdb/aclImdb/train/urls_neg.txt"


def without(*parts):
    """Leave files out."""
    return odd(
        f"without {parts}"[:60],
        lambda good: {n: c for n, c in good.items() if not any(p in n for p in parts)},
    )


def content(name, new):
    """Change what is in a file."""
    return odd(f"{Path(name).name}: {new[:20]!r}", lambda good: {**good, name: new})


def renamed(new):
    """Give a file another name."""
    path = f"imdb/aclImdb/train/neg/{new}"
    return odd(
        f"named {new!r}"[:60],
        lambda good: {(path if n == FIRST else n): c for n, c in good.items()},
    )


FILES = [
    odd("no files", lambda good: {}),
    *(without(part) for part in ("train", "test", "neg", "pos", "urls", "0_1", "_9")),
    *(
        content(name, new)
        for name in (FIRST, URLS)
        for new in (
            b"",
            b" ",
            b"\n",
            b"\0" * 9,
            b"\xff\xfe",
            b"\xed\xa0\x80",
            b"\xef\xbb\xbf",
            b"a\nb",
            b"<html>",
            b"x" * 10**6,
            bytes(range(256)),
            b"PK\x03\x04",
            b"\r\r",
        )
    ),
    *(
        renamed(new)
        for new in (
            "0.txt",
            "0_0.txt",
            "0_11.txt",
            "0_9.txt",
            "-1_1.txt",
            "a_1.txt",
            "0_1.csv",
            "0_1.txt.gz",
            "1_1 .txt",
            "99_1.txt",
            "0_1_1.txt",
            "0_5.txt",
            ".txt",
            "00_1.txt",
            "1_2.txt",
            "\u0660_1.txt",
            "1e3_1.txt",
            "9" * 30 + "_1.txt",
        )
    ),
    odd("a file more", lambda good: {**good, "imdb/aclImdb/train/neg/9_1.txt": b"a"}),
    odd("another file", lambda good: {**good, "imdb/aclImdb/train/neg/x.md": b"a"}),
    odd("a folder for a file", lambda good: {**good, f"{FIRST}.d/x": b"a"}),
    odd("a file for the folder", lambda good: {"imdb/aclImdb": b"a"}),
    odd("an archive for the folder", lambda good: {"imdb/aclImdb_v1.tar.gz": b"a"}),
]
HOMES = [
    odd("a file", lambda good: __file__),
    odd("below a file", lambda good: __file__ + "/x"),
    odd("NUL", lambda good: "a\0b"),
    odd("long", lambda good: "a" * 5000),
    odd("a user that is not there", lambda good: "~nobodyatall/x"),
    odd("/proc", lambda good: "/proc/nothing"),
]


def home(value):
    return value is None or isinstance(value, (str, os.PathLike))


def fetch(function):
    """Fetch from a folder without files: all but the arguments is in order."""

    def call(data_home, **parameters):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            stack.enter_context(chdir(folder))
            if isinstance(data_home, str) and data_home == "":
                data_home = folder
            try:
                function(data_home=data_home, **parameters)
            except OSError as error:
                # Where no file is, it is told; others are of the system, by name.
                if not str(error):
                    raise
        return {}

    return call


def found(data_home):
    """Find a folder where nothing else is."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        try:
            return {"is_folder": os.path.isdir(datasets.get_data_home(data_home))}
        except OSError as error:
            # What the system says of a file that it names.
            raise UserError(str(error)) from error


SEED = parameter(0, seed)
SPLIT = parameter("correct", one_of("correct", "paper", None))
PIXELS = parameter("uint8", one_of("uint8", "float32"))
EMPTY = parameter("", home, but=["NoneType None"], also=HOMES)


DATA = [
    EntryPoint(
        "datasets.fetch_imdb, files",
        fetch_reviews,
        {
            "files": Argument(reviews, FILES, always),
            "subset": parameter("all", one_of("all", "train", "test")),
            "split": SPLIT,
            "as_frame": parameter(True, flag),
            "random_state": SEED,
        },
        check_reviews,
        ("skpoison.datasets.fetch_imdb",),
    ),
    EntryPoint(
        "datasets.fetch_adult",
        fetch(lambda **given: datasets.fetch_adult(download_if_missing=False, **given)),
        {
            "data_home": EMPTY,
            "subset": parameter("train", one_of("train", "test", "all")),
            "encoding": parameter(None, one_of(None, "paper")),
            "balance": parameter(None, one_of(None, "undersample", "paper")),
            "as_frame": parameter(True, flag),
            "return_X_y": parameter(False, flag),
            "random_state": SEED,
        },
        covers=("skpoison.datasets.fetch_adult",),
    ),
    EntryPoint(
        "datasets.fetch_cifar10",
        fetch(
            lambda **given: datasets.fetch_cifar10(download_if_missing=False, **given)
        ),
        {
            "data_home": EMPTY,
            "subset": parameter("all", one_of("all", "train", "test")),
            "split": SPLIT,
            "dtype": PIXELS,
            "return_X_y": parameter(False, flag),
            "random_state": SEED,
        },
        covers=("skpoison.datasets.fetch_cifar10",),
    ),
    EntryPoint(
        "datasets.fetch_utkface",
        fetch(datasets.fetch_utkface),
        {
            "data_home": EMPTY,
            "task": parameter("gender", one_of("gender", "race")),
            "min_age": parameter(15, count(0)),
            "size": parameter(None, either(one_of(None), count(1))),
            "split": SPLIT,
            "dtype": PIXELS,
            "return_X_y": parameter(False, flag),
            "random_state": SEED,
        },
        covers=("skpoison.datasets.fetch_utkface",),
    ),
]
ENTRIES = [
    *DATA,
    EntryPoint(
        "datasets.get_data_home",
        found,
        {"data_home": EMPTY},
        covers=("skpoison.datasets.get_data_home",),
    ),
]
