"""Download an archive so that a folder is there as a whole or not at all."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import tarfile
import zlib
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from skpoison.utils._whole_file import work_folder

TIMEOUT = 60.0  # seconds without an answer
CHUNK = 1 << 20


class DownloadError(OSError):
    """A download that gave no complete folder."""


def download_folder(url, target, sha256=None):
    """Get the folder named as `target` out of a tar archive and put it at `target`.

    Everything happens in a temporary folder beside `target`, which is moved at the end.
    """
    target = Path(target)
    if target.exists():
        raise DownloadError(f"{target} is there but incomplete; remove or complete it")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with work_folder(target) as work:
            archive = _download(url, work / "archive", sha256)
            _unpack(archive, work / "unpacked")
            _put(work / "unpacked" / target.name, target)
    except DownloadError:
        raise
    # ValueError: a URL or an answer that is no HTTP.
    except (
        OSError,
        HTTPException,
        ValueError,
        EOFError,
        tarfile.TarError,
        zlib.error,
    ) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DownloadError(f"the download of {url} failed: {reason}") from error


def _put(folder, target):
    try:
        folder.rename(target)
    except OSError:
        # Another process that downloads it may have been first.
        if not (folder.is_dir() and target.is_dir()):
            raise


def _download(url, path, sha256):
    if not url.startswith(("https://", "http://")):
        raise ValueError("addresses begin with https://")
    digest, n_bytes = hashlib.sha256(), 0
    response = urlopen(url, timeout=TIMEOUT)  # nosec B310 # the scheme is checked
    with response, path.open("wb") as file:
        while chunk := response.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            n_bytes += len(chunk)
        announced = response.headers.get("Content-Length")
    # A connection that breaks off looks like the end of the file.
    if announced is not None and n_bytes != int(announced):
        raise DownloadError(
            f"the download of {url} broke off after {n_bytes} of {announced} bytes"
        )
    if sha256 is not None and digest.hexdigest() != sha256:
        raise DownloadError(
            f"what {url} gave has the sha256 {digest.hexdigest()}, not {sha256}"
        )
    return path


def _unpack(archive, folder):
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
