"""Approximate inverse second derivatives of every model."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.linalg.lapack import dpotrs

# Coefficients of a model up to which one matrix for all of its outputs is computed.
MAX_WHOLE = 1000


def make_preconditioner(problem, start, kinds):
    """Choose by the number of coefficients.

    Parameters
    ----------
    problem : LinearProblem
        Objectives of the models.

    start : StartingPoints
        Optima of the clean rows, and the second derivatives there or `None`.

    kinds : ndarray of shape (n_models,)
        Number of the starting point of each model.
    """
    if start.curvature is None:
        return DiagonalPreconditioner(problem, start, kinds)
    return BlockPreconditioner(problem, start, kinds)


class BlockPreconditioner:
    """Clean second derivatives plus each model's own, one matrix an output.

    `has_whole` tells whether there may be one of all outputs as well.
    """

    def __init__(self, problem, start, kinds):
        self.problem = problem
        k, d = start.curvature[0].shape[1:3]
        H = np.empty((problem.n_models, k, d, d))
        for j, kind in enumerate(kinds):
            np.add(
                problem.weigh(start.curvature[kind], j),
                problem.poison_curvature(None, j),
                out=H[j],
            )
            problem.add_penalty(H[j], j)
        self.factors, self._whole = factors_of(H), {}
        self.has_whole = has_whole(d, k)

    def solve(self, G, models):
        """Product of the approximate inverses with ``G``."""
        own = np.ascontiguousarray(G.transpose(2, 1, 0))
        for i, j in enumerate(models):
            if j in self._whole:
                factors, parts = self._whole[j], own[i].reshape(1, -1)
            else:
                factors, parts = self.factors[j], own[i]
            for factor, g in zip(factors, parts, strict=True):
                # Rows of a C array are columns to LAPACK: the lower factor is an
                # upper one there.
                dpotrs(factor.T, g, lower=0, overwrite_b=1)
        return np.ascontiguousarray(own.transpose(2, 1, 0))

    def refresh(self, w, j, *, whole=False):
        """Take the second derivatives of model ``j`` where it is now.

        With ``whole=True``, those across outputs as well, if `has_whole`.
        """
        if whole and self.has_whole and w.shape[1] > 1:
            self._whole[j] = factors_of(self.problem.whole_curvature(w, j)[np.newaxis])
        else:
            self.factors[j] = factors_of(self.problem.curvature(w, j))
            self._whole.pop(j, None)


class DiagonalPreconditioner:
    """Diagonal second derivatives, where matrices would be too large."""

    has_whole = False

    def __init__(self, problem, start, kinds):
        diagonals = [
            problem.diagonal(start.W[:, :, kinds[j]], j)
            for j in range(problem.n_models)
        ]
        self.problem = problem
        self.diagonals = np.stack(diagonals, axis=2)
        self.diagonals[self.diagonals <= 0] = 1

    def solve(self, G, models):
        """Product of the approximate inverses with ``G``."""
        return G / self.diagonals[:, :, models]

    def refresh(self, w, j, *, whole=False):
        """Take the second derivatives of model ``j`` where it is now."""
        diagonal = self.problem.diagonal(w, j)
        self.diagonals[:, :, j] = np.where(diagonal > 0, diagonal, 1)


def has_whole(n_features, n_outputs):
    """Whether all second derivatives of a model fit into one matrix."""
    return n_outputs == 1 or n_features * n_outputs <= MAX_WHOLE


def factors_of(H):
    """Cholesky factors, with as much added to the diagonal as it takes."""
    for ridge in (0, 1e-14, 1e-11, 1e-8, 1e-4, 1):
        try:
            return np.linalg.cholesky(_with_ridge(H, ridge) if ridge else H)
        except np.linalg.LinAlgError:
            continue
    return np.broadcast_to(np.eye(H.shape[-1]), H.shape).copy()


def _with_ridge(H, ridge):
    H, d = H.copy(), H.shape[-1]
    diagonal = H.reshape(*H.shape[:-2], d * d)[..., :: d + 1]
    diagonal *= 1 + ridge
    diagonal[diagonal <= 0] = 1
    return H
