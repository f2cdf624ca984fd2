"""Curvature of networks with one hidden layer of rectifiers and two classes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy import sparse

from skpoison.influence._links import Softmax
from skpoison.influence._matrices import CHUNK

# Entries of the products of groups that are held at a time; 1 MB of them.
HELD = 2**17


class ReluPatterns:
    """Rows in groups for which the same hidden units are on.

    Within a group the outputs are linear in the rows, so that one weighted product of
    its rows with themselves has the second derivatives of all pairs of units. The loss
    must bend in one direction of outputs only: that of one, or the difference of two.

    Parameters
    ----------
    loss : NetworkLoss
        Loss of the network.

    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows.

    weights : ndarray of shape (n_samples,)
        Weights of rows.

    Attributes
    ----------
    are_few : bool
        Whether products for each group are less work than those for each pair.
    """

    def __init__(self, loss, X, weights):
        self.loss, self.X = loss, X
        before, inputs = loss.forward(X)
        self.hidden = inputs[1]
        # What two outputs have in the second column is minus the first.
        self.roots = loss.link.roots(before[-1])[:, 0, 0] * np.sqrt(weights)
        is_on = before[0] > 0
        self._group(is_on)
        self.pairs = np.tril_indices(is_on.shape[1])
        both_on = (is_on.T @ is_on.astype(float))[self.pairs]
        n_sums = 2 * len(self.is_on) * len(both_on)
        self.are_few = n_sums + len(is_on) < both_on.sum()

    @staticmethod
    def suits(loss):
        """Whether the loss is of the kind that groups are for."""
        is_one_layer = len(loss.coefs) == 2 and loss.activation == "relu"
        n_most = 2 if isinstance(loss.link, Softmax) else 1
        return is_one_layer and loss.coefs[-1].shape[1] <= n_most

    def _group(self, is_on):
        """Sort rows by the units that are on, long groups in parts."""
        packed = np.packbits(is_on, axis=1)
        self.order = np.lexsort(packed.T)
        packed = packed[self.order]
        is_new = (packed[1:] != packed[:-1]).any(axis=1)
        parts = np.arange(0, len(packed), CHUNK)
        self.starts = np.union1d(parts, np.flatnonzero(is_new) + 1)
        self.is_on = is_on[self.order[self.starts]]

    def matrix(self):
        """Give the Gauss-Newton matrix, of shape (n_params, n_params)."""
        (W, W_out), (b, _) = self.loss.coefs, self.loss.intercepts
        d, h, sides = len(W) + 1, len(b), np.array([1.0, -1.0])[: W_out.shape[1]]
        pairs, v = self._products(), W_out @ sides
        H = np.empty((self.loss.n_params, self.loss.n_params))
        first = H[: d * h, : d * h].reshape(d, h, d, h)
        first.transpose(1, 3, 0, 2)[:] = pairs * np.outer(v, v)[:, :, None, None]
        # The outputs of units where they are on, and the constant.
        mixed = np.empty((d, h, h + 1))
        mixed[:, :, :h] = np.einsum("jkab,bk->ajk", pairs, np.vstack([W, b]))
        mixed[:, :, h] = pairs[np.arange(h), np.arange(h), :, -1].T
        mixed *= v[:, np.newaxis]
        H[: d * h, d * h :] = np.kron(mixed.reshape(d * h, h + 1), sides)
        H[d * h :, : d * h] = H[: d * h, d * h :].T
        last = np.column_stack([self.hidden, np.ones(len(self.hidden))])
        last *= self.roots[:, np.newaxis]
        H[d * h :, d * h :] = np.kron(last.T @ last, np.outer(sides, sides))
        return H

    def _products(self):
        """Products of the rows that pairs of units are on for, (h, h, d, d)."""
        d, (first, second) = self.X.shape[1] + 1, self.pairs
        counts = (self.is_on[:, first] & self.is_on[:, second]).T.astype(float)
        pairs = np.zeros((len(first), d * d))
        held = np.empty((min(max(1, HELD // d**2), len(self.is_on)), d, d))
        ends = np.append(self.starts[1:], len(self.order))
        for at in range(0, len(ends), len(held)):
            part = slice(at, at + len(held))
            products = self._group_products(self.starts[part], ends[part], held)
            pairs += counts[:, part] @ products.reshape(-1, d * d)
        numbers = np.zeros((len(self.hidden[0]),) * 2, dtype=int)
        numbers[first, second] = numbers[second, first] = np.arange(len(first))
        return pairs.reshape(-1, d, d)[numbers]

    def _group_products(self, starts, ends, held):
        """Fill what is held with the products of the rows of each group."""
        rows = self.order[starts[0] : ends[-1]]
        A = np.ones((len(rows), self.X.shape[1] + 1))
        X = self.X[rows]
        A[:, :-1] = X.toarray() if sparse.issparse(X) else X
        A *= self.roots[rows, np.newaxis]
        for product, start, end in zip(held, starts, ends, strict=False):
            part = A[start - starts[0] : end - starts[0]]
            np.matmul(part.T, part, out=product)
        return held[: len(starts)]
