"""Numeric features of rows, moved until the gradient at a model vanishes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.optimize import minimize

MAX_ITER = 200


def cancel_gradient(target, metric, clean, rows, signs, weights):
    """Move the free numeric features of rows together.

    One-hot codes, whole numbers and immutable features stay as they are.

    Parameters
    ----------
    target : TargetBound
        The model, and what rows may be.

    metric : ClearGradient
        What makes a gradient large.

    clean : ndarray of shape (n_params,)
        The gradient on the clean rows.

    rows : ndarray of shape (n_rows, n_features)
        Feasible rows.

    signs : ndarray of shape (n_rows,)
        Their labels, -1 or 1.

    weights : ndarray of shape (n_rows,)
        How often each counts.

    Returns
    -------
    moved : ndarray of shape (n_rows, n_features)
        Feasible rows.
    """
    sweep = target.sweep
    free = sweep.box[~sweep.whole[sweep.box]]
    low, width = sweep.lower[free], sweep.width[free]
    if not len(free):
        return rows

    def with_shares(shares):
        moved = rows.copy()
        moved[:, free] = low + width * shares.reshape(len(rows), -1)
        return moved

    def objective(shares):
        size, slopes = _size(target, metric, clean, with_shares(shares), signs, weights)
        return size, (slopes[:, free] * width).ravel()

    start = ((rows[:, free] - low) / width).clip(0, 1).ravel()
    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, 1)] * len(start),
        options={"maxiter": MAX_ITER},
    )
    return with_shares(found.x)


def _size(target, metric, clean, rows, signs, weights):
    """Half the squared size of the gradient with the poison, and its derivatives."""
    problem, theta = target.problem, target.theta
    D = problem.design(rows)
    margins = signs * (D @ theta)
    slopes = weights * signs * problem.loss.steepest(margins)
    gradient = clean + slopes @ D
    along = metric.solved(gradient)
    bends = weights * problem.loss.curvature(margins) * (D @ along)
    own, pull = (problem.in_input_units(v)[0] for v in (theta, along))
    return gradient @ along / 2, np.outer(bends, own) + np.outer(slopes, pull)
