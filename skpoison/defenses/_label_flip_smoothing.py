"""Least squares on labels that flip at random."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import replace
from numbers import Real

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import (
    check_array,
    check_random_state,
    gen_batches,
    get_tags,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from skpoison.defenses._budgets import check_budgets
from skpoison.defenses._flip_bounds import exact_radius, log_error, smoothing_radius
from skpoison.utils._containers import as_rows
from skpoison.utils._magnitudes import check_squares
from skpoison.utils._random import seeded_clone
from skpoison.utils._row_sampler import flat_labels
from skpoison.utils._sklearn import HasMethods, Interval, _fit_context
from skpoison.utils._training_rows import check_rows

# Weights that are held at a time.
LARGEST_BATCH = 2**21


class LabelFlipSmoothing(ClassifierMixin, BaseEstimator):
    r"""Linear classifier with a certificate against flipped training labels.

    Ridge regression on the labels. If every training label were flipped at random with
    a small probability, a class would win with some chance; where that is proven to be
    large, a few labels that an attacker flips cannot take the majority away.

    Parameters
    ----------
    representation : transformer, default=None
        What the rows are to the model, for example a scaler or a frozen
        :class:`~skpoison.finders.Representation`. A clone is fitted on the rows
        without their labels, which it must not know. `None` reads X as it is.

    flip_probability : float, default=0.1
        Chance, in (0, 0.5), that a label flips. More of it makes each flip of an
        attacker matter less, and majorities smaller.

    ridge : float, default=1.0
        Penalty of the squared coefficients, above 0. The intercept is free.

    random_state : int, RandomState instance or None, default=None
        Seeds a representation whose `random_state` is None. The model itself draws
        nothing.

    Attributes
    ----------
    representation_ : transformer or None
        The fitted representation.

    coef_ : ndarray of shape (n_classes, n_features_out)
        Coefficients of the score of each class.

    intercept_ : ndarray of shape (n_classes,)
        Intercepts of the scores.

    classes_ : ndarray of shape (n_classes,)
        Class labels.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    PartitionAggregation : Certifies against inserted and removed rows.

    Notes
    -----
    The certificate is about labels that are flipped, and about nothing else. A row that
    is inserted, removed or moved changes the weights of all labels, and no proof that
    we know of turns a number of flips into a number of rows; for those there is
    :class:`PartitionAggregation`.

    With alpha(x) the weights of the training labels in the scores of x, which depend on
    the features alone, the score of a class is the sum of the weights of its labels
    [1]_. The chance that another class wins on randomized labels is at most

    .. math:: \sum_{c'} \min_{t > 0} \prod_i E \exp(-t \alpha_i(x) D_i)

    where :math:`D_i` is 1 where the randomized label i is the class that is predicted,
    -1 where it is c', and 0 elsewhere. A label becomes each of the other classes with
    the same chance. If p is the chance that is left, and q the `flip_probability`, the
    majority is unchanged by fewer than

    .. math:: \frac{\log(4 p (1 - p))}{2 (1 - 2q) \log(q / (1 - q))}

    flips with two classes. With K of them, the Kullback-Leibler divergence of one
    flip is :math:`(1 - q - q / (K - 1)) \log((1 - q) (K - 1) / q)` instead, and we
    add up the bounds of all pairs.

    The majority is not known in closed form where p is not above one half. `predict`
    gives the class with the highest mean score, which is the majority wherever
    :meth:`certified_radius` is not -1. This class is linear in the labels, so that the
    number of flips which change it can be counted: :meth:`exact_radius` has no
    randomness in it, and is often several times as large. To hold for the prediction
    as well, the certified radius is never more.

    References
    ----------
    .. [1] E. Rosenfeld, E. Winston, P. Ravikumar, J. Z. Kolter. "Certified Robustness
       to Label-Flipping Attacks via Randomized Smoothing", ICML 2020.
       :arxiv:`2002.03018`

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison.defenses import LabelFlipSmoothing
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> model = LabelFlipSmoothing(StandardScaler(), ridge=100).fit(X, y)
    >>> round(model.score(X_test, y_test), 3)
    0.951
    >>> model.certified_radius(X_test[:5])
    array([ 2,  4, 13,  6,  7])
    >>> model.exact_radius(X_test[:5])
    array([12, 18, 48, 29, 30])
    """

    _parameter_constraints: dict = {
        "representation": [HasMethods(["fit", "transform"]), None],
        "flip_probability": [Interval(Real, 0, 0.5, closed="neither")],
        "ridge": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        representation=None,
        *,
        flip_probability=0.1,
        ridge=1.0,
        random_state=None,
    ):
        self.representation = representation
        self.flip_probability = flip_probability
        self.ridge = ridge
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows, dense numbers where there is no representation.

        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        self : LabelFlipSmoothing
            The fitted classifier.
        """
        X, y = check_rows(self, X, y)
        self._codes = np.searchsorted(self.classes_, y)
        self.representation_ = None
        if self.representation is not None:
            rng = check_random_state(self.random_state)
            # Without labels: the certificate has the features as given.
            representation = seeded_clone(self.representation, rng)
            self.representation_ = representation.fit(X)
        Z = self._features(X)
        check_squares(Z, Z.size, type(self).__name__)
        self._fit_ridge(Z)
        return self

    def _fit_ridge(self, Z):
        """Weights of the labels, which are linear in the features of a row."""
        self._center = Z.mean(axis=0)
        Z = Z - self._center
        gram = Z.T @ Z + self.ridge * np.eye(Z.shape[1])
        self._hat = cho_solve(cho_factor(gram), Z.T)
        one_hot = np.eye(len(self.classes_))[self._codes]
        self.coef_ = (self._hat @ one_hot).T
        self.intercept_ = one_hot.mean(axis=0) - self.coef_ @ self._center

    def _features(self, X):
        if self.representation_ is not None:
            X = self.representation_.transform(as_rows(X, type(self).__name__))
            X = X.toarray() if sparse.issparse(X) else X
        return check_array(X, dtype=np.float64, estimator=self)

    def _rows(self, X):
        check_is_fitted(self, "coef_")
        Z = self._features(as_rows(X, type(self).__name__))
        validate_data(self, X=X, reset=False, skip_check_array=True)
        return Z

    def predict(self, X):
        """Predict the class with the highest mean score.

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
        winner = self._winner(self._rows(X))
        return self.classes_[winner]

    def _winner(self, Z):
        return (Z @ self.coef_.T + self.intercept_).argmax(axis=1)

    def _by_batch(self, X, radius_of):
        Z = self._rows(X)
        radius = np.empty(len(Z), dtype=np.intp)
        for rows in gen_batches(len(Z), max(1, LARGEST_BATCH // len(self._codes))):
            part = Z[rows]
            weights = (part - self._center) @ self._hat + 1 / len(self._codes)
            radius[rows] = radius_of(weights, self._winner(part))
        return radius

    def certified_radius(self, X):
        """Tell how many flipped labels cannot change each prediction.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows to classify.

        Returns
        -------
        radius : ndarray of shape (n_samples,), dtype=int
            Number of training labels: if an attacker flips so many, to any of the
            classes, the majority of the randomized model and the prediction are the
            same. -1 where no majority is proven, even without an attack.
        """
        return self._by_batch(X, self._smoothed)

    def _smoothed(self, weights, winner):
        setting = len(self.classes_), self.flip_probability
        error = log_error(weights, self._codes, winner, *setting)
        exact = exact_radius(weights, self._codes, winner, len(self.classes_))
        return np.minimum(smoothing_radius(error, *setting), exact)

    def exact_radius(self, X):
        """Count the flipped labels that cannot change each prediction.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows to classify.

        Returns
        -------
        radius : ndarray of shape (n_samples,), dtype=int
            Number of training labels, at least 0. One more, chosen well, change the
            prediction or make a tie. It says nothing of the randomized model.
        """
        return self._by_batch(
            X, lambda w, win: exact_radius(w, self._codes, win, len(self.classes_))
        )

    def certified_accuracy(self, X, y, n_flips):
        """Accuracy that is left whatever labels are flipped.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows of the test.

        y : array-like of shape (n_samples,)
            Their class labels.

        n_flips : int or array-like of shape (n_budgets,)
            Number of training labels that are flipped, 0 or more.

        Returns
        -------
        accuracy : float or ndarray of shape (n_budgets,)
            Share of the rows, in [0, 1], that are predicted correctly with a
            certificate of as many flips.
        """
        budgets = check_budgets(n_flips, "n_flips", type(self).__name__)
        radius = self.certified_radius(X)
        correct = self.predict(X) == flat_labels(y, type(self).__name__)
        return np.mean(correct & (radius >= budgets[..., None]), axis=-1)[()]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.representation is not None:
            inner = get_tags(self.representation).input_tags
            # Scalers, too, hand on what is missing.
            tags.input_tags = replace(inner, allow_nan=False)
        return tags
