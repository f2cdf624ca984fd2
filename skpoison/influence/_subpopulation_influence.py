"""Influence of training rows on the loss of one subpopulation."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from copy import deepcopy
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_random_state,
    get_tags,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from skpoison.influence._class_weights import ClassWeights
from skpoison.influence._curvature import Curvature
from skpoison.influence._losses import loss_of
from skpoison.influence._refits import Refits
from skpoison.influence._rows import Rows
from skpoison.influence._threads import one_thread
from skpoison.influence._verification import choose_rows, verification
from skpoison.utils._containers import as_rows, is_empty, is_frame, tidy
from skpoison.utils._magnitudes import check_squares
from skpoison.utils._plain_state import PlainState
from skpoison.utils._random import seeded_clone
from skpoison.utils._row_sampler import flat_labels
from skpoison.utils._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
)

# How rows are read; float32, such as of images, stays as it is.
READING = {
    "accept_sparse": "csr",
    "allow_nd": True,
    "dtype": [np.float64, np.float32],
}


class SubpopulationInfluence(PlainState, MetaEstimatorMixin, BaseEstimator):
    """Estimate what each training row does to the loss of one subpopulation.

    One Newton step stands for a refit: it tells how the mean loss of some target rows
    changes as a training row, or a new one, is given more weight, and in which
    direction to move a row's features for more of it. It ranks rows. It does not tell
    how vulnerable a subpopulation is, which takes true refits:
    :class:`~skpoison.SubpopulationAudit` makes them.

    Read more in the :ref:`user guide <influence>`.

    Parameters
    ----------
    estimator : classifier
        The model: a `LogisticRegression`, `RidgeClassifier`, `LinearSVC` with the
        squared hinge, or `MLPClassifier` of scikit-learn, a `NeuralNetClassifier` of
        skorch, or a pipeline of affine steps that ends in one of them; the steps are
        held fixed. A clone is fitted; a model in a
        :class:`~sklearn.frozen.FrozenEstimator` is used as it is, and `fit` is then
        given its training rows.

    curvature : {"gauss_newton", "hessian"}, default="gauss_newton"
        Second derivatives of the training objective. They are the same for linear
        models. For networks the Gauss-Newton matrix has no negative eigenvalues, and
        the Hessian often has some; it is known for one hidden layer.

    damping : float, default=0.0
        What is added to the diagonal of the curvature of the mean objective. Networks
        need some.

    solver : {"auto", "exact", "cg", "nystroem", "kfac"}, default="auto"
        How systems with the curvature are solved.

        - "exact": by a factorization of the whole matrix.
        - "cg": by conjugate gradients, to a residual of 1e-8.
        - "nystroem": by a random sketch of rank `rank`; needs damping.
        - "kfac": by Kronecker factors of each layer, for skorch nets.
        - "auto": "exact" up to 3,000 parameters, "cg" beyond.

    rank : int, default=50
        Rank of the sketch of "nystroem".

    random_state : int, RandomState instance or None, default=None
        Seeds the model where its own is `None`, the sketch, and the rows that are
        verified.

    Attributes
    ----------
    estimator_ : classifier
        The fitted model.

    classes_ : ndarray of shape (n_classes,)
        Class labels.

    n_params_ : int
        Number of parameters of the model.

    min_eigenvalue_ : float
        Smallest eigenvalue of the damped curvature, or with "kfac" of what stands in
        for it; NaN with "cg" and "nystroem". A negative one has been warned about.

    verification_ : DataFrame of shape (n_verified, 3) or None
        Of the last call with ``verify``: `row`, the row that was left out or added,
        and the `predicted` and `actual` change of the target's mean loss. `None`
        before.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    skpoison.SubpopulationAudit : Damage to subpopulations, by true refits.
    skpoison.refit.refit_poisoned : Many poisoned models at once.

    Notes
    -----
    With n training rows z, their class weights w, the parameters theta that minimise
    the mean objective, its curvature H and the mean loss L of the target, the score of
    a row is ``- w grad L(theta)' H^-1 grad l(z; theta)``, n times the derivative of L
    in the row's weight (section 2 of [1]_). To first order, leaving the row out
    changes L by ``-score / n``, and adding a copy changes it by ``score / n``.
    ``class_weight="balanced"`` is accounted for: a row more or less changes the
    weights of all others.

    Training rows are kept for `score_rows`, in pickles too.

    References
    ----------
    .. [1] P. W. Koh, P. Liang. "Understanding Black-box Predictions via Influence
       Functions", ICML 2017. :arxiv:`1703.04730`

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from skpoison import ClusterMatch
    >>> from skpoison.influence import SubpopulationInfluence
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = scale(X)
    >>> target = ClusterMatch(6, random_state=0).fit(X).labels_ == 1
    >>> influence = SubpopulationInfluence(LogisticRegression(), random_state=0)
    >>> scores = influence.fit(X, y).score_rows(X[target], y[target], verify=6)
    >>> int(scores.argmax()), int(scores.argmin())
    (297, 73)
    >>> influence.verification_.round(5)
       row  predicted   actual
    0  297   -0.00382 -0.00312
    1   73    0.00113  0.00155
    2  135   -0.00108 -0.00097
    3   46    0.00000  0.00000
    4  152    0.00001  0.00001
    5  462    0.00003  0.00003
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "curvature": [StrOptions({"gauss_newton", "hessian"})],
        "damping": [Interval(Real, 0, None, closed="left")],
        "solver": [StrOptions({"auto", "exact", "cg", "nystroem", "kfac"})],
        "rank": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator,
        *,
        curvature="gauss_newton",
        damping=0.0,
        solver="auto",
        rank=50,
        random_state=None,
    ):
        self.estimator = estimator
        self.curvature = curvature
        self.damping = damping
        self.solver = solver
        self.rank = rank
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Fit the model and its curvature.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Training rows, of numbers.

        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        self : SubpopulationInfluence
            The fitted instance.
        """
        rng = check_random_state(self.random_state)
        owner = type(self).__name__
        X = tidy(as_rows(X, owner))
        y = None if y is None else flat_labels(y, owner)
        values, y = validate_data(self, X, y, **READING)
        check_squares(values, np.prod(values.shape), owner)
        given = X if is_frame(X) else values
        self.estimator_ = seeded_clone(self.estimator, rng).fit(given, y)
        self._loss = loss_of(self.estimator_, given, type(self).__name__, "estimator")
        self.classes_, self.n_params_ = self._loss.classes, self._loss.n_params
        self._train = Rows(given, values, self._codes(y, "y"))
        self._weights = ClassWeights(
            self.estimator_, self.classes_, self._train.codes, type(self).__name__
        )
        self._rng = deepcopy(rng)
        self._curvature = self._fit_curvature(rng)
        self.min_eigenvalue_ = self._curvature.min_eigenvalue
        self.verification_ = None
        return self

    def score_rows(self, X_target, y_target, X=None, y=None, *, verify=0):
        """Give the influence of rows on the mean loss of the target.

        A row with a positive score raises the target's loss: leaving it out of the n
        training rows changes the loss by ``-score / n`` to first order, and adding a
        copy of it by ``score / n``.

        Parameters
        ----------
        X_target : {array-like, sparse matrix, dataframe} of shape (n_target, ...)
            Rows of the subpopulation; those of a test set, say.

        y_target : array-like of shape (n_target,)
            Their class labels.

        X : {array-like, sparse matrix, dataframe} of shape (n_rows, ...), default=None
            Rows to score, as if they were added. `None` scores the training rows.

        y : array-like of shape (n_rows,), default=None
            Class labels of X.

        verify : int, default=0
            Number of rows for which the model is refitted, without the row where it
            is a training row, and with it otherwise. Half of them have the largest
            scores, and half are drawn at random; the results are in `verification_`.
            There is a warning where the cosine of the angle between predicted and
            actual changes is under 0.9. Networks are trained on from the fitted
            weights, by L-BFGS; see the user guide.

        Returns
        -------
        scores : ndarray of shape (n_rows,)
            Derivative of the target's mean loss in the weight of each row, times n.
        """
        check_is_fitted(self)
        target = self._read(X_target, y_target, "_target")
        is_train = X is None and y is None
        rows = self._train if is_train else self._read(X, y)
        with one_thread():
            scores = self._scores(rows, self._direction(target))
        self._check_finite(scores, "X_target or X")
        if not isinstance(verify, Integral) or verify:
            self.verification_ = self._verify(rows, is_train, scores, target, verify)
        return scores

    def feature_gradients(self, X_target, y_target, X_poison, y_poison):
        """Give the derivatives of the scores of rows in their features.

        A step along them raises what adding the row does to the target's mean loss.

        Parameters
        ----------
        X_target : {array-like, sparse matrix, dataframe} of shape (n_target, ...)
            Rows of the subpopulation.

        y_target : array-like of shape (n_target,)
            Their class labels.

        X_poison : {array-like, sparse matrix, dataframe} of shape (n_poison, ...)
            Rows whose features may move.

        y_poison : array-like of shape (n_poison,)
            Their class labels.

        Returns
        -------
        gradients : ndarray of shape (n_poison, ...)
            Derivatives of the score of each row, of the shape of `X_poison`.
        """
        check_is_fitted(self)
        target = self._read(X_target, y_target, "_target")
        poison = self._read(X_poison, y_poison, "_poison")
        with one_thread():
            direction = self._direction(target)
            gradients = self._loss.input_gradients(
                poison.values, poison.codes, direction
            )
        gradients = self._weights.weighted(np.asarray(gradients), poison.codes)
        self._check_finite(gradients, "X_target or X_poison")
        return gradients

    def _check_finite(self, values, names):
        if not np.isfinite(values).all():
            raise ValueError(
                f"{names} of {type(self).__name__} holds numbers so large that their "
                "influence is not finite. Scale the features."
            )

    def _fit_curvature(self, rng):
        with one_thread():
            return Curvature(
                self._loss,
                self._train.values,
                self._train.codes,
                kind=self.curvature,
                damping=self.damping,
                solver=self.solver,
                rank=self.rank,
                weights=self._weights.of_rows(self._train.codes),
                random_state=rng,
            )

    def _direction(self, target):
        """Change of the parameters that a unit of weight on a gradient is worth."""
        gradient = self._loss.gradient(target.values, target.codes)
        return -self._curvature.solve(gradient)

    def _scores(self, rows, direction):
        scores = self._weighted_products(rows, direction)
        if not self._weights.is_balanced:
            return scores
        of_train = scores
        if rows is not self._train:
            of_train = self._weighted_products(self._train, direction)
        return self._weights.rebalanced(scores, rows.codes, of_train)

    def _weighted_products(self, rows, direction):
        products = self._loss.products(rows.values, rows.codes, direction)
        return self._weights.weighted(products, rows.codes)

    def _verify(self, rows, is_train, scores, target, verify):
        owner, rng = type(self).__name__, check_random_state(self.random_state)
        chosen = choose_rows(scores, verify, rng, owner)
        refits = Refits(self.estimator_, self.classes_, self._train, target, owner)
        return verification(refits, rows, is_train, scores, chosen, owner)

    def _read(self, X, y, suffix=""):
        """Check rows of a kind with those of `fit`, and number their classes."""
        owner, names = type(self).__name__, f"X{suffix} and y{suffix}"
        if X is None or y is None:
            raise ValueError(f"{owner} needs {names} both. Got one of them only.")
        if is_empty(X):
            raise ValueError(f"X{suffix} of {owner} has no rows. Choose at least one.")
        X = tidy(as_rows(X, owner))
        validate_data(self, X, reset=False, skip_check_array=True)
        values = check_array(X, input_name=f"X{suffix}", estimator=self, **READING)
        y = flat_labels(y, f"y{suffix} of {owner}")
        check_consistent_length(values, y)
        if values.shape[1:] != self._train.values.shape[1:]:
            raise ValueError(
                f"X{suffix} of {owner} must have rows of the shape of those in fit, "
                f"{self._train.values.shape[1:]}. Got {values.shape[1:]}."
            )
        given = X if is_frame(X) else values
        return Rows(given, values, self._codes(y, f"y{suffix}"))

    def _codes(self, y, name):
        try:
            return self._loss.codes(y)
        except (TypeError, ValueError) as error:
            given = list(dict.fromkeys(y.tolist()))[:9]
            raise ValueError(
                f"{name} of {type(self).__name__} must hold classes that the model was "
                f"fitted on, {self.classes_.tolist()}. Got {given}."
            ) from error

    def __getstate__(self):
        """Leave out what torch made of the model and the rows."""
        state = super().__getstate__()
        if "_loss" not in state or state["_loss"].is_plain:
            return state
        return {k: v for k, v in state.items() if k not in {"_loss", "_curvature"}}

    def __setstate__(self, state):
        """Make again what was left out."""
        super().__setstate__(state)
        if "_train" in state and "_loss" not in state:
            owner, given = type(self).__name__, self._train.given
            self._loss = loss_of(self.estimator_, given, owner, "estimator")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # which `fit` has told of
                self._curvature = self._fit_curvature(deepcopy(self._rng))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.sparse = get_tags(self.estimator).input_tags.sparse
        return tags
