"""The middles of classes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np


def class_centroids(Z, y, classes):
    """Mean of the rows of each class.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Rows.

    y : ndarray of shape (n_samples,)
        Their class labels.

    classes : ndarray of shape (n_classes,)
        Class labels, sorted; y has all of them.

    Returns
    -------
    centroids : ndarray of shape (n_classes, n_features)
        Means.

    codes : ndarray of shape (n_samples,)
        Place of the class of each row in `classes`.
    """
    centroids = np.stack([Z[y == label].mean(axis=0) for label in classes])
    return centroids, np.searchsorted(classes, y)
