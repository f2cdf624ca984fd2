"""Memory and work of an audit grow as the page "From laptop to cluster" says.

By counting: bytes that are allocated, copies that are pickled, passes over the rows.
Times are measured by ``benchmarks/audit_scale.py``.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import tracemalloc
import warnings
from contextlib import contextmanager

import joblib
import numpy as np
import pytest
from joblib import Parallel, delayed
from joblib.parallel import get_active_backend
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, DefenseAudit, FeatureMatch, SubpopulationAudit
from skpoison.attacks import SubpopPoisoner
from skpoison.audit import (
    _setting,
    _subpopulation_audit,
    _tasks,
    compare_attacks,
)
from skpoison.audit._defense_tasks import DefenseSetting
from skpoison.audit._identity import digest
from skpoison.audit._setting import Setting
from skpoison.audit._tasks import run_block, run_twin
from skpoison.audit._trials import Data
from skpoison.defenses import LossFilter
from skpoison.finders import SliceMatch
from skpoison.finders._base import all_memberships
from skpoison.utils._parallel import in_parallel, scattered


def draw(n, n_groups=20, n_columns=20, seed=0):
    """Rows in groups that the first column tells, and labels of a linear rule."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, n_columns))
    y = (X.sum(axis=1) + rng.normal(size=n) > 0).astype(int)
    X[:, 0] = rng.randint(n_groups, size=n)
    return X, y


def make_audit(victim, **params):
    params = {"alphas": [1.0], "min_test": 1, "random_state": 0} | params
    return SubpopulationAudit(victim, finder=FeatureMatch([0]), **params)


