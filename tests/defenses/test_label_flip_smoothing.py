from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skpoison.defenses import LabelFlipSmoothing
from skpoison.defenses._flip_bounds import log_error


@parametrize_with_checks(
    [LabelFlipSmoothing(), LabelFlipSmoothing(StandardScaler(), flip_probability=0.02)]
)
def test_estimator_checks(estimator, check):
    check(estimator)


def small(seed, n=8, n_classes=2):
    rng = np.random.RandomState(seed)
    y = np.arange(n) % n_classes
    X = rng.normal(size=(n, 2))
    X[:, 0] += 2.5 * y
    return X, y, X[::2] + 0.1


def weights_of(model, X):
    Z = X - model._center
    return Z @ model._hat + 1 / len(model._codes)


def chances(model, X):
    """Chance that each class wins, over all flips: (n_samples, n_classes)."""
    n_classes, q = len(model.classes_), model.flip_probability
    weights, codes = weights_of(model, X), model._codes
    labels = np.array(list(product(range(n_classes), repeat=len(codes))))
    kept = labels == codes
    chance = np.where(kept, 1 - q, q / (n_classes - 1)).prod(axis=1)
    scores = np.stack([weights @ (labels == c).T for c in range(n_classes)])
    winner = scores.argmax(axis=0)
    return np.stack([(winner == c) @ chance for c in range(n_classes)], axis=1)


def flips(y, n_flips, n_classes):
    """All labels with as many flips."""
    for at in combinations(range(len(y)), n_flips):
        for shift in product(range(1, n_classes), repeat=n_flips):
            other = y.copy()
            other[list(at)] = (other[list(at)] + shift) % n_classes
            yield other


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_bound_is_above_the_chance_and_not_far(seed, n_classes):
    X, y, X_test = small(seed, 8, n_classes)
    model = LabelFlipSmoothing(flip_probability=0.05).fit(X, y)
    chance = chances(model, X_test)
    winner = np.searchsorted(model.classes_, model.predict(X_test))
    error = 1 - chance[np.arange(len(X_test)), winner]
    bound = np.exp(
        log_error(weights_of(model, X_test), model._codes, winner, n_classes, 0.05)
    )
    assert (error <= bound + 1e-12).all()
    # And the least of its kind: no t of a grid is better.
    if n_classes == 2:
        sides = np.where(model._codes == winner[:, None], 1, -1)
        t = np.linspace(0, 40, 2000)[:, None, None]
        leads = t * weights_of(model, X_test) * sides
        grid = np.prod(0.95 * np.exp(-leads) + 0.05 * np.exp(leads), axis=2)
        np.testing.assert_allclose(bound, grid.min(axis=0), rtol=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_no_flips_break_a_certificate(seed, n_classes):
    X, _, X_test = small(seed, 14 - 2 * n_classes, n_classes)
    # Few labels certify against flips where most are of one class only.
    y = np.minimum(np.arange(len(X)), n_classes - 1)
    model = LabelFlipSmoothing(flip_probability=1e-8, ridge=100).fit(X, y)
    before, radius = model.predict(X_test), model.certified_radius(X_test)
    majority = model.classes_[chances(model, X_test).argmax(axis=1)]
    assert (before == majority)[radius >= 0].all()
    assert radius.max() > 0
    for n_flips in range(1, radius.max() + 1):
        sure = radius >= n_flips
        for labels in flips(y, n_flips, n_classes):
            if len(np.unique(labels)) < n_classes:
                continue
            other = clone(model).fit(X, labels)
            assert (other.predict(X_test) == before)[sure].all()
            assert (chances(other, X_test[sure]).max(axis=1) >= 0.5).all()
            leader = chances(other, X_test[sure]).argmax(axis=1)
            assert (other.classes_[leader] == before[sure]).all()


@given(st.integers(0, 2**20), st.integers(2, 3), st.sampled_from([0.01, 0.1, 0.3]))
@settings(max_examples=500)
def test_the_worst_flips_break_no_certificate(seed, n_classes, q):
    rng = np.random.RandomState(seed)
    n = rng.randint(12, 40)
    X, y, X_test = small(seed, n, n_classes)
    model = LabelFlipSmoothing(flip_probability=q, ridge=10 ** rng.uniform(-1, 2))
    model.fit(X, y)
    before, radius = model.predict(X_test), model.certified_radius(X_test)
    exact, weights = model.exact_radius(X_test), weights_of(model, X_test)
    assert (radius <= exact).all()
    i = rng.randint(len(X_test))
    rival = (before[i] + 1) % n_classes
    # Labels whose weight speaks most for the winner, turned into the rival's.
    gain = np.where(y == rival, -np.inf, weights[i])
    worst = np.argsort(-gain)[: max(0, radius[i])]
    for flipped in (worst, rng.permutation(n)[: max(0, radius[i])]):
        labels = y.copy()
        labels[flipped] = rival
        if len(np.unique(labels)) == n_classes:
            after = clone(model).fit(X, labels).predict(X_test[i : i + 1])
            assert after == before[i]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_exact_radius_is_that_of_all_flips(seed, n_classes):
    X, y, X_test = small(seed, 9, n_classes)
    model = LabelFlipSmoothing(ridge=2).fit(X, y)
    codes, before = model._codes, model.predict(X_test)
    radius, weights = model.exact_radius(X_test), weights_of(model, X_test)
    least = np.full(len(X_test), len(y))
    for n_flips in range(5, 0, -1):
        for labels in flips(codes, n_flips, n_classes):
            scores = np.stack([weights @ (labels == c) for c in range(n_classes)])
            least[scores.argmax(axis=0) != before] = n_flips
    found = least <= 5
    assert found.any()
    np.testing.assert_array_equal(radius[found], least[found] - 1)
    assert (radius[~found] >= 5).all()


def test_it_is_ridge_regression():
    X, y = make_classification(random_state=0)
    model = LabelFlipSmoothing(ridge=3).fit(X, y)
    ridge = RidgeClassifier(alpha=3).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), ridge.predict(X))
    np.testing.assert_allclose(2 * model.coef_[1], np.ravel(ridge.coef_), rtol=1e-6)
    weights = weights_of(model, X)
    np.testing.assert_allclose(weights @ y, X @ model.coef_[1] + model.intercept_[1])
    np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_more_noise_certifies_no_more_than_its_cost():
    X, y = make_classification(300, class_sep=2, random_state=1)
    accuracy = [
        LabelFlipSmoothing(flip_probability=q, ridge=100)
        .fit(X, y)
        .certified_accuracy(X, y, [0, 5])
        for q in (0.01, 0.45)
    ]
    assert accuracy[0][1] > 0.5
    assert accuracy[1][1] == 0
    model = LabelFlipSmoothing().fit(X, y)
    assert isinstance(model.certified_accuracy(X, y, 3), float)
    assert model.certified_accuracy(X, y, 3) <= model.score(X, y)


