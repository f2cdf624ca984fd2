"""Rows of linear problems: clean ones by class, poison ones by model."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from functools import cached_property

import numpy as np
from scipy import sparse

# Products with rows of fewer non-zeros than this are faster as a sparse matrix.
SPARSE_BELOW = 0.2
# Bytes of one block of margins: small enough to stay in the cache, nearly.
BLOCK_BYTES = 2**21
# Clean rows, about, on which the length of a step is measured.
SAMPLE = 512


def with_intercept(X, value, like=None):
    """X in double precision, CSR where it pays, with a constant column or none.

    With ``like`` it is a matrix of that kind.
    """
    if like is None:
        pays = sparse.issparse(X) or np.count_nonzero(X) < SPARSE_BELOW * X.size
    else:
        pays = sparse.issparse(like)
    if pays:
        X = sparse.csr_array(X)
    if not sparse.issparse(X):
        constant = [] if value is None else [np.full((len(X), 1), value)]
        return np.hstack([X, *constant], dtype=np.float64)
    X = sparse.csr_array(X, dtype=np.float64)
    return X if value is None else _with_constant(X, value)


def _with_constant(X, value):
    n, d = X.shape
    ends = X.indptr[1:]
    return sparse.csr_array(
        (
            np.insert(X.data, ends, value),
            np.insert(X.indices, ends, d),
            X.indptr + np.arange(n + 1, dtype=X.indptr.dtype),
        ),
        shape=(n, d + 1),
    )


class CleanRows:
    """Clean rows, those of a class together, so that weights act on whole products."""

    def __init__(self, X, codes, n_classes):
        self.n_features = X.shape[1]
        self.by_class = [X[np.flatnonzero(codes == c)] for c in range(n_classes)]
        self.sample = X[:: max(1, X.shape[0] // SAMPLE)]
        self._rows, self._blocks = {}, {}

    def blocks(self, c, n_columns, dtype):
        """Blocks of the rows of a class, with their transposes.

        Their margins with so many columns stay in the cache.
        """
        rows = BLOCK_BYTES // (max(1, n_columns) * np.dtype(dtype).itemsize)
        size = 2 ** int(np.log2(max(256, rows)))
        if (c, dtype, size) not in self._blocks:
            X = self._rows_as(c, dtype)
            starts = range(0, X.shape[0], size)
            self._blocks[c, dtype, size] = [_pair(X, start, size) for start in starts]
        return self._blocks[c, dtype, size]

    def _rows_as(self, c, dtype):
        if (c, dtype) not in self._rows:
            self._rows[c, dtype] = self.by_class[c].astype(dtype, copy=False)
        return self._rows[c, dtype]


def _pair(X, start, size):
    """Cut out a block of rows; give it and its transpose."""
    if not sparse.issparse(X):
        block = X[start : start + size]
        return block, block.T
    ends = X.indptr[start : start + size + 1]
    inside = slice(ends[0], ends[-1])
    block = sparse.csr_array(
        (X.data[inside], X.indices[inside], ends - ends[0]),
        shape=(len(ends) - 1, X.shape[1]),
    )
    return block, block.T


class StackedPoison:
    """The poison rows of all models, in the order of the models.

    Parameters
    ----------
    X : {ndarray, CSR array} of shape (n_rows, n_features)
        Rows.

    codes : ndarray of shape (n_rows,)
        Numbers of their classes.

    model : ndarray of shape (n_rows,)
        Number of the model that each belongs to, ascending.

    n_models : int
        Number of models.
    """

    def __init__(self, X, codes, model, n_models):
        first, count = _distinct(X, codes, model)
        self.X, self.codes, self.model, self.count = X, codes, model, count
        if len(first) < len(codes):
            self.X, self.codes, self.model = X[first], codes[first], model[first]
        self.starts = np.searchsorted(self.model, np.arange(n_models + 1))

    @cached_property
    def squares(self):
        """Rows as an array, each times the root of its count."""
        rows = self.X.toarray() if sparse.issparse(self.X) else self.X
        return rows * np.sqrt(self.count)[:, np.newaxis]

    def of(self, j):
        """Slice of the rows of one model."""
        return slice(self.starts[j], self.starts[j + 1])

    def select(self, models):
        """Rows of some models, side by side with their coefficients."""
        kind = SparsePoison if sparse.issparse(self.X) else DensePoison
        return kind(self, models)


def _distinct(X, codes, model):
    """First of each group of equal rows of a model and a class, and group sizes."""
    n = X.shape[0]
    if n == 0:
        return np.arange(0), np.empty(0)
    key = _row_hash(X) ^ _mix(codes.astype(np.uint64) + (model.astype(np.uint64) << 32))
    _, first, count = np.unique(key, return_index=True, return_counts=True)
    order = np.argsort(first)
    return first[order], count[order].astype(np.float64)


def _row_hash(X):
    """64 bits of every row; different rows share them with probability 2 ** -64."""
    if sparse.issparse(X):
        columns = X.indices.astype(np.uint64)
        mixed = _mix(X.data.view(np.uint64) ^ _mix(columns))
        sums = np.add.reduceat(np.append(mixed, np.uint64(0)), X.indptr[:-1])
        return np.where(np.diff(X.indptr) > 0, sums, np.uint64(0))
    columns = _mix(np.arange(X.shape[1], dtype=np.uint64))
    sums = np.empty(len(X), np.uint64)
    for start in range(0, len(X), 1024):
        rows = np.ascontiguousarray(X[start : start + 1024]).view(np.uint64)
        sums[start : start + 1024] = _mix(rows ^ columns).sum(axis=1)
    return sums


def _mix(bits):
    """Spread the bits of unsigned integers (the finalizer of splitmix64)."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits ^= bits >> np.uint64(30)
    bits *= np.uint64(0xBF58476D1CE4E5B9)
    bits ^= bits >> np.uint64(27)
    bits *= np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return bits


