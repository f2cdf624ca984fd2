"""Template of classifiers that learn from all rows, and then from trusted ones."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from abc import abstractmethod
from numbers import Real

from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skpoison.defenses._last_step import split_pipeline
from skpoison.defenses._thawed import thawed
from skpoison.defenses._trusted_rows import own_trusted_rows, split_trusted_rows
from skpoison.utils._containers import as_rows
from skpoison.utils._inner_model import ask, fitted_has, tags_of
from skpoison.utils._random import seeded_clone
from skpoison.utils._sklearn import HasMethods, Interval, _fit_context
from skpoison.utils._training_rows import check_rows


class TrustedClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Template of classifiers that learn from all rows, and then from trusted ones.

    A subclass sets `estimator`, `trusted_size` and `random_state` in its constructor,
    and implements the two hooks.
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "trusted_size": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, *, X_trusted=None, y_trusted=None):
        """Fit the classifier on the training rows, and go on with trusted ones.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows, which may be poisoned.

        y : array-like of shape (n_samples,)
            Class labels.

        X_trusted : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_trusted, ...), default=None
            Rows that are known to be clean, of the same kind as X. `None` splits a
            share `trusted_size` off the training rows, which may be poisoned as well.

        y_trusted : array-like of shape (n_trusted,), default=None
            Class labels of `X_trusted`; each class of y among them.

        Returns
        -------
        self : object
            The fitted classifier.
        """
        owner, rng = type(self).__name__, check_random_state(self.random_state)
        self._check_method(split_pipeline(self.estimator)[1])
        X, y = check_rows(self, X, y)
        if X_trusted is None and y_trusted is None:
            rest, trusted = split_trusted_rows(X, y, self.trusted_size, rng, owner)
        else:
            rest = X, y
            trusted = own_trusted_rows(X, X_trusted, y_trusted, self.classes_, owner)
        self.n_trusted_ = len(trusted[1])
        model = thawed(seeded_clone(self.estimator, rng).fit(*rest))
        self.estimator_ = self._defend(model, *rest, *trusted, rng)
        return self

    @abstractmethod
    def _check_method(self, last):
        """Raise where the classifier, or the last step of a pipeline, is of no use."""

    @abstractmethod
    def _defend(self, model, X, y, X_trusted, y_trusted, random_state):
        """Change a model, fitted on X and y, by trusted rows, and give it."""

    @available_if(fitted_has("predict"))
    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows to classify.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
            Class labels.
        """
        check_is_fitted(self, "estimator_")
        owner = type(self).__name__
        return ask(self.estimator_, "predict", as_rows(X, owner), owner)

    @available_if(fitted_has("predict_proba"))
    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows to classify.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Probability of each class.
        """
        check_is_fitted(self, "estimator_")
        owner = type(self).__name__
        return ask(self.estimator_, "predict_proba", as_rows(X, owner), owner)

    @available_if(fitted_has("decision_function"))
    def decision_function(self, X):
        """Give decision values.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows to classify.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Decision values.
        """
        check_is_fitted(self, "estimator_")
        owner = type(self).__name__
        return ask(self.estimator_, "decision_function", as_rows(X, owner), owner)

    def __sklearn_tags__(self):
        return tags_of(super().__sklearn_tags__(), self.estimator)
