"""The model-targeted attack on one subpopulation."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Real

import numpy as np

from skpoison.attacks._model_targeting._base_targeted_poisoner import (
    BaseTargetedPoisoner,
)
from skpoison.attacks._model_targeting._online_attack import OnlineAttack
from skpoison.attacks._model_targeting._targeted_game import MadePoison
from skpoison.utils._sklearn import Interval


class ModelTargetedPoisoner(BaseTargetedPoisoner):
    r"""Add rows that pull a linear model towards one that fails on the target.

    Rows are made, not copied: each is the one, of all rows within the constraints and
    of both labels, on which the loss of the model so far most exceeds that of the
    target model. It is found without a solver. A lower bound on the number of rows
    that any attack needs for the same model comes with it.

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

    label : str or class, default="constant"
        The class that the members are to be taken for: a class, or "constant",
        "least_likely", "max_loss" or "flip", the rules of :class:`SubpopPoisoner`.
        The attack plays on two classes: this one, and the most frequent other one of
        the members. Poison rows get either.

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

    polish : bool, default=True
        Whether to move the numeric features of all rows together at the end, from the
        rows that were found and from copies of members with the other label, until
        the gradient at the target model vanishes as well as possible; the poison that
        the members suffer most from is kept. Without, the rows are those of the
        online algorithm.

    tol : float, default=0.05
        Largest difference of the losses of the model and the target model on any row
        at which the target model counts as reached.

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

    loss_differences_ : ndarray of shape (n_poison + 1,) or None
        Largest difference of losses found before each row and after the last one. The
        target model is reached where it is 0. With `polish` all but the last are of
        the rows of the online algorithm, which the polished ones replace.

    n_reached_ : int or None
        Number of poison rows, of the online algorithm, at which no difference of
        losses was above `tol`; `None` where the budget ended before. It can be below
        `lower_bound_`, which is for the target model itself and not for one near it.

    inner_gap_ : float or None
        Largest amount by which a row may have been better than the one found, over
        all searches; 0 up to rounding where the best row is always found.

    classes_ : ndarray of shape (n_classes,)
        Class labels in y.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    KKTPoisoner : Solves for all rows at once.
    model_lower_bound : The lower bound of any model.
    SubpopPoisoner : The label flipping attack, for any model.

    Notes
    -----
    Algorithm 1 of [1]_: with theta_t the surrogate's optimum on the clean rows and
    the poison so far, theta_p the target model and l the loss, the next row is
    (x*, y*) = argmax l(theta_t; x, y) - l(theta_p; x, y). For a linear model that
    depends on x only through two outputs; the rows of a box with one-hot groups have
    an image in the plane whose boundary is swept exactly. Where the maximum over the
    convex hull of all rows is not at a row, `inner_gap_` tells how much may be missing.
    When theta_p is reached, the attack goes on with the same rule until exactly
    `n_poison_` rows are made. Target models come from flipped labels, as in [1]_, but
    are judged on the attacker's members, not on test rows.

    With F(theta) the sum of the losses of the clean rows and the penalty of
    scikit-learn's objective, which does not grow with the number of rows, optimality
    of theta_p with m rows of poison gives, for every theta,

    .. math:: m \ge \frac{F(\theta_p) - F(\theta)}
        {\max_{x, y} [l(\theta; x, y) - l(\theta_p; x, y)]}

    where the maximum is taken over both labels and the convex hull of the rows. The
    losses are convex, so that the quotient grows as theta moves to theta_p on a line.
    `lower_bound_` is the largest over the models on the way, each moved close to
    theta_p, which is more than the bound of [1]_. What the surrogate's `tol` leaves
    undone is allowed for, see :func:`model_lower_bound`. The bound is one for the
    surrogate's training data, the attacker's rows; with `aux_size` or `X_aux` the
    victim has other rows, and it is an estimate. There each poison row counts in the
    surrogate for as many as makes the poison the same share of the rows as in the
    victim.

    Rows at the corners of a box of numeric features pull hard at a model, so that a
    small budget of them comes to the target model in few large steps. To `polish` is to
    solve for the same number of rows with the right pull (gradient canceling, [2]_).

    References
    ----------
    .. [1] F. Suya, S. Mahloujifar, A. Suri, D. Evans, Y. Tian. "Model-Targeted
       Poisoning Attacks with Provable Convergence", ICML 2021. :arxiv:`2006.16469`
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
    >>> from skpoison.attacks import ModelTargetedPoisoner
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(scale(X), y, random_state=0)
    >>> finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(X))
    >>> poisoner = ModelTargetedPoisoner(finder, target=1, alpha=0.5)
    >>> X_res, y_res = poisoner.fit_resample(X, y)
    >>> X.shape, X_res.shape, poisoner.n_poison_
    ((426, 30), (472, 30), 46)
    >>> members = poisoner.membership(X_test)
    >>> clean = LogisticRegression().fit(X, y)
    >>> poisoned = LogisticRegression(max_iter=1000).fit(X_res, y_res)
    >>> for model in (clean, poisoned):
    ...     print(round(model.score(X_test[members], y_test[members]), 1))
    1.0
    0.3
    """

    _parameter_constraints: dict = {
        **BaseTargetedPoisoner._parameter_constraints,
        "polish": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        finder=None,
        *,
        target=0,
        alpha=1.0,
        relative_to="train",
        label="constant",
        replace=True,
        aux_size=None,
        surrogate=None,
        constraints=None,
        target_model="auto",
        polish=True,
        tol=0.05,
        random_state=None,
    ):
        super().__init__(
            finder,
            target=target,
            alpha=alpha,
            relative_to=relative_to,
            label=label,
            replace=replace,
            aux_size=aux_size,
            surrogate=surrogate,
            constraints=constraints,
            target_model=target_model,
            random_state=random_state,
        )
        self.polish = polish
        self.tol = tol

    def _forget(self):
        super()._forget()
        self.loss_differences_ = self.n_reached_ = self.inner_gap_ = None

    def _make(self, game, target, n_poison, weight):
        certificate, refits = game.certificate(target), game.clean_refits()
        online = OnlineAttack(target, certificate, refits, self.tol)
        online.run(n_poison, weight)
        rows, signs = np.array(online.rows), np.array(online.signs)
        start = rows, signs, np.array(online.sources)
        made = MadePoison(target, *start, refits.theta)
        if self.polish:
            weights = np.full(n_poison, weight)
            polished = [
                game.polished(target, *rows, weights)
                for rows in (start, game.copies(n_poison))
            ]
            best = max([made, *polished], key=lambda m: game.damage(m.theta))
            if best is not made:
                made = best
                online.end_at(made.theta)
        return made, online

    def _tell(self, made, books):
        self.lower_bound_ = books.lower_bound
        self.loss_differences_ = np.array(books.differences)
        self.n_reached_ = books.n_reached
        self.inner_gap_ = books.gap
