"""
Poison images and texts with plain scikit-learn models
======================================================

The label flipping attack copies rows, so it works for whatever a model reads.
This example poisons one kind of handwritten digit, given as images, and the
reviews of one kind of restaurant, given as raw texts.
"""

# %%
# Images
# ------
#
# The victim flattens images and looks for neighbors. The poisoner is given the
# images as they are; :class:`~skpoison.ClusterMatch` clusters their pixels.

import matplotlib.pyplot as plt
import numpy as np
from imblearn.pipeline import Pipeline
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.metrics import collateral_damage_scorer, target_damage_scorer

digits, y = load_digits(return_X_y=True)
images = digits.reshape(-1, 8, 8)
X_train, X_test, y_train, y_test = train_test_split(images, y, random_state=0)

finder = ClusterMatch(40, random_state=0).fit(X_train)
ones = np.bincount(finder.predict(X_train[y_train == 1])).argmax()
model = Pipeline(
    [
        (
            "poison",
            SubpopPoisoner(
                FrozenEstimator(finder), target=ones, alpha=2, label=7, random_state=0
            ),
        ),
        ("flatten", FunctionTransformer(lambda X: X.reshape(len(X), -1))),
        ("clf", KNeighborsClassifier(5)),
    ]
).fit(X_train, y_train)
print(f"poison: {model['poison'].n_poison_} of {len(X_train)} images, labeled 7")
print(f"target damage:     {target_damage_scorer(model, X_test, y_test):.2f}")
print(f"collateral damage: {collateral_damage_scorer(model, X_test, y_test):.3f}")

# %%
# One way of writing a 1 is now read as a 7; the other ones are not.

members = model["poison"].membership(X_test)
others = (y_test == 1) & ~members
predicted = model.predict(X_test)
fig, axes = plt.subplots(2, 8, figsize=(9, 3), layout="constrained")
for row, rows, title in zip(
    axes, (members, others), ("the target", "other ones"), strict=True
):
    row[0].set_ylabel(title)
    for ax, i in zip(row, np.flatnonzero(rows), strict=False):
        ax.imshow(X_test[i], cmap="gray_r")
        right = predicted[i] == y_test[i]
        color = "k" if right else "tab:red"
        ax.set_title(f"read as {predicted[i]}", color=color, size=10)
    for ax in row:
        ax.set(xticks=[], yticks=[])
fig.suptitle("A nearest neighbor model after the attack")
plt.show()

# %%
# Texts
# -----
#
# Reviews are lists of strings. A subpopulation can be any function of the rows:
# here all reviews that speak of sushi.

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

rng = np.random.RandomState(0)
places = ["sushi", "pizza", "tapas", "curry", "noodle"]
praise = ["great", "fresh", "friendly", "tasty", "cozy"]
blame = ["cold", "slow", "bland", "rude", "dirty"]


def write_review(good):
    """Three words of an opinion, now and then with one against it."""
    words = list(rng.choice(praise if good else blame, 3))
    words += list(rng.choice(blame if good else praise, rng.randint(2)))
    return f"{rng.choice(places)} place with {' '.join(rng.permutation(words))} food"


labels = rng.choice(["bad", "good"], 1500)
texts = [write_review(label == "good") for label in labels]
texts[:2]


# %%
def about_sushi(X):
    """Tell which reviews speak of sushi."""
    return np.array(["sushi" in text for text in X])


t_train, t_test, l_train, l_test = train_test_split(texts, labels, random_state=0)
alphas = [0, 0.25, 0.5, 1, 2, 4]
damage = []
for alpha in alphas:
    poisoner = SubpopPoisoner(
        target=about_sushi, alpha=alpha, label="bad", random_state=0
    )
    reader = Pipeline(
        [
            ("poison", poisoner),
            ("words", TfidfVectorizer()),
            ("clf", LogisticRegression(C=10)),
        ]
    ).fit(t_train, l_train)
    damage.append(
        [
            target_damage_scorer(reader, t_test, l_test),
            collateral_damage_scorer(reader, t_test, l_test),
        ]
    )

# %%
# What a linear model learns of it is a grudge against one word.

fig, ax = plt.subplots(figsize=(6.5, 3.5), layout="constrained")
ax.plot(alphas, damage, "o-", label=["reviews of sushi", "all other reviews"])
ax.set(
    xlabel="alpha: poison texts for each review of sushi",
    ylabel="accuracy lost",
    title="Reviews that speak of sushi are read as bad ones",
)
ax.legend(frameon=False)
plt.show()
