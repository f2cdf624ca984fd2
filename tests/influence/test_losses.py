"""Losses, gradients in parameters and gradients in rows, against finite differences."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    RidgeClassifier,
)
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler
from sklearn.svm import LinearSVC

from skpoison.influence._losses import loss_of

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)


def mlp(hidden, activation="relu"):
    return MLPClassifier(hidden, activation=activation, max_iter=20, random_state=0)


MODELS = [
    LogisticRegression(),
    LogisticRegression(fit_intercept=False),
    LinearSVC(),
    LinearSVC(fit_intercept=False),
    RidgeClassifier(),
    mlp((5,)),
    mlp((4, 3)),
    mlp((4, 3), "tanh"),
    mlp((4,), "logistic"),
    mlp((4, 3), "identity"),
    make_pipeline(StandardScaler(), PCA(4), LogisticRegression()),
    make_pipeline(MinMaxScaler(), mlp((4,))),
]


def make_rows(n_classes, seed):
    return make_classification(
        120, 7, n_informative=5, n_classes=n_classes, random_state=seed
    )


def fitted_loss(model, n_classes, seed):
    X, y = make_rows(n_classes, seed)
    loss = loss_of(model.fit(X, y), X, "the test")
    V = np.random.RandomState(seed).standard_normal(loss.n_params)
    return loss, X, loss.codes(y), V


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_gradients_in_rows_are_derivatives_of_products(model, n_classes, seed):
    loss, X, codes, V = fitted_loss(model, n_classes, seed)
    given = loss.input_gradients(X, codes, V)
    step = 1e-6
    for j in range(X.shape[1]):
        ends = [X.copy(), X.copy()]
        ends[0][:, j] += step
        ends[1][:, j] -= step
        up, down = (loss.products(end, codes, V) for end in ends)
        np.testing.assert_allclose(
            given[:, j], (up - down) / (2 * step), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_mean_of_products_is_the_product_of_the_gradient(model, n_classes):
    loss, X, codes, V = fitted_loss(model, n_classes, 0)
    products = loss.products(X, codes, V)
    assert products.mean() == pytest.approx(loss.gradient(X, codes) @ V)
    weights = np.arange(len(X)) / 7
    assert weights @ products == pytest.approx(loss.gradient(X, codes, weights) @ V)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", MODELS[:10], ids=str)
def test_products_are_derivatives_of_losses_in_the_parameters(model, n_classes):
    loss, X, codes, V = fitted_loss(model, n_classes, 1)
    ends = []
    for step in (1e-6, -1e-6):
        moved = loss_of(model, X, "the test")
        if hasattr(moved, "coefs"):
            layers = moved.split(moved.parameters() + step * V)
            moved.coefs, moved.intercepts = map(list, zip(*layers, strict=True))
        else:
            W, b = moved._split(moved.parameters() + step * V)
            moved.coef, moved.intercept = W, b if moved.has_intercept else None
        ends.append(moved.losses(X, codes))
    expected = (ends[0] - ends[1]) / 2e-6
    np.testing.assert_allclose(
        loss.products(X, codes, V), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", [MODELS[0], MODELS[5], MODELS[10]], ids=str)
def test_log_losses_are_those_of_scikit_learn(model, n_classes):
    loss, X, codes, _ = fitted_loss(model, n_classes, 0)
    expected = log_loss(codes, model.predict_proba(X))
    assert loss.losses(X, codes).mean() == pytest.approx(expected)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(tol=1e-10, max_iter=10_000),
        LogisticRegression(C=0.1, solver="newton-cholesky", tol=1e-10),
        LinearSVC(C=0.5, dual=False, tol=1e-10, max_iter=100_000),
        LinearSVC(C=0.5, dual=False, tol=1e-10, intercept_scaling=3.0),
        RidgeClassifier(alpha=3.0),
    ],
    ids=str,
)
def test_gradient_and_penalty_vanish_at_the_optimum(model, n_classes):
    loss, X, codes, _ = fitted_loss(model, n_classes, 0)
    penalty = loss.penalty(len(X)) * loss.parameters()
    assert np.abs(loss.gradient(X, codes) + penalty).max() < 1e-6


def test_liblinear_penalizes_the_intercept():
    X, y = make_rows(2, 0)
    model = LogisticRegression(solver="liblinear", intercept_scaling=2.0, tol=1e-10)
    loss = loss_of(model.fit(X, y), X, "the test")
    penalty = loss.penalty(len(X)) * loss.parameters()
    assert np.abs(loss.gradient(X, loss.codes(y)) + penalty).max() < 1e-5


@pytest.mark.parametrize(
    "model", [LogisticRegression(), LinearSVC(), mlp((3,)), MODELS[10]], ids=str
)
def test_sparse_rows_are_as_dense_ones(model):
    X, y = make_rows(3, 0)
    X[X < 0.5] = 0
    loss = loss_of(model.fit(X, y), X, "the test")
    V, codes = np.linspace(-1, 1, loss.n_params), loss.codes(y)
    rows = sparse.csr_array(X)
    np.testing.assert_allclose(loss.losses(rows, codes), loss.losses(X, codes))
    np.testing.assert_allclose(
        loss.products(rows, codes, V), loss.products(X, codes, V)
    )
    np.testing.assert_allclose(loss.gradient(rows, codes), loss.gradient(X, codes))
    np.testing.assert_allclose(
        loss.input_gradients(rows, codes, V), loss.input_gradients(X, codes, V)
    )


def test_frozen_models_are_thawed():
    X, y = make_rows(2, 0)
    model = FrozenEstimator(make_pipeline(FrozenEstimator(StandardScaler().fit(X))))
    inner = make_pipeline(model, LogisticRegression()).fit(X, y)
    loss = loss_of(FrozenEstimator(inner), X, "the test")
    assert loss.losses(X, y).mean() == pytest.approx(
        log_loss(y, inner.predict_proba(X))
    )


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(2),
        make_pipeline(StandardScaler(), RandomForestClassifier(2)),
        LogisticRegressionCV(Cs=[1.0]),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_models_without_gradients_are_named_with_what_works(model):
    X, y = make_rows(2, 0)
    with pytest.raises(TypeError, match=r"surrogate=.* of Me has no .*SubpopPoisoner"):
        loss_of(model.fit(X, y), X, "Me")


def test_steps_that_are_not_affine_are_refused():
    X, y = make_rows(2, 0)
    model = make_pipeline(
        QuantileTransformer(n_quantiles=10), LogisticRegression()
    ).fit(X, y)
    with pytest.raises(TypeError, match="not an affine function"):
        loss_of(model, X, "Me")


def test_unknown_classes_are_refused():
    X, y = make_rows(2, 0)
    loss = loss_of(LogisticRegression().fit(X, y), X, "Me")
    with pytest.raises(ValueError, match=r"classes \[0, 1\]. Got \[7\]"):
        loss.codes(np.array([0, 1, 7]))
