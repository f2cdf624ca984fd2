"""The images of CIFAR-10, from the official Python or binary batches."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.datasets._download import DownloadError, download_folder
from skpoison.datasets._plain_pickle import load_plain
from skpoison.datasets._source import Source

SITE = "https://www.cs.toronto.edu/~kriz"
SOURCE = Source("fetch_cifar10", "CIFAR-10", f"{SITE}/cifar.html", "cifar10")
URL = f"{SITE}/cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"

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
BATCHES = {
    "train": [f"data_batch_{number}" for number in range(1, 6)],
    "test": ["test_batch"],
}
PYTHON, BINARY = "cifar-10-batches-py", "cifar-10-batches-bin"
N_PIXELS = 3 * 32 * 32
# A batch has this many rows, and a split the same number of every class.
BATCH_SIZE = 10_000


def read_splits(home, names, download):
    """Read the named splits: images of shape (n, 3, 32, 32), classes, and files."""
    batches = {name: BATCHES[name] for name in names}
    folder = _find(home, batches) or _download(home, batches, download)
    images, labels, files = [], [], []
    for name in names:
        read = [_read(folder, batch) for batch in batches[name]]
        _check_classes(np.concatenate([part[1] for part in read]), name, folder)
        for pixels, classes, path in read:
            images.append(pixels.reshape(-1, 3, 32, 32))
            labels.append(classes)
            files.append(str(path))
    return np.concatenate(images), np.concatenate(labels), files


def _find(home, batches):
    folders = [
        path for layout in (PYTHON, BINARY) for path in SOURCE.places(home, layout)
    ]
    needed = [batch for names in batches.values() for batch in names]
    complete = (
        folder
        for folder in folders
        if all(_path(folder, batch).is_file() for batch in needed)
    )
    return next(complete, None)


def _path(folder, batch):
    return folder / (f"{batch}.bin" if folder.name == BINARY else batch)


def _download(home, batches, download):
    content = ", ".join(batch for names in batches.values() for batch in names)
    if not download:
        last = (
            f"The binary version, in a folder {BINARY}, will do as well. Or pass "
            f"download_if_missing=True, to download the data."
        )
        raise OSError(SOURCE.missing(home, PYTHON, content, last))
    folder = SOURCE.places(home, PYTHON)[0]
    try:
        download_folder(URL, folder, SHA256)
    except DownloadError as error:
        last = f"It tried to get them: {error}."
        raise OSError(SOURCE.missing(home, PYTHON, content, last)) from error
    if _find(home, batches) is None:
        raise OSError(SOURCE.damaged(folder, f"{content} are not all in it"))
    return folder


def _read(folder, batch):
    path = _path(folder, batch)
    pixels, labels = (_read_binary if folder.name == BINARY else _read_python)(path)
    known = np.isin(labels, np.arange(len(CLASSES)))
    if not known.all():
        problem = f"labels must be 0 to 9, got {labels[~known][0]}"
        raise ValueError(SOURCE.damaged(path, problem))
    return pixels, labels.astype(np.int64), path


def _read_binary(path):
    raw = np.fromfile(path, dtype=np.uint8)
    n_bytes = BATCH_SIZE * (1 + N_PIXELS)
    if raw.size != n_bytes:
        problem = f"expected {n_bytes} bytes, got {raw.size}"
        raise ValueError(SOURCE.damaged(path, problem))
    rows = raw.reshape(BATCH_SIZE, 1 + N_PIXELS)
    return rows[:, 1:], rows[:, 0]


def _read_python(path):
    try:
        batch = load_plain(path)
    except ValueError as error:
        problem = f"it is no pickle of plain data ({error})"
        raise ValueError(SOURCE.damaged(path, problem)) from error
    keys = list(batch) if isinstance(batch, dict) else type(batch).__name__
    if not {b"data", b"labels"} <= set(keys):
        problem = f"expected a dict with the keys b'data' and b'labels', got {keys}"
        raise ValueError(SOURCE.damaged(path, problem))
    return _pixels(batch[b"data"], path), _labels(batch[b"labels"], path)


def _pixels(data, path):
    shape, dtype = getattr(data, "shape", None), getattr(data, "dtype", None)
    if shape != (BATCH_SIZE, N_PIXELS) or dtype != np.uint8:
        problem = (
            f"b'data' must be an array of dtype uint8 and shape "
            f"({BATCH_SIZE}, {N_PIXELS}), got {type(data).__name__} of dtype {dtype} "
            f"and shape {shape}"
        )
        raise ValueError(SOURCE.damaged(path, problem))
    return data


def _labels(labels, path):
    whole = isinstance(labels, list) and all(type(label) is int for label in labels)
    if not whole or len(labels) != BATCH_SIZE:
        problem = f"b'labels' must be a list of {BATCH_SIZE} integers"
        raise ValueError(SOURCE.damaged(path, problem))
    return np.array(labels)


def _check_classes(labels, name, folder):
    expected = labels.size // len(CLASSES)
    counts = np.bincount(labels, minlength=len(CLASSES))
    if (counts != expected).any():
        problem = (
            f"expected {expected} {name} images of every class, got {counts.tolist()}"
        )
        raise ValueError(SOURCE.damaged(folder, problem))
