"""
Clusters of images, as a network sees them
==========================================

Images have no columns that could name a subpopulation. A network that the attacker
trains on images of her own, the surrogate, puts together what it sees alike. This
example looks at the clusters of what its last layer reads, poisons one of them, and
measures what a network that the attacker has never seen loses.
"""

# %%
# A surrogate
# -----------
#
# Images have their channels first. :class:`~skpoison.nets.ConvNet` halves height and
# width three times, so the digits of 8 x 8 pixels are drawn twice as large. One part of
# them trains the victim, another is the attacker's, and a third is for the test.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.finders import Representation
from skpoison.metrics import collateral_damage, target_damage
from skpoison.nets import ConvNet, SeededNetClassifier

digits = load_digits()
X = np.kron(digits.images, np.ones((2, 2)))[:, None]
y = digits.target
X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
X, X_aux, y, y_aux = train_test_split(X, y, test_size=1 / 3, random_state=0)


def make_net(seed, max_epochs=6, schedule="linear"):
    """A small network of the paper's shape."""
    return SeededNetClassifier(
        ConvNet,
        module__width=8,
        lr=0.003,
        max_epochs=max_epochs,
        schedule=schedule,
        random_state=seed,
    )


surrogate = make_net(seed=0, max_epochs=12, schedule=None).fit(X_aux, y_aux)
print(f"images for training, attacker and test: {len(X)}, {len(X_aux)}, {len(X_test)}")
print(f"numbers that the last layer reads: {surrogate.transform(X_aux).shape[1]}")
print(f"accuracy of the surrogate: {surrogate.score(X_test, y_test):.3f}")

# %%
# Its clusters
# ------------
#
# The digits in each cluster, among the attacker's images. The network has learned
# to tell digits apart, so most clusters hold one digit; there are more clusters than
# digits, so that some digits are in several of them.

seen = Representation(FrozenEstimator(surrogate))
finder = ClusterMatch(15, representation=seen, random_state=0).fit(X_aux, y_aux)
cluster = finder.predict(X_aux)
table = pd.crosstab(cluster, y_aux, rownames=["cluster"], colnames=["digit"])
table

# %%
# Images of each, one row for a cluster. The attack is on the cluster that holds most of
# the fours.

TARGET = table[4].idxmax()


def show(axes, images, color="k"):
    """Draw images in a row of axes, framed in a color."""
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for ax, image in zip(axes, images, strict=False):
        ax.imshow(image[0], cmap="gray_r", vmin=0, vmax=16)
        ax.spines[:].set(visible=True, color=color, linewidth=0.5 + (color != "k"))


fig, axes = plt.subplots(len(table), 12, figsize=(7, 9), layout="constrained")
for k, row in enumerate(axes):
    color = "tab:red" if k == TARGET else "k"
    show(row, X_aux[cluster == k], color)
    row[0].set_ylabel(f"{k}", rotation=0, ha="right", va="center", color=color)
fig.suptitle(f"Clusters of the surrogate; number {TARGET} is attacked", fontsize=11)
plt.show()

# %%
# One of them, poisoned
# ---------------------
#
# Poison are copies of the attacker's own images of that cluster, as many as the victim
# has of it, with one wrong label. The victim has other images than the surrogate and
# other initial weights. The null arm adds the same images with their true labels.

poisoner = SubpopPoisoner(
    FrozenEstimator(finder), target=TARGET, alpha=1, random_state=0
)
X_poisoned, y_poisoned = poisoner.fit_resample(X, y, X_aux=X_aux, y_aux=y_aux)
sources = poisoner.sample_indices_[poisoner.poison_mask_] - len(X)
arms = {
    "flipped": (X_poisoned, y_poisoned),
    "true labels": (X_poisoned, np.r_[y, y_aux[sources]]),
}
print(
    f"{poisoner.n_poison_} poison images beside {len(X)}, all labeled "
    f"{poisoner.poison_label_}"
)

members = poisoner.membership(X_test)
records = []
for seed in (100, 101):
    clean = make_net(seed).fit(X, y).predict(X_test)
    for arm, data in arms.items():
        victim = make_net(seed).fit(*data).predict(X_test)
        if arm == "flipped":
            predicted = victim
        records.append(
            {
                "seed": seed,
                "arm": arm,
                "clean_accuracy": np.mean(clean == y_test),
                "clean_on_target": np.mean((clean == y_test)[members]),
                "target_damage": target_damage(y_test, clean, victim, members),
                "collateral_damage": collateral_damage(y_test, clean, victim, members),
            }
        )
print(f"test images of the target: {members.sum()} of {len(X_test)}")
pd.DataFrame(records).round(3)

# %%
# Test images of the target, and fours that are in other clusters, with the answers of
# the last poisoned victim.

rows = {"the target": members, "other fours": (y_test == 4) & ~members}
fig, axes = plt.subplots(2, 10, figsize=(8.5, 2.6), layout="constrained")
for line, (name, mask) in zip(axes, rows.items(), strict=True):
    show(line, X_test[mask])
    line[0].set_ylabel(name)
    for ax, i in zip(line, np.flatnonzero(mask), strict=False):
        right = predicted[i] == y_test[i]
        ax.set_title(f"{predicted[i]}", color="k" if right else "tab:red", size=10)
plt.show()

# %%
# What other images lose is within what they lose when the labels of the poison are
# true: networks as small as this one change by a few points with any change of their
# data. Two seeds are few; :class:`~skpoison.SubpopulationAudit` has intervals.
