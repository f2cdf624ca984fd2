"""
The defense table: what helps whom
==================================

Six defenses, two attackers and three budgets on one set of splits.
:class:`~skpoison.DefenseAudit` tells what each defense leaves of the damage, beside
what as many rows removed at random would have left, and what it does to those whom
nobody attacks. The second attacker knows one of the defenses, and rehearses it.
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
victim = LogisticRegression(solver="newton-cholesky")
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
# The grey line is the victim without a defense; bands are 95 % intervals over test
# rows.

fig, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
for ax, poisoner in zip(axes, poisoners, strict=True):
    DefenseDisplay.from_audit(audit, poisoner=poisoner, ax=ax)
    ax.set_title(poisoner)
plt.show()

# %%
# With half as many poison rows as the target has, :class:`~skpoison.defenses.DeepKNN`
# leaves nothing of the damage. With twice as many it adds to it: the poison is then the
# majority, and two thirds of the clean rows of the target are what is removed. The
# other tools that look at rows do no better than removal at random, or worse. Votes of
# models that see a fiftieth of the rows each take away about half of the damage, or
# more, and tuning on rows that are known to be clean a part of it at every budget.
#
# The attacker who knows
# ----------------------
#
# The second attacker rehearses the defense on rows of its own, and copies those that
# get past. Fewer are found, and part of the damage is back.

table.loc[["label flip", "knows DeepKNN"]].xs("DeepKNN", level="defense")

# %%
# Without poison
# --------------
#
# Nobody attacks now, and all that is removed is clean: the share of its rows that each
# subpopulation loses, worst first.

RemovalDisplay.from_audit(audit)
plt.show()

# %%
# A linear model cannot serve everybody here, and is wrong about nine rows of ten in
# cluster 3. What a model gets wrong is what :class:`~skpoison.defenses.Trim` and
# :class:`~skpoison.defenses.ConfidentLearning` delete: that cluster goes, for the most
# part. Over all rows this even gains accuracy, since the rest is easier to learn, and
# the mean hides who pays.

costs = audit.costs_.set_index("name")
columns = ["defense", "removed", "accuracy_cost", "random_cost"]
costs.loc["all rows", columns].round(3)

# %%
# The subpopulations that lose the most accuracy to a defense against an attack that
# does not take place:

costs[columns].sort_values("accuracy_cost", ascending=False).head(5).round(2)

# %%
# One split and one draw of the poison: an audit with other seeds comes before a choice.
# :ref:`sphx_glr_auto_examples_plot_cleaning_fails.py` is about the turn at alpha 1,
# :ref:`sphx_glr_auto_examples_plot_defense_hurts.py` about those who pay, and
# :ref:`sphx_glr_auto_examples_plot_certificate.py` about what votes can prove.
