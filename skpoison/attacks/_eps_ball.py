"""The rows that poison may be moved to."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._feature_constraints import FeatureConstraints
from skpoison.attacks._numeric_rows import numeric_rows, rows_in_container

FLOATS = (np.float16, np.float32, np.float64)
# No float is a third exactly; each rounds it to another number.
THIRD = 1 / 3


class EpsBall:
    """Rows near given ones and inside a box, as their container holds them.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Container of the rows.

    X0 : ndarray of shape (n_new, ...), dtype=float64
        Rows in the middle.

    constraints : FeatureConstraints
        Resolved for the rows of X, with a finite `eps`; `X0` keeps to them.

    Attributes
    ----------
    shape : tuple of int
        Shape of `X0`.

    radius : ndarray of the shape of a row
        Largest change of each feature.

    lower, upper : ndarray of shape (n_new, ...)
        Bounds of each row, which rounding to the container's floats never crosses.
    """

    def __init__(self, X, X0, constraints):
        self.X0, self.shape = X0, X0.shape
        self.constraints, self.radius = constraints, constraints.eps
        self._floats = floats_of(X)
        room = np.where(constraints.movable, constraints.eps, 0)
        lower = np.maximum(X0 - room, np.minimum(X0, constraints.lower))
        upper = np.minimum(X0 + room, np.maximum(X0, constraints.upper))
        lower = np.where(constraints.integer, np.ceil(lower), lower)
        upper = np.where(constraints.integer, np.floor(upper), upper)
        self.lower, self.upper = self._inward(lower, room), self._inward(upper, room)

    @property
    def is_point(self):
        """Whether no feature of any row has room to move."""
        return bool((self.lower == self.upper).all())

    def draw(self, random_state):
        """Draw rows uniformly."""
        share = random_state.uniform(size=self.shape)
        return self.clip(self.lower + share * (self.upper - self.lower))

    def clip(self, X):
        """Give the nearest rows between the bounds, whole numbers or not."""
        return np.clip(X, self.lower, self.upper)

    def settle(self, X):
        """Give the nearest rows that keep to all constraints, as they are held."""
        X = self.clip(self.constraints.project(self.clip(X), self.X0))
        return self._rounded(X)

    def _inward(self, bounds, room):
        """Numbers that the container holds, next to bounds and not beyond them."""
        held = self._rounded(bounds)
        step = np.abs(held - self.X0)
        beyond = (step > np.abs(bounds - self.X0)) | (step > room)
        for number, dtype in enumerate(FLOATS):
            inward = np.nextafter(held.astype(dtype), self.X0.astype(dtype))
            held = np.where(beyond & (self._floats == number), inward, held)
        return held

    def _rounded(self, X):
        for number, dtype in enumerate(FLOATS):
            X = np.where(self._floats == number, X.astype(dtype), X)
        return X


def learn_box(values, X):
    """Constraints to the range of rows: of each column, or of all pixels of images."""
    axis = 0 if values.ndim == 2 else None
    return FeatureConstraints(values.min(axis), values.max(axis)).for_rows(X)


def floats_of(X):
    """Which of FLOATS each feature is held as; the last where it is an integer."""
    shape = (1, *X.shape[1:])
    probe = rows_in_container(np.full(shape, THIRD), X, np.array([0]))
    held = numeric_rows(probe, "EpsBall")[0]
    numbers = np.full(held.shape, len(FLOATS) - 1)
    for number, dtype in enumerate(FLOATS):
        numbers[held == np.float64(dtype(THIRD))] = number
    return numbers
