"""Objectives of many linear models that share most of their rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy import sparse

from skpoison.refit._line_search import dot

# Rows made dense at a time, where a curvature matrix is summed up.
CURVATURE_ROWS = 2048


class LinearProblem:
    """The training objectives of all models, as functions of their coefficients.

    The objective of a model is the weighted sum of the losses of the clean rows and
    of its own poison rows, plus half the penalty times the squared coefficients.
    Coefficients are arrays of shape (n_features, n_outputs, n_models).

    Parameters
    ----------
    clean : CleanRows
        Rows that all models share.

    poison : StackedPoison
        Rows that only one model has.

    loss : MarginLoss or Softmax
        Loss of a row.

    weights : ndarray of shape (n_classes, n_models) or None
        Weight of a row in the objective, by its class; `None` is 1.

    penalty : ndarray of shape (n_features, 1, n_models)
        Weight of each squared coefficient.
    """

    def __init__(self, clean, poison, loss, weights, penalty):
        self.clean, self.poison, self.loss = clean, poison, loss
        self.weights, self.penalty = weights, penalty
        self.n_models = penalty.shape[2]
        self._selected = None, None

    def gradient(self, W, models, dtype=np.float64):
        """Gradient of some models; ``dtype`` is that of the products with clean rows.

        The sums over blocks of rows, the poison and the penalty are always in double
        precision.
        """
        G = self.penalty[:, :, models] * W
        for c in range(len(self.clean.by_class)):
            G += self._weigh_class(self.of_class(W, c, models, dtype), c, models)
        return self._add_poison(G, W, models)

    def gradient_at_start(self, W, of_classes):
        """Gradient of all models, where that of the clean rows is known by class."""
        every = np.arange(self.n_models)
        G = self.penalty * W
        for c, of_class in enumerate(of_classes):
            G += self._weigh_class(of_class, c, every)
        return self._add_poison(G, W, every)

    def of_class(self, W, c, models, dtype=np.float64):
        """Gradient of the losses of the clean rows of class ``c``, unweighted."""
        d, k, m = W.shape
        folded = self.loss.fold(W, c, models).astype(dtype).reshape(d, k * m)
        G = np.zeros((d, k * m))
        for X, X_transposed in self.clean.blocks(c, k * m, dtype):
            Z = (X @ folded).reshape(-1, k, m)
            R = self.loss.residuals(Z[:, 0] if k == 1 else Z, c)
            G += X_transposed @ R.reshape(-1, k * m)
        return self.loss.unfold(G.reshape(d, k, m), c, models)

    def _weigh_class(self, G, c, models):
        return G if self.weights is None else G * self.weights[c, models]

    def _add_poison(self, G, W, models):
        rows = self._select(models)
        if len(rows.codes):
            R = self.loss.row_residuals(rows.margins(W), rows.codes, rows.model)
            G += rows.gather(R * self._row_weights(rows)[:, np.newaxis])
        return G

    def curvature_product(self, W, V, models):
        """Products of the second derivatives at W, of some models, with V."""
        d, k, m = W.shape
        total = self.penalty[:, :, models] * V
        for c in range(len(self.clean.by_class)):
            folded = np.concatenate(
                [self.loss.fold(A, c, models).reshape(d, k * m) for A in (W, V)], axis=1
            )
            part = np.zeros((d, k * m))
            for X, X_transposed in self.clean.blocks(c, 2 * k * m, np.float64):
                Z = (X @ folded).reshape(-1, 2, k, m)
                R = self.loss.bent(Z[:, 0], Z[:, 1])
                part += X_transposed @ R.reshape(-1, k * m)
            part = self.loss.unfold(part.reshape(d, k, m), c, models)
            total += self._weigh_class(part, c, models)
        rows = self._select(models)
        if len(rows.codes):
            Z, U = rows.margins(W), rows.margins(V)
            R = self.loss.row_bent(Z, U, rows.codes, rows.model)
            total += rows.gather(R * self._row_weights(rows)[:, np.newaxis])
        return total

    def own_objective(self, W, P, models):
        """Part of the objective that a model does not share, and its slope along P."""
        own = self.penalty[:, :, models] * W
        value, slope = dot(own, W) / 2, dot(own, P)
        rows = self._select(models)
        if len(rows.codes) == 0:
            return value, slope
        Z, weights = rows.margins(W), self._row_weights(rows)
        losses = self.loss.row_losses(Z, rows.codes, rows.model) * weights
        R = self.loss.row_residuals(Z, rows.codes, rows.model)
        slopes = (R * rows.margins(P)).sum(axis=1) * weights
        position = np.zeros(self.n_models, np.intp)
        position[models] = np.arange(len(models))
        at = position[rows.model]
        value += np.bincount(at, losses, len(models))
        return value, slope + np.bincount(at, slopes, len(models))

    def reach(self, P):
        """Root mean square change of the margins of clean rows along each step."""
        d, k, m = P.shape
        Z = self.clean.sample @ P.reshape(d, k * m)
        return np.sqrt(np.mean(Z**2, axis=0)).reshape(k, m).max(axis=0)

    def _select(self, models):
        if self._selected[0] is None or not np.array_equal(self._selected[0], models):
            self._selected = models, self.poison.select(models)
        return self._selected[1]

    def _row_weights(self, rows):
        if self.weights is None:
            return rows.count
        return rows.count * self.weights[rows.codes, rows.model]

    def clean_curvature(self, w, j):
        """Second derivatives of the clean rows of each class.

        Each output has a matrix of its own; those across outputs are left out.

        Returns
        -------
        H : ndarray of shape (n_classes, n_outputs, n_features, n_features)
            Summed over the classes, of shape (1, ...), where they weigh the same.
        """
        d, k = w.shape
        H = np.zeros((1 if self.weights is None else len(self.clean.by_class), k, d, d))
        for c, X in enumerate(self.clean.by_class):
            for start in range(0, X.shape[0], CURVATURE_ROWS):
                rows = dense(X[start : start + CURVATURE_ROWS])
                D = self.loss.curvature(rows @ w, c, j)
                for i in range(k):
                    H[min(c, len(H) - 1), i] += (rows.T * D[:, i]) @ rows
        return H

    def poison_curvature(self, w, j):
        """Second derivatives of the poison rows of model ``j``, by output.

        With ``w=None`` they are those that rows have on their way.
        """
        at = self.poison.of(j)
        codes, model = self.poison.codes[at], self.poison.model[at]
        weights = np.ones(len(codes))
        if self.weights is not None:
            weights = self.weights[codes, model]
        if w is None:
            rows = self.poison.squares[at]
            if self.weights is not None:
                rows = rows * np.sqrt(weights)[:, np.newaxis]
            # A product with its own transpose is only computed half.
            H = self.loss.poison_curvature * (rows.T @ rows)
            return np.broadcast_to(H, (self.loss.n_outputs, *H.shape))
        X = dense(self.poison.X[at])
        weights = weights * self.poison.count[at]
        D = self.loss.row_curvature(X @ w, codes, model)
        return np.array([(X.T * (weights * D[:, i])) @ X for i in range(D.shape[1])])

    def curvature(self, w, j):
        """Second derivatives of the objective of model ``j``, by output."""
        H = self.weigh(self.clean_curvature(w, j), j) + self.poison_curvature(w, j)
        return self.add_penalty(H, j)

    def whole_curvature(self, w, j):
        """Second derivatives of the objective of model ``j``, across outputs too.

        All outputs may be shifted by the same; that direction, which has nothing to do
        with the losses, is bent so that there is an inverse.

        Returns
        -------
        H : ndarray of shape (n_outputs * n_features, n_outputs * n_features)
            An output after the other.
        """
        d, k = w.shape
        H = np.zeros((k * d, k * d))
        for X, weights in self._weighted_rows(j):
            rows = X[..., np.newaxis].transpose(0, 2, 1)
            p = self.loss.probabilities(X @ w)[..., np.newaxis]
            own = (p * rows).reshape(len(X), k * d)
            H -= (own.T * weights) @ own
            for i in range(k):
                at = slice(i * d, (i + 1) * d)
                H[at, at] += (X.T * (weights * p[:, i, 0])) @ X
        blocks = H.reshape(k, d, k, d)
        diagonal = np.einsum("kdkd->d", blocks) / k
        features = np.arange(d)
        blocks[:, features, :, features] += diagonal[:, np.newaxis, np.newaxis] / k
        H.flat[:: k * d + 1] += np.tile(self.penalty[:, 0, j], k)
        return H

    def _weighted_rows(self, j):
        """Blocks of the rows of model ``j`` as arrays, with their weights."""
        for c, X in enumerate(self.clean.by_class):
            weight = 1.0 if self.weights is None else self.weights[c, j]
            for start in range(0, X.shape[0], CURVATURE_ROWS):
                rows = dense(X[start : start + CURVATURE_ROWS])
                yield rows, np.full(len(rows), weight)
        at = self.poison.of(j)
        own = dense(self.poison.X[at]), self.poison.count[at]
        if self.weights is None:
            yield own
        else:
            yield own[0], own[1] * self.weights[self.poison.codes[at], j]

    def weigh(self, H, j):
        """Sum over the classes of clean rows, weighted as model ``j`` does."""
        if self.weights is None:
            return H[0]
        return np.tensordot(self.weights[:, j], H, axes=1)

    def add_penalty(self, H, j):
        """Add the second derivatives of the penalty, in place."""
        d = H.shape[-1]
        H.reshape(-1, d * d)[:, :: d + 1] += self.penalty[:, 0, j]
        return H

    def diagonal(self, w, j):
        """Diagonal of the second derivatives of model ``j``, (n_features, n_outputs).

        The clean rows are taken at ``w``, the poison as it is on its way.
        """
        weights = np.ones(len(self.clean.by_class))
        if self.weights is not None:
            weights = self.weights[:, j]
        total = np.repeat(self.penalty[:, :, j], w.shape[1], axis=1)
        for c, X in enumerate(self.clean.by_class):
            total += weights[c] * (_squared(X).T @ self.loss.curvature(X @ w, c, j))
        at = self.poison.of(j)
        D = self.poison.count[at] * weights[self.poison.codes[at]]
        D *= self.loss.poison_curvature
        return total + (_squared(self.poison.X[at]).T @ D)[:, np.newaxis]


def dense(X):
    """Rows as an array."""
    return X.toarray() if sparse.issparse(X) else X


def _squared(X):
    return X.power(2) if sparse.issparse(X) else X**2
