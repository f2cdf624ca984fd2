"""
Which defenses help on Adult?
=============================

Sixteen defenses, two of them in two versions, on UCI Adult: few help those whom an
attacker is after, some make it worse, and an attacker who rehearses a defense takes
back most of what it had gained. This example trains nothing. It reads the results of
``benchmarks/defenses_adult.py``, a study with five seeds, and shows what each defense
leaves of the damage, and whom it hurts where nobody attacks.
"""

# %%
# What was measured
# -----------------
#
# The victim is a logistic regression on half of the rows of Adult, encoded and balanced
# as in the paper; the attacker owns the other half. Four of 100 clusters, of different
# sizes, are attacked one at a time, with half as many, as many and twice as many poison
# rows as the victim has rows of the cluster (`alpha`). *Label flip* is
# :class:`~skpoison.SubpopPoisoner`; *rehearsed* is
# :class:`~skpoison.attacks.DefenseAwarePoisoner`, which tries the defense on its own
# rows. Defenses have their default settings. TrustedFineTuning, and GroupRoni where it
# says "trusted", are given 5 % of the victim's rows as known to be clean.
#
# Each of the five seeds draws rows, clusters, poison and test rows anew. Numbers are
# means over clusters and seeds, intervals are Student's, of 95 % over seeds. To repeat
# all of it (50 minutes on two cores)::
#
#     python benchmarks/defenses_adult.py --seeds 5

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

# The gallery runs an example in its folder, and without a `__file__`.
HERE = Path(globals().get("__file__", "plot_defenses_adult.py")).resolve().parent


def read_results(name):
    """Read a table of the study, which the repository has and the package has not."""
    path = HERE.parent / "benchmarks" / "results" / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing. Run this example in a checkout of the repository, or "
            "write the file with: python benchmarks/defenses_adult.py"
        )
    return pd.read_csv(path)


study = read_results("defenses_adult.csv")
costs = read_results("defenses_adult_costs.csv").set_index("defense")

# %%
# The table
# ---------
#
# Accuracy that the attacked clusters lose, in points, against a model that has neither
# poison nor defense. *At random* is what is lost where, in place of what the sanitizer
# removed from the flipped rows, as many rows are removed at random. Robust classifiers
# remove nothing, and nobody rehearsed them.

points = 100 * study.set_index(["defense", "alpha"]).select_dtypes("float")
flip = points[(study["poisoner"] == "label flip").to_numpy()]
rehearsed = points[(study["poisoner"] == "rehearsed").to_numpy()]
columns = {
    "label flip": flip["target_damage"],
    "at random": flip["random_damage"],
    "rehearsed": rehearsed["target_damage"],
}
table = pd.concat(columns, axis=1).unstack("alpha").swaplevel(axis=1)
order = pd.MultiIndex.from_product([[0.5, 1.0, 2.0], columns], names=["alpha", ""])
defenses = list(flip.index.unique("defense"))
table.loc[defenses, order].round(1)

# %%
# What helps, and what harms
# --------------------------
#
# The same poison with the defense and without it: points left of the line are accuracy
# that the defense saved for the attacked clusters, points right of it accuracy that it
# cost them on top. A mark is filled where the interval leaves 0 out.

CIRCLE, SQUARE = ("o", "#0072b2"), ("s", "#d55e00")
defenses = defenses[1:]  # the first is none
best_first = flip.xs(2.0, level="alpha").loc[defenses, "change"].sort_values()
places = pd.Series(np.arange(len(defenses))[::-1], index=best_first.index)


def draw_changes(ax, rows, label, shift, marker, color):
    """Draw what defenses change, with intervals; filled where they leave 0 out."""
    y = places[rows.index] + shift
    sure = (rows["change_low"] > 0) | (rows["change_high"] < 0)
    ax.hlines(y, rows["change_low"], rows["change_high"], color=color, lw=1.2)
    for at, face in [(sure, color), (~sure, "white")]:
        ax.plot(
            rows.loc[at, "change"], y[at], marker, ms=5, color=color, mfc=face, mew=1.2
        )
    ax.plot([], [], marker, ms=5, color=color, label=label)


