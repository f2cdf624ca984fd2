"""
Which subpopulation of a real data set can be poisoned?
=======================================================

The main job from one command, ``make demo``: a breast cancer data set that
ships with scikit-learn, or UCI Adult where ``SKPOISON_DATA_HOME`` names the
folder that holds its files.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from imblearn.pipeline import Pipeline
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skpoison import FeatureMatch, SubpopPoisoner
from skpoison.datasets import fetch_adult
from skpoison.metrics import (
    collateral_damage_scorer,
    damage_table,
    target_damage_scorer,
)

ALPHAS = [0.5, 1.0, 2.0]
FIGURE = "demo.png"


def load_data():
    """Rows, labels, a finder of their subpopulations, and the name of the data."""
    if os.environ.get("SKPOISON_DATA_HOME"):
        X, y = fetch_adult(subset="train", return_X_y=True, download_if_missing=False)
        X = X.drop(columns=["fnlwgt", "education-num", "native-country"])
        finder = FeatureMatch(["education", "race", "sex"], min_size=250)
        return X, y, finder, "UCI Adult"
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    y = y.map({0: "malignant", 1: "benign"})
    finder = FeatureMatch(["mean radius", "mean texture"], bins=3, min_size=25)
    return X, y, finder, "Wisconsin breast cancer"


def make_victim():
    """A classifier that reads tables of mixed columns."""
    numbers = make_column_selector(dtype_include="number")
    texts = make_column_selector(dtype_exclude="number")
    encoder = make_column_transformer(
        (StandardScaler(), numbers),
        (OneHotEncoder(handle_unknown="ignore"), texts),
    )
    return encoder, LogisticRegression(max_iter=2000)


def count_poison(model, X, y):
    """Poison rows in the training data, as a scorer."""
    return model["poison"].n_poison_


def count_support(model, X, y):
    """Test rows of the target, as a scorer."""
    return model["poison"].membership(X).sum()


def run_search(X, y, finder):
    """Attack every subpopulation with every budget, cross-validated."""
    encoder, classifier = make_victim()
    poisoner = SubpopPoisoner(FrozenEstimator(finder.fit(X)), random_state=0)
    model = Pipeline([("poison", poisoner), ("encode", encoder), ("clf", classifier)])
    search = GridSearchCV(
        model,
        {
            "poison__target": list(finder.get_feature_names_out()),
            "poison__alpha": ALPHAS,
        },
        scoring={
            "damage": target_damage_scorer,
            "collateral": collateral_damage_scorer,
            "poison": count_poison,
            "support": count_support,
        },
        refit=False,
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
        n_jobs=2,
    )
    return damage_table(search.fit(X, y))


def print_table(table, name, n_rows):
    """Print the most vulnerable subpopulations."""
    worst = table[table.alpha == 1].head(10)
    shown = pd.DataFrame(
        {
            "subpopulation": worst.target,
            "damage": worst.damage_mean.map("{:.3f}".format)
            + worst.damage_std.map(" ±{:.3f}".format),
            "collateral": worst.collateral_mean.map("{:+.4f}".format),
            "poison rows": worst.poison_mean.round().astype(int),
            "support": (worst.support_mean * worst.support_folds).round().astype(int),
        }
    )
    n_targets = table.target.nunique()
    print(f"\n{name}: {n_rows} rows, {n_targets} subpopulations.")
    print("Accuracy that a logistic regression loses on a subpopulation when as many")
    print("wrongly labeled copies are added as it has rows (alpha = 1), mean and")
    print("spread over 5 folds:\n")
    print(shown.to_string(index=False))
    print(f"\nThe top of {n_targets} noisy numbers is somewhat overstated.")


def draw(table, name):
    """Draw damage and collateral damage of the most vulnerable subpopulations."""
    order = table[table.alpha == 1].target.head(10)[::-1]
    place = np.arange(len(order))
    fig, ax = plt.subplots(figsize=(9, 1.6 + 0.45 * len(order)), layout="constrained")
    shades = plt.get_cmap("OrRd")([0.35, 0.6, 0.9])
    for i, (alpha, shade) in enumerate(zip(ALPHAS, shades, strict=True)):
        rows = table[table.alpha == alpha].set_index("target").loc[order]
        at = place + (i - 1) * 0.26
        label = f"target, alpha = {alpha:g}"
        ax.barh(at, rows.damage_mean, 0.26, color=shade, label=label)
    ax.plot(
        rows.collateral_mean, place, "k|", ms=16, mew=2, label="all others, alpha = 2"
    )
    ax.axvline(0, color="gray", lw=0.8)
    ax.set_yticks(place, order)
    ax.set_xlabel("accuracy lost to the poison")
    fig.suptitle(f"{name}: the most vulnerable subpopulations")
    fig.legend(loc="outside lower center", ncols=4, frameon=False)
    fig.savefig(FIGURE, dpi=120)


if __name__ == "__main__":
    X, y, finder, name = load_data()
    table = run_search(X, y, finder)
    print_table(table, name, len(X))
    draw(table, name)
    print(f"\nFigure: {FIGURE}")
