"""An audit survives what happens to it, and nothing is done twice."""

import importlib
import os
import signal
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager, nullcontext

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier

from skpoison import FeatureMatch, SubpopulationAudit

pytestmark = pytest.mark.usefixtures("interruptible")

N_GROUPS, N_REPEATS, ALPHAS = 4, 2, (0.5, 1.0)
N_FITS = N_REPEATS * (1 + 2 * N_GROUPS * len(ALPHAS))
FAILING = 2
# A module of its own, so that other processes can import it. A victim writes down
# every fit; what the environment asks for happens at the fit, or at the write of the
# checkpoint, with that number.
VICTIMS = '''
import os
import signal

import numpy as np
from sklearn.naive_bayes import GaussianNB


class Logged(GaussianNB):
    def __init__(self, log, failing=None, how="raise"):
        super().__init__()
        self.log, self.failing, self.how = log, failing, how

    def fit(self, X, y):
        with open(self.log, "a") as file:
            file.write("x\\n")
        n_fits = os.path.getsize(self.log) // 2
        if n_fits == int(os.environ.get("KILL_FIT", 0)):
            os.kill(os.getpid(), signal.SIGKILL)
        if n_fits == int(os.environ.get("INTERRUPT_FIT", 0)):
            signal.raise_signal(signal.SIGINT)
        try:
            os.unlink(self.log + ".kill-one")
        except FileNotFoundError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
        self.is_broken_ = (X[:, 0] == self.failing).sum() > 150
        if self.is_broken_ and self.how == "raise":
            raise RuntimeError("singular")
        return super().fit(X, y)

    def predict(self, X):
        y_pred = super().predict(X)
        return np.full(len(X), np.nan) if self.is_broken_ else y_pred


def kill_at_write(step, number):
    """Kill the process at a step of a write of the checkpoint."""
    genuine, calls = getattr(os, step), []

    def patched(*args):
        calls.append(1)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return genuine(*args)

    setattr(os, step, patched)
'''


@pytest.fixture(scope="module")
def data():
    """Four groups of 300 rows, told by the first column, half of them for training."""
    rng = np.random.RandomState(0)
    group = np.repeat(np.arange(N_GROUPS), 300)
    X = np.column_stack([group, rng.normal(size=(len(group), 2)) + group[:, None]])
    return X, (group % 2) ^ (rng.rand(len(group)) < 0.1)