fig, axes = plt.subplots(
    1, 2, figsize=(11, 6.6), sharex=True, sharey=True, layout="constrained"
)
for ax, alpha in zip(axes, (1.0, 2.0), strict=True):
    by_flip, by_rehearsed = (
        part.xs(alpha, level="alpha") for part in (flip, rehearsed)
    )
    ax.axvspan(-12, 0, color="#009e73", alpha=0.07, lw=0)
    ax.axvline(0, color="0.3", lw=0.8)
    draw_changes(ax, by_flip.drop("none"), "label flip", 0.15, *CIRCLE)
    draw_changes(ax, by_rehearsed, "rehearsed", -0.18, *SQUARE)
    damage = by_flip.loc["none", "target_damage"]
    ax.set_title(f"alpha {alpha:g}: {damage:.1f} points are lost without a defense")
    ax.set(xlim=(-12, 12), xlabel="change of the damage, in points of accuracy")
    ax.text(-11.6, -0.9, "helps", color="#00694c")
    ax.text(11.6, -0.9, "harms", color="0.3", ha="right")
axes[0].set(ylim=(-1.2, len(places) - 0.4), yticks=places, yticklabels=places.index)
axes[1].legend(loc="upper right", frameon=False)
plt.show()

# %%
# Those whose interval leaves 0 out, of all budgets. There are 99 intervals, a few of
# which would do so by chance alone:

told = pd.concat({"label flip": flip, "rehearsed": rehearsed}, names=["attacker"])
told = told[["change", "change_low", "change_high"]]
sure = (told["change_high"] < 0) | (told["change_low"] > 0)
told[sure].sort_values("change").round(1)

# %%
# At alpha 2, five help against label flipping. Two of them are robust classifiers:
# :class:`~skpoison.defenses.TrustedFineTuning`, which has trusted rows, and
# :class:`~skpoison.defenses.PartitionAggregation`, whose help can also be certified;
# both leave about two thirds of the damage. The other three are sanitizers, and against
# an attacker who rehearses them none of the three helps for sure.
# :class:`~skpoison.defenses.DeepKNN` harms: with more wrong labels around than right
# ones, the clean rows of the target are what it removes. At alpha 1 the rehearsed
# poison costs those who use :class:`~skpoison.defenses.Trim` nearly twice what it costs
# those who have no defense at all. At alpha 0.5 there is little damage, and nothing
# helps for sure.
#
# Finding poison is not the same as undoing it. At alpha 2 ConfidentLearning finds half
# as much again as KNNSanitizer; in the mean the target loses more with it than without,
# and with KNNSanitizer less. The shares of the poison and of the clean rows of the
# target that are removed, in %, beside the change of the damage:

finds = flip.xs(2.0, level="alpha")[["recall", "target_removed", "change"]].dropna()
finds.sort_values("recall", ascending=False).round(1)

# %%
# Who pays where nobody attacks
# -----------------------------
#
# The same sanitizers on clean rows: the share of all rows that goes, and the share of
# the cluster that is hit worst, of those with at least 30 rows. All that is removed is
# clean.

paid = 100 * costs[["removed", "most_removed", "most_removed_low", "most_removed_high"]]
paid = paid.dropna().sort_values("most_removed")
fig, ax = plt.subplots(figsize=(8, 5), layout="constrained")
y = np.arange(len(paid))
ax.hlines(y, paid["removed"], paid["most_removed"], color="0.8", lw=5, zorder=1)
ax.hlines(
    y,
    paid["most_removed_low"].clip(0),
    paid["most_removed_high"],
    color=SQUARE[1],
    lw=1,
)
ax.plot(paid["removed"], y, CIRCLE[0], color=CIRCLE[1], label="all rows")
ax.plot(paid["most_removed"], y, SQUARE[0], color=SQUARE[1], label="cluster hit worst")
ax.set(yticks=y, yticklabels=paid.index, xlim=(-1, None))
ax.set(xlabel="clean rows removed, in %", title="Nobody attacks")
ax.legend(loc="lower right", frameon=False)
plt.show()

# %%
# Accuracy on all rows, in points, hardly tells: but for SphereFilter, all cost half a
# point or less.

(100 * costs[["accuracy_cost", "random_cost"]]).round(1).sort_values("accuracy_cost")

# %%
# Five seeds, one victim and one data set: run an audit on your own before you choose.
# :ref:`sphx_glr_auto_examples_plot_defense_table.py` does one with generated rows,
# :ref:`sphx_glr_auto_examples_plot_cleaning_fails.py` shows why recall falls as the
# budget grows, :ref:`sphx_glr_auto_examples_plot_defense_hurts.py` looks at those who
# pay, and :ref:`sphx_glr_auto_examples_plot_certificate.py` at what can be proven.
