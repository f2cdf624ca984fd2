"""Optima of a support vector machine while rows are added to its data."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from copy import copy

import numpy as np

from skpoison.attacks._model_targeting._box_quadratic import minimize_in_box
from skpoison.attacks._model_targeting._counted_rows import CountedRows

# How far a margin may be on the wrong side of 1.
TOLERANCE = 1e-7
MAX_ITER = 2000
# Most rows that are solved for at once, and of those that may come to the margin.
MAX_WORKING, MAX_NEAR = 300, 200


class HingeRefits:
    """Optimum of a machine with the hinge loss, by its dual.

    Each refit starts from the dual variables of the last one. It solves for those of
    rows on the margin, of rows that may come to it, and of rows on the wrong side of
    it, until none are on the wrong side.

    Parameters
    ----------
    problem : LinearProblem
        The clean data and the objective.

    theta : ndarray of shape (n_params,)
        Where to start.

    tol : float, default=1e-7
        How far margins may be on the wrong side of 1 at the optimum.

    Attributes
    ----------
    theta : ndarray of shape (n_params,)
        The optimum.

    margins : ndarray of shape (n_samples,)
        Margins of the clean rows there.
    """

    def __init__(self, problem, theta, tol=TOLERANCE):
        self.problem, self.tol = problem, tol
        self.scale = 1 / np.sqrt(problem.decay)
        self.rows, self.n_rows = problem.signed_rows * self.scale, len(problem.signs)
        self.added, self.reach = CountedRows(len(theta)), 0.0
        # Dual variables and their bounds, of clean rows and then of added ones.
        self.caps = np.ones(self.n_rows)
        self.alpha = (problem.signed_rows @ theta < 1).astype(float)
        self.w = self.alpha @ self.rows
        self.slack = self.rows @ self.w - 1
        self._solve()

    @property
    def theta(self):
        """The optimum, of shape (n_params,)."""
        return self.scale * self.w

    @property
    def margins(self):
        """Margins of the clean rows at the optimum, of shape (n_samples,)."""
        return self.slack[: self.n_rows] + 1

    def copy(self):
        """Give the same optimum, to which other rows can be added."""
        new = copy(self)
        new.added, new.alpha = self.added.copy(), self.alpha.copy()
        new.caps = self.caps.copy()
        return new

    def add(self, row, sign, count=1):
        """Add copies of a row, and move to the new optimum.

        Parameters
        ----------
        row : ndarray of shape (n_params,)
            The row, as the problem's.

        sign : float
            Its label, -1 or 1.

        count : float, default=1
            Number of copies.
        """
        self.add_all([row], [sign], [count])

    def add_all(self, rows, signs, counts):
        """Add many rows, each with a label and a number of copies."""
        for row, sign, count in zip(rows, signs, counts, strict=True):
            signed = sign * row * self.scale
            number = self.n_rows + self.added.add(signed, count)
            if number == len(self.alpha):
                self.alpha, self.caps = (
                    np.append(self.alpha, 0),
                    np.append(self.caps, 0),
                )
                self.slack = np.append(self.slack, signed @ self.w - 1)
            self.caps[number] += count
        self._solve()

    def _solve(self):
        """Move dual variables until every margin is where its variable says."""
        before = self.slack
        for _ in range(MAX_ITER):
            wrong = np.where(self.alpha < self.caps, -self.slack, 0)
            wrong = np.maximum(wrong, np.where(self.alpha > 0, self.slack, 0))
            if wrong.max() <= self.tol:
                self.reach = np.abs(self.slack - before).max()
                return
            self._solve_for(self._working_set(wrong))
        self.problem.check_converged(wrong.max())

    def _solve_for(self, at):
        """Solve for some dual variables, the others as they are."""
        n, old = self.n_rows, self.alpha[at]
        rows = np.concatenate([self.rows[at[at < n]], self.added.rows[at[at >= n] - n]])
        new = minimize_in_box(rows, self.slack[at], old, self.caps[at], self.tol / 4)
        self.alpha[at], self.w = new, self.w + (new - old) @ rows
        self.slack = np.concatenate([self.rows @ self.w, self.added.rows @ self.w])
        self.slack -= 1

    def _working_set(self, wrong):
        """Rows whose variables are neither 0 nor full, the worst, and the nearest."""
        free = (self.alpha > 0) & (self.alpha < self.caps)
        distance = np.abs(self.slack)
        near = distance <= self.reach
        if np.count_nonzero(near) > MAX_NEAR:
            near &= distance <= np.partition(distance, MAX_NEAR)[MAX_NEAR]
        rank = np.where(free, np.inf, wrong)
        at = ((rank > self.tol / 2) | near).nonzero()[0]
        if len(at) <= MAX_WORKING:
            return at
        # In order, clean rows before added ones.
        return np.sort(at[np.argsort(-rank[at], kind="stable")[:MAX_WORKING]])
