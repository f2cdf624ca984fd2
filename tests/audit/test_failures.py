"""Errors of a model are results; those of the machine are raised, and never kept."""

import errno
import pickle
from concurrent.futures import BrokenExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB

from skpoison import DefenseAudit, FeatureMatch, SubpopulationAudit
from skpoison.audit._failures import is_of_machine, recorded, tried_twice
from skpoison.defenses import KNNSanitizer


class OutOfMemoryError(RuntimeError):
    """As torch has it."""


def caused(cause):
    error = ValueError("no fit")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "is_told"),
    [
        (MemoryError(), True),
        (np._core._exceptions._ArrayMemoryError((9,), np.dtype(float)), True),
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (BrokenExecutor("a worker was killed"), True),
        (OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("can't start new thread"), True),
        (caused(MemoryError()), True),
        (ValueError("Input contains NaN"), False),
        (RuntimeError("singular"), False),
        (caused(KeyError("a")), False),
    ],
)
def test_errors_of_the_machine_are_not_recorded(error, is_told):
    assert is_of_machine(error) == is_told
    if not is_told:
        assert recorded(error) == f"{type(error).__name__}: {error}"
        return
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            recorded(error)
    assert len(caught.value.__notes__) == 1
    assert "of the machine and not of a model" in caught.value.__notes__[0]


def test_notes_come_back_from_other_processes():
    with pytest.raises(MemoryError) as caught:
        recorded(MemoryError("no room"))
    assert pickle.loads(pickle.dumps(caught.value)).__notes__


@pytest.mark.parametrize(
    ("error", "n_calls"), [(MemoryError(), 2), (ValueError(), 1), (None, 1)]
)
def test_only_the_machine_gets_a_second_chance(error, n_calls):
    calls = []

    def work():
        calls.append(1)
        if error is not None:
            raise error

    if error is None:
        tried_twice(work)
    else:
        with pytest.raises(type(error)):
            tried_twice(work)
    assert len(calls) == n_calls


class Starved(GaussianNB):
    """Fails for want of memory, at fits with these numbers."""

    n_fits, failing = 0, ()

    def fit(self, X, y):
        """Learn."""
        Starved.n_fits += 1
        if Starved.n_fits in Starved.failing:
            raise MemoryError("Unable to allocate 9 TiB")
        return super().fit(X, y)


@pytest.fixture
def data():
    rng = np.random.RandomState(0)
    group = np.repeat(np.arange(3), 160)
    X = np.column_stack([group, rng.normal(size=(len(group), 2)) + group[:, None]])
    return X, (group % 2) ^ (rng.rand(len(group)) < 0.1)


def make_audit(kind, checkpoint):
    shared = {"finder": FeatureMatch([0]), "alphas": [1.0], "random_state": 0}
    shared |= {"checkpoint": checkpoint}
    if kind == "subpopulations":
        return SubpopulationAudit(Starved(), **shared)
    return DefenseAudit(Starved(), defenses=[KNNSanitizer()], **shared)


def fitted(kind, checkpoint, data, failing=()):
    Starved.n_fits, Starved.failing = 0, failing
    return make_audit(kind, checkpoint).fit(*data)


@pytest.mark.parametrize("kind", ["subpopulations", "defenses"])
def test_want_of_memory_does_not_change_what_an_audit_tells(tmp_path, data, kind):
    whole = fitted(kind, tmp_path / "whole.csv", data)
    wanted = (tmp_path / "whole.csv").read_bytes()
    # Once: tried again, and nothing is to be seen of it.
    fitted(kind, tmp_path / "once.csv", data, failing={5})
    assert (tmp_path / "once.csv").read_bytes() == wanted
    path = tmp_path / "twice.csv"
    with pytest.raises(MemoryError, match="9 TiB") as caught:
        fitted(kind, path, data, failing=range(5, 99))
    told = " ".join(caught.value.__notes__)
    assert "of the machine and not of a model" in told
    assert f"{str(path)!r}: the same fit goes on from there" in told
    assert b"MemoryError" not in path.read_bytes()
    audit = fitted(kind, path, data)
    assert path.read_bytes() == wanted
    pd.testing.assert_frame_equal(audit.results_, whole.results_)
