"""Ridge classifiers."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from numbers import Real

import numpy as np
from scipy import linalg, sparse
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier
from threadpoolctl import threadpool_limits

from skpoison.refit._linear_ensemble import LinearEnsemble, learned_inputs
from skpoison.refit._linear_inputs import read_inputs
from skpoison.refit._linear_problem import dense
from skpoison.refit._linear_rows import SPARSE_BELOW
from skpoison.refit._registry import register_engine
from skpoison.utils._magnitudes import check_squares

# Features up to which one matrix of their products is small enough.
MAX_FEATURES = 4000
# Solvers that `max_iter` does not stop.
DIRECT = ("cholesky", "svd")


@register_engine(RidgeClassifier)
def refit_ridge(estimator, X, y, poisons, *, n_jobs):
    """Add the products of the poison rows to those of the clean rows, and solve.

    The result is exact; `solver` and `tol` do not matter. Not covered are ``alpha=0``,
    several alphas, ``positive=True``, many features, and a `max_iter` that could stop
    the solver.
    """
    return _solve_all(estimator, X, y, poisons)


@register_engine(RidgeClassifier, fidelity="influence")
def estimate_ridge(estimator, X, y, poisons, *, n_jobs):
    """Take one Newton step, which is exact: the objective is a parabola."""
    ensemble = _solve_all(estimator, X, y, poisons)
    if ensemble is not NotImplemented:
        ensemble.newton_decrements_ = ensemble.decrements
    return ensemble


def _solve_all(estimator, X, y, poisons):
    inputs = _read(estimator, X, y, poisons)
    if inputs is None:
        return NotImplemented
    for rows in (inputs.X, inputs.X_poison):
        check_squares(rows, rows.shape[0] * rows.shape[1], "RidgeClassifier")
    template = _template(estimator, inputs)
    if estimator.max_iter is not None and template["solver_"] not in DIRECT:
        return NotImplemented
    moments = ClassMoments(inputs, estimator)
    try:
        with threadpool_limits(1, "blas"):
            solved = [moments.solve(j, estimator.alpha) for j in range(inputs.n_models)]
    except linalg.LinAlgError:
        return NotImplemented
    return _ensemble(estimator, X, y, poisons, inputs, template, solved)


def _read(estimator, X, y, poisons):
    alpha = estimator.alpha
    if not isinstance(alpha, Real) or alpha <= 0 or estimator.positive:
        return None
    if len(X.shape) != 2 or X.shape[1] > min(MAX_FEATURES, max(500, X.shape[0])):
        return None
    # What the estimator refuses it shall refuse itself.
    refused = {"lbfgs"}
    if sparse.issparse(X):
        refused |= {"svd"}
        if estimator.fit_intercept:
            refused |= {"cholesky", "saga"}
    if estimator.solver in refused:
        return None
    return read_inputs(
        estimator,
        X,
        y,
        poisons,
        dtype=[np.float64, np.float32],
        force_writeable=True,
    )


def _template(estimator, inputs):
    """Attributes that a real fit has, of a fit on two rows of each class."""
    rows = [np.flatnonzero(inputs.codes == c)[:2] for c in range(len(inputs.classes))]
    rows = np.concatenate(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = clone(estimator).fit(inputs.X[rows], inputs.classes[inputs.codes[rows]])
    return vars(model)


class ClassMoments:
    """Counts, sums and products of the clean rows of each class."""

    def __init__(self, inputs, estimator):
        self.inputs, self.fit_intercept = inputs, estimator.fit_intercept
        X, self.X_poison = _dense_where_it_pays(inputs.X, inputs.X_poison)
        _, self.weights = inputs.class_weights(estimator.class_weight)
        self.shift = self._shift(X)
        k = len(inputs.classes)
        # Targets of each class, one column an output.
        self.targets = 2 * np.eye(k) - 1 if k > 2 else np.array([[-1.0], [1.0]])
        self.clean = self._moments(X, inputs.codes)
        starts = np.arange(inputs.n_models + 1)
        self.starts = np.searchsorted(inputs.model, starts)

    def _shift(self, X):
        """Means, so that large ones cost no digits; zero where rows are sparse."""
        if sparse.issparse(X) or not self.fit_intercept:
            return np.zeros(X.shape[1])
        return X.mean(axis=0, dtype=np.float64)

    def _moments(self, X, codes):
        """Sum up the rows of each class, and their products, and count them."""
        k, sums, products = len(self.targets), [], []
        for c in range(k):
            rows = X[np.flatnonzero(codes == c)]
            if sparse.issparse(rows):
                rows = rows.astype(np.float64)
            else:
                rows = rows - self.shift
            sums.append(np.asarray(rows.sum(axis=0)).ravel())
            products.append(dense(rows.T @ rows))
        if self.weights is None:
            products = [sum(products)]
        return np.bincount(codes, minlength=k), np.array(sums), products

    def solve(self, j, alpha):
        """Coefficients, intercepts, gradient and decrement of model ``j``."""
        inputs, at = self.inputs, slice(self.starts[j], self.starts[j + 1])
        own = self._moments(self.X_poison[at], inputs.poison_codes[at])
        weights = np.ones(len(self.targets))
        if self.weights is not None:
            weights = self.weights[:, j]
        counts = weights * (self.clean[0] + own[0])
        sums = weights[:, np.newaxis] * (self.clean[1] + own[1])
        pairs = zip(weights, self.clean[2], own[2], strict=False)
        A = sum(w * (clean + new) for w, clean, new in pairs)
        B = sums.T @ self.targets
        total, mean = counts.sum(), sums.sum(axis=0) / counts.sum()
        if self.fit_intercept:
            A -= total * np.outer(mean, mean)
            B -= np.outer(mean, counts @ self.targets)
        A.flat[:: len(A) + 1] += alpha
        factor = linalg.cho_factor(A)
        W = linalg.cho_solve(factor, B)
        rest = A @ W - B
        left = max(np.sum(rest * linalg.cho_solve(factor, rest)), 0)
        intercept = np.zeros(W.shape[1])
        if self.fit_intercept:
            intercept = counts @ self.targets / total - (mean + self.shift) @ W
        # The objective is not halved, so neither are its derivatives.
        return W.T, intercept, 2 * np.abs(rest).max(), np.sqrt(2 * left)


def _dense_where_it_pays(X, X_poison):
    """Rows without many zeros as arrays, whose means can be taken off."""
    if sparse.issparse(X) and X.nnz >= SPARSE_BELOW * np.prod(X.shape):
        return dense(X), dense(X_poison)
    return X, X_poison


def _ensemble(estimator, X, y, poisons, inputs, template, solved):
    dtype, shape = template["coef_"].dtype, template["coef_"].shape
    d, k = inputs.X.shape[1], len(inputs.classes)
    coef = np.empty((len(solved), k if k > 2 else 1, d), dtype)
    intercept = np.empty(coef.shape[:2], dtype)
    norms, decrements = np.empty((2, len(solved)))
    for j, result in enumerate(solved):
        coef[j], intercept[j], norms[j], decrements[j] = result

    m, intercepts = len(solved), [0.0] * len(solved)
    if estimator.fit_intercept:
        intercepts = intercept.reshape(m, *template["intercept_"].shape)
    own = {"coef_": coef.reshape(m, *shape), "intercept_": intercepts}
    ensemble = LinearEnsemble(
        estimator,
        X,
        y,
        poisons,
        coef=coef,
        intercept=intercept,
        # Labels may get another dtype than the user's: that of the template.
        learned=learned_inputs(estimator, inputs) | template,
        own=own,
        gradient_norms=norms,
    )
    ensemble.decrements = decrements
    return ensemble
