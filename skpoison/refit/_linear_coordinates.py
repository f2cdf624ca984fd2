"""Features that linear models are solved in, and the way back to the user's."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy import sparse

from skpoison.refit._linear_problem import dense
from skpoison.refit._linear_rows import with_intercept

# Features up to which a matrix for each model pays.
MAX_MATRIX_FEATURES = 1000


class Coordinates:
    """Rows that give the same models, and are easier on the solver.

    Features of dense rows lose their means, which only the intercept notices. Where
    there are few rows and many features, the features are coordinates in the space of
    the rows, which holds all coefficients.

    Parameters
    ----------
    X, X_poison : {ndarray, sparse matrix}
        Clean rows and rows of all poisons.

    constant : float or None
        Value of the feature that stands for the intercept; `None` without one.

    is_free : bool
        Whether the intercept is free of the penalty.

    is_uniform : bool
        Whether the penalty is the same for all other features.
    """

    def __init__(self, X, X_poison, constant, *, is_free, is_uniform):
        self.constant, self.n_features = constant, X.shape[1]
        self.shift = self.basis = None
        n = X.shape[0] + X_poison.shape[0]
        if is_uniform and self.n_features > MAX_MATRIX_FEATURES >= n:
            X, X_poison = self._project(X, X_poison)
        self.X = with_intercept(X, constant)
        self.X_poison = with_intercept(X_poison, constant, like=self.X)
        if not sparse.issparse(self.X) and constant is not None and is_free:
            self.shift = self.X[:, :-1].mean(axis=0)
            self.X[:, :-1] -= self.shift
            self.X_poison[:, :-1] -= self.shift

    def _project(self, X, X_poison):
        """Give the rows in an orthonormal basis of the space that they span."""
        stack = sparse.vstack if sparse.issparse(X) else np.vstack
        rows = stack([X, X_poison]).astype(np.float64)
        squares, axes = np.linalg.eigh(dense(rows @ rows.T))
        large = squares > squares[-1] * len(squares) * np.finfo(float).eps
        axes, lengths = axes[:, large], np.sqrt(squares[large])
        self.basis = rows.T @ (axes / lengths)
        projected = axes * lengths
        return projected[: X.shape[0]], projected[X.shape[0] :]

    def coefficients(self, W):
        """Give coefficients and intercepts for the user's features.

        Parameters
        ----------
        W : ndarray of shape (n_own_features, n_outputs, n_models)
            Coefficients for the rows of this object.

        Returns
        -------
        coef : ndarray of shape (n_models, n_outputs, n_features)
        intercept : ndarray of shape (n_models, n_outputs)
        """
        intercept = np.zeros(W.shape[1:])
        if self.constant is not None:
            W, intercept = W[:-1], W[-1] * self.constant
        if self.shift is not None:
            intercept = intercept - np.tensordot(self.shift, W, axes=1)
        return self._back(W).transpose(2, 1, 0), intercept.T

    def gradients(self, G, change=None):
        """Give the largest absolute entry of each gradient, for the user's features.

        With ``change`` it is for the features that this makes of them.
        """
        last = np.zeros(G.shape[1:])
        if self.constant is not None:
            G, last = G[:-1], G[-1]
        if self.shift is not None:
            G = G + np.multiply.outer(self.shift, last / self.constant)
        G = self._back(G)
        if change is not None:
            G = change.factor.T[:, np.newaxis] * G
            G = G + change.shift.T[:, np.newaxis] * last / (self.constant or 1)
        largest = np.abs(G).max(axis=(0, 1))
        return np.maximum(largest, np.abs(last).max(axis=0))

    def _back(self, W):
        return W if self.basis is None else np.tensordot(self.basis, W, axes=1)
