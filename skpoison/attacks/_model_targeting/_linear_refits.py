"""Optima of a linear model while rows are added to its data, one at a time."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from copy import copy

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from skpoison.attacks._model_targeting._counted_rows import CountedRows

# Largest entry of the mean gradient at what counts as an optimum.
TOLERANCE = 1e-7
MAX_ITER = 500
# Steps of one refit after which the second derivatives are computed anew.
N_STALE = 4


class SmoothRefits:
    """Optimum of a logistic regression or of a machine with the squared hinge loss.

    Each refit starts from the last one, with steps of a quasi-Newton method whose
    matrix is kept up to date with the rows that come and the steps that are made.

    Parameters
    ----------
    problem : LinearProblem
        The clean data and the objective.

    theta : ndarray of shape (n_params,)
        Where to start.

    tol : float, default=1e-7
        Largest entry of the mean gradient at the optimum.

    Attributes
    ----------
    theta : ndarray of shape (n_params,)
        The optimum.

    margins : ndarray of shape (n_samples,)
        Margins of the clean rows there.
    """

    def __init__(self, problem, theta, tol=TOLERANCE):
        self.problem, self.loss, self.tol = problem, problem.loss, tol
        self.rows, self.added = problem.signed_rows, CountedRows(len(theta))
        self.theta = theta.copy()
        self._evaluate()
        self._invert()
        self._solve()

    def copy(self):
        """Give the same optimum, to which other rows can be added."""
        new = copy(self)
        new.added = self.added.copy()
        new.theta, new.inverse = self.theta.copy(), self.inverse.copy()
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
        signed = sign * row
        self.added.add(signed, count)
        margin = signed @ self.theta
        self.gradient = self.gradient + count * self.loss.slope(margin) * signed
        self._update(signed, count * self.loss.curvature(margin))
        self._solve()

    def add_all(self, rows, signs, counts):
        """Add many rows, each with a label and a number of copies."""
        for row, sign, count in zip(rows, signs, counts, strict=True):
            self.added.add(sign * row, count)
        self._evaluate()
        self._invert()
        self._solve()

    def _evaluate(self):
        """Compute the margins and the gradient at the parameters."""
        self.margins = self.rows @ self.theta
        self.gradient = self.loss.slope(self.margins) @ self.rows
        self.gradient += self.problem.decay * self.theta
        if len(self.added):
            slopes = self.loss.slope(self.added.rows @ self.theta) * self.added.counts
            self.gradient += slopes @ self.added.rows

    def _solve(self):
        """Step until the gradient is small."""
        n_rows = len(self.rows) + self.added.counts.sum()
        for k in range(MAX_ITER):
            error = np.abs(self.gradient).max() / n_rows
            if error <= self.tol:
                return
            if k % N_STALE == N_STALE - 1:
                self._invert()
            if not self._step(-self.inverse @ self.gradient):
                break
        self.problem.check_converged(error)

    def _step(self, step):
        """Go along a step until the slope along it is at most half as steep."""
        theta, gradient = self.theta, self.gradient
        before, share = gradient @ step, 1.0
        while share > 1e-12:
            self.theta = theta + share * step
            self._evaluate()
            after = self.gradient @ step
            if after <= -0.5 * before:
                self._learn(self.theta - theta, self.gradient - gradient)
                return True
            share *= max(before / (before - after), 0.1)
        return False

    def _learn(self, change, response):
        """Make the inverse matrix give back the last step, as BFGS does."""
        product = change @ response
        if product <= 0:
            return
        u = self.inverse @ response
        factor = (1 + response @ u / product) / product
        cross = np.outer(change, u) / product
        self.inverse += factor * np.outer(change, change) - cross - cross.T

    def _update(self, row, curvature):
        """Add the second derivatives of a new row to the inverse matrix."""
        u = self.inverse @ row
        self.inverse -= np.outer(u, u) * (curvature / (1 + curvature * (row @ u)))

    def _invert(self):
        """Compute the matrix of second derivatives anew."""
        H = _weighted_gram(self.rows, self.loss.curvature(self.margins))
        curvatures = self.loss.curvature(self.added.rows @ self.theta)
        H += _weighted_gram(self.added.rows, curvatures * self.added.counts)
        # Directions without curvature get a little, or the matrix has no inverse.
        ridge = 1e-10 * (1 + np.trace(H) / len(H))
        H[np.diag_indices_from(H)] += self.problem.decay + ridge
        self.inverse = cho_solve(cho_factor(H), np.eye(len(H)))


def _weighted_gram(rows, weights):
    root = np.sqrt(weights)[:, np.newaxis] * rows
    return root.T @ root
