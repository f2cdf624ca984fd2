"""Votes among neighbors of which some are at the same distance."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils.extmath import weighted_mode

# Sums of weights closer than this, as a share, may be in another order in scikit-learn.
SUM_TOLERANCE = 1e-6


def vote(codes, dist, n_classes):
    """Winning class of each row of neighbors, as scikit-learn takes the vote.

    Parameters
    ----------
    codes : ndarray of shape (n_rows, n_neighbors)
        Classes of the neighbors, in the order of scikit-learn.

    dist : ndarray of shape (n_rows, n_neighbors) or None
        Their distances, where closer ones weigh more.

    n_classes : int
        Number of classes.

    Returns
    -------
    winner : ndarray of shape (n_rows,)
        Class of each row.
    """
    if dist is None:
        return np.argmax(_sums(codes, np.ones_like(codes, float), n_classes), axis=1)
    winner, _ = weighted_mode(codes, inverse(dist), axis=1)
    return winner.ravel().astype(np.intp)


def inverse(dist):
    """Weights of neighbors: the inverse of the distance, or those at distance 0."""
    with np.errstate(divide="ignore"):
        weights = 1.0 / dist
    infinite = np.isinf(weights)
    touching = infinite.any(axis=1)
    weights[touching] = infinite[touching]
    return weights


def settle(codes, dist, *, k, n_classes, weight_of=None, band=0.0, is_open=None):
    """Take the votes that do not depend on which of several equal rows are in.

    Parameters
    ----------
    codes : ndarray of shape (n_rows, n_candidates)
        Classes of the candidates.

    dist : ndarray of shape (n_rows, n_candidates)
        Their distances in the units that decide; infinite where there is none.

    k : int
        Number of neighbors that vote.

    n_classes : int
        Number of classes.

    weight_of : callable, default=None
        Turns these distances into the ones that weigh; `None` is one vote each.

    band : float or ndarray of shape (n_rows, 1), default=0.0
        Distances that differ by no more may be in either order.

    is_open : ndarray of shape (n_rows,), default=None
        Where candidates that are not listed may be as far as the last clean one.

    Returns
    -------
    winner : ndarray of shape (n_rows,)
        Class that wins, where `settled`.

    settled : ndarray of shape (n_rows,), dtype=bool
        Whether it wins whichever of the candidates at the last place are in.

    last : ndarray of shape (n_rows, 1)
        Distance of the neighbor at place ``k``.
    """
    last = np.partition(dist, k - 1, axis=1)[:, k - 1 : k]
    inside, tied = dist < last - band, np.abs(dist - last) <= band
    places = k - inside.sum(axis=1, keepdims=True)
    if weight_of is None:
        weights, at_last = inside.astype(float), 1.0
    else:
        weights = inverse(weight_of(dist))
        at_last = np.where(tied, weights, 0).max(axis=1, keepdims=True)
        weights = np.where(inside, weights, 0)
    sums = _sums(codes, weights, n_classes)
    equal = _sums(codes, tied.astype(float), n_classes)
    others = equal.sum(axis=1, keepdims=True) - equal
    least, most = np.maximum(places - others, 0), np.minimum(places, equal)
    if is_open is not None:
        least[is_open], most[is_open] = 0, places[is_open]
    least, most = sums + at_last * least, sums + at_last * most
    winner = np.argmax(least, axis=1)
    ahead = np.take_along_axis(least, winner[:, np.newaxis], axis=1)
    classes = np.arange(n_classes)
    if weight_of is None:
        wins = (most < ahead) | ((most == ahead) & (classes > winner[:, np.newaxis]))
    else:
        wins = most < ahead * (1 - SUM_TOLERANCE)
    return winner, (wins | (classes == winner[:, np.newaxis])).all(axis=1), last


def _sums(codes, weights, n_classes):
    """Sum of weights of each class in each row; other codes count for none."""
    n_rows = len(codes)
    cells = np.where(codes < 0, n_classes, codes)
    cells = cells + (n_classes + 1) * np.arange(n_rows)[:, np.newaxis]
    sums = np.bincount(cells.ravel(), weights.ravel(), n_rows * (n_classes + 1))
    return sums.reshape(n_rows, n_classes + 1)[:, :-1]
