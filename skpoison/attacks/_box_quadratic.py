"""Small quadratic programs in a box."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.linalg import cho_factor, cho_solve

MAX_ITER = 200


def minimize_in_box(rows, gradient, start, upper, tol):
    """Minimise a quadratic function in a box, by projected Newton steps.

    Parameters
    ----------
    rows : ndarray of shape (n_variables, n_params)
        The products of each two rows are the second derivatives.

    gradient : ndarray of shape (n_variables,)
        Gradient at the start.

    start : ndarray of shape (n_variables,)
        A point in the box.

    upper : ndarray of shape (n_variables,)
        Upper bounds; the lower ones are 0.

    tol : float
        Largest entry of the gradient, of those that can go down, at the end.

    Returns
    -------
    x : ndarray of shape (n_variables,)
        The minimum, or the point where it gave up.
    """
    Q = rows @ rows.T
    ridge = 1e-10 * (1e-300 + np.trace(Q) / len(Q))
    x = start.copy()
    for _ in range(MAX_ITER):
        stays = ((x <= 0) & (gradient > 0)) | ((x >= upper) & (gradient < 0))
        free = np.flatnonzero(~stays)
        if not len(free) or np.abs(gradient[free]).max() <= tol:
            break
        direction = np.zeros_like(x)
        H = Q[np.ix_(free, free)]
        H[np.diag_indices_from(H)] += ridge
        direction[free] = -cho_solve(cho_factor(H), gradient[free])
        change = _descend(Q, gradient, x, direction, upper)
        if change is None:
            change = _one_by_one(Q, gradient, x, upper, free)
        x = np.clip(x + change, 0, upper)
        gradient = gradient + Q @ change
    return x


def _descend(Q, gradient, x, direction, upper):
    """Change along the projected direction that lowers the function enough."""
    share = 1.0
    while share > 1e-6:
        change = np.clip(x + share * direction, 0, upper) - x
        slope = gradient @ change
        if slope < 0 and 0.5 * change @ (Q @ change) <= -0.9 * slope:
            return change
        share /= 2
    return None


def _one_by_one(Q, gradient, x, upper, free):
    """Change of one minimisation over each free variable."""
    gradient, new = gradient.copy(), x.copy()
    for j in free[Q[free, free] > 0]:
        moved = min(max(new[j] - gradient[j] / Q[j, j], 0.0), upper[j]) - new[j]
        gradient += moved * Q[j]
        new[j] += moved
    return new - x
