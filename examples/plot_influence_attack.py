"""
Where poison moves along its influence
======================================

Label flipping copies rows of the target and gives them a wrong label.
:class:`~skpoison.attacks.InfluencePoisoner` starts from the same copies and moves their
features to where a model that trains on them loses most on the target. This example
draws the way of each poison row, and the damage beside that of label flipping.
"""

# %%
# Fifty rows on their way
# -----------------------
#
# Five clusters in two classes, with two features, so that everything can be seen. The
# target is the cluster of the first class that is nearest to the second.

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats
from sklearn.datasets import load_breast_cancer, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.attacks import InfluencePoisoner
from skpoison.influence import SubpopulationInfluence
from skpoison.metrics import collateral_damage_scorer, target_damage_scorer

CENTERS = [(-2.2, 1.4), (-1.6, -1.6), (-0.3, 0.9), (1.8, -1.3), (2.0, 1.6)]


def make_data(seed):
    """Five clusters in two classes; three are of class 0."""
    X, cluster = make_blobs(
        1000, centers=np.array(CENTERS), cluster_std=0.45, random_state=seed
    )
    return X, (cluster > 2).astype(int)


def near_center(X):
    """Tell which rows are nearest to the center of the target."""
    distances = np.linalg.norm(X[:, None] - np.array(CENTERS), axis=2)
    return distances.argmin(axis=1) == 2


X, y = make_data(0)
poisoner = InfluencePoisoner(target=near_center, alpha=0.25, random_state=0)
X_poisoned, y_poisoned = poisoner.fit_resample(X, y)
poisoner.n_poison_, poisoner.poison_label_

# %%
# The shades tell what one more row of class 1 would do to the target's mean loss,
# where it is put, under the clean model. The poison climbs to a corner of the box of
# the data, which it may not leave: that is the default of ``constraints``. The boundary
# of the model turns. Every other way is drawn.

low, high = X.min(axis=0), X.max(axis=0)
pad = (high - low) * 0.05
grid = np.meshgrid(*np.linspace(low - pad, high + pad, 120).T)
places = np.column_stack([axis.ravel() for axis in grid])
target = near_center(X)
clean = SubpopulationInfluence(LogisticRegression()).fit(X, y)
influence = clean.score_rows(X[target], y[target], places, np.ones(len(places), int))

fig, ax = plt.subplots(figsize=(7.5, 5.6), layout="constrained")
shades = influence.reshape(grid[0].shape)
mesh = ax.pcolormesh(*grid, shades, cmap="Oranges", alpha=0.7, rasterized=True)
fig.colorbar(mesh, label="influence of a row of class 1 on the target's mean loss")
ax.scatter(*X[y == 1].T, s=6, color="tab:blue", label="class 1")
ax.scatter(*X[(y == 0) & ~target].T, s=6, color="0.5", label="class 0")
ax.scatter(*X[target].T, s=6, color="k", label="class 0, the target")
start = X[poisoner.sample_indices_[poisoner.poison_mask_]]
end = X_poisoned[poisoner.poison_mask_]
for one, other in zip(start[::2], end[::2], strict=True):
    ax.annotate("", other, one, arrowprops={"arrowstyle": "->", "lw": 0.8})
ax.scatter(*end.T, marker="X", color="tab:red", zorder=3, label="class 1, poison")
poisoned = LogisticRegression().fit(X_poisoned, y_poisoned)
for model, style in ((clean.estimator_, "--"), (poisoned, "-")):
    height = model.decision_function(places).reshape(grid[0].shape)
    ax.contour(*grid, height, levels=[0], colors="k", linestyles=style)
ax.add_patch(plt.Rectangle(low, *(high - low), fill=False, color="0.4", lw=0.8))
ax.set(
    xlabel="first feature",
    ylabel="second feature",
    title="The boundary before (dashed) and after the poison, and its way",
)
fig.legend(loc="outside lower center", ncols=4, frameon=False)
plt.show()

# %%
# Damage over budgets and seeds
# -----------------------------
#
# Each seed draws data, splits it, and leaves half of the training rows to the attacker,
# who has nothing else; the victim trains on the other half. The second data set is
# breast cancer, with 30 features and the three largest of six clusters as targets.

from imblearn.pipeline import Pipeline
from sklearn.frozen import FrozenEstimator

ALPHAS = [0.25, 0.5, 1]
names = {SubpopPoisoner: "label flipping", InfluencePoisoner: "influence"}


def damages(poisoner, X, y, seed):
    """Damage to the target and to all others, on rows set apart for it."""
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.4, stratify=y, random_state=seed
    )
    poisoner.set_params(aux_size=0.5, random_state=seed)
    model = Pipeline([("poison", poisoner), ("clf", LogisticRegression())]).fit(X, y)
    return [
        scorer(model, X_test, y_test)
        for scorer in (target_damage_scorer, collateral_damage_scorer)
    ]


def curves_of_blobs(attack, seed):
    """Damage at each alpha, on data of this seed."""
    return [
        damages(attack(target=near_center, alpha=alpha), *make_data(seed), seed)
        for alpha in ALPHAS
    ]


cancer, is_benign = load_breast_cancer(return_X_y=True)
cancer = scale(cancer)
finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(cancer))


def curves_of_cancer(attack, seed):
    """Damage at each alpha, as a mean over three clusters."""
    return np.mean(
        [
            [
                damages(
                    attack(finder, target=target, alpha=alpha),
                    cancer,
                    is_benign,
                    seed,
                )
                for alpha in ALPHAS
            ]
            for target in (0, 1, 2)
        ],
        axis=0,
    )


def mean_and_half_width(values):
    """Mean over seeds, and half of its 95 % t interval."""
    return values.mean(axis=0), stats.sem(values, axis=0) * stats.t.ppf(
        0.975, len(values) - 1
    )


# %%
# Solid lines are the target, dashed ones all others; means over seeds 0 to 4 with 95 %
# intervals.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
data_sets = {"two features": curves_of_blobs, "breast cancer": curves_of_cancer}
found = {}
for ax, (title, curves) in zip(axes, data_sets.items(), strict=True):
    for attack, color in zip(names, ("tab:blue", "tab:orange"), strict=True):
        found[title, attack] = np.array([curves(attack, seed) for seed in range(5)])
        mean, half = mean_and_half_width(found[title, attack])
        ax.errorbar(
            ALPHAS, mean[:, 0], half[:, 0], fmt="o-", color=color, label=names[attack]
        )
        ax.errorbar(ALPHAS, mean[:, 1], half[:, 1], fmt="o--", ms=3, color=color)
    ax.axhline(0, color="0.8", zorder=0)
    ax.set(title=title, xlabel="alpha: poison rows for each row of the target")
axes[0].set_ylabel("accuracy lost")
axes[0].legend(frameon=False)
plt.show()

# %%
# What moving the rows adds to label flipping, paired over seeds: mean and half of the
# interval, at each alpha.

for title in data_sets:
    gain = found[title, InfluencePoisoner] - found[title, SubpopPoisoner]
    mean, half = mean_and_half_width(gain[:, :, 0])
    line = ", ".join(f"{m:+.3f} ± {h:.3f}" for m, h in zip(mean, half, strict=True))
    print(f"{title:14s}", line)
