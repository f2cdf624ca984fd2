"""Which layers are trained, where they start, and what they give."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from torch import nn  # noqa: E402

from skpoison.nets import (  # noqa: E402
    VGG,
    ConvNet,
    ResNet,
    SeededNetClassifier,
    TabularNet,
    TextTransformer,
)
from skpoison.nets._layers import as_columns  # noqa: E402

RNG = np.random.RandomState(0)
TABLE, LABELS = RNG.randn(70, 4).astype(np.float32), np.array(["no", "yes"] * 35)
IMAGES = RNG.rand(40, 3, 8, 8).astype(np.float32)
TOKENS = RNG.randint(1, 12, (40, 6)) * (np.arange(6) < RNG.randint(1, 7, (40, 1)))


def make_net(module=TabularNet, **params):
    return SeededNetClassifier(
        module, **{"lr": 0.02, "max_epochs": 2, "random_state": 0} | params
    )


def state_of(net):
    return {k: w.clone().numpy() for k, w in net.module_.state_dict().items()}


class Normalized(nn.Module):
    """Has parameters, statistics and dropout in its features."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.first = nn.Linear(n_features, 6)
        self.norm = nn.BatchNorm1d(6)
        self.plain_norm = nn.BatchNorm1d(6, affine=False)
        self.dropout = nn.Dropout(0.5)
        self.second = nn.Linear(6, 6)
        self.output = nn.Linear(6, n_classes)
        self.seen = []

    def features(self, X):
        hidden = self.plain_norm(self.norm(self.first(X)))
        return torch.relu(self.second(self.dropout(hidden)))

    def forward(self, X):
        features = self.features(X)
        self.seen.append(features.detach().numpy())
        return self.output(features)


# Freezing


@pytest.mark.parametrize(
    ("module", "X"),
    [
        (TabularNet, TABLE),
        (Normalized, TABLE),
        (ResNet, IMAGES),
        (VGG, IMAGES),
        (TextTransformer, TOKENS),
    ],
)
def test_frozen_features_do_not_move_and_the_last_layer_does(module, X):
    sizes = {ResNet: {"n_blocks": 1, "width": 4}, VGG: {"n_layers": 11, "width": 4}}
    given = {f"module__{k}": v for k, v in sizes.get(module, {}).items()}
    net = make_net(module, freeze="features", **given)
    y = LABELS[: len(X)]
    start = state_of(net.initialize_for(X, y))
    end = state_of(net.fit(X, y))
    for name, weights in end.items():
        moved = not np.array_equal(weights, start[name])
        assert moved == (name in ("output.weight", "output.bias")), name


def test_nothing_is_dropped_in_frozen_features():
    net = make_net(Normalized, freeze="features", iterator_train__shuffle=False)
    net.set_params(batch_size=70).fit(TABLE, LABELS)
    first, second = net.module_.seen
    assert_array_equal(first, second)
    # Nor does a row depend on those beside it.
    net.module_.eval()
    alone = net.module_.features(torch.from_numpy(TABLE[:1])).detach().numpy()
    assert_allclose(alone, first[:1], atol=1e-6)


def test_patterns_freeze_the_parameters_that_they_match():
    net = make_net(Normalized, freeze=["first.*", "norm.*"])
    start = state_of(net.initialize_for(TABLE, LABELS))
    end = state_of(net.fit(TABLE, LABELS))
    still = {name for name in end if np.array_equal(end[name], start[name])}
    assert still == {name for name in end if name.split(".")[0] in ("first", "norm")}
    assert net.module_.dropout.training or not net.module_.training


# Weights to start from


@pytest.fixture(scope="module")
def trained():
    return make_net(max_epochs=3, random_state=5).fit(TABLE, LABELS)


def test_weights_come_from_nets_states_and_files(trained, tmp_path):
    from safetensors.torch import save_file

    state = trained.module_.state_dict()
    torch.save(state, tmp_path / "weights.pt")
    save_file(state, tmp_path / "weights.safetensors")
    sources = [
        trained,
        state,
        tmp_path / "weights.pt",
        str(tmp_path / "weights.safetensors"),
    ]
    for source in sources:
        net = make_net(pretrained=source, max_epochs=0).fit(TABLE, LABELS)
        for name, weights in state_of(net).items():
            assert_array_equal(weights, state[name].numpy())


def test_training_leaves_the_weights_that_are_given_as_they_were(trained):
    before = state_of(trained)
    net = make_net(pretrained=trained).fit(TABLE, LABELS)
    assert not np.array_equal(state_of(net)["output.weight"], before["output.weight"])
    for name, weights in state_of(trained).items():
        assert_array_equal(weights, before[name])


def test_clones_keep_the_weights_to_start_from(trained):
    net = make_net(pretrained=trained, freeze="features")
    assert clone(net).pretrained is trained
    assert not any(name.startswith("pretrained__") for name in net.get_params())
    scores = cross_val_score(net, TABLE, LABELS, cv=2, error_score="raise")
    assert scores.shape == (2,)


def test_the_last_layer_starts_anew_for_other_classes(trained):
    y = np.resize(["a", "b", "c"], 70)
    net = make_net(pretrained=trained, freeze="features", max_epochs=0).fit(TABLE, y)
    assert net.module_.output.out_features == 3
    assert_array_equal(
        state_of(net)["hidden.0.weight"], state_of(trained)["hidden.0.weight"]
    )
    fresh = make_net(max_epochs=0).fit(TABLE, y)
    assert_array_equal(state_of(net)["output.weight"], state_of(fresh)["output.weight"])


