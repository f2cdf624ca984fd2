"""Matrices in a form in which systems are solved quickly."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import NamedTuple

import numpy as np
from scipy import linalg


class Cholesky(NamedTuple):
    """Factor of a positive definite matrix, as `scipy.linalg.cho_factor` gives it."""

    factor: np.ndarray
    lower: bool

    def solve(self, v):
        """Give the product of the inverse matrix and v."""
        return linalg.cho_solve(self, v)


class Lu(NamedTuple):
    """Factors of a matrix with a pivot for each row."""

    factors: np.ndarray
    pivots: np.ndarray

    def solve(self, v):
        """Give the product of the inverse matrix and v."""
        return linalg.lu_solve(self, v)


class Eigenvectors(NamedTuple):
    """Eigenvalues of a symmetric matrix, those that are not negligible."""

    values: np.ndarray
    vectors: np.ndarray

    def solve(self, v):
        """Give the solution of least norm."""
        return self.vectors @ ((self.vectors.T @ v) / self.values)


class Woodbury(NamedTuple):
    """Diagonal plus a matrix F times its transpose."""

    diagonal: np.ndarray
    scaled: np.ndarray
    inner: Cholesky

    @classmethod
    def of(cls, diagonal, F):
        """Factorize."""
        scaled = F / diagonal[:, np.newaxis]
        inner = linalg.cho_factor(np.eye(F.shape[1]) + F.T @ scaled)
        return cls(diagonal, scaled, Cholesky(*inner))

    def solve(self, v):
        """Give the product of the inverse matrix and v."""
        return v / self.diagonal - self.scaled @ self.inner.solve(self.scaled.T @ v)
