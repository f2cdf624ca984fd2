import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVC

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.attacks import InfluencePoisoner
from skpoison.influence import SubpopulationInfluence


@pytest.fixture(scope="module")
def problem():
    X, y = make_classification(
        600, 8, n_informative=5, n_clusters_per_class=3, random_state=0
    )
    X = scale(X)
    return X, y, ClusterMatch(4, random_state=0).fit(X)


def poison_of(poisoner, X, y):
    X_res, y_res = poisoner.fit_resample(X, y)
    return X_res[poisoner.poison_mask_], y_res[poisoner.poison_mask_]


def test_influence_is_that_of_the_scores_of_rows(problem):
    X, y, finder = problem
    model = LogisticRegression(tol=1e-8).fit(X, y)
    members = finder.membership(X, 1)
    influence = SubpopulationInfluence(FrozenEstimator(model)).fit(X, y)
    own = {"target": 1, "alpha": 0.5, "random_state": 0}
    finder = FrozenEstimator(finder)
    poisoner = InfluencePoisoner(
        finder, surrogate=FrozenEstimator(model), objective="loss", n_steps=5, **own
    )
    crafted = poison_of(poisoner, X, y)
    copies = poison_of(SubpopPoisoner(finder, **own), X, y)
    first, best = (
        influence.score_rows(X[members], y[members], *rows).mean()
        for rows in (copies, crafted)
    )
    assert poisoner.influences_[0] == pytest.approx(first, rel=1e-6)
    assert poisoner.influences_.max() == pytest.approx(best, rel=1e-6)
    assert best > 1.5 * first
    assert poisoner.min_eigenvalue_ == pytest.approx(influence.min_eigenvalue_)


def test_first_step_is_along_the_derivatives_of_the_scores(problem):
    X, y, finder = problem
    model = LogisticRegression(tol=1e-8).fit(X, y)
    members = finder.membership(X, 1)
    influence = SubpopulationInfluence(FrozenEstimator(model)).fit(X, y)
    own = {"target": 1, "alpha": 0.5, "random_state": 0}
    finder = FrozenEstimator(finder)
    copies, labels = poison_of(SubpopPoisoner(finder, **own), X, y)
    crafted, _ = poison_of(
        InfluencePoisoner(
            finder,
            surrogate=FrozenEstimator(model),
            objective="loss",
            n_steps=1,
            step_size=0.001,
            **own,
        ),
        X,
        y,
    )
    signs = np.sign(influence.feature_gradients(X[members], y[members], copies, labels))
    width = np.ptp(X, axis=0)
    expected = np.clip(copies + 0.001 * width * signs, X.min(axis=0), X.max(axis=0))
    np.testing.assert_allclose(crafted, expected, atol=1e-12)


def test_hinge_without_curvature_is_refused(problem):
    X, y, _ = problem
    poisoner = InfluencePoisoner(surrogate=LinearSVC(loss="hinge", C=0.01))
    with pytest.raises(ValueError, match="hinge"):
        poisoner.fit_resample(X, y)


def test_smallest_eigenvalue_of_all_refits_and_without_poison(problem):
    X, y, finder = problem
    own = {"target": 1, "n_steps": 4, "random_state": 0}
    poisoner = InfluencePoisoner(FrozenEstimator(finder), damping=0.5, **own).fit(X, y)
    assert 0.5 < poisoner.min_eigenvalue_ < 0.6
    assert InfluencePoisoner(alpha=0).fit(X, y).min_eigenvalue_ is None


@pytest.mark.parametrize("solver", ["cg", "nystroem"])
def test_other_solvers_find_poison_that_does_as_much(problem, solver):
    X, y, finder = problem
    own = {"target": 1, "alpha": 0.5, "n_steps": 10, "random_state": 0}
    best = [
        InfluencePoisoner(FrozenEstimator(finder), solver=s, damping=1e-3, **own)
        .fit(X, y)
        .objectives_.max()
        for s in ("exact", solver)
    ]
    assert best[1] == pytest.approx(best[0], rel=0.05)


def test_class_weights_are_those_of_the_model(problem):
    X, y, finder = problem
    model = LogisticRegression(class_weight={0: 3.0, 1: 0.5}, tol=1e-8)
    members = finder.membership(X, 1)
    influence = SubpopulationInfluence(model).fit(X, y)
    poisoner = InfluencePoisoner(
        FrozenEstimator(finder),
        target=1,
        surrogate=model,
        objective="loss",
        refit_every=0,
        n_steps=1,
        random_state=0,
    ).fit(X, y)
    own = {"target": 1, "random_state": 0}
    copies, labels = poison_of(SubpopPoisoner(FrozenEstimator(finder), **own), X, y)
    scores = influence.score_rows(X[members], y[members], copies, labels)
    weight = {0: 3.0, 1: 0.5}[poisoner.poison_label_]
    assert poisoner.influences_[0] * weight == pytest.approx(scores.mean(), rel=1e-5)
