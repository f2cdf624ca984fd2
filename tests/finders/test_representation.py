import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from skpoison.finders import Representation, _net_activations

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
    with pytest.raises(ValueError, match="names a layer"):
        Representation(network, "last").fit(X, y)


def skorch_net(module=None, **settings):
    pytest.importorskip("skorch")
    from skpoison.nets import SeededNetClassifier, TabularNet

    defaults = {"max_epochs": 2, "random_state": 0}
    return SeededNetClassifier(module or TabularNet, **(defaults | settings))


@pytest.fixture
def images(digits):
    X, y = digits
    return X.reshape(-1, 1, 8, 8).astype(np.float32), y


def conv_net(**settings):
    pytest.importorskip("skorch")
    from skpoison.nets import ConvNet

    return skorch_net(ConvNet, module__width=2, **settings)


@pytest.mark.parametrize("layer", ["penultimate", 0, -1, "hidden"])
def test_hidden_layer_of_a_skorch_net(digits, layer):
    X, y = digits
    net = skorch_net(module__hidden_layer_sizes=(7,)).fit(X, y)
    Z = Representation(FrozenEstimator(net), layer).fit(X).transform(X)
    last = net.module_.output
    logits = Z @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    assert Z.shape == (300, 7)
    np.testing.assert_array_equal(logits.argmax(axis=1), net.predict(X))
    np.testing.assert_allclose(Z, net.transform(X))


def test_pipeline_of_a_skorch_net(digits):
    X, y = digits
    model = make_pipeline(MinMaxScaler(), skorch_net())
    alone = Representation(skorch_net()).fit(MinMaxScaler().fit_transform(X), y)
    Z = Representation(model).fit(X, y).transform(X)
    np.testing.assert_allclose(Z, alone.transform(MinMaxScaler().fit_transform(X)))
    out = Representation(model, "output").fit(X, y).transform(X)
    np.testing.assert_allclose(out, model.fit(X, y).predict_proba(X), atol=1e-6)


def test_plain_skorch_net(digits):
    skorch = pytest.importorskip("skorch")
    torch = pytest.importorskip("torch")
    X, y = digits
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = torch.nn.Sequential(
            torch.nn.Linear(64, 6), torch.nn.Tanh(), torch.nn.Linear(6, 10)
        )
        net = skorch.NeuralNetClassifier(
            module, criterion=torch.nn.CrossEntropyLoss, max_epochs=1, verbose=0
        ).fit(X.astype(np.float32), y.astype(np.int64))
    rows = X.astype(np.float32)
    Z = Representation(FrozenEstimator(net)).fit(rows).transform(rows)
    with torch.no_grad():
        expected = module[:2](torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(Z, expected, atol=1e-6)


def test_pixels_are_pooled_or_taken(images):
    X, y = images
    net = FrozenEstimator(conv_net().fit(X, y))
    pooled = Representation(net, "features.0").fit(X).transform(X)
    taken = Representation(net, "features.0", pooling=None).fit(X).transform(X)
    assert pooled.shape == (300, 2)
    assert taken.shape == (300, 2 * 64)
    np.testing.assert_allclose(
        pooled, taken.reshape(300, 2, 64).mean(axis=2), atol=1e-6
    )


def test_components_are_those_of_all_rows(images):
    X, y = images
    net = FrozenEstimator(conv_net(batch_size=64).fit(X, y))
    settings = {"layer": "features.0", "pooling": None}
    whole = Representation(net, **settings).fit(X).transform(X)
    representation = Representation(net, **settings, n_components=5).fit(X)
    Z = representation.transform(X)
    assert Z.shape == (300, 5)
    assert list(representation.get_feature_names_out())[:1] == ["representation0"]
    expected = PCA(5, svd_solver="full").fit_transform(whole)
    np.testing.assert_allclose(np.abs(Z), np.abs(expected), atol=1e-3)


def test_components_of_models_of_scikit_learn(digits):
    X, y = digits
    network = MLPClassifier((7,), solver="lbfgs", max_iter=15, random_state=0)
    whole = Representation(network).fit(X, y).transform(X)
    Z = Representation(network, n_components=3).fit(X, y).transform(X)
    expected = PCA(3, svd_solver="full").fit_transform(whole)
    np.testing.assert_allclose(np.abs(Z), np.abs(expected), atol=1e-8)


def test_components_over_several_steps(images, monkeypatch):
    X, y = images
    monkeypatch.setattr(_net_activations, "STEP", 70)
    net = FrozenEstimator(conv_net(batch_size=32).fit(X, y))
    settings = {"layer": "features.0", "pooling": None}
    whole = Representation(net, **settings).fit(X).transform(X)
    Z = Representation(net, **settings, n_components=60).fit(X).transform(X)
    exact = PCA(60, svd_solver="full").fit(whole)
    # Leading components are found whatever the steps; they hold most of the spread.
    assert Z.var(axis=0).sum() > 0.99 * exact.explained_variance_.sum()


def test_activations_that_no_memory_holds(images, monkeypatch):
    X, y = images
    net = FrozenEstimator(conv_net().fit(X, y))
    monkeypatch.setattr(_net_activations, "MAX_BYTES", 10_000)
    representation = Representation(net, "features.0", pooling=None).fit(X)
    with pytest.raises(ValueError, match="n_components"):
        representation.transform(X)
    small = Representation(net, "features.0", pooling=None, n_components=3).fit(X)
    assert small.transform(X).shape == (300, 3)


def test_errors_of_net_layers(images):
    X, y = images
    net = FrozenEstimator(conv_net().fit(X, y))
    with pytest.raises(ValueError, match=r"no layer of ConvNet.*features\.0"):
        Representation(net, "convolution").fit(X)
    with pytest.raises(ValueError, match="numbered 0 to 7"):
        Representation(net, 99).fit(X)
    with pytest.raises(ValueError, match="at most the number of rows"):
        Representation(net, n_components=1000).fit(X)


def test_errors_of_layers_elsewhere(digits):
    X, y = digits
    network = MLPClassifier((5,), solver="lbfgs", max_iter=15, random_state=0)
    with pytest.raises(ValueError, match="names a layer, and those of MLPClassifier"):
        Representation(network, "hidden").fit(X, y)
    with pytest.raises(ValueError, match="at most the number of rows"):
        Representation(network, n_components=6).fit(X, y)
    with pytest.raises(ValueError, match="LogisticRegression has none"):
        Representation(LogisticRegression(max_iter=300), "hidden").fit(X, y)
