"""Losses of linear classifiers."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    RidgeClassifier,
)
from sklearn.svm import LinearSVC
from sklearn.utils.extmath import safe_sparse_dot

from skpoison.influence._base import TrainingLoss
from skpoison.influence._links import Hinge, Logistic, Softmax, Squared, SquaredHinge
from skpoison.influence._matrices import linear_matrix


class LinearLoss(TrainingLoss):
    """Loss of a linear classifier.

    Parameters are the coefficients of each output and then its intercept, if it has
    one, one output after the other.

    Parameters
    ----------
    coef : ndarray of shape (n_outputs, n_features)
        Coefficients.

    intercept : ndarray of shape (n_outputs,) or None
        Intercepts; `None` for a model without.

    link : object
        Loss as a function of the outputs.

    classes : ndarray of shape (n_classes,)
        Class labels.

    weight_decay : float
        Second derivative of the penalty of the objective that sums over rows.

    intercept_decay : float, default=0.0
        The same for the intercepts.

    has_l1 : bool, default=False
        Whether there is an L1 penalty as well, which has no second derivatives.
    """

    def __init__(
        self,
        coef,
        intercept,
        link,
        classes,
        weight_decay,
        intercept_decay=0.0,
        has_l1=False,
    ):
        self.coef, self.intercept, self.link = coef, intercept, link
        self.classes, self.has_l1 = classes, has_l1
        self.weight_decay, self.intercept_decay = weight_decay, intercept_decay
        self.n_outputs, self.n_features = coef.shape
        self.n_params = self.n_outputs * (self.n_features + self.has_intercept)

    @property
    def has_intercept(self):
        """Whether the model has intercepts."""
        return self.intercept is not None

    def outputs(self, X):
        """Give the outputs, of shape (n_samples, n_outputs)."""
        Z = safe_sparse_dot(X, self.coef.T, dense_output=True)
        return Z + self.intercept if self.has_intercept else Z

    def losses(self, X, codes):
        """Give the loss of each row."""
        return self.link.losses(self.outputs(X), codes)

    def gradient(self, X, codes, weights=None):
        """Give the weighted sum of the gradients of rows; without weights the mean."""
        weights = self._weights(X.shape[0], weights)
        R = self.link.residuals(self.outputs(X), codes) * weights[:, np.newaxis]
        return self.backward(X, R)

    def backward(self, X, R):
        """Give the derivatives in the parameters of the sum of outputs times R."""
        G = safe_sparse_dot(R.T, X, dense_output=True)
        if self.has_intercept:
            G = np.column_stack([G, R.sum(axis=0)])
        return np.asarray(G).ravel()

    def tangents(self, X, V):
        """Give the change of the outputs where parameters change by V."""
        V_coef, V_intercept = self._split(V)
        return safe_sparse_dot(X, V_coef.T, dense_output=True) + V_intercept

    def products(self, X, codes, V):
        """Give the product of each row's gradient with V."""
        R = self.link.residuals(self.outputs(X), codes)
        return np.einsum("ij,ij->i", R, self.tangents(X, V))

    def curvature_matrix(self, X, codes, kind="gauss_newton", weights=None):
        """Give the second derivatives of the weighted loss of rows."""
        self.check_curvature(kind)
        return linear_matrix(self, X, codes, self._weights(X.shape[0], weights))

    def curvature_product(self, X, codes, v, kind="gauss_newton", weights=None):
        """Give the product of the same matrix with v."""
        self.check_curvature(kind)
        weights = self._weights(X.shape[0], weights)
        bent = self.link.bend(self.outputs(X), codes, self.tangents(X, v))
        return self.backward(X, bent * weights[:, np.newaxis])

    def check_curvature(self, kind):
        """Raise for objectives that are not smooth."""
        if not self.link.is_smooth:
            raise ValueError(
                "The hinge loss is made of straight pieces and has no curvature. Use "
                "LinearSVC(loss='squared_hinge') or LogisticRegression."
            )
        if self.has_l1:
            raise ValueError(
                "An L1 penalty bends at 0, where coefficients come to rest, so the "
                "objective has no curvature there. Use an L2 penalty."
            )

    def flat_directions(self):
        """Give directions in parameters that leave loss and penalty as they are."""
        width = self.n_params // self.n_outputs
        if not isinstance(self.link, Softmax):
            return np.empty((0, self.n_params))
        free = np.flatnonzero(self.penalty(1)[:width] == 0)
        return np.tile(np.eye(width)[free], self.n_outputs) / np.sqrt(self.n_outputs)

    def input_gradients(self, X, codes, V):
        """Give the derivatives of `products` in the rows."""
        Z = self.outputs(X)
        R = self.link.residuals(Z, codes)
        bent = self.link.bend(Z, codes, self.tangents(X, V))
        return R @ self._split(V)[0] + bent @ self.coef

    def penalty(self, n_samples):
        """Give the penalty's second derivatives, of the mean objective."""
        shape = (self.n_outputs, self.n_features + self.has_intercept)
        decay = np.full(shape, self.weight_decay)
        if self.has_intercept:
            decay[:, -1] = self.intercept_decay
        return decay.ravel() / n_samples

    def parameters(self):
        """Give the parameters as one vector."""
        if not self.has_intercept:
            return self.coef.ravel()
        return np.column_stack([self.coef, self.intercept]).ravel()

    def _split(self, V):
        V = V.reshape(self.n_outputs, -1)
        return (V[:, :-1], V[:, -1]) if self.has_intercept else (V, 0.0)


