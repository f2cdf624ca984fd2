"""Files that are whole at any moment, whatever becomes of the process or the disk."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import contextlib
import errno
import os
import secrets
import shutil
import tempfile
import weakref
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: two processes at one file are not told apart
    fcntl = None

# What file systems say that have no locks, or that do not sync folders.
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP}
NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)


class Lock:
    """What one process at a time can hold beside a file; it is free when that one ends.

    Parameters
    ----------
    path : Path
        The file. The lock is another one beside it, with its name in it.

    Attributes
    ----------
    is_held : bool
        False where the file system has no locks: others may be at the file.

    Raises
    ------
    BlockingIOError
        If another process holds it.
    """

    def __init__(self, path):
        self._name = path.with_name(f".{path.name}.lock")
        self._file = None
        while self._file is None and fcntl is not None:
            self._file, self.is_held = _try(self._name)
        if fcntl is None:
            self.is_held = False
        _held.add(self)

    def close(self):
        """Let another process have it."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._name)
        self.leave()

    def leave(self):
        """Forget it, as a forked process must, or it keeps it for one that is dead."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


_held = weakref.WeakSet()


def _leave_all():
    for lock in list(_held):
        lock.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


def _try(name):
    """Open the file of a lock, and whether it is locked; None to try again."""
    file = os.open(name, APPEND, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it before may have removed the name since it was opened.
        if os.path.samestat(os.fstat(file), os.stat(name)):
            return file, True
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno in NO_LOCKS:
            return file, False
        os.close(file)
        raise
    except BaseException:
        os.close(file)
        raise
    os.close(file)
    return None, False


def write_whole(path, content, mode, *, lock=None):
    """Replace a file in one step: the old or the new one is there, whole.

    Parameters
    ----------
    path : Path
        The file.

    content : bytes
        What is to be in it.

    mode : int
        Who may read and write it.

    lock : Lock, default=None
        That of the file. `None` takes one, or does without where another process has
        it.
    """
    if lock is None:
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(BlockingIOError):
                lock = stack.enter_context(Lock(path))
            _replace(path, content, mode, is_alone=lock is not None and lock.is_held)
        return
    _replace(path, content, mode, is_alone=lock.is_held)


def _replace(path, content, mode, *, is_alone):
    # Those who are alone find, and remove, what a run left that was killed.
    mark = "" if is_alone else f".{secrets.token_hex(4)}"
    draft = path.with_name(f".{path.name}{mark}.part")
    if is_alone:
        draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, CREATE, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode != 0o600:
            os.chmod(draft, mode)
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextlib.contextmanager
def work_folder(target):
    """Private folder beside a target, which is gone afterwards.

    What a run left there that was killed is removed.

    Parameters
    ----------
    target : Path
        What is being made; the folder that it goes to exists.

    Yields
    ------
    folder : Path
        A new folder.
    """
    with contextlib.ExitStack() as stack:
        lock = None
        with contextlib.suppress(BlockingIOError):
            lock = stack.enter_context(Lock(target))
        folder = target.with_name(f".{target.name}.work")
        if lock is not None and lock.is_held:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        else:  # another process may be at it
            folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{folder.name}-"))
        try:
            yield folder
        finally:
            # Where that fails, on a disk that does, what failed before is to be told.
            shutil.rmtree(folder, ignore_errors=True)


def mode_of_new_files():
    """Who may read and write a file that a program makes without a word about it."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder):
    if os.name == "nt":  # folders cannot be opened there
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
    finally:
        os.close(fd)
