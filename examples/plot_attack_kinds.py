"""
Four kinds of poisoning in one table
====================================

Poisoning attacks differ in whom they aim at, and in what the attacker has to do when
the model is in use. This example runs the four kinds of table 1 of the paper
:cite:p:`jagielski2021` with the same budget against the same victim, with
:func:`~skpoison.audit.compare_attacks`.
"""

# %%
# One interface for all
# ---------------------
#
# The kinds are values of ``target``: everything, a few given rows, or a
# subpopulation. A backdoor stamps a trigger besides. Every attack adds about 5 % of the
# victim's training rows. The attacker has rows of her own; the five images of the
# targeted attack, which she has to know, are among them. The subpopulation is the
# largest of 20 clusters, one way of writing a 9.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.attacks import (
    BackdoorPoisoner,
    FeatureTrigger,
    SpecificRows,
    everything,
)
from skpoison.audit import compare_attacks

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)
X, X_aux, y, y_aux = train_test_split(X, y, test_size=0.5, random_state=0)

five = np.random.RandomState(0).choice(len(X_test), 5, replace=False)
X_aux, y_aux = np.r_[X_aux, X_test[five]], np.r_[y_aux, y_test[five]]
finder = FrozenEstimator(ClusterMatch(20, random_state=0).fit(X_aux))
corner = FeatureTrigger([6, 7, 14, 15], 1)
attacks = {
    "availability": SubpopPoisoner(target=everything, alpha=0.05),
    "targeted": SubpopPoisoner(
        target=SpecificRows(X_test[five]), alpha=7, relative_to="aux"
    ),
    "backdoor": BackdoorPoisoner(
        target=everything, alpha=0.05, label=0, trigger=corner
    ),
    "subpopulation": SubpopPoisoner(finder, target=0, alpha=0.85),
}

# %%
# The table
# ---------
#
# Damage is the accuracy that the victim loses: on the rows that the attack aims at, as
# the attacker leaves them, and on all others. A backdoor's collateral damage is what
# rows without the trigger lose. Five repeats with other poison, seed 0.

victim = LogisticRegression(max_iter=1000)
table = compare_attacks(
    attacks,
    victim,
    X,
    y,
    X_test=X_test,
    y_test=y_test,
    X_aux=X_aux,
    y_aux=y_aux,
    n_repeats=5,
    random_state=0,
)
columns = ["attack", "n_poison", "at_test_time", "n_target_test", "clean_accuracy"]
columns += ["target_damage", "collateral_damage"]
table[columns].round(3)

# %%
# What they do
# ------------
#
# Each line shows the first images that an attack aims at; those in red frames are read
# wrongly after one run of it. To the right is the table with its 95 % intervals.


def draw_victims(axes, attack):
    """Draw the first test images under attack; frame those that are read wrongly."""
    attack = clone(attack).set_params(random_state=0)
    poisoned = attack.fit_resample(X, y, X_aux=X_aux, y_aux=y_aux)
    rows, classes = X_test[attack.membership(X_test)], y_test[attack.membership(X_test)]
    if attack.test_time_requirement != "none":
        rows = attack.apply_trigger(rows)
    wrong = clone(victim).fit(*poisoned).predict(rows) != classes
    for ax, image, is_wrong in zip(axes, rows, wrong, strict=False):
        ax.imshow(image.reshape(8, 8), cmap="gray_r")
        ax.spines[:].set(color="tab:red" if is_wrong else "0.8", lw=2.5)
        ax.set_visible(True)


fig = plt.figure(figsize=(9, 4.2), layout="constrained")
pictures, chart = fig.subfigures(1, 2, width_ratios=[1.15, 1])
axes = pictures.subplots(len(attacks), 6)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[], visible=False)
for line, (name, attack) in zip(axes, attacks.items(), strict=True):
    draw_victims(line, attack)
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
ax = chart.subplots()
kinds = {"target": ("tab:red", "o", -0.12), "collateral": ("tab:blue", "s", 0.12)}
for kind, (color, marker, shift) in kinds.items():
    mean, low, high = (
        table[f"{kind}_damage{end}"].to_numpy() for end in ("", "_low", "_high")
    )
    ax.errorbar(
        mean,
        np.arange(len(table)) + shift,
        xerr=[mean - low, high - mean],
        fmt=marker,
        color=color,
        capsize=3,
        label="what it aims at" if kind == "target" else "all other rows",
    )
ax.axvline(0, color="0.7", lw=0.8)
ax.set(ylim=(len(table) - 0.5, -0.5), yticks=[], xlabel="accuracy lost")
ax.legend(frameon=False, loc="upper right")
plt.show()

# %%
# Spread over everybody, 5 % of poison does next to nothing; aimed at a way of writing,
# it takes a third of it. The backdoor is the strongest, and the only one whose attacker
# has to touch what is classified. The targeted attack needs to know the very rows in
# advance; its interval is over repeats alone, as the five rows are all that there are.
# The attack on a subpopulation needs neither.
