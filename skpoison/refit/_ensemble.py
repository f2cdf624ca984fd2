"""The models that an engine returns."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from functools import wraps
from numbers import Integral

import numpy as np
from sklearn.base import clone

from skpoison.utils._containers import append, as_rows, copy_rows, n_rows


def _check(X):
    if X is not None:  # which is the training rows to neighbors
        as_rows(X, "RefitEnsemble")


def _with_checked_rows(predict):
    @wraps(predict)
    def checked(self, X):
        _check(X)
        try:
            return predict(self, X)
        except TypeError as error:  # NumPy's, of rows that the models do not read
            raise TypeError(f"RefitEnsemble cannot read X: {error}") from error

    return checked


class RefitEnsemble(Sequence):
    """The models that training on each of many poisoned data sets gives.

    :func:`refit_poisoned` returns one. It is a sequence of fitted estimators, which
    are made when they are asked for; `predict` asks all of them at once.

    An engine of your own returns a subclass. It may override `predict`, to be fast,
    and `_model`; here both fit the estimator, one poison at a time.

    Parameters
    ----------
    estimator : estimator
        The estimator, unfitted.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Clean training rows.

    y : ndarray of shape (n_samples,)
        Their class labels.

    poisons : list of (X_poison, y_poison)
        Rows and labels that each model is trained on as well.

    converged : array-like of shape (n_poisons,), dtype=bool, default=None
        Whether each fit stopped at its tolerance; `None` is True for all.

    gradient_norms : array-like of shape (n_poisons,), default=None
        Largest absolute entry of the gradient of each model's training objective at
        the end, as a mean over its rows; `None` where there is no such objective.

    Attributes
    ----------
    converged_ : ndarray of shape (n_poisons,), dtype=bool
        Whether each fit stopped at its tolerance; of models that were fitted in a
        loop, whether they stopped before their `max_iter`, where they have one.

    gradient_norms_ : ndarray of shape (n_poisons,)
        Final gradient norms; NaN where the estimator has no gradient, and for models
        that an engine gave up on and fitted as scikit-learn does.

    newton_decrements_ : ndarray of shape (n_poisons,)
        Distance to the optimum of each estimate of ``fidelity="influence"``: the
        square root of the gradient's product with the Newton step that is left, in
        the units of the square root of the training objective. NaN for refits.

    fidelity_ : {"refit", "influence"}
        Whether the models are refits, or estimates that rank and state no risk.

    engine_ : str
        Name of the engine that made them.

    See Also
    --------
    refit_poisoned : Trains the models.
    register_engine : Adds an engine.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.refit import refit_poisoned
    >>> X, y = load_iris(return_X_y=True)
    >>> poisons = [(X[:k], (y[:k] + 1) % 3) for k in (0, 10, 20)]
    >>> models = refit_poisoned(LogisticRegression(), X, y, poisons)
    >>> len(models), models[1], models.predict(X).shape
    (3, LogisticRegression(), (3, 150))
    """

    def __init_subclass__(cls, **kwargs):
        """Check the rows that any `predict` is given."""
        super().__init_subclass__(**kwargs)
        if "predict" in vars(cls):
            cls.predict = _with_checked_rows(cls.predict)

    def __init__(
        self, estimator, X, y, poisons, *, converged=None, gradient_norms=None
    ):
        self._estimator, self._X, self._y = estimator, X, y
        self._poisons = poisons
        m = len(poisons)
        self.converged_ = np.ones(m, bool) if converged is None else converged
        self.gradient_norms_ = (
            np.full(m, np.nan) if gradient_norms is None else gradient_norms
        )
        self.newton_decrements_ = np.full(m, np.nan)
        self.fidelity_ = "refit"
        self.engine_ = type(self).__name__

    def __len__(self):
        return len(self._poisons)

    def __getitem__(self, j):
        if not isinstance(j, Integral):
            raise TypeError(
                f"{type(self).__name__} is indexed by the number of a poison, one at a "
                f"time. Got {j!r}."
            )
        if not -len(self) <= j < len(self):
            raise IndexError(
                f"{type(self).__name__} holds {len(self)} models. Got index {j}."
            )
        return self._model(int(j) % len(self))

    def predict(self, X):
        """Predict with every model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Rows to classify.

        Returns
        -------
        y_pred : ndarray of shape (n_poisons, n_samples)
            Class labels, one row for each model.
        """
        _check(X)
        predictions = [np.asarray(model.predict(X)) for model in self]
        return np.array(predictions) if predictions else self._no_predictions(X)

    def _model(self, j):
        """Fitted estimator of poison ``j``."""
        return clone(self._estimator).fit(*self._training_data(j))

    def _training_data(self, j):
        """Clean rows and the rows of poison ``j``, with their labels."""
        X_poison, y_poison = self._poisons[j]
        if len(y_poison) == 0:
            return copy_rows(self._X), self._y
        return append(self._X, X_poison), np.concatenate([self._y, y_poison])

    def _no_predictions(self, X):
        return np.empty((0, n_rows(X)), dtype=self._y.dtype)

    def __repr__(self):
        return (
            f"<{type(self).__name__} of {len(self)} {type(self._estimator).__name__} "
            f"models, fidelity={self.fidelity_!r}>"
        )
