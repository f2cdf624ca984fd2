"""What partition aggregation certifies for subpopulations of Adult, and its price.

Run from the root of the repository, with the official files in the folder ``adult``
of the data home::

    SKPOISON_DATA_HOME=../shared/data python benchmarks/defenses_certificates.py

It writes ``benchmarks/results/defenses_certificates.csv`` (one row for each seed,
number of partitions, spread, subpopulation and budget) and
``defenses_certificates.json``: the clean accuracy paid, and means over seeds with 95 %
intervals. ``--quick`` takes one seed and fewer partitions, and writes nothing.

A seed is a split of the training file of Adult in the paper's encoding, 8,000 rows of
training and 4,000 of the test, the places of the rows, and the poison. The victim votes
with ridge classifiers on scaled features, each fitted on its own rows; the reference is
one of them on all rows. Attacks know all rows of training: copies of the target's rows
with its less frequent class, and copies with the other class than theirs. Certificates
are for inserted or removed rows; the collective one is an integer program with half a
second for each budget.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse

import pandas as pd
from _report import RESULTS, write_result
from joblib import Parallel, delayed
from scipy.stats import t
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison import SubpopPoisoner
from skpoison.audit import accuracy_bracket
from skpoison.datasets import fetch_adult
from skpoison.defenses import PartitionAggregation

NAME = "defenses_certificates"
SEEDS = range(5)
N_ROWS, N_TEST = 8000, 4000
SETTINGS = [(k, spread) for k in (50, 250, 1000) for spread in (1, 4)]
BUDGETS = [0, 2, 5, 10, 25, 50]
ATTACKS = {
    "constant label": SubpopPoisoner(),
    "flipped labels": SubpopPoisoner(label="flip"),
}
GROUPS = {
    "white men, high school": ("education-num=9", "race=White", "sex=Male"),
    "white men, Bachelors": ("education-num=13", "race=White", "sex=Male"),
    "white men, Masters": ("education-num=14", "race=White", "sex=Male"),
    "Asian men, Bachelors": (
        "education-num=13",
        "race=Asian-Pac-Islander",
        "sex=Male",
    ),
}


class Group:
    """Rows that have all of some indicator columns."""

    def __init__(self, name, columns):
        self.__name__ = name
        self.columns = columns

    def __call__(self, X):
        """Membership of the rows."""
        return (X[:, self.columns] == 1).all(axis=1)


def load(seed):
    """Rows of one seed, and the groups as callables."""
    X, y = fetch_adult(encoding="paper", return_X_y=True)
    columns = list(X.columns)
    groups = [
        Group(name, [columns.index(column) for column in named])
        for name, named in GROUPS.items()
    ]
    parts = train_test_split(
        X.to_numpy(float),
        y.to_numpy(),
        train_size=N_ROWS,
        test_size=N_TEST,
        stratify=y,
        random_state=seed,
    )
    return (*parts, groups)


def run(seed, n_partitions, spread):
    """Bracket of all groups with one victim."""
    X, X_test, y, y_test, groups = load(seed)
    base = make_pipeline(StandardScaler(), RidgeClassifier(alpha=10))
    victim = PartitionAggregation(
        base, n_partitions=n_partitions, spread=spread, random_state=seed
    )
    table = accuracy_bracket(
        ATTACKS,
        victim,
        X,
        y,
        X_test=X_test,
        y_test=y_test,
        n_poison=BUDGETS,
        targets=groups,
        n_repeats=1,
        time_limit=0.5,
        random_state=seed,
    )
    paid = {
        "reference_accuracy": base.fit(X, y).score(X_test, y_test),
        "accuracy": victim.fit(X, y).score(X_test, y_test),
        "seed": seed,
        "n_partitions": n_partitions,
        "spread": spread,
    }
    return table.assign(**paid)


def mean_interval(values):
    """Mean of the seeds, with the ends of its 95 % interval."""
    mean, half = values.mean(), 0.0
    if len(values) > 1:
        half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return [round(float(v), 4) for v in (mean, mean - half, mean + half)]


def summary(table):
    """Means over seeds: accuracy paid, and accuracies of each group and budget."""
    of_setting = table.drop_duplicates(["seed", "n_partitions", "spread"])
    paid = [
        {
            "n_partitions": int(k),
            "spread": int(spread),
            "accuracy": mean_interval(rows["accuracy"]),
            "paid": mean_interval(rows["reference_accuracy"] - rows["accuracy"]),
        }
        for (k, spread), rows in of_setting.groupby(["n_partitions", "spread"])
    ]
    keys = ["target", "n_partitions", "spread", "n_poison"]
    kinds = ["clean", "certified", "collective", "attacked"]
    groups = [
        dict(zip(keys, (key[0], *map(int, key[1:])), strict=True))
        | {"n_target": round(rows["n_target"].mean())}
        | {kind: mean_interval(rows[f"{kind}_accuracy"]) for kind in kinds}
        for key, rows in table.groupby(keys, sort=False)
    ]
    return {"clean_accuracy": paid, "groups": groups}


def main():
    """Run the study and write its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, writes nothing")
    quick = parser.parse_args().quick
    settings = SETTINGS[:2] if quick else SETTINGS
    seeds = SEEDS[:1] if quick else SEEDS
    tables = Parallel(n_jobs=2)(
        delayed(run)(seed, *setting) for setting in settings[::-1] for seed in seeds
    )
    table = pd.concat(tables).sort_values(
        ["n_partitions", "spread", "seed"], kind="stable", ignore_index=True
    )
    if (table["collective_accuracy"] > table["attacked_accuracy"] + 1e-12).any():
        raise RuntimeError("An attack broke a certificate.")
    if quick:
        print(table.round(3).to_string())
        return
    table.round(5).to_csv(RESULTS / f"{NAME}.csv", index=False)
    write_result(
        NAME, seeds=list(SEEDS), n_rows=N_ROWS, n_test=N_TEST, **summary(table)
    )


if __name__ == "__main__":
    main()