def test_weights_of_another_architecture_are_an_error(trained, tmp_path):
    for source in (
        make_net(module__hidden_layer_sizes=(5,)).fit(TABLE, LABELS),
        make_net(module__hidden_layer_sizes=(10, 10)).fit(TABLE, LABELS),
        make_net(ConvNet, module__width=2).fit(IMAGES, LABELS[:40]),
        {},
    ):
        with pytest.raises(ValueError, match="of another architecture than TabularNet"):
            make_net(pretrained=source).fit(TABLE, LABELS)
    with pytest.raises(ValueError, match="is not fitted yet"):
        make_net(pretrained=make_net()).fit(TABLE, LABELS)


def test_files_that_hold_no_weights_are_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        make_net(pretrained=tmp_path / "none.pt").fit(TABLE, LABELS)
    for name, content in [("a.pt", b"x"), ("b.pt", b""), ("c.safetensors", b"garbage")]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=r"holds no weights that can be read"):
            make_net(pretrained=tmp_path / name).fit(TABLE, LABELS)
    torch.save(torch.zeros(3), tmp_path / "d.pt")
    with pytest.raises(ValueError, match="holds a Tensor, and not the state"):
        make_net(pretrained=tmp_path / "d.pt").fit(TABLE, LABELS)


# Activations


def test_activations_are_those_of_the_layer():
    net = make_net(module__hidden_layer_sizes=(5, 3)).fit(TABLE, LABELS)
    X = torch.from_numpy(TABLE)
    with torch.no_grad():
        first = torch.relu(net.module_.hidden[0](X)).numpy()
        second = net.module_.hidden(X).numpy()
        logits = net.module_(X).numpy()
        linear = net.module_.hidden[2](net.module_.hidden[:2](X)).numpy()
    expected = {
        0: first,
        -2: first,
        1: second,
        "penultimate": second,
        "hidden": second,
        "hidden.2": linear,
        "output": logits,
    }
    for layer, activations in expected.items():
        Z = net.set_params(layer=layer).transform(TABLE)
        assert Z.dtype == np.float32
        assert_allclose(Z, activations, atol=1e-6)


def test_a_net_without_hidden_layers_has_its_rows_before_the_last():
    net = make_net(module__hidden_layer_sizes=()).fit(TABLE, LABELS)
    assert_array_equal(net.transform(TABLE), TABLE)


def test_activations_come_in_batches_and_leave_no_hooks():
    net = make_net(batch_size=32).fit(TABLE, LABELS)
    batches = net.iter_activations(TABLE)
    assert next(batches).shape == (32, 10)
    batches.close()
    assert not any(part._forward_pre_hooks for part in net.module_.modules())
    sizes = [len(batch) for batch in net.iter_activations(TABLE, "hidden")]
    assert sizes == [32, 32, 6]
    assert not any(part._forward_hooks for part in net.module_.modules())


def test_means_over_pixels_or_every_pixel():
    net = make_net(ConvNet, module__width=2).fit(IMAGES, LABELS[:40])
    with torch.no_grad():
        maps = net.module_.features[:2](torch.from_numpy(IMAGES)).numpy()
    means = np.concatenate(list(net.iter_activations(IMAGES, "features.1")))
    assert_allclose(means, maps.mean(axis=(2, 3)), atol=1e-6)
    everything = np.concatenate(list(net.iter_activations(IMAGES, "features.1", None)))
    assert_allclose(everything, maps.reshape(40, -1), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_means_over_tokens_leave_padding_out(dtype):
    net = make_net(TextTransformer, module__n_tokens=12, module__d_model=8)
    net.fit(TOKENS.astype(dtype), LABELS[:40])
    net.module_.eval()
    X, weights = torch.from_numpy(TOKENS), (TOKENS != 0)[:, :, None]
    with torch.no_grad():
        Z = net.module_.encoder(
            net.module_.tokens(X) + net.module_.places.weight[:6],
            src_key_padding_mask=X == 0,
        ).numpy()
    expected = (Z * weights).sum(axis=1) / weights.sum(axis=1)
    means = net.set_params(layer="encoder").transform(TOKENS.astype(dtype))
    assert_allclose(means, expected, atol=1e-5)


def test_integers_of_a_module_without_tokens_are_no_padding():
    class Sequence(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.first, self.output = nn.Linear(1, 3), nn.Linear(3, n_classes)

        def forward(self, X):
            return self.output(self.first(X.unsqueeze(2)).mean(1))

    net = make_net(Sequence, layer="first").fit(TOKENS, LABELS[:40])
    with torch.no_grad():
        Z = net.module_.first(torch.from_numpy(TOKENS).float().unsqueeze(2))
    assert_allclose(net.transform(TOKENS), Z.mean(1).numpy(), atol=1e-6)


def test_three_dimensions_become_two():
    Z = torch.arange(24.0).reshape(2, 3, 4)
    rows = torch.tensor([[5, 6, 0], [7, 0, 0]])
    expected = torch.stack([Z[0, :2].mean(0), Z[1, 0]])
    assert torch.equal(as_columns(Z, rows, "mean"), expected)
    assert torch.equal(as_columns(Z, rows, None), Z.flatten(1))
    assert torch.equal(as_columns(Z, rows.float(), "mean"), Z.mean(1))
    with_pad_1 = torch.tensor([[5, 6, 1], [7, 1, 1]])
    assert torch.equal(as_columns(Z, with_pad_1, "mean", 1), expected)
    nothing = torch.zeros(2, 3, dtype=torch.int64)
    assert torch.equal(as_columns(Z, nothing, "mean"), torch.zeros(2, 4))
