import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler
from sklearn.svm import LinearSVC

from skpoison.defenses._row_gradients import (
    RowGradients,
    check_gradients,
    outlier_scores,
)

NETWORK = MLPClassifier((5, 3), max_iter=30, solver="lbfgs", random_state=0)
MODELS = [
    LogisticRegression(max_iter=1000),
    LogisticRegression(max_iter=1000, class_weight={0: 3.0, 1: 1.0, 2: 0.5}),
    LogisticRegression(fit_intercept=False, max_iter=1000),
    LinearSVC(),
    RidgeClassifier(),
    NETWORK,
    make_pipeline(StandardScaler(), NETWORK),
    FrozenEstimator(make_pipeline(StandardScaler(), LogisticRegression())),
    # No affine step, and sparse.
    make_pipeline(KBinsDiscretizer(3, quantile_method="linear"), LogisticRegression())
    if "quantile_method" in KBinsDiscretizer().get_params()
    else make_pipeline(KBinsDiscretizer(3), LogisticRegression()),
]


def fitted(model, X, y):
    if isinstance(model, FrozenEstimator):
        return FrozenEstimator(clone(model.estimator).fit(X, y))
    return clone(model).fit(X, y)


def naive(gradients, n_samples):
    """Scores by the matrix of all gradients and its singular vectors."""
    G = np.stack([gradients.sum(row) for row in np.eye(n_samples)])
    G = G - G.mean(axis=0)
    return (G @ np.linalg.svd(G, full_matrices=False)[2][0]) ** 2


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_scores_are_those_of_the_singular_vector(model, seed):
    X, y = load_iris(return_X_y=True)
    gradients = RowGradients(fitted(model, X, y), X, y, "Sever")
    scores = outlier_scores(gradients, len(y), np.random.RandomState(seed))
    expected = naive(gradients, len(y))
    np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-9 * expected.max())


def test_gradients_are_those_of_a_softmax():
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(X, y)
    gradients = RowGradients(model, X, y, "Sever")
    residuals = model.predict_proba(X) - np.eye(3)[y]
    ones = np.column_stack([X, np.ones(len(X))])
    G = np.einsum("ij,ik->ijk", residuals, ones).reshape(len(X), -1)
    v = np.random.RandomState(0).standard_normal(G.shape[1])
    np.testing.assert_allclose(gradients.times(v), G @ v, atol=1e-10)
    G -= G.mean(axis=0)
    expected = (G @ np.linalg.svd(G, full_matrices=False)[2][0]) ** 2
    scores = outlier_scores(gradients, len(y), np.random.RandomState(0))
    np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-10)


def test_sparse_rows_stay_sparse():
    X, y = load_digits(return_X_y=True)
    rows = sparse.csr_array(X)
    model = LogisticRegression(C=0.001, max_iter=1000).fit(rows, y)
    gradients = RowGradients(model, rows, y, "Sever")
    assert sparse.issparse(gradients.X)
    dense = RowGradients(model, X, y, "Sever")
    scores = [
        outlier_scores(g, len(y), np.random.RandomState(0)) for g in (gradients, dense)
    ]
    np.testing.assert_allclose(*scores, rtol=1e-6, atol=1e-9 * scores[1].max())


class OneParameter:
    """Gradients of one parameter, which are given."""

    def __init__(self, values):
        self.values = np.asarray(values, dtype=float)

    def times(self, v):
        return self.values * v

    def sum(self, weights):
        return weights @ self.values


def test_one_parameter_and_two_rows_will_do():
    rng = np.random.RandomState(0)
    scores = outlier_scores(OneParameter([1, 2, 6]), 3, rng)
    np.testing.assert_allclose(scores, [4, 1, 9])
    np.testing.assert_allclose(outlier_scores(OneParameter([1, 3]), 2, rng), [1, 1])


def test_equal_gradients_have_no_outliers():
    rng = np.random.RandomState(0)
    assert not outlier_scores(OneParameter(np.zeros(5)), 5, rng).any()
    scores = outlier_scores(OneParameter(np.full(5, 7)), 5, rng)
    np.testing.assert_allclose(scores, 0, atol=1e-12)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(),
        make_pipeline(StandardScaler(), RandomForestClassifier()),
    ],
)
def test_models_without_gradients_are_told_what_works(model):
    with pytest.raises(TypeError, match=r"(?s)of Sever has no gradients.*Trim.*Sphere"):
        check_gradients(model, "Sever")


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_nets_have_gradients(shape):
    pytest.importorskip("skorch")
    from skpoison.nets import ConvNet, SeededNetClassifier, TabularNet

    rng = np.random.RandomState(0)
    y = np.repeat(["a", "b"], 6)
    is_table = len(shape) == 1
    if is_table:
        X = rng.standard_normal((12, *shape)) + (y == "a")[:, np.newaxis]
    else:
        X = rng.randint(0, 255, (12, *shape)).astype(np.uint8)
    module = TabularNet if is_table else ConvNet
    net = SeededNetClassifier(module, max_epochs=2, device="cpu", random_state=0)
    gradients = RowGradients(net.fit(X, y), X, y, "Sever")
    scores = outlier_scores(gradients, len(y), rng)
    expected = naive(gradients, len(y))
    # Nets compute in single precision.
    np.testing.assert_allclose(scores, expected, rtol=1e-2, atol=1e-3 * expected.max())
    losses = gradients.loss.losses(gradients.X, gradients.codes)
    own = net.predict_proba(X)[np.arange(12), (y == "b").astype(int)]
    np.testing.assert_allclose(losses, -np.log(own), rtol=1e-4)
