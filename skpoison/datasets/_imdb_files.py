"""The reviews of IMDB, from the official folder of text files."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import re
from pathlib import Path

import numpy as np
import pandas as pd

from skpoison.datasets._cache import cached, fingerprint
from skpoison.datasets._download import DownloadError, download_folder
from skpoison.datasets._source import Source, visible

SOURCE = Source(
    "fetch_imdb",
    "IMDB large movie reviews",
    "https://ai.stanford.edu/~amaas/data/sentiment/",
    "imdb",
)
URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
FOLDER = "aclImdb"

SENTIMENTS = ["negative", "positive"]
# The folders of the sentiments, in their order, and the ratings in them.
RATINGS = {"neg": (1, 4), "pos": (7, 10)}
# Of each sentiment in each of train and test.
N_REVIEWS = 12_500
NUMBERS = ["sentiment", "rating", "id"]
NAME = re.compile(r"(\d+)_(\d+)\.txt")
MOVIE = re.compile(r"https?://\S*/title/(tt\d+)(/\S*)?")


def find_folder(home, names, download):
    """Return the folder that has the named splits, downloading it if need be."""
    folder = _find(home, names)
    if folder is not None:
        return folder
    content = " and ".join(f"{FOLDER}/{name}" for name in names)
    if not download:
        last = "Or pass download_if_missing=True, to download the data."
        raise OSError(SOURCE.missing(home, FOLDER, content, last))
    folder = SOURCE.places(home, FOLDER)[0]
    try:
        download_folder(URL, folder, SHA256)
    except DownloadError as error:
        last = f"It tried to get them: {error}."
        raise OSError(SOURCE.missing(home, FOLDER, content, last)) from error
    if _find(home, names) is None:
        raise OSError(SOURCE.damaged(folder, f"{content} are not all in it"))
    return folder


def read_split(folder, cache):
    """Read the reviews below one folder, ``train`` or ``test``, as a frame.

    `cache` is the path of a file that keeps them, or None.
    """
    reviews = {label: visible(folder / label) for label in RATINGS}
    urls = {label: folder / f"urls_{label}.txt" for label in RATINGS}
    key = fingerprint([*reviews["neg"], *reviews["pos"], *urls.values()])
    return _unpack(cached(cache, key, lambda: _pack(_read(folder, reviews, urls))))


def cache_path(home, name):
    """Return the path of the file that keeps the reviews of one split."""
    return Path(home) / "cache" / f"imdb-{name}.npz"


def _find(home, names):
    needed = [
        f"{name}/{part}"
        for name in names
        for label in RATINGS
        for part in (label, f"urls_{label}.txt")
    ]
    complete = (
        folder
        for folder in SOURCE.places(home, FOLDER)
        if all((folder / part).exists() for part in needed)
    )
    return next(complete, None)


def _read(folder, reviews, urls):
    frames = [
        _read_reviews(folder / label, reviews[label], RATINGS[label]).assign(
            sentiment=number, movie=_read_movies(urls[label])
        )
        for number, label in enumerate(RATINGS)
    ]
    return pd.concat(frames, ignore_index=True)


def _read_reviews(folder, paths, ratings):
    rows = sorted(_parse(path, ratings) for path in paths)
    numbers = [number for number, _, _ in rows]
    if numbers != list(range(N_REVIEWS)):
        problem = (
            f"expected {N_REVIEWS} reviews with the numbers 0 to {N_REVIEWS - 1}, got "
            f"{len(numbers)} with {len(set(numbers) & set(range(N_REVIEWS)))} of these"
        )
        raise ValueError(SOURCE.damaged(folder, problem))
    texts = [_read_text(path) for _, _, path in rows]
    return pd.DataFrame(
        {"text": texts, "rating": [rating for _, rating, _ in rows], "id": numbers}
    )


def _parse(path, ratings):
    match = NAME.fullmatch(path.name)
    if match is None or not ratings[0] <= int(match[2]) <= ratings[1]:
        problem = (
            f"its name must be <number>_<rating>.txt with a rating of {ratings[0]} to "
            f"{ratings[1]}"
        )
        raise ValueError(SOURCE.damaged(path, problem))
    return int(match[1]), int(match[2]), path


def _read_text(path):
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(SOURCE.damaged(path, f"it is no UTF-8 ({error})")) from error
    if not text.strip():
        raise ValueError(SOURCE.damaged(path, "it has no text"))
    return text


def _read_movies(path):
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if len(lines) != N_REVIEWS:
        problem = f"expected {N_REVIEWS} lines, got {len(lines)}"
        raise ValueError(SOURCE.damaged(path, problem))
    return [_movie(line, f"{path}, line {row}") for row, line in enumerate(lines, 1)]


def _movie(line, where):
    match = MOVIE.fullmatch(line.strip())
    if match is None:
        problem = f"expected an address with /title/tt<number>/, got {line!r}"
        raise ValueError(SOURCE.damaged(where, problem))
    return match[1]


def _pack(frame):
    """Turn the frame into arrays that need no pickle."""
    texts = [text.encode() for text in frame["text"]]
    return {
        "text": np.frombuffer(b"".join(texts), dtype=np.uint8),
        "length": np.array([len(text) for text in texts], dtype=np.int64),
        "movie": np.array([movie.encode() for movie in frame["movie"]]),
        **{name: frame[name].to_numpy(dtype=np.int64) for name in NUMBERS},
    }


def _unpack(arrays):
    text, stops = arrays["text"].tobytes(), np.cumsum(arrays["length"])
    starts = stops - arrays["length"]
    columns = {
        "text": [text[i:j].decode() for i, j in zip(starts, stops, strict=True)],
        "movie": arrays["movie"].astype(str),
    }
    return pd.DataFrame(columns | {name: arrays[name] for name in NUMBERS})
