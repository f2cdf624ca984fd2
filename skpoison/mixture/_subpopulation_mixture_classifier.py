"""A learner whose predictions inside a subpopulation come from its rows alone."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from skpoison.finders import ClusterMatch
from skpoison.mixture._components import (
    count_labels,
    fit_components,
    places_of,
    rows_by_place,
)
from skpoison.mixture._measuring import check_classifier
from skpoison.mixture._partition import (
    check_occupied,
    fit_partition,
    partition_codes,
)
from skpoison.utils._containers import as_rows, take
from skpoison.utils._random import seeded_clone
from skpoison.utils._sklearn import N_JOBS, HasMethods, StrOptions, _fit_context
from skpoison.utils._training_rows import check_rows

NO_SUBPOPULATION = "no subpopulation"


def _has_probabilities(self):
    return self.estimator is None or hasattr(self.estimator, "predict_proba")


class SubpopulationMixtureClassifier(
    MetaEstimatorMixin, ClassifierMixin, BaseEstimator
):
    r"""Classify the rows of each subpopulation by the training rows inside it.

    This is the locally dependent learner of the impossibility result: a subpopulation
    attack does no damage elsewhere, and inside it nothing can be done against it.

    Parameters
    ----------
    finder : finder, default=None
        What divides the rows: a finder of :mod:`skpoison.finders` whose subpopulations
        do not overlap, a clusterer with `predict`, a Gaussian or Bayesian mixture of
        :mod:`sklearn.mixture`, or a pipeline that ends in one. A clone is fitted on
        the training rows. Where these have poison, it moves the supports, and the
        learner is locally dependent only with one that was fitted before and is
        wrapped in :class:`~sklearn.frozen.FrozenEstimator`: the supports of the
        theorem are known. `None` is :class:`~skpoison.finders.ClusterMatch` with its
        defaults, 100 clusters, or as many as there are rows: ask for fewer where
        rows are few.

    estimator : classifier, default=None
        A clone is fitted on the rows of each component that has several classes.
        `None` predicts the majority label of the component, the first in `classes_`
        where several are as frequent.

    empty : {"error", "overall"}, default="error"
        What becomes of components without training rows:

        - "error": `fit` raises where a subpopulation has no training row, `predict`
          where a row falls outside of all that have one.
        - "overall": the majority of all training rows decides there. It is for finders
          that leave components empty on purpose, such as
          :class:`~sklearn.mixture.BayesianGaussianMixture`. Rows that fall there do
          depend on all training rows.

    n_jobs : int, default=None
        Number of components that are fitted at a time; `None` is 1 unless in a
        :func:`joblib.parallel_config` context. It does not change the results.

    random_state : int, RandomState instance or None, default=None
        Seeds each `random_state` that `finder` and `estimator` leave open. All
        components have the same seed, so that none depends on the others.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.

    finder_ : finder
        The fitted finder.

    names_ : list of str
        Names of the subpopulations.

    codes_ : ndarray of shape (n_samples,), dtype=int
        Subpopulation of each training row, -1 where it is in none.

    class_counts_ : ndarray of shape (n_subpopulations + 1, n_classes), dtype=int
        Training rows of each class in each component. The last component has the rows
        that are in no subpopulation.

    estimators_ : list of classifier or None
        The fitted classifier of each component, in the order of `class_counts_`; None
        where the counts decide, as they do where there is one class.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    skpoison.datasets.make_subpopulations : The distribution that it is made for.
    skpoison.refit.refit_poisoned : Many poisoned mixtures at once, by counting.
    skpoison.defenses.MultigroupRobustClassifier : Corrects a model that is not local.

    Notes
    -----
    With known supports :math:`X_1, \dots, X_k`, a learner A is *locally dependent* if
    its prediction of a row in :math:`X_i` depends on the training data only through
    the rows in :math:`X_i` [1]_. Rows in no subpopulation are one more component.

    With a frozen finder, two things hold exactly. Poison in one component changes no
    prediction in any other: its collateral damage is 0 on all others. And without
    `estimator`, it takes :math:`n_a - n_b` rows of the next class b to bring a
    component with :math:`n_a` rows of its most frequent class a to a tie; that is a
    share :math:`1 - 2 \eta` of its rows, where two classes have noise :math:`\eta`.

    :func:`~skpoison.refit.refit_poisoned` has an engine for mixtures with a frozen
    finder, or a pipeline of such steps: it asks the finder once about all poison, and
    fits the components that have poison. Other mixtures are fitted in a loop.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    The smallest of five subpopulations is poisoned, its majority turns, and all other
    predictions stay:

    >>> import numpy as np
    >>> from sklearn.frozen import FrozenEstimator
    >>> from skpoison.datasets import make_subpopulations
    >>> from skpoison.finders import ClusterMatch
    >>> from skpoison.mixture import SubpopulationMixtureClassifier
    >>> X, y, _ = make_subpopulations(500, 5, noise=0.1, random_state=0)
    >>> finder = ClusterMatch(5, random_state=0).fit(X)
    >>> model = SubpopulationMixtureClassifier(FrozenEstimator(finder)).fit(X, y)
    >>> clean, inside = model.predict(X), finder.predict(X) == 4
    >>> model.class_counts_[4]
    array([ 6, 35])
    >>> poison = X[inside & (y == 1)][:30]
    >>> X_new, y_new = np.vstack([X, poison]), np.append(y, np.zeros(30, int))
    >>> after = model.fit(X_new, y_new).predict(X)
    >>> float((after != clean)[inside].mean()), float((after != clean)[~inside].mean())
    (1.0, 0.0)
    """

    _parameter_constraints: dict = {
        "finder": [
            HasMethods(["fit", "predict"]),
            HasMethods(["fit", "transform"]),
            None,
        ],
        "estimator": [HasMethods(["fit", "predict"]), None],
        "empty": [StrOptions({"error", "overall"})],
        "n_jobs": N_JOBS,
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        finder=None,
        estimator=None,
        *,
        empty="error",
        n_jobs=None,
        random_state=None,
    ):
        self.finder = finder
        self.estimator = estimator
        self.empty = empty
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Divide the rows, and learn from those of each component.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows, in any form that the finder and the classifiers read.

        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        self : SubpopulationMixtureClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If subpopulations overlap, one has no row and `empty` is "error", labels
            are continuous, or there is one class only.
        """
        rng = check_random_state(self.random_state)
        if self.estimator is not None:
            check_classifier(self.estimator, type(self).__name__)
        X, y = check_rows(self, X, y)
        self._divide(X, y, rng)
        places = places_of(self.codes_, len(self.names_))
        labels = np.searchsorted(self.classes_, y)
        shape = (len(self.names_) + 1, len(self.classes_))
        self.class_counts_ = count_labels(places, labels, *shape)
        self.estimators_ = self._fit_estimators(X, y, places, rng)
        return self

    def _divide(self, X, y, random_state):
        """Fit the finder, and let it divide the training rows."""
        owner = type(self).__name__
        partition = fit_partition(self.finder, X, y, owner, random_state, check=False)
        if self.empty == "error":
            check_occupied(partition, owner, also=", or use empty='overall'")
        self.finder_, self.codes_ = partition.finder, partition.codes
        self.names_ = partition.names

    def _fit_estimators(self, X, y, places, random_state):
        if self.estimator is None:
            return [None] * len(self.class_counts_)
        self._seeded = seeded_clone(self.estimator, random_state)
        names = [*self.names_, NO_SUBPOPULATION]
        return fit_components(
            self._seeded, X, y, places, self.class_counts_, names, self.n_jobs
        )

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

        Raises
        ------
        ValueError
            If a row falls where there was no training row, and `empty` is "error".
        """
        X, places = self._locate(X)
        y_pred = self.classes_[self._shares().argmax(axis=1)][places]
        for model, rows in self._asked(places):
            y_pred[rows] = model.predict(take(X, rows))
        return y_pred

    @available_if(_has_probabilities)
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
            Share of each class in the training rows of the component, or what its
            classifier predicts.

        Raises
        ------
        ValueError
            If a row falls where there was no training row, and `empty` is "error".
        """
        X, places = self._locate(X)
        proba = self._shares()[places]
        for model, rows in self._asked(places):
            columns = np.searchsorted(self.classes_, model.classes_)
            proba[rows] = 0
            proba[np.ix_(rows, columns)] = model.predict_proba(take(X, rows))
        return proba

    def _locate(self, X, *, check=True):
        """Rows in a form that can be taken, and the component of each."""
        check_is_fitted(self)
        owner = type(self).__name__
        X = as_rows(X, owner)
        validate_data(self, X=X, reset=False, skip_check_array=True)
        places = places_of(partition_codes(self.finder_, X, owner), len(self.names_))
        if check and self.empty == "error":
            self._check_known(places)
        return X, places

    def _check_known(self, places):
        lost = np.flatnonzero(~self._is_occupied()[places])
        if len(lost):
            names = [*self.names_, NO_SUBPOPULATION, "a new subpopulation"]
            raise ValueError(
                f"{type(self).__name__} with empty='error' cannot classify {len(lost)} "
                f"of {len(places)} rows of X, which fall where no training row was: "
                f"row {lost[0]} is in {names[places[lost[0]]]!r}. Use empty='overall', "
                "or a finder that gives each row to a subpopulation with rows."
            )

    def _is_occupied(self):
        """Whether each place had training rows; the unknown one never has."""
        return np.append(self.class_counts_.any(axis=1), False)

    def _shares(self):
        """Share of each class at each place, over all rows where there are none."""
        overall = self.class_counts_.sum(axis=0)
        counts = np.vstack([self.class_counts_, overall])
        counts[~self._is_occupied()] = overall
        return counts / counts.sum(axis=1, keepdims=True)

    def _asked(self, places, but=()):
        """Classifiers of the components that rows are in, but of some, and the rows."""
        estimators = dict(enumerate(self.estimators_))
        for k, rows in rows_by_place(places).items():
            if k not in but and estimators.get(k) is not None:
                yield estimators[k], rows

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        finder = ClusterMatch() if self.finder is None else self.finder
        readers = [finder] if self.estimator is None else [finder, self.estimator]
        inputs = [get_tags(reader).input_tags for reader in readers]
        for name in ("sparse", "allow_nan", "string", "categorical", "three_d_array"):
            setattr(tags.input_tags, name, all(getattr(i, name) for i in inputs))
        if self.estimator is not None:
            inner = get_tags(self.estimator).classifier_tags or tags.classifier_tags
            tags.classifier_tags = replace(inner, multi_label=False)
        return tags
