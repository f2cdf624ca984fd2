"""The attack on the inner product of gradients."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.attacks._feature_poisoner import BaseFeaturePoisoner


class GradientPoisoner(BaseFeaturePoisoner):
    """Move poison so that training on it undoes what was learned on its target.

    The paper's gradient optimization attack. It starts from the label-flipped
    copies of :class:`~skpoison.SubpopPoisoner` and moves their features until the
    gradient of the poison points against that of the target's rows: a step of
    training that lowers the poison's loss then raises the target's. It needs first
    derivatives only, so it takes networks of any size.

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

    label : {"constant", "least_likely", "max_loss", "flip"} or class label, \
            default="constant"
        Label of the poison, as in :class:`~skpoison.SubpopPoisoner`.

    replace : bool, default=True
        Whether poison may start from a row more than once.

    aux_size : float, default=None
        Share of the incoming rows, in (0, 1), that belong to the attacker. They
        craft the poison and are removed from what the victim trains on, at any
        `alpha`. `None` lets the attacker see the victim's rows.

    surrogate : classifier, default=None
        The attacker's model: a `LogisticRegression`, `LinearSVC`,
        `RidgeClassifier` or `MLPClassifier` of scikit-learn, a
        `NeuralNetClassifier` of skorch, or a pipeline of affine steps that ends
        in one. A clone is fitted on the attacker's rows; a model in a
        :class:`~sklearn.frozen.FrozenEstimator` is used as it is and never
        refitted. `None` is ``LogisticRegression()``.

    objective : {"error", "loss"}, default="error"
        What is to rise on the target's rows that the attacker sees, with their
        true labels.

        - "error": the mean of ``1 - exp(-loss)``, the probability of a wrong
          class where the loss is the log loss. Rows that are lost already count
          for little.
        - "loss": the mean loss, as in the paper.

    constraints : FeatureConstraints, default=None
        What may change. `None` is ``FeatureConstraints.from_data`` of the
        attacker's rows.

    n_steps : int, default=30
        Number of steps.

    step_size : float, default=0.1
        Size of the first step of each feature, in (0, 1], as a share of the width
        of its box or, where that is narrower, of its eps ball; `step` of
        `constraints` goes before. Later steps are longer where the derivative
        keeps its sign, and shorter where it turns.

    refit_every : int, default=1
        Number of steps between refits of the surrogate on the attacker's rows and
        the poison; the poison of the refit with the highest loss on the target is
        kept. Networks are refitted from their first weights, so a larger number
        saves most of the time. 0 never refits, as in the paper: the target's
        gradient is that of the surrogate without poison, and the poison with the
        lowest inner product is kept.

    random_state : int, RandomState instance or None, default=None
        Seeds every random choice of the attack. Poison starts from the rows that
        SubpopPoisoner draws with the same seed.

    Attributes
    ----------
    constraints_ : FeatureConstraints or None
        The constraints of the poison, with an array for each limit; `None`
        without poison.

    objectives_ : ndarray of shape (n_refits,) or None
        The objective under the surrogate after each refit; the first with
        label-flipped copies as poison. Without refits the one value of the
        surrogate without poison.

    inner_products_ : ndarray of shape (n_steps + 1,) or None
        Inner product of the mean gradients of the target and of the poison
        through the steps. They are of the surrogate as it is at each step, and
        comparable between refits only.

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
    InfluencePoisoner : Takes the curvature of training into account.
    skpoison.SubpopPoisoner : Label flipping, for rows and models of any kind.

    Notes
    -----
    With g_S the gradient of the objective in the parameters of the surrogate, and
    g_p that of the mean loss of the poison, the attack minimises ``<g_S, g_p>`` over
    the features of the poison (section 4 of [1]_). ``objective="loss"`` with
    ``refit_every=0`` is the paper's attack, but for two things. The authors' code
    steps along the derivative times a constant, which suits pixels; here features
    move by the signs of derivatives, with steps that adapt to them [2]_. And the
    code takes the gradients of the last layer, which is all of a linear model; here
    they are those of all layers. One-hot groups and whole numbers change once steps
    have added up to half of the way.

    Where features may move far, as in a box of all that was seen, poison that was
    made for a model without poison is easily told from the target once a model is
    trained on it. Refits are what makes the attack stronger than label flipping
    there.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    .. [2] M. Riedmiller, H. Braun. "A Direct Adaptive Method for Faster
       Backpropagation Learning: The RPROP Algorithm", ICNN 1993.
       :doi:`10.1109/ICNN.1993.298623`

    Examples
    --------
    >>> from imblearn.pipeline import Pipeline
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.preprocessing import scale
    >>> from skpoison import ClusterMatch
    >>> from skpoison.attacks import GradientPoisoner
    >>> from skpoison.metrics import target_damage_scorer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(scale(X), y, random_state=0)
    >>> finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(X))
    >>> poisoner = GradientPoisoner(
    ...     finder, target=1, alpha=0.5, aux_size=0.5, random_state=0
    ... )
    >>> model = Pipeline([("poison", poisoner), ("clf", LogisticRegression())])
    >>> round(target_damage_scorer(model.fit(X, y), X_test, y_test), 3)
    0.542
    """

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
        objective="error",
        constraints=None,
        n_steps=30,
        step_size=0.1,
        refit_every=1,
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
        self.objective = objective
        self.constraints = constraints
        self.n_steps = n_steps
        self.step_size = step_size
        self.refit_every = refit_every

    def _forget(self):
        super()._forget()
        self.inner_products_ = None

    def _direction(self, surrogate, gradient):
        return -gradient

    def _remember_pulls(self, pulls):
        self.inner_products_ = -pulls