class SparsePoison:
    """Poison of some models as one block-diagonal matrix."""

    def __init__(self, poison, models):
        position = np.full(len(poison.starts) - 1, -1)
        position[models] = np.arange(len(models))
        rows = np.flatnonzero(position[poison.model] >= 0)
        X = poison.X if len(rows) == poison.X.shape[0] else poison.X[rows]
        self.codes, self.model = poison.codes[rows], poison.model[rows]
        self.count = poison.count[rows]
        n, self.d, self.m = len(rows), X.shape[1], len(models)
        shape = (n, self.d * self.m)
        integer = np.int32 if max(shape[1], X.nnz) < 2**31 else np.int64
        columns = X.indices.astype(integer) * integer(self.m)
        columns += np.repeat(position[self.model].astype(integer), np.diff(X.indptr))
        self.matrix = sparse.csr_array((X.data, columns, X.indptr), shape=shape)
        self.transpose = self.matrix.T

    def margins(self, W):
        """Margins of every row with its own model, (n_rows, n_outputs)."""
        return self.matrix @ W.transpose(0, 2, 1).reshape(self.d * self.m, -1)

    def gather(self, R):
        """Products of the residuals with the rows, summed over each model."""
        G = (self.transpose @ R).reshape(self.d, self.m, -1)
        return G.transpose(0, 2, 1)


class DensePoison:
    """Poison of some models as slices of an array."""

    def __init__(self, poison, models):
        self.X = poison.X
        self.slices = [poison.of(j) for j in models]
        rows = [np.arange(s.start, s.stop) for s in self.slices]
        rows = np.concatenate([np.arange(0), *rows])
        self.codes, self.model = poison.codes[rows], poison.model[rows]
        self.count = poison.count[rows]

    def margins(self, W):
        """Margins of every row with its own model, (n_rows, n_outputs)."""
        own = np.ascontiguousarray(W.transpose(2, 0, 1))
        parts = [self.X[s] @ w for s, w in zip(self.slices, own, strict=True)]
        return np.concatenate([np.empty((0, W.shape[1])), *parts])

    def gather(self, R):
        """Products of the residuals with the rows, summed over each model."""
        G = np.zeros((self.X.shape[1], R.shape[1], len(self.slices)))
        start = 0
        for i, rows in enumerate(self.slices):
            stop = start + rows.stop - rows.start
            G[:, :, i] = self.X[rows].T @ R[start:stop]
            start = stop
        return G
