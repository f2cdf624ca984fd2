"""Nets wherever this library takes a classifier."""

import joblib
import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import Pipeline
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skpoison import (  # noqa: E402
    ClusterMatch,
    PoisonedClassifier,
    SubpopPoisoner,
    SubpopulationAudit,
)
from skpoison.attacks import GradientPoisoner, WitchesBrewPoisoner  # noqa: E402
from skpoison.influence import SubpopulationInfluence  # noqa: E402
from skpoison.metrics import (  # noqa: E402
    collateral_damage_scorer,
    target_damage_scorer,
)
from skpoison.nets import ConvNet, SeededNetClassifier, TabularNet  # noqa: E402

SCORERS = {"target": target_damage_scorer, "collateral": collateral_damage_scorer}
NAMES = np.array(["no", "yes"])


def make_net(module=TabularNet, **params):
    return SeededNetClassifier(
        module, **{"lr": 0.02, "max_epochs": 8, "random_state": 0} | params
    )


@pytest.fixture(scope="module")
def table(blobs):
    X, y, _ = blobs
    return X, NAMES[np.asarray(y, dtype=int)]


@pytest.fixture(scope="module")
def finder(table):
    return FrozenEstimator(ClusterMatch(6, random_state=0).fit(table[0]))


@pytest.fixture(scope="module")
def images():
    X, y = load_digits(return_X_y=True)
    keep = np.isin(y, [3, 8])
    X = (X[keep][:120].reshape(-1, 1, 8, 8) / 16 - 0.5).astype(np.float32)
    return X, np.where(y[keep][:120] == 3, "three", "eight")


def test_a_grid_of_budgets_is_the_same_in_two_processes(table, finder):
    poisoner = SubpopPoisoner(finder, target=1, random_state=0)
    pipeline = Pipeline([("poison", poisoner), ("clf", make_net())])
    grid = {"poison__alpha": [0, 2]}

    def search(n_jobs):
        search = GridSearchCV(
            pipeline, grid, scoring=SCORERS, refit=False, cv=2, n_jobs=n_jobs
        )
        return search.fit(*table).cv_results_

    serial = search(None)
    with joblib.parallel_config("loky"):
        parallel = search(2)
    for key in serial:
        if "test" in key:
            assert_array_equal(parallel[key], serial[key])
    assert_array_equal(serial["split0_test_target"][0], 0)
    assert serial["mean_test_target"][1] > 0.1


def test_a_poisoned_classifier_is_the_pipeline(table, finder):
    poisoner = SubpopPoisoner(finder, target=1, alpha=2, random_state=0)
    frame = pd.DataFrame(table[0], columns=list("abc"))
    model = PoisonedClassifier(make_net(), poisoner).fit(*table)
    rows, labels = poisoner.fit_resample(*table)
    expected = make_net().fit(rows, labels).predict_proba(table[0])
    assert_array_equal(model.predict_proba(table[0]), expected)
    assert_array_equal(model.classes_, NAMES)
    finder = ClusterMatch(6, random_state=0)
    poisoner = SubpopPoisoner(finder, target=1, alpha=2, random_state=0)
    framed = PoisonedClassifier(make_net(), poisoner).fit(frame, table[1])
    assert framed.predict(frame).shape == (420,)


def test_an_audit_finds_damage_and_finds_it_again(table):
    audit = SubpopulationAudit(
        make_net(), finder=ClusterMatch(4), min_test=10, random_state=0
    ).fit(*table)
    assert audit.summary_["target_damage"].max() > 0.2
    again = SubpopulationAudit(
        make_net(), finder=ClusterMatch(4), min_test=10, random_state=0
    ).fit(*table)
    pd.testing.assert_frame_equal(audit.summary_, again.summary_)


def test_influence_takes_names_for_labels(table, finder):
    X, y = table
    target = finder.transform(X)[:, 1] == 1
    influence = SubpopulationInfluence(make_net(), damping=0.1, random_state=0)
    scores = influence.fit(X, y).score_rows(X[target], y[target])
    assert scores.shape == (len(X),)
    assert_array_equal(influence.classes_, NAMES)
    codes = (y == "yes").astype(int)
    by_codes = SubpopulationInfluence(make_net(), damping=0.1, random_state=0)
    by_codes.fit(X, codes)
    assert_array_equal(by_codes.score_rows(X[target], codes[target]), scores)


def test_gradient_poison_takes_names_for_labels(table, finder):
    poisoner = GradientPoisoner(
        finder, target=1, alpha=0.5, surrogate=make_net(), n_steps=3, random_state=0
    )
    X, y = poisoner.fit_resample(*table)
    n_new = len(X) - len(table[0])
    assert n_new == len(poisoner.sample_indices_) - len(table[0]) > 0
    assert set(y[-n_new:]) <= set(NAMES)
    assert np.isfinite(X).all()


def test_witches_brew_takes_images_and_names_for_labels(images):
    X, y = images
    net = make_net(ConvNet, module__width=4, max_epochs=4, lr=0.005)
    finder = ClusterMatch(3, random_state=0)
    poisoner = WitchesBrewPoisoner(
        finder,
        target=0,
        alpha=0.2,
        surrogate=net,
        n_steps=5,
        n_restarts=1,
        random_state=0,
    )
    X_poisoned, y_poisoned = poisoner.fit_resample(X, y)
    assert X_poisoned.dtype == np.float32
    assert set(y_poisoned[len(y) :]) <= {"three", "eight"}
    origins = X[poisoner.sample_indices_[len(y) :]]
    moved = np.abs(X_poisoned[len(y) :] - origins)
    assert 0 < moved.max() <= 16 / 255 + 1e-6
