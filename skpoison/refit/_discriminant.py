"""Linear and quadratic discriminants from the means and scatters of classes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from functools import cache

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)

from skpoison.refit._registry import register_engine
from skpoison.refit._statistics import (
    ClassStatistics,
    ScoresEnsemble,
    is_clear,
    prepare,
)
from skpoison.refit._tiles import one_blas_thread

# Eigenvalues below are zero up to rounding; those up to the least are left alone, since
# they are known to few digits.
ZERO, LEAST = 1e-12, 1e-7
# Shares by which scores may differ from those of scikit-learn.
FITTED, ROUNDING = 1e-8, 1e-13


@register_engine(LinearDiscriminantAnalysis)
def refit_lda(estimator, X, y, poisons, *, n_jobs):
    """Update class means and the scatter within classes; then solve for all models."""
    if estimator.solver != "svd":
        return NotImplemented
    clean, data = prepare(estimator, X, y, poisons)
    if clean is None or not np.all(clean.priors_ > 0):
        return NotImplemented
    statistics = ClassStatistics(*data)
    if not statistics.is_finite():
        return NotImplemented
    try:
        return LDAEnsemble(estimator, X, y, poisons, clean=clean, statistics=statistics)
    except LinAlgError:  # the clean rows leave it to rounding which columns vary
        return NotImplemented


class LDAEnsemble(ScoresEnsemble):
    """Linear discriminants of scikit-learn's solver ``"svd"``.

    With ``S`` the scatter within classes, ``D`` the standard deviations within them and
    ``b`` the class means, from their mean, that solver gives ``D^-1 C^+ D^-1 b``, where
    ``C = D^-1 S D^-1 / n`` has the rank that `tol` leaves; older versions divide by
    ``n`` less the number of classes.
    """

    def __init__(self, *args, clean, statistics):
        super().__init__(*args, clean=clean)
        counts = statistics.counts / statistics.n_samples[:, np.newaxis]
        given = self._estimator.priors
        priors = counts if given is None else clean.priors_ + 0 * counts
        self._center = clean.means_.mean(axis=0)
        means = (statistics.clean_means - self._center) + statistics.shifts
        overall = np.einsum("mc,mcf->mf", priors, means)
        between = means - overall[:, np.newaxis]
        self._coef, self._is_solved = np.empty_like(means), np.zeros(len(self), bool)
        with one_blas_thread():
            solver = _Solver(statistics, self._estimator.tol)
            for j in range(len(self)):
                coef = solver.solve(j, between[j], priors[j])
                if coef is not None:
                    self._coef[j], self._is_solved[j] = coef, True
        norms = np.einsum("mcf,mcf->mc", between, self._coef)
        self._intercept = np.log(priors) - 0.5 * norms
        self._intercept -= np.einsum("mf,mcf->mc", overall, self._coef)

    def _prepare(self, X):
        shifted = X - self._center
        reach = FITTED * np.linalg.norm(shifted, axis=1)
        return shifted, reach + ROUNDING * np.linalg.norm(X, axis=1)

    def _scores(self, prepared, models):
        shifted, reach = prepared
        coef, intercept = self._coef[models], self._intercept[models]
        scores = [
            coef[:, c] @ shifted.T + intercept[:, c, np.newaxis]
            for c in range(coef.shape[1])
        ]
        slack = np.linalg.norm(coef, axis=2).max(axis=1)[:, np.newaxis] * reach
        slack += FITTED * np.abs(intercept).max(axis=1)[:, np.newaxis]
        slack[~self._is_solved[models]] = np.inf
        return scores, slack


class _Solver:
    """Solves with the scatter of every model in the range of the clean one.

    Poison adds to the scatter and takes nothing away, so the rank of the clean rows is
    that of a model where the poison leaves alone what they do not span. That, and how
    far the least eigenvalue can sink, is checked; where it does not hold, the
    eigenvalues of the model tell. `None` is no solution.
    """

    def __init__(self, statistics, tol):
        self._statistics, self._tol = statistics, tol
        self._enough = max(4 * tol**2, LEAST)
        scatter = statistics.clean_scatter
        n_classes = len(statistics.clean_means)
        self._lost = n_classes if _degrees_are_lost()[0] else 0
        self._n_clean = statistics.n_clean - self._lost
        self._clean_std = self._scale(scatter, statistics.n_clean, 0.0)
        correlation = scatter / np.outer(self._clean_std, self._clean_std)
        values, vectors = np.linalg.eigh(correlation / self._n_clean)
        self._is_clear = self._has_clear_rank(values)
        in_range = values > tol**2
        self._least = values[in_range].min(initial=np.inf)
        self._null = np.linalg.qr(
            vectors[:, ~in_range] / self._clean_std[:, np.newaxis]
        )[0]
        self._range = np.linalg.qr(
            vectors[:, in_range] * self._clean_std[:, np.newaxis]
        )[0]

    def solve(self, j, between, priors):
        """Coefficients of each class of model ``j``, or None."""
        try:
            return self._solve(j, between, priors)
        except LinAlgError:
            return None

    def _solve(self, j, between, priors):
        n_samples = self._statistics.n_samples[j]
        scatter = self._statistics.scatter(j)
        std = self._scale(scatter, n_samples, self._statistics.shifts[j])
        n_samples = n_samples - self._lost
        # By Ostrowski's theorem, eigenvalues sink by no more than the scaling.
        stretch = np.max(std / self._clean_std) ** 2 * n_samples
        least = self._least * self._n_clean / stretch
        null = np.linalg.qr(std[:, np.newaxis] * self._null)[0]
        correlation = scatter / np.outer(std, std) / n_samples
        left = np.abs(null.T @ correlation @ null).max(initial=0)
        if not self._is_clear or least < self._enough or left > ZERO:
            return self._solve_anew(correlation, std, between, priors)
        # What is left of the means where the rows within classes vary.
        scaled = between / std
        scaled -= (scaled @ null) @ null.T
        inner = self._range.T @ scatter @ self._range / n_samples
        solution = np.linalg.solve(inner, self._range.T @ (scaled * std).T)
        coef = (self._range @ solution).T * std
        coef -= (coef @ null) @ null.T
        coef /= std
        return coef if self._spans(between, coef, priors) else None

    def _solve_anew(self, correlation, std, between, priors):
        """Coefficients from the eigenvalues of one model."""
        values, vectors = np.linalg.eigh(correlation)
        if not self._has_clear_rank(values):
            return None
        kept = values > self._enough
        scaled = between / std @ vectors[:, kept]
        coef = (scaled / values[kept]) @ vectors[:, kept].T / std
        return coef if self._spans(between, coef, priors) else None

    def _scale(self, scatter, n_samples, shifts):
        """Take standard deviations within classes, 1 for those of constant columns."""
        std = np.sqrt(np.maximum(np.diag(scatter), 0) / n_samples)
        if not is_clear(std, self._statistics.clean_means + shifts):
            raise LinAlgError("Deviations may be rounding errors.")
        return np.where(std == 0, 1.0, std)

    def _has_clear_rank(self, values):
        return not np.any(
            (values > ZERO * max(1, values[-1])) & (values < self._enough)
        )

    def _spans(self, between, coef, priors):
        """Whether scikit-learn keeps all directions between the class means."""
        root = np.sqrt(priors)[:, np.newaxis]
        gram = (root * between) @ (root * coef).T
        values = np.linalg.eigvalsh((gram + gram.T) / 2)
        share = values / values[-1] if values[-1] > 0 else np.full(len(values), 0.5)
        return not np.any((share > ZERO) & (share < 4 * self._tol**2)) and (
            values[-1] > ZERO
        )


@cache
def _degrees_are_lost():
    """Whether scikit-learn takes means off the rows it divides by, in LDA and in QDA.

    Older versions divide scatters by ``n - n_classes`` and ``n - 1``, newer by ``n``.
    """
    X, y = np.array([[0.0], [2.0], [4.0], [6.0]]), [0, 0, 1, 1]
    lda = LinearDiscriminantAnalysis().fit(X, y)
    qda = QuadraticDiscriminantAnalysis(store_covariance=True).fit(X, y)
    # The scatters are 2 in each class, the means 4 apart.
    return lda.coef_.item() < 3, qda.covariance_[0].item() > 1.5


@register_engine(QuadraticDiscriminantAnalysis)
def refit_qda(estimator, X, y, poisons, *, n_jobs):
    """Update the mean and the covariance of each poisoned class."""
    if getattr(estimator, "solver", "svd") != "svd":
        return NotImplemented
    clean, data = prepare(estimator, X, y, poisons)
    if clean is None:
        return NotImplemented
    statistics = ClassStatistics(*data)
    if not statistics.is_finite() or np.bincount(data[1]).min() <= X.shape[1]:
        # The solver leaves directions out where features outnumber rows.
        return NotImplemented
    try:
        return QDAEnsemble(estimator, X, y, poisons, clean=clean, statistics=statistics)
    except LinAlgError:  # the loop says in which poison
        return NotImplemented


class QDAEnsemble(ScoresEnsemble):
    """Quadratic discriminants of scikit-learn's solver ``"svd"``."""

    def __init__(self, *args, clean, statistics):
        super().__init__(*args, clean=clean)
        self._center = clean.means_.mean(axis=0)
        self._clean_means = statistics.clean_means - self._center
        self._means = self._clean_means + statistics.shifts
        clean_counts = np.bincount(np.searchsorted(clean.classes_, self._y))
        self._is_changed = statistics.counts != clean_counts
        counts = statistics.counts / statistics.n_samples[:, np.newaxis]
        given = self._estimator.priors
        self._priors = counts if given is None else np.asarray(given) + 0 * counts
        n_classes, lost = len(clean.classes_), int(_degrees_are_lost()[1])
        self._clean_factors = [
            self._factor(statistics.clean_scatters[c] / (clean_counts[c] - lost))
            for c in range(n_classes)
        ]
        with one_blas_thread():
            self._factors = {
                (j, c): self._factor(
                    statistics.class_scatter(j, c) / (statistics.counts[j, c] - lost)
                )
                for j, c in zip(*np.nonzero(self._is_changed), strict=True)
            }

    def _factor(self, covariance):
        """Root of the inverse of a regularized covariance, and its log determinant."""
        n_features = len(covariance)
        reg, tol = self._estimator.reg_param, self._estimator.tol
        matrix = (1 - reg) * covariance + reg * np.eye(n_features)
        # All eigenvalues are above tol, as scikit-learn demands.
        cholesky(matrix - tol * (1 + 1e-6) * np.eye(n_features), lower=True)
        root = cholesky(matrix, lower=True)
        inverse = solve_triangular(root, np.eye(n_features), lower=True)
        return inverse, 2 * np.log(np.diag(root)).sum()

    def _prepare(self, X):
        X = X - self._center
        return X, [
            _half_norms(X, mean, *factor)
            for mean, factor in zip(self._clean_means, self._clean_factors, strict=True)
        ]

    def _scores(self, prepared, models):
        X, unchanged = prepared
        numbers = range(*models.indices(len(self)))
        n_classes = len(self._clean_factors)
        scores = np.empty((n_classes, len(numbers), len(X)))
        with np.errstate(divide="ignore"):
            offset = np.log(self._priors)
        for c in range(n_classes):
            for row, j in enumerate(numbers):
                if self._is_changed[j, c]:
                    score = _half_norms(X, self._means[j, c], *self._factors[j, c])
                else:
                    score = unchanged[c]
                scores[c, row] = score + offset[j, c]
        finite = np.where(np.isfinite(scores), scores, 0)
        return scores, FITTED * np.abs(finite).max(axis=0) + FITTED


def _half_norms(X, mean, inverse, log_determinant):
    deviations = (X - mean) @ inverse.T
    norms = np.einsum("ij,ij->i", deviations, deviations)
    return -0.5 * (norms + log_determinant)
