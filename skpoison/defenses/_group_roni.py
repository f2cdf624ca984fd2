"""Remove groups of rows that make a model worse."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skpoison.defenses._left_out import Drops, refit_without
from skpoison.defenses._models import fresh_model
from skpoison.defenses._quiz import brier_losses
from skpoison.defenses._trusting_sanitizer import TrustingSanitizer
from skpoison.finders import ClusterMatch
from skpoison.finders._base import all_memberships, subpopulation_names
from skpoison.utils._containers import take
from skpoison.utils._random import seeded_clone
from skpoison.utils._sklearn import N_JOBS, HasMethods, Interval

# Standard errors of a drop that chance does not give.
SURE = 3.0


class GroupRoni(TrustingSanitizer):
    """Remove groups of rows that make a model worse, each group at once.

    The rows of a subpopulation that have one label are a group. A model is trained on
    all rows, and on all but those of each group, and both are put to a quiz: of rows
    of the subpopulation, and of everybody else. What costs accuracy is removed whole.

    Parameters
    ----------
    finder : transformer or clusterer, default=None
        What finds subpopulations in X. `None` is
        :class:`~skpoison.finders.ClusterMatch` with `n_clusters` clusters.

    estimator : classifier, default=None
        Model that is put to the quiz, with `predict_proba` or `decision_function`.
        `None` is logistic regression on scaled features.

    n_clusters : int, default=30
        Number of clusters where `finder` is `None`.

    min_size : int, default=10
        Rows of the smallest group that is judged.

    contamination : "auto", float or int, default="auto"
        How many rows to remove, in whole groups from the highest score down: "auto"
        removes groups whose score is above 3 standard errors, and no more than
        `max_share` of all rows; for a share in (0, 1) or a number of rows groups are
        removed until there are as many, and the last may exceed it.

    max_share : float, default=0.1
        Share of the rows, in (0, 1), of which "auto" removes no more; a group that
        exceeds it stays.

    n_jobs : int, default=None
        Number of jobs of refits that have no engine; `None` is 1 unless in a
        :func:`joblib.parallel_config` context.

    random_state : int, RandomState instance or None, default=None
        Draws the quiz, and seeds finder and estimator where their `random_state` is
        None.

    Attributes
    ----------
    finder_ : transformer or clusterer
        The fitted finder.

    groups_ : DataFrame
        One row for each group, from the highest score down: `subpopulation` (number),
        `name`, `label`, `n_samples`, `n_quiz` (quiz rows of the subpopulation),
        `own_drop` and `other_drop` (mean Brier loss, in [0, 1], on the quiz rows of the
        subpopulation, and on all others, with the group less without it), `score`,
        `removed`.

    scores_ : ndarray of shape (n_samples,)
        Score of each row of X: the largest of its groups, in standard errors; higher
        is more suspicious. 0 for rows of no group.

    sample_indices_ : ndarray of shape (n_samples_new,), dtype=int
        Rows of X that were kept, in their order.

    classes_ : ndarray of shape (n_classes,)
        Class labels in y.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    Raises
    ------
    ValueError
        If there are no trusted rows, and fewer than two classes have two rows.

    See Also
    --------
    Roni : The same for single rows.
    skpoison.refit.refit_poisoned : Trains the models.

    Notes
    -----
    The quiz is what decides. With `X_trusted` and `y_trusted`, arguments of
    `fit_resample`, it is those rows, and the score of a group is the sum of its two
    drops, each in its standard errors, over the root of two. Without them half of X
    is the quiz of the other half, in turn. Poison stains it as it stains the training
    data: in the subpopulation itself its labels look right. So the score is that of
    the drop of everybody else alone, which finds poison by the harm done to its
    neighbors, and misses poison that does none.

    With the poison of a label goes the clean rest of the group.

    The group variant of reject on negative impact is this library's; the references
    have it for single rows.

    References
    ----------
    .. [1] B. Nelson, M. Barreno, F. J. Chi, A. D. Joseph, B. I. P. Rubinstein,
       U. Saini, C. Sutton, J. D. Tygar, K. Xia. "Misleading Learners: Co-opting Your
       Spam Filter", in Machine Learning in Cyber Trust, 2009.
       :doi:`10.1007/978-0-387-88735-7_2`

    Examples
    --------
    Poison of one of twelve subpopulations, and 2,000 trusted rows:

    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skpoison import ClusterMatch, SubpopPoisoner
    >>> from skpoison.datasets import make_subpopulations
    >>> from skpoison.defenses import GroupRoni
    >>> X, y, _ = make_subpopulations(4000, 12, noise=0.1, random_state=0)
    >>> clean, trusted = slice(2000), slice(2000, 4000)
    >>> finder = ClusterMatch(12, random_state=0)
    >>> poisoner = SubpopPoisoner(finder, target=3, random_state=0)
    >>> X_res, y_res = poisoner.fit_resample(X[clean], y[clean])
    >>> roni = GroupRoni(finder, estimator=KNeighborsClassifier(15), random_state=0)
    >>> roni.fit(X_res, y_res, X_trusted=X[trusted], y_trusted=y[trusted])
    GroupRoni(...)
    >>> kept = poisoner.poison_mask_[roni.sample_indices_]
    >>> int(poisoner.poison_mask_.sum()), int(kept.sum())
    (188, 0)
    """

    _parameter_constraints: dict = {
        **TrustingSanitizer._parameter_constraints,
        "finder": [
            HasMethods(["fit", "transform"]),
            HasMethods(["fit", "predict"]),
            None,
        ],
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "min_size": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": N_JOBS,
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        finder=None,
        *,
        estimator=None,
        n_clusters=30,
        min_size=10,
        contamination="auto",
        max_share=0.1,
        n_jobs=None,
        random_state=None,
    ):
        super().__init__()
        self.finder = finder
        self.estimator = estimator
        self.n_clusters = n_clusters
        self.min_size = min_size
        self.contamination = contamination
        self.max_share = max_share
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _sanitize(self, X, y):
        groups, masks = self._judged_groups(X, y)
        order = np.argsort(-groups["score"].to_numpy(), kind="stable")
        groups, masks = groups.iloc[order].reset_index(drop=True), masks[order]
        groups["removed"] = self._choose(groups["score"].to_numpy(), masks)
        self.groups_ = groups
        suspects = masks[groups["removed"].to_numpy()].any(axis=0)
        if self.contamination != "auto":
            self._check_no_class_deleted(suspects, y)
        return ~suspects, _scores_of_rows(groups["score"].to_numpy(), masks)

    def _score(self, X, y):
        return self._sanitize(X, y)[1]

    def _judged_groups(self, X, y):
        """Tabulate the groups with their scores, and tell the rows of each."""
        rng, known = check_random_state(self.random_state), self._trusted_rows(X)
        finder = ClusterMatch(self.n_clusters) if self.finder is None else self.finder
        self.finder_ = seeded_clone(finder, rng).fit(X, y)
        model = fresh_model(self.estimator, rng)
        members, *of_quiz = self._members(X, known)
        groups, masks = self._groups(members, y)
        own, other = Drops(len(masks)), Drops(len(masks))
        if known is not None:
            quiz = *known, of_quiz[0][:, groups["subpopulation"]]
            self._judge(model, X, y, masks, quiz, (own, other))
        else:
            halves = self._halves(y, rng)
            for train, rest in (halves, halves[::-1]):
                quiz = take(X, rest), y[rest], members[:, groups["subpopulation"]][rest]
                rows = take(X, train), y[train], masks[:, train]
                self._judge(model, *rows, quiz, (own, other))
        score = other.in_errors()
        if known is not None:
            score = (score + own.in_errors()) / np.sqrt(2)
        drops = {"own_drop": own.means(), "other_drop": other.means()}
        return groups.assign(n_quiz=own.count, **drops, score=score), masks

    def _halves(self, y, rng):
        """Draw two halves of the rows, each with every class of two rows or more."""
        counts = np.unique(y, return_counts=True)[1]
        if np.count_nonzero(counts > 1) < 2:
            raise ValueError(
                f"{type(self).__name__} without trusted rows trains on halves of X, "
                f"and needs two rows of two classes. Got classes of {counts.tolist()} "
                "rows. Give X_trusted and y_trusted, or more rows."
            )
        order = rng.permutation(len(y))
        order = order[np.argsort(y[order], kind="stable")]
        return order[::2], order[1::2]

    def _members(self, X, known):
        parts = [X] if known is None else [X, known[0]]
        return [mask.toarray() for mask in all_memberships(self.finder_, *parts)]

    def _groups(self, members, y):
        names = subpopulation_names(self.finder_, members.shape[1])
        masks, groups = [], []
        for k, name in enumerate(names):
            for label in self.classes_:
                mask = members[:, k] & (y == label)
                if self.min_size <= mask.sum() < np.count_nonzero(y == label):
                    masks.append(mask)
                    groups.append((k, name, label, mask.sum()))
        columns = ["subpopulation", "name", "label", "n_samples"]
        masks = np.array(masks, dtype=bool).reshape(-1, len(y))
        values = zip(*groups, strict=True) if groups else [()] * len(columns)
        table = {c: list(v) for c, v in zip(columns, values, strict=True)}
        if y.dtype.kind in "OU":  # which pandas would encode, where it can
            table["label"] = pd.Series(table["label"], dtype=object)
        return pd.DataFrame(table), masks

    def _judge(self, model, X, y, masks, quiz, drops):
        """Add up what the groups cost the rows of a quiz, own ones and others."""
        (X_quiz, y_quiz, members), owner = quiz, type(self).__name__
        judged = [j for j, mask in enumerate(masks) if _leaves_all_classes(mask, y)]
        # Without nothing as well, by the same solver: others stop elsewhere, and what
        # many rows cost by that alone would look as sure as it is small.
        left_out = np.vstack([np.zeros(len(y), dtype=bool), masks[judged]])
        models = refit_without(model, X, y, left_out, self.n_jobs)
        with_all = brier_losses(next(models), X_quiz, y_quiz, owner)
        for j, fitted in zip(judged, models, strict=True):
            cost = with_all - brier_losses(fitted, X_quiz, y_quiz, owner)
            drops[0].add(j, cost[members[:, j]])
            drops[1].add(j, cost[~members[:, j]])

    def _choose(self, scores, masks):
        """Choose groups to remove, from the highest score down."""
        n, chosen = masks.shape[1], np.zeros(len(scores), dtype=bool)
        asked, gone = round(self._count(np.zeros(n), 1.0)), np.zeros(n, dtype=bool)
        for j, mask in enumerate(masks):
            with_it = gone | mask
            if self.contamination == "auto":
                chosen[j] = scores[j] > SURE and with_it.sum() <= self.max_share * n
            else:
                chosen[j] = gone.sum() < asked
            gone = with_it if chosen[j] else gone
        return chosen


def _leaves_all_classes(mask, y):
    return mask.any() and len(np.unique(y[~mask])) == len(np.unique(y))


def _scores_of_rows(scores, masks):
    """Largest score of the groups of each row; 0 for rows of none."""
    covered = np.where(masks, scores[:, np.newaxis], -np.inf)
    of_rows = covered.max(axis=0, initial=-np.inf)
    return np.where(np.isfinite(of_rows), of_rows, 0.0)
