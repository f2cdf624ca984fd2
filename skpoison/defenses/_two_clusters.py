"""Two clusters of a class, and what tells whether the smaller belongs there."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import gen_batches

from skpoison.utils._containers import take

# Rows of a class whose silhouettes are averaged, and how many at a time.
N_SILHOUETTES, BATCH = 1000, 50


def margins(components):
    """Split rows in two clusters, and tell how much each is in the smaller.

    Parameters
    ----------
    components : ndarray of shape (n_samples, n_components)
        Rows, centered, with the main component first; without components where all
        are the same.

    Returns
    -------
    margins : ndarray of shape (n_samples,)
        Distance to the center of the larger cluster less that to the center of the
        smaller, as a share of their sum. Over 0 for the rows of the smaller cluster.
    """
    if components.shape[1] == 0:
        return np.zeros(len(components))
    # Random starts end in poor splits now and then, this one near the best.
    side = components[:, 0] > 0
    start = np.array([components[side].mean(axis=0), components[~side].mean(axis=0)])
    centers = KMeans(2, init=start, n_init=1).fit(components).cluster_centers_
    first, second = (np.linalg.norm(components - c, axis=1) for c in centers)
    margins = (first - second) / (first + second)
    is_larger = np.count_nonzero(margins > 0) > len(margins) / 2
    return -margins if is_larger else margins


def silhouette(components, inside, random_state):
    """Mean silhouette of two clusters, from no more than 1000 rows against all.

    Parameters
    ----------
    components : ndarray of shape (n_samples, n_components)
        Rows.

    inside : ndarray of shape (n_samples,), dtype=bool
        Which cluster each row is in.

    random_state : RandomState instance
        Draws the rows.

    Returns
    -------
    silhouette : float
        In [-1, 1].
    """
    rows = np.arange(len(components))
    if len(rows) > N_SILHOUETTES:
        rows = random_state.choice(rows, N_SILHOUETTES, replace=False)
    clusters = np.column_stack([~inside, inside]).astype(float)
    sums = [
        euclidean_distances(components[rows[batch]], components) @ clusters
        for batch in gen_batches(len(rows), BATCH)
    ]
    own = inside[rows].astype(int)
    sums, sizes = np.concatenate(sums), clusters.sum(axis=0)
    each = np.arange(len(rows))
    within = sums[each, own] / np.maximum(sizes[own] - 1, 1)
    across = sums[each, 1 - own] / sizes[1 - own]
    silhouettes = (across - within) / np.maximum(np.maximum(across, within), 1e-300)
    return silhouettes[sizes[own] > 1].sum() / len(rows)


def distance_ratio(Z, y, rows, inside):
    """Compare the way to the rest of the class with that to another class.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Representations.

    y : ndarray of shape (n_samples,)
        Class labels.

    rows : ndarray of shape (n_class_rows,), dtype=int
        Those of the class.

    inside : ndarray of shape (n_class_rows,), dtype=bool
        Those of the smaller cluster.

    Returns
    -------
    ratio : float
        Distance of the center of the cluster to the center of the rest of its class,
        divided by that to the nearest center of another class.
    """
    center = Z[rows[inside]].mean(axis=0)
    own = np.linalg.norm(center - Z[rows[~inside]].mean(axis=0))
    others = [
        np.linalg.norm(center - Z[y == label].mean(axis=0))
        for label in np.setdiff1d(y, y[rows[:1]])
    ]
    return np.inf if min(others) == 0 else own / min(others)


def reclassification_ratio(model, X, y, rows):
    """Classify rows by a model that was trained without them.

    Parameters
    ----------
    model : classifier
        Not fitted.

    X : rows of shape (n_samples, ...)
        Training rows.

    y : ndarray of shape (n_samples,)
        Their class labels.

    rows : ndarray of shape (n_cluster_rows,), dtype=int
        Rows of one class.

    Returns
    -------
    ratio : float
        Number of rows that keep their label, for each row that gets the most frequent
        other label.
    """
    others = np.setdiff1d(np.arange(len(y)), rows)
    model.fit(take(X, others), y[others])
    labels, counts = np.unique(model.predict(take(X, rows)), return_counts=True)
    is_own = labels == y[rows[0]]
    kept, lost = counts[is_own].sum(), counts[~is_own].max(initial=0)
    return np.inf if lost == 0 else kept / lost
