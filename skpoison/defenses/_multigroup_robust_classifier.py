"""Predictions of a group that depend on the labels of that group."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skpoison.defenses._group_boosting import boost, log_probabilities, replay
from skpoison.finders import ClusterMatch
from skpoison.finders._base import all_memberships
from skpoison.utils._containers import as_rows
from skpoison.utils._inner_model import ask, tags_of
from skpoison.utils._random import seeded_clone
from skpoison.utils._sklearn import HasMethods, Interval, _fit_context
from skpoison.utils._training_rows import check_rows


class MultigroupRobustClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Correct a classifier until its mean prediction in each group is that of labels.

    Poison in one subpopulation then moves the mean prediction of another no farther
    than the poison inside that other one does, and twice the tolerance. The poisoned
    subpopulation itself is *not* protected: its predictions follow its labels.

    Parameters
    ----------
    estimator : classifier
        Classifier to correct, with `predict_proba`. A clone is fitted.

    finder : finder, default=None
        What finds the groups, which may overlap: a finder of :mod:`skpoison.finders`, a
        clusterer with `predict`, or a pipeline that ends in one. A clone is fitted on
        the training rows; where these have poison, it may move the groups, unless
        the finder was fitted before and is wrapped in
        :class:`~sklearn.frozen.FrozenEstimator`. `None` is ``ClusterMatch(10)``. A
        group of few rows is fitted to its labels: ask finders for larger ones.

    tolerance : float, default=1e-4
        Residual that is left to a group: its mean difference of labels and predicted
        probabilities of a class, times the group's share of the training rows.

    n_levels : int, default=1
        Levels of the predicted probability, of equal width, into which each group is
        cut. With more than 1, predictions are calibrated within groups, too.

    max_iter : int, default=10000
        Largest number of corrections.

    random_state : int, RandomState instance or None, default=None
        Seeds each `random_state` that `estimator` and `finder` leave open.

    Attributes
    ----------
    estimator_ : classifier
        The classifier before corrections.

    finder_ : finder
        The fitted finder.

    updates_ : ndarray of shape (n_iter,)
        The corrections in their order, with the fields "group", "class" (its number in
        `classes_`), "level", and "step", which is added to the log-odds of the class.

    n_iter_ : int
        Number of corrections.

    residual_ : float
        Largest residual that is left, to be compared with `tolerance`.

    classes_ : ndarray of shape (n_classes,)
        Class labels.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` corrections are not enough.

    See Also
    --------
    skpoison.finders.FeatureMatch : Groups of equal values of columns.
    TrustedFineTuning : Helps the poisoned subpopulation, by rows that are trusted.

    Notes
    -----
    This is boosting for multiaccuracy, which makes any classifier robust for many
    groups at once [1]_. If residuals of a group G are at most `tolerance` with and
    without corruption, then the mean prediction of a class in G, times the share of G,
    differs by at most the share of all rows that lie in G and whose labels were
    changed, and ``2 * tolerance``. It holds on training rows whatever the classifier,
    and on new rows as far as means of the group do there what they do in training.

    Each correction adds a number to the log-odds of one class in one group, the one
    with the largest residual, so that its residual vanishes; it lowers the log loss on
    the training rows, so that the corrections come to an end. A classifier that fits
    its training rows without an error, such as a deep tree, leaves nothing to
    correct, and is not robust on new rows: use one that is regularized.

    References
    ----------
    .. [1] L. Hu, C. Peale, J. H. Shen. "Multigroup Robustness", ICML 2024.
       :arxiv:`2405.00614`

    Examples
    --------
    Labels of a group are flipped, and an innocent group pays with a linear model:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.defenses import MultigroupRobustClassifier
    >>> from skpoison.finders import FeatureMatch
    >>> rng = np.random.RandomState(0)
    >>> X = np.column_stack([rng.randint(3, size=900), rng.randn(900)])
    >>> y = (X[:, 1] > 0).astype(int)
    >>> innocent, flipped = X[:, 0] == 1, (X[:, 0] == 2) & (y == 0)
    >>> poisoned = np.where(flipped, 1, y)
    >>> base = LogisticRegression()
    >>> robust = MultigroupRobustClassifier(base, finder=FeatureMatch([0]))
    >>> for model in (base, robust):
    ...     clean = model.fit(X, y).predict_proba(X[innocent])[:, 1].mean()
    ...     after = model.fit(X, poisoned).predict_proba(X[innocent])[:, 1].mean()
    ...     print(f"{abs(after - clean):.2f}")
    0.20
    0.00
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict_proba"])],
        "finder": [
            HasMethods(["fit", "predict"]),
            HasMethods(["fit", "transform"]),
            None,
        ],
        "tolerance": [Interval(Real, 0, 1, closed="neither")],
        "n_levels": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator,
        *,
        finder=None,
        tolerance=1e-4,
        n_levels=1,
        max_iter=10000,
        random_state=None,
    ):
        self.estimator = estimator
        self.finder = finder
        self.tolerance = tolerance
        self.n_levels = n_levels
        self.max_iter = max_iter
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Fit the classifier and the finder, and correct the classifier.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows.

        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        self : MultigroupRobustClassifier
            The fitted classifier.
        """
        rng = check_random_state(self.random_state)
        X, y = check_rows(self, X, y)
        self.estimator_ = seeded_clone(self.estimator, rng).fit(X, y)
        finder = ClusterMatch(10) if self.finder is None else self.finder
        self.finder_ = seeded_clone(finder, rng).fit(X, y)
        owner = type(self).__name__
        if self.n_levels > len(y):
            raise ValueError(
                f"n_levels={self.n_levels} of {owner} must be no more than the number "
                f"of rows. Got n_samples={len(y)}."
            )
        logs = log_probabilities(ask(self.estimator_, "predict_proba", X, owner))
        self.updates_, self.residual_ = boost(
            logs,
            (y[:, None] == self.classes_).astype(float),
            self._groups(X),
            self.tolerance,
            self.max_iter,
            self.n_levels,
        )
        self.n_iter_ = len(self.updates_)
        self._warn_unless_converged()
        return self

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
        check_is_fitted(self)
        owner = type(self).__name__
        X = as_rows(X, owner)
        validate_data(self, X=X, reset=False, skip_check_array=True)
        logs = log_probabilities(ask(self.estimator_, "predict_proba", X, owner))
        return np.exp(replay(logs, self._groups(X), self.updates_, self.n_levels))

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
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def _groups(self, X):
        """Membership of rows in groups, numbers that matrix products can sum."""
        return all_memberships(self.finder_, X)[0].astype(float)

    def _warn_unless_converged(self):
        if self.residual_ > self.tolerance:
            warnings.warn(
                f"{type(self).__name__} stopped after max_iter={self.max_iter} "
                f"corrections with a residual of {self.residual_:.2g}, above "
                f"tolerance={self.tolerance}. Increase either.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def __sklearn_tags__(self):
        return tags_of(super().__sklearn_tags__(), self.estimator)
