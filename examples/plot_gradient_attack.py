"""
Gradient poison within limits
=============================

:class:`~skpoison.attacks.GradientPoisoner` moves wrongly labeled copies until a step of
training on them undoes what was learned on the target. How far they may go is up to
:class:`~skpoison.attacks.FeatureConstraints`. This example compares it with label
flipping on breast cancer data, with equal budgets.
"""

# %%
# Limits
# ------
#
# Thirty continuous features, scaled, and five clusters of them as targets. The limits
# are learned from the data: a box that reaches from the smallest to the largest value
# of each feature. Two more are set here: one feature stays as it is, and each of the
# others may move by half a standard deviation at most.

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.attacks import FeatureConstraints, GradientPoisoner

data = load_breast_cancer()
X, y = StandardScaler().fit_transform(data.data), data.target
finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(X))
near = FeatureConstraints.from_data(X, immutable=[0], eps=0.5)

poisoner = GradientPoisoner(
    finder, target=0, alpha=0.25, constraints=near, random_state=0
)
X_poisoned, y_poisoned = poisoner.fit_resample(X, y)
start = X[poisoner.sample_indices_[poisoner.poison_mask_]]
end = X_poisoned[poisoner.poison_mask_]
moves = end - start
print(f"{poisoner.n_poison_} poison rows, labeled {poisoner.poison_label_}: malignant")
print(f"largest move: {np.abs(moves).max():.2f} standard deviations")
print(f"largest move of {data.feature_names[0]}: {np.abs(moves[:, 0]).max():.2f}")

# %%
# In two principal components the rows leave in one direction, towards the side that a
# model is most sure of. Right, each row of the picture is one of poison.

pca = PCA(2).fit(X)
target = finder.predict(X) == 0
fig, (left, right) = plt.subplots(
    1, 2, figsize=(9, 4.8), width_ratios=[1, 1.2], layout="constrained"
)
shown = pca.transform(X)
for label, color, name in ((0, "tab:orange", "malignant"), (1, "tab:blue", "benign")):
    rows = (y == label) & ~target
    left.scatter(*shown[rows].T, s=8, color=color, label=name)
left.scatter(*shown[target].T, s=8, color="0.5", label="the target")
for one, other in zip(pca.transform(start), pca.transform(end), strict=True):
    left.annotate("", other, one, arrowprops={"arrowstyle": "->"})
left.set(
    xlabel="first principal component",
    ylabel="second principal component",
    title="ways of the poison",
    xlim=(-6.5, 3),
    ylim=(-5, 6),
)
left.legend(frameon=False, loc="upper left")
mesh = right.imshow(moves, cmap="PuOr", vmin=-0.5, vmax=0.5, aspect="auto")
fig.colorbar(mesh, label="move, in standard deviations")
right.set_xticks(range(30), data.feature_names, rotation=90, size="x-small")
right.set(yticks=[], title="moves of the features")
plt.show()

# %%
# Against label flipping
# ----------------------
#
# Each seed splits the data into test rows, 40 %, and halves of the rest for the victim
# and for the attacker. The poison is half as many rows as the target has. Three arms
# move it: within the box, by half a deviation at most, and within the box with a
# surrogate that is never refitted with the poison.

from imblearn.pipeline import Pipeline

from skpoison.metrics import target_damage_scorer

arms = {
    "label flipping": SubpopPoisoner(finder),
    "the whole box": GradientPoisoner(finder),
    "half a deviation": GradientPoisoner(finder, constraints=near),
    "box, no refits": GradientPoisoner(finder, refit_every=0),
}


def damages(poisoner, seed):
    """Accuracy that each of five targets loses."""
    parts = train_test_split(X, y, test_size=0.4, stratify=y, random_state=seed)
    X_train, X_test, y_train, y_test = parts
    poisoner.set_params(alpha=0.5, aux_size=0.5, random_state=seed)
    model = Pipeline([("poison", poisoner), ("clf", LogisticRegression())])
    return [
        target_damage_scorer(
            model.set_params(poison__target=target).fit(X_train, y_train),
            X_test,
            y_test,
        )
        for target in range(5)
    ]


found = {
    name: np.array([damages(arm, seed) for seed in range(5)])
    for name, arm in arms.items()
}

# %%
# Left, each dot is a target and a seed. Right, the mean over targets of what is gained
# over label flipping with the same seed, and its 95 % t interval over seeds 0 to 4.

flipping = found.pop("label flipping")
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.axline((0, 0), slope=1, color="0.7")
for target, marker in enumerate("osD^v"):
    pairs = flipping[:, target], found["the whole box"][:, target]
    left.scatter(*pairs, marker=marker, alpha=0.7, label=f"cluster {target}")
left.set(
    xlabel="accuracy lost to label flipping",
    ylabel="to the gradient attack",
    title="moves within the whole box",
    xlim=(-0.02, 0.6),
    ylim=(-0.02, 0.6),
    aspect="equal",
)
left.legend(frameon=False, fontsize="small")
for place, (name, values) in enumerate(found.items()):
    gain = (values - flipping).mean(axis=1)
    half = stats.sem(gain) * stats.t.ppf(0.975, len(gain) - 1)
    right.errorbar(gain.mean(), place, xerr=half, fmt="o", color="tab:red", capsize=4)
    print(f"{name:18s} {gain.mean():+.3f} ± {half:.3f}")
right.axvline(0, color="0.5", lw=0.8)
right.set_yticks(range(len(found)), found)
right.set(
    xlabel="accuracy lost on top of label flipping",
    title="gain, mean over targets",
    ylim=(len(found) - 0.5, -0.5),
)
plt.show()

# %%
# Far-off poison is easily told from the target by a model that is trained on it. The
# attack knows that from refits of its surrogate; without them, as in the paper, it
# moves rows to where they do nothing. Small changes keep part of the gain.
