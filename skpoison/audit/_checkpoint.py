"""What an audit has done so far, on disk, so that it need not be done again."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import contextlib
import errno
import os
import stat
from importlib import import_module
from pathlib import Path

from skpoison.audit._checkpoint_format import Refused

try:
    import fcntl
except ImportError:  # Windows: two audits on one checkpoint are not told apart
    fcntl = None

SUFFIXES = (".csv", ".parquet")
ELSEWHERE = "Make room, or name a file where you may write. No model was trained yet."


class Checkpoint:
    """Rows of an audit in a CSV or Parquet file, which is complete at any moment.

    Make one by `open`, and use it as a context manager: it holds a lock.

    Parameters
    ----------
    path : path-like
        The file.

    key : dict of str to str
        What makes this audit this audit.

    schema : Schema
        What is in a row.
    """

    def __init__(self, path, key, schema):
        self.path, self._key, self._schema = Path(path), dict(key), schema
        self._parquet = self.path.suffix.lower() == ".parquet"
        self._temporary = self.path.with_name(f".{self.path.name}.part")
        self._rows = {}
        self._lines = {}
        self._lock = None

    @classmethod
    def open(cls, path, key, schema):
        """Open the checkpoint of an audit, or start one; the file is there afterwards.

        Parameters
        ----------
        path : path-like
            The file, .csv or .parquet. One that is there must be a checkpoint of the
            same audit, or it is refused and left as it is.

        key : dict of str to str
            What makes this audit this audit: a file with another key is refused.

        schema : Schema
            What is in a row.

        Returns
        -------
        checkpoint : Checkpoint
            Holds the rows that are done.
        """
        self = cls(path, _check_key(key), schema)
        self._check_path()
        try:
            self._lock = _lock(self.path)
            if os.path.lexists(self.path):
                self._read()
            # Also where nothing is new: it shows that the file can be written.
            self._write(self._rows, self._lines)
        except BaseException as error:
            self.close()
            if isinstance(error, BlockingIOError):
                raise self._error(
                    error, "is in use by another process", "Wait, or name another file."
                ) from error
            if isinstance(error, OSError):
                raise self._error(
                    error, f"cannot be written or read: {error.strerror}", ELSEWHERE
                ) from error
            raise
        return self

    @property
    def rows(self):
        """What is done: a DataFrame, sorted by the key of the rows."""
        return self._schema.as_frame([self._rows[k] for k in sorted(self._rows)])

    def __len__(self):
        return len(self._rows)

    def add(self, rows):
        """Add rows and write the file.

        Parameters
        ----------
        rows : list of dict or DataFrame
            New rows. A column that a row lacks, or that is None or NaN, is empty.
        """
        records = rows.to_dict("records") if hasattr(rows, "to_dict") else rows
        new = [self._schema.as_row(record) for record in records]
        added = {self._schema.row_key(row): row for row in new}
        if len(added) < len(new) or not self._rows.keys().isdisjoint(added):
            raise ValueError("These rows are in the checkpoint already.")
        all_rows = self._rows | added
        all_lines = self._lines | {
            k: self._schema.as_line(row) for k, row in added.items()
        }
        try:
            self._write(all_rows, all_lines)
        except OSError as error:
            raise self._error(
                error,
                f"cannot be written any more: {error.strerror}",
                f"The file is intact and holds the {len(self)} rows that were done "
                "until then. Make room and run the same audit again: it goes on from "
                "there.",
            ) from error
        self._rows, self._lines = all_rows, all_lines

    def close(self):
        """Let other processes use the file."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._lock.name)
            self._lock.close()
            self._lock = None

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        if exc_info[0] is not None and not self._rows:
            # It would stand in the way of the audit that is run once this is mended.
            with contextlib.suppress(OSError):
                self.path.unlink()
        self.close()

    def _check_path(self):
        if self.path.suffix.lower() not in SUFFIXES:
            raise ValueError(
                f"{self._name} must end in .csv or .parquet, which is its format."
            )
        if self._parquet:
            try:
                import_module("pyarrow.parquet")
            except ImportError as error:
                raise ImportError(
                    f"{self._name} needs the package pyarrow, which is not installed. "
                    "Install it (pip install pyarrow), or name a .csv file."
                ) from error
        if not self.path.parent.is_dir():
            raise FileNotFoundError(
                errno.ENOENT,
                f"{self._name} is to go into the folder {str(self.path.parent)!r}, "
                "which does not exist. Make it first.",
            )

    def _read(self):
        """Take over what the file holds, or refuse it."""
        try:
            mode = os.lstat(self.path).st_mode
            if not stat.S_ISREG(mode):
                raise Refused(_kind(mode))
            rows = self._schema.read(self.path, self._key, parquet=self._parquet)
        except Refused as error:
            raise ValueError(
                f"{self._name} is there already, and was refused: {error}. It was left "
                "as it is. Name another file, or remove this one to start afresh."
            ) from error
        self._rows = {self._schema.row_key(row): row for row in rows}
        self._lines = {k: self._schema.as_line(row) for k, row in self._rows.items()}

    def _write(self, rows, lines):
        """Replace the file in one step: the old or the new one is there, whole."""
        order = sorted(rows)
        content = self._schema.encode(
            [rows[k] for k in order],
            [lines[k] for k in order],
            self._key,
            parquet=self._parquet,
        )
        # The rest of a run that was killed; the lock says that no run is at it now.
        self._temporary.unlink(missing_ok=True)
        mode = self.path.stat().st_mode if self.path.exists() else 0o600
        try:
            with os.fdopen(os.open(self._temporary, CREATE, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(self._temporary, stat.S_IMODE(mode))
            os.replace(self._temporary, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            raise
        _sync_folder(self.path.parent)

    @property
    def _name(self):
        return f"checkpoint={str(self.path)!r} of {self._schema.audit}"

    def _error(self, error, what, remedy):
        return type(error)(error.errno, f"{self._name} {what}. {remedy}")


CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


# What file systems say that have no locks.
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP}


def _check_key(key):
    if all(isinstance(text, str) for pair in key.items() for text in pair):
        return key
    raise TypeError(f"key of a checkpoint must be texts by texts. Got {key!r}.")


def _kind(mode):
    if stat.S_ISLNK(mode):
        return "it is a symbolic link; name the file itself"
    return "it is a folder" if stat.S_ISDIR(mode) else "it is no regular file"


def _lock(path):
    """Open file that one process at a time can hold; it is free when that one ends."""
    name = path.with_name(f".{path.name}.lock")
    while fcntl is not None:
        file = open(name, "ab")  # noqa: SIM115 - to be held
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it before may have removed the name since it was opened.
            if os.path.samestat(os.fstat(file.fileno()), os.stat(name)):
                return file
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno in NO_LOCKS:
                return file
            file.close()
            raise
        file.close()


def _sync_folder(folder):
    if os.name == "nt":  # folders cannot be opened there
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
