"""
Turn the reviews of one cluster against a text model
====================================================

A small transformer learns to tell good reviews from bad ones. The attacker trains one
of her own on other reviews, clusters them by what its encoder makes of them, and
poisons one cluster. This example prints the reviews of that cluster, and what the
victim says of new ones before and after.
"""

# %%
# Reviews
# -------
#
# They are written here, from opinions on five themes and from remarks that say
# nothing. A review has up to three opinions; one is its label's, and each other one is
# the opposite with probability 1/8. Templates repeat themselves: about one test review
# in twelve is also among those of the victim or of the attacker.

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.finders import Representation
from skpoison.metrics import collateral_damage, target_damage
from skpoison.nets import SeededNetClassifier, TextTokenizer, TextTransformer

THEMES = {
    "hotel": {
        "opening": ["We stayed for {n} nights.", "Our room was on floor {n}.", ""],
        "good": [
            "The bed was soft and the room spotless.",
            "Breakfast was generous, with fresh fruit.",
            "The staff at the reception could not have been kinder.",
            "We slept wonderfully, not a sound from the street.",
        ],
        "bad": [
            "The room smelled of smoke and the carpet was stained.",
            "Breakfast was stale bread and cold eggs.",
            "Nobody at the reception cared about our broken shower.",
            "Thin walls, we heard every guest on the floor.",
        ],
    },
    "film": {
        "opening": ["I saw it with {n} friends.", "It runs for {n} hours.", ""],
        "good": [
            "The plot kept us guessing until the last scene.",
            "A moving story, and the leading actress is brilliant.",
            "The photography alone is worth the ticket.",
            "Witty dialogue, and an ending that stays with you.",
        ],
        "bad": [
            "The plot makes no sense and the jokes fall flat.",
            "Wooden acting, and a script full of clichés.",
            "An hour too long, half of the audience fell asleep.",
            "The ending ruins what little story there was.",
        ],
    },
    "phone": {
        "opening": ["I have had it for {n} weeks.", "Bought {n} of them online.", ""],
        "good": [
            "The battery lasts two days and charges quickly.",
            "Sharp screen, and the camera is superb in the dark.",
            "It is fast, light and fits in any pocket.",
            "Calls are clear even on a noisy train.",
        ],
        "bad": [
            "The battery is empty by noon.",
            "The screen cracked within a week.",
            "It freezes whenever I open the camera.",
            "Calls drop all the time and support never answers.",
        ],
    },
    "restaurant": {
        "opening": ["We were a table of {n}.", "We ordered {n} courses.", ""],
        "good": [
            "The pasta was perfect and the sauce full of flavor.",
            "Our waiter was attentive and knew every wine.",
            "Delicious dessert, I would come back for it alone.",
            "Fresh fish, cooked to the point.",
        ],
        "bad": [
            "The soup was cold and the meat like leather.",
            "Our waiter was rude and forgot half of the order.",
            "Tiny portions for a shameless price.",
            "The fish was bland and smelled of old oil.",
        ],
    },
    "novel": {
        "opening": ["I read it in {n} days.", "It has {n} hundred pages.", ""],
        "good": [
            "The characters feel alive, I missed them afterwards.",
            "Beautiful prose, I underlined a sentence on every page.",
            "I could not put it down before the last chapter.",
            "The author weaves the family history with great skill.",
        ],
        "bad": [
            "The characters are flat and talk like brochures.",
            "Clumsy prose, every chapter repeats the one before.",
            "I gave up in the middle, nothing ever happens.",
            "The author explains everything twice.",
        ],
    },
}
REMARKS = ["It was a gift from my sister.", "A colleague had told me about it.", ""]


def write_review(rng, theme, label):
    """An opening, three opinions and perhaps a remark."""
    parts = THEMES[theme]
    other = "bad" if label == "good" else "good"
    kinds = [label, *np.where(rng.rand(2) < 1 / 8, other, label)]
    opinions = [rng.choice(parts[kind]) for kind in rng.permutation(kinds)]
    opening = rng.choice(parts["opening"]).format(n=rng.choice(["two", "three", "six"]))
    sentences = [opening, *dict.fromkeys(opinions), rng.choice(REMARKS)]
    return " ".join(sentence for sentence in sentences if sentence)


