"""
How much poison is enough, from both sides
==========================================

An attack that works tells that its budget is enough. Only a certificate tells that
less is not. This example brackets the budget that takes half of a subpopulation from a
logistic regression: :func:`~skpoison.attacks.model_lower_bound` from below, and
:class:`~skpoison.attacks.KKTPoisoner` from above.
"""

# %%
# One model for each subpopulation
# --------------------------------
#
# A certificate is about a model, so that a model has to be chosen: the first one, with
# more and more label flipping, that is wrong on half of the target. Eight clusters of
# breast cancer data with ten features; the two smallest are left out. Seeds are 0.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.attacks import FeatureConstraints, KKTPoisoner, model_lower_bound
from skpoison.refit import refit_poisoned

X, y = load_breast_cancer(return_X_y=True)
X = scale(X[:, :10])
finder = FrozenEstimator(ClusterMatch(8, random_state=0).fit(X))
cluster = finder.predict(X)
limits = FeatureConstraints.from_data(X)


def make_model():
    """The victim, trained to the end: certificates are about optima."""
    return LogisticRegression(tol=1e-6, max_iter=5000)


def first_half_wrong(target):
    """Number of flipped rows, and the model they make."""
    members = cluster == target
    flip = SubpopPoisoner(finder, target=target, alpha=6, random_state=0)
    X_flip, y_flip = (rows[len(X) :] for rows in flip.fit_resample(X, y))
    sizes = range(5, len(X_flip), 5)
    poisons = [(X_flip[:n], y_flip[:n]) for n in sizes]
    models = refit_poisoned(make_model(), X, y, poisons)
    right = (models.predict(X[members]) == y[members]).mean(axis=1)
    first = np.flatnonzero(right <= 0.5)[0]
    return sizes[first], models[int(first)]


# %%
# From both sides
# ---------------
#
# From below, no attack that adds rows within the box of the data, with whatever labels,
# makes that model with fewer rows. From above, the attack solves for rows that do make
# it, at the bound first and then with more, until the gradient of the training
# objective at the model is zero but for 1e-4.


def cheapest_attack(target, model, bound):
    """Number of rows with which the attack makes the model."""
    members = cluster == target
    for more in (1, 1.02, 1.05, 1.1, 1.2, 1.5, 2, 3):
        n = int(np.ceil(bound * more))
        poisoner = KKTPoisoner(
            finder,
            target=target,
            alpha=n / members.sum(),
            surrogate=make_model(),
            target_model=model,
            constraints=limits,
            random_state=0,
        ).fit(X, y)
        if poisoner.gradient_norm_ <= 1e-4:
            return poisoner.n_poison_
    return np.nan


records = []
for target in range(6):
    n_flipped, model = first_half_wrong(target)
    bound = model_lower_bound(make_model(), X, y, model, constraints=limits)
    records.append(
        {
            "target": f"cluster {target}",
            "rows": np.count_nonzero(cluster == target),
            "certified": bound,
            "attack": cheapest_attack(target, model, bound),
            "label flipping": n_flipped,
        }
    )
table = pd.DataFrame(records)
table.round(1)

# %%
# The brackets
# ------------
#
# In units of the target's own rows. Where bar and dot meet, the budget is known to the
# row.

budgets = ["certified", "attack", "label flipping"]
share = table[budgets].div(table["rows"], axis=0)
place = np.arange(len(table))
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
bars = {"color": "tab:green", "alpha": 0.25, "label": "certified to be too few"}
ax.barh(place, share["certified"], 0.5, lw=0, **bars)
ax.plot(share["certified"], place, "|", ms=22, mew=3, color="tab:green")
ax.hlines(place, share["certified"], share["attack"], color="k", lw=2)
ax.plot(share["attack"], place, "o", color="tab:red", label="enough, by the attack")
ax.plot(
    share["label flipping"], place, "s", color="0.5", label="enough, by label flipping"
)
for at, row in table.iterrows():
    least, enough = np.ceil(row["certified"]), row["attack"]
    known = f"{least:.0f}" if least == enough else f"{least:.0f} to {enough:.0f}"
    ax.annotate(f"{known} rows", (0.05, at), va="center", size=9)
ax.set_yticks(place, table["target"] + ", " + table["rows"].astype(str) + " rows")
ax.set(
    xlabel="poison rows for each row of the target",
    title="What it takes to make one model that is wrong on half of the target",
    ylim=(len(table) - 0.5, -0.5),
)
ax.legend(frameon=False, loc="lower right")
plt.show()

# %%
# What this does not say
# ----------------------
#
# The bound is for one model. Another one that is wrong on half of the target may be
# cheaper, so that a green bar is no proof of safety; it is one for rows within the
# limits, for this learner, and for the rows that it was trained on.
