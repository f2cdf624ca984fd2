"""The clean twin of a poisoned estimator, fitted once for each training set."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_memory

from skpoison.base import BaseSubpopPoisoner
from skpoison.metrics._fingerprint import fingerprint
from skpoison.utils._containers import copy_rows


@dataclass
class PoisonedFit:
    """A fitted estimator, taken apart at its poisoner."""

    poisoner: BaseSubpopPoisoner
    victim: object
    before: list
    memory: object = None

    def seen(self, X):
        """X as the poisoner saw it."""
        X = copy_rows(X)
        for step in self.before:
            X = step.transform(X)
        return X

    def clean_predictions(self, seen):
        """Predictions of the clean twin for rows as the poisoner saw them."""
        if self.poisoner.n_poison_ == 0:
            return self.victim.predict(copy_rows(seen))
        rows = self._clean_rows()
        key = fingerprint(clone(self.victim), rows.X, rows.y, seen)
        return _PREDICTIONS.get(key, lambda: self.fit_twin().predict(copy_rows(seen)))

    def fit_twin(self):
        """Fit the victim on the same rows without the poison."""
        rows = self._clean_rows()
        victim = clone(self.victim)
        # A memory needs a victim that it can hash; any other is fitted without.
        memory = check_memory(self.memory if _is_hashable(victim) else None)
        return memory.cache(_fit)(victim, copy_rows(rows.X), rows.y)

    def _clean_rows(self):
        rows = getattr(self.poisoner, "_clean_rows", None)
        if rows is None:
            raise ValueError(
                f"This {type(self.poisoner).__name__} has been pickled or copied since "
                "its fit, by hand or by the memory= of a Pipeline, and training data "
                "stay out of that: its clean twin cannot be fitted any more. Fit the "
                "pipeline again, without memory=."
            )
        return rows


def find_poisoner(estimator):
    """Take a fitted estimator apart at its one poisoner, or raise."""
    found = list(_poisoned_fits(estimator, []))
    name = type(estimator).__name__
    inside = _poisoners_within(found[0].victim if found else estimator)
    if len(found) == 1 and not inside:
        return found[0]
    if not found and inside:
        raise ValueError(
            f"{name} holds a poisoner in a place that cannot be asked, inside another "
            "estimator. Score the pipeline or PoisonedClassifier within instead."
        )
    if not found:
        raise ValueError(
            f"{name} holds no poisoner to ask for the target's rows. Add one before "
            "the classifier, for example SubpopPoisoner in an "
            "imblearn.pipeline.Pipeline (alpha=0 for a clean baseline), or wrap the "
            "classifier in PoisonedClassifier."
        )
    names = [type(p).__name__ for p in [found[0].poisoner, *inside]]
    raise ValueError(
        f"{name} holds {len(names)} poisoners, {names}, so its target is ambiguous. "
        "Keep one; to poison two subpopulations, give one poisoner a callable target."
    )


def _poisoners_within(estimator):
    params = estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}
    return [p for p in params.values() if isinstance(p, BaseSubpopPoisoner)]


def _poisoned_fits(estimator, before):
    """Every place in a fitted estimator where a poisoner acted."""
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    estimator = getattr(estimator, "best_estimator_", estimator)
    poisoner = getattr(estimator, "poisoner_", None)
    if isinstance(poisoner, BaseSubpopPoisoner):
        yield PoisonedFit(poisoner, estimator.estimator_, before, estimator.memory)
    elif isinstance(estimator, Pipeline):
        before = list(before)
        for i, (_, step) in enumerate(estimator.steps):
            if isinstance(step, BaseSubpopPoisoner):
                yield PoisonedFit(step, estimator[i + 1 :], list(before))
            elif hasattr(step, "transform") and i < len(estimator) - 1:
                before.append(step)
            else:
                yield from _poisoned_fits(step, before)


def _is_hashable(victim):
    try:
        joblib.hash(victim)
    except Exception:
        return False
    return True


def _fit(estimator, X, y):
    return estimator.fit(X, y)


class _Predictions:
    """Predictions of clean twins by fingerprint, the least recent forgotten.

    The predictions are all that scorers need of a twin, and far smaller. Each
    process has its own.
    """

    def __init__(self, max_bytes):
        self.max_bytes = max_bytes
        self._lock = Lock()
        self._known = OrderedDict()

    def get(self, key, predict):
        """Predictions under ``key``, made by ``predict()`` where not known."""
        if key is None:
            return predict()
        with self._lock:
            entry = self._known.setdefault(key, _Entry())
            self._known.move_to_end(key)
        # Threads on the same fold wait for the first of them.
        with entry.lock:
            if entry.value is None:
                entry.value = np.asarray(predict())
        self._forget_the_oldest()
        return entry.value

    def clear(self):
        """Forget all predictions."""
        with self._lock:
            self._known.clear()

    def _forget_the_oldest(self):
        with self._lock:
            while len(self._known) > 1 and self._n_bytes() > self.max_bytes:
                self._known.popitem(last=False)

    def _n_bytes(self):
        values = [entry.value for entry in self._known.values()]
        return sum(value.nbytes for value in values if value is not None)


class _Entry:
    def __init__(self):
        self.lock = Lock()
        self.value = None


_PREDICTIONS = _Predictions(max_bytes=2**28)
