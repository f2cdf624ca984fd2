import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVC

from skpoison import ClusterMatch
from skpoison.attacks import FeatureConstraints, GradientPoisoner


@pytest.fixture(scope="module")
def problem():
    X, y = make_classification(
        600, 8, n_informative=5, n_clusters_per_class=3, random_state=0
    )
    X = scale(X)
    return X, y, ClusterMatch(4, random_state=0).fit(X)


@pytest.mark.parametrize(
    "surrogate",
    [
        LogisticRegression(),
        LinearSVC(loss="hinge", C=0.01, random_state=0),
        RidgeClassifier(),
        MLPClassifier((6,), solver="lbfgs", alpha=1, max_iter=1000, random_state=0),
    ],
    ids=["logistic", "hinge", "ridge", "network"],
)
@pytest.mark.parametrize("objective", ["loss", "error"])
def test_inner_products_fall(problem, surrogate, objective):
    X, y, finder = problem
    poisoner = GradientPoisoner(
        FrozenEstimator(finder),
        target=1,
        surrogate=surrogate,
        objective=objective,
        constraints=FeatureConstraints.from_data(X, eps=0.5),
        refit_every=0,
        random_state=0,
    ).fit(X, y)
    products = poisoner.inner_products_
    assert products.shape == (31,)
    assert products.min() < products[0] - 0.2 * abs(products[0])
    assert np.mean(np.diff(products[:6]) < 0) >= 0.8


def test_inner_product_is_that_of_mean_gradients(problem):
    X, y, finder = problem
    model = LogisticRegression().fit(X, y)
    poisoner = GradientPoisoner(
        FrozenEstimator(finder),
        target=1,
        surrogate=FrozenEstimator(model),
        objective="loss",
        n_steps=8,
        random_state=0,
    )
    X_res, y_res = poisoner.fit_resample(X, y)

    def gradient(X, y):
        residuals = model.predict_proba(X)[:, 1] - y
        return np.append(residuals @ X, residuals.sum()) / len(X)

    mask, members = poisoner.poison_mask_, finder.membership(X, 1)
    of_target = gradient(X[members], y[members])
    copies = X[poisoner.sample_indices_[mask]]
    first, best = (
        of_target @ gradient(rows, y_res[mask]) for rows in (copies, X_res[mask])
    )
    assert poisoner.inner_products_[0] == pytest.approx(first)
    assert poisoner.inner_products_.min() == pytest.approx(best)


def test_refits_make_the_poison_stronger_once_a_model_is_trained_on_it(problem):
    X, y, finder = problem
    members = finder.membership(X, 1)

    def loss_after_training(X_res, y_res):
        proba = LogisticRegression().fit(X_res, y_res).predict_proba(X[members])
        return -np.log(proba[np.arange(len(proba)), y[members]]).mean()

    losses = {}
    for every in (0, 1):
        poisoner = GradientPoisoner(
            FrozenEstimator(finder),
            target=1,
            alpha=0.5,
            objective="loss",
            refit_every=every,
            random_state=0,
        )
        X_res, y_res = poisoner.fit_resample(X, y)
        losses[every] = loss_after_training(X_res, y_res)
    flipped = loss_after_training(X[poisoner.sample_indices_], y_res)
    assert losses[1] > flipped + 0.1
    assert losses[1] > losses[0] + 0.1


def test_without_poison_there_are_no_inner_products(problem):
    X, y, _ = problem
    assert GradientPoisoner(alpha=0).fit(X, y).inner_products_ is None
