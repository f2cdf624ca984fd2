"""Audits that are killed or starved go on to the bytes of undisturbed ones."""

import contextlib
import errno
import glob
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import fault_server
import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB

from skpoison import FeatureMatch, SubpopulationAudit
from skpoison.datasets._cache import cached

pytestmark = pytest.mark.usefixtures("interruptible")

SERVER = Path(fault_server.__file__)
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")
STEPS = ("fsync", "fsync after", "replace", "replace after", "unlink", "open after")
# Kind of audit, name of its checkpoint, jobs, and cycles of the long and short run.
SOAKED = [
    ("engine", "audit.csv", None, 80, 3),
    ("no engine", "audit.parquet", None, 70, 3),
    ("defenses", "audit.csv", None, 60, 2),
    ("defenses", "audit.parquet", None, 50, 0),
    ("command line", "audit.csv", None, 50, 2),
    ("engine", "audit.parquet", 2, 6, 0),
    ("defenses", "audit.csv", 2, 6, 0),
]
LEFT = []
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


class Server:
    """Starts audits in processes of their own."""

    def __init__(self, folder):
        env = os.environ | {"JOBLIB_TEMP_FOLDER": str(folder), "OMP_NUM_THREADS": "1"}
        env["PYTHONPATH"] = str(SERVER.parent)
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER)],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def start(self, folder, kind, **options):
        folder.mkdir(exist_ok=True)
        if kind == "command line":
            write_table(folder / "table.csv")
        return self.ask(folder=str(folder), kind=kind, **options)

    def wait(self, number):
        return self.ask(wait=number)

    def run(self, folder, kind, **options):
        return self.wait(self.start(folder, kind, **options))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("joblib"))
    yield server
    server.process.stdin.close()
    server.process.wait()
    server.process.stdout.close()


def write_table(path):
    X, y = fault_server.rows()
    names = [f"g{group:.0f}" for group in X[:, 0]]
    frame = pd.DataFrame({"group": names, "a": X[:, 1], "y": y.astype(int)})
    frame.to_csv(path, index=False)


def contents(folder):
    """What is in a folder, hidden files as well."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_no_process(group, seconds=60):
    """Make sure that workers end with the process that started them."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise AssertionError(f"processes of {group} are left after {seconds} s")


def disturbed(server, folder, kind, draw, seconds, options):
    """Start an audit and send it a signal; what was done, and its status."""
    sent = draw.choice(SIGNALS)
    number = getattr(signal, sent)
    if draw.random() < 0.5:
        step = draw.choice(STEPS)
        aimed = (step, draw.randint(1, 12), number)
        started = server.start(folder, kind, aimed=aimed, **options)
        if options.get("n_jobs"):
            LEFT.append(started)
        return f"{sent} at {step.split()[0]}", server.wait(started)
    started = server.start(folder, kind, **options)
    time.sleep(draw.uniform(0, seconds))
    to_all = draw.random() < 0.5
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if to_all else os.kill)(started, number)
    status = server.wait(started)
    if to_all and options.get("n_jobs"):
        assert_no_process(started)
    elif options.get("n_jobs"):
        # Workers of loky outlive a process that is killed alone: some for minutes,
        # those that it was starting for good.
        LEFT.append(started)
    return f"{sent} to {'all' if to_all else 'one'}", status


