"""What an audit has done so far, on disk, so that it need not be done again."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import contextlib
import errno
import hashlib
import os
import stat
from importlib import import_module
from pathlib import Path

from skpoison.audit._checkpoint_format import Refused
from skpoison.utils._whole_file import Lock, write_whole

SUFFIXES = (".csv", ".parquet")
REMEDIES = {errno.EAGAIN: "Let that one end"} | dict.fromkeys(
    (errno.ENOSPC, errno.EDQUOT), "Make room"
)
MEND = "Mend that"
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
        self._rows = {}
        self._lines = {}
        self._lock = None
        self._digest = None

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
            self._lock = Lock(self.path)
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
                f"until then. {REMEDIES.get(error.errno, MEND)} and run the same audit "
                "again: it goes on from there.",
            ) from error
        self._rows, self._lines = all_rows, all_lines

    def close(self):
        """Let other processes use the file."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is not None and not self._rows:
            # It would stand in the way of the audit that is run once this is mended.
            with contextlib.suppress(OSError):
                self.path.unlink()
        elif error is not None:
            self._tell_what_is_kept(error)
        self.close()

    def _tell_what_is_kept(self, error):
        told = [str(error), *getattr(error, "__notes__", [])]
        if not any(repr(str(self.path)) in text for text in told):
            error.add_note(
                f"{self._name} holds the {len(self)} rows that were done until then: "
                "the same fit goes on from there."
            )

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
        if not self._lock.is_held:
            self._check_that_nobody_else_wrote()
        mode = self.path.stat().st_mode if self.path.exists() else 0o600
        write_whole(self.path, content, stat.S_IMODE(mode), lock=self._lock)
        self._digest = hashlib.sha256(content).digest()

    def _check_that_nobody_else_wrote(self):
        if self._digest is None or not self.path.exists():
            return
        if hashlib.sha256(self.path.read_bytes()).digest() != self._digest:
            raise BlockingIOError(
                errno.EAGAIN,
                "another process writes it, on a file system that has no locks",
            )

    @property
    def _name(self):
        return f"checkpoint={str(self.path)!r} of {self._schema.audit}"

    def _error(self, error, what, remedy):
        return type(error)(error.errno, f"{self._name} {what}. {remedy}")


def _check_key(key):
    if all(isinstance(text, str) for pair in key.items() for text in pair):
        return key
    raise TypeError(f"key of a checkpoint must be texts by texts. Got {key!r}.")


def _kind(mode):
    if stat.S_ISLNK(mode):
        return "it is a symbolic link; name the file itself"
    return "it is a folder" if stat.S_ISDIR(mode) else "it is no regular file"
