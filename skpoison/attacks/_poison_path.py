"""Poison on its way through the rows that constraints allow."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

# What a step is multiplied by where a derivative keeps its sign, and where it turns.
GROW, SHRINK = 1.2, 0.5
# Bounds of steps: a multiple of the first one, and a share of the width of the box.
SMALLEST, LARGEST = 1e-3, 0.5
# What first steps are multiplied by where the way is taken again.
AGAIN = 0.25


class PoisonPath:
    """Poison rows, moved step by step.

    Each feature of each row moves by the sign of its derivative, with a step of its
    own that grows while the sign stays and shrinks once it turns (resilient
    propagation). So rows find where they do most harm in units of any size.

    A step seldom takes a one-hot group or a whole number over to its next value. Steps
    add up in mixtures of feasible rows, which need be neither one-hot nor whole; `rows`
    are the feasible rows next to them.

    Parameters
    ----------
    X0 : ndarray of shape (n_poison, ...)
        Feasible rows to start from.

    constraints : FeatureConstraints
        Resolved constraints.

    step_size : float
        Size of the first step, as a share of the width of the box.

    owner : str
        Who moves, for the error.

    Attributes
    ----------
    rows : ndarray of shape (n_poison, ...)
        The poison as it is.
    """

    def __init__(self, X0, constraints, step_size, owner):
        self.X0, self.constraints = X0, constraints
        self._first = self._first_steps(step_size, owner)
        self._smallest = SMALLEST * self._first
        self._largest = np.maximum(self._first, constraints.moves(LARGEST))
        self._start(X0.copy(), X0.copy())
        self.keep()

    def move(self, gradients):
        """Take one step up.

        Parameters
        ----------
        gradients : ndarray of shape (n_poison, ...)
            Derivatives in the features of what is to rise.
        """
        signs = np.sign(gradients)
        factors = np.choose((1 + signs * self._signs).astype(int), [SHRINK, 1, GROW])
        self._steps = np.clip(self._steps * factors, self._smallest, self._largest)
        self._signs = signs
        mixtures = self._mixtures + self._steps * self._directions(gradients)
        self._mixtures = self.constraints.relax(mixtures, self.X0)
        self.rows = self.constraints.project(self._mixtures, self.X0)

    def keep(self):
        """Remember where the poison is."""
        self._kept = self.rows, self._mixtures

    def go_back(self):
        """Go back to where it was kept, and on from there with smaller steps."""
        self._first = AGAIN * self._first
        self._start(*self._kept)

    def _start(self, rows, mixtures):
        self.rows, self._mixtures = rows, mixtures
        self._steps = np.broadcast_to(self._first, rows.shape)
        self._signs = np.zeros(rows.shape)

    def _directions(self, gradients):
        """Signs; columns of a one-hot group by what they gain against each other.

        Signs would switch on any column that is better than none.
        """
        directions = np.sign(gradients)
        for group in self.constraints.one_hot:
            at = group.columns
            width = (self.constraints.upper - self.constraints.lower)[at]
            gains = gradients[:, at] * width
            largest = np.abs(gains).max(axis=1, keepdims=True)
            directions[:, at] = gains / np.maximum(largest, np.finfo(float).tiny)
        return directions

    def _first_steps(self, step_size, owner):
        limits = self.constraints
        if not limits.movable.any():
            raise ValueError(
                f"constraints of {owner} allow no feature to change. Widen them, or "
                f"use SubpopPoisoner, whose poison is copies. Got {limits!r}."
            )
        steps = np.where(limits.movable, limits.moves(step_size), 0)
        if not np.isfinite(steps).all():
            raise ValueError(
                f"constraints of {owner} leave the size of a step open at "
                f"{limits.describe(~np.isfinite(steps))}. Give them lower and upper, "
                "or step, or eps, or learn them with FeatureConstraints.from_data(X)."
            )
        return steps