@pytest.mark.parametrize(("kind", "name", "n_jobs", "most", "few"), SOAKED)
def test_killed_audits_go_on_to_the_same_bytes(
    server, tmp_path, soak, record, kind, name, n_jobs, most, few
):
    n_cycles = most if soak else few
    if n_cycles == 0:
        pytest.skip("only in the long run")
    options = {} if kind == "command line" else {"checkpoint": name}
    if kind != "command line":  # which always writes a page
        options["page"] = name == "audit.csv" and (soak or kind == "engine")
    started = time.monotonic()
    assert server.run(tmp_path / "whole", kind, **options) == 0
    seconds = time.monotonic() - started
    whole = contents(tmp_path / "whole")
    if n_jobs:
        options["n_jobs"], seconds = n_jobs, 4 * seconds + 2
    draw = random.Random(f"{kind} {name} {n_jobs}")
    cycles, interrupted, audits = Counter(), Counter(), 0
    while interrupted.total() < n_cycles:
        folder, since = tmp_path / f"killed{audits}", Counter()
        status = None
        while status != 0:
            fault, status = disturbed(server, folder, kind, draw, seconds, options)
            since[fault] += 1
            interrupted[fault] += status != 0
            if since.total() % 25 == 0:  # one that is always killed makes no way
                assert server.run(folder, kind, **options) == 0
                status = 0
        assert contents(folder) == whole
        while LEFT:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(LEFT.pop(), signal.SIGKILL)
        cycles += since
        audits += 1
        shutil.rmtree(folder)
    assert interrupted.total() > 0
    jobs = f", {n_jobs} jobs" if n_jobs else ""
    for fault, n in cycles.items():
        record(
            "faults",
            fault=fault,
            audit=f"{kind}, {Path(name).suffix}{jobs}",
            cycles=n,
            interrupted=interrupted[fault],
            resumed_to_the_same_bytes=interrupted[fault],
        )


def tell(record, fault, audit="engine, .csv", cycles=1, interrupted=1):
    record(
        "faults_other",
        fault=fault,
        audit=audit,
        cycles=cycles,
        interrupted=interrupted,
        ended_with_the_same_bytes=cycles,
    )


# Memory --------------------------------------------------------------------------


def test_memory_that_is_short_is_no_result_of_a_model(server, tmp_path, record):
    assert server.run(tmp_path / "whole", "greedy", page=False) == 0
    folder = tmp_path / "short"
    folder.mkdir()
    # 16 TiB are more than any limit; from the 30th fit on.
    (folder / "memory").write_text(f"30 {2**44}")
    assert server.run(folder, "greedy", page=False, limit=2**35) == 1
    told = (tmp_path / "log").read_text()
    assert "MemoryError" in told
    assert "of the machine and not of a model" in told
    assert "'audit.csv': the same fit goes on from there" in told
    assert b"MemoryError" not in (folder / "audit.csv").read_bytes()
    assert (folder / "audit.csv").read_bytes().count(b"\n") > 10
    os.unlink(folder / "memory")
    assert server.run(folder, "greedy", page=False) == 0
    assert contents(folder) == contents(tmp_path / "whole")
    tell(record, "MemoryError under RLIMIT_AS", "greedy, .csv")


def test_a_worker_that_is_killed_is_told_and_the_audit_goes_on(
    server, tmp_path, soak, record
):
    if not soak:
        pytest.skip("only in the long run")
    assert server.run(tmp_path / "whole", "greedy", page=False) == 0
    folder = tmp_path / "killed"
    assert server.run(folder, "greedy", page=False, n_repeats=12, n_jobs=2) == 0
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "kill-worker").touch()
    assert server.run(folder, "greedy", page=False, n_jobs=2) == 1
    assert "TerminatedWorkerError" in (tmp_path / "log").read_text()
    assert server.run(folder, "greedy", page=False, n_jobs=2) == 0
    assert contents(folder) == contents(tmp_path / "whole")
    tell(record, "SIGKILL of one worker", "greedy, .csv, 2 jobs")


