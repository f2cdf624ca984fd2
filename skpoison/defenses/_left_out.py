"""Models of all rows but those of a group, for many groups."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.base import clone

from skpoison.refit import refit_poisoned
from skpoison.utils._containers import take

# Calls of the engine. The rows of the groups of a call are added for each of them, so
# that few calls stack many rows, and each call trains a model on all others.
MAX_CALLS = 8


def refit_without(model, X, y, masks, n_jobs):
    """Train a model on all rows but those of each mask.

    The refit engine adds rows: it is given the rows that are in no mask of a call, and
    for each mask those of the other masks.

    Parameters
    ----------
    model : classifier
        What to train. It is cloned.

    X : rows of shape (n_samples, ...)
        Training rows.

    y : ndarray of shape (n_samples,)
        Their class labels.

    masks : ndarray of shape (n_masks, n_samples), dtype=bool
        True for the rows to leave out. Some rows of every class must be left.

    n_jobs : int or None
        Number of jobs of the engine.

    Yields
    ------
    fitted : classifier
        The model of each mask.
    """
    for part in np.array_split(masks, min(MAX_CALLS, len(masks)) or 1):
        shared = ~part.any(axis=0)
        if len(np.unique(y[shared])) < len(np.unique(y)):
            rests = (np.flatnonzero(~mask) for mask in part)
            yield from (clone(model).fit(take(X, rest), y[rest]) for rest in rests)
            continue
        added = [np.flatnonzero(~mask & ~shared) for mask in part]
        poisons = [(take(X, rows), y[rows]) for rows in added]
        shared = np.flatnonzero(shared)
        data = take(X, shared), y[shared], poisons
        yield from refit_poisoned(model, *data, n_jobs=n_jobs)


class Drops:
    """Differences of losses of many groups, which come in parts."""

    def __init__(self, n_groups):
        self.count = np.zeros(n_groups, dtype=int)
        self._sum, self._squares = np.zeros(n_groups), np.zeros(n_groups)

    def add(self, j, differences):
        """Take in some differences of group ``j``."""
        self.count[j] += len(differences)
        self._sum[j] += differences.sum()
        self._squares[j] += (differences**2).sum()

    def means(self):
        """Mean difference of each group, NaN where there is none."""
        means = np.full(len(self.count), np.nan)
        return np.divide(self._sum, self.count, out=means, where=self.count > 0)

    def in_errors(self):
        """Give sums over their standard errors for a mean of zero; 0 of nothing."""
        zeros = np.zeros(len(self.count))
        errors = np.sqrt(self._squares)
        return np.divide(self._sum, errors, out=zeros, where=errors > 0)
