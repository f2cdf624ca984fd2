"""Fine-pruning and trusted tuning of nets of skorch."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

pytest.importorskip("torch")
pytest.importorskip("skorch")

import torch
from skorch import NeuralNetClassifier
from torch import nn

from skpoison.attacks import BackdoorPoisoner, FeatureTrigger, everything
from skpoison.defenses import FinePruning, TrustedFineTuning
from skpoison.nets import SeededNetClassifier, TabularNet


class SmallConvNet(nn.Module):
    def __init__(self, n_channels, n_classes, norm=False):
        super().__init__()
        self.first = nn.Conv2d(n_channels, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 12, 3, padding=1)
        self.norm = nn.BatchNorm2d(12) if norm else nn.Identity()
        self.pool = nn.AvgPool2d(2)
        self.output = nn.Linear(12 * 16, n_classes)

    def forward(self, X):
        Z = torch.relu(self.norm(self.second(torch.relu(self.first(X)))))
        return self.output(self.pool(Z).flatten(1))


@pytest.fixture(scope="module")
def images():
    """Digits as images of one channel: training rows, and trusted ones."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).reshape(-1, 1, 8, 8).astype(np.float32)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
    trusted = {"X_trusted": X_test[:200], "y_trusted": y_test[:200]}
    return X, y, trusted, X_test[200:], y_test[200:]


def make_net(**params):
    params = {"max_epochs": 4, "lr": 0.01, "random_state": 0, "device": "cpu"} | params
    return SeededNetClassifier(SmallConvNet, **params)


@pytest.fixture(scope="module")
def net(images):
    return make_net().fit(*images[:2])


def masked_output(net, layer, units, X):
    """Logits of a net with some units of a layer at zero."""

    def mask(part, args, output):
        output[:, units] = 0
        return output

    handle = net.module_.get_submodule(layer).register_forward_hook(mask)
    try:
        return net.predict_proba(X)
    finally:
        handle.remove()


@pytest.mark.parametrize("layer", ["first", "second", 0, "penultimate"])
def test_pruned_channels_give_zero(images, net, layer):
    X, y, trusted = images[:3]
    start = {k: v.clone() for k, v in net.module_.state_dict().items()}
    pruning = FinePruning(
        FrozenEstimator(net), layer=layer, tolerance=1, max_pruned=0.5, n_epochs=0
    ).fit(X, y, **trusted)
    name = {0: "first", "penultimate": "second"}.get(layer, layer)
    units = pruning.pruned_units_
    assert len(units) == {"first": 4, "second": 6}[name]
    expected = masked_output(net, name, units, X[:50])
    np.testing.assert_allclose(pruning.predict_proba(X[:50]), expected, atol=1e-6)
    # The trained net is as it was.
    for key, value in net.module_.state_dict().items():
        assert torch.equal(value, start[key])


def test_activations_are_means_over_pixels_of_what_the_next_layer_takes(images, net):
    X, y, trusted = images[:3]
    pruning = FinePruning(
        FrozenEstimator(net), layer="first", n_epochs=0, max_pruned=0, random_state=0
    ).fit(X, y, **trusted)
    with torch.no_grad():
        Z = torch.relu(net.module_.first(torch.as_tensor(trusted["X_trusted"])))
    # Those of all trusted rows, of which some are kept to measure accuracy.
    np.testing.assert_allclose(pruning.activations_, Z.mean((0, 2, 3)), rtol=0.1)


@pytest.mark.parametrize("norm", [False, True])
def test_pruned_channels_stay_at_zero_in_tuning(images, norm):
    X, y, trusted = images[:3]
    net = make_net(module__norm=norm, optimizer__weight_decay=0.01)
    pruning = FinePruning(net, tolerance=1, max_pruned=0.5, n_epochs=3, random_state=0)
    module = pruning.fit(X, y, **trusted).estimator_.module_
    with torch.no_grad():
        Z = module.norm(module.second(torch.relu(module.first(torch.as_tensor(X)))))
    magnitudes = Z.abs().amax((0, 2, 3)).numpy()
    units = pruning.pruned_units_
    assert (magnitudes[units] == 0).all()
    assert (np.delete(magnitudes, units) > 0).all()
    assert pruning.score(X, y) > 0.9


