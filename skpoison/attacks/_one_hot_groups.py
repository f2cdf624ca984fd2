"""Columns of which at most one is on."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np

# Of the distance from off to on: how far a value may lie from either.
TOLERANCE = 1e-6
NEVER = -1e6


@dataclass(frozen=True, eq=False)
class OneHotGroup:
    """Columns that encode one categorical feature.

    A column is off at its lower bound and on at its upper one.

    Parameters
    ----------
    columns : ndarray of shape (n_categories,), dtype=int
        Numbers of the columns.

    exactly_one : bool, default=True
        Whether one of them is always on. False where a row may have none, as in
        encodings that drop the first category.
    """

    columns: np.ndarray
    exactly_one: bool = True

    def _project(self, X, X0, lower, upper, fixed):
        """Switch the column on that is nearest to on.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        X0 : ndarray of shape (n_samples, n_features)
            Feasible rows that `fixed` columns are copied from.

        lower, upper : ndarray of shape (n_features,)
            Values of columns that are off and on.

        fixed : ndarray of shape (n_features,), dtype=bool
            Columns that may not change.

        Returns
        -------
        values : ndarray of shape (n_samples, n_categories)
            The columns of the group.
        """
        share = self._free_share(X, lower, upper, fixed)
        is_on = share.argmax(axis=1)[:, np.newaxis] == np.arange(share.shape[1])
        if not self.exactly_one:
            is_on &= share > 0.5
        return self._values(is_on.astype(float), X0, lower, upper, fixed)

    def _relax(self, X, X0, lower, upper, fixed):
        """Give the nearest mixtures of the rows that `_project` may give.

        Parameters and return value are those of `_project`.
        """
        share = self._free_share(X, lower, upper, fixed)
        mixed = np.maximum(share, 0)
        over = self.exactly_one | (mixed.sum(axis=1, keepdims=True) > 1)
        mixed = np.where(over, _onto_simplex(share), mixed)
        return self._values(mixed, X0, lower, upper, fixed)

    def _violations(self, X, lower, upper):
        """Tell which rows are no one-hot code, of shape (n_samples,)."""
        share = self._share(X, lower, upper)
        odd = np.minimum(np.abs(share), np.abs(share - 1)).max(axis=1) > TOLERANCE
        total = np.rint(share).sum(axis=1)
        return odd | (total > 1) | (self.exactly_one & (total < 1))

    def _free_share(self, X, lower, upper, fixed):
        """Columns between off and on; far below for those that may not change."""
        share = self._share(X, lower, upper)
        return np.where(fixed[self.columns], NEVER, share)

    def _values(self, share, X0, lower, upper, fixed):
        """Columns whose share is given, or those of X0 where they may not change."""
        at = self.columns
        off, on, fixed = lower[at], upper[at], fixed[at]
        # A column that is on and may not change leaves the whole group as it is.
        was_on = self._share(X0, lower, upper) > 0.5
        stays = fixed.all() | (was_on & fixed).any(axis=1)
        values = (1 - share) * off + share * on  # exactly off and on at 0 and 1
        return np.where(stays[:, np.newaxis], X0[:, at], values)

    def _share(self, X, lower, upper):
        """Columns of the group in units in which off is 0 and on is 1."""
        off, on = lower[self.columns], upper[self.columns]
        return (X[:, self.columns] - off) / (on - off)


def find_groups(X, is_binary, is_constant):
    """Find runs of neighboring columns of two values that exclude each other.

    Runs of which one column is always on come first; what is left is split into
    the longest runs, a single column among them, of which at most one is on.
    Constant columns, such as categories that X lacks, do not end a run.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.

    is_binary : ndarray of shape (n_features,), dtype=bool
        Columns with two values.

    is_constant : ndarray of shape (n_features,), dtype=bool
        Columns with one value.

    Returns
    -------
    groups : list of OneHotGroup
        Each column of two values is in one of them.
    """
    columns = np.flatnonzero(~is_constant)
    on = [X[:, j] == X[:, j].max() if is_binary[j] else None for j in columns]
    free, groups = list(is_binary[columns]), []
    for wants_cover in (True, False):
        for start in np.flatnonzero(free):
            run, covers = _run(on, free, start)
            if run and ((len(run) > 1 and covers) or not wants_cover):
                groups.append(OneHotGroup(columns[run], covers and len(run) > 1))
                for at in run:
                    free[at] = False
    return sorted(groups, key=lambda group: group.columns[0])


def _run(on, free, start):
    """Columns from one on that exclude each other, and whether one is always on."""
    run, any_on = [], np.zeros(len(on[start]), dtype=bool)
    for at in range(start, len(on)):
        if not free[at] or (any_on & on[at]).any():
            break
        run.append(at)
        any_on |= on[at]
        if any_on.all():
            break
    return run, bool(any_on.all())


def _onto_simplex(U):
    """Nearest vectors of positive numbers that sum to one."""
    ordered = -np.sort(-U, axis=1)
    excess = (np.cumsum(ordered, axis=1) - 1) / np.arange(1, U.shape[1] + 1)
    last = np.count_nonzero(ordered > excess, axis=1) - 1
    return np.maximum(U - excess[np.arange(len(U)), last][:, np.newaxis], 0)
