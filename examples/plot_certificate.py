"""
What no attack can do, and what one did
=======================================

An attack that fails proves nothing, and a certificate that is weak does not say that
there is an attack. :func:`~skpoison.audit.accuracy_bracket` shows both for a classifier
whose predictions are certified, :class:`~skpoison.defenses.PartitionAggregation`:
accuracy that is left whatever rows are inserted, and accuracy that the strongest attack
found leaves.
"""

# %%
# Two subpopulations
# ------------------
#
# A mixture of ten subpopulations, each in a place of its own, where 5 % of the labels
# are wrong. We look at one with about 540 rows in training and at one with about 50.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from skpoison import SubpopPoisoner
from skpoison.audit import BracketDisplay, accuracy_bracket
from skpoison.datasets import make_subpopulations
from skpoison.defenses import PartitionAggregation

weights = np.array([18, 1.7, *[10] * 8])
X, y, group = make_subpopulations(
    5000,
    10,
    weights=weights / weights.sum(),
    labels=[0, 1] * 5,
    noise=0.05,
    random_state=0,
)
X, X_test, y, y_test, group, _ = train_test_split(
    X, y, group, test_size=0.4, stratify=group, random_state=0
)
np.bincount(group)

# %%
# The victim
# ----------
#
# Fifty models, each of which sees a fiftieth of the rows, vote. Where a row goes is a
# hash of its values, so that one that is inserted changes one vote. The learner is the
# one that is the easiest to poison: the nearest neighbor.

victim = PartitionAggregation(
    KNeighborsClassifier(1), n_partitions=50, random_state=0
).fit(X, y)
radius = victim.certified_radius(X_test)
print(f"accuracy {victim.score(X_test, y_test):.3f}")
print(f"at least {np.median(radius):.0f} rows to change half of the predictions")

# %%
# The bracket
# -----------
#
# The attacker knows all rows, and adds copies of rows of the target with a wrong label:
# with repetition, or each of them once, which takes them to more models. A copy that
# is repeated goes where the first one went. Each attack has five tries.


def large(X):
    """Rows of the largest subpopulation, at the first place of the grid."""
    return (X[:, 0] < 1) & (X[:, 1] < 1)


def small(X):
    """Rows of the smallest, the next place in the first feature."""
    return (np.abs(X[:, 0] - 2) < 1) & (X[:, 1] < 1)


table = accuracy_bracket(
    {
        "copies": SubpopPoisoner(label="flip"),
        "distinct copies": SubpopPoisoner(label="flip", replace=False),
    },
    victim,
    X,
    y,
    X_test=X_test,
    y_test=y_test,
    targets=[large, small],
    n_poison=[0, 5, 10, 15, 20, 22, 24, 26, 40],
    random_state=0,
)
columns = ["target", "n_poison", "certified_accuracy", "collective_accuracy"]
table[[*columns, "attacked_accuracy", "attack"]].round(2)

# %%
# The upper line of each color is the strongest attack, the lower one is certified; what
# the best attack does is in the band between.

fig, ax = plt.subplots(figsize=(8, 4.6), layout="constrained")
display = BracketDisplay.from_table(table, ax=ax)
ax.set_title("Accuracy that is left of two subpopulations")
plt.show()

# %%
# Twenty rows cannot harm the large one, whatever they are; beyond that nothing is
# proven, and nothing was found either: the attacks shown do not move it. Of the small
# one, most models have seen one row or none. The first rows of poison take what the few
# loyal votes have to give, certificates are weak, and attacks come near to them.
#
# A certificate by partition is one for those who are many. Its price is accuracy, too:
# the small subpopulation is unknown to many of the models even without poison.