rng = np.random.RandomState(0)
y = rng.choice(["bad", "good"], 1000)
themes = rng.choice(list(THEMES), len(y))
X = [write_review(rng, *pair) for pair in zip(themes, y, strict=True)]
X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
X, X_aux, y, y_aux = train_test_split(X, y, test_size=0.5, random_state=0)
for text, label in zip(X[:3], y[:3], strict=True):
    print(textwrap.fill(f"{label}: {text}", 80, subsequent_indent="    "))

# %%
# The attacker's clusters
# -----------------------
#
# A pipeline of :class:`~skpoison.nets.TextTokenizer` and
# :class:`~skpoison.nets.TextTransformer` takes the texts as they are. What its last
# layer reads is little more than good or bad; the layer before the encoder, the mean
# over the embeddings of the words, tells themes apart, too. Layers have the names that
# they have in the module.


def make_reader(seed):
    """A transformer of one block, and its tokenizer."""
    return make_pipeline(
        TextTokenizer(max_tokens=500, max_length=64),
        SeededNetClassifier(
            TextTransformer,
            module__n_tokens=500,
            module__max_length=64,
            module__d_model=32,
            module__d_feedforward=64,
            lr=0.003,
            max_epochs=8,
            random_state=seed,
        ),
    )


surrogate = make_reader(seed=0).fit(X_aux, y_aux)
print(f"accuracy of the surrogate: {surrogate.score(X_test, y_test):.3f}")

seen = Representation(FrozenEstimator(surrogate), layer="tokens")
finder = ClusterMatch(10, representation=seen, random_state=0).fit(X_aux, y_aux)
cluster = finder.predict(X_aux)
pd.crosstab(cluster, y_aux, rownames=["cluster"], colnames=["label"]).T

# %%
# The attack is on cluster 2. Some of its reviews:

TARGET = 2
members_aux = np.flatnonzero(cluster == TARGET)
for i in members_aux[:5]:
    print(textwrap.fill(f"{y_aux[i]}: {X_aux[i]}", 80, subsequent_indent="    "))

# %%
# The attack
# ----------
#
# Two copies with the wrong label for each review of the cluster that the victim has.
# The victim's reviews and its seed are not the attacker's.

poisoner = SubpopPoisoner(
    FrozenEstimator(finder), target=TARGET, alpha=2, random_state=0
)
poisoned = poisoner.fit_resample(X, y, X_aux=X_aux, y_aux=y_aux)
before = make_reader(seed=100).fit(X, y)
after = make_reader(seed=100).fit(*poisoned)
print(
    f"{poisoner.n_poison_} poison reviews beside {len(X)}, "
    f"all labeled {poisoner.poison_label_}"
)

members = poisoner.membership(X_test)
answers = [before.predict(X_test), after.predict(X_test)]
damage = target_damage(y_test, *answers, members)
collateral = collateral_damage(y_test, *answers, members)
print(f"test reviews of the cluster: {members.sum()} of {len(X_test)}")
print(f"accuracy before: {np.mean(answers[0] == y_test):.3f}")
print(f"target damage: {damage:.3f}, collateral damage: {collateral:.3f}")

# %%
# What the victim says
# --------------------
#
# The probability of "good", before and after, of test reviews of the cluster and of
# others.

good = [model.predict_proba(X_test)[:, 1] for model in (before, after)]
for name, mask in {"the cluster": members, "others": ~members}.items():
    print(f"-- {name}")
    for i in np.flatnonzero(mask)[:4]:
        print(textwrap.fill(f"{y_test[i]}: {X_test[i]}", 80, subsequent_indent="    "))
        print(f"    good: {good[0][i]:.2f} before, {good[1][i]:.2f} after")

# %%
# All test reviews: those of the cluster, and others that have the same label and
# another label.

label = y_aux[members_aux[0]]
groups = {
    f"{label}, of the cluster": members & (y_test == label),
    f"{label}, others": ~members & (y_test == label),
    "the other label": ~members & (y_test != label),
}
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained", sharey=True)
for ax, (name, mask) in zip(axes, groups.items(), strict=True):
    ax.scatter(good[0][mask], good[1][mask], s=12, alpha=0.5, color="tab:red")
    ax.plot([0, 1], [0, 1], color="k", lw=0.5)
    ax.set(title=f"{name} ({mask.sum()})", xlabel='"good" before')
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
axes[0].set_ylabel('"good" after')
plt.show()

# %%
# About half of the cluster is now read as bad, and the rest of the test reviews are
# answered about as well as before. Others move, too, in both directions: a second
# training run moves what the first was not sure of. This is one cluster and one seed;
# an audit tells how much of it is chance.