def test_backdoor_is_lost(images, seed):
    X, y, trusted, X_test, y_test = images
    poisoner = BackdoorPoisoner(
        target=everything,
        alpha=0.05,
        label=0,
        trigger=FeatureTrigger((0, slice(0, 2), slice(6, 8)), 1),
        random_state=seed,
    )
    poisoned = poisoner.fit_resample(X, y)
    stamped = poisoner.apply_trigger(X_test[y_test != 0])
    net = make_net(random_state=seed, max_epochs=10)
    pruning = FinePruning(net, n_epochs=30, random_state=0).fit(*poisoned, **trusted)
    plain = net.fit(*poisoned)
    success = [np.mean(model.predict(stamped) == 0) for model in (plain, pruning)]
    assert success[0] > 0.8
    assert success[1] < 0.4
    assert pruning.score(X_test, y_test) > plain.score(X_test, y_test) - 0.03


def test_units_of_tables(images):
    X, y, trusted = images[:3]
    X, trusted = X.reshape(-1, 64), {**trusted}
    trusted["X_trusted"] = trusted["X_trusted"].reshape(-1, 64)
    net = SeededNetClassifier(
        TabularNet,
        module__hidden_layer_sizes=(16, 8),
        max_epochs=4,
        lr=0.01,
        random_state=0,
        device="cpu",
    )
    pruning = FinePruning(net, layer=0, tolerance=1, n_epochs=2, random_state=0)
    pruning.fit(X, y, **trusted)
    assert len(pruning.pruned_units_) == 14
    weight = pruning.estimator_.module_.hidden[0].weight
    assert (weight[pruning.pruned_units_] == 0).all()


@pytest.mark.parametrize("defense", [FinePruning, TrustedFineTuning])
def test_same_seed_same_bytes_and_pickles(images, defense):
    X, y, trusted = images[:3]
    names = np.array(list("abcdefghij"))
    trusted = {**trusted, "y_trusted": names[trusted["y_trusted"]]}
    one = defense(make_net(random_state=None, max_epochs=1), n_epochs=1, random_state=3)
    one.fit(X, names[y], **trusted)
    other = clone(one).fit(X, names[y], **trusted)
    expected = one.predict_proba(X)
    np.testing.assert_array_equal(other.predict_proba(X), expected)
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert set(one.predict(X)) <= set(names)
    assert one.estimator_.max_epochs == 1


def test_a_net_of_skorch_itself(images):
    X, y, trusted = images[:3]
    net = NeuralNetClassifier(
        SmallConvNet,
        module__n_channels=1,
        module__n_classes=10,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        max_epochs=4,
        lr=0.01,
        train_split=None,
        verbose=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pruning = FinePruning(net, n_epochs=2, random_state=0).fit(X, y, **trusted)
    assert pruning.score(X, y) > 0.8
    assert pruning.estimator_.max_epochs == 4


def test_layers_that_do_not_exist(images, net):
    X, y, trusted = images[:3]
    for layer in ("output", "norm", "third", 2, -3):
        pruning = FinePruning(FrozenEstimator(net), layer=layer)
        with pytest.raises(ValueError, match=r"Those are \['first', 'second'\]"):
            pruning.fit(X, y, **trusted)
    shallow = SeededNetClassifier(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), max_epochs=1, device="cpu"
    )
    with pytest.raises(ValueError, match="Sequential has none"):
        FinePruning(shallow).fit(X, y, **trusted)


def test_tuning_trains_on_trusted_rows(images, net):
    X, y, trusted, X_test, y_test = images
    wrong = np.where(y < 5, y, 9 - y + 5)
    tuned = TrustedFineTuning(make_net(), n_epochs=10, random_state=0)
    tuned.fit(X, wrong, **trusted)
    assert make_net().fit(X, wrong).score(X_test, y_test) < 0.7
    assert tuned.score(X_test, y_test) > 0.9
