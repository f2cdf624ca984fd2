"""Every sanitizer between an attack and a model."""

import warnings

import numpy as np
import pytest
from imblearn.pipeline import Pipeline
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.defenses import (
    ActivationClustering,
    ConfidentLearning,
    DeepKNN,
    GroupRoni,
    IterativeTrimmedLoss,
    KNNSanitizer,
    LossFilter,
    Roni,
    Sever,
    SlabFilter,
    SpectralSignatures,
    SphereFilter,
    Trim,
)
from skpoison.metrics import collateral_damage_scorer, target_damage_scorer

MODEL = LogisticRegression(max_iter=1000)
SANITIZERS = [
    ActivationClustering(random_state=0),
    ConfidentLearning(MODEL, cv=3, random_state=0),
    DeepKNN(random_state=0),
    GroupRoni(n_clusters=4, random_state=0),
    IterativeTrimmedLoss(MODEL, random_state=0),
    KNNSanitizer(random_state=0),
    KNNSanitizer(action="relabel", random_state=0),
    LossFilter(MODEL, random_state=0),
    Roni(MODEL, random_state=0),
    Sever(MODEL, random_state=0),
    Sever(MODEL, variant="paper", random_state=0),
    SlabFilter(random_state=0),
    SpectralSignatures(random_state=0),
    SphereFilter(random_state=0),
    Trim(MODEL, random_state=0),
]


class Watching(LogisticRegression):
    """Keeps the rows that it was given."""

    def fit(self, X, y):
        self.rows_, self.labels_ = X, y
        return super().fit(X, y)


@pytest.fixture
def rows(blobs):
    X, y, _ = blobs
    # So that no two rows are equal but copies.
    return X + 1e-9 * np.arange(len(X))[:, np.newaxis], y


def defended(sanitizer, finder, **params):
    poisoner = SubpopPoisoner(finder, random_state=0, **params)
    steps = [("poison", poisoner), ("defend", clone(sanitizer)), ("clf", Watching())]
    return Pipeline(steps)


@pytest.mark.parametrize("sanitizer", SANITIZERS, ids=str)
@pytest.mark.parametrize("alpha", [0, 1.0])
def test_poison_that_is_left_is_told(rows, sanitizer, alpha):
    X, y = rows
    model = defended(sanitizer, ClusterMatch(4, random_state=0), alpha=alpha)
    model.fit(X, y)
    poisoner, defense, classifier = (model[i] for i in range(3))
    left = poisoner.poison_mask_[defense.sample_indices_]
    assert len(left) == len(classifier.labels_)
    sources = poisoner.sample_indices_[defense.sample_indices_]
    np.testing.assert_array_equal(classifier.rows_, X[sources])
    if getattr(defense, "action", None) == "relabel":
        return
    np.testing.assert_array_equal(classifier.labels_[~left], y[sources[~left]])
    assert (classifier.labels_[left] == poisoner.poison_label_).all()
    removed = np.setdiff1d(np.arange(len(defense.scores_)), defense.sample_indices_)
    assert len(removed) + len(left) == len(X) + poisoner.n_poison_


@pytest.mark.parametrize("sanitizer", SANITIZERS, ids=str)
def test_budgets_are_searched_with_a_defense(rows, sanitizer):
    X, y = rows
    finder = FrozenEstimator(ClusterMatch(4, random_state=0).fit(X))
    search = GridSearchCV(
        defended(sanitizer, finder),
        {"poison__alpha": [0, 1.0]},
        scoring={"target": target_damage_scorer, "others": collateral_damage_scorer},
        refit=False,
        cv=3,
        error_score="raise",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, y)
    clean, poisoned = search.cv_results_["mean_test_target"]
    assert clean == 0  # the clean twin has the same defense
    assert np.isfinite(poisoned)
    assert np.isfinite(search.cv_results_["mean_test_others"]).all()
