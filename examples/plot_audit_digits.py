"""
Which of my subpopulations can be poisoned?
===========================================

A grid search attacks the target it is told. An audit attacks all of them: it finds
the subpopulations of handwritten digits, poisons each with three budgets, trains a
classifier on every poisoned set, and tells which of them are easily broken, with
intervals that allow for having looked at many.
"""

# %%
# The audit
# ---------
#
# The victim is a logistic regression on scaled pixels. Clusters of the pixels stand
# for ways of writing: there are more of them than digits. The audit splits the
# rows itself, into those that train the victim, those that the attacker has, and
# those of the test.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from skpoison import ClusterMatch, SubpopulationAudit
from skpoison.audit import DamageDisplay, VulnerabilityDisplay

X, y = load_digits(return_X_y=True)
audit = SubpopulationAudit(
    make_pipeline(MaxAbsScaler(), LogisticRegression()),
    finder=ClusterMatch(16),
    n_repeats=3,
    min_test=15,
    random_state=0,
).fit(X, y)

# %%
# One row for each subpopulation, the most damaged first. The damage is accuracy that
# the subpopulation loses at the largest budget, two poison rows for each of its own in
# training; ``alpha50`` is the budget at which half of it is misclassified.

columns = ["name", "n_train", "clean_accuracy", "target_damage"]
columns += ["target_damage_low", "target_damage_high", "q_value", "alpha50"]
audit.summary_[columns].round(3)

# %%
# What they look like
# -------------------
#
# The mean of the four most and the four least damaged clusters.

cluster = audit.finder_.predict(X)
shown = audit.summary_.iloc[[0, 1, 2, 3, -4, -3, -2, -1]]
figure, axes = plt.subplots(2, 4, figsize=(7, 4), layout="constrained")
for ax, row in zip(axes.flat, shown.itertuples(), strict=True):
    members = cluster == row.subpopulation
    ax.imshow(X[members].mean(axis=0).reshape(8, 8), cmap="gray_r")
    digit = np.bincount(y[members]).argmax()
    ax.set_title(f"a {digit} loses {row.target_damage:.2f}", fontsize="medium")
    ax.set_axis_off()
plt.show()

# %%
# Damage against the budget
# -------------------------
#
# The bands are 95 % intervals. The gray line is the null arm: the same poison rows
# with their true labels, which cost nothing.

display = DamageDisplay.from_audit(audit)
plt.show()

# %%
# Is it the small ones, or those that the model serves badly?
# -----------------------------------------------------------

display = VulnerabilityDisplay.from_audit(audit)
plt.show()

# %%
# Whatever is known without an attack has a rank correlation with the damage; zero
# within the interval means that it tells nothing here.

audit.susceptibility_.round(2)

# %%
# The luck of the worst
# ---------------------
#
# The worst of many noisy figures is in part the luckiest. ``held_out_damage`` is that
# of the k worst when they are chosen on one half of the test rows and measured on the
# other.

audit.worst_k_.round(3)
