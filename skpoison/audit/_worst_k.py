"""The worst subpopulations, measured on test rows that did not select them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skpoison.audit._damages import (
    budgets,
    changed_rows,
    changes_by_repeat,
    is_valid,
)
from skpoison.audit._intervals import deviations, interval
from skpoison.utils._random import draw_seed

KS = (1, 5, 10)


def worst_k(evidence, null_evidence=None, random_state=None):
    """Mean damage of the k worst subpopulations, without the bias of choosing them.

    Parameters
    ----------
    evidence : Evidence
        The models of the poison arm.

    null_evidence : Evidence, default=None
        Those of the null arm.

    random_state : int, RandomState instance or None, default=None
        Splits the test rows, and seeds the bootstrap.

    Returns
    -------
    table : DataFrame
        One row for each k of 1, 5, 10 (up to the number of subpopulations) and
        alpha: damage, held_out_damage with the ends held_out_low and held_out_high
        of its 95 % interval, null_damage and null_held_out_damage. NaN where fewer
        than k subpopulations could be measured.

    ranks : DataFrame
        One row for each subpopulation, in order, at the largest alpha: selection_rank
        (1 is the worst on the selecting half; the lower number first where two are
        equal, those that could not be measured last) and held_out_damage.

    Notes
    -----
    The largest of many noisy figures is too large: where nothing is damaged at all,
    the worst of 100 subpopulations still shows the damage of the luckiest draw.
    So each test row is once put in one of two halves. Subpopulations are ranked on
    the first, and their damage is read from the second, whose rows know nothing of
    the ranking. Where every row has one subpopulation at most, each is halved as
    evenly as its size allows; else all rows are, at random. The price is half of the
    test rows, so that intervals are wider by about the square root of two; they take
    the selection as given.

    ``damage`` is selected and measured on all rows, for comparison: the distance to
    ``held_out_damage`` is what the selection alone has added. The null arm is put
    through the same, with a selection of its own: its ``null_damage`` shows the bias
    where labels are true.

    Selection uses the same models as the measurement, so it corrects for the luck of
    test rows; that of poison rows and seeds is in the intervals, given repeats.

    References
    ----------
    .. [1] D. R. Cox. "A note on data-splitting for the evaluation of significance
       levels", Biometrika 62, 1975. :doi:`10.1093/biomet/62.2.441`
    """
    seed = draw_seed(check_random_state(random_state))
    selecting = halve(evidence.membership, np.random.default_rng((seed, 0)))
    poison = _Arm(evidence, selecting)
    null = None if null_evidence is None else _Arm(null_evidence, selecting)
    n_subpopulations = len(poison.whole)
    records = []
    for k in [k for k in KS if k <= n_subpopulations]:
        for place, alpha in enumerate(poison.whole.columns):
            rng = np.random.default_rng((seed, k, place + 1))
            naive, held_out, ends = poison.worst(k, alpha, rng)
            missing = np.nan, np.nan, None
            of_null = missing if null is None else null.worst(k, alpha)
            records.append((k, alpha, naive, held_out, *ends, *of_null[:2]))
    columns = ["k", "alpha", "damage", "held_out_damage", "held_out_low"]
    columns += ["held_out_high", "null_damage", "null_held_out_damage"]
    return pd.DataFrame(records, columns=columns), poison.ranks()


def halve(membership, rng):
    """Choose the test rows that select, half of each subpopulation.

    Parameters
    ----------
    membership : csc_array of shape (n_test, n_subpopulations)
        Test rows of each subpopulation.

    rng : Generator
        Draws.

    Returns
    -------
    selecting : ndarray of shape (n_test,), dtype=bool
        True for the half that selects.
    """
    n_test = membership.shape[0]
    order = rng.permutation(n_test)
    stratum = np.zeros(n_test, dtype=np.intp)
    if np.bincount(membership.indices, minlength=n_test).max(initial=0) <= 1:
        sizes = np.diff(membership.indptr)
        stratum[membership.indices] = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    order = order[np.argsort(stratum[order], kind="stable")]
    sizes = np.bincount(stratum)
    place = np.arange(n_test) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # A coin decides which half gets the odd row of each stratum.
    odd = rng.integers(2, size=len(sizes))[stratum[order]]
    selecting = np.empty(n_test, dtype=bool)
    selecting[order] = (place + odd) % 2 == 0
    return selecting


class _Arm:
    """Damage of one arm: on all test rows, on those that select, on the others."""

    def __init__(self, evidence, selecting):
        self.evidence = evidence
        self.measuring = ~selecting
        self.whole = self._damage(np.ones_like(selecting))
        self.first = self._damage(selecting)
        self.second = self._damage(self.measuring)
        self.models = {(k, alpha): m for k, _, alpha, m in budgets(evidence)}

    def _damage(self, among):
        """Damage by subpopulation and alpha; equal counts give equal numbers."""
        table = self.evidence.table
        n_rows = self.evidence.membership.T.astype(np.int64) @ among
        counts = table[["subpopulation", "alpha"]].assign(
            lost=changed_rows(self.evidence, among)[0],
            of=n_rows[table["subpopulation"]] * is_valid(self.evidence),
        )
        sums = counts.groupby(["subpopulation", "alpha"]).sum()
        return (sums["lost"] / sums["of"].where(sums["of"] > 0)).unstack("alpha")

    def order(self, alpha):
        """Subpopulations, the worst of the selecting half first."""
        found = self.first[alpha].where(self.second[alpha].notna())
        return found.sort_values(ascending=False, kind="stable", na_position="last")

    def worst(self, k, alpha, rng=None):
        """Damage of the k worst: naive, held out, and the interval of the latter."""
        if alpha not in self.whole:
            return np.nan, np.nan, (np.nan, np.nan)
        naive = self.whole[alpha].dropna().nlargest(k)
        chosen = self.order(alpha).dropna().index[:k]
        value = self.second.loc[chosen, alpha].mean() if len(chosen) == k else np.nan
        ends = np.nan, np.nan
        if len(chosen) == k and rng is not None:
            ends = self._interval(value, chosen, alpha, rng)
        return naive.mean() if len(naive) == k else np.nan, value, ends

    def _interval(self, value, chosen, alpha, rng):
        shape = len(self.evidence.clean_correct), len(self.measuring)
        # Two more rows for each subpopulation, as in the intervals of the damage.
        rows, more = np.zeros(shape), np.zeros((shape[0], 2 * len(chosen)))
        levels = np.zeros(shape[0])
        for i, k in enumerate(chosen):
            members = self.evidence.members(k)
            members = members[self.measuring[members]]
            models = self.models[k, alpha]
            changes = changes_by_repeat(self.evidence, models, members)
            level = changes.mean(axis=1)
            weight = 1 / (len(members) * len(chosen))
            rows[:, members] += (changes - level[:, None]) * weight
            more[:, 2 * i : 2 * i + 2] = weight, -weight
            levels += level / len(chosen)
        rows = np.hstack([rows[:, rows.any(axis=0)], more])
        return interval(value, value + deviations(rows[None], levels[None], rng)[:, 0])

    def ranks(self):
        """Rank on the selecting half and held-out damage, at the largest alpha."""
        alpha = self.whole.columns.max()
        order = self.order(alpha).index
        rank = pd.Series(np.arange(1, len(order) + 1), index=order)
        ranks = {
            "subpopulation": self.whole.index,
            "selection_rank": rank[self.whole.index].to_numpy(),
            "held_out_damage": self.second[alpha].to_numpy(),
        }
        return pd.DataFrame(ranks)
