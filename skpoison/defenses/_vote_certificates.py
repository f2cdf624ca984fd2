"""How many rows it takes to change the vote of models that see few of them each."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils import gen_batches

# Votes that are weighed at a time.
LARGEST_BATCH = 2**22
# The vote of a model without rows.
ABSTAINS = -1


def count_votes(ballots, n_classes):
    """Votes of each class.

    Parameters
    ----------
    ballots : ndarray of shape (n_samples, n_models), dtype=int
        Number of the class that each model votes for, or -1.

    n_classes : int
        Number of classes.

    Returns
    -------
    votes : ndarray of shape (n_samples, n_classes), dtype=int
        Votes.
    """
    return np.stack([(ballots == c).sum(axis=1) for c in range(n_classes)], axis=1)


def vote_radius(ballots, n_classes, offsets):
    """Rows whose insertion or removal cannot change the winner.

    Parameters
    ----------
    ballots : ndarray of shape (n_samples, n_models), dtype=int
        Number of the class that each model votes for, or -1.

    n_classes : int
        Number of classes, at least two.

    offsets : ndarray of shape (spread,), dtype=int
        Rows of partition i are seen by the models (i + offset) % n_models.

    Returns
    -------
    radius : ndarray of shape (n_samples,), dtype=int
        Number of rows, at least 0.
    """
    radius = np.empty(len(ballots), dtype=np.intp)
    batch_size = max(1, LARGEST_BATCH // ballots.shape[1])
    for rows in gen_batches(max(1, len(ballots)), batch_size):
        radius[rows] = _radius_of_batch(ballots[rows], n_classes, offsets)
    return radius


def _radius_of_batch(ballots, n_classes, offsets):
    votes = count_votes(ballots, n_classes)
    winner = votes.argmax(axis=1)
    radius = np.full(len(ballots), np.iinfo(np.intp).max)
    for rival in range(n_classes):
        rows = np.flatnonzero(winner != rival)
        lead = leads(votes[rows], winner[rows], rival)
        if len(offsets) == 1:
            survived = lead // 2
        else:
            gains = rival_gains(ballots[rows], winner[rows], rival)
            of_partition = sum(np.roll(gains, -r, axis=1) for r in offsets)
            of_partition = -np.sort(-of_partition, axis=1)
            lost = np.cumsum(of_partition, axis=1, dtype=np.int64)
            survived = (lost <= lead[:, None]).sum(axis=1)
        radius[rows] = np.minimum(radius[rows], survived)
    return radius


def leads(votes, winner, rival):
    """Votes by which a rival may gain on the winner, and still not win.

    Parameters
    ----------
    votes : ndarray of shape (n_samples, n_classes)
        Votes.

    winner : ndarray of shape (n_samples,), dtype=int
        The class with the most votes, the first of them where several have.

    rival : int
        Another class.

    Returns
    -------
    leads : ndarray of shape (n_samples,), dtype=int
        Differences of the votes, less one where a tie is the rival's.
    """
    own = votes[np.arange(len(votes)), winner]
    return own - votes[:, rival] - (rival < winner)


def rival_gains(ballots, winner, rival):
    """Count what a rival gains on the winner with each model that it is given.

    Parameters
    ----------
    ballots : ndarray of shape (n_samples, n_models), dtype=int
        Number of the class that each model votes for, or -1.

    winner : ndarray of shape (n_samples,), dtype=int
        The class with the most votes.

    rival : int
        Another class.

    Returns
    -------
    gains : ndarray of shape (n_samples, n_models), dtype=int16
        2 for a vote of the winner, 0 for one of the rival, and 1 for others.
    """
    gains = np.ones(ballots.shape, dtype=np.int16)
    gains[ballots == rival] = 0
    gains[ballots == winner[:, None]] = 2
    return gains
