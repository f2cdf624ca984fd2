"""What the attacks that move features share."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler, scale
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.attacks import (
    FeatureConstraints,
    GradientPoisoner,
    InfluencePoisoner,
)
from skpoison.metrics import target_damage

ATTACKS = [GradientPoisoner, InfluencePoisoner]
both = pytest.mark.parametrize("attack", ATTACKS)


def cancer(seed):
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def clusters(seed):
    X, y = make_classification(
        1200, 10, n_informative=5, n_clusters_per_class=3, random_state=seed
    )
    return scale(X), y


class Trial:
    """Rows of a victim, an attacker and a test, and the attacker's clusters."""

    def __init__(self, load, seed, n_clusters=5):
        X, y = load(seed)
        X, self.X_test, y, self.y_test = train_test_split(
            X, y, test_size=0.3, random_state=seed, stratify=y
        )
        half = len(X) // 2
        self.X, self.y, self.X_aux, self.y_aux = X[:half], y[:half], X[half:], y[half:]
        self.finder = ClusterMatch(n_clusters, random_state=seed).fit(self.X_aux)

    def poison(self, attack, target, **parameters):
        poisoner = attack(
            FrozenEstimator(self.finder), target=target, random_state=0, **parameters
        )
        rows = poisoner.fit_resample(self.X, self.y, X_aux=self.X_aux, y_aux=self.y_aux)
        return poisoner, *rows

    def mean_damage(self, attack, victim, **parameters):
        clean = clone(victim).fit(self.X, self.y).predict(self.X_test)
        damages = []
        for target in range(len(self.finder.sizes_)):
            membership = self.finder.membership(self.X_test, target)
            if membership.sum() < 8:
                continue
            _, X, y = self.poison(attack, target, **parameters)
            after = clone(victim).fit(X, y).predict(self.X_test)
            damages.append(target_damage(self.y_test, clean, after, membership))
        return np.mean(damages)


@both
@pytest.mark.parametrize("load", [cancer, clusters])
def test_more_damage_than_label_flipping_at_the_same_alpha(attack, load, seed):
    trial, victim = Trial(load, seed), LogisticRegression()
    flipped = trial.mean_damage(SubpopPoisoner, victim, alpha=0.5)
    crafted = trial.mean_damage(attack, victim, alpha=0.5)
    assert crafted > flipped + 0.05


@both
@pytest.mark.parametrize(
    "victim",
    [
        LinearSVC(random_state=0),
        RidgeClassifier(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(StandardScaler(), PCA(8), LogisticRegression()),
    ],
    ids=["svm", "ridge", "scaled", "components"],
)
def test_other_linear_models_lose_more_than_to_label_flipping(attack, victim):
    trials = [Trial(clusters, seed) for seed in (0, 1)]
    flipped, crafted = (
        np.mean([t.mean_damage(cls, victim, alpha=0.5, **own) for t in trials])
        for cls, own in ((SubpopPoisoner, {}), (attack, {"surrogate": victim}))
    )
    assert crafted > flipped + 0.05
