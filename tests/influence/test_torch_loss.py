"""Losses of nets of skorch, against closed forms and finite differences."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from skpoison.influence._links import Softmax
from skpoison.influence._losses import loss_of
from skpoison.influence._network_loss import NetworkLoss

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skorch import NeuralNetClassifier  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from skpoison.influence._torch import module_loss  # noqa: E402
from skpoison.nets._functional import seeded  # noqa: E402


class Images(nn.Module):
    """Convolutions of images of 2 x 6 x 6, with all that evaluation fixes."""

    def __init__(self, activation=nn.Tanh):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(2, 3, 3, padding="same"),
            nn.BatchNorm2d(3),
            activation(),
            nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False),
            nn.GroupNorm(2, 4),
            activation(),
            nn.Dropout(),
        )
        self.head = nn.Linear(36, 3)

    def forward(self, X):
        return self.head(self.body(X).flatten(1)), "a second output"


class Attention(nn.Module):
    """Self-attention over sequences of 5 x 4; fused, it has no second derivative."""

    def __init__(self):
        super().__init__()
        self.mix = nn.TransformerEncoderLayer(4, 2, 6, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, X):
        return self.head(self.mix(X).mean(dim=1))


class Recurrent(nn.Module):
    """Recurrence over sequences of 5 x 4; it has no forward mode."""

    def __init__(self, cell=nn.LSTM):
        super().__init__()
        self.cell, self.head = cell(4, 3, batch_first=True), nn.Linear(3, 3)

    def forward(self, X):
        return self.head(self.cell(X)[0][:, -1])


class Tokens(nn.Module):
    """Sequences of whole numbers."""

    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(9, 4), nn.Linear(4, 3)

    def forward(self, X):
        return self.head(self.embed(X).mean(dim=1))


def dense(n_classes=3, activation=nn.ReLU):
    return nn.Sequential(nn.Linear(6, 5), activation(), nn.Linear(5, n_classes))


SHAPES = {dense: (6,), Images: (2, 6, 6), Attention: (5, 4), Recurrent: (5, 4)}


def make_net(module, cls=NeuralNetClassifier, dtype=torch.float64, **settings):
    """A net with weights and statistics that are drawn, ready to be used."""
    if not isinstance(module, nn.Module):
        module = drawn(module)
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "classes": [0, 1, 2],
        "train_split": None,
        "verbose": 0,
    }
    return cls(module.to(dtype), **(defaults | settings)).initialize()


def drawn(make_module):
    """A module whose weights and statistics are the same in each test."""
    with seeded(0):
        module = make_module()
        for name, buffer in module.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.uniform_(0.5, 1.5)
    return module


def make_rows(shape, n=12, dtype=np.float64, seed=0):
    rng = np.random.RandomState(seed)
    return rng.randn(n, *shape).astype(dtype), rng.randint(3, size=n)


def make_case(module, **settings):
    """Loss of a net, its rows, their codes and a direction."""
    loss = module_loss(make_net(module, **settings))
    X, codes = make_rows(SHAPES[module])
    return loss, X, codes, np.random.RandomState(1).randn(loss.n_params)


def weights_of(net):
    return torch.cat([p.detach().reshape(-1) for p in net.module_.parameters()])


def closed_form(net, link=None):
    """The same net of two dense layers, with derivatives that are written out."""
    first, last = net.module_[0], net.module_[-1]
    name = type(net.module_[1]).__name__.lower()
    return NetworkLoss(
        [p.weight.detach().numpy().T for p in (first, last)],
        [p.bias.detach().numpy() for p in (first, last)],
        name,
        link or Softmax(),
        np.arange(len(last.bias)),
        0.0,
        None,
    )


def in_order_of_torch(loss, vectors):
    """Parameters of a closed form in the order of torch, along the last axis."""
    order = np.concatenate(
        [p.T.ravel() for part in loss.split(np.arange(loss.n_params)) for p in part]
    )
    return vectors[..., order]


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_number_is_that_of_the_closed_form(n_classes, activation):
    net = make_net(dense(n_classes, activation), classes=list(range(n_classes)))
    ours, theirs = module_loss(net), closed_form(net)
    X, codes = make_rows((6,))
    codes = codes % n_classes
    rng = np.random.RandomState(0)
    weights, v = rng.randn(len(X)), rng.randn(theirs.n_params)
    v_torch = in_order_of_torch(theirs, v)
    assert_allclose(ours.losses(X, codes), theirs.losses(X, codes))
    for w in (None, weights):
        expected = in_order_of_torch(theirs, theirs.gradient(X, codes, w))
        assert_allclose(ours.gradient(X, codes, w), expected, atol=1e-14)
    assert_allclose(
        ours.products(X, codes, v_torch), theirs.products(X, codes, v), atol=1e-13
    )
    assert_allclose(
        ours.input_gradients(X, codes, v_torch),
        theirs.input_gradients(X, codes, v),
        atol=1e-13,
    )


@pytest.mark.parametrize("module", SHAPES)
def test_gradients_are_slopes_of_losses(module):
    loss, X, codes, v = make_case(module)
    step = 1e-5

    def losses_at(size):
        moved = copy.deepcopy(loss.function.module)
        nn.utils.vector_to_parameters(
            nn.utils.parameters_to_vector(moved.parameters())
            + size * torch.from_numpy(v),
            moved.parameters(),
        )
        return module_loss(make_net(moved)).losses(X, codes)

    slopes = (losses_at(step) - losses_at(-step)) / (2 * step)
    products = loss.products(X, codes, v)
    assert_allclose(products, slopes, rtol=1e-5, atol=1e-7)
    assert_allclose(loss.gradient(X, codes) @ v, products.mean())
    weights = np.random.RandomState(2).randn(len(X))
    assert_allclose(loss.gradient(X, codes, weights) @ v, weights @ products)


@pytest.mark.parametrize("module", SHAPES)
def test_input_gradients_are_slopes_of_products(module):
    loss, X, codes, v = make_case(module)
    step, towards = 1e-5, make_rows(SHAPES[module], seed=3)[0]
    slopes = (
        loss.products(X + step * towards, codes, v)
        - loss.products(X - step * towards, codes, v)
    ) / (2 * step)
    gradients = loss.input_gradients(X, codes, v)
    assert gradients.shape == X.shape
    along = (gradients * towards).reshape(len(X), -1).sum(axis=1)
    assert_allclose(along, slopes, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
def test_parts_without_forward_mode_or_an_axis_of_rows(cell):
    loss = module_loss(make_net(Recurrent(cell)))
    X, codes = make_rows((5, 4))
    v = np.random.RandomState(1).randn(loss.n_params)
    products = loss.products(X, codes, v)
    for i in range(len(X)):
        row = slice(i, i + 1)
        assert_allclose(products[i], loss.gradient(X[row], codes[row]) @ v, atol=1e-12)


def test_rows_of_tokens_stay_whole_numbers():
    loss = module_loss(make_net(Tokens, dtype=torch.float32))
    rng = np.random.RandomState(0)
    X, codes, v = rng.randint(9, size=(8, 5)), rng.randint(3, size=8), np.ones(51)
    assert loss.n_params == 51
    gradient = loss.gradient(X, codes)
    assert_allclose(gradient @ v, loss.products(X, codes, v).mean(), atol=1e-6)


def test_the_loss_is_the_training_loss_of_skorch():
    X, codes = make_rows((6,))
    weight = torch.tensor([1.0, 2.0, 0.5]).double()
    probabilities = nn.Sequential(*dense(), nn.Softmax(dim=-1))
    for module, settings in [
        (dense(), {}),
        (dense(), {"criterion__label_smoothing": 0.2}),
        (probabilities, {"criterion": nn.NLLLoss}),
    ]:
        net = make_net(module, **settings)
        with torch.no_grad():
            theirs = net.get_loss(
                net.infer(torch.from_numpy(X)), torch.from_numpy(codes)
            )
        assert_allclose(module_loss(net).losses(X, codes).mean(), theirs)
        net.set_params(criterion__weight=weight, criterion__reduction="sum")
        with torch.no_grad():
            theirs = net.get_loss(
                net.infer(torch.from_numpy(X)), torch.from_numpy(codes)
            )
        assert_allclose(module_loss(net).losses(X, codes).sum(), theirs)


def test_probabilities_and_their_logits_have_the_same_derivatives():
    X, codes = make_rows((6,))
    logits = module_loss(make_net(dense))
    module = nn.Sequential(*copy.deepcopy(logits.function.module), nn.Softmax(dim=-1))
    probabilities = module_loss(make_net(module, criterion=nn.NLLLoss))
    v = np.random.RandomState(0).randn(logits.n_params)
    for name in ("products", "input_gradients", "curvature_product"):
        assert_allclose(
            getattr(probabilities, name)(X, codes, v),
            getattr(logits, name)(X, codes, v),
            atol=1e-12,
        )


def test_frozen_parameters_are_left_out():
    net = make_net(Images)
    full = module_loss(net)
    X, codes = make_rows((2, 6, 6))
    net.module_.body.requires_grad_(False)
    last = module_loss(net)
    n_last = 36 * 3 + 3
    assert last.n_params == n_last
    assert_allclose(last.gradient(X, codes), full.gradient(X, codes)[-n_last:])
    v = np.random.RandomState(0).randn(n_last)
    padded = np.concatenate([np.zeros(full.n_params - n_last), v])
    assert_allclose(
        last.input_gradients(X, codes, v), full.input_gradients(X, codes, padded)
    )
    matrix = full.curvature_matrix(X, codes)[-n_last:, -n_last:]
    assert_allclose(last.curvature_matrix(X, codes), matrix, atol=1e-15)


@pytest.mark.parametrize("module", SHAPES)
def test_small_batches_give_what_one_batch_gives(module, monkeypatch):
    loss, X, codes, v = make_case(module)
    weights = np.random.RandomState(2).rand(len(X))

    def everything():
        yield loss.losses(X, codes)
        yield loss.gradient(X, codes, weights)
        yield loss.products(X, codes, v)
        yield loss.input_gradients(X, codes, v)
        yield loss.input_gradients(X, codes, v, augment=lambda X: X * X)
        for kind in ("gauss_newton", "hessian"):
            yield loss.curvature_product(X, codes, v, kind, weights)
        yield loss.curvature_matrix(X, codes, weights=weights)
        yield loss.kfac(X, codes, 0.1).solve(v)

    at_once = list(everything())
    monkeypatch.setattr("skpoison.influence._torch.MAX_BYTES", 2**13)
    for one, many in zip(at_once, everything(), strict=True):
        assert_allclose(many, one, rtol=1e-9, atol=1e-13)


def test_results_are_float64_and_repeat_to_the_bit():
    net = make_net(Images, dtype=torch.float32)
    loss = module_loss(net)
    X, codes = make_rows((2, 6, 6))
    v = np.random.RandomState(1).randn(loss.n_params)
    for compute in (
        lambda: loss.gradient(X, codes),
        lambda: loss.input_gradients(X, codes, v),
        lambda: loss.kfac(X, codes, 0.1).solve(v),
    ):
        assert compute().dtype == np.float64
        assert_array_equal(compute(), compute())


def test_net_and_generators_are_left_as_they_were():
    net = make_net(Images)
    net.module_.train()
    net.module_.body[1].eval()
    loss = module_loss(net)
    X, codes = make_rows((2, 6, 6))
    X.flags.writeable = False
    v = np.ones(loss.n_params)
    state = pickle.dumps(net.module_.state_dict())
    generator = torch.get_rng_state()
    loss.losses(X, codes)
    loss.gradient(X, codes)
    loss.products(X, codes, v)
    loss.input_gradients(X, codes, v)
    loss.curvature_product(X, codes, v, "hessian")
    loss.curvature_matrix(X, codes)
    loss.kfac(X, codes, 0.1)
    assert net.module_.training
    assert not net.module_.body[1].training
    assert net.module_.body[-1].training
    assert pickle.dumps(net.module_.state_dict()) == state
    assert all(p.grad is None and p.requires_grad for p in net.module_.parameters())
    assert torch.equal(torch.get_rng_state(), generator)


def test_augmentation_is_applied_to_all_rows_at_once_and_derived_through():
    loss, X, codes, v = make_case(Images)
    calls = []

    def augment(X):
        calls.append(len(X))
        return F.pad(X, (1, 0, 0, 0))[..., :-1] * torch.linspace(
            0.5, 2, len(X), dtype=X.dtype
        ).reshape(-1, 1, 1, 1)

    augmented = augment(torch.from_numpy(X)).numpy()
    assert_allclose(
        loss.gradient(X, codes, augment=augment), loss.gradient(augmented, codes)
    )
    step, towards = 1e-5, make_rows(SHAPES[Images], seed=3)[0]

    def products(X):
        return loss.products(augment(torch.from_numpy(X)).numpy(), codes, v)

    slopes = (products(X + step * towards) - products(X - step * towards)) / (2 * step)
    gradients = loss.input_gradients(X, codes, v, augment=augment)
    along = (gradients * towards).reshape(len(X), -1).sum(axis=1)
    assert_allclose(along, slopes, rtol=1e-5, atol=1e-7)
    assert set(calls) == {len(X)}


def test_equal_seeds_draw_equal_augmentations_of_both_gradients():
    loss, X, codes, v = make_case(Images)

    def noisy(X):
        return X + torch.randn_like(X)

    with seeded(3):
        noise = torch.randn(X.shape, dtype=torch.float64).numpy()
    with seeded(3):
        gradient = loss.gradient(X, codes, augment=noisy)
    with seeded(3):
        of_rows = loss.input_gradients(X, codes, v, augment=noisy)
    assert_allclose(gradient, loss.gradient(X + noise, codes))
    assert_allclose(of_rows, loss.input_gradients(X + noise, codes, v))


@pytest.mark.parametrize(
    ("optimizer", "options", "decay"),
    [
        ("SGD", {"weight_decay": 0.1, "momentum": 0.9}, 0.1),
        ("Adam", {"weight_decay": 0.1}, 0.1),
        ("AdamW", {"weight_decay": 0.1}, 0.0),
        ("LBFGS", {}, 0.0),
    ],
)
def test_penalty_is_the_weight_decay_that_enters_gradients(optimizer, options, decay):
    settings = {f"optimizer__{name}": value for name, value in options.items()}
    net = make_net(dense, optimizer=getattr(torch.optim, optimizer), **settings)
    assert_allclose(module_loss(net).penalty(100), np.full(53, decay))


def test_penalty_of_groups_of_parameters_and_of_sums():
    groups = [("0.*", {"weight_decay": 0.5})]
    net = make_net(dense, optimizer=torch.optim.SGD, optimizer__param_groups=groups)
    assert_allclose(module_loss(net).penalty(9), [0.5] * 35 + [0] * 18)
    net.set_params(criterion__reduction="sum", batch_size=4)
    assert_allclose(module_loss(net).penalty(9), [0.125] * 35 + [0] * 18)
    net.set_params(batch_size=-1)
    assert_allclose(module_loss(net).penalty(10), [0.05] * 35 + [0] * 18)


def test_losses_of_any_model_find_those_of_skorch():
    X, codes = make_rows((6,), dtype=np.float32)
    net = make_net(dense, dtype=torch.float32, max_epochs=1).fit(X, codes)
    loss = loss_of(FrozenEstimator(net), X, "the test")
    assert_array_equal(loss.classes, [0, 1, 2])
    assert_array_equal(loss.codes(codes), codes)
    assert_allclose(loss.losses(X, codes), module_loss(net).losses(X, codes))


class OwnLoss(NeuralNetClassifier):
    """A net whose loss is not that of its criterion."""

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        return 2 * super().get_loss(y_pred, y_true, *args, **kwargs)


def batch_statistics():
    return nn.Sequential(nn.BatchNorm1d(6, track_running_stats=False), nn.Linear(6, 3))


@pytest.mark.parametrize(
    ("module", "settings", "error", "message"),
    [
        (dense, {"criterion": nn.MultiMarginLoss}, TypeError, "criterion=MultiMargin"),
        (dense, {"cls": OwnLoss}, TypeError, "OwnLoss overrides get_loss"),
        (dense, {"criterion__reduction": "none"}, ValueError, "'mean' or 'sum'"),
        (dense, {"criterion__ignore_index": 1}, ValueError, "ignore_index=1"),
        (dense, {"classes": ["a", "b", "c"]}, ValueError, "LabelEncoder"),
        (dense, {"classes": [1, 2, 3]}, ValueError, r"classes \[1, 2, 3\]"),
        (dense, {"classes": None}, NotFittedError, "does not know its classes"),
        (batch_statistics, {}, TypeError, "track_running_stats=True"),
    ],
)
def test_nets_without_a_loss_by_rows_are_told_why(module, settings, error, message):
    with pytest.raises(error, match=message):
        module_loss(make_net(module, **settings))


def test_nets_that_are_not_trained_are_told_why():
    with pytest.raises(NotFittedError, match="Fit it first"):
        module_loss(NeuralNetClassifier(dense()))
    net = make_net(dense)
    with torch.no_grad():
        net.module_[0].bias[0] = torch.inf
    with pytest.raises(ValueError, match="training diverged"):
        module_loss(net)
    net = make_net(dense)
    net.module_.requires_grad_(False)
    with pytest.raises(ValueError, match="no parameter that requires gradients"):
        module_loss(net)


def test_numbers_that_are_not_finite_are_errors():
    X, codes = make_rows((6,))
    logits = module_loss(make_net(dense, criterion=nn.NLLLoss))
    with pytest.raises(ValueError, match="outputs must be probabilities"):
        logits.losses(X, codes)
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        module_loss(make_net(dense)).gradient(X, codes)


def test_class_weights_and_decay_together_have_no_penalty():
    weight = torch.tensor([1.0, 2.0, 0.5]).double()
    net = make_net(dense, criterion__weight=weight)
    assert not module_loss(net).penalty(10).any()
    net.set_params(optimizer__weight_decay=0.1)
    with pytest.raises(ValueError, match="without one of them"):
        module_loss(net).penalty(10)


def test_no_rows_give_no_numbers():
    loss, X, codes, v = make_case(dense)
    assert loss.losses(X[:0], codes[:0]).shape == (0,)
    assert loss.products(X[:0], codes[:0], v).shape == (0,)
    assert loss.input_gradients(X[:0], codes[:0], v).shape == (0, 6)
