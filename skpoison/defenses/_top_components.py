"""Main directions of centered rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import svds

# Order of a covariance matrix over which its first eigenvectors are iterated for.
LARGE = 256
# Share of the largest singular value that is rounding, where it comes from a square.
ROUNDING = 1e-6


def top_components(Z, n_components, random_state):
    """Project rows on the main directions in which they differ.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Rows.

    n_components : int
        Number of directions. There are no more than Z has rank.

    random_state : RandomState instance
        Gives the first guess where the directions are iterated for.

    Returns
    -------
    projections : ndarray of shape (n_samples, n_found)
        Projections of the centered rows, on the main direction first.

    values : ndarray of shape (n_found,)
        Their lengths: the singular values of the centered rows, decreasing.
    """
    # From the first row first, so that columns of one value are zero to the last bit.
    Z = Z - Z[0].astype(float)
    Z -= Z.mean(axis=0)
    order = min(Z.shape)
    n = min(n_components, order)
    if order > max(LARGE, 5 * n) and Z.any():
        U, values, _ = svds(Z, k=n, v0=random_state.standard_normal(order))
        projections = U * values
    else:
        projections, values = _of_square(Z, [order - n, order - 1])
    decreasing = np.argsort(-values, kind="stable")
    found = decreasing[values[decreasing] > ROUNDING * values.max()]
    return projections[:, found], values[found]


def _of_square(Z, which):
    """Projections and singular values by the smaller of the two squares of Z."""
    if len(Z) < Z.shape[1]:
        squares, U = eigh(Z @ Z.T, subset_by_index=which)
        values = np.sqrt(np.maximum(squares, 0))
        return U * values, values
    squares, V = eigh(Z.T @ Z, subset_by_index=which)
    return Z @ V, np.sqrt(np.maximum(squares, 0))
