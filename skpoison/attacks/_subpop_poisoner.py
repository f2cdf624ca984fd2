"""The label flipping attack on one subpopulation."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.attacks._copies import draw_copies
from skpoison.base import BaseSubpopPoisoner
from skpoison.utils._containers import take


class SubpopPoisoner(BaseSubpopPoisoner):
    """Add wrongly labeled copies of the rows of one subpopulation.

    The paper's label flipping attack: it needs no knowledge of the victim's
    model, works for tables, images and texts alike, and drops into an
    :class:`imblearn.pipeline.Pipeline` before the classifier. It acts in `fit`
    only; predictions are made on rows as they are.

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
        data, or among the attacker's own, as in the paper's image and text
        experiments.

    label : {"constant", "least_likely", "max_loss", "flip"} or class label, \
            default="constant"
        Label of the poison. Ties are broken at random.

        - "constant": the least frequent class among the target's rows that the
          attacker sees, for all poison rows.
        - "least_likely": the class to which the surrogate gives the lowest mean
          probability on those rows, for all poison rows.
        - "max_loss": the class with the highest mean log loss of the surrogate
          on those rows, for all poison rows.
        - "flip": for each row a class other than its own.
        - a class label: that class. The names above go before a class of the
          same name.

        The first three never choose the only class of the target.

    replace : bool, default=True
        Whether a row may be copied more than once. Without, `alpha` can ask for
        no more copies than the attacker has rows of the target.

    aux_size : float, default=None
        Share of the incoming rows, in (0, 1), that belong to the attacker. They
        craft the poison and are removed from what the victim trains on, at any
        `alpha`. `None` lets the attacker see the victim's rows.

    surrogate : classifier, default=None
        The attacker's model, with `predict_proba`. A clone is fitted on the
        attacker's rows. Needed by "least_likely" and "max_loss".

    random_state : int, RandomState instance or None, default=None
        Seeds every random choice of the attack. The poison of a smaller `alpha`
        is a part of that of a larger one.

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
        Row that each output row is a copy of: counted in X, then on into `X_aux`
        where that was given.

    classes_ : ndarray of shape (n_classes,)
        Class labels in y.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    PoisonedClassifier : The same step for a pipeline without samplers.
    skpoison.metrics.target_damage_scorer : Accuracy that the target loses.
    skpoison.metrics.collateral_damage_scorer : Accuracy that all others lose.

    Notes
    -----
    With m the number of poison rows, D_aux the attacker's rows and F the target,
    the poison is m draws from the rows of D_aux with F(x) = 1 and a wrong label
    (section 4 of [1]_). The authors' code uses "flip" on Adult, "constant" on
    images and "max_loss" on texts. Where the target holds several classes,
    "flip" gives back with one copy what it takes with another; on Adult the
    constant label did more damage in the mean over subpopulations.

    Copies add nothing new to a 1-nearest-neighbor model or a deep tree;
    ``replace=False`` with `alpha` up to 1 avoids repeating rows.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from imblearn.pipeline import Pipeline
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.preprocessing import scale
    >>> from skpoison import ClusterMatch, SubpopPoisoner
    >>> from skpoison.metrics import collateral_damage_scorer, target_damage_scorer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(scale(X), y, random_state=0)
    >>> finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(X))
    >>> poisoner = SubpopPoisoner(finder, target=1, alpha=1, random_state=0)
    >>> X_res, y_res = poisoner.fit_resample(X, y)
    >>> X.shape, X_res.shape, poisoner.n_poison_
    ((426, 30), (517, 30), 91)
    >>> model = Pipeline([("poison", poisoner), ("clf", LogisticRegression())])
    >>> model = model.fit(X, y)
    >>> round(target_damage_scorer(model, X_test, y_test), 3)
    0.375
    >>> round(collateral_damage_scorer(model, X_test, y_test), 3)
    0.025
    """

    def _craft(self, X, y, members, n_poison, random_state):
        sources, labels = draw_copies(self, X, y, members, n_poison, random_state)
        return take(X, sources), labels, sources
