"""
The defense table: what helps whom
==================================

Six defenses, two attackers and three budgets on one set of splits.
:class:`~skpoison.DefenseAudit` tells what each defense leaves of the damage, beside what
as many rows removed at random would have left, and what it does to those whom nobody
attacks. The second attacker knows one of the defenses, and rehearses it.
"""

# %%
# Data, victim, defenses
# ----------------------
#
# Like people, these rows come in subpopulations of different sizes, with 5 % of the
# labels wrong, and a linear model is right about three quarters of them. All defenses
# have their default settings: none is told how many rows are poison. A robust
# classifier, which votes, and one that is tuned on a twentieth of the rows, which are
# known to be clean, stand in the same table as those that remove rows.

import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression

from skpoison import ClusterMatch, DefenseAudit, SubpopPoisoner
from skpoison.attacks import DefenseAwarePoisoner
from skpoison.audit import DefenseDisplay, RemovalDisplay
from skpoison.datasets import make_subpopulations
from skpoison.defenses import (
    ConfidentLearning,
    DeepKNN,
    PartitionAggregation,
    SpectralSignatures,
    Trim,
    TrustedFineTuning,
)

X, y, _ = make_subpopulations(
    4000, 12, n_features=8, noise=0.05, cluster_std=0.7, random_state=0
)
victim = LogisticRegression()
defenses = {
    "Trim": Trim(victim),
    "DeepKNN": DeepKNN(),
    "ConfidentLearning": ConfidentLearning(victim),
    "SpectralSignatures": SpectralSignatures(),
    "PartitionAggregation": PartitionAggregation(victim),
    "TrustedFineTuning": TrustedFineTuning(victim),
}
poisoners = {
    "label flip": SubpopPoisoner(),
    "knows DeepKNN": DefenseAwarePoisoner(defense=DeepKNN(), surrogate=victim),
}

# %%
# The table
# ---------
#
# Four of the twelve subpopulations are attacked, one at a time. `target_damage` is the
# accuracy that they lose in the mean, with the defense in place, against a model that
# has neither poison nor defense. `change` is what the defense did about it: below zero
# it helped.

audit = DefenseAudit(
    victim,
    defenses=defenses,
    poisoners=poisoners,
    finder=ClusterMatch(12),
    targets=[1, 4, 7, 10],
    alphas=[0.5, 1, 2],
    trusted_size=0.05,
    random_state=0,
).fit(X, y)

columns = ["target_damage", "change", "random_damage", "recall", "target_removed"]
table = audit.summary_.set_index(["poisoner", "alpha", "defense"])[columns].round(2)
table.loc["label flip"]

# %%
# Curves
# ------
#
# The grey line is the victim without a defense; bands are 95 % intervals over test rows.

fig, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
for ax, poisoner in zip(axes, poisoners, strict=True):
    DefenseDisplay.from_audit(audit, poisoner=poisoner, ax=ax)
    ax.set_title(poisoner)
plt.show()

# %%
# The attacker who knows
# ----------------------
#
# Of the same number of rows, fewer are found.

table.loc[["label flip", "knows DeepKNN"]].xs("DeepKNN", level="defense")

# %%
# Without poison
# --------------
#
# What a defense does to clean rows is all harm. The table has the share of its own rows
# that each subpopulation loses, worst first.

RemovalDisplay.from_audit(audit)
plt.show()

# %%
# The same rows cost accuracy there:

costs = audit.costs_.sort_values("accuracy_cost", ascending=False)
costs[["defense", "name", "removed", "accuracy_cost", "random_cost"]].head(5).round(2)
