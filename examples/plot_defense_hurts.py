"""
A defense that hurts a minority
===============================

Defenses that remove rows look for what is unlike the rest, and so is a minority. Here
nobody attacks: all rows are clean. Defenses with their default settings clean them in
spite of that, and what they delete first is a subpopulation with labels or features of
its own. Overall accuracy does not tell.
"""

# %%
# Three subpopulations
# --------------------
#
# 86 % of the rows follow one rule. A minority of 7 % follows the opposite rule: what
# speaks for a class elsewhere speaks against it here. Another one of 7 % lies far from
# all others, and its classes are told by a feature that means nothing elsewhere.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

from skpoison.defenses import DeepKNN, SpectralSignatures, SphereFilter, Trim

GROUPS = ["majority", "other labels", "other features"]


def draw(n, rng):
    """Draw rows, their labels, and their subpopulations."""
    group = rng.choice(3, n, p=[0.86, 0.07, 0.07])
    X = rng.randn(n, 4)
    y = (X[:, 0] + X[:, 1] + 0.3 * rng.randn(n) > 0).astype(int)
    X[group == 1, 2] += 4
    y[group == 1] = 1 - y[group == 1]
    X[group == 2, 3] += 6
    y[group == 2] = X[group == 2, 2] > 0
    return X, y, group


# %%
# Clean the clean
# ---------------
#
# Each defense cleans 2,000 rows, and a forest learns from what is left, for five draws.
# The control removes as many rows as a defense may, a tenth, at random.


def random_rows(X, y):
    """Keep nine rows of ten, whatever they are."""
    keep = np.random.RandomState(0).permutation(len(y))[len(y) // 10 :]
    return np.sort(keep)


def kept_by(defense):
    """Give the function that tells which rows a defense keeps."""
    return lambda X, y: defense.fit(X, y).sample_indices_


arms = {
    "nothing": lambda X, y: np.arange(len(y)),
    "random rows": random_rows,
    "Trim": kept_by(Trim(random_state=0)),
    "DeepKNN": kept_by(DeepKNN(random_state=0)),
    "SphereFilter": kept_by(SphereFilter()),
    "SpectralSignatures": kept_by(SpectralSignatures(random_state=0)),
}
forest = RandomForestClassifier(30, min_samples_leaf=3, random_state=0)


def measure(seed):
    """Clean, train, and look at each subpopulation."""
    rng = np.random.RandomState(seed)
    X, y, group = draw(2000, rng)
    X_test, y_test, test_group = draw(10_000, rng)
    for name, keep in arms.items():
        kept = keep(X, y)
        lost = ~np.isin(np.arange(len(y)), kept)
        right = forest.fit(X[kept], y[kept]).predict(X_test) == y_test
        for k, group_name in enumerate([*GROUPS, "all"]):
            of_train = (group == k) | (group_name == "all")
            of_test = (test_group == k) | (group_name == "all")
            yield name, group_name, lost[of_train].mean(), right[of_test].mean()


table = pd.DataFrame(
    [row for seed in range(5) for row in measure(seed)],
    columns=["removed by", "subpopulation", "lost", "accuracy"],
)
means = table.groupby(["subpopulation", "removed by"]).mean().unstack(0)
means = means.loc[list(arms), (slice(None), ["all", *GROUPS])].round(2)
means[["lost", "accuracy"]]

# %%
# Who pays
# --------
#
# Bars are means of the five draws, lines reach from the smallest to the largest.

fig, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
titles = {"lost": "share of clean rows removed", "accuracy": "accuracy on new rows"}
for ax, (column, title) in zip(axes, titles.items(), strict=True):
    for k, name in enumerate(GROUPS):
        values = table[table["subpopulation"] == name].groupby("removed by")[column]
        mean = values.mean()[list(arms)]
        reach = [mean - values.min()[list(arms)], values.max()[list(arms)] - mean]
        places = np.arange(len(arms)) + 0.27 * (k - 1)
        ax.barh(places, mean, 0.25, xerr=reach, color=f"C{k}", label=name)
    ax.set(xlabel=title, xlim=(0, 1.02), yticks=range(len(arms)), yticklabels=arms)
axes[0].invert_yaxis()
axes[0].set_ylabel("removed by")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
plt.show()

# %%
# :class:`~skpoison.defenses.Trim` removes a tenth of all rows, and more than three
# quarters of those whose labels follow the other rule: the model that judges them is
# that of the majority. What is left there is predicted wrong, two times in three.
# :class:`~skpoison.defenses.SpectralSignatures` and
# :class:`~skpoison.defenses.SphereFilter` look at features alone, and delete nearly
# everybody who is far away; the forest is left to guess there.
# :class:`~skpoison.defenses.DeepKNN` compares neighbors, and does the least harm. A
# tenth of the rows removed at random costs two points. Accuracy over all rows goes down
# by six points at most, and the majority notices nothing.
#
# So look at each subpopulation before you put a defense to work, on data that you
# believe to be clean. :class:`~skpoison.DefenseAudit` does, as in
# :ref:`sphx_glr_auto_examples_plot_defense_table.py`.
