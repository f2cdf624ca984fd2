"""A classifier that is poisoned as it is fitted."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils.metadata_routing import MetadataRouter
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from skpoison.metrics._clean_twin import find_poisoner
from skpoison.utils._containers import as_rows
from skpoison.utils._inner_model import ask, fitted_has, other_type, tags_of
from skpoison.utils._sklearn import HasMethods, _fit_context


class PoisonedClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Fit a classifier on poisoned training data.

    The same attack as a poisoner in an :class:`imblearn.pipeline.Pipeline`, as a
    classifier, for a plain :class:`sklearn.pipeline.Pipeline` and wherever one
    estimator is expected. The scorers of :mod:`skpoison.metrics` understand it.

    Parameters
    ----------
    estimator : classifier
        The victim. A clone is fitted on the poisoned rows.

    poisoner : poisoner
        The attack, for example :class:`~skpoison.SubpopPoisoner`.

    memory : str or object with the joblib.Memory interface, default=None
        Where fitted clean twins are cached on disk, to be shared by processes
        and later runs. `None` fits one for each process and training set.

    Attributes
    ----------
    estimator_ : classifier
        The victim, fitted on the poisoned rows.

    poisoner_ : poisoner
        The fitted attack.

    clean_estimator_ : classifier
        The clean twin: the victim, fitted on the same rows without the poison.
        It is fitted when first asked for, and stays out of pickles.

    classes_ : ndarray of shape (n_classes,)
        Class labels.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    SubpopPoisoner : The same step as a sampler.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison import ClusterMatch, PoisonedClassifier, SubpopPoisoner
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> poisoner = SubpopPoisoner(ClusterMatch(5), alpha=2, random_state=0)
    >>> poisoned = PoisonedClassifier(LogisticRegression(), poisoner)
    >>> model = make_pipeline(StandardScaler(), poisoned).fit(X, y)
    >>> model[-1].clean_estimator_
    LogisticRegression()
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "poisoner": [HasMethods(["fit_resample", "membership"])],
        "memory": [str, HasMethods(["cache"]), None],
    }

    def __init__(self, estimator, poisoner, memory=None):
        self.estimator = estimator
        self.poisoner = poisoner
        self.memory = memory

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Poison the training data and fit the victim.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows.

        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        self : PoisonedClassifier
            The fitted classifier.
        """
        if kind := other_type(self.estimator):
            raise ValueError(
                f"estimator of {type(self).__name__} must be a classifier. Got a "
                f"{kind}: {self.estimator!r}."
            )
        as_rows(X, type(self).__name__)  # a list stays one
        validate_data(self, X=X, y=y, skip_check_array=True)
        self._clean_estimator = None
        self.poisoner_ = clone(self.poisoner)
        X_res, y_res = self.poisoner_.fit_resample(X, y)
        self.estimator_ = clone(self.estimator).fit(X_res, y_res)
        self.classes_ = self.estimator_.classes_
        return self

    @property
    def clean_estimator_(self):
        """The clean twin, fitted when first asked for."""
        check_is_fitted(self, "estimator_")
        if self._clean_estimator is None:
            self._clean_estimator = find_poisoner(self).fit_twin()
        return self._clean_estimator

    @available_if(fitted_has("predict"))
    def predict(self, X):
        """Predict with the poisoned victim.

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
        return self._ask("predict", X)

    @available_if(fitted_has("predict_proba"))
    def predict_proba(self, X):
        """Predict class probabilities with the poisoned victim.

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
        return self._ask("predict_proba", X)

    @available_if(fitted_has("decision_function"))
    def decision_function(self, X):
        """Give the decision values of the poisoned victim.

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
        return self._ask("decision_function", X)

    def _ask(self, method, X):
        check_is_fitted(self, "estimator_")
        owner = type(self).__name__
        return ask(self.estimator_, method, as_rows(X, owner), owner)

    def get_metadata_routing(self):
        """Request no metadata: row-wise metadata cannot cross a sampler.

        Returns
        -------
        routing : MetadataRouter
            A router that passes nothing on.
        """
        return MetadataRouter(owner=self)

    def __getstate__(self):
        """Leave the clean twin out of pickles."""
        return {**super().__getstate__(), "_clean_estimator": None}

    def __sklearn_tags__(self):
        return tags_of(super().__sklearn_tags__(), self.estimator)
