"""The attack that solves for the optimality of a target model."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._model_targeting._base_targeted_poisoner import (
    BaseTargetedPoisoner,
)
from skpoison.attacks._model_targeting._gradient_canceling import cancel_gradient
from skpoison.attacks._model_targeting._stationary_poison import StationaryPoison

MAX_STEPS = 200
# Steps of which one is used for the lower bound as well.
BOUND_EVERY = 4


class KKTPoisoner(BaseTargetedPoisoner):
    """Add a few rows, many times over, that make a target model the optimum.

    A model is the optimum of its training data where the gradients of all rows cancel.
    The attack solves for few rows, with weights, whose gradients cancel those of the
    clean rows at the target model, and adds as many copies of each.

    Parameters
    ----------
    finder : finder, default=None
        What finds the subpopulations: a finder of :mod:`skpoison.finders`, a
        clusterer with `predict`, or a pipeline that ends in one. A clone is
        fitted on the rows that the attacker sees; wrap a fitted finder in
        :class:`~sklearn.frozen.FrozenEstimator` to keep the same subpopulations
        over cross-validation folds. `None` is
        :class:`~skpoison.finders.ClusterMatch` with its defaults.

    target : int, str or callable, default=0
        The subpopulation under attack: its number, its name, or a callable that
        is given rows and returns a boolean mask. The finder is not used with a
        callable.

    alpha : float, default=1.0
        Number of poison rows, as a fraction of the target's rows in what
        the victim trains on. 0 adds no poison: the clean baseline of a grid.

    relative_to : {"train", "aux"}, default="train"
        Whether `alpha` counts in the target's rows in the victim's training
        data, or among the attacker's own.

    label : {"constant", "least_likely", "max_loss", "flip"} or class label, \
            default="constant"
        The class that the members are to be taken for, by the rules of
        :class:`SubpopPoisoner`. The attack plays on two classes: this one, and the
        most frequent other one of the members. Poison rows get either.

    replace : bool, default=True
        Not used: rows are made, and may be equal.

    aux_size : float, default=None
        Share of the incoming rows, in (0, 1), that belong to the attacker. They
        craft the poison and are removed from what the victim trains on, at any
        `alpha`. `None` lets the attacker see the victim's rows.

    surrogate : classifier, default=None
        The attacker's model: :class:`~sklearn.linear_model.LogisticRegression` or
        :class:`~sklearn.svm.LinearSVC`, or a pipeline of affine steps, such as
        StandardScaler or PCA, that ends in one. A clone is fitted on the attacker's
        rows of the two classes, and its last step again with each poison row. `None`
        is ``LogisticRegression()``.

    constraints : FeatureConstraints, default=None
        What rows may be. Immutable features take the values of a member. `None` is
        :meth:`FeatureConstraints.from_data` on the attacker's rows.

    target_model : {"auto"}, classifier or tuple (coef, intercept), default="auto"
        The model to aim at. "auto" trains models with the labels of members flipped,
        of the least sure ones or all, once or many times over, attacks towards the
        best of them that the budget reaches by its bound, and towards two that are
        further off, and keeps the attack after which the surrogate is wrong on most
        of the attacker's members. Else a fitted linear classifier of the two classes,
        or its coefficients and intercept in units of the features of X, where outputs
        above 0 are for the second class.

    random_state : int, RandomState instance or None, default=None
        Seeds every random choice of the attack: the finder, the split, ties between
        labels, and what the surrogate leaves open.

    Attributes
    ----------
    finder_ : finder or None
        The fitted finder; `None` where `target` is a callable.

    target_name_ : str
        Name of the target.

    n_poison_ : int
        Number of poison rows.

    poison_mask_ : ndarray of shape (n_samples_new,), dtype=bool
        True for the poison rows, which come last.

    poison_label_ : object
        The label of the poison; `None` without poison or with several labels.

    sample_indices_ : ndarray of shape (n_samples_new,), dtype=int
        Row that each output row is, and for poison the nearest member with its
        immutable features: counted in X, then on into `X_aux` where that was given.

    target_estimator_ : classifier or None
        The surrogate with the parameters of the target model; `None` without poison.

    lower_bound_ : float or None
        Number of poison rows, however made, below which no attack within the
        constraints makes the target model of the surrogate and the attacker's rows.
        `None` without poison.

    gradient_norm_ : float or None
        Euclidean norm of the mean gradient of the surrogate's objective at the target
        model, on the attacker's rows and the poison; 0 where the poison makes exactly
        that model. `None` without poison.

    n_distinct_ : int or None
        Number of distinct poison rows; `None` without poison.

    classes_ : ndarray of shape (n_classes,)
        Class labels in y.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    ModelTargetedPoisoner : Finds one row after the other.
    model_lower_bound : The lower bound of any model.
    SubpopPoisoner : The label flipping attack, for any model.

    Notes
    -----
    The KKT attack of [1]_. There two rows are solved for, one of each class, which is
    enough for the hinge loss and a convex set of rows. Rows with one-hot codes are no
    convex set, and the slope of the log loss changes with the row, so that here rows
    are added until no other lowers the norm of the gradient: a fully corrective
    Frank-Wolfe method, whose weights sum to the budget. They are rounded to whole
    numbers, and the numeric features of the rows are moved to make up for that, as in
    [2]_.

    The poison is the best that there is for the gradient at the target model; with a
    budget below what the target model needs, the model that comes out is another one.
    See :class:`ModelTargetedPoisoner` for `lower_bound_`; here the directions of the
    steps are tried, which makes it larger.

    References
    ----------
    .. [1] P. W. Koh, J. Steinhardt, P. Liang. "Stronger Data Poisoning Attacks Break
       Data Sanitization Defenses", Machine Learning 111, 2022. :arxiv:`1811.00741`
    .. [2] Y. Lu, G. Kamath, Y. Yu. "Exploring the Limits of Model-Targeted
       Indiscriminate Data Poisoning Attacks", ICML 2023. :arxiv:`2303.03592`

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.preprocessing import scale
    >>> from skpoison import ClusterMatch
    >>> from skpoison.attacks import KKTPoisoner
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(scale(X), y, random_state=0)
    >>> finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(X))
    >>> poisoner = KKTPoisoner(finder, target=1, alpha=0.5)
    >>> X_res, y_res = poisoner.fit_resample(X, y)
    >>> poisoner.n_poison_, poisoner.n_distinct_ < 30
    (46, True)
    >>> members = poisoner.membership(X_test)
    >>> clean = LogisticRegression().fit(X, y)
    >>> poisoned = LogisticRegression(max_iter=1000).fit(X_res, y_res)
    >>> for model in (clean, poisoned):
    ...     print(round(model.score(X_test[members], y_test[members]), 1))
    1.0
    0.3
    """

    def _forget(self):
        super()._forget()
        self.gradient_norm_ = self.n_distinct_ = None

    def _make(self, game, target, n_poison, weight):
        poison = StationaryPoison(target)
        bound = self._solve(game, poison, n_poison * weight)
        counts = whole_counts(poison.weights, n_poison)
        kept = np.flatnonzero(counts)
        parts = poison.rows, poison.signs, poison.sources
        rows, signs, sources = (np.array(part)[kept] for part in parts)
        weights = counts[kept] * weight
        rows = cancel_gradient(
            target, poison.metric, poison.clean, rows, signs, weights
        )
        made = game.made(target, rows, signs, sources, weights)
        norm = poison.mean_gradient_norm(rows, signs, weights)
        for name in ("rows", "signs", "sources"):
            setattr(made, name, np.repeat(getattr(made, name), counts[kept], axis=0))
        return made, (bound, norm, len(kept))

    def _solve(self, game, poison, total):
        """Find rows until none helps, and give the best bound on the way."""
        certificate = game.certificate(poison.target)
        bound = game.bound(poison.target)
        for step in range(MAX_STEPS):
            if step % BOUND_EVERY == 0:
                bound = max(bound, certificate.towards(poison.ahead()))
            if not poison.step(total):
                break
        return bound

    def _tell(self, made, books):
        self.lower_bound_, self.gradient_norm_, self.n_distinct_ = books


def whole_counts(weights, total):
    """Round weights to whole numbers of a given sum, by the largest remainders."""
    exact = weights * (total / weights.sum())
    counts = np.floor(exact).astype(int)
    most = np.argsort(counts - exact, kind="stable")
    counts[most[: total - counts.sum()]] += 1
    return counts
