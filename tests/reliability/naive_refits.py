"""What one fit after the other gives, and the optimum itself for linear models."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy import sparse
from scipy.special import expit, logsumexp, softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from skpoison.utils._containers import append

EXACT = {
    LogisticRegression: {"tol": 1e-10, "max_iter": 1000},
    LinearSVC: {"tol": 1e-10, "max_iter": 10_000},
    RidgeClassifier: {"tol": 1e-13, "max_iter": None},
}


def training_data(problem, j):
    """Rows and labels of one model."""
    rows, labels = problem.poisons[j]
    X = append(problem.X, rows) if len(labels) else problem.X
    return X, np.concatenate([problem.y, labels])


def naive_refits(problem, estimator=None):
    """Fit one model after the other."""
    estimator = problem.estimator if estimator is None else estimator
    return [
        clone(estimator).fit(*training_data(problem, j))
        for j in range(len(problem.poisons))
    ]


def exact(estimator):
    """The same estimator at a tolerance that is honest to compare with."""
    estimator = clone(estimator)
    last = last_of(estimator)
    last.set_params(**EXACT[type(last)])
    if type(last) is LogisticRegression and last.solver != "liblinear":
        last.set_params(solver="newton-cholesky")
    return estimator


def last_of(model):
    """The last step of a pipeline, or the model itself."""
    return model[-1] if isinstance(model, Pipeline) else model


def seen_by(model, X):
    """Rows as the last step of a pipeline sees them, dense and in double precision."""
    X = model[:-1].transform(X) if isinstance(model, Pipeline) else X
    return np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=float)


class Objective:
    """Training objective of a linear model: its value, gradient and curvature.

    Written from the formulas in scikit-learn's user guide, with nothing of the engines.
    """

    def __init__(self, model, X, y, classes):
        self.model, self.k = model, len(classes)
        self.codes = np.searchsorted(classes, y)
        balanced = len(y) / (self.k * np.bincount(self.codes))
        is_balanced = model.class_weight == "balanced"
        self.class_weights = balanced if is_balanced else np.ones(self.k)
        self.weights = self.class_weights[self.codes]
        self.is_like_others = (
            isinstance(model, LinearSVC)
            or getattr(model, "solver", None) == "liblinear"
        )
        self.constant = model.intercept_scaling if self.is_like_others else 1.0
        self.X = self.with_constant(X)
        is_ridge = isinstance(model, RidgeClassifier)
        penalty = 2 * model.alpha if is_ridge else 1 / model.C
        self.penalty = np.full((self.X.shape[1], 1), penalty)
        if model.fit_intercept and not self.is_like_others:
            self.penalty[-1] = 0

    def with_constant(self, X):
        """Rows with the column that stands for the intercept."""
        if not self.model.fit_intercept:
            return X
        return np.c_[X, np.full(len(X), self.constant)]

    def coefficients_of(self, model):
        """Coefficients of a fitted model for these rows, one column an output."""
        W = np.atleast_2d(model.coef_).T.astype(float)
        if not self.model.fit_intercept:
            return W
        last = np.atleast_1d(model.intercept_).astype(float) / self.constant
        return np.vstack([W, last])

    def __call__(self, W):
        """Value, gradient, and second derivatives: a matrix, or one an output."""
        Z = self.X @ W
        if isinstance(self.model, RidgeClassifier):
            loss, R, D = self._squares(Z)
        elif isinstance(self.model, LinearSVC):
            loss, R, D = self._hinges(Z)
        elif self.k == 2:
            loss, R, D = self._logistic(Z)
        else:
            loss, R, D = self._softmax(Z)
        value = loss + (self.penalty * W**2).sum() / 2
        return value, self.X.T @ R + self.penalty * W, self._curvature(D)

    def _curvature(self, D):
        ridge = np.diag(self.penalty[:, 0])
        if D.ndim == 2:
            return [(self.X.T * d) @ self.X + ridge for d in D.T]
        H = np.einsum("ni,nab,nj->aibj", self.X, D, self.X, optimize=True)
        H = H.reshape(len(ridge) * self.k, -1)
        return [H + np.kron(np.eye(self.k), ridge)]

    def _squares(self, Z):
        targets = 2.0 * (self.codes[:, np.newaxis] == np.arange(self.k)) - 1
        R = Z - (targets[:, 1:] if self.k == 2 else targets)
        w = self.weights[:, np.newaxis]
        return (w * R**2).sum(), 2 * w * R, np.broadcast_to(2 * w, Z.shape)

    def _hinges(self, Z):
        is_class = self.codes[:, np.newaxis] == np.arange(self.k)
        w = np.where(is_class, self.class_weights, 1.0)
        if self.k == 2:
            is_class, w = is_class[:, 1:], self.weights[:, np.newaxis]
        signs = np.where(is_class, 1.0, -1.0)
        left = np.maximum(1 - signs * Z, 0)
        return (w * left**2).sum(), -2 * w * signs * left, 2 * w * (left > 0)

    def _logistic(self, Z):
        signs, w = (2 * self.codes - 1)[:, np.newaxis], self.weights[:, np.newaxis]
        loss = (w * np.logaddexp(0, -signs * Z)).sum()
        return loss, -w * signs * expit(-signs * Z), w * expit(Z) * expit(-Z)

    def _softmax(self, Z):
        at, w = (np.arange(len(Z)), self.codes), self.weights[:, np.newaxis]
        loss = (self.weights * (logsumexp(Z, axis=1) - Z[at])).sum()
        P = softmax(Z, axis=1)
        D = np.einsum("na,ab->nab", P, np.eye(self.k)) - np.einsum("na,nb->nab", P, P)
        R = P.copy()
        R[at] -= 1
        return loss, w * R, w[..., np.newaxis] * D

    def newton(self, W, n_steps=60):
        """Go on to the optimum by Newton's method; the value there as well."""
        value, G, H = self(W)
        for _ in range(n_steps):
            if len(H) == 1:
                P = _solve(H[0], G.T.ravel()).reshape(G.T.shape).T
            else:
                P = np.stack([_solve(h, g) for h, g in zip(H, G.T, strict=True)], 1)
            for share in 0.5 ** np.arange(27):
                there = self(W - share * P)
                if there[0] < value:
                    break
            else:
                break
            gain = value - there[0]
            W, (value, G, H) = W - share * P, there
            if gain < 1e-15 * abs(value):
                break
        return W, value

    def condition(self):
        """Condition number of the curvature, in units that make it small."""
        X = self.X - (self.X.T @ self.weights / self.weights.sum()) * (
            self.penalty[-1] == 0
        )
        H = (X.T * self.weights) @ X + np.diag(self.penalty[:, 0])
        root = np.sqrt(np.where(np.diag(H) > 0, np.diag(H), 1))
        values = np.linalg.eigvalsh(H / np.outer(root, root))
        return values[-1] / max(values[values > 0].min(initial=1), 1e-300)


def _solve(H, g):
    """Newton step; directions along which nothing bends are left alone."""
    root = np.sqrt(np.where(np.diag(H) > 0, np.diag(H), 1))
    scaled = H / np.outer(root, root)
    return np.linalg.pinv(scaled, rcond=1e-15, hermitian=True) @ (g / root) / root
