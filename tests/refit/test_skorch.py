import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skpoison.refit import refit_poisoned

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skorch import NeuralNetClassifier  # noqa: E402
from skorch.callbacks import EarlyStopping  # noqa: E402
from skorch.dataset import ValidSplit  # noqa: E402
from torch import nn  # noqa: E402

from skpoison.nets import (  # noqa: E402
    ConvNet,
    ResNet,
    SeededNetClassifier,
    TabularNet,
)
from skpoison.refit._torch import OPTIMIZERS, refit_nets  # noqa: E402

SIZES = (0, 1, 7, 30, 50)


class Perceptron(nn.Module):
    """A small net, from the same weights each time if it has a seed."""

    def __init__(self, probabilities=False, dropout=0.0, extra=None, seed=0):
        super().__init__()
        with torch.random.fork_rng(enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            self.hidden, self.last = nn.Linear(4, 5), nn.Linear(5, 3)
        self.dropout, self.extra = nn.Dropout(dropout), extra
        self.probabilities = probabilities

    def forward(self, X):
        hidden = self.dropout(torch.relu(self.hidden(X)))
        if self.extra is not None:
            hidden = self.extra(hidden)
        out = self.last(hidden)
        return torch.softmax(out, dim=-1) if self.probabilities else out


class Convolution(nn.Module):
    """Two convolutions; the images have one channel of 6 x 6."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.first, self.second = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 2, 3)
            self.norm, self.last = nn.GroupNorm(1, 3), nn.Linear(2, 3)

    def forward(self, X):
        X = nn.functional.max_pool2d(torch.relu(self.norm(self.first(X))), 1)
        return self.last(torch.relu(self.second(X)).mean(dim=(2, 3)))


class SeededNet(NeuralNetClassifier):
    """A net with a `random_state`."""

    def __init__(self, module, *, random_state=None, **kwargs):
        super().__init__(module, **kwargs)
        self.random_state = random_state


def make_net(cls=NeuralNetClassifier, module=Perceptron, **settings):
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "lr": 0.02,
        "batch_size": 16,
        "max_epochs": 3,
        "train_split": None,
        "verbose": 0,
    }
    return cls(module, **(defaults | settings))


def make_data(shape=(4,), n=70, sizes=SIZES):
    rng = np.random.RandomState(0)
    X, y = rng.randn(n, *shape).astype(np.float32), rng.randint(3, size=n)
    poisons = [
        (rng.randn(m, *shape).astype(np.float32), rng.randint(3, size=m)) for m in sizes
    ]
    return X, y, poisons


def fit_one(net, X, y, poison):
    return clone(net).fit(
        np.concatenate([X, poison[0]]), np.concatenate([y, poison[1]])
    )


def assert_same_weights(ours, theirs):
    pairs = zip(ours.module_.parameters(), theirs.module_.parameters(), strict=True)
    for a, b in pairs:
        assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=2e-6)


def assert_is_a_loop(net, X, y, poisons):
    models = refit_poisoned(net, X, y, poisons)
    assert models.engine_ == "refit_skorch"
    predictions = models.predict(X)
    for j, poison in enumerate(poisons):
        theirs = fit_one(net, X, y, poison)
        assert_same_weights(models[j], theirs)
        assert_array_equal(predictions[j], theirs.predict(X))
        assert_array_equal(predictions[j], models[j].predict(X))


@pytest.mark.parametrize("batch_size", [16, -1])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.__name__)
def test_without_shuffle_every_net_is_that_of_a_loop(optimizer, batch_size):
    net = make_net(optimizer=optimizer, batch_size=batch_size)
    if optimizer is torch.optim.SGD:
        net.set_params(optimizer__momentum=0.9, optimizer__weight_decay=0.1)
    assert_is_a_loop(net, *make_data())


def test_loss_of_probabilities_and_weights_of_classes():
    net = make_net(criterion=nn.NLLLoss, module__probabilities=True)
    assert_is_a_loop(net, *make_data())
    weight = torch.tensor([1.0, 2.0, 0.5])
    assert_is_a_loop(make_net(criterion__weight=weight), *make_data())
    assert_is_a_loop(make_net(criterion__label_smoothing=0.1), *make_data())


def test_convolutions_and_parameter_groups(monkeypatch):
    monkeypatch.setattr("skpoison.refit._torch.CONVOLUTIONS_ON_CPU", True)
    net = make_net(
        module=Convolution,
        optimizer=torch.optim.Adam,
        optimizer__param_groups=[("last*", {"lr": 0.1})],
    )
    assert_is_a_loop(net, *make_data((1, 6, 6)))


def test_models_train_on_as_fitted_ones_do():
    X, y, poisons = make_data()
    net = make_net(optimizer=torch.optim.Adam)
    models = refit_poisoned(net, X, y, poisons)
    for j in (1, 3):
        ours, theirs = models[j], fit_one(net, X, y, poisons[j])
        assert set(vars(ours)) == set(vars(theirs))
        assert_array_equal(ours.classes_, theirs.classes_)
        assert_allclose(ours.history[:, "train_loss"], theirs.history[:, "train_loss"])
        assert_same_weights(ours.partial_fit(X, y), theirs.partial_fit(X, y))


def test_shuffled_nets_learn_from_the_poison_once_an_epoch():
    X, y, poisons = make_data(n=200)
    net = make_net(
        cls=SeededNet,
        module__seed=None,
        random_state=0,
        iterator_train__shuffle=True,
        max_epochs=1,
        # Steps so small that the gradients of an epoch add up.
        lr=1e-6,
        batch_size=10,
    )
    models = refit_poisoned(net, X, y, poisons)
    start = refit_poisoned(net.set_params(max_epochs=0), X, y, poisons)
    for j, (rows, labels) in enumerate(poisons):
        module = start[j].module_
        rows, labels = np.concatenate([X, rows]), np.concatenate([y, labels])
        loss = nn.functional.cross_entropy(
            module(torch.from_numpy(rows)), torch.from_numpy(labels), reduction="sum"
        )
        (gradient,) = torch.autograd.grad(loss, [module.last.bias])
        moved = start[j].module_.last.bias - models[j].module_.last.bias
        if len(rows) % 10 == 0:
            assert_allclose(
                moved.detach().numpy() * 1e6, gradient.numpy() / 10, atol=0.2
            )


def test_a_seed_gives_common_weights_and_leaves_the_generator_alone():
    X, y, poisons = make_data()
    net = make_net(
        cls=SeededNet,
        module__seed=None,
        module__dropout=0.2,
        random_state=3,
        iterator_train__shuffle=True,
    )
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first = refit_poisoned(net, X, y, poisons)
    assert_array_equal(torch.rand(3), expected)
    again = refit_poisoned(net, X, y, poisons)
    assert_same_weights(first[2], again[2])
    start = refit_poisoned(net.set_params(max_epochs=0), X, y, poisons)
    assert_same_weights(start[0], start[4])


def test_without_a_seed_the_generator_of_torch_decides():
    X, y, poisons = make_data()
    net = make_net(module__seed=None, iterator_train__shuffle=True)
    torch.manual_seed(0)
    first = refit_poisoned(net, X, y, poisons)
    torch.manual_seed(0)
    again = refit_poisoned(net, X, y, poisons)
    assert_same_weights(first[2], again[2])
    bias = [model.module_.hidden.bias.detach().numpy() for model in first]
    assert np.abs(bias[0] - bias[1]).max() > 0.01


def test_damage_is_distributed_as_in_a_loop():
    rng = np.random.RandomState(0)
    X = rng.randn(240, 4).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int64)
    groups = [np.abs(X[:, k] - c) < 0.6 for k in (1, 2) for c in (-0.7, 0.7)]
    poisons = [(X[:0], y[:0])] + [(X[g], 1 - y[g]) for g in groups]
    net = make_net(
        module__seed=None,
        module__dropout=0.1,
        iterator_train__shuffle=True,
        optimizer=torch.optim.Adam,
        max_epochs=4,
        lr=0.03,
    )

    def damages(predictions):
        hits = np.array(predictions) == y
        return [
            hits[0][g].mean() - h[g].mean()
            for g, h in zip(groups, hits[1:], strict=True)
        ]

    torch.manual_seed(0)
    ours, theirs = [], []
    for _ in range(8):
        ours.append(damages(refit_poisoned(net, X, y, poisons).predict(X)))
        theirs.append(damages([fit_one(net, X, y, p).predict(X) for p in poisons]))
    ours, theirs = np.array(ours), np.array(theirs)
    error = np.sqrt((ours.var(axis=0, ddof=1) + theirs.var(axis=0, ddof=1)) / 8)
    z = (ours - theirs).mean(axis=0) / np.maximum(error, 0.01)
    assert theirs.mean() > 0.05
    assert np.sum(z**2) < 4 + 4 * np.sqrt(2 * 4)


class OwnLoss(NeuralNetClassifier):
    """A net that trains in its own way."""

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        return super().get_loss(y_pred, y_true, *args, **kwargs) * 2


class Branching(nn.Module):
    """Torch cannot add a model axis to this one."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 3)

    def forward(self, X):
        return self.last(X) * float(X.sum().item() > 0)


@pytest.mark.parametrize(
    "net",
    [
        make_net(train_split=ValidSplit(3)),
        make_net(callbacks=[EarlyStopping(monitor="train_loss")]),
        make_net(optimizer=torch.optim.LBFGS),
        make_net(criterion=nn.MultiMarginLoss),
        make_net(criterion__reduction="sum"),
        make_net(iterator_train__drop_last=True),
        make_net(module__extra=nn.BatchNorm1d(5)),
        make_net(module__extra=nn.LazyLinear(5)),
        make_net(module=Branching),
        make_net(module=Convolution),
        make_net(cls=OwnLoss),
    ],
    ids=range(11),
)
def test_what_is_not_covered_is_left_to_the_loop(net):
    X, y, poisons = make_data((1, 6, 6) if net.module is Convolution else (4,))
    assert refit_nets(net, X, y, poisons) is NotImplemented


def test_no_poisons_give_no_models():
    X, y, _ = make_data()
    models = refit_poisoned(make_net(), X, y, [])
    assert models.predict(X).shape == (0, len(X))


NAMES = np.array(["low", "mid", "up"])


class Small(nn.Module):
    """Reads its sizes from the data."""

    def __init__(self, n_features, n_classes, dropout=0.0):
        super().__init__()
        self.hidden, self.last = nn.Linear(n_features, 5), nn.Linear(5, n_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, X):
        return self.last(self.dropout(torch.relu(self.hidden(X))))


def make_seeded(module=Small, **settings):
    defaults = {
        "lr": 0.02,
        "batch_size": 16,
        "max_epochs": 3,
        "random_state": 0,
        "iterator_train__shuffle": False,
    }
    return SeededNetClassifier(module, **defaults | settings)


def make_named(dtype=np.float32, shape=(4,)):
    X, y, poisons = make_data(shape)
    if dtype != np.float32:
        X = (X * 20 + 100).astype(dtype)
        poisons = [
            ((rows * 20 + 100).astype(dtype), labels) for rows, labels in poisons
        ]
    return X, NAMES[y], [(rows, NAMES[labels]) for rows, labels in poisons]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
def test_seeded_nets_with_names_for_labels_are_those_of_a_loop(dtype):
    net = make_seeded(lr=0.02 if dtype == np.float32 else 1e-4)
    X, y, poisons = make_named(dtype)
    assert_is_a_loop(net, X, y, poisons)
    models = refit_poisoned(net, X, y, poisons)
    assert set(models.predict(X).ravel()) <= set(NAMES)
    assert_array_equal(models[1].classes_, NAMES)
    assert models[1].get_params()["device"] == "auto"


def test_seeded_nets_of_tables_and_images_of_bytes_are_those_of_a_loop(monkeypatch):
    assert_is_a_loop(make_seeded(TabularNet), *make_named())
    monkeypatch.setattr("skpoison.refit._torch.CONVOLUTIONS_ON_CPU", True)
    net = make_seeded(ConvNet, module__width=2, optimizer=torch.optim.SGD)
    assert_is_a_loop(net, *make_named(np.uint8, (1, 8, 8)))


def test_frozen_and_trained_layers_are_those_of_a_loop():
    X, y, poisons = make_named()
    trained = make_seeded(random_state=4).fit(X, y)
    net = make_seeded(pretrained=trained, freeze="features", module__dropout=0.4)
    assert_is_a_loop(net, X, y, poisons)
    models = refit_poisoned(net, X, y, poisons)
    frozen = trained.module_.hidden.weight.detach().numpy()
    assert_array_equal(models[3].module_.hidden.weight.detach().numpy(), frozen)


def test_seeded_nets_start_from_common_weights_and_leave_the_generator_alone():
    X, y, poisons = make_named()
    net = make_seeded(module__dropout=0.2, iterator_train__shuffle=True)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first = refit_poisoned(net, X, y, poisons)
    assert first.engine_ == "refit_skorch"
    assert_array_equal(torch.rand(3), expected)
    assert_same_weights(first[2], refit_poisoned(net, X, y, poisons)[2])
    start = refit_poisoned(net.set_params(max_epochs=0), X, y, poisons)
    assert_same_weights(start[0], start[4])
    assert_same_weights(start[0], clone(net).fit(X, y))


@pytest.mark.parametrize(
    "net",
    [
        make_seeded(ConvNet, augmentation="shift_and_flip", module__width=2),
        make_seeded(schedule="linear"),
        make_seeded(mixed_precision=True),
        make_seeded(random_state=np.random.RandomState(0)),
        make_seeded(train_split=ValidSplit(3)),
        make_seeded(ResNet, module__width=2, module__n_blocks=1),
    ],
    ids=["augmentation", "schedule", "precision", "generator", "split", "batch_norm"],
)
def test_what_is_not_covered_of_seeded_nets_is_left_to_the_loop(net):
    shape = (1, 8, 8) if net.module in (ConvNet, ResNet) else (4,)
    X, y, poisons = make_named(shape=shape)
    assert refit_nets(net, X, y, poisons) is NotImplemented
    models = refit_poisoned(net, X, y, poisons[:2])
    assert models.predict(X).shape == (2, len(X))


def test_bad_rows_are_found_by_the_engine_as_by_the_net():
    X, y, poisons = make_named()
    net, bad = make_seeded(), poisons[2][0].copy()
    bad[0, 0] = np.nan
    with pytest.raises(ValueError, match="takes finite numbers"):
        refit_poisoned(net, X, y, [(bad, poisons[2][1])])
    models = refit_poisoned(net, X, y, poisons)
    with pytest.raises(ValueError, match="X has 3 features, but SeededNetClassifier"):
        models.predict(X[:, :3])
