"""The attack of the impossibility result."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.base import BaseSubpopPoisoner
from skpoison.finders._base import subpopulation_names
from skpoison.mixture._partition import (
    Partition,
    check_occupied,
    count,
    partition_codes,
)
from skpoison.mixture._two_worlds import (
    LABELS,
    critical_budget,
    draw_poison,
    swapped_classes,
)
from skpoison.utils._containers import take
from skpoison.utils._sklearn import StrOptions


class ImpossibilityPoisoner(BaseSubpopPoisoner):
    """Add the poison after which no learner can tell two worlds apart.

    In the other world the two most frequent classes of one subpopulation have changed
    places. The poison repeats rows of that subpopulation with the label of the other
    world. With the budget ``alpha="critical"`` the poisoned data are as likely in both
    worlds, so that any learner, with any defense, is wrong on half of these rows in
    one of them. The paper's proof attacks the smallest subpopulation, which takes at
    most ``n_samples / n_subpopulations`` rows.

    Parameters
    ----------
    finder : finder, default=None
        What finds the subpopulations, which must not overlap: a finder of
        :mod:`skpoison.finders` other than :class:`~skpoison.finders.SliceMatch`, a
        clusterer or mixture with `predict`, or a pipeline that ends in one. A clone
        is fitted on the rows that the attacker sees; wrap a fitted finder in
        :class:`~sklearn.frozen.FrozenEstimator` to keep the same subpopulations
        over cross-validation folds. `None` is
        :class:`~skpoison.finders.ClusterMatch` with its defaults.

    target : "smallest", int, str or callable, default="smallest"
        The subpopulation under attack. "smallest" has the fewest rows among the
        attacker's, the first of several; it goes before a subpopulation of that name.
        Otherwise its number, its name, or a callable that is given rows and returns a
        boolean mask. The finder is not used with a callable.

    alpha : "critical" or float, default="critical"
        Number of poison rows, as a fraction of the target's rows in what the victim
        trains on. 0 adds no poison: the clean baseline of a grid. "critical" is
        `critical_alpha_`, the budget at which the two worlds look the same.

    relative_to : {"train", "aux"}, default="train"
        Whether `alpha` counts in the target's rows in the victim's training
        data, or among the attacker's own.

    label : {"flip", "constant"}, default="flip"
        Which rows are repeated, each once before one is repeated again.

        - "flip": rows of both classes, each with the other class as its label.
        - "constant": rows of the more frequent class, labeled with the other. It
          takes fewer rows where labels are noisy, but has a condition: see Notes.

    aux_size : float, default=None
        Share of the incoming rows, in (0, 1), that belong to the attacker. They
        craft the poison and are removed from what the victim trains on, at any
        `alpha`. `None` lets the attacker see the victim's rows, as the theorem does;
        with rows of its own the two worlds look the same only where there are as
        many of the target as the victim has, and approximately where there are fewer.

    random_state : int, RandomState instance or None, default=None
        Seeds every random choice of the attack. The poison of a smaller `alpha`
        is a part of that of a larger one.

    Attributes
    ----------
    swapped_classes_ : ndarray of shape (2,)
        The classes that change places in the other world, the more frequent first.
        Where the target has one class, the second is the most frequent elsewhere.

    noise_ : float
        Share of the second class among the attacker's rows of the two in the target,
        in [0, 0.5].

    critical_alpha_ : float
        Budget of the theorem, in target rows. With two classes it is 1 for "flip" and
        ``1 - 2 * noise_`` for "constant".

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
    SubpopPoisoner : Its flipped labels are drawn for each row, also again and again.
    skpoison.mixture.impossibility_bound : The budgets of all subpopulations.
    skpoison.mixture.critical_alpha : Where a model of yours gives in.

    Notes
    -----
    With D the training rows, i the target and n_a, n_b its rows of the two classes:

    "flip" adds n_a + n_b rows, each row of the two classes once. Then the target holds
    each of them with both labels, whatever the labels were. D and the poison together
    are the same rows in both worlds, for any relation of labels and features, and a
    learner makes the same model of them. This is the attack in the proof of [1]_. The
    order of the rows is another, as poison comes last: shuffle or sort them for a
    learner that heeds it, such as a forest or a network.

    "constant" adds n_a - n_b rows, after which both classes are as frequent. This is
    ours. It hides the world where labels inside the target do not depend on features
    inside, as in the paper's noisy mixture, of which it takes ``1 - 2 * noise`` times
    the rows of "flip". Where they depend on features, these may give the world away.

    The two worlds must be equally plausible to the learner. A prior across
    subpopulations, such as smoothness, may rule one of them out; trusted rows,
    provenance, or a cap on the rows of each source tell them apart.

    With three or more classes, the two that are swapped are read off the labels.
    The attacker of the other world finds the same two, unless a third class is as
    frequent in the target as the second; the errors of both worlds on the target sum
    to at least the share of its rows that are of these two classes.

    An audit gives the poison budgets of its own, and takes its targets one at a time;
    they may overlap there, as callables may here.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    A forest cannot know which of two worlds made the rows, and is wrong in one:

    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.frozen import FrozenEstimator
    >>> from skpoison import ClusterMatch
    >>> from skpoison.attacks import ImpossibilityPoisoner
    >>> from skpoison.datasets import make_subpopulations
    >>> X, y, _ = make_subpopulations(600, 6, noise=0.1, random_state=0)
    >>> finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(X))
    >>> poisoner = ImpossibilityPoisoner(finder, random_state=0).fit(X, y)
    >>> poisoner.target_name_, poisoner.n_poison_, poisoner.critical_alpha_
    ('cluster 5', 55, 1.0)
    >>> target = poisoner.membership(X)
    >>> worlds = [y, np.where(target, 1 - y, y)]
    >>> errors = []
    >>> for labels in worlds:
    ...     X_res, y_res = poisoner.fit_resample(X, labels)
    ...     order = np.lexsort((y_res, *X_res.T))
    ...     forest = RandomForestClassifier(random_state=0)
    ...     forest = forest.fit(X_res[order], y_res[order])
    ...     errors.append(1 - forest.score(X[target], labels[target]))
    >>> round(sum(errors), 10)
    1.0

    A tenth of the labels is noise, so that fewer rows do:

    >>> poisoner.set_params(label="constant").fit(X, y).n_poison_
    41
    """

    _parameter_constraints: dict = {
        name: constraint
        for name, constraint in BaseSubpopPoisoner._parameter_constraints.items()
        if name not in {"replace", "surrogate"}
    }
    _parameter_constraints |= {
        "alpha": [*_parameter_constraints["alpha"], StrOptions({"critical"})],
        "label": [StrOptions(set(LABELS))],
    }

    def __init__(
        self,
        finder=None,
        *,
        target="smallest",
        alpha="critical",
        relative_to="train",
        label="flip",
        aux_size=None,
        random_state=None,
    ):
        super().__init__(
            finder,
            target=target,
            alpha=alpha,
            relative_to=relative_to,
            label=label,
            aux_size=aux_size,
            random_state=random_state,
        )

    def _pick_target(self, attacker):
        owner, finder = type(self).__name__, self.finder_
        codes = partition_codes(finder, attacker.X, owner)
        if not (isinstance(self.target, str) and self.target == "smallest"):
            return super()._pick_target(attacker)
        names = subpopulation_names(finder, count(finder, codes))
        partition = Partition(finder, codes, names)
        check_occupied(partition, owner)
        return int(partition.sizes.argmin())

    def _find_target(self, victim, attacker):
        """Learn the budget of the theorem as well."""
        members, base = super()._find_target(victim, attacker)
        labels, classes = self._swapped(attacker.labels, members)
        first, second = (np.count_nonzero(labels == c) for c in classes)
        self.swapped_classes_ = np.array(classes, dtype=self.classes_.dtype)
        self.noise_ = float(second / (first + second))
        budget = critical_budget(labels, classes, self.label)
        self.critical_alpha_ = budget / len(members)
        return members, base

    def _budget(self):
        if not isinstance(self.alpha, str):
            return self.alpha
        if self.critical_alpha_ == 0:
            raise ValueError(
                f"label={self.label!r} of {type(self).__name__} has nothing to add: "
                f"{self.target_name_!r} has as many rows of class "
                f"{self.swapped_classes_.tolist()[0]!r} as of "
                f"{self.swapped_classes_.tolist()[1]!r}, and is a coin toss already. "
                "Choose another target, label='flip', or a number as alpha."
            )
        return self.critical_alpha_

    def _craft(self, X, y, members, n_poison, random_state):
        labels, classes = self._swapped(y, members)
        sources, poison_labels = draw_poison(
            members, labels, classes, self.label, n_poison, random_state
        )
        return take(X, sources), poison_labels, sources

    def _swapped(self, y, members):
        """Labels of the members, and the classes that change places."""
        # The attacker's own rows may lack a class; one more of each changes no order.
        known = np.append(y, self.classes_)
        labels = known[members]
        return labels, swapped_classes(labels, known)
