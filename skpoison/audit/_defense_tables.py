"""The tables of a defense audit, from the rows of its tasks."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
from scipy import sparse

from skpoison.audit._damages import changes_by_repeat, damages
from skpoison.audit._defense_tasks import NO_DEFENSE
from skpoison.audit._evidence import Evidence
from skpoison.audit._outcomes import mean_interval
from skpoison.audit._tasks import changes_of, correct_of_twin, numbers

CELL = ["poisoner", "defense", "subpopulation", "alpha", "repeat"]
RESULTS = [
    "poisoner",
    "defense",
    "subpopulation",
    "name",
    "alpha",
    "repeat",
    "n_train",
    "n_test",
    "n_poison",
    "clean_accuracy",
    "target_damage",
    "collateral_damage",
    "random_damage",
    "n_removed",
    "recall",
    "precision",
    "auc",
    "clean_removed",
    "target_removed",
    "error",
]
DETECTION = ["recall", "precision", "auc", "clean_removed", "target_removed"]
# Name of the row that is about everybody.
EVERYBODY = "all rows"


class DefenseTables:
    """Makes the tables of a defense audit.

    Parameters
    ----------
    rows : DataFrame
        Rows of all tasks.

    memberships : dict of csc_array
        Subpopulations of the rows of "train" and "test".

    names : list of str
        Names of all subpopulations.

    order : tuple of (list of str, list of str)
        Names of the attacks and of the defenses, in their order.

    seed : int
        Seeds the bootstrap and the halves of the test.
    """

    def __init__(self, rows, memberships, names, order, seed):
        self._memberships, self._names, self._seed = memberships, list(names), seed
        self._poisoners, self._defenses = order
        is_twin = (rows["arm"] == "clean") & (rows["defense"] == NO_DEFENSE)
        twins = rows[is_twin].sort_values("repeat").to_dict("records")
        self._n_test = memberships["test"].shape[0]
        self._clean = np.array([correct_of_twin(row, self._n_test) for row in twins])
        is_clean, is_random = rows["subpopulation"] < 0, rows["arm"] == "random"
        self._arms = {
            "clean": self._evidence(rows[is_clean & ~is_random & ~is_twin]),
            "random clean": self._evidence(rows[is_clean & is_random]),
            "poison": self._evidence(rows[~is_clean & ~is_random]),
            "random": self._evidence(rows[~is_clean & is_random]),
        }

    @property
    def clean_accuracy(self):
        """Accuracy of the clean twins on all test rows."""
        return float(self._clean.mean())

    def results(self):
        """One row for each attack, defense, subpopulation, alpha and repeat."""
        poison, random = self._arms["poison"], self._arms["random"]
        table = poison.table.assign(
            **damages(poison), **self._detection(poison.table), name=self._name(poison)
        )
        sizes = self._sizes("train")
        table["n_train"] = sizes[table["subpopulation"]]
        control = random.table[CELL].assign(
            random_damage=damages(random)["target_damage"].to_numpy()
        )
        table = table.merge(control, on=CELL, how="left")
        return self._sorted(table, CELL).reindex(columns=RESULTS)

    def summary(self, results):
        """One row for each attack, defense and alpha: means over the targets."""
        records = []
        for (poisoner, alpha), cell in results.groupby(["poisoner", "alpha"]):
            worst = self._worst_off(poisoner, alpha)
            bare = self._parts("poison", poisoner, NO_DEFENSE, alpha)
            for defense, rows in cell.groupby("defense"):
                key = {"poisoner": poisoner, "defense": defense, "alpha": alpha}
                own = self._parts("poison", poisoner, defense, alpha)
                control = self._parts("random", poisoner, defense, alpha)
                records.append(
                    key
                    | {"n_targets": len(own)}
                    | self._figures("target_damage", own.values())
                    | self._figures("change", _less(own, bare, defense))
                    | self._figures("random_damage", control.values())
                    | self._figures("worst_damage", _of_worst(own, worst))
                    | self._figures("collateral_damage", _others(own))
                    | rows[DETECTION].mean().to_dict()
                    | {"n_failed": int(rows["error"].notna().sum())}
                )
        return self._sorted(pd.DataFrame(records), ["poisoner", "defense", "alpha"])

    def costs(self):
        """One row for each defense and subpopulation, and all rows: without poison."""
        records = []
        clean, random = self._arms["clean"], self._arms["random clean"]
        everybody = np.ones(self._n_test, bool)
        groups = {-1: everybody} | {
            k: self._members(k) for k in range(len(self._names))
        }
        for defense in self._defenses:
            lost = self._removed(clean.table[clean.table["defense"] == defense])
            changes = self._all_repeats(clean, defense)
            at_random = self._all_repeats(random, defense)
            for k, rows in groups.items():
                records.append(
                    {
                        "defense": defense,
                        "subpopulation": k,
                        "name": EVERYBODY if k < 0 else self._names[k],
                        "n_train": self._sizes("train", k),
                        "n_test": int(rows.sum()),
                        "removed": _mean(lost[:, k]) if len(lost) else np.nan,
                    }
                    | self._figures("accuracy_cost", [(changes, rows)])
                    | self._figures("random_cost", [(at_random, rows)])
                )
        return self._sorted(pd.DataFrame(records), ["defense"])

    def removed(self):
        """One row for each attack, defense, alpha and subpopulation, with poison."""
        table = self._arms["poison"].table
        table = table[table["n_poison_removed"].notna()].reset_index(drop=True)
        shares = pd.DataFrame(
            self._removed(table)[:, :-1], columns=range(len(self._names))
        )
        keys = ["poisoner", "defense", "alpha"]
        shares = pd.concat([table[keys], shares], axis=1).groupby(keys).mean()
        shares.columns.name = "subpopulation"
        long = shares.stack().rename("removed").reset_index()
        long["name"] = np.array(self._names, object)[long["subpopulation"].astype(int)]
        columns = [*keys, "subpopulation", "name", "removed"]
        return self._sorted(long, [*keys, "subpopulation"])[columns]

    def _evidence(self, table):
        table = table.reset_index(drop=True)
        changes = changes_of(table, self._n_test)
        return Evidence(table, changes, self._clean, self._memberships["test"])

    def _name(self, evidence):
        return np.array(self._names, object)[evidence.table["subpopulation"]]

    def _sizes(self, part, k=None):
        sizes = np.diff(self._memberships[part].indptr)
        if k is None:
            return sizes
        return int(self._memberships[part].shape[0] if k < 0 else sizes[k])

    def _members(self, k):
        mask = np.zeros(self._n_test, bool)
        mask[self._arms["poison"].members(k)] = True
        return mask

    def _detection(self, table):
        """How much of the poison was removed, and what else."""
        lost = self._removed(table)
        n_train = self._memberships["train"].shape[0]
        caught = table["n_poison_removed"].to_numpy(float)
        n_removed = caught + lost[:, -1] * n_train
        with np.errstate(divide="ignore", invalid="ignore"):
            recall = caught / table["n_poison"].to_numpy(float)
            precision = np.where(n_removed > 0, caught / n_removed, np.nan)
        rows = np.arange(len(table))
        return {
            "n_removed": n_removed,
            "recall": recall,
            "precision": precision,
            "clean_removed": lost[:, -1],
            "target_removed": lost[rows, table["subpopulation"]],
        }

    def _removed(self, table):
        """Share of each subpopulation's clean rows that was removed, last of all.

        NaN where nothing can be removed, or the defense failed.
        """
        listed = [numbers(text) for text in table["removed"]]
        n_train, n_groups = self._memberships["train"].shape
        at = np.concatenate([np.empty(0, np.intp), *listed])
        ends = np.concatenate([[0], np.cumsum([len(rows) for rows in listed])])
        gone = sparse.csr_array(
            (np.ones(len(at)), at, ends.astype(np.intp)), shape=(len(table), n_train)
        )
        counts = np.empty((len(table), n_groups + 1))
        counts[:, :-1] = (gone @ self._memberships["train"].astype(float)).toarray()
        counts[:, -1] = gone.sum(axis=1)
        sizes = np.append(self._sizes("train"), n_train)
        counts[table["n_poison_removed"].isna()] = np.nan
        return np.divide(
            counts, sizes, out=np.full(counts.shape, np.nan), where=sizes > 0
        )

    def _parts(self, arm, poisoner, defense, alpha):
        """Give the changes, (n_repeats, n_test), of each target by its number."""
        evidence = self._arms[arm]
        table = evidence.table
        chosen = (table["poisoner"] == poisoner) & (table["defense"] == defense)
        chosen &= (table["alpha"] == alpha) & table["error"].isna()
        every = np.arange(self._n_test)
        return {
            k: (changes_by_repeat(evidence, models, every), self._members(k))
            for k, models in table[chosen].groupby("subpopulation").groups.items()
        }

    def _all_repeats(self, evidence, defense):
        """Give the changes that a defense makes on clean rows, (n_repeats, n_test)."""
        table = evidence.table
        models = table.index[(table["defense"] == defense) & table["error"].isna()]
        if len(models) == 0:
            return None
        return changes_by_repeat(evidence, models, np.arange(self._n_test))

    def _worst_off(self, poisoner, alpha):
        """Pick the worst-off target on one half of the test rows, for the other."""
        parts = self._parts("poison", poisoner, NO_DEFENSE, alpha)
        halves = np.random.default_rng(self._seed).permutation(self._n_test) % 2 == 0
        found = []
        for half in (halves, ~halves):
            damage = {
                k: changes[:, rows & half].mean()
                for k, (changes, rows) in parts.items()
                if (rows & half).any() and (rows & ~half).any()
            }
            if damage:
                found.append((max(damage, key=damage.get), ~half))
        return found

    def _figures(self, name, parts):
        """Mean over targets, repeats and test rows, with its interval."""
        parts = [(changes, rows) for changes, rows in parts if changes is not None]
        # The same rows are drawn for all, so that what is equal is told as equal.
        ends = mean_interval(parts, np.random.default_rng(self._seed))
        names = (name, f"{name}_low", f"{name}_high")
        return dict(zip(names, ends, strict=True))

    def _sorted(self, table, by):
        """Sort rows, attacks and defenses in the order in which they were given."""
        places = {name: i for i, name in enumerate([NO_DEFENSE, *self._defenses])}
        ranks = {"poisoner": self._poisoners.index, "defense": places.get}
        return table.sort_values(
            by,
            key=lambda column: column.map(ranks.get(column.name, lambda x: x)),
            kind="stable",
            ignore_index=True,
        )


def _less(own, bare, defense):
    """Tell what a defense changes, target by target."""
    both = [] if defense == NO_DEFENSE else [k for k in own if k in bare]
    return [(own[k][0] - bare[k][0], own[k][1]) for k in both]


def _others(parts):
    return [(changes, ~rows) for changes, rows in parts.values()]


def _of_worst(parts, worst):
    return [(parts[k][0], parts[k][1] & half) for k, half in worst if k in parts]


def _mean(values):
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan
