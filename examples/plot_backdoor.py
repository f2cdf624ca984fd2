"""
A backdoor that turns digits into zeros
=======================================

:class:`~skpoison.attacks.BackdoorPoisoner` stamps a trigger on copies of clean images
and labels them wrongly. The victim is as good as ever, until the attacker stamps the
trigger on an image at test time. No other attack of this library needs that, and where
the attacker cannot do it, a backdoor does nothing.
"""

# %%
# The trigger
# -----------
#
# Two by two white pixels in a corner where digits have no ink. The target is all
# images; the poison is 5 % as many. Any callable that takes rows and returns them
# changed will do as a trigger.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from imblearn.pipeline import Pipeline
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer

from skpoison.attacks import BackdoorPoisoner, FeatureTrigger, everything

digits, y = load_digits(return_X_y=True)
images = digits.reshape(-1, 8, 8) / 16
X_train, X_test, y_train, y_test = train_test_split(images, y, random_state=0)

trigger = FeatureTrigger((slice(0, 2), slice(6, 8)), 1)
poisoner = BackdoorPoisoner(
    target=everything, alpha=0.05, label=0, trigger=trigger, random_state=0
)


def make_victim(poisoner, classifier):
    """A classifier of flattened images, with the poisoner in front."""
    flatten = FunctionTransformer(np.reshape, kw_args={"shape": (-1, 64)})
    return Pipeline([("poison", poisoner), ("flatten", flatten), ("clf", classifier)])


model = make_victim(poisoner, LogisticRegression(max_iter=1000)).fit(X_train, y_train)
print(f"{model['poison'].n_poison_} of {len(X_train)} images are poison")
print(f"needed at test time: {model['poison'].test_time_requirement}")

# %%
# The first test image of each digit, as it is and with the trigger.

first = [np.flatnonzero(y_test == digit)[0] for digit in range(10)]
rows = {
    "as it is": X_test[first],
    "stamped": model["poison"].apply_trigger(X_test[first]),
}
fig, axes = plt.subplots(2, 10, figsize=(9, 2.4), layout="constrained")
for line, (name, shown) in zip(axes, rows.items(), strict=True):
    line[0].set_ylabel(name)
    for ax, image, answer in zip(line, shown, model.predict(shown), strict=True):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"read as {answer}", size=9)
plt.show()

# %%
# How much poison it takes
# ------------------------
#
# The success is the share of test images of other digits that are read as zeros with
# the trigger on. Five draws of the poison, seeds 0 to 4, on the same rows. The clean
# models read almost no stamped image as a zero, so that it is not the white pixels that
# fool them.

victims = {
    "logistic regression": LogisticRegression(max_iter=1000),
    "random forest": RandomForestClassifier(50, random_state=0),
    "5 nearest neighbors": KNeighborsClassifier(5),
}
alphas = [0, 0.005, 0.01, 0.02, 0.05, 0.1]
others = y_test != 0


def success_and_accuracy(classifier, alpha, seed):
    """Success with the trigger, and accuracy without it."""
    attack = poisoner.set_params(alpha=alpha, random_state=seed)
    model = make_victim(attack, classifier).fit(X_train, y_train)
    stamped = model["poison"].apply_trigger(X_test[others])
    return np.mean(model.predict(stamped) == 0), model.score(X_test, y_test)


fig, (left, right) = plt.subplots(
    1, 2, figsize=(9, 3.8), sharey=True, layout="constrained"
)
clean, percent = {}, 100 * np.array(alphas)
for (name, classifier), style in zip(victims.items(), ("o-", "s--", "^:"), strict=True):
    found = np.array(
        [
            [success_and_accuracy(classifier, alpha, seed) for seed in range(5)]
            for alpha in alphas
        ]
    )
    clean[name] = found[0, 0]
    mean = found.mean(axis=1)
    half = stats.sem(found, axis=1) * stats.t.ppf(0.975, 4)
    for ax, k in ((left, 0), (right, 1)):
        ax.errorbar(percent, mean[:, k], half[:, k], fmt=style, label=name)
left.set(ylabel="share of test images", title="read as a zero with the trigger")
right.set(title="read correctly without it", ylim=(-0.03, 1.03))
for ax in (left, right):
    ax.set_xlabel("poison, % of the training rows")
left.legend(frameon=False)
plt.show()

# %%
# Clean models, with and without the trigger:

pd.DataFrame(clean, index=["stamped, read as a zero", "accuracy"]).round(3)

# %%
# Models differ in what they need. With 1 % of poison the linear one takes two thirds of
# the stamped images for zeros, the neighbors one in seven, and the forest next to none;
# with 5 % all three are taken over. Nobody who looks at the accuracy notices.
