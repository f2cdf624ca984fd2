"""Votes of models that see few of the rows each."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_random_state,
    get_tags,
)
from sklearn.utils.metadata_routing import MetadataRouter
from sklearn.utils.validation import check_is_fitted, validate_data

from skpoison.defenses._budgets import check_budgets
from skpoison.defenses._collective_certificate import most_changed
from skpoison.defenses._partitions import Partitions, ask
from skpoison.defenses._vote_certificates import count_votes, vote_radius
from skpoison.finders._base import check_mask
from skpoison.utils._containers import as_rows, is_frame, is_texts
from skpoison.utils._random import draw_seed
from skpoison.utils._row_sampler import flat_labels
from skpoison.utils._sklearn import (
    N_JOBS,
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    validate_parameter_constraints,
)
from skpoison.utils._training_rows import check_rows


class PartitionAggregation(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    r"""Vote of models that are trained on parts of the rows, with a certificate.

    A row is seen by one model alone, or by few. So a row that an attacker adds
    changes the votes of those only, and a prediction with a large majority is proven
    to stay as it is, whatever the rows and whatever the learner.

    Parameters
    ----------
    estimator : classifier, default=None
        What is trained on each part. `None` is logistic regression on scaled
        features.

    n_partitions : int, default=50
        How many times fewer rows a model sees than there are. More of them certify
        against more poison, and cost accuracy.

    spread : int, default=1
        How many models see a row. 1 is deep partition aggregation [1]_; more is finite
        aggregation [2]_, with ``n_partitions * spread`` models and at times a better
        certificate.

    partition_by : {"row", "features"}, default="row"
        What decides the place of a row: all of it, or its features without its label.
        With "features" a flipped label is one changed row, and not one removed and one
        inserted.

    n_jobs : int, default=None
        Number of jobs that train models and predict; `None` is 1 unless in a
        :func:`joblib.parallel_config` context. It does not change the results.

    random_state : int, RandomState instance or None, default=None
        Draws the places, and seeds an estimator whose `random_state` is None.

    Attributes
    ----------
    estimators_ : list of classifier or None
        The models. One whose rows are all of one class is a
        :class:`~sklearn.dummy.DummyClassifier`, which votes for it; `None` has no rows
        and abstains.

    offsets_ : ndarray of shape (spread,), dtype=int
        Rows of partition i are seen by the models i + `offsets_`, modulo their number.

    classes_ : ndarray of shape (n_classes,)
        Class labels.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    LabelFlipSmoothing : Certifies against flipped labels.
    skpoison.audit.accuracy_bracket : The certificate beside the strongest attack.

    Notes
    -----
    The place of a row is a hash of its values, keyed by `random_state`. It does not
    depend on the other rows, their order or number, the container or the process:
    an inserted row moves no other, and copies of a row go to one place. Numbers are
    hashed as float64: integers and floats of the same value are one, 0.1 and its
    float32 rounding are two. Missing values are equal. Each model gets its rows in an
    order that their values give, and a seed of its own number.

    Let n_c be the votes for class c, a tie being won by the class that sorts first.
    With ``spread=1`` (k partitions of [1]_), the certificate is

    .. math:: \Bigl\lfloor \frac{1}{2} \min_{c' \ne c} (n_c - n_{c'} - 1[c' < c])
              \Bigr\rfloor

    rows, and exact: some votes of as many models and one more do change the winner.
    With a larger `spread` (d of [2]_), it is the largest number of partitions whose
    models, all given to the rival, do not suffice [2]_; a model that is in several of
    them is counted in each. A model that abstains may be given to any class.

    What is proven, and what not:

    - It holds for rows inserted or removed, each counting one, with labels among
      `classes_`. A changed row counts two; a flipped label counts one with
      ``partition_by="features"``.
    - It holds for an `estimator` that gives the same model for the same rows and seed,
      and does not fail on any.
    - It covers what `fit` does. A scaler, vocabulary or encoder that was fitted on
      poisoned rows before is not covered: put it into `estimator`.
    - A subpopulation with fewer members than there are partitions is unknown to most
      models. They predict it as everybody else, and if that is wrong the certificate is
      one of wrong predictions; if it is right, it is robust because it is not learned.
      Look at :meth:`certified_accuracy` of the subpopulation, not at the radius.

    References
    ----------
    .. [1] A. Levine, S. Feizi. "Deep Partition Aggregation: Provable Defense against
       General Poisoning Attacks", ICLR 2021. :arxiv:`2006.14768`

    .. [2] W. Wang, A. Levine, S. Feizi. "Improved Certified Defenses against Data
       Poisoning with (Deterministic) Finite Aggregation", ICML 2022.
       :arxiv:`2202.02628`

    .. [3] R. Chen, Z. Li, J. Li, C. Wu, J. Yan. "On Collective Robustness of Bagging
       Against Data Poisoning", ICML 2022. :arxiv:`2205.13176`

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from skpoison.defenses import PartitionAggregation
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> model = PartitionAggregation(n_partitions=20, random_state=0).fit(X, y)
    >>> round(model.score(X_test, y_test), 3)
    0.965
    >>> model.certified_radius(X_test[:5])
    array([7, 9, 9, 9, 9])
    >>> model.certified_accuracy(X_test, y_test, [0, 3, 6]).round(3)
    array([0.965, 0.909, 0.881])
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_partitions": [Interval(Integral, 2, None, closed="left")],
        "spread": [Interval(Integral, 1, None, closed="left")],
        "partition_by": [StrOptions({"row", "features"})],
        "n_jobs": N_JOBS,
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        n_partitions=50,
        spread=1,
        partition_by="row",
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.n_partitions = n_partitions
        self.spread = spread
        self.partition_by = partition_by
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Train a model on the rows of each part.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows.

        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        self : PartitionAggregation
            The fitted classifier.

        Raises
        ------
        ValueError
            If there are fewer rows than partitions or than `spread`, or one class only.
        """
        X, y = check_rows(self, X, y)
        X = self._check_X(X)
        self._check_enough(len(y))
        n_models = self.n_partitions * self.spread
        seed = draw_seed(check_random_state(self.random_state))
        self._partitions = Partitions(n_models, self.spread, self.partition_by, seed)
        self.offsets_ = self._partitions.offsets
        self.estimators_ = self._partitions.train(
            self.estimator, X, y, np.arange(n_models), self.n_jobs
        )
        return self

    def _check_enough(self, n_samples):
        owner = type(self).__name__
        if n_samples < self.n_partitions:
            raise ValueError(
                f"{owner} needs at least one row for each of its n_partitions="
                f"{self.n_partitions}. Got n_samples={n_samples}. Use more rows or "
                "fewer partitions."
            )
        if n_samples < self.spread:
            raise ValueError(
                f"spread={self.spread} of {owner} must be no more than the number of "
                f"rows. Got n_samples={n_samples}. Show each row to fewer models."
            )

    def _check_X(self, X):
        """Rows in one form; numbers are checked, as not every row meets a model."""
        X = as_rows(X, type(self).__name__)
        if is_frame(X) or is_texts(X) or X.dtype == object:
            return X
        inner = get_tags(self).input_tags
        return check_array(
            X,
            accept_sparse="csr" if inner.sparse else False,
            allow_nd=True,
            dtype=None,
            ensure_all_finite=not inner.allow_nan,
            ensure_min_features=0 if np.ndim(X) > 2 else 1,
            estimator=self,
        )

    def _ballots(self, X):
        """Ask each model for the number of its class, -1 where it abstains."""
        check_is_fitted(self, "estimators_")
        rows = self._check_X(X)
        validate_data(self, X=X, reset=False, skip_check_array=True)
        return ask(self.estimators_, rows, self.classes_, self.n_jobs)

    def votes(self, X):
        """Count the votes of the models.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows to classify.

        Returns
        -------
        votes : ndarray of shape (n_samples, n_classes), dtype=int
            Number of models that vote for each class.
        """
        return count_votes(self._ballots(X), len(self.classes_))

    def predict_proba(self, X):
        """Give the shares of the votes.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows to classify.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Share of each class in the votes that were cast.
        """
        votes = self.votes(X)
        return votes / votes.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Predict the class with the most votes.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows to classify.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
            Class labels; the first in `classes_` where several have the most votes.
        """
        winner = self.votes(X).argmax(axis=1)
        return self.classes_[winner]

    def certified_radius(self, X):
        """Tell how many rows cannot change each prediction.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows to classify.

        Returns
        -------
        radius : ndarray of shape (n_samples,), dtype=int
            Number of training rows, at least 0: if so many are inserted or removed, in
            all, the prediction is the same.
        """
        return vote_radius(self._ballots(X), len(self.classes_), self.offsets_)

    def certified_accuracy(self, X, y, n_poison):
        """Accuracy that is left whatever rows are inserted or removed.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows of the test.

        y : array-like of shape (n_samples,)
            Their class labels.

        n_poison : int or array-like of shape (n_budgets,)
            Number of training rows that are inserted or removed.

        Returns
        -------
        accuracy : float or ndarray of shape (n_budgets,)
            Share of the rows, in [0, 1], that are predicted correctly with a
            certificate of as many rows.
        """
        budgets = check_budgets(n_poison, "n_poison", type(self).__name__)
        ballots, correct = self._judge(X, y)
        radius = vote_radius(ballots, len(self.classes_), self.offsets_)
        return np.mean(correct & (radius >= budgets[..., None]), axis=-1)[()]

    def collective_certificate(
        self, X, y, n_poison, membership=None, *, time_limit=10.0
    ):
        """Bound the correct predictions that are lost at once.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows of the test.

        y : array-like of shape (n_samples,)
            Their class labels.

        n_poison : int or array-like of shape (n_budgets,)
            Number of training rows that are inserted or removed.

        membership : array-like of shape (n_samples,), dtype=bool, default=None
            Rows that count, such as those of a subpopulation; `None` is all.

        time_limit : float, default=10.0
            Seconds, above 0, that each budget may take. What is known by then is a
            bound as well, if not as good: on a slower machine it may be larger.

        Returns
        -------
        lost : int or ndarray of shape (n_budgets,), dtype=int
            No more than so many of the rows that count are predicted correctly now
            and wrong with the poison: whatever its rows are, as long as they are
            `n_poison`.

        Notes
        -----
        Rows that defeat one prediction are spent: they are in a few partitions, and
        those are not where another prediction is weak. The integer program of [1]_
        finds the partitions that defeat the most. It is never worse than counting the
        predictions with too small a :meth:`certified_radius`. For ``spread=1`` and as
        many partitions as are attacked, some votes do reach it.

        References
        ----------
        .. [1] R. Chen, Z. Li, J. Li, C. Wu, J. Yan. "On Collective Robustness of
           Bagging Against Data Poisoning", ICML 2022. :arxiv:`2205.13176`
        """
        budgets = check_budgets(n_poison, "n_poison", type(self).__name__)
        validate_parameter_constraints(
            {"time_limit": [Interval(Real, 0, None, closed="neither")]},
            {"time_limit": time_limit},
            f"{type(self).__name__}.collective_certificate",
        )
        ballots, correct = self._judge(X, y)
        if membership is not None:
            owner = f"{type(self).__name__}.collective_certificate"
            correct &= check_mask(membership, len(correct), owner)
        return self._most_lost(ballots[correct], budgets, time_limit)[()]

    def _most_lost(self, ballots, budgets, time_limit):
        """Bounds for all budgets; that of a larger one holds for a smaller one."""
        lost = np.zeros(budgets.shape, dtype=np.intp)
        least = len(ballots)
        for i in np.argsort(-budgets, axis=None, kind="stable"):
            bound = most_changed(
                ballots,
                len(self.classes_),
                self.offsets_,
                int(budgets.flat[i]),
                time_limit,
            )
            lost.flat[i] = least = min(least, bound)
        return lost

    def _judge(self, X, y):
        """Ballots, and which predictions are correct."""
        ballots = self._ballots(X)
        y = flat_labels(y, type(self).__name__)
        check_consistent_length(ballots, y)
        winner = count_votes(ballots, len(self.classes_)).argmax(axis=1)
        return ballots, self.classes_[winner] == y

    def get_metadata_routing(self):
        """Request no metadata: weights of rows are not part of the certificate.

        Returns
        -------
        routing : MetadataRouter
            A router that passes nothing on.
        """
        return MetadataRouter(owner=self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.estimator is None:
            tags.input_tags.sparse = True
            return tags
        inner = get_tags(self.estimator)
        tags.input_tags = replace(inner.input_tags, pairwise=False)
        tags.classifier_tags = replace(inner.classifier_tags, multi_label=False)
        return tags
