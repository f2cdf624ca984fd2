"""Optima of a support vector machine while rows are added to its data."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._box_quadratic import minimize_in_box
from skpoison.attacks._counted_rows import CountedRows

# How far a margin may be on the wrong side of 1.
TOLERANCE = 1e-7
MAX_ITER = 2000
MAX_WORKING = 300


class HingeRefits:
    """Optimum of a machine with the hinge loss, by its dual.

    Each refit starts from the dual variables of the last one. It solves for those of
    rows on the margin, and on the wrong side of it, until none are on the wrong side.

    Parameters
    ----------
    problem : LinearProblem
        The clean data and the objective.

    theta : ndarray of shape (n_params,)
        Where to start.

    tol : float, default=1e-7
        How far margins may be on the wrong side of 1 at the optimum.
    """

    def __init__(self, problem, theta, tol=TOLERANCE):
        self.problem, self.tol = problem, tol
        self.scale = 1 / np.sqrt(problem.decay)
        self.data = CountedRows(problem.signed_rows * self.scale)
        self.alpha = np.where(problem.signed_rows @ theta < 1, 1.0, 0.0)
        self.w = self.alpha @ self.data.rows
        self._solve()

    @property
    def theta(self):
        """The optimum, of shape (n_params,)."""
        return self.scale * self.w

    @property
    def margins(self):
        """Margins of the clean rows at the optimum, of shape (n_samples,)."""
        return self._margins[: self.data.n_first]

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
        w = self.w.copy()
        for row, sign, count in zip(rows, signs, counts, strict=True):
            signed = sign * row * self.scale
            number = self.data.add(signed, count)
            if number == len(self.alpha):
                self.alpha = np.append(self.alpha, 0.0)
            if signed @ self.w < 1:
                self.alpha[number] += count
                w += count * signed
        self.w = w
        self._solve()

    def _solve(self):
        """Move dual variables until every margin is where its variable says."""
        rows, alpha, caps = self.data.rows, self.alpha, self.data.counts
        for _ in range(MAX_ITER):
            self._margins = rows @ self.w
            slack = self._margins - 1
            wrong = np.where(alpha < caps, -slack, 0)
            wrong = np.maximum(wrong, np.where(alpha > 0, slack, 0))
            if wrong.max() <= self.tol:
                return
            at = self._working_set(wrong)
            before = alpha[at]
            alpha[at] = minimize_in_box(
                rows[at], slack[at], before, caps[at], self.tol / 4
            )
            self.w = self.w + (alpha[at] - before) @ rows[at]
        self.problem.check_converged(wrong.max())

    def _working_set(self, wrong):
        """Rows whose variables are neither 0 nor full, and the worst others."""
        free = (self.alpha > 0) & (self.alpha < self.data.counts)
        rank = np.where(free, np.inf, wrong)
        at = np.flatnonzero(rank > self.tol / 2)
        if len(at) <= MAX_WORKING:
            return at
        return at[np.argsort(-rank[at], kind="stable")[:MAX_WORKING]]
