"""Curvature of nets of skorch, and influence on subpopulations through it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import pearsonr

from skpoison.influence import SubpopulationInfluence
from skpoison.influence._curvature import Curvature
from skpoison.influence._links import Softmax
from skpoison.influence._network_loss import NetworkLoss

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skorch import NeuralNetClassifier  # noqa: E402
from torch import nn  # noqa: E402

from skpoison.influence._torch import module_loss  # noqa: E402
from skpoison.nets._functional import seeded  # noqa: E402

DAMPING = 0.01


class Images(nn.Module):
    """Convolutions of images of 1 x 8 x 8, with layers that have no blocks."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3, padding="same", bias=False),
            nn.GroupNorm(2, 6),
            nn.ReLU(inplace=True),
            nn.Conv2d(6, 6, 3, groups=2),
            nn.Flatten(),
        )
        self.head = nn.Linear(24, 3)

    def forward(self, X):
        return self.head(self.body(X))


def dense(n_classes=3, activation=nn.ReLU):
    return nn.Sequential(nn.Linear(6, 5), activation(), nn.Linear(5, n_classes))


def recurrent():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.head = nn.GRU(2, 3, batch_first=True), nn.Linear(3, 3)

        def forward(self, X):
            return self.head(self.cell(X)[0][:, -1])

    return Recurrent()


SHAPES = {dense: (6,), Images: (1, 8, 8), recurrent: (3, 2)}


def make_net(module, dtype=torch.float64, seed=0, **settings):
    with seeded(seed):
        module = module().to(dtype)
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "classes": [0, 1, 2],
        "optimizer__weight_decay": 0.002,
        "train_split": None,
        "verbose": 0,
    }
    return NeuralNetClassifier(module, **(defaults | settings)).initialize()


def make_rows(shape, n=40, seed=0, dtype=np.float64):
    """Rows of three classes that overlap, some with a label of another."""
    rng = np.random.RandomState(seed)
    codes = rng.randint(3, size=n)
    means = 0.5 * np.random.RandomState(99).randn(3, *shape)
    X = (means[codes] + rng.randn(n, *shape)).astype(dtype)
    is_noisy = rng.rand(n) < 0.1
    return X, np.where(is_noisy, rng.randint(3, size=n), codes)


def make_case(module, **settings):
    loss = module_loss(make_net(module, **settings))
    X, codes = make_rows(SHAPES[module])
    return loss, X, codes, np.random.RandomState(1).randn(loss.n_params)


