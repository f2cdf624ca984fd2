"""Products with the inverse of the curvature of a training objective."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
from scipy import linalg
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skpoison.influence._factorizations import Cholesky, Eigenvectors, Lu, Woodbury

# Parameters up to which "auto" forms the whole matrix; 72 MB of it.
AUTO_EXACT = 3000
CG_RTOL = 1e-8


class Curvature:
    """Curvature of the mean training objective at a fitted model.

    The matrix is the mean over rows of the second derivatives of their losses, or of
    their Gauss-Newton part, plus those of the penalty and `damping` times the
    identity.

    Parameters
    ----------
    loss : TrainingLoss
        Loss of the fitted model.

    X : {ndarray, sparse matrix} of shape (n_samples, ...)
        Training rows.

    codes : ndarray of shape (n_samples,)
        Codes of their classes.

    kind : {"gauss_newton", "hessian"}, default="gauss_newton"
        Which matrix. They are the same for linear models.

    damping : float, default=0.0
        What is added to the diagonal.

    solver : {"auto", "exact", "cg", "nystroem", "kfac"}, default="auto"
        How systems are solved; "auto" is "exact" up to 3,000 parameters and "cg"
        beyond.

    rank : int, default=50
        Rank of the sketch of "nystroem".

    weights : ndarray of shape (n_samples,), default=None
        Weights of rows, 1 where `None`.

    random_state : int, RandomState instance or None, default=None
        Seeds the sketch.

    Attributes
    ----------
    solver : str
        The solver in use.

    min_eigenvalue : float
        Smallest eigenvalue of the matrix, or with "kfac" of what stands in for it; NaN
        where the solver does not know it.
        Directions in which no loss and no penalty changes are left out where there
        is no damping.
    """

    def __init__(
        self,
        loss,
        X,
        codes,
        *,
        kind="gauss_newton",
        damping=0.0,
        solver="auto",
        rank=50,
        weights=None,
        random_state=None,
    ):
        loss.check_curvature(kind)
        self.loss, self.X, self.codes = loss, X, codes
        self.kind, self.damping = kind, damping
        n_samples = len(codes)
        self.weights = None if weights is None else np.asarray(weights) / n_samples
        self.diagonal = loss.penalty(n_samples) + damping
        if solver == "auto":
            solver = "exact" if loss.n_params <= AUTO_EXACT else "cg"
        self.solver, self.min_eigenvalue = solver, np.nan
        self._solver = getattr(self, f"_prepare_{solver}")(rank, random_state)

    def solve(self, v):
        """Give the product of the inverse matrix and v, of shape (n_params,)."""
        v = np.asarray(v, dtype=float)
        if self._solver is None:
            return self._conjugate_gradients(v)
        return self._solver.solve(v)

    def product(self, v):
        """Give the product of the matrix and v, of shape (n_params,)."""
        curved = self.loss.curvature_product(
            self.X, self.codes, v, self.kind, self.weights
        )
        return curved + self.diagonal * v

    def matrix(self):
        """Give the matrix, of shape (n_params, n_params)."""
        H = self.loss.curvature_matrix(self.X, self.codes, self.kind, self.weights)
        H = np.asarray(H, dtype=float)
        H[np.diag_indices_from(H)] += self.diagonal
        return H

    def _prepare_exact(self, rank, random_state):
        H = self.matrix()
        if self.damping == 0:
            # Any value will do: all gradients are orthogonal to these directions.
            flat = self.loss.flat_directions()
            H += np.trace(H) / len(H) * (flat.T @ flat)
        smallest = linalg.eigvalsh(H, subset_by_index=[0, 0], check_finite=False)[0]
        self.min_eigenvalue = float(smallest)
        size = np.abs(H).sum(axis=0).max()  # at least that of the largest eigenvalue
        negligible = len(H) * np.finfo(float).eps * size
        if smallest > negligible:
            return Cholesky(*linalg.cho_factor(H, check_finite=False))
        _warn_if_indefinite(smallest, -negligible)
        if smallest < -negligible:
            *factor, info = linalg.lapack.dgetrf(H)
            if info == 0 and _is_regular(factor[0], size):
                return Lu(*factor)
        return _minimum_norm(H, negligible)

    def _prepare_cg(self, rank, random_state):
        """Keep nothing: every system is solved anew."""

    def _conjugate_gradients(self, v):
        shape, bends = (len(v), len(v)), []

        def product(u):
            Hu = self.product(u)
            bends.append(u @ Hu / max(u @ u, np.finfo(float).tiny))
            return Hu

        operator = LinearOperator(shape, matvec=product, dtype=float)
        solution, info = cg(operator, v, rtol=CG_RTOL)
        least, most = min(bends, default=0), max(bends, default=0)
        _warn_if_indefinite(least, -1e-12 * most, "at most ")
        if info > 0:
            residual = np.linalg.norm(self.product(solution) - v) / np.linalg.norm(v)
            warnings.warn(
                f"Conjugate gradients did not converge in {info} steps; the residual "
                f"is {residual:.1e} of the right-hand side. Raise damping (got "
                f"{self.damping}), scale the features, or use solver='exact'.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return solution

    def _prepare_nystroem(self, rank, random_state):
        if self.damping <= 0:
            raise ValueError(
                "solver='nystroem' needs damping > 0, which stands for all that the "
                f"sketch leaves out. Got damping={self.damping}. Raise it, or use "
                "solver='exact' or 'cg'."
            )
        rng, p = check_random_state(random_state), self.loss.n_params
        basis = linalg.qr(rng.standard_normal((p, min(rank, p))), mode="economic")[0]
        images = np.column_stack([self._curved(column) for column in basis.T])
        values, vectors = linalg.eigh(_symmetric(basis.T @ images))
        self._check_definite(values)
        kept = values > p * np.finfo(float).eps * values.max()
        F = images @ (vectors[:, kept] / np.sqrt(values[kept]))
        return Woodbury.of(self.diagonal, F)

    def _check_definite(self, values):
        if values.min() < -1e-8 * np.abs(values).max():
            raise ValueError(
                "solver='nystroem' needs a matrix without negative eigenvalues, and "
                f"the Hessian has one of {values.min():.3g} or less. Use the curvature "
                "'gauss_newton', or solver='exact'."
            )

    def _curved(self, v):
        return self.loss.curvature_product(
            self.X, self.codes, v, self.kind, self.weights
        )

    def _prepare_kfac(self, rank, random_state):
        if not hasattr(self.loss, "kfac"):
            raise ValueError(
                "solver='kfac' is for skorch nets only. Use solver='exact', 'cg' or "
                "'nystroem'."
            )
        if self.kind != "gauss_newton" or self.weights is not None:
            raise ValueError(
                "solver='kfac' approximates the Gauss-Newton matrix of rows of equal "
                f"weight. Got the curvature {self.kind!r}"
                + (" and weights." if self.weights is not None else ".")
            )
        approximation = self.loss.kfac(self.X, self.codes, self.damping)
        self.min_eigenvalue = approximation.min_eigenvalue
        return approximation


def _is_regular(lu, size):
    """Tell from a factorization of a matrix whether none of it is negligible."""
    reciprocal_condition, _ = linalg.lapack.dgecon(lu, size)
    return reciprocal_condition > len(lu) * np.finfo(float).eps


def _symmetric(A):
    return (A + A.T) / 2


def _minimum_norm(H, negligible):
    """Solve in the eigenvectors whose eigenvalues are not negligible."""
    values, vectors = linalg.eigh(H, check_finite=False)
    kept = np.abs(values) > negligible
    warnings.warn(
        f"The curvature is singular: {np.count_nonzero(~kept)} of {len(values)} "
        "directions in parameters have none, such as those of columns that are "
        "collinear. They are left out, which gives the solution of least norm. Set "
        "damping > 0, or penalise the model.",
        UserWarning,
        stacklevel=2,
    )
    return Eigenvectors(values[kept], vectors[:, kept])


def _warn_if_indefinite(value, limit, at_most=""):
    if value < limit:
        warnings.warn(
            f"The curvature is indefinite: its smallest eigenvalue is {at_most}"
            f"{value:.3g}, so the model is not at a minimum and influence means "
            "little. Use curvature='gauss_newton', or raise damping by more than "
            f"{-value:.3g}.",
            UserWarning,
            stacklevel=2,
        )
