"""Estimates by one Newton step."""

import numpy as np
import pytest
from scipy import optimize
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import LinearSVC

from skpoison.refit import refit_poisoned


def make_data(n_classes, n=200, d=4):
    X, y = make_classification(
        n, d, n_informative=4, n_redundant=0, n_classes=n_classes, random_state=0
    )
    return X, y, [(X[:0], y[:0]), (X[:3], (y[:3] + 1) % n_classes), (X[:40], y[40:80])]


def objective(theta, X, y, n_classes, C):
    """Mean log loss with its penalty, as scikit-learn has it."""
    k = 1 if n_classes == 2 else n_classes
    W = theta.reshape(k, -1)
    Z = X @ W[:, :-1].T + W[:, -1]
    if k == 1:
        Z = np.c_[np.zeros(len(X)), Z]
    loss = np.logaddexp.reduce(Z, axis=1) - Z[np.arange(len(y)), y]
    return loss.mean() + (W[:, :-1] ** 2).sum() / (2 * C * len(y))


def derivatives(theta, *args):
    """Gradient and second derivatives by differences."""
    gradient = optimize.approx_fprime(theta, objective, 1e-6, *args)
    h, n = 1e-4, len(theta)
    H = np.empty((n, n))
    for i, e in enumerate(np.eye(n) * h):
        up = optimize.approx_fprime(theta + e, objective, 1e-6, *args)
        down = optimize.approx_fprime(theta - e, objective, 1e-6, *args)
        H[i] = (up - down) / (2 * h)
    return gradient, (H + H.T) / 2


def flat(model):
    return np.c_[model.coef_, model.intercept_].ravel()


def centered(theta, n_classes):
    """Intercepts may all be shifted by the same, which changes nothing."""
    W = theta.reshape(1 if n_classes == 2 else n_classes, -1).copy()
    if n_classes > 2:
        W[:, -1] -= W[:, -1].mean()
    return W


@pytest.mark.parametrize("n_classes", [2, 3])
def test_an_estimate_is_one_full_newton_step_from_the_clean_model(n_classes):
    X, y, poisons = make_data(n_classes)
    estimator = LogisticRegression(C=0.5)
    clean = refit_poisoned(estimator, X, y, poisons[:1])[0]
    models = refit_poisoned(estimator, X, y, poisons, fidelity="influence")
    for j, (rows, labels) in enumerate(poisons):
        data = np.concatenate([X, rows]), np.concatenate([y, labels]), n_classes, 0.5
        gradient, H = derivatives(flat(clean), *data)
        expected = flat(clean) - np.linalg.pinv(H, rcond=1e-5) @ gradient
        found = centered(flat(models[j]), n_classes)
        np.testing.assert_allclose(found, centered(expected, n_classes), atol=1e-3)
        assert n_classes == 2 or abs(models[j].intercept_.sum()) < 1e-6


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_decrement_is_what_is_left_after_the_step(n_classes):
    X, y, poisons = make_data(n_classes)
    estimator = LogisticRegression(C=0.5)
    models = refit_poisoned(estimator, X, y, poisons, fidelity="influence")
    rows, labels = poisons[2]
    data = np.concatenate([X, rows]), np.concatenate([y, labels]), n_classes, 0.5
    gradient, H = derivatives(flat(models[2]), *data)
    left = gradient @ np.linalg.pinv(H, rcond=1e-5) @ gradient
    np.testing.assert_allclose(models.newton_decrements_[2], np.sqrt(left), rtol=0.02)
    np.testing.assert_allclose(
        models.gradient_norms_[2], np.abs(gradient).max(), rtol=0.02
    )


@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearSVC(C=0.1)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_no_poison_needs_no_step_and_much_poison_more_than_one(estimator, n_classes):
    X, y, poisons = make_data(n_classes)
    models = refit_poisoned(estimator, X, y, poisons, fidelity="influence")
    assert models.fidelity_ == "influence"
    assert models.converged_.tolist() == [True, False, False]
    assert models.newton_decrements_[0] < 1e-6
    assert models.newton_decrements_[2] > models.newton_decrements_[0]


def test_a_step_is_exact_for_ridge():
    X, y, poisons = make_data(3)
    exact = refit_poisoned(RidgeClassifier(), X, y, poisons)
    models = refit_poisoned(RidgeClassifier(), X, y, poisons, fidelity="influence")
    assert models.newton_decrements_.max() < 1e-9
    np.testing.assert_array_equal(models[1].coef_, exact[1].coef_)


def test_a_small_poison_is_estimated_well():
    X, y, poisons = make_data(2, n=2000)
    estimator = LogisticRegression()
    values = [
        refit_poisoned(estimator, X, y, poisons[:2], fidelity=fidelity)[1]
        for fidelity in ("refit", "influence")
    ]
    exact, estimate = (model.decision_function(X) for model in values)
    assert np.abs(exact - estimate).max() < 1e-3 * exact.std()
