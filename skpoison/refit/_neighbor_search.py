"""Neighbors of test rows among clean and poison rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from copy import copy
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from skpoison.refit._neighbor_votes import vote
from skpoison.refit._poison_rows import PoisonRows
from skpoison.utils._sklearn import ArgKmin


@dataclass
class Problem:
    """What all searches read: the clean model, the poison and the test rows."""

    estimator: object
    clean: object
    rows: PoisonRows
    X: object
    strategy: object

    def __post_init__(self):
        # So that arrays are no surprise to a model that was fitted on a frame.
        self.clean = copy(self.clean)
        vars(self.clean).pop("feature_names_in_", None)
        self.fit_X, self.codes = self.clean._fit_X, self.clean._y
        self.k = self.clean.n_neighbors
        self.n_classes = len(self.clean.classes_)
        self.is_weighted = self.clean.weights == "distance"

    def data_of(self, j):
        """Training rows and classes of model ``j``."""
        X_poison = self.rows.X[self.rows.of(j)]
        stack = sparse.vstack if sparse.issparse(self.fit_X) else np.concatenate
        options = {"format": "csr"} if sparse.issparse(self.fit_X) else {}
        return stack([self.fit_X, X_poison], **options), self.codes_of(j)

    def codes_of(self, j):
        """Classes of the training rows of model ``j``."""
        return np.concatenate([self.codes, self.rows.codes[self.rows.of(j)]])

    def copies_near(self, near):
        """Poison rows that are copies of clean neighbors.

        Returns the poison rows, the test row that each is near to, and the distance.
        """
        content = self.rows.first[near.index]
        n_rows = len(content)
        cells = content + self.rows.n_clean * np.arange(n_rows)[:, np.newaxis]
        _, once = np.unique(cells, return_index=True)
        poison, which = self.rows.having(content.ravel()[once])
        once = once[which]
        return poison, once // content.shape[1], near.dist.ravel()[once]


@dataclass
class Near:
    """The nearest clean rows of some test rows, nearest first.

    `is_open` tells where more clean rows may be as far as the last; `None` where only
    the listed ones can be neighbors. Distances that differ by no more than `band` may
    be in either order.
    """

    index: np.ndarray
    dist: np.ndarray
    band: object
    is_open: object

    def __post_init__(self):
        self.limit = self.dist[:, -1]


@dataclass
class Events:
    """Poison rows near to test rows.

    Poison row `poison` of model `owner` is `dist` from test row `test`. `odd` tells of
    distances that scikit-learn may round differently in that model; `poison` is -1
    where it is the distance of a clean row.
    """

    poison: np.ndarray
    owner: np.ndarray
    test: np.ndarray
    dist: np.ndarray
    odd: np.ndarray


class PairSearch:
    """Search by distances that depend on the two rows alone, not on their places.

    Test rows whose vote hangs on rows at one distance are given to scikit-learn.

    Parameters
    ----------
    problem : Problem
        The data.

    reduces : bool
        Whether scikit-learn finds the neighbors by `ArgKmin`.

    band : float, default=None
        For distances that do depend on the place, by no more than this; all test rows
        are given to scikit-learn, then, as soon as one is.
    """

    weight_of = staticmethod(lambda dist: dist)

    def __init__(self, problem, *, reduces=False, band=None):
        self.problem, self._reduces, self._band = problem, reduces, band
        self._whole = {}
        self._new = None
        if problem.rows.new.shape[0]:
            clean = problem.clean
            self._new = NearestNeighbors(
                algorithm=clean._fit_method,
                leaf_size=clean.leaf_size,
                metric=clean.metric if callable(clean.metric) else str(clean.metric),
                p=clean.p,
                metric_params=clean.metric_params,
            ).fit(problem.rows.new)

    def nearest(self, batch):
        """Nearest clean rows of a slice of the test rows."""
        problem = self.problem
        k = problem.k
        dist, index = problem.clean.kneighbors(problem.X[batch], k + 1)
        band = self._band
        if band is None:
            rounding = 4 * (problem.X.shape[1] + 16) * np.finfo(float).eps
            band = rounding * dist[:, k:]
        is_open = dist[:, k:] <= dist[:, k - 1 : k] + 2 * band
        return Near(index[:, :k], dist[:, :k], band, is_open.ravel())

    def events(self, batch, near):
        """Poison rows that may be among the neighbors of these test rows."""
        poison, test, dist = self.problem.copies_near(near)
        if self._new is not None:
            new = self._new_near(batch, near)
            poison, test, dist = (
                np.concatenate(pair)
                for pair in zip((poison, test, dist), new, strict=True)
            )
        limit = near.limit + np.broadcast_to(near.band, (len(near.dist), 1)).ravel()
        keep = dist <= limit[test]
        poison, test, dist = poison[keep], test[keep], dist[keep]
        owner = self.problem.rows.owner[poison]
        return Events(poison, owner, test, dist, np.zeros(len(poison), bool))

    def _new_near(self, batch, near):
        rows = self.problem.rows
        radius = (near.limit.max() + np.max(near.band)) * (1 + 1e-6)
        dist, index = self._new.radius_neighbors(self.problem.X[batch], radius)
        test = np.repeat(np.arange(len(dist)), [len(d) for d in dist])
        poison, which = rows.having(np.concatenate(index) + rows.n_clean)
        return poison, test[which], np.concatenate(dist)[which]

    def resolve(self, todo, batch, out):
        """Predict by scikit-learn where ``todo[j, i]``, into ``out[j, i]``."""
        for j in np.flatnonzero(todo.any(axis=1)):
            here = np.flatnonzero(todo[j])
            out[j, here] = self._predict(j, batch.start + here)

    def _predict(self, j, test):
        problem = self.problem
        if self._band is not None:
            if j not in self._whole:
                self._whole[j] = self._fit(j).predict(problem.X)
            return self._whole[j][test]
        if not self._reduces:
            return self._fit(j).predict(problem.X[test])
        X, codes = problem.data_of(j)
        dist, index = ArgKmin.compute(
            problem.X[test],
            X,
            problem.k,
            metric=problem.clean.effective_metric_,
            metric_kwargs=dict(problem.clean.effective_metric_params_),
            strategy=problem.strategy(X.shape[0]),
            return_distance=True,
        )
        weighing = dist if problem.is_weighted else None
        return vote(codes[index], weighing, problem.n_classes)

    def _fit(self, j):
        return clone(self.problem.estimator).fit(*self.problem.data_of(j))
