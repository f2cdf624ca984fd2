"""
Does poison for one model harm another?
=======================================

An attacker who does not know the victim's model crafts the poison with a surrogate.
:func:`~skpoison.audit.transfer_matrix` crafts it with each of several surrogates and
trains each of several victims on it.
"""

# %%
# The matrix
# ----------
#
# Breast cancer data, scaled; the gradient attack on the three largest of six clusters,
# with half as many poison rows as the target has. Forests and neighbors have no
# gradients: they are victims only. The attacker has half of the training rows, and
# nothing of the other half. Three repeats with other poison and other seeds of the
# models, seed 0.

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVC

from skpoison import ClusterMatch
from skpoison.attacks import GradientPoisoner
from skpoison.audit import transfer_matrix

warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_breast_cancer(return_X_y=True)
X, X_test, y, y_test = train_test_split(
    scale(X), y, test_size=0.4, stratify=y, random_state=0
)
surrogates = {
    "logistic": LogisticRegression(),
    "linear SVM": LinearSVC(C=0.1),
    "network": MLPClassifier((16,), learning_rate_init=0.01, max_iter=60),
}
victims = surrogates | {
    "forest": RandomForestClassifier(50),
    "neighbors": KNeighborsClassifier(5),
}
poisoner = GradientPoisoner(
    ClusterMatch(6), alpha=0.5, n_steps=15, step_size=0.01, refit_every=3
)
table = transfer_matrix(
    surrogates,
    victims,
    X,
    y,
    poisoner=poisoner,
    X_test=X_test,
    y_test=y_test,
    targets=[0, 1, 2],
    n_repeats=3,
    random_state=0,
)
table.round(3).head()

# %%
# Rows of the picture are surrogates, columns are victims. The first row is the
# reference: label flipping on the same targets with as many rows, which needs no
# surrogate. In each cell the accuracy that the targets lose, and its 95 % interval.


def matrix(column):
    """Pivot a column of the table, in the order of the models."""
    wide = table.pivot(index="surrogate", columns="victim", values=column)
    return wide.loc[table["surrogate"].unique(), list(victims)]


damage = matrix("target_damage")
low, high = (matrix(f"target_damage_{end}").round(2) + 0 for end in ("low", "high"))
fig, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
image = ax.imshow(damage, cmap="Oranges", vmin=0, aspect="auto")
fig.colorbar(image, label="accuracy that the targets lose")
half_way = damage.to_numpy().max() * 0.75
for i in range(damage.shape[0]):
    for j in range(damage.shape[1]):
        text = f"{damage.iloc[i, j]:.2f}\n{low.iloc[i, j]:.2f} to {high.iloc[i, j]:.2f}"
        color = "w" if damage.iloc[i, j] > half_way else "k"
        ax.text(j, i, text, ha="center", va="center", color=color, size=9)
ax.set_xticks(range(damage.shape[1]), damage.columns)
ax.set_yticks(range(damage.shape[0]), damage.index)
ax.axhline(0.5, color="k", lw=1.5)
ax.set(xlabel="victim", ylabel="surrogate")
plt.show()

# %%
# In the mean, poison that is moved for a linear model does more than copies to linear
# models, about the same to the network, and less to forests and neighbors: those ask
# where the target is, and the poison has left. Who does not know the victim may be
# better off with label flipping.
#
# The intervals are over test rows, poison and seeds, and not over targets: other
# clusters may differ by more. The same test rows are behind all cells, so that
# intervals that overlap a little do not tell that two cells are equal.
