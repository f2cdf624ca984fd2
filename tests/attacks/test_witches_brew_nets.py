"""Clean-label gradient matching with nets of skorch, on images."""

from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skorch import NeuralNetClassifier  # noqa: E402
from torch import nn  # noqa: E402

from skpoison import ClusterMatch  # noqa: E402
from skpoison.attacks import WitchesBrewPoisoner  # noqa: E402
from skpoison.attacks._gradient_matching import GradientMatching  # noqa: E402
from skpoison.influence._losses import loss_of  # noqa: E402
from skpoison.nets._augmentations import shift_and_flip  # noqa: E402


class ConvNet(nn.Module):
    """Two convolutions for images of 8 x 8, from the same weights each time."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Conv2d(1, 6, 3, padding=1),
                nn.LeakyReLU(0.1),
                nn.AvgPool2d(2),
                nn.Conv2d(6, 12, 3, padding=1),
                nn.LeakyReLU(0.1),
                nn.AvgPool2d(2),
                nn.Flatten(),
                nn.Linear(48, 10),
            )

    def forward(self, X):
        return self.layers(X)


def make_net(seed=0, n_epochs=12):
    return NeuralNetClassifier(
        ConvNet,
        module__seed=seed,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=5e-3,
        batch_size=64,
        max_epochs=n_epochs,
        train_split=None,
        verbose=0,
    )


@pytest.fixture(scope="module")
def images():
    X, y = load_digits(return_X_y=True)
    return (X[:600] / 16).reshape(-1, 1, 8, 8).astype(np.float32), y[:600]


@pytest.fixture(scope="module")
def surrogate(images):
    return FrozenEstimator(make_net().fit(*images))


def brew(images, surrogate, **settings):
    defaults = {"n_steps": 25, "n_restarts": 1, "eps": 0.25, "random_state": 0}
    poisoner = WitchesBrewPoisoner(
        ClusterMatch(10, random_state=0), surrogate=surrogate, **defaults | settings
    )
    return (poisoner, *poisoner.fit_resample(*images))


def log_probability(net, poisoner):
    """Mean log-probability of the adversarial class on the targets."""
    proba = net.predict_proba(poisoner.target_rows_)
    return np.log(proba[:, poisoner.adversarial_label_]).mean()


@pytest.mark.parametrize("augment", [None, "shift_flip"])
def test_victims_move_the_targets_to_the_adversarial_class(images, surrogate, augment):
    gains = []
    for seed in range(3):
        poisoner, X_res, y_res = brew(
            images, surrogate, augment=augment, n_targets=2, random_state=seed
        )
        copies = images[0][poisoner.sample_indices_]
        poisoned, null = (
            log_probability(make_net(seed + 1).fit(X, y_res), poisoner)
            for X in (X_res, copies)
        )
        gains.append(poisoned - null)
    assert np.mean(gains) > 0.7


def test_poison_keeps_to_eps_and_to_the_range_of_pixels(images, surrogate):
    poisoner, X_res, y_res = brew(images, surrogate, eps=16 / 255)
    X, y = images
    assert X_res.dtype == np.float32
    assert X_res.shape[1:] == (1, 8, 8)
    sources = poisoner.sample_indices_
    moved = np.abs(X_res.astype(float) - X[sources].astype(float))
    assert 0.06 < moved.max() <= 16 / 255
    assert X_res.min() == 0
    assert X_res.max() == 1
    assert_array_equal(y_res, y[sources])


@pytest.mark.parametrize(
    "augment", ["shift_flip", shift_and_flip], ids=["name", "function"]
)
def test_augmented_poison_is_the_same_for_the_same_seed(images, surrogate, augment):
    settings = {"augment": augment, "n_steps": 3}
    before = torch.get_rng_state()
    runs = [
        brew(images, surrogate, **settings, random_state=seed)[1].tobytes()
        for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1] != runs[2]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_callable_augments(images, surrogate):
    plain = brew(images, surrogate, n_steps=3)[1]
    same = brew(images, surrogate, n_steps=3, augment=lambda X: X * 1.0)[1]
    darker = brew(images, surrogate, n_steps=3, augment=lambda X: X * 0.5)[1]
    assert_allclose(same, plain, atol=1e-6)
    assert not np.array_equal(darker, plain)


def test_surrogates_are_trained_on_the_rows_of_the_attacker(images):
    poisoner, *_ = brew(images, make_net(n_epochs=1), aux_size=0.5, n_steps=2)
    assert poisoner.target_rows_.shape == (1, 1, 8, 8)


@pytest.mark.parametrize("augment", [None, shift_and_flip], ids=["plain", "augmented"])
def test_derivatives_of_the_cosine_are_those_of_finite_differences(images, augment):
    X, y = images
    X = X.astype(np.float64)
    net = make_net(n_epochs=3).fit(X[:64].astype(np.float32), y[:64])
    net.module_.double()
    loss = loss_of(net, X, "test")
    matching = GradientMatching(
        loss, y[:3], loss.gradient(X[5:7], np.array([3, 3])), augment
    )

    def value(flat):
        with torch.random.fork_rng():
            torch.manual_seed(7)
            rows = flat.reshape(3, 1, 8, 8)
            options = {} if augment is None else {"augment": augment}
            gradient = loss.gradient(rows, y[:3], **options)
        return 1 - gradient @ matching.direction / np.linalg.norm(gradient)

    exact = matching.derivatives(X[:3], seed=7)
    numeric = approx_fprime(X[:3].ravel(), value, 1e-6).reshape(exact.shape)
    assert np.abs(exact).max() > 1e-3
    assert_allclose(exact, numeric, atol=1e-5)


@pytest.mark.parametrize("draw", range(3))
def test_one_step_on_poison_does_more_than_one_on_copies(images, surrogate, draw):
    """The claim of the attack at the surrogate itself, to first order."""
    poisoner, X_res, y_res = brew(images, surrogate, n_targets=3, random_state=draw)
    at = poisoner.poison_mask_
    copies = images[0][poisoner.sample_indices_]
    gains = []
    for X in (X_res, copies):
        net = deepcopy(surrogate.estimator)
        before = log_probability(net, poisoner)
        gradient = loss_of(net, X, "test").gradient(X[at], y_res[at])
        step = torch.from_numpy(-1e-2 * gradient / np.linalg.norm(gradient))
        parameters = list(net.module_.parameters())
        vector = nn.utils.parameters_to_vector(parameters) + step.float()
        nn.utils.vector_to_parameters(vector.detach(), parameters)
        gains.append(log_probability(net, poisoner) - before)
    assert gains[0] > 1.05 * abs(gains[1])
