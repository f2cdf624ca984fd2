"""Curvature of networks of dense layers."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import safe_sparse_dot

from skpoison.influence._activations import ACTIVATIONS
from skpoison.influence._matrices import chunks, gram
from skpoison.influence._relu_curvature import ReluPatterns

# Inputs from which on products for each pair of units are faster than one for all.
MIN_INPUTS = 32


def network_matrix(loss, X, codes, kind, weights):
    """Give the Gauss-Newton matrix, or the Hessian, of the weighted loss."""
    H = _gauss_newton_matrix(loss, X, weights)
    if kind == "hessian" and len(loss.coefs) == 2:
        for rows in chunks(X.shape[0]):
            _add_residual(loss, H, X[rows], codes[rows], weights[rows])
    return H


def network_product(loss, X, codes, v, kind, weights):
    """Give the product of the same matrix with a vector."""
    before, inputs = loss.forward(X)
    tangents = loss.tangents_of(before, inputs, v)
    w = weights[:, np.newaxis]
    bent = loss.link.bend(before[-1], codes, tangents[-1])
    product = loss.backward(before, inputs, bent * w)
    if kind == "hessian" and len(loss.coefs) == 2:
        residuals = loss.link.residuals(before[-1], codes) * w
        product += _residual_product(loss, X, before[0], tangents[0], residuals, v)
    return product


def _gauss_newton_matrix(loss, X, weights):
    """Give the Gauss-Newton matrix in what is likely the fastest way."""
    if X.shape[1] < MIN_INPUTS:
        return _gauss_newton(loss, X, weights)
    if ReluPatterns.suits(loss):
        patterns = ReluPatterns(loss, X, weights)
        if patterns.are_few:
            return patterns.matrix()
    return _gauss_newton_by_units(loss, X, weights)


def _gauss_newton(loss, X, weights):
    """Products of the derivatives of outputs with themselves."""
    H = np.zeros((loss.n_params, loss.n_params))
    for inputs, slopes in _derivatives(loss, X, weights):
        A = _jacobian(len(inputs[0]), inputs, slopes)
        H += A.T @ A
    return H


def _gauss_newton_by_units(loss, X, weights):
    """Do the same for pairs of first units, on the rows that both are on for."""
    d, h = X.shape[1] + 1, loss.coefs[0].shape[1]
    n_others = loss.n_params - d * h
    pairs, others = np.zeros((h, h, d, d)), np.zeros((n_others, n_others))
    mixed = np.zeros((h, d, n_others))
    for inputs, slopes in _derivatives(loss, X, weights):
        X_chunk = np.column_stack([inputs[0], np.ones(len(inputs[0]))])
        A = _jacobian(len(X_chunk), inputs[1:], slopes[1:])
        D = slopes[0].T.copy()
        others += A.T @ A
        for j in range(h):
            mixed[j] += X_chunk.T @ (A * D[j, :, np.newaxis])
            for k in range(j + 1):
                pairs[j, k] += gram(X_chunk, D[j] * D[k])
    for j in range(h):
        pairs[:j, j] = pairs[j, :j]
    first = pairs.transpose(2, 0, 3, 1).reshape(d * h, d * h)
    mixed = mixed.transpose(1, 0, 2).reshape(d * h, n_others)
    return np.block([[first, mixed], [mixed.T, others]])


def _derivatives(loss, X, weights):
    """Give inputs of layers, and derivatives in what their activations take.

    They are those of the outputs times each column of the root of the link's second
    derivatives, for some rows at a time.
    """
    for rows in chunks(X.shape[0]):
        X_chunk = X[rows].toarray() if sparse.issparse(X) else X[rows]
        before, inputs = loss.forward(X_chunk)
        roots = loss.link.roots(before[-1]) * np.sqrt(weights[rows])[:, None, None]
        for root in np.moveaxis(roots, 2, 0):
            yield inputs, loss.slopes(before, root)


def _jacobian(n_samples, inputs, slopes):
    """Give the derivatives in the parameters of some layers, a row for each sample."""
    parts = [np.empty((n_samples, 0))]
    for Z, D in zip(inputs, slopes, strict=True):
        parts += [(Z[:, :, np.newaxis] * D[:, np.newaxis]).reshape(n_samples, -1), D]
    return np.concatenate(parts, axis=1)


def _add_residual(loss, H, X, codes, weights):
    """Add what residuals bend: second derivatives of the outputs themselves."""
    _, slope, bend = ACTIVATIONS[loss.activation]
    Z, outputs = loss.forward(X)[0]
    d, h = loss.coefs[0].shape
    k = loss.coefs[1].shape[1]
    residuals = loss.link.residuals(outputs, codes) * weights[:, np.newaxis]
    first = np.arange((d + 1) * h).reshape(d + 1, h)
    second = first.size + np.arange(h * k).reshape(h, k)
    for output in range(k):
        D = slope(Z) * residuals[:, [output]]
        block = safe_sparse_dot(X.T, D, dense_output=True)
        block = np.vstack([block, D.sum(axis=0)])
        H[first, second[:, output]] += block
        H[second[:, output], first] += block
    if loss.activation in ("tanh", "logistic"):
        D = bend(Z) * (residuals @ loss.coefs[1].T)
        for unit in range(h):
            at = np.ix_(first[:, unit], first[:, unit])
            H[at] += gram(X, D[:, unit], has_intercept=True)


def _residual_product(loss, X, Z, tangent, residuals, v):
    _, slope, bend = ACTIVATIONS[loss.activation]
    (_, _), (V, _) = loss.split(v)
    D = slope(Z) * (residuals @ V.T)
    D += bend(Z) * tangent * (residuals @ loss.coefs[1].T)
    G = safe_sparse_dot(X.T, D, dense_output=True)
    G_second = (slope(Z) * tangent).T @ residuals
    parts = [G.ravel(), D.sum(axis=0), G_second.ravel(), np.zeros(residuals.shape[1])]
    return np.concatenate(parts)
