"""Weights of rows that make a model the optimum of its poisoned training data."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

# How near to 1 margins are where the hinge loss may have any slope between its two.
BEND = 1e-6
# Weight of equations that must hold, beside the gradient that should vanish.
FIRM = 1e3


class StationaryPoison:
    """Search of the rows, with weights, that make the gradient at a model vanish.

    The gradient of the clean objective at the model and those of poison rows, times
    their weights, are to cancel. Rows are found one at a time: the one whose loss
    rises fastest where the objective still falls is added, and the weights of all are
    solved for. That is a fully corrective Frank-Wolfe method.

    Parameters
    ----------
    target : TargetBound
        The model, and the search of rows.
    """

    def __init__(self, target):
        self.target, self.problem = target, target.problem
        self._read_clean_rows()
        self.rows, self.signs, self.columns = [], [], []
        self.weights = np.zeros(0)
        self.gradient = self.clean

    def _read_clean_rows(self):
        problem, margins = self.problem, self.target.margins
        slopes, loss = problem.loss.slope(margins), problem.loss
        bends = np.zeros(len(margins), dtype=bool)
        if loss.is_smooth:
            curvatures = loss.curvature(margins)
        else:
            bends = np.abs(margins - 1) < BEND
            slopes = np.where(bends, 0.0, slopes)
            curvatures = 0.5 * (np.abs(margins - 1) < 1)
        R = problem.signed_rows
        self.clean = slopes @ R + problem.decay * self.target.theta
        self.bent = -R[bends].T
        H = (R * curvatures[:, None]).T @ R + np.diag(problem.decay)
        H[np.diag_indices_from(H)] += 1e-8 * (1 + np.trace(H) / len(H))
        self.root = cholesky(H, lower=True)

    def direction(self):
        """Give the direction in which the objective falls, in units of curvature."""
        half = solve_triangular(self.root, self.gradient, lower=True)
        return -solve_triangular(self.root, half, lower=True, trans=1)

    def norm(self):
        """Give the size of the gradient in units of curvature."""
        return np.linalg.norm(solve_triangular(self.root, self.gradient, lower=True))

    def step(self, total):
        """Add a row, and solve for weights that sum to a total."""
        theta = self.target.theta
        worst = self.target.worst(theta + self._short(self.direction()))
        row = worst.sign * self.problem.design(worst.row[None])[0]
        slope = self.problem.loss.slope(row @ theta)
        self.rows.append(worst.row)
        self.signs.append(worst.sign)
        self.columns.append(slope * row)
        self._solve(total)

    def _short(self, direction):
        moved = np.abs(self.problem.signed_rows @ direction).max()
        return 1e-4 * direction / moved

    def _solve(self, total):
        Q = np.array(self.columns).T
        k, e = Q.shape[1], self.bent.shape[1]
        whole = total * Q + self.clean[:, None]
        A = solve_triangular(self.root, np.hstack([whole, self.bent]), lower=True)
        scale = np.abs(A).max()
        A = np.vstack([np.hstack([A, np.zeros((len(A), e))]), np.zeros((1 + e, k + 2 * e))])
        A[-1, :k] = scale
        at = np.arange(e)
        A[-1 - e : -1, :k] = -FIRM * scale
        A[-1 - e + at, k + at] = A[-1 - e + at, k + e + at] = FIRM * scale
        b = np.zeros(len(A))
        b[-1] = scale
        c = nnls(A, b, maxiter=100 * A.shape[1])[0]
        c /= c[:k].sum()
        self.weights = c[:k] * total
        self.gradient = self.clean + Q @ self.weights + self.bent @ np.clip(c[k:k+e],0,1)
        kept = np.flatnonzero(self.weights > 0)
        self.rows=[self.rows[i] for i in kept]; self.signs=[self.signs[i] for i in kept]; self.columns=[self.columns[i] for i in kept]; self.weights=self.weights[kept]
