"""The faces of UTKFace, from the official folder of images."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import io
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from skpoison.datasets._cache import cached, fingerprint
from skpoison.datasets._source import Source, visible

SOURCE = Source(
    "fetch_utkface", "UTKFace", "https://susanqq.github.io/UTKFace/", "utkface"
)
FOLDER = "UTKFace"
GENDERS = ["male", "female"]
RACES = ["White", "Black", "Asian", "Indian", "other"]
AGES = 1, 116
# A small file may unpack to more than the memory holds.
MOST_PIXELS = 10**7
NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_\d+ ?(\.?jpg)(\.chip\.jpg)?")
# The official files whose names tell no race.
WITHOUT_RACE = {
    "39_1_20170116174525125.jpg.chip.jpg",
    "61_1_20170109142408075.jpg.chip.jpg",
    "61_1_20170109150557335.jpg.chip.jpg",
}


class Counts(NamedTuple):
    """What is known of the whole data set before it is read."""

    n_faces: int
    n_female: int


OFFICIAL = Counts(23_705, 11_314)


def find_folder(home):
    """Return the folder of images; OSError says where to put it."""
    places = SOURCE.places(home, FOLDER)
    folder = next((path for path in places if path.is_dir()), None)
    if folder is None:
        last = (
            "Choose the aligned and cropped faces there; the authors ask for a form, "
            "so that this function downloads nothing."
        )
        raise OSError(SOURCE.missing(home, FOLDER, f"the folder {FOLDER}", last))
    return folder


def list_faces(folder):
    """List the images in order of name, and what their names say, as a frame."""
    paths = [path for path in visible(folder) if path.name not in WITHOUT_RACE]
    table = pd.DataFrame(
        [_parse(path) for path in paths],
        columns=["age", "gender", "race"],
        dtype=np.int64,
    )
    _check_complete(table, folder)
    return paths, table


def read_faces(paths, size, cache):
    """Read the images, of shape (n, 3, height, width), and which files are equal.

    `cache` is the path of a file that keeps them, or None.
    """
    arrays = cached(cache, fingerprint(paths, size), lambda: _read(paths, size))
    return arrays["images"], arrays["group"]


def cache_path(home, size):
    """Return the path of the file that keeps the images in one size."""
    return Path(home) / "cache" / f"utkface-{size or 'original'}.npz"


def _parse(path):
    match = NAME.fullmatch(path.name)
    if match is None or not AGES[0] <= int(match[1]) <= AGES[1]:
        problem = (
            "its name must be <age>_<gender>_<race>_<date and time>.jpg.chip.jpg with "
            f"an age of {AGES[0]} to {AGES[1]}, a gender of 0 or 1 and a race of 0 to 4"
        )
        raise ValueError(SOURCE.damaged(path, problem))
    return [int(match[number]) for number in (1, 2, 3)]


def _check_complete(table, folder):
    got = Counts(len(table), int(table["gender"].sum()))
    if got != OFFICIAL:
        problem = (
            f"expected {OFFICIAL.n_faces} images whose names tell a race, "
            f"{OFFICIAL.n_female} of them female, got {got.n_faces} and {got.n_female}"
        )
        raise ValueError(SOURCE.damaged(folder, problem))


def _read(paths, size):
    pillow = _import_pillow()
    first, _ = _read_image(pillow, paths[0], size)
    images = np.empty((len(paths), 3, *first.shape[:2]), dtype=np.uint8)
    digests = []
    for row, path in enumerate(paths):
        image, digest = _read_image(pillow, path, size)
        _check_shape(image, first, paths[0], path)
        images[row] = image.transpose(2, 0, 1)
        digests.append(digest)
    group = pd.factorize(np.array(digests))[0].astype(np.int64)
    return {"images": images, "group": group}


def _import_pillow():
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "fetch_utkface needs Pillow to read the images: pip install "
            "'skpoison[images]'."
        ) from error
    return Image


def _read_image(pillow, path, size):
    content = path.read_bytes()
    image = _resize(pillow, _decode(pillow, content, path), size, path)
    return np.asarray(image), hashlib.sha256(content).hexdigest()


def _decode(pillow, content, path):
    try:
        with pillow.open(io.BytesIO(content), formats=["JPEG", "PNG"]) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it has {image.width} x {image.height} pixels")
            return image.convert("RGB")
    # Pillow raises SyntaxError for a broken PNG.
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        problem = f"it is no whole image ({error})"
        raise ValueError(SOURCE.damaged(path, problem)) from error


def _resize(pillow, image, size, path):
    if size is None or image.size == (size, size):
        return image
    if image.width != image.height:
        problem = f"only squares can be resized, got {image.width} x {image.height}"
        raise ValueError(SOURCE.damaged(path, problem))
    return image.resize((size, size), pillow.Resampling.LANCZOS)


def _check_shape(image, first, first_path, path):
    if image.shape != first.shape:
        raise ValueError(
            f"fetch_utkface needs images of one size, got {_size(image)} in {path} and "
            f"{_size(first)} in {first_path}; pass size={min(first.shape[:2])}, say, "
            f"to resize all."
        )


def _size(image):
    return f"{image.shape[1]} x {image.shape[0]}"
