"""Boosting of class probabilities until no group has a residual."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_softmax, logsumexp

# Probabilities of 0 and 1 would be out of reach of any step.
SMALLEST = 1e-9
# Bounds of a step in log-odds, more than two such probabilities are apart.
LARGEST_STEP = 60.0
UPDATE = np.dtype(
    [("group", np.intp), ("class", np.intp), ("level", np.intp), ("step", float)]
)


def log_probabilities(proba):
    """Take logarithms of class probabilities, none of them of 0.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Probabilities.

    Returns
    -------
    logs : ndarray of shape (n_samples, n_classes)
        Their logarithms.
    """
    if not np.isfinite(proba).all():
        raise ValueError(
            "MultigroupRobustClassifier boosts probabilities, and its estimator gives "
            "some that are no numbers. Scale the features, or use another."
        )
    return log_softmax(np.log(np.maximum(np.asarray(proba, float), SMALLEST)), axis=1)


def residual_sums(logs, hits, groups, n_levels):
    """Sum up what labels are above predictions, in each group.

    Parameters
    ----------
    logs : ndarray of shape (n_samples, n_classes)
        Logarithms of the predicted probabilities.

    hits : ndarray of shape (n_samples, n_classes)
        1 at the class of a row, and else 0.

    groups : sparse matrix of shape (n_samples, n_groups)
        Membership, 1 or 0.

    n_levels : int
        Levels of the predicted probability, into which each group is cut.

    Returns
    -------
    sums : ndarray of shape (n_groups, n_classes, n_levels)
        The sums.
    """
    proba = np.exp(logs)
    residuals, levels = hits - proba, levels_of(proba, n_levels)
    return np.stack(
        [groups.T @ (residuals * (levels == level)) for level in range(n_levels)],
        axis=2,
    )


def levels_of(proba, n_levels):
    """Give the level of each probability, of levels of equal width."""
    return np.minimum((proba * n_levels).astype(np.intp), n_levels - 1)


def rows_at(logs, groups, place, n_levels):
    """Find the rows of a group whose probability of a class is on a level.

    Parameters
    ----------
    logs : ndarray of shape (n_samples, n_classes)
        Logarithms of the predicted probabilities.

    groups : CSC matrix of shape (n_samples, n_groups)
        Membership.

    place : tuple of (int, int, int)
        Number of the group, the class and the level.

    n_levels : int
        Number of levels.

    Returns
    -------
    rows : ndarray of int
        Numbers of the rows.
    """
    group, label, level = place
    if group >= groups.shape[1]:  # of a finder that counts what it sees
        return np.empty(0, dtype=np.intp)
    rows = groups.indices[groups.indptr[group] : groups.indptr[group + 1]]
    return rows[levels_of(np.exp(logs[rows, label]), n_levels) == level]


def step_towards(logs, label, mean):
    """Find the step in the log-odds that brings a mean probability to a value.

    Parameters
    ----------
    logs : ndarray of shape (n_rows, n_classes)
        Logarithms of the predicted probabilities of some rows.

    label : int
        Number of the class.

    mean : float
        The value, in (0, 1).

    Returns
    -------
    step : float
        The step.
    """
    odds = logs[:, label] - logsumexp(np.delete(logs, label, axis=1), axis=1)
    return brentq(
        lambda step: expit(odds + step).mean() - mean, -LARGEST_STEP, LARGEST_STEP
    )


def shift(logs, rows, label, step):
    """Add a step to the log-odds of a class, in place, and normalize.

    Parameters
    ----------
    logs : ndarray of shape (n_samples, n_classes)
        Logarithms of the predicted probabilities.

    rows : ndarray of int
        Rows that are changed.

    label : int
        Number of the class.

    step : float
        The step.
    """
    shifted = logs[rows]
    shifted[:, label] += step
    logs[rows] = log_softmax(shifted, axis=1)


def boost(logs, hits, groups, tolerance, max_iter, n_levels):
    """Shift the predictions of one group after the other, in place.

    Parameters
    ----------
    logs : ndarray of shape (n_samples, n_classes)
        Logarithms of the predicted probabilities.

    hits : ndarray of shape (n_samples, n_classes)
        1 at the class of a row, and else 0.

    groups : CSC matrix of shape (n_samples, n_groups)
        Membership, 1 or 0.

    tolerance : float
        Residual that is left to a group, as a mean over all rows.

    max_iter : int
        Largest number of shifts.

    n_levels : int
        Number of levels.

    Returns
    -------
    updates : ndarray of shape (n_iter,), dtype=UPDATE
        The shifts.

    residual : float
        Largest magnitude of a residual that is left.
    """
    updates, by_row = [], groups.tocsr()
    sums = residual_sums(logs, hits, groups, n_levels)
    while np.abs(sums).max() > tolerance * len(logs) and len(updates) < max_iter:
        place = np.unravel_index(np.argmax(np.abs(sums)), sums.shape)
        rows, label = rows_at(logs, groups, place, n_levels), place[1]
        slack = tolerance * len(logs) / len(rows) / 2
        mean = np.clip(hits[rows, label].mean(), slack, 1 - slack)
        step = step_towards(logs[rows], label, mean)
        # Only what these rows add to the sums of their groups is another now.
        sums -= residual_sums(logs[rows], hits[rows], by_row[rows], n_levels)
        shift(logs, rows, label, step)
        sums += residual_sums(logs[rows], hits[rows], by_row[rows], n_levels)
        updates.append((*place, step))
    return np.array(updates, dtype=UPDATE), float(np.abs(sums).max() / len(logs))


def replay(logs, groups, updates, n_levels):
    """Shift the predictions of other rows as those of the training rows, in place.

    Parameters
    ----------
    logs : ndarray of shape (n_samples, n_classes)
        Logarithms of the predicted probabilities.

    groups : CSC matrix of shape (n_samples, n_groups)
        Membership.

    updates : ndarray of shape (n_iter,), dtype=UPDATE
        The shifts.

    n_levels : int
        Number of levels.

    Returns
    -------
    logs : ndarray of shape (n_samples, n_classes)
        The predictions.
    """
    for *place, step in updates.tolist():
        shift(logs, rows_at(logs, groups, place, n_levels), place[1], step)
    return logs
