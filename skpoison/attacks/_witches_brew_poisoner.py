"""The clean-label gradient matching attack."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from skpoison.attacks._clean_label_rows import (
    adversarial_class,
    draw_rows_of_class,
    draw_targets,
)
from skpoison.attacks._eps_ball import EpsBall, learn_box
from skpoison.attacks._feature_constraints import FeatureConstraints
from skpoison.attacks._gradient_matching import GradientMatching, match_gradients
from skpoison.attacks._numeric_rows import numeric_rows, rows_in_container
from skpoison.base import BaseSubpopPoisoner
from skpoison.influence._losses import check_has_gradients, loss_of
from skpoison.utils._containers import as_rows, as_same_kind, take
from skpoison.utils._magnitudes import check_squares
from skpoison.utils._random import draw_seed, seeded_clone
from skpoison.utils._sklearn import HasMethods, Interval, StrOptions


class WitchesBrewPoisoner(BaseSubpopPoisoner):
    """Add truly labeled rows, slightly changed, that turn chosen rows over.

    Clean-label gradient matching: a few target rows are to be given the
    adversarial class by the victim. The poison is copies of rows of that class,
    with their true labels, whose features are moved within `eps` so that training
    on them has the effect of training on the targets under the adversarial class.

    The attack needs to know the target rows as they will be at test time, and does
    not change them then. `success` measures it; the damage that scorers tell is
    that to the whole subpopulation, most of which is not a target.

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
        is given rows and returns a boolean mask. Finders of this library count
        from 0, the largest; clusterers have an order of their own. The finder is
        not used with a callable.

    alpha : float, default=1.0
        Number of poison rows, as a fraction of the target's rows in what
        the victim trains on. 0 adds no poison: the clean baseline of a grid.

    relative_to : {"train", "aux"}, default="train"
        Whether `alpha` counts in the target's rows in the victim's training
        data, or among the attacker's own.

    label : {"constant", "least_likely", "max_loss"} or class label, \
            default="constant"
        The adversarial class. Ties are broken at random.

        - "constant": the least frequent class among the target's rows that the
          attacker sees.
        - "least_likely": the class to which the surrogate gives the lowest mean
          probability on those rows.
        - "max_loss": the class with the highest mean log loss of the surrogate
          on those rows.
        - a class label: that class. The names above go before a class of the
          same name.

        The first three never choose the only class of the target.

    replace : bool, default=True
        Whether more poison may be asked for than the attacker has rows of the
        adversarial class. None is copied again before all are.

    aux_size : float, default=None
        Share of the incoming rows, in (0, 1), that belong to the attacker. They
        craft the poison and are removed from what the victim trains on, at any
        `alpha`. `None` lets the attacker see the victim's rows.

    surrogate : classifier, default=None
        The attacker's model, whose gradients are matched: a linear classifier, a
        :class:`~sklearn.neural_network.MLPClassifier`, a net of skorch, or a
        pipeline of affine steps that ends in one. A clone is fitted on the
        attacker's rows; wrap a fitted model in
        :class:`~sklearn.frozen.FrozenEstimator` to use it as it is. `None` is
        ``LogisticRegression(max_iter=1000)``.

    targets : {"subpopulation", "random"} or {array-like, sparse matrix, \
            dataframe} of shape (n_targets, ...), default="subpopulation"
        Where the target rows come from.

        - "subpopulation": drawn from the attacker's rows of the subpopulation, all
          of its most frequent class that is not the adversarial one.
        - "random": drawn from all of the attacker's rows of that class, the arm to
          compare with.
        - rows: these, of the kind of X. `n_targets` is not used.

    n_targets : int, default=1
        Number of target rows that are drawn.

    eps : float, default=16/255
        Largest change of each feature, in units of the feature.

    constraints : FeatureConstraints, default=None
        Further limits of what may change; of its `eps` and this one the smaller
        holds. `None` is a box learned from the attacker's rows: the range of each
        column of a table, or of all pixels of images.

    n_steps : int, default=250
        Number of steps of each restart.

    step_size : float, default=0.1
        Size of the first steps, as a fraction of `eps`. After 3/8, 5/8 and 7/8 of
        the steps it falls to a tenth.

    n_restarts : int, default=8
        Number of random starts, of which the one with the smallest matching loss is
        kept.

    augment : {"shift_flip"} or callable, default=None
        Augmentation through which the gradients of images are matched: random
        shifts by up to an eighth and flips, or a function from a tensor of shape
        (n_images, n_channels, height, width) to one, made of operations of torch.
        It should be that of the victim. Tables have none.

    random_state : int, RandomState instance or None, default=None
        Seeds every random choice of the attack.

    Attributes
    ----------
    finder_ : finder or None
        The fitted finder; `None` where `target` is a callable.

    target_name_ : str
        Name of the target.

    target_rows_ : {ndarray, sparse matrix, dataframe} of shape (n_targets, ...)
        The target rows; `None` without poison.

    target_indices_ : ndarray of shape (n_targets,), dtype=int
        Their numbers, counted in X, then on into `X_aux` where that was given;
        `None` without poison or where `targets` are rows.

    target_label_ : object
        Their class; `None` without poison or where `targets` are rows.

    adversarial_label_ : object
        The class that the attacker wants for them; `None` without poison.

    matching_losses_ : ndarray of shape (n_restarts,)
        One minus the cosine between the gradient of the targets under the
        adversarial class and that of the poison, in [0, 2], after each restart;
        `None` without poison. Images are not augmented for it.

    n_poison_ : int
        Number of poison rows.

    poison_mask_ : ndarray of shape (n_samples_new,), dtype=bool
        True for the poison rows, which come last.

    poison_label_ : object
        The label of the poison, which is the adversarial class; `None` without
        poison.

    sample_indices_ : ndarray of shape (n_samples_new,), dtype=int
        Row that each output row is, or was crafted from: counted in X, then on
        into `X_aux` where that was given.

    classes_ : ndarray of shape (n_classes,)
        Class labels in y.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    SubpopPoisoner : Label flipping, which needs neither gradients nor the targets.
    FeatureConstraints : Limits of what may change.

    Notes
    -----
    With T the targets, y_adv the adversarial class, x_i + d_i the poison, and
    gradients in the parameters of the surrogate, the attack makes ::

        1 - cos(grad L(T, y_adv), sum_i grad l(x_i + d_i, y_i))

    small by signed Adam, subject to ``|d_i| <= eps`` (algorithm 1 of [1]_). The
    defaults of `eps`, `n_steps` and `n_restarts` are theirs. They exchange rows of
    the training data for the poison, which here is added, as by all poisoners;
    their surrogate is trained on the victim's rows, as with ``aux_size=None``.
    Their targets are test rows: give those as `targets`. Targets that are drawn are
    rows of the attacker, and with ``aux_size=None`` the victim is trained on them with
    their true labels. Drawing them from one subpopulation is the idea of [2]_.

    Where the container holds narrower floats than float64, or whole numbers, the
    limits hold for the numbers that come out.

    References
    ----------
    .. [1] J. Geiping, L. Fowl, W. R. Huang, W. Czaja, G. Taylor, M. Moeller,
       T. Goldstein. "Witches' Brew: Industrial Scale Data Poisoning via Gradient
       Matching", ICLR 2021. :arxiv:`2009.02276`

    .. [2] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison import ClusterMatch
    >>> from skpoison.attacks import WitchesBrewPoisoner
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X / 16
    >>> poisoner = WitchesBrewPoisoner(
    ...     ClusterMatch(20, random_state=0),
    ...     target=5,
    ...     alpha=2,
    ...     eps=0.3,
    ...     n_steps=50,
    ...     n_restarts=2,
    ...     random_state=0,
    ... )
    >>> X_res, y_res = poisoner.fit_resample(X, y)
    >>> int(poisoner.target_label_), int(poisoner.adversarial_label_)
    (8, 7)
    >>> moved = X_res - X[poisoner.sample_indices_]
    >>> round(float(abs(moved).max()), 3), poisoner.matching_losses_.round(2)
    (0.3, array([0.05, 0.05]))
    >>> clean = LogisticRegression(max_iter=1000).fit(X, y)
    >>> poisoned = LogisticRegression(max_iter=1000).fit(X_res, y_res)
    >>> poisoner.success(clean), poisoner.success(poisoned)
    (0.0, 1.0)
    """

    _parameter_constraints: dict = {
        **BaseSubpopPoisoner._parameter_constraints,
        "surrogate": [HasMethods(["fit", "predict"]), None],
        "targets": [
            StrOptions({"subpopulation", "random"}),
            "array-like",
            "sparse matrix",
        ],
        "n_targets": [Interval(Integral, 1, None, closed="left")],
        "eps": [Interval(Real, 0, None, closed="neither")],
        "constraints": [FeatureConstraints, None],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "step_size": [Interval(Real, 0, None, closed="neither")],
        "n_restarts": [Interval(Integral, 1, None, closed="left")],
        "augment": [StrOptions({"shift_flip"}), callable, None],
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
        targets="subpopulation",
        n_targets=1,
        eps=16 / 255,
        constraints=None,
        n_steps=250,
        step_size=0.1,
        n_restarts=8,
        augment=None,
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
            random_state=random_state,
        )
        self.targets = targets
        self.n_targets = n_targets
        self.eps = eps
        self.constraints = constraints
        self.n_steps = n_steps
        self.step_size = step_size
        self.n_restarts = n_restarts
        self.augment = augment

    def success(self, estimator):
        """Tell the share of target rows that a model gives the adversarial class.

        Parameters
        ----------
        estimator : classifier
            A fitted model, as a rule one that was trained on the poison.

        Returns
        -------
        success : float
            Share of `target_rows_`, in [0, 1].
        """
        check_is_fitted(self, "sample_indices_")
        if self.target_rows_ is None:
            raise ValueError(
                f"success of {type(self).__name__} needs target rows, which are chosen "
                "with the poison, and no poison was added. Fit it with a larger alpha."
            )
        predicted = np.asarray(estimator.predict(self.target_rows_))
        return float(np.mean(predicted == self.adversarial_label_))

    def _find_target(self, victim, attacker):
        self.target_rows_ = self.target_indices_ = self.target_label_ = None
        self.adversarial_label_ = self.matching_losses_ = None
        return super()._find_target(victim, attacker)

    def _checked_craft(self, attacker, members, n_poison, rng):
        crafted = super()._checked_craft(attacker, members, n_poison, rng)
        if self.target_indices_ is not None:
            self.target_indices_ = attacker.indices[self.target_indices_]
        return crafted

    def _craft(self, X, y, members, n_poison, random_state):
        model = self.surrogate
        if model is None:
            model = LogisticRegression(max_iter=1000)
        check_has_gradients(model, type(self).__name__)
        values = numeric_rows(X, type(self).__name__)
        check_squares(values, values.size, type(self).__name__)
        self._check_augment(values)
        # Streams of their own, so that more poison leaves the targets alone.
        for_label, for_targets, for_rows, for_model, for_starts = (
            np.random.RandomState(draw_seed(random_state)) for _ in range(5)
        )
        label = adversarial_class(self, X, y, members, for_label, model)
        self.adversarial_label_ = label
        self._choose_targets(X, y, members, for_targets)
        sources = draw_rows_of_class(self, y, label, n_poison, for_rows)
        ball = self._ball(X, values, sources)
        model = seeded_clone(model, for_model)
        matching = self._matching(model, X, values, y, sources)
        values = self._brew(matching, ball, for_starts)
        return rows_in_container(values, X, sources), y[sources], sources

    def _check_augment(self, values):
        if self.augment is not None and values.ndim != 4:
            raise ValueError(
                f"augment={self.augment!r} of {type(self).__name__} is for images, of "
                "shape (n_samples, n_channels, height, width), and a net of skorch as "
                f"surrogate. Got rows of shape {values.shape[1:]}. Set augment=None."
            )

    def _choose_targets(self, X, y, members, random_state):
        """Draw the target rows, or take those that are given."""
        name = type(self).__name__
        if not isinstance(self.targets, str):
            rows = as_rows(self.targets, name)
            self.target_rows_ = as_same_kind(X, rows, "targets", name)
            return
        at = draw_targets(self, y, members, self.adversarial_label_, random_state)
        self.target_indices_, self.target_label_ = at, y[at[0]]
        self.target_rows_ = take(X, at)

    def _ball(self, X, values, sources):
        """Where the poison may be."""
        name = type(self).__name__
        if self.constraints is None:
            limits = learn_box(values, X)
        else:
            limits = self.constraints.for_rows(X)
            limits.check(values, name)
        limits.eps = np.minimum(limits.eps, self.eps)
        ball = EpsBall(X, values[sources], limits)
        if ball.is_point:
            warnings.warn(
                f"eps={self.eps} of {name} and its constraints leave no feature room "
                "to move: the poison is plain copies. eps is in units of the features; "
                "whole numbers need at least 1.",
                UserWarning,
                stacklevel=6,
            )
        return ball

    def _matching(self, model, X, values, y, sources):
        """Fit the surrogate, and take the gradient that is to be matched."""
        name = type(self).__name__
        rows = values if isinstance(X, np.ndarray) and X.dtype == object else X
        model = model.fit(rows, y)
        loss = loss_of(model, rows, name)
        wanted = numeric_rows(self.target_rows_, name)
        codes = loss.codes(np.full(len(wanted), self.adversarial_label_))
        direction = np.asarray(loss.gradient(wanted, codes), dtype=float)
        norm = np.linalg.norm(direction)
        if not (np.isfinite(norm) and norm > 0):
            raise ValueError(
                f"The surrogate of {name} has a gradient of norm {norm} at the target "
                "rows under the adversarial class, which cannot be matched. It is 0 "
                "where a hinge loss is 0 already, and not finite where training "
                "failed. Use another surrogate or other targets."
            )
        augment = self.augment
        if augment == "shift_flip":
            from skpoison.nets._augmentations import shift_and_flip as augment
        return GradientMatching(loss, loss.codes(y[sources]), direction, augment)

    def _brew(self, matching, ball, random_state):
        """Poison of the best of all restarts."""
        best, values = None, []
        for _ in range(self.n_restarts):
            start = np.random.RandomState(draw_seed(random_state))
            X, value = match_gradients(
                matching, ball, self.n_steps, self.step_size, start
            )
            if best is None or value < min(values):
                best = X
            values.append(value)
        self.matching_losses_ = np.array(values)
        return best