def train(net, X, codes, weights=None, max_iter=1000):
    """Train to the optimum of the loss and its weight decay, on all rows at once."""
    params = list(net.module_.parameters())
    decay = net.optimizer_.param_groups[0]["weight_decay"]
    optimizer = torch.optim.LBFGS(
        params,
        max_iter=max_iter,
        tolerance_grad=1e-8,
        tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )
    weights = np.full(len(X), 1 / len(X)) if weights is None else weights
    X, y, weights = (torch.from_numpy(values) for values in (X, codes, weights))

    def closure():
        optimizer.zero_grad()
        losses = nn.functional.cross_entropy(net.module_(X), y, reduction="none")
        loss = weights @ losses + decay / 2 * sum((p**2).sum() for p in params)
        loss.backward()
        return loss

    optimizer.step(closure)
    return net


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["gauss_newton", "hessian"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_curvature_is_that_of_the_closed_form(n_classes, kind, weighted):
    net = make_net(lambda: dense(n_classes, nn.Tanh), classes=list(range(n_classes)))
    ours, (first, last) = module_loss(net), (net.module_[0], net.module_[2])
    theirs = NetworkLoss(
        [p.weight.detach().numpy().T for p in (first, last)],
        [p.bias.detach().numpy() for p in (first, last)],
        "tanh",
        Softmax(),
        np.arange(n_classes),
        0.0,
        None,
    )
    order = np.concatenate(
        [p.T.ravel() for part in theirs.split(np.arange(ours.n_params)) for p in part]
    )
    X, codes = make_rows((6,))
    codes %= n_classes
    weights = np.random.RandomState(0).rand(len(X)) if weighted else None
    expected = theirs.curvature_matrix(X, codes, kind, weights)[np.ix_(order, order)]
    assert_allclose(
        ours.curvature_matrix(X, codes, kind, weights), expected, atol=1e-13
    )


@pytest.mark.parametrize("kind", ["gauss_newton", "hessian"])
@pytest.mark.parametrize("module", SHAPES)
def test_products_are_those_of_the_matrix(module, kind):
    loss, X, codes, v = make_case(module)
    weights = np.random.RandomState(2).randn(len(X))
    for w in (None, weights):
        matrix = loss.curvature_matrix(X, codes, kind, w)
        assert_allclose(matrix, matrix.T, atol=1e-12)
        product = loss.curvature_product(X, codes, v, kind, w)
        assert_allclose(product, matrix @ v, atol=1e-11)


@pytest.mark.parametrize("module", [Images, recurrent])
def test_hessian_is_the_slope_of_gradients(module):
    net = make_net(module)
    loss = module_loss(net)
    X, codes = make_rows(SHAPES[module])
    v, step = np.random.RandomState(1).randn(loss.n_params), 1e-6
    vector = nn.utils.parameters_to_vector(net.module_.parameters()).detach()

    def gradient_at(size):
        moved = vector + size * torch.from_numpy(v)
        nn.utils.vector_to_parameters(moved, net.module_.parameters())
        return loss_gradient()

    def loss_gradient():
        return module_loss(net).gradient(X, codes)

    slope = (gradient_at(step) - gradient_at(-step)) / (2 * step)
    nn.utils.vector_to_parameters(vector, net.module_.parameters())
    product = module_loss(net).curvature_product(X, codes, v, "hessian")
    assert np.linalg.norm(product - slope) < 1e-5 * np.linalg.norm(slope)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"criterion__label_smoothing": 0.3},
        {"criterion__weight": torch.tensor([1.0, 2.0, 0.5]).double()},
    ],
    ids=["plain", "smooth", "weighted"],
)
def test_gauss_newton_is_the_hessian_of_a_linear_model(settings):
    net = make_net(lambda: nn.Linear(6, 3), **settings)
    loss, (X, codes) = module_loss(net), make_rows((6,))
    assert_allclose(
        loss.curvature_matrix(X, codes, "gauss_newton"),
        loss.curvature_matrix(X, codes, "hessian"),
        atol=1e-14,
    )


def test_kfac_is_exact_where_all_rows_bend_alike():
    net = make_net(lambda: nn.Linear(6, 3))
    with torch.no_grad():
        net.module_.weight.zero_()
        net.module_.bias.zero_()
    assert_kfac_is_exact(net, *make_rows((6,)))


def test_kfac_is_exact_for_one_row():
    assert_kfac_is_exact(make_net(lambda: nn.Linear(6, 3)), *make_rows((6,), n=1))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, 4, bias=False),
        nn.Conv2d(2, 3, (3, 2), padding=(0, 1), stride=3, dilation=(1, 3)),
    ],
    ids=["no bias", "all settings"],
)
def test_kfac_of_a_convolution_of_one_place_is_that_of_a_linear_layer(layer):
    net = make_net(lambda: nn.Sequential(layer, nn.Flatten()))
    assert_kfac_is_exact(net, *make_rows((2, 4, 4), n=1))


def assert_kfac_is_exact(net, X, codes):
    loss = module_loss(net)
    v = np.random.RandomState(0).randn(loss.n_params)
    exact = Curvature(loss, X, codes, damping=DAMPING, solver="exact")
    kfac = loss.kfac(X, codes, DAMPING)
    assert_allclose(kfac.solve(v), exact.solve(v), rtol=1e-8, atol=1e-10)
    assert_allclose(kfac.min_eigenvalue, exact.min_eigenvalue)