# Disks -----------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True).returncode
    ):
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder, *, but):
    """Leave so many bytes of a disk free."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_bsize
    (folder / "filler").write_bytes(bytes(max(0, free - but)))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_full_disk_keeps_what_is_done(server, small_disk, tmp_path, record, suffix):
    options = {"checkpoint": f"audit{suffix}"}
    assert server.run(tmp_path / "whole", "engine", **options) == 0
    n_failed = 0
    for room in (2**15, 2**16):
        fill(small_disk, but=room)
        if server.run(small_disk, "engine", **options):
            n_failed += 1
            assert not list(small_disk.glob(".*"))
            told = (tmp_path / "log").read_text()
            assert "No space left on device" in told
        os.unlink(small_disk / "filler")
    assert n_failed > 0
    for path in small_disk.glob("report.html"):
        path.unlink()
    whole = contents(tmp_path / "whole")
    fill(small_disk, but=2 * sum(map(len, whole.values())))
    os.unlink(small_disk / "filler")
    assert server.run(small_disk, "engine", **options) == 0
    assert contents(small_disk) == whole
    tell(record, "full disk", f"engine, {suffix}", n_failed, n_failed)


def test_a_full_disk_leaves_the_old_page_and_tables(server, small_disk, tmp_path):
    write_table(small_disk / "table.csv")
    for name in ("report.html", "results.csv", "summary.csv"):
        (small_disk / name).write_bytes(b"old")
    fill(small_disk, but=2**13)
    assert server.run(small_disk, "command line") == 1
    left = contents(small_disk)
    assert {left[n] for n in ("report.html", "results.csv", "summary.csv")} == {b"old"}
    assert not list(small_disk.glob(".*"))


def test_a_cache_on_a_full_disk_is_left_out(small_disk):
    path = small_disk / "cache.npz"
    fill(small_disk, but=2**12)
    with pytest.warns(UserWarning, match="No space left on device"):
        cached(path, "key", lambda: {"x": np.arange(9_000)})
    assert [p.name for p in small_disk.iterdir()] == ["filler"]


def test_a_disk_that_becomes_read_only_keeps_what_is_done(
    small_disk, tmp_path, record, monkeypatch
):
    undisturbed = fitted(tmp_path / "whole.csv")
    path, n_opened = small_disk / "audit.csv", []

    # A disk that is in use cannot be remounted, though a broken one is.
    def read_only(genuine):
        def call(*args, **kwargs):
            n_opened.append(1)
            if len(n_opened) > 20:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return genuine(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for step in ("replace", "unlink", "fsync"):
            patch.setattr(os, step, read_only(getattr(os, step)))
        with pytest.raises(OSError, match="Read-only file system") as caught:
            fitted(path)
    assert caught.value.errno == errno.EROFS
    assert "Mend that and run the same audit again" in str(caught.value)
    kept = path.read_bytes()
    assert kept.count(b"\n") > 6
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for write in (fitted, undisturbed.to_html):
        with pytest.raises(OSError, match="Read-only file system"):
            write(path)
    assert path.read_bytes() == kept
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    fitted(path)
    assert path.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert [p.name for p in small_disk.iterdir()] == ["audit.csv"]
    tell(record, "read-only disk", "naive Bayes, .csv")


def fitted(checkpoint, victim=None, **params):
    audit = SubpopulationAudit(
        GaussianNB() if victim is None else victim,
        finder=FeatureMatch([0]),
        n_repeats=6,
        random_state=0,
        checkpoint=checkpoint,
        **params,
    )
    return audit.fit(*fault_server.rows())


# Other processes, and no locks -------------------------------------------------------


def test_two_at_once_on_one_checkpoint(server, tmp_path, record):
    assert server.run(tmp_path / "whole", "greedy", page=False) == 0
    folder = tmp_path / "both"
    numbers = [server.start(folder, "greedy", page=False) for _ in range(2)]
    ended = sorted(map(server.wait, numbers))
    if ended == [0, 1]:
        assert "in use by another process" in (tmp_path / "log").read_text()
    assert ended[0] == 0
    assert contents(folder) == contents(tmp_path / "whole")
    tell(record, "two at once", "greedy, .csv", 1, sum(ended))


def test_two_at_once_without_locks_leave_a_whole_checkpoint(
    server, tmp_path, soak, record
):
    assert server.run(tmp_path / "whole", "greedy", page=False) == 0
    n_cycles, n_failed = (20 if soak else 1), 0
    for i in range(n_cycles):
        folder = tmp_path / f"both{i}"
        options = {"page": False, "no_locks": True}
        numbers = [server.start(folder, "greedy", **options) for _ in range(2)]
        n_failed += sum(map(server.wait, numbers))
        assert server.run(folder, "greedy", page=False) == 0
        left = contents(folder)
        assert left == contents(tmp_path / "whole")
    tell(record, "two at once without locks", "greedy, .csv", n_cycles, n_failed)


def test_a_checkpoint_that_is_moved_away_is_written_anew(tmp_path, record, monkeypatch):
    fitted(tmp_path / "whole.csv")
    path, moved, calls = tmp_path / "audit.csv", tmp_path / "moved.csv", []
    genuine = os.replace

    def replace(*args):
        genuine(*args)
        calls.append(1)
        if len(calls) == 6:
            genuine(path, moved)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        fitted(path)
    whole = (tmp_path / "whole.csv").read_bytes()
    assert path.read_bytes() == whole
    assert moved.read_bytes() != whole
    genuine(moved, path)
    fitted(path)
    assert path.read_bytes() == whole
    tell(record, "checkpoint moved", "naive Bayes, .csv", 2, 0)


# Clocks ------------------------------------------------------------------------------


def test_clocks_that_jump_change_nothing(tmp_path, monkeypatch, caplog, record):
    fitted(tmp_path / "whole.csv")
    rng, genuine = random.Random(0), time.time
    years = 10 * 365 * 86_400
    monkeypatch.setattr(time, "time", lambda: genuine() + rng.uniform(-years, years))
    backward = SimpleNamespace(monotonic=lambda: rng.uniform(-years, 0))
    monkeypatch.setattr("skpoison.audit._progress.time", backward)
    caplog.set_level(logging.INFO, "skpoison.audit")
    with joblib.parallel_config("threading", n_jobs=2):
        fitted(tmp_path / "audit.csv")
    lines = [r.getMessage() for r in caplog.records if r.name == "skpoison.audit"]
    assert len(lines) == 7
    assert not any("-" in line or "nan" in line or "inf" in line for line in lines)
    whole = (tmp_path / "whole.csv").read_bytes()
    assert (tmp_path / "audit.csv").read_bytes() == whole
    tell(record, "clocks that jump", "naive Bayes, .csv, 2 threads", 1, 0)


@pytest.mark.skipif(not FAKETIME, reason="libfaketime is not installed")
def test_a_clock_in_another_year_changes_nothing(tmp_path, soak, record):
    if not soak:
        pytest.skip("only in the long run")
    fitted(tmp_path / "whole.csv")
    for clock in ("-20y", "+20y", "+0 x5000"):
        code = (
            "import os, sys; import test_faults_survived as tests; "
            f"tests.fitted({str(tmp_path / 'audit.csv')!r})"
        )
        env = os.environ | {"LD_PRELOAD": FAKETIME[0], "FAKETIME": clock}
        env["PYTHONPATH"] = str(SERVER.parent)
        subprocess.run([sys.executable, "-c", code], env=env, check=True)
        whole = (tmp_path / "whole.csv").read_bytes()
        assert (tmp_path / "audit.csv").read_bytes() == whole
        os.unlink(tmp_path / "audit.csv")
    tell(record, "a clock 20 years off, or fast", "naive Bayes, .csv", 3, 0)


# A cluster of dask -------------------------------------------------------------------


class Pausing(GaussianNB):
    """A victim that leaves time to lose a cluster."""

    def fit(self, X, y):
        """Learn."""
        time.sleep(0.05)
        return super().fit(X, y)


@pytest.mark.parametrize("what", ["scheduler", "all workers"])
def test_a_cluster_that_is_lost_ends_the_audit_and_not_the_work(
    tmp_path, record, recwarn, what
):
    distributed = pytest.importorskip("distributed")
    path, calls = tmp_path / "audit.csv", []
    cluster = distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        dashboard_address=None,
        silence_logs="CRITICAL",
    )
    client = distributed.Client(cluster)

    async def lose():
        if what == "scheduler":
            await cluster.scheduler.close()
        for address in list(cluster.scheduler.workers):
            await cluster.scheduler.remove_worker(address, stimulus_id="test")

    class Losing(logging.Handler):
        def emit(self, record):
            calls.append(1)
            if len(calls) == 3:
                client.loop.add_callback(lose)

    log, handler = logging.getLogger("skpoison.audit"), Losing()
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    started = time.monotonic()
    try:
        with (
            joblib.parallel_config("dask"),
            pytest.raises(ConnectionError, match="scheduler of the dask") as caught,
        ):
            fitted(path, victim=Pausing())
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        for end in (client.close, cluster.close):
            with contextlib.suppress(TimeoutError):
                end(timeout=2)
    assert time.monotonic() - started < 60
    assert any("goes on from there" in note for note in caught.value.__notes__)
    assert path.read_bytes().count(b"\n") > 8
    fitted(path, victim=Pausing())
    fitted(tmp_path / "whole.csv", victim=Pausing())
    assert path.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    tell(record, f"dask {what} lost", "naive Bayes, .csv")