def linear_loss(model):
    """Loss of a fitted linear classifier; None for classes that are not known."""
    return READERS[known_class(model)](model) if known_class(model) else None


def known_class(model):
    """Class of linear classifiers whose loss is known; None for other models."""
    if isinstance(model, LogisticRegressionCV):  # it has a penalty for each class
        return None
    return next((cls for cls in READERS if isinstance(model, cls)), None)


def _logistic_regression(model):
    is_binary = len(model.classes_) == 2
    # Until scikit-learn 1.7 there was a choice.
    scheme = "ovr" if model.solver == "liblinear" else getattr(model, "multi_class", "")
    if scheme == "ovr" and not is_binary:
        raise ValueError(
            f"{model!r} was fitted for each class against the rest, which has no loss "
            "of its own here. Use another solver than liblinear, and no multi_class."
        )
    # Binary models of older releases with a softmax have opposite outputs in one.
    link = Logistic() if is_binary else Softmax()
    decay = 0.0 if np.isinf(model.C) or model.penalty is None else 1 / model.C
    on_intercept = 0.0
    if model.solver == "liblinear" and model.fit_intercept:
        on_intercept = decay / model.intercept_scaling**2
    return _loss(model, link, decay, on_intercept, _has_l1(model))


def _has_l1(model):
    # Until scikit-learn 1.7 the penalty was named.
    if model.penalty == "deprecated":
        return bool(model.l1_ratio)
    return model.penalty in ("l1", "elasticnet")


def _linear_svc(model):
    link = SquaredHinge() if model.loss == "squared_hinge" else Hinge()
    decay = 1 / model.C
    has_l1 = model.penalty == "l1"
    return _loss(model, link, decay, decay / model.intercept_scaling**2, has_l1)


def _ridge_classifier(model):
    return _loss(model, Squared(), 2 * float(np.max(model.alpha)), 0.0)


def _loss(model, link, decay, intercept_decay, has_l1=False):
    coef = np.atleast_2d(np.asarray(model.coef_, dtype=float))
    intercept = None
    if model.fit_intercept:
        shape = (len(coef),)
        intercept = np.broadcast_to(np.asarray(model.intercept_, float).ravel(), shape)
    return LinearLoss(
        coef, intercept, link, model.classes_, decay, intercept_decay, has_l1
    )


READERS = {
    LogisticRegression: _logistic_regression,
    LinearSVC: _linear_svc,
    RidgeClassifier: _ridge_classifier,
}
