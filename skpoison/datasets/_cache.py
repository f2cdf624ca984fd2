"""Keep what was read from many small files in one file that is fast to read."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import warnings
import zipfile
import zlib

import numpy as np

from skpoison.utils._whole_file import work_folder

# To be raised where the arrays of a reader change.
FORMAT = 1
DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


def cached(path, key, read):
    """Return the dict of arrays in the file at `path`, or else `read()`, and keep it.

    The file counts if it was written for the same `key` and is whole. With
    ``path=None`` nothing is kept.
    """
    if path is None:
        return read()
    arrays = _load(path, key)
    if arrays is None:
        arrays = read()
        _save(path, key, arrays)
    return arrays


def fingerprint(paths, *settings):
    """Digest the names, sizes and times of files, and the settings they are read with.

    A file that is replaced changes the digest; its content is not read.
    """
    digest = hashlib.sha256(repr((FORMAT, *settings)).encode())
    for path in paths:
        stat = path.stat()
        entry = path.parent.name, path.name, stat.st_size, stat.st_mtime_ns
        digest.update(repr(entry).encode())
    return digest.hexdigest()


def _load(path, key):
    if not path.is_file():
        return None
    try:
        # np.load stops at the end of an array, before a checksum would tell.
        with zipfile.ZipFile(path) as file:
            broken = file.testzip()
        if broken is not None:
            raise ValueError(f"the checksum of {broken} is wrong")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        # A file whose table of contents is cut looks like a shorter one.
        if arrays.pop("names").tolist() != sorted({*arrays} - {"key"}):
            raise ValueError("arrays are missing")
        return arrays if str(arrays.pop("key")) == key else None
    except DAMAGE as error:
        warnings.warn(
            f"The cache {path} is damaged ({error}); the original files are read again "
            f"and the cache is replaced.",
            UserWarning,
            stacklevel=2,
        )
        return None


def _save(path, key, arrays):
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with work_folder(path) as work:
            whole = work / path.name
            about = {"key": np.array(key), "names": np.array(sorted(arrays))}
            np.savez(whole, **about, **arrays)
            whole.replace(path)
    except OSError as error:
        warnings.warn(
            f"The cache {path} could not be written ({error}), so that the next call "
            f"reads the original files again; pass cache=False, or make room.",
            UserWarning,
            stacklevel=2,
        )
