import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.neighbors import KNeighborsClassifier

from skpoison.datasets import make_subpopulations

SEEDS = [0, 1, 2, 42]


@st.composite
def mixtures(draw):
    k = draw(st.integers(1, 30))
    return {
        "n_samples": k + draw(st.integers(0, 200)),
        "n_subpopulations": k,
        "n_features": draw(st.integers(1, 4)),
        "n_classes": draw(st.integers(2, 4)),
        "noise": draw(st.floats(0, 1)),
        "weights": draw(st.sampled_from([None, "uniform"])),
        "cluster_std": draw(st.floats(0, 10)),
        "spacing": draw(st.floats(0.1, 10)),
        "shuffle": draw(st.booleans()),
        "random_state": draw(st.integers(0, 2**32 - 1)),
    }


@settings(max_examples=60, deadline=None)
@given(mixtures())
def test_shapes_ranges_and_determinism(params):
    result = make_subpopulations(return_clean_labels=True, **params)
    X, y, subpopulation, y_clean = result
    n, k = params["n_samples"], params["n_subpopulations"]
    assert X.shape == (n, params["n_features"])
    assert X.dtype == np.float64
    assert np.isfinite(X).all()
    assert y.shape == y_clean.shape == subpopulation.shape == (n,)
    assert y.dtype == y_clean.dtype == subpopulation.dtype == np.int64
    assert set(subpopulation) == set(range(k))
    assert set(y) | set(y_clean) <= set(range(params["n_classes"]))
    again = make_subpopulations(return_clean_labels=True, **params)
    for one, other in zip(result, again, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=60, deadline=None)
@given(mixtures())
def test_supports_are_disjoint(params):
    X, _, subpopulation = make_subpopulations(**params)
    # With no spread each row is its subpopulation's center.
    centers, _, _ = make_subpopulations(**{**params, "cluster_std": 0})
    distance = np.linalg.norm(X - centers, axis=1)
    assert distance.max() <= 0.49 * params["spacing"] * (1 + 1e-9)
    unique = np.unique(centers, axis=0)
    assert len(unique) == params["n_subpopulations"]
    to_all = np.linalg.norm(X[:, None] - unique[None], axis=2)
    own = np.linalg.norm(centers[:, None] - unique[None], axis=2).argmin(axis=1)
    np.testing.assert_array_equal(to_all.argmin(axis=1), own)
    assert len(np.unique(np.c_[own, subpopulation], axis=0)) == len(unique)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100), st.integers(2, 5), st.integers(0, 1000))
def test_noise_rate_is_within_binomial_bounds(percent, n_classes, seed):
    noise = percent / 100
    _, y, _, y_clean = make_subpopulations(
        2000,
        5,
        noise=noise,
        n_classes=n_classes,
        return_clean_labels=True,
        random_state=seed,
    )
    assert binomtest(int((y != y_clean).sum()), y.size, noise).pvalue > 1e-7


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_of_each_subpopulation(seed):
    noise = [0, 0.1, 0.5, 1]
    _, y, subpopulation, y_clean = make_subpopulations(
        4000, 4, noise=noise, return_clean_labels=True, random_state=seed
    )
    for number, rate in enumerate(noise):
        flipped = (y != y_clean)[subpopulation == number]
        assert binomtest(int(flipped.sum()), flipped.size, rate).pvalue > 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_flip_draws_another_class_uniformly(seed):
    _, y, _, y_clean = make_subpopulations(
        6000, 8, n_classes=4, noise=1.0, return_clean_labels=True, random_state=seed
    )
    shares = np.bincount((y - y_clean) % 4, minlength=4) / y.size
    np.testing.assert_allclose(shares, [0, 1 / 3, 1 / 3, 1 / 3], atol=0.03)


def test_noise_changes_the_observed_labels_alone():
    clean = make_subpopulations(random_state=0, return_clean_labels=True)
    noisy = make_subpopulations(random_state=0, return_clean_labels=True, noise=0.3)
    for position in (0, 2, 3):
        np.testing.assert_array_equal(clean[position], noisy[position])
    np.testing.assert_array_equal(clean[1], clean[3])
    assert (clean[1] != noisy[1]).any()