@pytest.fixture
def victims(tmp_path, monkeypatch):
    """The module of victims, for this process and those that it starts."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "logged_victims.py").write_text(VICTIMS)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delitem(sys.modules, "logged_victims", raising=False)
    # Processes of an earlier test do not know this module.
    get_reusable_executor().shutdown(wait=True)
    return importlib.import_module("logged_victims")


@pytest.fixture
def victim(victims, tmp_path):
    return victims.Logged(str(tmp_path / "log"))


def n_fits(victim):
    """Number of fits since it was asked last."""
    if not os.path.exists(victim.log):
        return 0
    n = os.path.getsize(victim.log) // 2
    os.unlink(victim.log)
    return n


def make_audit(victim, **params):
    params = {"alphas": ALPHAS, "n_repeats": N_REPEATS, "random_state": 0} | params
    return SubpopulationAudit(victim, finder=FeatureMatch([0]), **params)


@pytest.fixture
def undisturbed(victim, data, tmp_path):
    """An audit that nothing happened to."""
    path = tmp_path / "undisturbed.csv"
    audit = make_audit(victim, checkpoint=path).fit(*data)
    assert n_fits(victim) == N_FITS
    return audit


def assert_as_undisturbed(audit, undisturbed):
    for name in ("results_", "null_", "curves_", "summary_", "worst_k_"):
        pd.testing.assert_frame_equal(getattr(audit, name), getattr(undisturbed, name))
    if audit.checkpoint is not None:
        with (
            open(audit.checkpoint, "rb") as file,
            open(undisturbed.checkpoint, "rb") as w,
        ):
            assert file.read() == w.read()
        folder = os.path.dirname(audit.checkpoint)
        assert not [name for name in os.listdir(folder) if name.startswith(".")]


def n_kept(path):
    """Models of which a checkpoint tells."""
    if not path.exists():
        return 0
    table = pd.read_csv(path, skiprows=1)
    is_model = (table["arm"] != "clean") | (table["subpopulation"] == -1)
    return int(is_model.sum())


@contextmanager
def time_limit(seconds):
    """Fail where a lost worker would be waited for forever."""

    def give_up(*args):
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run_elsewhere(audit, data, tmp_path, before="", **options):
    """Run an audit in another process; the process."""
    joblib.dump((audit, data), tmp_path / "work.joblib")
    code = (
        "import joblib, logged_victims\n"
        f"{before}\n"
        f"audit, data = joblib.load({str(tmp_path / 'work.joblib')!r})\n"
        "audit.fit(*data)\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], **options)


@pytest.mark.parametrize(
    ("fit", "step", "number", "least"),
    [
        (1, None, 0, 0),
        (13, None, 0, 6),
        (N_FITS, None, 0, 18),
        # Each write calls fsync for the file, replace, and fsync for the folder.
        (None, "replace", 5, 6),
        (None, "fsync", 10, 6),
    ],
)
def test_a_killed_audit_goes_on_to_the_same_bytes(
    undisturbed, victim, data, tmp_path, monkeypatch, fit, step, number, least
):
    path = tmp_path / "killed.csv"
    audit = make_audit(victim, checkpoint=path)
    with monkeypatch.context() as patch:
        patch.setenv("KILL_FIT", str(fit or 0))
        before = f"logged_victims.kill_at_write({step!r}, {number})" if step else ""
        assert run_elsewhere(audit, data, tmp_path, before).wait() == -signal.SIGKILL
    assert 0 < n_fits(victim) <= N_FITS
    kept = n_kept(path)
    assert least <= kept < N_FITS
    assert_as_undisturbed(audit.fit(*data), undisturbed)
    assert n_fits(victim) == N_FITS - kept
    audit.fit(*data)
    assert n_fits(victim) == 0


def test_an_interrupted_audit_goes_on_to_the_same_bytes(
    undisturbed, victim, data, tmp_path, monkeypatch
):
    path = tmp_path / "interrupted.csv"
    audit = make_audit(victim, checkpoint=path)
    with monkeypatch.context() as patch:
        patch.setenv("INTERRUPT_FIT", "23")
        with pytest.raises(KeyboardInterrupt):
            audit.fit(*data)
    assert n_fits(victim) == 23
    kept = n_kept(path)
    assert 0 < len(audit.results_) < len(undisturbed.results_)
    assert len(audit.results_) + len(audit.null_) + N_REPEATS == kept
    assert_as_undisturbed(audit.fit(*data), undisturbed)
    assert n_fits(victim) == N_FITS - kept


def test_an_interrupted_audit_of_two_jobs_goes_on_to_the_same_bytes(
    undisturbed, victim, data, tmp_path
):
    path = tmp_path / "interrupted.csv"
    audit = make_audit(victim, checkpoint=path, n_jobs=2)
    process = run_elsewhere(
        audit, data, tmp_path, start_new_session=True, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while n_kept(path) < 6 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    # As a terminal does: to all processes at once.
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait() != 0
    time.sleep(0.5)  # what the workers are at
    n_fits(victim)
    kept = n_kept(path)
    assert kept >= 6
    assert_as_undisturbed(audit.set_params(n_jobs=None).fit(*data), undisturbed)
    assert n_fits(victim) == N_FITS - kept


def test_a_dask_cluster_that_loses_a_worker_gives_the_same_result(
    undisturbed, victim, data, tmp_path
):
    (tmp_path / "log.kill-one").touch()
    audit = make_audit(victim, checkpoint=tmp_path / "dask.csv")
    with warnings.catch_warnings():
        # What dask's own start-up, and the loss, warn of is not ours.
        warnings.simplefilter("ignore")
        from dask.distributed import Client, LocalCluster

        with (
            LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs="CRITICAL",
            ) as cluster,
            Client(cluster),
            joblib.parallel_config("dask"),
            time_limit(120),
        ):
            audit.fit(*data)
    assert not (tmp_path / "log.kill-one").exists()
    assert n_fits(victim) > N_FITS
    assert_as_undisturbed(audit, undisturbed)


@pytest.mark.parametrize("backend", ["serial", "loky", "threading"])
def test_every_backend_gives_the_same_bytes(
    undisturbed, victim, data, tmp_path, backend
):
    context = (
        nullcontext()
        if backend == "serial"
        else joblib.parallel_config(backend, n_jobs=2)
    )
    with context:
        audit = make_audit(victim, checkpoint=tmp_path / "other.csv").fit(*data)
    assert n_fits(victim) == N_FITS
    assert_as_undisturbed(audit, undisturbed)


# Before any work -----------------------------------------------------------------


def assert_refused_before_any_fit(victim, data, path, error, match):
    with pytest.raises(error, match=match):
        make_audit(victim, checkpoint=path).fit(*data)
    assert n_fits(victim) == 0


@pytest.mark.parametrize(
    "name", ["nowhere/audit.csv", "audit.txt", "a/b.csv/audit.csv"]
)
def test_a_checkpoint_that_cannot_be_written_is_told(victim, data, tmp_path, name):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.csv").touch()
    assert_refused_before_any_fit(
        victim, data, tmp_path / name, (OSError, ValueError), "checkpoint=.* of Subpop"
    )


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_is_told(victim, data, tmp_path, monkeypatch, step):
    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    match = "checkpoint=.* of SubpopulationAudit cannot be written .* No space left"
    path = tmp_path / "audit.csv"
    assert_refused_before_any_fit(victim, data, path, OSError, match)
    assert not path.exists()


def test_a_disk_that_fails_later_keeps_what_is_done(
    undisturbed, victim, data, tmp_path, monkeypatch
):
    genuine, calls = os.fsync, []

    def fail_later(fd):
        calls.append(fd)
        if len(calls) > 11:
            raise OSError(28, "No space left on device")
        return genuine(fd)

    audit = make_audit(victim, checkpoint=tmp_path / "audit.csv")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail_later)
        with pytest.raises(
            OSError, match=r"intact and holds the .* rows that were done"
        ):
            audit.fit(*data)
    n_fits(victim)
    kept = n_kept(tmp_path / "audit.csv")
    assert_as_undisturbed(audit.fit(*data), undisturbed)
    assert 0 < n_fits(victim) == N_FITS - kept < N_FITS


@pytest.mark.parametrize("what", ["truncated", "edited", "foreign", "of other data"])
def test_a_checkpoint_that_is_not_of_this_audit_is_refused(
    undisturbed, victim, data, tmp_path, what
):
    content = (tmp_path / "undisturbed.csv").read_bytes()
    content, match = {
        "truncated": (content[: len(content) // 2], "cut off or edited"),
        "edited": (content.replace(b"\npoison,1,3", b"\npoison,1,4"), "edited"),
        "foreign": (b"a,b\n1,2\n", "no checkpoint of an audit"),
        "of other data": (content, "another audit, which differs in data"),
    }[what]
    path = tmp_path / "audit.csv"
    path.write_bytes(content)
    if what == "of other data":
        data = data[0] + 1, data[1]
    assert_refused_before_any_fit(victim, data, path, ValueError, match)
    assert path.read_bytes() == content


# Victims that fail -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "message"), [("raise", "singular"), ("NaN", "predictions contain NaN")]
)
def test_a_victim_that_fails_for_one_subpopulation_is_told_there_alone(
    undisturbed, victim, data, tmp_path, monkeypatch, how, message
):
    failing = clone(victim).set_params(failing=FAILING, how=how)
    audit = make_audit(failing, checkpoint=tmp_path / "whole.csv").fit(*data)
    for name in ("results_", "null_"):
        told, wanted = getattr(audit, name), getattr(undisturbed, name)
        failed = told["error"].notna()
        assert (failed == (told["name"] == f"x0={FAILING}")).all()
        assert failed.sum() == len(ALPHAS) * N_REPEATS
        assert told.loc[failed, "error"].str.contains(message).all()
        assert told.loc[failed, "target_damage"].isna().all()
        pd.testing.assert_frame_equal(told[~failed], wanted[~failed])
    n_fits(victim)
    resumed = make_audit(failing, checkpoint=tmp_path / "resumed.csv")
    with monkeypatch.context() as patch:
        patch.setenv("INTERRUPT_FIT", "30")
        with pytest.raises(KeyboardInterrupt):
            resumed.fit(*data)
    assert_as_undisturbed(resumed.fit(*data), audit)


def test_victims_of_these_tests_can_be_hurt(data):
    tree = DecisionTreeClassifier(min_samples_leaf=20)
    assert make_audit(tree).fit(*data).summary_["target_damage"].max() > 0.3
