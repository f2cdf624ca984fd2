"""How many predictions a few rows can change at once."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from skpoison.defenses._vote_certificates import (
    count_votes,
    leads,
    rival_gains,
    vote_radius,
)

# Counts are whole: what the solver may be wrong by changes none.
TOLERANCE = 1e-3


def most_changed(ballots, n_classes, offsets, n_poison, time_limit):
    """Bound the predictions that so many inserted rows change at once.

    Parameters
    ----------
    ballots : ndarray of shape (n_samples, n_models), dtype=int
        Number of the class that each model votes for, or -1.

    n_classes : int
        Number of classes.

    offsets : ndarray of shape (spread,), dtype=int
        Rows of partition i are seen by the models (i + offset) % n_models.

    n_poison : int
        Number of rows.

    time_limit : float
        Seconds after which the bound known by then is given.

    Returns
    -------
    changed : int
        No more than so many change: a bound from above.

    Notes
    -----
    An integer program: which partitions get a row, which models are then no longer
    trusted, and which rivals can win with those. Equal ballots are one point that
    counts as many. Points that resist on their own are left out, so that the bound is
    at least as good as theirs.
    """
    weak = vote_radius(ballots, n_classes, offsets) < n_poison
    n_weak = int(np.count_nonzero(weak))
    if n_weak == 0 or n_poison >= ballots.shape[1]:
        return n_weak
    points, weights = np.unique(ballots[weak], axis=0, return_counts=True)
    pairs, costs, needs = _ways_to_win(points, n_classes)
    bound = _solve(pairs, costs, needs, weights, offsets, n_poison, time_limit)
    return min(n_weak, bound)


def _ways_to_win(points, n_classes):
    """Point of each pair of point and rival, gains by model, and gain needed."""
    votes = count_votes(points, n_classes)
    winner = votes.argmax(axis=1)
    pairs, gains, needs = [], [], []
    for rival in range(n_classes):
        rows = np.flatnonzero(winner != rival)
        pairs.append(rows)
        gains.append(rival_gains(points[rows], winner[rows], rival))
        needs.append(leads(votes[rows], winner[rows], rival) + 1)
    gains, needs = np.concatenate(gains), np.concatenate(needs)
    # Where gains come in twos only, one more than they add up to is out of reach.
    in_twos = ~(gains == 1).any(axis=1)
    gains[in_twos] //= 2
    needs[in_twos] = (needs[in_twos] + 1) // 2
    return np.concatenate(pairs), gains, needs


def _solve(pairs, gains, needs, weights, offsets, n_poison, time_limit):
    """Bound the weight of the points that fall.

    Variables are, in this order, partitions with poison, models that are not to be
    trusted, and rivals that win.
    """
    (n_pairs, n_models), n_points = gains.shape, len(weights)
    seen_by = sum(_permutation(n_models, r) for r in offsets)
    of_point = sparse.csr_array(
        (np.ones(n_pairs), (pairs, np.arange(n_pairs))), shape=(n_points, n_pairs)
    )
    budget = np.concatenate([np.ones(n_models), np.zeros(n_models + n_pairs)])
    constraints = [
        LinearConstraint(budget[None], ub=n_poison),
        LinearConstraint(_blocks(-seen_by, sparse.eye_array(n_models), n_pairs), ub=0),
        LinearConstraint(
            sparse.hstack(
                [
                    sparse.csr_array((n_pairs, n_models)),
                    sparse.csr_array(gains, dtype=float),
                    -sparse.diags_array(needs.astype(float)),
                ]
            ).tocsc(),
            lb=0,
        ),
        LinearConstraint(
            sparse.hstack(
                [sparse.csr_array((n_points, 2 * n_models)), of_point]
            ).tocsc(),
            ub=1,
        ),
    ]
    kinds = np.repeat([1, 0, 1], [n_models, n_models, n_pairs])
    value = np.concatenate([np.zeros(2 * n_models), weights[pairs]]).astype(float)
    found = milp(
        -value,
        integrality=kinds,
        bounds=Bounds(0, 1),
        constraints=constraints,
        options={"time_limit": time_limit},
    )
    bound = getattr(found, "mip_dual_bound", None)
    if bound is None or not np.isfinite(bound):
        return int(weights.sum())
    return int(np.floor(-bound + TOLERANCE))


def _permutation(n_models, offset):
    """Models by partitions: which sees which, by one offset."""
    partitions = np.arange(n_models)
    models = (partitions + offset) % n_models
    shape = (n_models, n_models)
    return sparse.csr_array((np.ones(n_models), (models, partitions)), shape=shape)


def _blocks(of_partitions, of_models, n_pairs):
    nothing = sparse.csr_array((of_models.shape[0], n_pairs))
    return sparse.hstack([of_partitions, of_models, nothing]).tocsc()
