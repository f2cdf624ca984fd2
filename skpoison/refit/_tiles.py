"""Squared distances by matrix products, rounded as scikit-learn rounds them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg.blas import dgemm
from threadpoolctl import ThreadpoolController

from skpoison.utils._sklearn import sqeuclidean_row_norms

# Rows and columns that are no farther out leave room for the padding.
LARGEST_NORM = {np.dtype(np.float64): 1e100, np.dtype(np.float32): 1e30}
PADDING = {np.dtype(np.float64): 1e100, np.dtype(np.float32): 1e17}
# Products that are tried in each column. One in seven differs where the order of
# summation does.
TRIALS = 128


@dataclass
class Side:
    """Rows of one side of a product, in double precision, with squared norms."""

    rows: np.ndarray
    norms: np.ndarray

    @classmethod
    def of(cls, X):
        """Side of rows in single or double precision."""
        norms = sqeuclidean_row_norms(X, 1) if len(X) else np.empty(0)
        return cls(np.ascontiguousarray(X, dtype=np.float64), norms)

    def take(self, index):
        """Side of some of the rows."""
        return Side(self.rows[index], self.norms[index])

    def followed_by(self, other):
        """Side of these rows and then those of another."""
        return Side(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.norms, other.norms]),
        )


def padded(X, tile):
    """X, filled up to whole tiles by rows that are far from all."""
    missing = -len(X) % tile
    return np.concatenate(
        [X, np.full((missing, X.shape[1]), PADDING[X.dtype], X.dtype)]
    )


def squared_distances(left, right, tile, out=None):
    """Distances of at most a tile of rows on the left to all rows on the right."""
    if out is None:
        out = np.empty((len(left.rows), len(right.rows)))
    with one_blas_thread():
        for start in range(0, len(right.rows), tile):
            part = slice(start, start + tile)
            dist = _product(left.rows, right.rows[part])
            dist += left.norms[:, np.newaxis]
            dist += right.norms[part]
            np.maximum(dist, 0, out=out[:, part])
    return out


@lru_cache(maxsize=2048)
def odd_columns(height, width, tile, n_features):
    """Columns of a product that are rounded otherwise than those of a whole tile.

    `None` where not even the columns, or the rows, of a whole tile are rounded alike.
    """
    trial = _trial(height, tile, n_features)
    if trial is None:
        return None
    left, right, expected = trial
    odd = np.zeros(width, bool)
    with one_blas_thread():
        for row, column in zip(right, expected, strict=True):
            product = _product(left, np.tile(row, (width, 1)))
            odd |= (product != column[:, np.newaxis]).any(axis=0)
    return odd


@lru_cache(maxsize=32)
def _trial(height, tile, n_features):
    """Rows to multiply, and the products in a whole tile."""
    rng = np.random.RandomState(0)
    left = rng.normal(size=(height, n_features))
    right = rng.normal(size=(-(-TRIALS // height), n_features))
    with one_blas_thread():
        products = [_product(left, np.tile(row, (tile, 1))) for row in right]
        across = _product(
            np.tile(left[0], (tile, 1)), rng.normal(size=(tile, n_features))
        )
    if (across != across[0]).any() or any((p != p[:, :1]).any() for p in products):
        return None
    return left, right, [product[:, 0] for product in products]


def _product(X, Y):
    """``-2 X Y'`` by the call of BLAS that scikit-learn makes."""
    return dgemm(-2.0, Y.T, X.T, trans_a=True).T


def one_blas_thread():
    """Context in which matrix products run in one thread."""
    return _controller().limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _controller():
    return ThreadpoolController()
