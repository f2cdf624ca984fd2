"""Bounds for a weighted sum of labels, some of which flip."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.special import logsumexp

N_STEPS = 16
# Largest exponent in the bound.
LARGEST = 30.0
# Of sums of weights.
ROUNDING = 1e-9
TINY = np.finfo(float).tiny


def log_error(weights, codes, winner, n_classes, flip_probability):
    """Bound the chance that random flips take the win from a class.

    Parameters
    ----------
    weights : ndarray of shape (n_samples, n_train)
        Weights of the labels in the scores of each row.

    codes : ndarray of shape (n_train,), dtype=int
        Class numbers of the labels.

    winner : ndarray of shape (n_samples,), dtype=int
        The class with the highest score without flips.

    n_classes : int
        Number of classes.

    flip_probability : float
        Chance that a label becomes one of the others, each as likely.

    Returns
    -------
    log_error : ndarray of shape (n_samples,)
        Logarithm of the bound; 0 or more tells nothing.
    """
    other = flip_probability / (n_classes - 1)
    kept = 1 - flip_probability - other
    errors = np.full((len(weights), n_classes), -np.inf)
    for rival in range(n_classes):
        rows = winner != rival
        for_winner = other + kept * (codes == winner[rows, None])
        for_rival = other + kept * (codes == rival)
        errors[rows, rival] = _chernoff(weights[rows], for_winner, for_rival)
    return logsumexp(errors, axis=1)


def _chernoff(weights, for_winner, for_rival):
    """Least log E exp(-t D) over t > 0, where D is the lead on the rival.

    Newton's steps, halved where they leave the interval in which the slope changes its
    sign. Each t gives a bound, so that they need not have converged.
    """
    for_rival = np.broadcast_to(for_rival, for_winner.shape)
    neither = 1 - for_winner - for_rival
    high = LARGEST / np.maximum(np.abs(weights).max(axis=1, initial=0), TINY)
    low, t, best = np.zeros((3, len(weights)))
    for _ in range(N_STEPS):
        factor = np.exp(-t[:, None] * weights)
        down, up = for_winner * factor, for_rival / factor
        total = down + up + neither
        best = np.minimum(best, np.log(total).sum(axis=1))
        tilt = weights * (up - down) / total
        slope = tilt.sum(axis=1)
        curve = (weights**2 * (up + down) / total - tilt**2).sum(axis=1)
        low, high = np.where(slope < 0, t, low), np.where(slope < 0, high, t)
        t = t - slope / np.maximum(curve, TINY)
        t = np.where((low < t) & (t < high), t, (low + high) / 2)
    return best


def smoothing_radius(log_error, n_classes, flip_probability):
    """Flips that leave a randomized majority a majority.

    Parameters
    ----------
    log_error : ndarray of shape (n_samples,)
        Logarithm of the chance that random flips make another class win.

    n_classes : int
        Number of classes.

    flip_probability : float
        Chance that a label becomes one of the others, each as likely.

    Returns
    -------
    radius : ndarray of shape (n_samples,), dtype=int
        Number of flips; -1 where there is no majority to begin with.
    """
    known = log_error < np.log(0.5)
    error = np.where(known, log_error, np.log(0.5))
    room = -(np.log(4) + error + np.log1p(-np.exp(error))) / 2
    other = flip_probability / (n_classes - 1)
    kept = 1 - flip_probability
    one_flip = (kept - other) * np.log(kept / other)
    # Fewer than this, by a little more than what is lost in rounding.
    flips = np.ceil(room / one_flip * (1 - 1e-12)) - 1
    return np.where(known, np.maximum(flips, 0), -1).astype(np.intp)


def exact_radius(weights, codes, winner, n_classes):
    """Flips that cannot change which class has the highest score.

    Parameters
    ----------
    weights : ndarray of shape (n_samples, n_train)
        Weights of the labels in the scores of each row.

    codes : ndarray of shape (n_train,), dtype=int
        Class numbers of the labels.

    winner : ndarray of shape (n_samples,), dtype=int
        The class with the highest score.

    n_classes : int
        Number of classes.

    Returns
    -------
    radius : ndarray of shape (n_samples,), dtype=int
        Number of flips; one more, chosen well, change the winner or make a tie.
    """
    radius = np.full(len(weights), len(codes))
    size = np.abs(weights).sum(axis=1)
    for rival in range(n_classes):
        rows = np.flatnonzero(winner != rival)
        own, theirs = codes == winner[rows, None], codes == rival
        of_rows = weights[rows]
        lead = (of_rows * own).sum(axis=1) - of_rows @ theirs
        gains = np.abs(of_rows)
        gains[own] = 2 * np.maximum(of_rows, 0)[own]
        gains[:, theirs] = 2 * np.maximum(-of_rows[:, theirs], 0)
        lost = np.sort(gains, axis=1)[:, ::-1].cumsum(axis=1)
        safe = lead - ROUNDING * size[rows]
        radius[rows] = np.minimum(radius[rows], (lost < safe[:, None]).sum(axis=1))
    return radius
