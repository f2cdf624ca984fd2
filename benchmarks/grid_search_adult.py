"""A grid search over targets and budgets on Adult, with both finders.

    SKPOISON_DATA_HOME=../shared/data python benchmarks/grid_search_adult.py

The search of the README: 8,000 rows of Adult in the paper's encoding, logistic
regression, 5 folds; the 30 clusters of a frozen ClusterMatch, and the FeatureMatch
groups of education, race and sex with at least 100 rows. Writes one row for each
target and alpha.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import pandas as pd
from _report import RESULTS, write_result
from imblearn.pipeline import Pipeline
from scipy.stats import spearmanr
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner
from skpoison.datasets import fetch_adult
from skpoison.metrics import (
    collateral_damage_scorer,
    damage_table,
    target_damage_scorer,
)

GROUP_COLUMNS = [*range(12, 27), *range(52, 57)]


def make_finders(X):
    """Fitted finders over the rows that the poisoner sees, scaled."""
    scaled = StandardScaler().fit_transform(X)
    return {
        "ClusterMatch": ClusterMatch(30, random_state=0).fit(scaled),
        "FeatureMatch": FeatureMatch(GROUP_COLUMNS, min_size=100).fit(scaled),
    }


def search_all_targets(X, y, name, finder):
    """Damage table over every target of one finder.

    FeatureMatch is fitted anew in each fold, on features scaled by that fold; groups
    of almost equal size may change places between folds.
    """
    frozen = name == "ClusterMatch"
    steps = [
        ("scale", StandardScaler()),
        (
            "poison",
            SubpopPoisoner(
                FrozenEstimator(finder) if frozen else FeatureMatch(GROUP_COLUMNS),
                random_state=0,
            ),
        ),
        ("clf", LogisticRegression(max_iter=1000)),
    ]
    search = GridSearchCV(
        Pipeline(steps),
        {
            "poison__alpha": [0, 0.5, 1, 2],
            "poison__target": list(range(len(finder.sizes_))),
        },
        scoring={
            "target": target_damage_scorer,
            "collateral": collateral_damage_scorer,
        },
        refit=False,
        n_jobs=2,
    ).fit(X, y)
    table = damage_table(search).sort_values(["target", "alpha"])
    table.insert(0, "finder", name)
    table.insert(2, "size", finder.sizes_[table.target])
    return table


def summarize(table):
    """Figures that the search must show."""
    clean, poisoned = table[table.alpha == 0], table[table.alpha > 0]
    by_alpha = poisoned.groupby("alpha")
    at_two = table[table.alpha == 2]
    worst = at_two.nlargest(5, "target_mean").target
    return {
        "targets": int(table.target.nunique()),
        "largest_damage_at_alpha_0": float(
            clean[["target_mean", "collateral_mean"]].abs().to_numpy().max()
        ),
        "mean_target_damage": by_alpha.target_mean.mean().round(3).to_dict(),
        "worst_5_target_damage": table[table.target.isin(worst)]
        .groupby("alpha")
        .target_mean.mean()
        .round(3)
        .to_dict(),
        "median_collateral": by_alpha.collateral_mean.median().round(4).to_dict(),
        "largest_collateral": by_alpha.collateral_mean.max().round(4).to_dict(),
        # At small alpha many targets lose nothing at all, and collateral is no less.
        "targets_with_collateral_above_half_their_damage": (
            (poisoned.collateral_mean > poisoned.target_mean / 2)
            .groupby(poisoned.alpha)
            .sum()
            .to_dict()
        ),
        "rank_correlation_of_size_and_collateral_at_2": round(
            spearmanr(at_two["size"], at_two.collateral_mean).statistic, 2
        ),
    }


def main():
    """Run both searches and save their tables."""
    X, y = fetch_adult(encoding="paper", return_X_y=True)
    X, _, y, _ = train_test_split(X, y, train_size=8000, random_state=0, stratify=y)
    tables = {
        name: search_all_targets(X, y, name, finder)
        for name, finder in make_finders(X).items()
    }
    RESULTS.mkdir(exist_ok=True)
    everything = pd.concat(tables.values()).round(5)
    everything.to_csv(RESULTS / "grid_search_adult.csv", index=False)
    write_result(
        "grid_search_adult",
        rows=len(X),
        folds=5,
        **{name: summarize(table) for name, table in tables.items()},
    )


if __name__ == "__main__":
    main()
