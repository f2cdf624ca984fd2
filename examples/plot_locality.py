"""
How local is a model, and does that make it vulnerable?
=======================================================

A learner that decides by the rows on the spot does not care about poison there until it
is the majority, and then cannot be helped. Common models decide by what is on the spot
and by what is elsewhere. :func:`~skpoison.mixture.locality` measures how much; here it
is set beside the damage of attacks below and beyond the line of the impossibility
result.
"""

# %%
# Data and models
# ---------------
#
# Two data sets that come with scikit-learn, each in clusters: breast cancer, and odd
# against even digits, where each class is in many places. The majority of each cluster
# is the model that is local for sure.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch
from skpoison.attacks import ImpossibilityPoisoner
from skpoison.mixture import SubpopulationMixtureClassifier, locality
from skpoison.refit import refit_poisoned

DATA = {"breast cancer": (load_breast_cancer, 6), "digits": (load_digits, 12)}
ALPHAS = (0.5, 2)


def load(name):
    """Training and test rows with ten features, and frozen clusters."""
    loader, n_clusters = DATA[name]
    X, y = loader(return_X_y=True)
    X = PCA(10, random_state=0).fit_transform(scale(X))
    rows = train_test_split(X, y % 2, test_size=0.4, random_state=0)
    finder = ClusterMatch(n_clusters, random_state=0).fit(rows[0])
    return rows, FrozenEstimator(finder)


def make_models(finder):
    """Ten models of scikit-learn, and the majority of each cluster."""
    return {
        "logistic": LogisticRegression(),
        "LDA": LinearDiscriminantAnalysis(),
        "QDA": QuadraticDiscriminantAnalysis(),
        "naive Bayes": GaussianNB(),
        "1 neighbor": KNeighborsClassifier(1),
        "15 neighbors": KNeighborsClassifier(15),
        "SVM": SVC(),
        "tree": DecisionTreeClassifier(random_state=0),
        "forest": RandomForestClassifier(20, random_state=0),
        "network": MLPClassifier(
            (32,), learning_rate_init=0.02, tol=1e-3, random_state=0
        ),
        "majority": SubpopulationMixtureClassifier(finder),
    }


# %%
# Locality and damage
# -------------------
#
# For locality, half of the clusters get their own rows once more with the wrong label,
# and predictions in the other half are compared. `delta` is the share of test rows
# whose prediction changes, in the mean over changes and clusters. Then each cluster is
# attacked by itself, with copies of its rows under the wrong label: half as many as it
# has, and twice as many.


def damages(model, rows, finder):
    """Accuracy that the clusters lose to each budget, in the mean."""
    X, X_test, y, y_test = rows
    tested, targets = finder.predict(X_test), np.arange(len(finder.sizes_))
    poisons = [(X[:0], y[:0])]
    for alpha in ALPHAS:
        for target in targets:
            poisoner = ImpossibilityPoisoner(
                finder, target=target, alpha=alpha, random_state=0
            )
            X_res, y_res = poisoner.fit_resample(X, y)
            mask = poisoner.poison_mask_
            poisons.append((X_res[mask], y_res[mask]))
    right = refit_poisoned(model, X, y, poisons).predict(X_test) == y_test
    members = tested == np.tile(targets, len(ALPHAS))[:, None]
    lost = ((right[0].astype(int) - right[1:]) * members).sum(axis=1)
    return (lost / members.sum(axis=1)).reshape(len(ALPHAS), -1).mean(axis=1)


def measure(name):
    """Locality of each model on one data set, and the damage of each budget."""
    rows, finder = load(name)
    X, X_test, y, _ = rows
    for model_name, model in make_models(finder).items():
        moved = locality(
            model, X, y, finder, X_test=X_test, n_changes=12, random_state=0
        )
        delta = moved["delta_mean"].mean()
        for alpha, damage in zip(ALPHAS, damages(model, rows, finder), strict=True):
            yield name, model_name, delta, alpha, damage


table = pd.DataFrame(
    [row for name in DATA for row in measure(name)],
    columns=["data", "model", "delta", "alpha", "damage"],
)
table.round(3).pivot(index=["data", "delta", "model"], columns="alpha", values="damage")

# %%
# Two sides of the line
# ---------------------
#
# Local models are on the left.

fig, axes = plt.subplots(
    2, 2, figsize=(10, 7), sharex=True, sharey="col", layout="constrained"
)
for (name, alpha), part in table.groupby(["data", "alpha"]):
    ax = axes[list(DATA).index(name), ALPHAS.index(alpha)]
    ax.scatter(part["delta"], part["damage"], s=14)
    for row in part.itertuples():
        side = "right" if row.model in {"SVM", "network"} else "left"
        gap = {"left": 4, "right": -4}[side], 0
        place = row.delta, row.damage
        ax.annotate(
            row.model,
            place,
            gap,
            textcoords="offset points",
            size=8,
            ha=side,
            va="center",
        )
    ax.set_title(f"{name}, alpha {alpha}")
for ax in axes[1]:
    ax.set(xlim=(-0.01, 0.21))
    ax.set_xlabel("delta: predictions moved by poison elsewhere")
for ax in axes[:, 0]:
    ax.set_ylabel("accuracy that clusters lose")
plt.show()

# %%
# Rank correlations of locality, which is low `delta`, with damage, and 95 % intervals
# of a bootstrap over models.


def rank_correlation(part):
    """Spearman's, of locality with damage."""
    return spearmanr(-part["delta"], part["damage"]).statistic


def correlate(part):
    """Rank correlation, and the interval that it has over models."""
    draws = [
        rank_correlation(part.sample(frac=1, replace=True, random_state=seed))
        for seed in range(500)
    ]
    low, high = np.quantile(draws, [0.025, 0.975])
    return pd.Series({"correlation": rank_correlation(part), "low": low, "high": high})


by = ["alpha", "data"]
table.groupby(by)[["delta", "damage"]].apply(correlate).round(2)

# %%
# On breast cancer the order turns around. Half as many rows of poison as a cluster has
# do the least to the most local models, as they are outvoted on the spot; a model that
# moves as a whole is moved. With twice as many the local models lose most of the
# cluster, and those that listen to the rest keep more. On digits the same signs are
# within chance. So locality is no vulnerability by itself: it makes a model hard to
# move on one side of the line, and impossible to defend on the other.
#
# Intervals are wide, with eleven models of which some are exceptions. A single neighbor
# is local and loses at any budget, as it believes each row that it meets, and a tree
# listens to the rest and loses all the same. `delta` is of the changes that were tried:
# others may do more. The two budgets were chosen out of four that were looked at, those
# farthest from the line: at 1 there is no order. :ref:`results_impossibility` has a
# study of more models, data and seeds, where little is established.
#
# :ref:`impossibility` has the theory, and
# :ref:`sphx_glr_auto_examples_plot_phase_transition.py` the line.
