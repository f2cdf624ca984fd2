"""The clean twin of a poisoned estimator, fitted once for each training set."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections import OrderedDict
from dataclasses import dataclass
from pickle import PicklingError
from threading import Lock

import joblib
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_memory

from skpoison.base import BaseSubpopPoisoner


@dataclass
class PoisonedFit:
    """A fitted estimator, taken apart at its poisoner."""

    poisoner: BaseSubpopPoisoner
    victim: object
    before: list
    memory: object = None

    def seen(self, X):
        """X as the poisoner saw it."""
        for step in self.before:
            X = step.transform(X)
        return X

    def membership(self, X):
        """Rows of X in the target, bool array of shape (n_samples,)."""
        return self.poisoner.membership(self.seen(X))

    def clean_predictions(self, X):
        """Predictions of the clean twin for X."""
        seen, rows = self.seen(X), self._clean_rows()
        key = _fingerprint(clone(self.victim), rows.X, rows.y, seen)
        if self.poisoner.n_poison_ == 0:
            # Its own clean twin, and that of the other candidates on this fold.
            own = self.victim.predict(seen)
            _PREDICTIONS.get(key, lambda: own)
            return own
        return _PREDICTIONS.get(key, lambda: self.fit_twin().predict(seen))

    def fit_twin(self):
        """Fit the victim on the same rows without the poison."""
        rows = self._clean_rows()
        fit = check_memory(self.memory).cache(_fit)
        return fit(clone(self.victim), rows.X, rows.y)

    def _clean_rows(self):
        rows = getattr(self.poisoner, "_clean_rows", None)
        if rows is None:
            raise ValueError(
                f"This {type(self.poisoner).__name__} has been pickled since its fit, "
                "by hand or by the memory= of a Pipeline, and training data stay out "
                "of pickles: its clean twin cannot be fitted any more. Fit the "
                "pipeline again, without memory=."
            )
        return rows


def find_poisoner(estimator):
    """Take a fitted estimator apart at its one poisoner, or raise."""
    found = list(_poisoned_fits(estimator, []))
    if len(found) == 1:
        return found[0]
    name = type(estimator).__name__
    if not found:
        raise ValueError(
            f"{name} holds no poisoner to ask for the target's rows. Add one before "
            "the classifier, for example SubpopPoisoner in an "
            "imblearn.pipeline.Pipeline (alpha=0 for a clean baseline), or wrap the "
            "classifier in PoisonedClassifier."
        )
    names = [type(fit.poisoner).__name__ for fit in found]
    raise ValueError(
        f"{name} holds {len(found)} poisoners, {names}, so its target is ambiguous. "
        "Keep one; to poison two subpopulations, give one poisoner a callable target."
    )


def _poisoned_fits(estimator, before):
    """Every place in a fitted estimator where a poisoner acted."""
    poisoner = getattr(estimator, "poisoner_", None)
    if isinstance(poisoner, BaseSubpopPoisoner):
        victim, memory = estimator.estimator_, estimator.memory
        yield PoisonedFit(poisoner, victim, list(before), memory)
    elif isinstance(estimator, Pipeline):
        before = list(before)
        for i, (_, step) in enumerate(estimator.steps):
            if isinstance(step, BaseSubpopPoisoner):
                yield PoisonedFit(step, estimator[i + 1 :], list(before))
            elif hasattr(step, "transform") and i < len(estimator) - 1:
                before.append(step)
            else:
                yield from _poisoned_fits(step, before)


def _fit(estimator, X, y):
    return estimator.fit(X, y)


class _Predictions:
    """Predictions of clean twins by fingerprint, the least recent forgotten.

    The predictions are all that scorers need of a twin, and far smaller. Each
    process has its own.
    """

    def __init__(self, maxsize):
        self.maxsize = maxsize
        self._lock = Lock()
        self._known = OrderedDict()

    def get(self, key, predict):
        """Predictions under ``key``, made by ``predict()`` where not known."""
        if key is None:
            return predict()
        with self._lock:
            entry = self._known.setdefault(key, _Entry())
            self._known.move_to_end(key)
            while len(self._known) > self.maxsize:
                self._known.popitem(last=False)
        # Threads on the same fold wait for the first of them.
        with entry.lock:
            if entry.value is None:
                entry.value = predict()
        return entry.value


class _Entry:
    def __init__(self):
        self.lock = Lock()
        self.value = None


_PREDICTIONS = _Predictions(maxsize=512)


def _fingerprint(*parts):
    """Hash of the content, or None for what cannot be pickled."""
    try:
        return joblib.hash(parts)
    except (PicklingError, AttributeError, TypeError):
        return None
