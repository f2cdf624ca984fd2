"""
Three ways to find subpopulations in a mixed data frame
=======================================================

Subpopulations are functions of the features. A finder learns them from data and
tells for any rows, old or new, who belongs. This example finds them in a pandas
frame with numbers, categories and missing values, and asks which of them a
poisoner hurts most. They are not the ones on which the model is weak.
"""

# %%
# A table of loan applications
# ----------------------------

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

rng = np.random.RandomState(0)
n = 4000
X = pd.DataFrame(
    {
        "age": rng.randint(18, 80, n),
        "income": rng.lognormal(10, 0.6, n).round(),
        "region": pd.Categorical(rng.choice(["north", "south", "west"], n)),
        "job": rng.choice(["clerk", "farmer", "nurse"], n, p=[0.5, 0.2, 0.3]),
    }
)
X.loc[rng.rand(n) < 0.1, "job"] = None
score = (
    1.5 * (X["income"] > 25_000)
    + 1.5 * (X["job"] == "nurse")
    - 2.0 * (X["job"] == "farmer")
    + 0.02 * (X["age"] - 45)
    - 0.5 * (X["region"] == "west")
    + rng.logistic(scale=0.6, size=n)
)
y = np.where(score > 0.5, "repaid", "default")
X.head()

# %%
# Annotated columns
# -----------------
#
# :class:`~skpoison.FeatureMatch` compares columns. Each combination of values is
# a subpopulation; a missing value is a value of its own, and numbers can be cut
# into intervals.

from skpoison import FeatureMatch

features = FeatureMatch(["job", "age"], bins={"age": [30, 60]}).fit(X)
pd.Series(features.sizes_, index=features.get_feature_names_out()).head()

# %%
# Every conjunction
# -----------------
#
# :class:`~skpoison.finders.SliceMatch` counts every conjunction of up to three
# values. These subpopulations overlap.

from skpoison.finders import SliceMatch

slices = SliceMatch(max_depth=3, min_size=60).fit(X)
print(len(slices.sizes_), "subpopulations, for example")
for name in slices.get_feature_names_out()[[0, 20, 200, -1]]:
    print("   ", name)

# %%
# Clusters of a representation
# ----------------------------
#
# Where nothing is annotated, :class:`~skpoison.ClusterMatch` clusters what a
# model makes of the rows: here the hidden layer of a small network behind an
# encoder.

from sklearn.compose import make_column_transformer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skpoison import ClusterMatch
from skpoison.finders import Representation

encoder = make_column_transformer(
    (StandardScaler(), ["age", "income"]),
    (OneHotEncoder(handle_unknown="ignore"), ["region", "job"]),
)
network = make_pipeline(
    encoder, MLPClassifier((10,), early_stopping=True, random_state=0)
)
clusters = ClusterMatch(12, representation=Representation(network), random_state=0)
clusters.fit(X, y)
pd.crosstab(clusters.predict(X), X["job"].fillna("missing")).head()

# %%
# Weak is not vulnerable
# ----------------------
#
# The poisoner comes first in this pipeline, so that it sees the frame as it is and
# targets keep their names. Each subpopulation of the first finder is attacked in
# turn, with as many poison rows as it has rows.

from imblearn.pipeline import Pipeline
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skpoison import SubpopPoisoner
from skpoison.metrics import damage_table, target_damage_scorer, target_error_scorer

poisoner = SubpopPoisoner(FrozenEstimator(features), random_state=0)
search = GridSearchCV(
    Pipeline(
        [("poison", poisoner), ("encode", encoder), ("clf", LogisticRegression())]
    ),
    {
        "poison__target": list(features.get_feature_names_out()),
        "poison__alpha": [0, 1],
    },
    scoring={"damage": target_damage_scorer, "error": target_error_scorer},
    refit=False,
).fit(X, y)
table = damage_table(search).set_index("target")
clean, poisoned = table[table.alpha == 0], table[table.alpha == 1]

fig, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
weakness = clean.error_mean[poisoned.index]
ax.scatter(weakness, poisoned.damage_mean, s=features.sizes_ / 8, alpha=0.6)
named = {*poisoned.damage_mean.nlargest(3).index, *weakness.nlargest(3).index}
for name in named:
    place = (weakness[name], poisoned.damage_mean[name])
    ax.annotate(name, place, (0, -14), textcoords="offset points", size=9, ha="center")
ax.set(
    xlabel="error rate of the clean model: how weak",
    ylabel="accuracy lost at alpha = 1: how vulnerable",
    title="The weakest subpopulations are not the most vulnerable ones",
    xlim=(0, weakness.max() * 1.2),
)
plt.show()