@pytest.mark.parametrize("max_exact", [0, 1000])
def test_blocks_have_the_traces_of_those_of_the_matrix(max_exact, monkeypatch):
    monkeypatch.setattr("skpoison.nets._other_blocks.MAX_EXACT", max_exact)
    loss, X, codes, v = make_case(Images, optimizer__weight_decay=0.0)
    matrix = loss.curvature_matrix(X, codes)
    diagonal = np.diag(matrix)
    kfac = loss.kfac(X, codes, DAMPING)
    for block in kfac.blocks.values():
        parts = [part for part in (block.weight, block.bias) if part is not None]
        trace = sum(diagonal[part].sum() for part in parts)
        assert_allclose(block.eigenvalues.sum(), trace)
    assert list(kfac.blocks) == ["body.0", "body.3", "head"]
    solution, slices = kfac.solve(v), loss.function.slices()
    for name in ("body.4", "body.6"):
        first, last = slices[f"{name}.weight"], slices[f"{name}.bias"]
        part = slice(first.start, last.stop)
        block = matrix[part, part] if max_exact else np.diag(diagonal[part])
        block = block + DAMPING * np.eye(len(block))
        assert_allclose(solution[part], np.linalg.solve(block, v[part]))


def test_layers_that_are_used_twice_or_shared_have_their_whole_blocks():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.twice, self.one, self.other = (nn.Linear(6, 6) for _ in range(3))
            self.other.weight = self.one.weight
            self.head = nn.Linear(6, 3)

        def forward(self, X):
            X = torch.tanh(self.other(torch.tanh(self.one(X))))
            return self.head(torch.tanh(self.twice(torch.tanh(self.twice(X)))))

    loss, (X, codes) = module_loss(make_net(Twice)), make_rows((6,))
    kfac = loss.kfac(X, codes, DAMPING)
    assert list(kfac.blocks) == ["head"]
    v = np.random.RandomState(0).randn(loss.n_params)
    part = slice(0, 42)
    block = loss.curvature_matrix(X, codes)[part, part]
    block += (DAMPING + 0.002) * np.eye(len(block))
    assert_allclose(kfac.solve(v)[part], np.linalg.solve(block, v[part]))


def test_a_net_without_dense_layers_has_blocks_too():
    module = nn.Sequential(nn.Conv1d(3, 3, 2, groups=3), nn.Flatten())
    loss, (X, codes) = module_loss(make_net(lambda: module)), make_rows((3, 2))
    v = np.random.RandomState(0).randn(loss.n_params)
    exact = Curvature(loss, X, codes, damping=DAMPING, solver="exact")
    kfac = loss.kfac(X, codes, DAMPING)
    assert_allclose(kfac.solve(v), exact.solve(v))
    assert_allclose(kfac.min_eigenvalue, exact.min_eigenvalue)


def test_a_singular_kfac_matrix_has_no_inverse():
    loss, X, codes, v = make_case(Images, optimizer__weight_decay=0.0)
    X[:, :, 0] = 0
    with torch.no_grad():
        loss.function.module.body[0].bias[0] = -100
    with pytest.raises(ValueError, match="damping above 0"):
        loss.kfac(X, codes, 0.0).solve(v)


@pytest.mark.parametrize("module", [dense, recurrent])
def test_solvers_agree(module):
    net = make_net(module)
    X, codes = make_rows(SHAPES[module], n=80)
    loss = module_loss(train(net, X, codes, max_iter=40))
    v = loss.gradient(X[:20], codes[:20])
    exact = Curvature(loss, X, codes, damping=DAMPING, solver="exact")
    assert exact.min_eigenvalue >= DAMPING
    solution = exact.solve(v)
    for solver, rank in [("cg", 1), ("nystroem", loss.n_params)]:
        other = Curvature(
            loss, X, codes, damping=DAMPING, solver=solver, rank=rank, random_state=0
        )
        assert_allclose(other.solve(v), solution, atol=1e-6 * np.abs(solution).max())


@pytest.mark.parametrize(("module", "least"), [(dense, 0.85), (Images, 0.6)])
def test_kfac_influence_is_near_to_exact_influence(module, least, seed):
    net = make_net(module, seed=seed)
    X, codes = make_rows(SHAPES[module], n=300, seed=seed)
    loss = module_loss(train(net, X, codes, max_iter=60))
    target = loss.gradient(X[:40], codes[:40])
    exact, kfac = (
        loss.products(
            X,
            codes,
            Curvature(loss, X, codes, damping=DAMPING, solver=solver).solve(target),
        )
        for solver in ("exact", "kfac")
    )
    plain = loss.products(X, codes, target)
    assert pearsonr(exact, kfac).statistic > least
    assert pearsonr(exact, kfac).statistic > pearsonr(exact, plain).statistic


