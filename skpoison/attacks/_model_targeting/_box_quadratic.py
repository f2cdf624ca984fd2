"""Small quadratic programs in a box."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.linalg import lapack

MAX_ITER = 5000


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
    free, stuck = (x > 0) & (x < upper), False
    for _ in range(MAX_ITER):
        at = np.flatnonzero(free)
        if not len(at) or np.abs(gradient[at]).max() <= tol:
            if not _release(free, x, gradient, upper, tol, stuck):
                break
            at = np.flatnonzero(free)
        part, old, high = rows[at], x[at], upper[at]
        Q = part @ part.T
        Q.flat[:: len(Q) + 1] += ridge
        step = lapack.dposv(Q, -gradient[at])[1]
        ends = np.where(step > 0, high, 0.0)
        share, blocked = _longest(ends - old, step)
        x[at] = np.where(blocked, ends, old + share * step)
        gradient += rows @ ((share * step) @ part)
        free[at[blocked]] = False
        stuck = share == 0
    return x


def _release(free, x, gradient, upper, tol, stuck):
    """Free the variables at a bound that can go down, or the best of them."""
    gain = np.where(x < upper, -gradient, 0)
    gain = np.where(free, 0, np.maximum(gain, np.where(x > 0, gradient, 0)))
    if gain.max() <= tol:
        return False
    if stuck:
        free[gain.argmax()] = True
    else:
        free |= gain > tol
    return True


def _longest(room, step):
    """Longest share of a step inside the box, and the variables that end it."""
    shares = np.divide(room, step, out=np.full(len(room), np.inf), where=step != 0)
    share = shares.min()
    return (1.0, shares < 1) if share >= 1 else (share, shares <= share)
