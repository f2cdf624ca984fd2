"""Poison on its way through the rows that constraints allow."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np


class PoisonPath:
    """Poison rows, moved step by step.

    A step of a gradient seldom takes a one-hot group or a whole number over to its
    next value. Steps add up in mixtures of feasible rows, which need be neither one-hot
    nor whole; `rows` are the feasible rows next to them.

    Parameters
    ----------
    X0 : ndarray of shape (n_poison, ...)
        Feasible rows to start from.

    constraints : FeatureConstraints
        Resolved constraints.

    step_size : float
        Size of a step, as a share of the width of the box.

    owner : str
        Who moves, for the error.

    Attributes
    ----------
    rows : ndarray of shape (n_poison, ...)
        The poison as it is.
    """

    def __init__(self, X0, constraints, step_size, owner):
        self.X0, self.constraints = X0, constraints
        self.moves = self._checked_moves(step_size, owner)
        self.rows, self._mixtures = X0.copy(), X0.copy()

    def move(self, gradients):
        """Take one step up the gradients of rows.

        Features move by the sign of their derivative, each as far as the others.
        Columns of a one-hot group share one step: signs alone would switch on any
        column that is better than none.

        Parameters
        ----------
        gradients : ndarray of shape (n_poison, ...)
            Derivatives in the features of what is to rise.
        """
        directions = np.sign(gradients)
        for group in self.constraints.one_hot:
            directions[:, group.columns] = self._of_group(gradients, group.columns)
        mixtures = self._mixtures + self.moves * directions
        self._mixtures = self.constraints.relax(mixtures, self.X0)
        self.rows = self.constraints.project(self._mixtures, self.X0)

    def _of_group(self, gradients, columns):
        """Share of the step of a group that each of its columns takes."""
        width = (self.constraints.upper - self.constraints.lower)[columns]
        gains = gradients[:, columns] * width
        largest = np.abs(gains).max(axis=1, keepdims=True)
        return np.divide(gains, largest, out=np.zeros_like(gains), where=largest > 0)

    def _checked_moves(self, step_size, owner):
        limits = self.constraints
        if not limits.movable.any():
            raise ValueError(
                f"constraints={limits!r} of {owner} allow no feature to change. Widen "
                "them, or use SubpopPoisoner, whose poison is copies."
            )
        moves = np.where(limits.movable, limits.moves(step_size), 0)
        if not np.isfinite(moves).all():
            raise ValueError(
                f"constraints of {owner} leave the size of a step open at "
                f"{limits.describe(~np.isfinite(moves))}. Give them lower and upper, "
                "or step, or eps, or learn them with FeatureConstraints.from_data(X)."
            )
        return moves
