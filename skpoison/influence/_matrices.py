"""Weighted products of rows with themselves, and curvature made of them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy import sparse

# Rows at a time, few enough that what is made of them stays in the cache.
CHUNK = 1024


def chunks(n_samples):
    """Slices that cover so many rows."""
    return [slice(i, i + CHUNK) for i in range(0, n_samples, CHUNK)]


def gram(X, weights, has_intercept=False):
    """Give the weighted sum of the products of rows with themselves.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows.

    weights : ndarray of shape (n_samples,)
        Weights, of any sign.

    has_intercept : bool, default=False
        Whether the rows end in a 1 that X does not have.

    Returns
    -------
    G : ndarray of shape (n_columns, n_columns)
        The sum.
    """
    if sparse.issparse(X):
        inner = (X.T @ sparse.csr_array(X).multiply(weights[:, np.newaxis])).toarray()
    else:
        inner = _dense_gram(X, weights)
    if not has_intercept:
        return inner
    sums = X.T @ weights
    return np.block([[inner, sums[:, np.newaxis]], [sums, weights.sum()]])


def _dense_gram(X, weights):
    G = np.zeros((X.shape[1], X.shape[1]))
    for rows in chunks(len(X)):
        w = weights[rows]
        on = np.flatnonzero(w)
        A = X[rows] if len(on) == len(w) else X[rows].take(on, axis=0)
        A, w = A.astype(float), w[on]
        sign = 1 if w.min(initial=0) >= 0 else -1
        if (sign * w).min(initial=0) < 0:
            G += A.T @ (A * w[:, np.newaxis])
        else:
            # A matrix times its own transpose is half the work.
            A *= np.sqrt(sign * w)[:, np.newaxis]
            G += sign * (A.T @ A)
    return G


def linear_matrix(loss, X, codes, weights):
    """Second derivatives of the weighted loss of a linear model."""
    k, width = loss.n_outputs, loss.n_params // loss.n_outputs
    second = loss.link.second(loss.outputs(X), codes) * weights[:, None, None]
    H = np.zeros((k, width, k, width))
    for i in range(k):
        for j in range(i + 1):
            if second[:, i, j].any():
                H[i, :, j] = gram(X, second[:, i, j], loss.has_intercept)
                H[j, :, i] = H[i, :, j]
    return H.reshape(loss.n_params, loss.n_params)
