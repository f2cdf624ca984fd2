"""
Why cleaning tools fail as the budget grows
===========================================

Tools that clean labels look for rows that disagree with their like. Poison of a
subpopulation disagrees with the clean rows there as long as it is the minority. With
one poison row for each clean one there are two groups of equal size, and the data do
not tell which one is clean; beyond that the clean rows are the outliers, and a tool
does the attacker's work.
"""

# %%
# Data and defenses
# -----------------
#
# Mixtures of ten subpopulations, each with a class of its own and 5 % label noise. The
# victim's model is local enough to learn each of them. Three defenses clean its
# training data, with their default settings: none is told how many rows are poison.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skpoison import SubpopPoisoner
from skpoison.datasets import make_subpopulations
from skpoison.defenses import DeepKNN, KNNSanitizer, Trim

victim = make_pipeline(
    Nystroem(gamma=1, n_components=60, random_state=0), LogisticRegression(C=10)
)
defenses = {
    "DeepKNN": DeepKNN(),
    "KNNSanitizer": KNNSanitizer(),
    "Trim": Trim(victim),
}

# %%
# The budget grows
# ----------------
#
# One subpopulation is attacked with growing `alpha`, the number of poison rows for each
# of its own. Poisoners and defenses tell which rows they added or kept, so that three
# numbers can be counted: the share of the poison that a defense removes, its recall;
# the share of the clean rows of the subpopulation that it removes with it; and what is
# left of the accuracy there.

TARGET = 3


def is_target(X):
    """Tell rows of one cell of the grid that the mixture lies on."""
    cell = np.rint(X / 2).astype(int)
    return cell[:, 0] + 4 * cell[:, 1] == TARGET


def clean_and_count(name, alpha, seed):
    """Poison, clean, train; count what was removed and what is left."""
    X, y, _ = make_subpopulations(
        2000, 10, noise=0.05, cluster_std=0.3, weights="uniform", random_state=seed
    )
    X, X_test, y, y_test = X[:1000], X[1000:], y[:1000], y[1000:]
    poisoner = SubpopPoisoner(target=is_target, alpha=alpha, random_state=seed)
    X_res, y_res = poisoner.fit_resample(X, y)
    kept = np.arange(len(y_res))
    if name != "no defense":
        kept = defenses[name].fit(X_res, y_res).sample_indices_
    model = victim.fit(X_res[kept], y_res[kept])
    test, poison = is_target(X_test), poisoner.poison_mask_
    clean = is_target(X_res) & ~poison
    return {
        "defense": name,
        "alpha": alpha,
        "recall": 1 - poison[kept].sum() / poison.sum(),
        "lost": 1 - clean[kept].sum() / clean.sum(),
        "accuracy": model.score(X_test[test], y_test[test]),
    }


table = pd.DataFrame(
    clean_and_count(name, alpha, seed)
    for name in [*defenses, "no defense"]
    for alpha in (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3)
    for seed in range(5)
)
means = table.groupby(["defense", "alpha"]).mean()
means.unstack("defense")["recall"].round(2)

# %%
# Recall falls, and clean rows go instead
# ---------------------------------------
#
# Lines are means of five mixtures, bands reach from the smallest to the largest value.

panels = {
    "recall": "poison removed",
    "lost": "clean rows of the target removed",
    "accuracy": "accuracy on the target",
}
fig, axes = plt.subplots(
    1, 3, figsize=(11, 3.6), sharex=True, sharey=True, layout="constrained"
)
colors = dict(zip([*defenses, "no defense"], ["C0", "C1", "C2", "0.4"], strict=True))
for ax, (column, title) in zip(axes, panels.items(), strict=True):
    for name, color in colors.items():
        if name == "no defense" and column != "accuracy":
            continue
        by_alpha = table[table.defense == name].groupby("alpha")[column]
        ax.plot(by_alpha.mean(), "o-", ms=3, color=color, label=name)
        low, high = by_alpha.min(), by_alpha.max()
        ax.fill_between(low.index, low, high, color=color, alpha=0.15, lw=0)
    ax.axvline(1, color="0.8", zorder=0)
    ax.set(title=title, xlabel="alpha")
axes[0].set_ylabel("share")
axes[2].legend(frameon=False)
plt.show()

# %%
# An attacker who knows the defense does not need so many rows:
# :class:`~skpoison.attacks.DefenseAwarePoisoner` rehearses it, and copies the rows that
# get past. :ref:`sphx_glr_auto_examples_plot_defense_table.py` has both attackers in
# one table.
