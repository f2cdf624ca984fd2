"""Weights of rows that make a model the optimum of its poisoned training data."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from skpoison.attacks._model_targeting._margin_losses import BEND

# Weight of equations that must hold, beside the gradient that should vanish.
FIRM = 1e3


class ClearGradient:
    """Gradient of the clean objective at a model, and its size in units of curvature.

    Parameters
    ----------
    problem : LinearProblem
        The clean rows and the objective.

    theta : ndarray of shape (n_params,)
        The model.

    Attributes
    ----------
    clean : ndarray of shape (n_params,)
        The gradient; rows where a hinge loss bends are left out.

    bent : ndarray of shape (n_params, n_bent)
        Gradients of those, of which any share may be added.

    middle : ndarray of shape (n_params,)
        The gradient with half of each.
    """

    def __init__(self, problem, theta):
        R, loss = problem.signed_rows, problem.loss
        margins = R @ theta
        slopes, bends = loss.slope(margins), np.zeros(len(R), dtype=bool)
        if loss.is_smooth:
            curvatures = loss.curvature(margins)
        else:
            bends = np.abs(margins - 1) < BEND
            slopes = np.where(bends, 0.0, slopes)
            curvatures = np.abs(margins - 1) < 1
        self.clean = slopes @ R + problem.decay * theta
        self.bent = -R[bends].T
        self.middle = self.clean + self.bent.sum(axis=1) / 2
        H = (R * curvatures[:, np.newaxis]).T @ R + np.diag(problem.decay)
        H[np.diag_indices_from(H)] += 1e-8 * (1 + np.trace(H) / len(H))
        self.root = cholesky(H, lower=True)

    def halved(self, gradient):
        """Give what has the size of a gradient as its length."""
        return solve_triangular(self.root, gradient, lower=True)

    def solved(self, gradient):
        """Give the derivative of half the squared size."""
        half = self.halved(gradient)
        return solve_triangular(self.root, half, lower=True, trans=1)


class StationaryPoison:
    """Search of rows, with weights, that make the gradient at a model vanish.

    The gradient of the clean objective and those of poison rows, times their weights,
    are to cancel. Rows are found one at a time: the one whose loss rises fastest where
    the objective still falls. Then all weights are solved for.

    Parameters
    ----------
    target : TargetBound
        The model, and the search of rows.

    Attributes
    ----------
    rows : list of ndarray of shape (n_features,)
        Distinct rows.

    signs : list of float
        Their labels, -1 or 1.

    sources : list of int
        Rows among the target's sources whose immutable features they have.

    weights : ndarray of shape (n_rows,)
        How often each counts.

    clean : ndarray of shape (n_params,)
        Gradient on the clean rows; where the hinge loss bends, with the best slopes.

    gradient : ndarray of shape (n_params,)
        What is left of the gradient with the poison.
    """

    def __init__(self, target):
        self.target, self.problem = target, target.problem
        self.metric = ClearGradient(self.problem, target.theta)
        self.rows, self.signs, self.sources, self.columns = [], [], [], []
        self.weights, self.clean = np.zeros(0), self.metric.middle
        self.gradient = self.clean

    @property
    def size(self):
        """Size of the gradient that is left, in units of curvature."""
        return float(np.linalg.norm(self.metric.halved(self.gradient)))

    def ahead(self):
        """Give a model near the target on which the objective is smaller."""
        return self.target.nearby(-self.metric.solved(self.gradient))[0]

    def step(self, total):
        """Add a row and solve for weights of a given sum; tell if that helped."""
        before = self.size if self.rows else np.inf
        worst = self.target.worst(self.ahead())
        row = worst.sign * self.problem.design(worst.row[np.newaxis])[0]
        self.rows.append(worst.row)
        self.signs.append(worst.sign)
        self.sources.append(worst.source)
        self.columns.append(self.problem.loss.steepest(row @ self.target.theta) * row)
        self._weigh(total)
        return self.size < before * (1 - 1e-6)

    def mean_gradient_norm(self, rows, signs, weights):
        """Give the Euclidean norm of the mean gradient with other poison."""
        problem, theta = self.problem, self.target.theta
        D = problem.design(rows)
        slopes = weights * signs * problem.loss.steepest(signs * (D @ theta))
        n_rows = len(problem.signed_rows) + weights.sum()
        return float(np.linalg.norm(self.clean + slopes @ D) / n_rows)

    def _weigh(self, total):
        """Find the weights for which the gradient is smallest."""
        Q = np.array(self.columns).T
        shares, bent = _nearest_to_zero(
            self.metric.halved(total * Q + self.metric.clean[:, np.newaxis]),
            self.metric.halved(self.metric.bent),
        )
        self.clean = self.metric.clean + self.metric.bent @ bent
        self.gradient = self.clean + Q @ (total * shares)
        kept = np.flatnonzero(shares > 0)
        for name in ("rows", "signs", "sources", "columns"):
            values = getattr(self, name)
            setattr(self, name, [values[i] for i in kept])
        self.weights = total * shares[kept]


def _nearest_to_zero(columns, bent):
    """Shares of columns, that sum to 1, and of others, each up to 1, that cancel.

    One homogeneous problem of nonnegative least squares: where the shares sum to s,
    the others are up to s; the result is divided by s.
    """
    (n_rows, k), e = columns.shape, bent.shape[1]
    scale = max(np.abs(columns).max(), 1e-300)
    A, at = np.zeros((n_rows + e + 1, k + 2 * e)), np.arange(e)
    A[:n_rows, :k], A[:n_rows, k : k + e] = columns, bent
    A[n_rows:-1, :k] = -FIRM * scale
    A[n_rows + at, k + at] = A[n_rows + at, k + e + at] = FIRM * scale
    A[-1, :k] = scale
    b = np.zeros(len(A))
    b[-1] = scale
    found = nnls(A, b, maxiter=100 * A.shape[1])[0]
    found /= found[:k].sum()
    return found[:k], np.clip(found[k : k + e], 0, 1)