def optimum(seed):
    """A net at its optimum, the rows of which it is the optimum, and a target."""
    net = make_net(
        lambda: dense(activation=nn.Tanh), seed=seed, optimizer__weight_decay=0.03
    )
    X, codes = make_rows((6,), n=100, seed=seed)
    return train(net, X, codes), X, codes, *make_rows((6,), n=30, seed=seed + 100)


def loss_after(retrain, net, X, codes, weights, X_target, target):
    """Mean loss of the target, of the net trained on from where it is."""
    start = {name: value.clone() for name, value in net.module_.state_dict().items()}
    retrain(net, X, codes, weights)
    value = module_loss(net).losses(X_target, target).mean()
    net.module_.load_state_dict(start)
    return value


def newton(net, X, codes, weights):
    """Train by steps of Newton's method."""
    params = list(net.module_.parameters())
    for _ in range(5):
        loss = module_loss(net)
        vector = nn.utils.parameters_to_vector(params).detach().numpy()
        decay = loss.penalty(len(X))
        gradient = loss.gradient(X, codes, weights) + decay * vector
        matrix = loss.curvature_matrix(X, codes, "hessian", weights) + np.diag(decay)
        vector = torch.from_numpy(vector - np.linalg.solve(matrix, gradient))
        nn.utils.vector_to_parameters(vector, params)


def test_influence_is_the_derivative_of_the_optimum_in_the_weight_of_a_row(seed):
    net, X, codes, X_target, target = optimum(seed)
    newton(net, X, codes, None)
    loss, step = module_loss(net), 1e-6
    curvature = Curvature(loss, X, codes, kind="hessian", solver="exact")
    direction = -curvature.solve(loss.gradient(X_target, target))
    scores = loss.products(X, codes, direction)
    for row in (0, 1):
        weights = np.full((2, len(X)), 1 / len(X))
        weights[:, row] += (step, -step)
        after, before = (
            loss_after(newton, net, X, codes, w, X_target, target) for w in weights
        )
        assert_allclose(scores[row], (after - before) / (2 * step), rtol=1e-4)


def test_gauss_newton_influence_tells_what_leaving_a_row_out_does(seed):
    net, X, codes, X_target, target = optimum(seed)
    loss, actual = module_loss(net), []
    curvature = Curvature(loss, X, codes, solver="exact")
    direction = -curvature.solve(loss.gradient(X_target, target))
    rows = np.arange(0, len(X), 5)
    predicted = -loss.products(X[rows], codes[rows], direction) / len(X)
    before = loss.losses(X_target, target).mean()
    for row in rows:
        weights = np.full(len(X), 1 / (len(X) - 1))
        weights[row] = 0
        after = loss_after(train, net, X, codes, weights, X_target, target)
        actual.append(after - before)
    assert pearsonr(predicted, actual).statistic > 0.8


@pytest.mark.parametrize("solver", ["exact", "cg", "kfac"])
def test_influence_on_a_subpopulation_of_images(solver):
    net = make_net(Images, dtype=torch.float32, max_epochs=20, lr=0.05, batch_size=16)
    X, y = make_rows(SHAPES[Images], n=120, dtype=np.float32)
    target, wrong = X[:20], (y[:20] + 1) % 3
    X, y = np.concatenate([X, target]), np.concatenate([y, wrong])
    influence = SubpopulationInfluence(net, damping=0.1, solver=solver)
    with seeded(0):
        scores = influence.fit(X, y).score_rows(target, y[:20])
    assert scores.shape == (140,)
    assert scores[120:].mean() > np.abs(scores[20:120]).mean()
    gradients = influence.feature_gradients(target, y[:20], X[:4], y[:4])
    assert gradients.shape == (4, 1, 8, 8)
    moved = X[:4] + 1e-3 * np.sign(gradients).astype(np.float32)
    before, after = (
        influence.score_rows(target, y[:20], Z, y[:4]) for Z in (X[:4], moved)
    )
    assert (after > before).all()
