"""The attack that rehearses a defense."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import math
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import check_array, get_tags

from skpoison.attacks._defense_simulation import DefenseSimulation
from skpoison.attacks._labels import choose_labels
from skpoison.attacks._poison_tactics import TACTICS, PoisonTactics, draw_capped
from skpoison.base import BaseSubpopPoisoner
from skpoison.defenses import Trim
from skpoison.defenses._models import fresh_model
from skpoison.utils._containers import take
from skpoison.utils._random import seeded_clone
from skpoison.utils._sklearn import Interval

# What is left of the weight of a row when all of its copies were removed.
TRUST_LEFT = 0.2


class DefenseAwarePoisoner(BaseSubpopPoisoner):
    """Add wrongly labeled copies of the rows that get past a defense.

    The attacker knows the defense and runs it on rows of their own: each tactic
    proposes rows to copy, the defense is given the copies among the attacker's rows,
    and a surrogate is trained on what it keeps. The tactic that leaves the target the
    most errors goes on: rows whose copies were removed are drawn less often, and the
    poison of the best rehearsal is the attack. Rows are copied as they are, so tables,
    images and texts will do.

    Parameters
    ----------
    finder : finder, default=None
        What finds the subpopulations: a finder of :mod:`skpoison.finders`, a
        clusterer with `predict`, or a pipeline that ends in one. A clone is
        fitted on the rows that the attacker sees; wrap a fitted finder in
        :class:`~sklearn.frozen.FrozenEstimator` to keep the same subpopulations
        over cross-validation folds. `None` is
        :class:`~skpoison.finders.ClusterMatch` with its defaults.

    defense : sanitizer, default=None
        The defense that the attacker expects: a sanitizer of
        :mod:`skpoison.defenses`, or another sampler with `sample_indices_`. `None` is
        ``Trim(surrogate)``. A robust classifier removes no rows; it is known to the
        attacker as `surrogate`.

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
        Label of the poison, as in :class:`~skpoison.SubpopPoisoner`; "flip" gives all
        copies of a row one label.

    replace : bool, default=True
        Whether a row may be copied more than once. Without, `alpha` can ask for
        no more copies than the attacker has rows of the target.

    aux_size : float, default=None
        Share of the incoming rows, in (0, 1), that belong to the attacker. They
        craft the poison and are removed from what the victim trains on, at any
        `alpha`. `None` lets the attacker see the victim's rows.

    surrogate : classifier, default=None
        The attacker's model, with `predict_proba`, fitted on the attacker's rows and
        the poison. `None` is logistic regression on scaled features, which reads
        tables of numbers. The steps of a pipeline before its classifier are how rows
        are compared.

    tactics : tuple of str, default=("copy", "loss", "density", "spread", "clump")
        How rows to copy are proposed, one rehearsal each.

        - "copy": all members of the target alike, as in label flipping.
        - "loss": members whose loss with the poison's label stays below a cap, under
          the surrogate with the poison so far, which lowers it. Where these are too
          few, those with the lowest loss are next. Against defenses that look at the
          loss.
        - "density": members in proportion to the density of clean rows with the
          poison's label over that of the target. Against defenses that look for
          outliers or clusters in a class.
        - "spread": members, and their nearest rows outside the target, so that no
          one subpopulation holds all of the poison.
        - "clump": many copies of few neighbors, which agree with each other. Against
          defenses that look at the nearest rows.

    max_loss : float, default=0.9
        The cap of "loss": a quantile, in (0, 1), of the losses of the attacker's
        rows with their own labels.

    spread : float, default=0.25
        Share of the poison, in (0, 1), that "spread" places outside the target.

    max_copies : float, default=3.0
        How many times as often as under "copy", at least 1, a row may be copied;
        rounded up to whole copies.

    n_neighbors : int, default=10
        Number of nearest rows that densities are measured by.

    n_rounds : int, default=4
        Number of rehearsals of the best tactic after the first.

    random_state : int, RandomState instance or None, default=None
        Seeds every random choice of the attack, and a defense whose `random_state`
        is None.

    Attributes
    ----------
    rounds_ : DataFrame of shape (n_rehearsals, 3) or None
        A row for each rehearsal, in their order: its `tactic`; `survival`, the share
        of the poison that the defense kept; and `error`, the mean probability of a
        wrong class on the target's rows under a surrogate trained on what was kept.
        `None` without poison.

    survival_ : float or None
        Share of the poison that survived in the best rehearsal. `None` without poison.

    tactic_ : str or None
        The tactic of the best rehearsal. `None` without poison.

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

    Raises
    ------
    ValueError
        If `defense` removes no rows or does not tell which, a tactic has no such name,
        rows cannot be compared, or the defense refuses the poisoned rows.

    See Also
    --------
    skpoison.SubpopPoisoner : Label flipping, which knows of no defense.
    skpoison.defenses.Trim : The defense that is expected where none is given.

    Notes
    -----
    The best rehearsal is the one with the largest `error`, to four digits, then the
    largest `survival`, then the first. With "copy" among the tactics the attacker
    expects no less than from label flipping. Where the defense removes all of the
    poison in each rehearsal, the rule is the same, and `survival_` is 0.

    Where the victim has more rows or fewer than the attacker, a rehearsal uses so
    many of the poison rows that their share is that among the victim's. A number of
    rows among the parameters of the defense is taken as it is. The rows that poison
    copies are in the rehearsal with their true labels, also where the victim does not
    have them: a defense by nearest neighbors looks a little stronger than it is.

    That defenses must be judged by attackers who know them is the lesson of [1]_;
    that cleaning fails against poison made for it, that of [2]_.

    References
    ----------
    .. [1] F. Tramer, N. Carlini, W. Brendel, A. Madry. "On Adaptive Attacks to
       Adversarial Example Defenses", NeurIPS 2020. :arxiv:`2002.08347`

    .. [2] P. W. Koh, J. Steinhardt, P. Liang. "Stronger Data Poisoning Attacks Break
       Data Sanitization Defenses", Machine Learning 111, 2022. :arxiv:`1811.00741`

    Examples
    --------
    Recall of deep k-NN on label flipping, and on poison made for it:

    >>> from sklearn.frozen import FrozenEstimator
    >>> from skpoison import ClusterMatch, SubpopPoisoner
    >>> from skpoison.attacks import DefenseAwarePoisoner
    >>> from skpoison.datasets import make_subpopulations
    >>> from skpoison.defenses import DeepKNN
    >>> X, y, _ = make_subpopulations(
    ...     2000, 8, n_features=5, noise=0.05, cluster_std=0.5, random_state=0
    ... )
    >>> finder = FrozenEstimator(ClusterMatch(8, random_state=0).fit(X))
    >>> own = {"alpha": 0.5, "aux_size": 0.5, "random_state": 0}
    >>> for poisoner in (
    ...     SubpopPoisoner(finder, **own),
    ...     DefenseAwarePoisoner(finder, defense=DeepKNN(random_state=0), **own),
    ... ):
    ...     X_res, y_res = poisoner.fit_resample(X, y)
    ...     kept = DeepKNN(random_state=0).fit(X_res, y_res).sample_indices_
    ...     removed = 1 - poisoner.poison_mask_[kept].sum() / poisoner.n_poison_
    ...     print(f"{removed:.1f}")
    0.6
    0.1
    >>> poisoner.tactic_
    'clump'
    """

    _parameter_constraints: dict = {
        **BaseSubpopPoisoner._parameter_constraints,
        "defense": "no_validation",
        "tactics": [tuple, list],
        "max_loss": [Interval(Real, 0, 1, closed="neither")],
        "spread": [Interval(Real, 0, 1, closed="neither")],
        "max_copies": [Interval(Real, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_rounds": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        finder=None,
        *,
        defense=None,
        target=0,
        alpha=1.0,
        relative_to="train",
        label="constant",
        replace=True,
        aux_size=None,
        surrogate=None,
        tactics=TACTICS,
        max_loss=0.9,
        spread=0.25,
        max_copies=3.0,
        n_neighbors=10,
        n_rounds=4,
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
        self.defense = defense
        self.tactics = tactics
        self.max_loss = max_loss
        self.spread = spread
        self.max_copies = max_copies
        self.n_neighbors = n_neighbors
        self.n_rounds = n_rounds

    def _find_target(self, victim, attacker):
        self.rounds_ = self.survival_ = self.tactic_ = None
        return super()._find_target(victim, attacker)

    def _craft(self, X, y, members, n_poison, random_state):
        self._check_tactics()
        self._check_surrogate_reads(X)
        unfitted = fresh_model(self.surrogate, random_state)
        defense = self._checked_defense(unfitted, random_state)
        cap = self._largest_number_of_copies(len(members), n_poison)
        model = clone(unfitted).fit(X, y)
        every_row = np.arange(len(y))
        labels = choose_labels(self, X, y, members, every_row, random_state, unfitted)
        tactics = PoisonTactics(self, model, X, y, members, labels)
        n_tried = self._rows_in_rehearsal(len(members), n_poison)
        owner = type(self).__name__
        simulation = DefenseSimulation(
            defense, unfitted, X, y, members, labels, n_tried, owner
        )

        def rehearse(tactic, model, trust):
            weights = tactics.weights(tactic, model, trust)
            sources = draw_capped(weights, n_poison, cap, random_state)
            return simulation.run(tactic, sources)

        best = self._rehearse_all(rehearse, model, np.ones(len(y)))
        return take(X, best.sources), labels[best.sources], best.sources

    def _rehearse_all(self, rehearse, model, trust):
        """Try each tactic, go on with the best, and give the best rehearsal."""
        done = [rehearse(tactic, model, trust) for tactic in self.tactics]
        last = max(done, key=_success)
        for _ in range(self.n_rounds):
            trust = trust * _trust_after(last, len(trust))
            last = rehearse(last.tactic, last.model, trust)
            done.append(last)
        best = max(done, key=_success)
        records = [(r.tactic, r.survival, r.error) for r in done]
        self.rounds_ = pd.DataFrame(records, columns=["tactic", "survival", "error"])
        self.survival_, self.tactic_ = best.survival, best.tactic
        return best

    def _rows_in_rehearsal(self, n_members, n_poison):
        n_rows = n_poison if self.relative_to == "aux" else self.alpha * n_members
        return max(1, round(n_rows))

    def _largest_number_of_copies(self, n_members, n_poison):
        if self.replace:
            most = min(self.max_copies * n_poison / n_members, n_poison)
            return math.ceil(most)
        if n_poison > n_members:
            raise ValueError(
                f"alpha={self.alpha} of {type(self).__name__} asks for {n_poison} "
                f"copies, and the attacker has {n_members} rows of the target. Set "
                "replace=True, or lower alpha."
            )
        return 1

    def _check_surrogate_reads(self, X):
        if self.surrogate is not None:
            return
        try:
            check_array(X, accept_sparse=True)
        except ValueError as error:
            raise ValueError(
                f"{type(self).__name__} needs a surrogate that reads the rows; its own "
                "reads finite numbers. Pass surrogate=, for example make_pipeline("
                f"TfidfVectorizer(), LogisticRegression()). Got: {error}"
            ) from error

    def _check_tactics(self):
        unknown = [tactic for tactic in self.tactics if tactic not in TACTICS]
        if unknown or not self.tactics:
            raise ValueError(
                f"tactics={self.tactics!r} of {type(self).__name__} must name one or "
                f"more of {list(TACTICS)}."
            )

    def _checked_defense(self, model, random_state):
        if self.defense is None:
            return Trim(model)
        if not hasattr(self.defense, "fit_resample"):
            raise ValueError(
                f"defense={self.defense!r} of {type(self).__name__} must be a "
                "sanitizer, with fit_resample and sample_indices_, such as Trim(). A "
                "robust classifier removes no rows: pass it as surrogate=."
            )
        return seeded_clone(self.defense, random_state)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.surrogate is None or not get_tags(self.surrogate).input_tags.allow_nan:
            tags.input_tags.allow_nan = False
        return tags


def _success(rehearsal):
    return round(rehearsal.error, 4), rehearsal.survival


def _trust_after(rehearsal, n_rows):
    """Factor on the weight of each row, below one where copies were removed."""
    tried = np.bincount(rehearsal.tried, minlength=n_rows)
    removed = np.bincount(rehearsal.tried[~rehearsal.survived], minlength=n_rows)
    return 1 - (1 - TRUST_LEFT) * removed / np.maximum(tried, 1)
