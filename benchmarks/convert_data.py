"""Turn packed copies of CIFAR-10, IMDB and UTKFace into the official layouts.

    python benchmarks/convert_data.py ../shared/data data_home
    python benchmarks/convert_data.py ../shared/data data_home --only imdb
    SKPOISON_DATA_HOME=data_home python ...

The first folder has the packed copies and the module ``load.py`` that reads them. In
the second, which is created, the functions ``fetch_cifar10``, ``fetch_imdb`` and
``fetch_utkface`` of skpoison.datasets find what they read:

``cifar10/cifar-10-batches-py``
    The Python version: pickled dicts. The names of the images are made up, as the
    packed copy has none. 186 MB, in some ten seconds.

``imdb/aclImdb``
    A text file for each review, and the addresses of the movies; without the reviews
    that have no label. 50,000 files, 66 MB of text, in some five seconds.

``utkface/UTKFace``
    23,705 JPEG files of 64 x 64 pixels under their official names. The packed copy is
    JPEG of quality 92 without subsampling, and so are the files: the same tables on the
    same blocks lose next to nothing, 67 dB. Copies of one original stay byte for byte
    the same. 61 MB, in some ten seconds.

A folder that is there already is left alone. Needs pandas, pyarrow and Pillow.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import importlib.util
import pickle
import tempfile
from pathlib import Path

import numpy as np

CLASSES = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
]
LABELS = {0: "neg", 1: "pos"}


def write_cifar10(folder, train, test, batch_size=10_000):
    """Write the batches of pairs of images (n, 32, 32, 3) and classes (n,)."""
    for number, start in enumerate(range(0, len(train[1]), batch_size), 1):
        rows = slice(start, start + batch_size)
        title = f"training batch {number} of {len(train[1]) // batch_size}"
        batch = cifar10_batch(train[0][rows], train[1][rows], title)
        dump(folder / f"data_batch_{number}", batch)
    dump(folder / "test_batch", cifar10_batch(*test, "testing batch 1 of 1"))
    meta = {
        b"num_cases_per_batch": batch_size,
        b"label_names": [name.encode() for name in CLASSES],
        b"num_vis": 3072,
    }
    dump(folder / "batches.meta", meta)


def cifar10_batch(images, classes, title):
    """Arrange one batch: a row of red, then green, then blue pixels for each image."""
    planes = np.asarray(images).transpose(0, 3, 1, 2)
    names = [f"{CLASSES[label]}_s_{row:06d}.png" for row, label in enumerate(classes)]
    return {
        b"batch_label": title.encode(),
        b"labels": [int(label) for label in classes],
        b"data": np.ascontiguousarray(planes).reshape(len(planes), -1),
        b"filenames": [name.encode() for name in names],
    }


def dump(path, batch):
    """Pickle as NumPy arrays and plain data, which fetch_cifar10 insists on."""
    with path.open("wb") as file:
        pickle.dump(batch, file, protocol=3)


def write_imdb(folder, frame):
    """Write the columns text, label, split, rating, movie and id of a frame."""
    for (split, label), part in frame.groupby(["split", "label"]):
        part = part.sort_values("id")
        reviews = folder / split / LABELS[label]
        reviews.mkdir(parents=True)
        for text, number, rating in zip(
            part["text"], part["id"], part["rating"], strict=True
        ):
            (reviews / f"{number}_{rating}.txt").write_bytes(text.encode())
        addresses = [
            f"http://www.imdb.com/title/{movie}/usercomments\n"
            for movie in part["movie"]
        ]
        urls = folder / split / f"urls_{LABELS[label]}.txt"
        urls.write_text("".join(addresses), encoding="utf-8")


def write_utkface(folder, names, images):
    """Write images of shape (n, height, width, 3) as JPEG files."""
    from PIL import Image

    for name, image in zip(names, images, strict=True):
        Image.fromarray(image).save(folder / name, "JPEG", quality=92, subsampling=0)


def convert_cifar10(load, folder):
    """Unpack and write CIFAR-10."""
    write_cifar10(folder, *load.cifar10())


def convert_imdb(load, folder):
    """Unpack and write IMDB."""
    write_imdb(folder, load.imdb())


def convert_utkface(load, folder):
    """Unpack and write UTKFace."""
    faces = load.utkface()
    write_utkface(folder, faces["name"], faces["x"])


CONVERSIONS = {
    "cifar10": (convert_cifar10, "cifar10/cifar-10-batches-py"),
    "imdb": (convert_imdb, "imdb/aclImdb"),
    "utkface": (convert_utkface, "utkface/UTKFace"),
}


def convert(name, load, home):
    """Write one data set below `home`, as a whole or not at all."""
    write, place = CONVERSIONS[name]
    target = Path(home) / place
    if target.exists():
        return f"{target} is there already"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".convert-") as work:
        folder = Path(work) / target.name
        folder.mkdir()
        write(load, folder)
        folder.rename(target)
    return f"{target} is written"


def import_load(packed):
    """Import the module that reads the packed copies from their folder."""
    spec = importlib.util.spec_from_file_location("load", Path(packed) / "load.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    """Convert what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packed", help="folder with load.py and the packed copies")
    parser.add_argument("home", help="folder to write to")
    parser.add_argument("--only", nargs="+", choices=CONVERSIONS, default=CONVERSIONS)
    arguments = parser.parse_args()
    load = import_load(arguments.packed)
    for name in arguments.only:
        print(convert(name, load, arguments.home))


if __name__ == "__main__":
    main()
