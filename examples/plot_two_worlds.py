"""
Two worlds, one poisoned data set
=================================

Why a subpopulation cannot always be defended: two data sets that disagree on it become
the same one when each is poisoned. Whatever is trained on that, by whatever learner,
is wrong on the subpopulation in one of the two, or half wrong in both.
"""

# %%
# Two worlds
# ----------
#
# A mixture of nine subpopulations, in which one label in ten is wrong. In the other
# world the smallest subpopulation, in the middle, has its labels swapped. Everything
# else is the same, and nothing else tells which of the two worlds is ours.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skpoison.attacks import ImpossibilityPoisoner
from skpoison.datasets import make_subpopulations

weights = np.array([8, 8, 8, 8, 4, 8, 8, 8, 8])
X, y, _ = make_subpopulations(
    900,
    9,
    weights=weights / weights.sum(),
    labels=[0, 1, 1, 1, 0, 0, 0, 0, 1],
    noise=0.1,
    cluster_std=0.3,
    random_state=0,
)
centers = [(2.0 * i, 2.0 * j) for j in range(3) for i in range(3)]
finder = FrozenEstimator(KMeans(9, init=centers, n_init=1).fit(X))
target = finder.predict(X) == 4
worlds = {"one world": y, "the other world": np.where(target, 1 - y, y)}
print(f"{target.sum()} of {len(X)} rows are in the smallest subpopulation")

# %%
# One poisoned data set
# ---------------------
#
# In either world the attacker repeats each row of the subpopulation with the other
# label. Poison comes last in what a poisoner gives back; the rows are put in order
# here, as a learner must not be told which ones came last.


def poison(y):
    """Poison the smallest subpopulation, and sort the rows."""
    poisoner = ImpossibilityPoisoner(finder, random_state=0)
    X_res, y_res = poisoner.fit_resample(X, y)
    order = np.lexsort([y_res, *X_res.T])
    return X_res[order], y_res[order]


(X_poisoned, y_poisoned), (X_other, y_other) = map(poison, worlds.values())
same = np.array_equal(X_poisoned, X_other) and np.array_equal(y_poisoned, y_other)
print(f"{len(X_poisoned) - len(X)} rows added; the same data set: {same}")

# %%
# The middle panel is what the learner gets, in both worlds. Backgrounds are what a
# forest makes of each data set.

colors = ["tab:orange", "tab:blue"]
forest = RandomForestClassifier(100, min_samples_leaf=3, random_state=0)
places = np.linspace(-1.2, 5.2, 90)
grid = np.meshgrid(places, places)


def draw(ax, X, y, title):
    """Draw rows, and the classes that a forest gives to each place."""
    predicted = forest.fit(X, y).predict(np.column_stack([g.ravel() for g in grid]))
    sides = predicted.reshape(grid[0].shape)
    ax.contourf(*grid, sides, levels=[-1, 0.5, 2], colors=colors, alpha=0.15)
    ax.scatter(*X.T, s=9, c=np.array(colors)[y], lw=0)
    ax.add_patch(plt.Circle((2, 2), 1, fill=False, color="k", lw=1))
    ax.set(title=title, xticks=[], yticks=[], aspect="equal")


fig, axes = plt.subplots(1, 3, figsize=(11, 4.2), layout="constrained")
draw(axes[0], X, worlds["one world"], "one world")
draw(axes[1], X_poisoned, y_poisoned, "either world, poisoned")
draw(axes[2], X, worlds["the other world"], "the other world")
axes[1].plot(
    *X[target].T,
    "o",
    ms=4,
    mew=0,
    fillstyle="left",
    mfc=colors[0],
    markerfacecoloralt=colors[1],
)
plt.show()

# %%
# Any learner
# -----------
#
# Seven learners, trained on that data set. The labels of a row are different in the two
# worlds, so that what is right in one is wrong in the other: the errors on the
# subpopulation sum to 1, to the last digit. Without poison, the more frequent label is
# wrong for one row in ten, in both worlds.

learners = {
    "logistic regression": LogisticRegression(),
    "SVM": SVC(),
    "1 neighbor": KNeighborsClassifier(1),
    "15 neighbors": KNeighborsClassifier(15),
    "forest": forest,
    "boosting": HistGradientBoostingClassifier(max_iter=50, random_state=0),
    "network": MLPClassifier((32,), solver="lbfgs", max_iter=2000, random_state=0),
}
errors = pd.DataFrame(columns=list(worlds), dtype=float)
for name, learner in learners.items():
    model = make_pipeline(StandardScaler(), learner).fit(X_poisoned, y_poisoned)
    wrong = [model.predict(X)[target] != world[target] for world in worlds.values()]
    errors.loc[name] = np.mean(wrong, axis=1)
errors.assign(sum=errors.sum(axis=1)).round(2)

# %%
# Each bar is one model; what is not wrong in one world is wrong in the other.

fig, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
ax.barh(errors.index, errors["one world"], color="0.45", label="one world")
ax.barh(
    errors.index,
    errors["the other world"],
    left=errors["one world"],
    color="0.75",
    label="the other world",
)
ax.axvline(0.5, color="k", lw=1)
ax.invert_yaxis()
ax.set(xlim=(0, 1), xlabel="error on the subpopulation, of the same model")
fig.legend(loc="outside upper center", ncols=2)
plt.show()

# %%
# No bar is short in both colors. What would help is to know something that is not in
# these rows: a few labels of the subpopulation that can be trusted, or where each row
# comes from. :ref:`impossibility` has the conditions and the proof, and
# :ref:`sphx_glr_auto_examples_plot_phase_transition.py` draws what happens before and
# after this budget.
