"""Small quadratic programs in a box."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.linalg import lapack

MAX_ITER = 5000
TINY = 1e-300


def minimize_in_box(rows, gradient, start, upper, tol):
    """Minimise a convex quadratic function in a box, by an active set method.

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
    # Directions without curvature end at a bound.
    ridge = 1e-10 * (1e-300 + np.vdot(rows, rows) / len(rows))
    x, gradient = start.copy(), gradient.copy()
    free, is_stuck = (x > 0) & (x < upper), False
    for _ in range(MAX_ITER):
        at = free.nonzero()[0]
        if not len(at) or np.abs(gradient[at]).max() <= tol:
            if not _release(free, x, gradient, upper, tol, is_stuck):
                break
            at = free.nonzero()[0]
        part, old, high = rows[at], x[at], upper[at]
        new, is_blocked = _descend(part, gradient[at], old, high, ridge)
        gradient += rows @ ((new - old) @ part)
        x[at], free[at[is_blocked]] = new, False
        is_stuck = (new == old).all()
    return x


def _descend(rows, gradient, start, upper, ridge):
    """Take Newton's steps, and fix each variable that ends one at a bound.

    Returns
    -------
    x : ndarray of shape (n_variables,)
        The point that the last step led to, which was not cut short.

    is_blocked : ndarray of shape (n_variables,), dtype=bool
        Variables that were fixed.
    """
    Q, x, fall = rows @ rows.T, start.copy(), -gradient
    Q.flat[:: len(Q) + 1] += ridge
    beyond = np.zeros(len(x))  # infinite for variables that are fixed
    for _ in range(len(x)):
        step = lapack.dposv(Q, fall)[1]
        shares = (np.where(step > 0, upper - x, x) + beyond) / (np.abs(step) + TINY)
        first = shares.argmin()
        share = shares[first]
        if share >= 1:
            x += step
            break
        if share == 0:
            first = (shares == 0).nonzero()[0]
        x += share * step
        # A step takes its share of the gradient. What is fixed has none, nor a step.
        fall *= 1 - share
        Q[first] = Q[:, first] = fall[first] = 0
        Q[first, first], beyond[first] = 1, np.inf
    is_blocked = beyond > 0
    ends = np.where(x > upper / 2, upper, 0)
    return np.where(is_blocked, ends, x), is_blocked


def _release(free, x, gradient, upper, tol, is_stuck):
    """Free the variables at a bound that can go down, or the best of them."""
    gain = np.where(x < upper, -gradient, 0)
    gain = np.where(free, 0, np.maximum(gain, np.where(x > 0, gradient, 0)))
    if gain.max() <= tol:
        return False
    if is_stuck:
        free[gain.argmax()] = True
    else:
        free |= gain > tol
    return True
