"""
The phase transition of a local decision
========================================

A learner that decides by the labels on the spot holds out until there are as many wrong
ones as right ones, and then gives in at once. The budget is known beforehand: one
poison row for each row of the target where labels are flipped, and ``1 - 2 * noise``
where all poison has one label. Learners that are not so sharp cross one half at the
same budget.
"""

# %%
# Data and learners
# -----------------
#
# Two mixtures of 16 subpopulations, each in a place of its own, in which a fifth of the
# labels are wrong. Models are tested on new rows with their true labels.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from skpoison.attacks import ImpossibilityPoisoner
from skpoison.datasets import make_subpopulations
from skpoison.mixture import SubpopulationMixtureClassifier
from skpoison.refit import refit_poisoned

NOISE = 0.2
N_ROWS = 960

centers = [(2.0 * i, 2.0 * j) for j in range(4) for i in range(4)]
finder = FrozenEstimator(KMeans(16, init=centers, n_init=1).fit(centers))
learners = {
    "majority": SubpopulationMixtureClassifier(finder),
    "15 neighbors": KNeighborsClassifier(15),
    "1 neighbor": KNeighborsClassifier(1),
    "forest": RandomForestClassifier(20, random_state=0),
    "network": MLPClassifier((64,), learning_rate_init=0.02, tol=1e-3, random_state=0),
}
alphas = [0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.5, 2]

# %%
# The attack
# ----------
#
# Every other subpopulation is attacked, all at the same time. Poison repeats the rows
# of the target, "copies", or is made of the attacker's own rows, "fresh points". Its
# label is the other one of each row, or the wrong one for all.


def craft(X, y, X_aux, y_aux, alpha, label, fresh):
    """Poison rows for every other subpopulation."""
    own = {"X_aux": X_aux, "y_aux": y_aux} if fresh else {}
    rows, labels = [X[:0]], [y[:0]]
    for target in range(0, 16, 2):
        poisoner = ImpossibilityPoisoner(
            finder, target=target, alpha=alpha, label=label, random_state=target
        )
        X_res, y_res = poisoner.fit_resample(X, y, **own)
        rows.append(X_res[poisoner.poison_mask_])
        labels.append(y_res[poisoner.poison_mask_])
    return np.concatenate(rows), np.concatenate(labels)


def measure(seed):
    """Train all learners on all poisons; errors on attacked and other rows."""
    X, y, _, y_clean = make_subpopulations(
        5 * N_ROWS,
        16,
        noise=NOISE,
        weights="uniform",
        return_clean_labels=True,
        random_state=seed,
    )
    train, aux, test = np.split(np.arange(len(X)), [N_ROWS, 4 * N_ROWS])
    attacked = finder.predict(X[test]) % 2 == 0
    settings = [
        (label, fresh, alpha)
        for label in ("flip", "constant")
        for fresh in (False, True)
        for alpha in alphas
    ]
    poisons = [
        craft(X[train], y[train], X[aux], y[aux], alpha, label, fresh)
        for label, fresh, alpha in settings
    ]
    for name, learner in learners.items():
        models = refit_poisoned(learner, X[train], y[train], poisons)
        wrong = models.predict(X[test]) != y_clean[test]
        for setting, row in zip(settings, wrong, strict=True):
            yield name, *setting, row[attacked].mean(), row[~attacked].mean()


columns = ["learner", "label", "fresh", "alpha", "error", "elsewhere"]
table = pd.DataFrame([row for seed in (0, 1) for row in measure(seed)], columns=columns)

# %%
# Curves
# ------
#
# The line is where the two worlds of the impossibility result look the same. There the
# errors of any learner in both of them sum to 1; these are the curves of one of them.

fig, axes = plt.subplots(
    2, 2, figsize=(10, 6.6), sharex=True, sharey=True, layout="constrained"
)
titles = {"flip": "labels flipped", "constant": "one wrong label"}
lines = {"flip": 1, "constant": 1 - 2 * NOISE}
for (label, fresh), part in table.groupby(["label", "fresh"]):
    ax = axes[list(titles).index(label), int(fresh)]
    for k, name in enumerate(learners):
        curve = part[part["learner"] == name].groupby("alpha")["error"].mean()
        ax.plot(curve, "o-", ms=3, color=f"C{k}", label=name)
    ax.axvline(lines[label], color="0.6", zorder=0)
    ax.axhline(0.5, color="0.85", zorder=0)
    ax.set_title(f"{titles[label]}, {'fresh points' if fresh else 'copies'}")
for ax in axes[1]:
    ax.set_xlabel("alpha")
for ax in axes[:, 0]:
    ax.set_ylabel("error on the targets")
fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
plt.show()

# %%
# All lines meet where budget and one half do. The majority jumps there: at once where
# each row has its flipped copy, and within what chance does to 60 labels elsewhere.
# Fifteen neighbors are a smaller vote, and less steep. A single neighbor believes the
# row that is nearest: without poison it has the noise as its error, and with poison it
# gives in by its share, copies or not. Those who vote give in further to copies beyond
# the line, where each of their voters has been outvoted.
#
# Elsewhere
# ---------
#
# Errors outside the targets, with no poison and with the largest budget. The majority
# has a place of its own for each subpopulation, and does not notice what happens in
# another, to the last digit. The network is not so local.

at_ends = table[table["alpha"].isin([0, 2])]
wide = at_ends.pivot_table(index="learner", columns="alpha", values="elsewhere")
wide.loc[list(learners)].round(3)

# %%
# :ref:`impossibility` has the proof, and
# :ref:`sphx_glr_auto_examples_plot_two_worlds.py` its picture.
