"""Files are whole whatever happens, and what killed runs left is cleared away."""

import errno
import os
import signal
import time

import pytest

from skpoison.utils import _whole_file
from skpoison.utils._whole_file import Lock, work_folder, write_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def killed_at(step, work):
    """Do some work in a process that is killed before a step of it."""
    number = os.fork()
    if number == 0:
        setattr(os, step, lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL))
        work()
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(number, 0)[1]) == signal.SIGKILL


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_what_a_killed_run_left_goes_with_the_next(tmp_path, step):
    path = tmp_path / "report.html"
    write_whole(path, b"old", 0o644)
    killed_at(step, lambda: write_whole(path, b"new", 0o644))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == [
        ".report.html.lock",
        ".report.html.part",
        "report.html",
    ]
    write_whole(path, b"new", 0o644)
    assert names(tmp_path) == ["report.html"]
    assert path.read_bytes() == b"new"


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_folder_of_a_killed_run_goes_with_the_next(tmp_path):
    def work():
        with work_folder(tmp_path / "data") as folder:
            (folder / "archive").write_bytes(b"half")
            os.stop()

    os.stop = None
    try:
        killed_at("stop", work)
    finally:
        del os.stop
    assert ".data.work" in names(tmp_path)
    with work_folder(tmp_path / "data") as folder:
        assert names(folder) == []
    assert names(tmp_path) == []


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_process_does_not_keep_a_lock_for_one_that_is_dead(tmp_path):
    path = tmp_path / "audit.csv"
    lock = Lock(path)
    number = os.fork()
    if number == 0:
        time.sleep(60)
        os._exit(0)
    # As when this process is killed: nobody removes the name.
    lock.leave()
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                Lock(path).close()
                break
            except BlockingIOError:  # the other process is not that far
                assert time.monotonic() < deadline
                time.sleep(0.01)
    finally:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
    assert names(tmp_path) == []


def test_a_file_that_another_process_writes_is_written_all_the_same(tmp_path):
    path = tmp_path / "report.html"
    with Lock(path):
        write_whole(path, b"new", 0o600)
        assert names(tmp_path) == [".report.html.lock", "report.html"]


def test_a_lock_is_no_link_to_elsewhere(tmp_path):
    (tmp_path / ".audit.csv.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        Lock(tmp_path / "audit.csv")
    assert not (tmp_path / "elsewhere").exists()


def test_folders_that_cannot_be_synced_will_do(tmp_path, monkeypatch):
    genuine = os.fsync

    def fsync(file):
        if os.path.isdir(f"/proc/self/fd/{file}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        genuine(file)

    monkeypatch.setattr(_whole_file.os, "fsync", fsync)
    write_whole(tmp_path / "audit.csv", b"new", 0o600)
    assert (tmp_path / "audit.csv").read_bytes() == b"new"
