"""Linear classifiers that were solved together."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from copy import deepcopy

import numpy as np
from sklearn.base import clone
from sklearn.utils import gen_batches
from sklearn.utils.validation import validate_data

from skpoison.refit._ensemble import RefitEnsemble

# Decision values that are held at a time.
BATCH_VALUES = 2**23


class LinearEnsemble(RefitEnsemble):
    """Models of many coefficients.

    Parameters
    ----------
    estimator, X, y, poisons : object
        As in :class:`RefitEnsemble`.

    coef : ndarray of shape (n_poisons, n_outputs, n_features)
        Coefficients.

    intercept : ndarray of shape (n_poisons, n_outputs) or None
        Intercepts.

    learned : dict
        Fitted attributes that all models share.

    own : dict
        Fitted attributes that each model has for itself: sequences of their values.

    converged, gradient_norms : ndarray of shape (n_poisons,)
        As in :class:`RefitEnsemble`.
    """

    def __init__(
        self,
        estimator,
        X,
        y,
        poisons,
        *,
        coef,
        intercept,
        learned,
        own,
        converged=None,
        gradient_norms=None,
    ):
        super().__init__(
            estimator, X, y, poisons, converged=converged, gradient_norms=gradient_norms
        )
        self._coef, self._intercept = coef, intercept
        self._learned, self._own = learned, own
        self._fitted = {}

    def predict(self, X):
        """Predict with every model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        y_pred : ndarray of shape (n_poisons, n_samples)
            Class labels, one row for each model.
        """
        if len(self) == 0:
            return self._no_predictions(X)
        model = self._model(0)
        X = validate_data(model, X, accept_sparse="csr", reset=False)
        codes = np.empty((len(self), X.shape[0]), np.intp)
        m, k, d = self._coef.shape
        coef = np.ascontiguousarray(self._coef.reshape(m * k, d).T)
        rows = max(1, BATCH_VALUES // (m * k))
        for batch in gen_batches(X.shape[0], rows):
            values = X[batch] @ coef
            values += self._intercept.reshape(-1)
            codes[:, batch] = _decide(values.reshape(-1, m, k)).T
        return model.classes_[codes]

    def fit_unconverged(self):
        """Fit those models one by one that did not get to their optimum."""
        for j in np.flatnonzero(~self.converged_):
            self._fitted[j] = model = super()._model(j)
            self.replace(j, model, model.coef_, model.intercept_)
        return self

    def replace(self, j, model, coef, intercept):
        """Predict with these coefficients, of a model that was fitted by itself."""
        self._coef[j], self._intercept[j] = coef, intercept
        self.converged_[j] = np.max(model.n_iter_) < model.max_iter
        self.gradient_norms_[j] = np.nan

    def _model(self, j):
        if j in self._fitted:
            return deepcopy(self._fitted[j])
        model = clone(self._estimator)
        vars(model).update(self._learned)
        vars(model).update({name: deepcopy(own[j]) for name, own in self._own.items()})
        return model


def learned_inputs(estimator, inputs):
    """Gather what all models know of rows and labels."""
    names = ("n_features_in_", "feature_names_in_")
    learned = {a: getattr(estimator, a) for a in names if hasattr(estimator, a)}
    # Some estimators look their classes up.
    if not isinstance(getattr(type(estimator), "classes_", None), property):
        learned["classes_"] = inputs.classes
    return learned


def _decide(values):
    """Find the number of the class of each row by each model."""
    if values.shape[2] == 1:
        return (values[:, :, 0] > 0).astype(np.intp)
    return values.argmax(axis=2)