def test_representations_do_not_see_labels():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(TypeError, match="y"):
        LabelFlipSmoothing(LabelBound()).fit(X, y)


class LabelBound(StandardScaler):
    """A representation that needs labels."""

    def fit(self, X, y):
        return super().fit(X)


def test_containers_and_labels_of_any_kind():
    X, y = load_iris(return_X_y=True)
    names = np.array(["se", "ve", "vi"])
    expected = LabelFlipSmoothing(StandardScaler()).fit(X, y)
    for rows in (X.tolist(), pd.DataFrame(X, columns=list("abcd"))):
        model = LabelFlipSmoothing(StandardScaler()).fit(rows, names[y])
        np.testing.assert_array_equal(model.predict(rows), names[expected.predict(X)])
    scaler = StandardScaler(with_mean=False)
    model = LabelFlipSmoothing(scaler).fit(sparse.csr_array(X), y)
    np.testing.assert_array_equal(
        model.certified_radius(sparse.csr_array(X)), expected.certified_radius(X)
    )
    texts = ["good film", "bad film", "good book", "bad book"]
    words = LabelFlipSmoothing(make_pipeline(CountVectorizer()))
    assert words.fit(texts, [1, 0, 1, 0]).predict(["good"]) == [1]


def test_bad_input_is_an_error():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="at least two classes"):
        LabelFlipSmoothing().fit(X, np.zeros(len(y)))
    for change in ({"flip_probability": 0.5}, {"ridge": 0}, {"representation": 1}):
        with pytest.raises(ValueError, match=next(iter(change))):
            LabelFlipSmoothing().set_params(**change).fit(X, y)
    model = LabelFlipSmoothing().fit(X, y)
    with pytest.raises(ValueError, match="n_flips of LabelFlipSmoothing"):
        model.certified_accuracy(X, y, -1)
    with pytest.raises(ValueError, match="features"):
        model.predict(X[:, :2])