def test_clean_labels_are_the_fourth_result_alone():
    three = make_subpopulations(random_state=0)
    four = make_subpopulations(random_state=0, return_clean_labels=True)
    assert len(three) == 3
    assert len(four) == 4
    for one, other in zip(three, four[:3], strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_clean_label_per_subpopulation():
    _, _, subpopulation, y_clean = make_subpopulations(
        500, 20, noise=0.4, return_clean_labels=True, random_state=0
    )
    pairs = np.unique(np.c_[subpopulation, y_clean], axis=0)
    assert len(pairs) == 20


def test_given_labels():
    labels = [2, 0, 1, 1]
    _, y, subpopulation = make_subpopulations(
        100, 4, n_classes=3, labels=labels, random_state=0
    )
    np.testing.assert_array_equal(y, np.array(labels)[subpopulation])


def test_weights():
    weights = [0.5, 0.3, 0.2, 0]
    _, _, subpopulation = make_subpopulations(
        10_000, 4, weights=weights, random_state=0
    )
    sizes = np.bincount(subpopulation)
    np.testing.assert_allclose(sizes / 10_000, weights, atol=0.02)
    assert sizes[3] == 1


def test_uniform_weights():
    _, _, subpopulation = make_subpopulations(
        10_000, 4, weights="uniform", random_state=0
    )
    np.testing.assert_allclose(np.bincount(subpopulation), 2500, atol=250)


@pytest.mark.parametrize("seed", SEEDS)
def test_drawn_weights_are_dirichlet(seed):
    """Dirichlet(5) shares of k have the variance (k - 1) / (k^2 (5 k + 1))."""
    k, n = 400, 400_000
    sizes = np.bincount(make_subpopulations(n, k, random_state=seed)[2])
    variance = (k - 1) / (k**2 * (5 * k + 1))
    assert np.var(sizes / n) == pytest.approx(variance, rel=0.3)


@pytest.mark.parametrize(
    ("k", "n_features", "shape"),
    [(20, 2, (5, 4)), (7, 1, (7,)), (27, 3, (3, 3, 3)), (4, 3, (2, 2, 1))],
)
def test_grid(k, n_features, shape):
    X, _, subpopulation = make_subpopulations(
        k, k, n_features=n_features, cluster_std=0, spacing=3, shuffle=False
    )
    np.testing.assert_array_equal(subpopulation, np.arange(k))
    assert tuple(len(np.unique(column)) for column in X.T) == shape
    assert set(np.unique(X)) <= {3.0 * step for step in range(max(shape))}
    assert np.array_equal(X[0], np.zeros(n_features))
    if k > 1:
        assert np.array_equal(X[1], 3 * np.eye(n_features)[0])


def test_many_features():
    X, _, _ = make_subpopulations(300, 100, n_features=500, random_state=0)
    assert X.shape == (300, 500)
    assert np.isfinite(X).all()


def test_spread_is_cluster_std():
    X, _, _ = make_subpopulations(5000, 1, cluster_std=0.2, random_state=0)
    np.testing.assert_allclose(X.std(axis=0), 0.2, rtol=0.05)


def test_shuffle():
    _, _, ordered = make_subpopulations(shuffle=False, random_state=0)
    _, _, shuffled = make_subpopulations(shuffle=True, random_state=0)
    assert (np.diff(ordered) >= 0).all()
    assert (np.diff(shuffled) < 0).any()
    np.testing.assert_array_equal(np.bincount(ordered), np.bincount(shuffled))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_local_learner_is_perfect_without_noise(seed):
    X, y, _ = make_subpopulations(2000, 20, random_state=seed)
    model = KNeighborsClassifier(1).fit(X[::2], y[::2])
    assert model.score(X[1::2], y[1::2]) == 1.0


@pytest.mark.parametrize("number", [np.float32(0.25), np.float64(0.25), 0, 1, True])
def test_noise_may_be_any_number(number):
    make_subpopulations(noise=number, random_state=0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_samples": 9}, "n_samples=9 and n_subpopulations=10"),
        ({"n_samples": 0}, "'n_samples' parameter of make_subpopulations"),
        ({"n_classes": 1}, "'n_classes' parameter of make_subpopulations"),
        ({"noise": 1.1}, "'noise' parameter of make_subpopulations"),
        ({"noise": np.nan}, "'noise' parameter of make_subpopulations"),
        ({"noise": [0.1] * 9}, r"'noise' .* shape \(10,\)\. Got shape \(9,\)"),
        ({"noise": [0.1] * 9 + [-1]}, "'noise' .* probabilities, in the range"),
        ({"noise": [0.1] * 9 + [np.nan]}, "'noise' .* probabilities, in the range"),
        ({"weights": "equal"}, "'weights' parameter of make_subpopulations"),
        ({"weights": [0.5, 0.5]}, r"'weights' .* shape \(10,\)\. Got shape \(2,\)"),
        ({"weights": [0.2] * 10}, "sum to 1. Got .* sum to 2.0; divide them by"),
        ({"weights": [-0.1, 0.3] * 5}, "'weights' .* must be non-negative"),
        ({"weights": [np.nan] * 10}, "'weights' .* must be non-negative"),
        ({"weights": ["a"] * 10}, "'weights' .* must hold numbers. Got"),
        ({"noise": [[0.1], [0.1, 0.2]]}, "'noise' .* must hold numbers. Got"),
        ({"labels": [[0], [0, 1]]}, "'labels' .* must hold numbers. Got"),
        ({"labels": [0, 1]}, r"'labels' .* shape \(10,\)\. Got shape \(2,\)"),
        ({"labels": [0, 2] * 5}, r"'labels' .* range \[0, 2\)\. .* raise n_classes"),
        ({"labels": [0, -1] * 5}, r"'labels' .* range \[0, 2\)"),
        ({"labels": [0.5] * 10}, r"'labels' .* range \[0, 2\)"),
        ({"labels": ["a"] * 10}, r"'labels' .* range \[0, 2\)"),
        ({"cluster_std": -1}, "'cluster_std' parameter of make_subpopulations"),
        ({"spacing": 0}, "'spacing' parameter of make_subpopulations"),
        ({"random_state": "a"}, "'random_state' parameter of make_subpopulations"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        make_subpopulations(**params)