def peak_of(function, *args):
    """Most bytes that a call has held."""
    tracemalloc.start()
    try:
        function(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# Memory --------------------------------------------------------------------------


def test_memory_of_an_audit_is_a_multiple_of_the_rows(soak, monkeypatch):
    monkeypatch.setattr(_tasks, "LARGEST_BATCH", 2**14)
    sizes = (50_000, 100_000) if soak else (5_000, 10_000)
    data = [draw(n, n_groups=6) for n in sizes]
    rows = [X.nbytes for X, _ in data]
    peaks = [peak_of(make_audit(LogisticRegression()).fit, *part) for part in data]
    copies = (peaks[1] - peaks[0]) / (rows[1] - rows[0])
    assert copies < 7


@pytest.mark.parametrize(
    "finder", [FeatureMatch([0]), ClusterMatch(300), SliceMatch(bins=10, min_size=1)]
)
def test_memberships_take_memory_by_the_row_and_not_by_the_subpopulation(finder):
    X, y = draw(10_000, n_groups=300, n_columns=4)
    finder.fit(X[:2000], y[:2000])
    (dense,) = all_memberships(finder, X[:500])
    assert dense.shape[1] > 200
    assert not finder.sparse_output
    np.testing.assert_array_equal(dense.toarray(), finder.transform(X[:500]))
    # A dense matrix alone would have a byte of a row for each subpopulation.
    assert peak_of(all_memberships, finder, X) < dense.shape[1] / 2 * len(X)


def test_rows_are_hashed_without_a_copy(monkeypatch):
    X, y = draw(20_000)
    for rows in (X, np.asfortranarray(X), X[::2], X.astype(np.float32)):
        whole = digest(np.ascontiguousarray(rows).copy(), y)
        monkeypatch.setattr("skpoison.audit._identity.HASHED_BYTES", 2**16)
        assert digest(rows, y) == whole
        assert peak_of(digest, rows, y) < 2**18
        monkeypatch.undo()


class Stop(Exception):
    """The rest of an audit is not needed."""


def test_poison_of_all_subpopulations_is_never_there_at_once(monkeypatch):
    X, y = draw(2000, n_columns=10)
    peaks = []

    def measured(setting, *args):
        peaks.append((peak_of(run_twin, setting, *args), setting))
        raise Stop

    monkeypatch.setattr(_subpopulation_audit, "run_twin", measured)
    # Subpopulations that overlap: each row is in one of every column.
    audit = make_audit(GaussianNB(), alphas=[4.0]).set_params(finder=SliceMatch(1))
    with pytest.raises(Stop):
        audit.fit(X, y)
    peak, setting = peaks[0]
    of_all = 4 * setting.sizes("train").sum() * X[0].nbytes
    assert of_all > 15 * X.nbytes
    assert peak < 5 * X.nbytes


def test_blocks_are_bounded_by_bytes_and_change_nothing(monkeypatch):
    X, y = draw(2000, n_groups=8)
    whole = make_audit(GaussianNB()).fit(X, y)
    seen = []

    def counted(setting, repeat, block, *args):
        poison = sum(setting.n_poison(k, 1.0) for k in block)
        seen.append((poison * X[0].nbytes, len(block)))
        return run_block(setting, repeat, block, *args)

    monkeypatch.setattr(_subpopulation_audit, "run_block", counted)
    monkeypatch.setattr(_setting, "LARGEST_POISON_BYTES", 45_000)
    parts = make_audit(GaussianNB()).fit(X, y)
    assert len(seen) >= 4
    assert max(size for size, _ in seen) <= 45_000
    assert parts.summary_.equals(whole.summary_)
    seen.clear()
    monkeypatch.setattr(_setting, "LARGEST_ANSWERS", 2000)
    monkeypatch.setattr(_tasks, "LARGEST_BATCH_BYTES", 1000)
    assert make_audit(GaussianNB()).fit(X, y).summary_.equals(whole.summary_)
    assert {n for _, n in seen} == {2}


# Passes over the rows -------------------------------------------------------------


def test_passes_over_the_labels_do_not_increase_with_subpopulations(monkeypatch):
    unique, passes = np.unique, []

    def counted(array, *args, **kwargs):
        passes.append(np.size(array) >= 1500)
        return unique(array, *args, **kwargs)

    monkeypatch.setattr(np, "unique", counted)
    counts = []
    for n_groups in (3, 20):
        passes.clear()
        make_audit(GaussianNB()).fit(*draw(3000, n_groups))
        counts.append(sum(passes))
    assert counts[0] == counts[1] > 0


# Clusters of dask ------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    """Two workers in this process, which are sent pickles all the same."""
    with warnings.catch_warnings():
        # What dask's own start-up warns of is not ours.
        warnings.simplefilter("ignore")
        import dask
        from dask.distributed import Client, LocalCluster

        with (
            # It drops copies that no task waits for; workers fetch them again.
            dask.config.set({"distributed.scheduler.active-memory-manager.start": 0}),
            LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                processes=False,
                protocol="tcp",
                dashboard_address=None,
                silence_logs="CRITICAL",
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client


@contextmanager
def counted_pickles(kind):
    """Count how often objects of a class are pickled, and made of pickles again."""
    counts = {"pickled": 0, "unpickled": 0}

    def getstate(self):
        counts["pickled"] += 1
        return vars(self)

    def setstate(self, state):
        counts["unpickled"] += 1
        vars(self).update(state)

    kind.__getstate__, kind.__setstate__ = getstate, setstate
    try:
        yield counts
    finally:
        del kind.__getstate__, kind.__setstate__


def poisoned(X, y):
    victim = DecisionTreeClassifier(max_depth=2, random_state=0)
    return make_audit(victim, n_repeats=2).fit(X, y).summary_


def defended(X, y):
    audit = DefenseAudit(
        GaussianNB(),
        defenses=[LossFilter(GaussianNB())],
        finder=FeatureMatch([0]),
        alphas=[1.0],
        min_test=1,
        random_state=0,
    )
    return audit.fit(X, y).summary_


def compared(X, y):
    attacks = [SubpopPoisoner(FeatureMatch([0]), target=k) for k in range(3)]
    given = {"X_test": X[:500], "y_test": y[:500], "n_repeats": 2, "random_state": 0}
    return compare_attacks(attacks, GaussianNB(), X[500:], y[500:], **given)


@pytest.mark.parametrize(
    ("audit", "kind", "times"),
    [(poisoned, Setting, 1), (defended, DefenseSetting, 1), (compared, Data, 2)],
    ids=["SubpopulationAudit", "DefenseAudit", "compare_attacks"],
)
def test_rows_are_sent_to_a_worker_once_and_not_with_each_task(
    audit, kind, times, cluster
):
    X, y = draw(1500, n_groups=4)
    alone = audit(X, y)
    with counted_pickles(kind) as counts, joblib.parallel_config("dask"):
        assert audit(X, y).equals(alone)
    # By the process that called, and by the worker that had it for the other one.
    assert counts == {"pickled": 2 * times, "unpickled": 2 * times}


def backends_within(n_jobs):
    """Names of the backends of what a task runs in parallel."""
    return Parallel(n_jobs=n_jobs)(delayed(own_backend)() for _ in range(2))


def own_backend():
    return type(get_active_backend()[0]).__name__


def test_a_task_sends_nothing_back_to_the_cluster(cluster):
    tasks = [(None,), (1,), (2,)]
    with joblib.parallel_config("dask"):
        found = in_parallel(backends_within, tasks, None)
        assert own_backend() == "DaskDistributedBackend"
    assert "DaskDistributedBackend" not in np.ravel(found)


def test_what_was_scattered_is_forgotten(cluster):
    rows = np.arange(5000.0)
    with joblib.parallel_config("dask"):
        backend, _ = get_active_backend()
        with scattered(rows):
            assert len(backend.data_futures) == 1
            every = cluster.who_has(backend.data_futures[id(rows)])
            assert {len(workers) for workers in every.values()} == {2}
        assert not backend.data_futures
    with scattered(rows):
        assert own_backend() != "DaskDistributedBackend"
