"""Labels of the nearest rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches

# Numbers in the largest table of neighbors, 64 MB of indices and distances.
TABLE = 2**22
# Number of features over which trees are slower than to look at all rows.
FEW = 6


def neighbor_shares(Z, codes, n_classes, n_neighbors, n_jobs=None):
    """Share of each class among the nearest other rows of each row.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Rows.

    codes : ndarray of shape (n_samples,), dtype=int
        Class of each row, from 0.

    n_classes : int
        Number of classes.

    n_neighbors : int
        Number of neighbors, less than the number of rows.

    n_jobs : int, default=None
        Number of threads of the search.

    Returns
    -------
    shares : ndarray of shape (n_samples, n_classes)
        Sums to 1 in each row. The row itself does not count; its copies do.
    """
    n_neighbors = int(n_neighbors)  # which may be of a small dtype
    search = NearestNeighbors(
        n_neighbors=n_neighbors + 1,
        algorithm="kd_tree" if Z.shape[1] <= FEW else "brute",
        n_jobs=n_jobs,
    ).fit(Z)
    shares = np.empty((len(Z), n_classes))
    size = max(TABLE // (n_neighbors + 1), 1)
    for batch in gen_batches(len(Z), size):
        near = search.kneighbors(Z[batch], return_distance=False)
        near = _without_own(near, np.arange(batch.start, batch.stop))
        votes = codes[near] + n_classes * np.arange(len(near))[:, np.newaxis]
        counts = np.bincount(votes.ravel(), minlength=n_classes * len(near))
        shares[batch] = counts.reshape(-1, n_classes) / n_neighbors
    return shares


def _without_own(near, rows):
    """Leave each row out of its neighbors, or the last where copies crowd it out."""
    others = near != rows[:, np.newaxis]
    others[others.all(axis=1), -1] = False
    return near[others].reshape(len(near), -1)


def disagreement(shares, codes):
    """Share of own class, and largest share of another class, of each row.

    Parameters
    ----------
    shares : ndarray of shape (n_samples, n_classes)
        Shares of each class.

    codes : ndarray of shape (n_samples,), dtype=int
        Own class of each row.

    Returns
    -------
    own : ndarray of shape (n_samples,)
        Share of the own class.

    other : ndarray of shape (n_samples,)
        Largest share of another class.

    rivals : ndarray of shape (n_samples,), dtype=int
        That class.
    """
    rows, others = np.arange(len(codes)), shares.copy()
    others[rows, codes] = -1.0
    rivals = others.argmax(axis=1)
    return shares[rows, codes], others[rows, rivals], rivals
