import numpy as np
import pytest
from sklearn.datasets import load_digits

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skpoison.nets import (  # noqa: E402
    VGG,
    ConvNet,
    ResNet,
    SeededNetClassifier,
    TabularNet,
    TextTransformer,
)


def n_params(module):
    return sum(p.numel() for p in module.parameters())


def fit_one_batch(module, X, y, n_steps=60, lr=0.01):
    """Accuracy on rows that a net is trained on again and again."""
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(module.parameters(), lr=lr)
    for _ in range(n_steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(X), y).backward()
        optimizer.step()
    module.eval()
    return (module(X).argmax(1) == y).float().mean().item()


@pytest.mark.parametrize("size", [(8, 8), (9, 17), (32, 32)])
@pytest.mark.parametrize(
    "make",
    [
        lambda size: ConvNet(3, size, 5, width=2),
        lambda size: VGG(3, 5, n_layers=11, width=2),
        lambda size: VGG(3, 5, n_layers=13, width=2, batch_norm=False),
        lambda size: ResNet(3, 5, n_blocks=1, width=2),
    ],
    ids=["ConvNet", "VGG11", "VGG13", "ResNet"],
)
def test_nets_for_images_take_any_size(make, size):
    torch.manual_seed(0)
    module = make(size).eval()
    X = torch.randn(3, 3, *size)
    logits = module(X)
    assert logits.shape == (3, 5)
    assert torch.isfinite(logits).all()
    torch.testing.assert_close(module(X[1:2]), logits[1:2])


def test_the_papers_networks_have_their_parameters():
    # 57 columns of Adult, one hidden layer of 10.
    assert n_params(TabularNet(57, 2)) == 57 * 10 + 10 + 10 * 2 + 2
    sizes = [(3, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128), (128, 256)]
    weights = sum(9 * n * m + m for n, m in [*sizes, (256, 10)])
    assert n_params(ConvNet(3, (32, 32), 10)) == weights + 160 * 10 + 10
    # 14,714,688 are the convolutions of VGG-16 in every source.
    plain = VGG(3, 10, batch_norm=False)
    assert n_params(plain) - n_params(plain.output) == 14_714_688


@pytest.mark.parametrize("n_layers", [11, 13, 16, 19])
def test_vgg_has_the_layers_that_it_is_named_for(n_layers):
    module = VGG(1, 2, n_layers=n_layers, width=1)
    convolutions = [p for p in module.modules() if isinstance(p, torch.nn.Conv2d)]
    assert len(convolutions) + 3 == n_layers


@pytest.mark.parametrize("n_blocks", [1, 3])
def test_resnet_has_six_layers_a_block_and_two(n_blocks):
    module = ResNet(1, 2, n_blocks=n_blocks, width=1)
    kinds = (torch.nn.Conv2d, torch.nn.Linear)
    assert sum(isinstance(p, kinds) for p in module.modules()) == 6 * n_blocks + 2


def test_a_shortcut_carries_its_input():
    module = ResNet(1, 2, n_blocks=1, width=3)
    block = module.stages[1].eval()
    X = torch.rand(2, 3, 5, 5)
    for convolution in (block.residual[0], block.residual[3]):
        torch.nn.init.zeros_(convolution.weight)
    out = block(X)
    assert out.shape == (2, 6, 3, 3)
    torch.testing.assert_close(out[:, :3], X[:, :, ::2, ::2])
    assert not out[:, 3:].any()


def test_tabular_net_drops_units_in_training_only():
    torch.manual_seed(0)
    module = TabularNet(4, 2, hidden_layer_sizes=(50, 50), dropout=0.5)
    X = torch.randn(5, 4)
    assert not torch.equal(module(X), module(X))
    module.eval()
    assert torch.equal(module(X), module(X))


@pytest.mark.parametrize(
    "module",
    [
        ConvNet(1, (8, 8), 10, width=8),
        VGG(1, 10, n_layers=11, width=8),
        ResNet(1, 10, n_blocks=1, width=8),
    ],
    ids=lambda module: type(module).__name__,
)
def test_nets_for_images_can_learn(module):
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X[:60].reshape(-1, 1, 8, 8) / 16, dtype=torch.float32)
    torch.manual_seed(0)
    for part in module.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
    y = torch.from_numpy(y[:60])
    assert fit_one_batch(module, X, y, n_steps=150, lr=0.005) > 0.9


# Texts


def make_transformer(**params):
    torch.manual_seed(0)
    sizes = {"n_tokens": 20, "max_length": 12, "d_model": 16, "dropout": 0}
    return TextTransformer(2, **sizes | params)


@pytest.mark.parametrize("n_layers", [0, 1, 2])
def test_padding_does_not_count(n_layers):
    module = make_transformer(n_layers=n_layers)
    X = torch.tensor([[3, 9, 4], [7, 2, 0]])
    padded = torch.nn.functional.pad(X, (0, 6))
    for mode in (True, False):
        module.train(mode)
        torch.testing.assert_close(module(padded), module(X))
        torch.testing.assert_close(module(X[1:, :2]), module(X)[1:])
        with torch.no_grad():  # where torch has a faster way
            torch.testing.assert_close(module(padded), module(X))


@pytest.mark.parametrize("n_layers", [0, 1])
def test_a_text_without_a_token_gives_numbers(n_layers):
    module = make_transformer(n_layers=n_layers)
    X = torch.tensor([[0, 0, 0], [3, 4, 0]])
    for mode in (True, False):
        module.train(mode)
        torch.testing.assert_close(module(X)[1:], module(X[1:]))
        logits = module(X)
        assert torch.isfinite(logits).all()
        with torch.no_grad():
            assert torch.isfinite(module(X)).all()
    logits.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())


@pytest.mark.parametrize("n_layers", [0, 1])
def test_the_order_of_words_counts(n_layers):
    module = make_transformer(n_layers=n_layers).eval()
    X = torch.tensor([[3, 4, 5], [5, 4, 3]])
    first, second = module(X)
    if n_layers:
        assert (first - second).abs().max() > 1e-4
    for tokens in (X, X.int()):
        torch.testing.assert_close(module(tokens), module(X))


def test_the_embedding_of_padding_stays_zero():
    module = make_transformer(n_layers=0)
    X, y = torch.tensor([[3, 0], [4, 5], [6, 0]]), torch.tensor([0, 1, 1])
    assert fit_one_batch(module, X, y, n_steps=30) == 1
    assert not module.tokens.weight[0].any()


def test_a_transformer_learns_what_a_bag_of_words_cannot():
    rng = np.random.RandomState(0)
    first = rng.randint(0, 2, 80)
    # The same two words, in one order or the other.
    X = np.where(first[:, None], [5, 3, 0, 0], [3, 5, 0, 0])
    net = SeededNetClassifier(
        TextTransformer,
        module__n_tokens=10,
        module__d_model=8,
        module__n_heads=2,
        lr=0.02,
        max_epochs=15,
        random_state=0,
    )
    assert net.fit(X, first).score(X, first) == 1


def test_heads_must_divide_the_model():
    with pytest.raises(
        ValueError, match="d_model=10 of TextTransformer must be a mult"
    ):
        TextTransformer(2, d_model=10, n_heads=4)
