import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from skpoison.finders import Representation

# Networks here need no training to the end.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300]


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("layer", ["penultimate", 0, 1, -1, -2])
def test_output_layer_on_top_gives_the_prediction(digits, activation, layer):
    X, y = digits
    network = MLPClassifier(
        (12, 7), activation=activation, solver="lbfgs", max_iter=15, random_state=0
    )
    network.fit(X, y)
    Z = Representation(FrozenEstimator(network), layer).fit(X).transform(X)
    first = layer in (0, -2)
    assert Z.shape == (300, 12 if first else 7)
    if not first:
        logits = Z @ network.coefs_[-1] + network.intercepts_[-1]
        np.testing.assert_array_equal(
            network.classes_[logits.argmax(axis=1)], network.predict(X)
        )


def test_pipeline_and_output(digits):
    X, y = digits
    network = MLPClassifier((5,), solver="lbfgs", max_iter=15, random_state=0)
    model = make_pipeline(MinMaxScaler(), network)
    Z = Representation(model).fit(X, y).transform(X)
    alone = Representation(network).fit(MinMaxScaler().fit_transform(X), y)
    np.testing.assert_allclose(Z, alone.transform(MinMaxScaler().fit_transform(X)))
    out = Representation(model, "output").fit(X, y)
    np.testing.assert_allclose(out.transform(X), model.fit(X, y).predict_proba(X))
    images = make_pipeline(FunctionTransformer(lambda X: X.reshape(len(X), -1)), model)
    as_images = Representation(images).fit(X.reshape(-1, 8, 8), y)
    np.testing.assert_allclose(as_images.transform(X.reshape(-1, 8, 8)), Z)


def test_models_without_hidden_layers(digits):
    X, y = digits
    logistic = LogisticRegression(max_iter=300).fit(X, y)
    np.testing.assert_array_equal(
        Representation(FrozenEstimator(logistic)).fit(X).transform(X),
        logistic.predict_proba(X),
    )
    ridge = Representation(RidgeClassifier()).fit(X, y)
    assert ridge.transform(X).shape == (300, 10)
    assert Representation(RidgeClassifier()).fit(X, y > 4).transform(X).shape == (
        300,
        1,
    )
    assert ridge.get_feature_names_out()[0] == "representation0"


def test_bad_layers(digits):
    X, y = digits
    network = MLPClassifier((5,), solver="lbfgs", max_iter=15, random_state=0)
    with pytest.raises(ValueError, match="1 hidden layers, numbered 0 to 0"):
        Representation(network, 1).fit(X, y)
    with pytest.raises(ValueError, match="LogisticRegression has none"):
        Representation(LogisticRegression(max_iter=300), 0).fit(X, y)
    with pytest.raises(ValueError, match="'layer' parameter of Representation"):
        Representation(network, "last").fit(X, y)
