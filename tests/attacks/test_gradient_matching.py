import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import FeatureConstraints
from skpoison.attacks._eps_ball import EpsBall, floats_of
from skpoison.attacks._gradient_matching import (
    GradientMatching,
    SignedAdam,
    match_gradients,
)
from skpoison.influence._losses import loss_of

MODELS = {
    "logistic": LogisticRegression(C=2.0),
    "ridge": RidgeClassifier(),
    "network": MLPClassifier((5,), activation="tanh", max_iter=30, random_state=0),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
}


def make_matching(model, n_classes=3, n=12):
    rng = np.random.RandomState(0)
    X, y = rng.randn(90, 4), np.arange(90) % n_classes
    X[:, 0] += y
    model.fit(X, y)
    loss = loss_of(model, X, "test")
    direction = loss.gradient(X[:3], np.full(3, 1))
    return X[y == 1][:n], GradientMatching(loss, np.full(n, 1), direction)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", MODELS)
def test_derivatives_of_the_cosine_are_those_of_finite_differences(name, n_classes):
    X, matching = make_matching(MODELS[name], n_classes)

    def value(flat):
        return matching.value(flat.reshape(X.shape))

    numeric = approx_fprime(X.ravel(), value, 1e-6).reshape(X.shape)
    exact = matching.derivatives(X)
    assert np.abs(exact).max() > 1e-4
    assert_allclose(exact, numeric, atol=2e-6)


def test_value_is_one_minus_the_cosine():
    X, matching = make_matching(LogisticRegression())
    gradient = matching.loss.gradient(X, matching.codes)
    cosine = gradient @ matching.direction / np.linalg.norm(gradient)
    assert matching.value(X) == pytest.approx(1 - cosine)


def test_rows_without_gradient_stay_where_they_are():
    class Flat:
        def gradient(self, X, codes):
            return np.zeros(3)

    matching = GradientMatching(Flat(), np.zeros(2, int), np.ones(3))
    assert matching.value(np.ones((2, 4))) == 1
    assert_array_equal(matching.derivatives(np.ones((2, 4))), np.zeros((2, 4)))


def test_first_step_of_signed_adam_is_the_sign():
    adam = SignedAdam((3,))
    step = adam.direction(np.array([1e-9, -5.0, 0.0]))
    assert_allclose(step, [1, -1, 0], atol=1e-6)
    # Derivatives that change sign each time move less and less.
    steps = [adam.direction(np.array([(-1.0) ** i] * 3)) for i in range(60)]
    assert np.abs(steps[-1]).max() < 0.2


def make_ball(X, eps, dtype=np.float64, **limits):
    limits = FeatureConstraints(-4, 4, **limits).for_rows(X.astype(dtype))
    limits.eps = np.minimum(limits.eps, eps)
    return EpsBall(X.astype(dtype), X, limits)


def test_value_falls_with_the_number_of_steps(seed):
    X, matching = make_matching(LogisticRegression())
    ball = make_ball(X, 0.3)
    values = [
        match_gradients(matching, ball, n, 0.1, np.random.RandomState(seed))[1]
        for n in (1, 10, 100, 400)
    ]
    assert np.all(np.diff(values) < 0)
    assert values[-1] < matching.value(X)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_ball_holds_for_the_numbers_of_the_container(dtype, scale, seed):
    rng = np.random.RandomState(seed)
    X = (scale * rng.rand(200, 5)).astype(dtype).astype(float)
    limits = FeatureConstraints(0.0, 0.7 * scale, eps=0.1 * scale).for_rows(
        X.astype(dtype)
    )
    X = np.minimum(X, dtype(0.69 * scale)).astype(float)
    ball = EpsBall(X.astype(dtype), X, limits)
    for rows in (X + scale, X - scale, ball.draw(rng)):
        moved = ball.settle(rows)
        assert_array_equal(moved.astype(dtype), moved)
        assert np.abs(moved - X).max() <= 0.1 * scale
        assert 0 <= moved.min() <= moved.max() <= 0.7 * scale
        assert np.abs(moved - X).max() > 0.05 * scale


def test_ball_keeps_whole_numbers_and_fixed_features():
    X = np.tile([[1.0, 2.0, 3.0]], (4, 1))
    ball = make_ball(X, 1.5, integer=[1], immutable=[2])
    moved = ball.settle(X + 0.8)
    assert_array_equal(moved, np.tile([[1.8, 3.0, 3.0]], (4, 1)))
    assert not ball.is_point
    assert make_ball(X, 0.5, integer=[0, 1, 2]).is_point


def test_one_hot_columns_move_only_where_eps_lets_them_switch():
    X = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.3]])
    groups = {"lower": [0, 0, -1], "upper": [1, 1, 1], "one_hot": [[0, 1]]}
    rows = np.array([[0.0, 1.0, 0.2], [0.9, 0.1, 0.2]])
    for eps, expected in ((0.6, X[:, :2]), (1.0, X[::-1, :2])):
        limits = FeatureConstraints(**groups).for_rows(X)
        limits.eps = np.minimum(limits.eps, eps)
        moved = EpsBall(X, X, limits).settle(rows)
        assert_array_equal(moved[:, :2], expected)
        assert_allclose(moved[:, 2], 0.2)


def test_floats_of_frames_are_told_by_column():
    frame = pd.DataFrame(
        {
            "half": np.zeros(2, np.float16),
            "single": np.zeros(2, np.float32),
            "double": np.zeros(2),
            "nullable": pd.array([1.0, 2.0], dtype="Float32"),
            "whole": [1, 2],
        }
    )
    assert floats_of(frame).tolist() == [0, 1, 2, 1, 2]
