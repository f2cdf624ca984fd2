"""Which model sees which rows, as their values decide."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils import gen_even_slices
from sklearn.utils.parallel import Parallel, delayed

from skpoison.defenses._content_hash import hash_rows, mix
from skpoison.defenses._partition_model import ballots_of, fit_model
from skpoison.utils._containers import append, take

PARTS_PER_JOB = 4


@dataclass(frozen=True)
class Partitions:
    """Places of rows, and the models that see them.

    Parameters
    ----------
    n_models : int
        Number of partitions, and of models.

    spread : int
        Number of models that see a row.

    by : {"row", "features"}
        What decides the place of a row.

    seed : int
        Key of the places, and seed of the models.
    """

    n_models: int
    spread: int
    by: str
    seed: int

    @property
    def offsets(self):
        """Distances from a partition to the models that see it, sorted."""
        drawn = np.random.RandomState(self.seed).permutation(self.n_models)
        return np.sort(drawn[: self.spread])

    def places(self, X, y):
        """Partition of each row, (n_samples,)."""
        return self._places(hash_rows(X, None if self.by == "features" else y))

    def _places(self, hashes):
        keyed = mix(hashes ^ mix(self.seed))
        return (keyed % np.uint64(self.n_models)).astype(np.intp)

    def touched(self, X, y):
        """Numbers of the models that see any of the rows, sorted."""
        seen_by = self.places(X, y)[:, None] + self.offsets
        return np.unique(seen_by % self.n_models)

    def train(self, estimator, X, y, numbers, n_jobs):
        """Train the models of these numbers on the rows that they see."""
        # In an order that no row which is inserted changes.
        hashes = hash_rows(X, y)
        order = np.argsort(hashes, kind="stable")
        places = self._places(hashes if self.by == "row" else hash_rows(X))[order]
        offsets = self.offsets
        by_place = np.argsort(places, kind="stable")
        ends = np.searchsorted(places[by_place], np.arange(self.n_models + 1))
        seeds = mix(mix(self.seed) + np.asarray(numbers, dtype=np.uint64))

        def task_of(number, seed):
            seen = (number - offsets) % self.n_models
            parts = [by_place[ends[i] : ends[i + 1]] for i in seen]
            rows = order[np.sort(np.concatenate(parts))]
            return estimator, take(X, rows), y[rows], number, seed

        fitted = Parallel(n_jobs=n_jobs)(
            delayed(_fit_all)([task_of(*pair) for pair in part])
            for part in _parts(list(zip(numbers, seeds, strict=True)), n_jobs)
        )
        return [model for models in fitted for model in models]


def _fit_all(tasks):
    return [fit_model(*task) for task in tasks]


def _parts(items, n_jobs):
    """Items in as many parts as keep the jobs busy, and one where there is one job."""
    jobs = effective_n_jobs(n_jobs)
    n_parts = 1 if jobs == 1 else min(len(items), PARTS_PER_JOB * jobs)
    return [items[part] for part in gen_even_slices(len(items), max(1, n_parts))]


def ask(models, X, classes, n_jobs):
    """Collect the ballots of models.

    Parameters
    ----------
    models : list of classifier or None
        Models; None abstains.

    X : rows of shape (n_samples, ...)
        Rows to classify.

    classes : ndarray of shape (n_classes,)
        Class labels, sorted.

    n_jobs : int or None
        Number of jobs.

    Returns
    -------
    ballots : ndarray of shape (n_samples, n_models), dtype=int16
        Numbers of classes, -1 where a model abstains.
    """
    found = Parallel(n_jobs=n_jobs)(
        delayed(ballots_of)(part, X, classes) for part in _parts(models, n_jobs)
    )
    return np.concatenate(found, axis=1)


def poisoned_ballots(model, clean, poison, X_test, ballots):
    """Ballots of a model that was fitted on poison as well, at the cost of its change.

    Parameters
    ----------
    model : PartitionAggregation
        Fitted on the clean rows.

    clean, poison : tuple of (X, y)
        The clean rows, and what is added: containers of one kind, and labels among the
        classes of the model.

    X_test : rows of shape (n_samples, ...)
        Rows to classify.

    ballots : ndarray of shape (n_samples, n_models)
        Those of the model for `X_test`.

    Returns
    -------
    ballots : ndarray of shape (n_samples, n_models)
        Those of a clone that was fitted on all rows.
    """
    parts = model._partitions
    numbers = parts.touched(*poison)
    X = model._check_X(append(clean[0], poison[0]))
    y = np.concatenate([clean[1], poison[1]])
    models = parts.train(model.estimator, X, y, numbers, model.n_jobs)
    ballots = ballots.copy()
    if len(numbers):
        X_test = model._check_X(X_test)
        ballots[:, numbers] = ask(models, X_test, model.classes_, model.n_jobs)
    return ballots
