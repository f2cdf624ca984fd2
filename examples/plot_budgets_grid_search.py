"""
What does it cost to poison one subpopulation?
==============================================

A poisoner is a step of an imbalanced-learn pipeline. Its budget `alpha`, the
number of poison rows for each row of the subpopulation, is a parameter like any
other, and so is the subpopulation under attack. A grid search over both draws
the dose-response curves of a classifier.
"""

# %%
# The data and the subpopulations
# -------------------------------
#
# A mixture of eight subpopulations, each with a class of its own and 5 % label
# noise.

import matplotlib.pyplot as plt
import numpy as np

from skpoison.datasets import make_subpopulations

X, y, _ = make_subpopulations(
    2400, 8, noise=0.05, cluster_std=0.35, random_state=3, weights="uniform"
)

# %%
# An attacker does not know the subpopulations. :class:`~skpoison.ClusterMatch`
# finds some. The pipeline below scales the features before the poisoner, so the
# finder is fitted on scaled features: it sees what the poisoner sees. It is then
# frozen, so that target number 2 is the same subpopulation in every fold of the
# cross-validation; a finder that is fitted again in each fold would number them
# anew.

from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

from skpoison import ClusterMatch

finder = ClusterMatch(8, random_state=0).fit(StandardScaler().fit_transform(X))
finder.sizes_

# %%
# The search
# ----------
#
# The scorers find the poisoner in the fitted pipeline, ask it which test rows
# belong to the target, and compare with the clean twin: the same pipeline fitted
# on the same fold without the poison. The twin of a fold is fitted once, however
# many candidates the grid has. ``alpha=0`` is the clean baseline.

from imblearn.pipeline import Pipeline
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier

from skpoison import SubpopPoisoner
from skpoison.metrics import (
    collateral_damage_scorer,
    damage_table,
    target_damage_scorer,
)

model = Pipeline(
    [
        ("scale", StandardScaler()),
        ("poison", SubpopPoisoner(FrozenEstimator(finder), random_state=0)),
        ("clf", KNeighborsClassifier(15)),
    ]
)
search = GridSearchCV(
    model,
    {
        "poison__alpha": [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2],
        "poison__target": [0, 2, 4, 6],
    },
    scoring={"target": target_damage_scorer, "collateral": collateral_damage_scorer},
    refit=False,
).fit(X, y)
table = damage_table(search)
table.head(8)

# %%
# The curves
# ----------
#
# A nearest neighbor model decides locally. The damage to the target jumps where
# wrong labels begin to outnumber right ones, while the others hardly notice.

fig, (left, right) = plt.subplots(
    1, 2, figsize=(9, 3.8), width_ratios=[1, 1.5], layout="constrained"
)
number = finder.predict(StandardScaler().fit_transform(X))
left.scatter(*X.T, c=np.where(y == 1, "tab:blue", "0.75"), s=4)
for k in range(8):
    center = X[number == k].mean(axis=0)
    left.annotate(str(k), center, ha="center", va="center", weight="bold", size=14)
left.set(title="subpopulations, two classes", xticks=[], yticks=[], aspect="equal")

for k, rows in table.sort_values("alpha").groupby("target"):
    (line,) = right.plot(rows.alpha, rows.target_mean, "o-", label=f"target {k}")
    right.plot(rows.alpha, rows.collateral_mean, "--", color=line.get_color())
right.axvline(1, color="0.8", zorder=0)
right.set(
    xlabel="alpha: poison rows for each row of the target",
    ylabel="accuracy lost",
    title="solid: the target, dashed: all others",
)
right.legend(frameon=False)
plt.show()
