"""Nearest neighbors are those of scikit-learn, to the last tie."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier

from skpoison.refit import refit_poisoned
from skpoison.refit._neighbor_tiles import TileSearch
from skpoison.refit._neighbors import _strategy
from skpoison.refit._poison_rows import PoisonRows, number_contents
from skpoison.refit._tiles import odd_columns
from skpoison.utils._containers import append

SIZES = (0, 1, 5, 40, 193)


def refits(estimator, X, y, poisons, X_test):
    """Predictions of models that scikit-learn fits."""
    return np.array(
        [
            clone(estimator)
            .fit(append(X, X_new) if len(y_new) else X, np.concatenate([y, y_new]))
            .predict(X_test)
            for X_new, y_new in poisons
        ]
    )


def flipped_copies(X, y, rng, sizes=SIZES, n_classes=2):
    """Poison that copies training rows under the next label."""
    at = [rng.randint(0, len(y), size) for size in sizes]
    return [(X[i], (y[i] + 1) % n_classes) for i in at]


def assert_as_refitted(estimator, X, y, poisons, X_test, engine="refit_neighbors"):
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == engine
    predicted = models.predict(X_test)
    wanted = refits(estimator, X, y, poisons, X_test)
    np.testing.assert_array_equal(predicted, wanted)
    assert predicted.dtype == wanted.dtype


@pytest.mark.parametrize("weights", ["uniform", "distance", None])
@pytest.mark.parametrize("algorithm", ["brute", "kd_tree", "ball_tree", "auto"])
@pytest.mark.parametrize("k", [1, 2, 7, 20])
def test_ties_everywhere_end_as_in_scikit_learn(weights, algorithm, k, seed):
    rng = np.random.RandomState(seed)
    X, X_test = rng.randint(0, 3, (320, 4)), rng.randint(0, 3, (150, 4))
    y = rng.randint(0, 2, 320)
    poisons = flipped_copies(X.astype(float), y, rng)
    estimator = KNeighborsClassifier(k, weights=weights, algorithm=algorithm)
    assert_as_refitted(estimator, X.astype(float), y, poisons, X_test.astype(float))


@settings(max_examples=60)
@given(
    n=st.integers(60, 700),
    n_features=st.sampled_from([1, 3, 17, 60, 107]),
    n_test=st.sampled_from([1, 40, 256, 700]),
    k=st.integers(1, 20),
    weights=st.sampled_from(["uniform", "distance"]),
    dtype=st.sampled_from([np.float64, np.float32]),
    offset=st.sampled_from([0.0, 1e6]),
    draw=st.integers(0, 2**16),
)
def test_rounded_products_are_those_of_scikit_learn(
    n, n_features, n_test, k, weights, dtype, offset, draw
):
    """Copies in the last tile of a product may be rounded otherwise than originals."""
    rng = np.random.RandomState(draw)
    X = (rng.normal(size=(n // 2, n_features)) + offset).astype(dtype)
    X = X[rng.randint(0, len(X), n)]
    X_test = (rng.normal(size=(n_test, n_features)) + offset).astype(dtype)
    X_test[::2] = X[rng.randint(0, n, len(X_test[::2]))]
    y = rng.randint(0, 3, n)
    poisons = flipped_copies(X, y, rng, (0, 2, 7, rng.randint(1, 300)), n_classes=3)
    new = (X_test[: n // 4] + 0.1 * rng.normal(size=X_test[: n // 4].shape)).astype(
        dtype
    )
    poisons.append((new, rng.randint(0, 3, len(new))))
    estimator = KNeighborsClassifier(k, weights=weights, algorithm="brute")
    assert_as_refitted(estimator, X, y, poisons, X_test)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_weights_of_single_precision_are_those_of_scikit_learn(metric, seed):
    # Few distinct rows: sums of the same weights come out equal, or nearly.
    rng = np.random.RandomState(seed)
    X = rng.randn(60, 2).astype("f4")[rng.randint(60, size=257)]
    X_test, y = rng.randn(600, 2).astype("f4"), rng.randint(0, 2, 257)
    copied = rng.randint(257, size=300)
    estimator = KNeighborsClassifier(
        10, weights="distance", algorithm="brute", metric=metric
    )
    assert_as_refitted(estimator, X, y, [(X[copied], 1 - y[copied])], X_test)


METRICS = [
    {"metric": "minkowski", "p": 1},
    {"metric": "minkowski", "p": 3},
    {"metric": "minkowski", "p": 3, "metric_params": {"w": np.arange(1.0, 6)}},
    {"metric": "manhattan", "algorithm": "brute"},
    {"metric": "chebyshev"},
    {"metric": "l2", "algorithm": "brute"},
    {"metric": "sqeuclidean"},
    {"metric": "seuclidean", "metric_params": {"V": np.arange(1.0, 6)}},
    {"metric": "mahalanobis", "metric_params": {"VI": np.eye(5) + 0.5}},
    {"metric": "canberra", "algorithm": "brute"},
    {"metric": "braycurtis"},
    {"metric": "hamming"},
    {"metric": "cosine"},
    {"metric": "correlation"},
    {"metric": lambda a, b: np.abs(a - b).sum(), "algorithm": "brute"},
    {"metric": lambda a, b: np.abs(a - b).max()},
]


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("options", METRICS, ids=lambda o: str(o["metric"])[:12])
def test_every_metric_gives_what_refits_give(options, weights):
    rng = np.random.RandomState(3)
    X = rng.randint(0, 4, (130, 5)) + 0.25
    X_test = rng.randint(0, 4, (40, 5)) + 0.25
    y = rng.randint(0, 3, 130)
    poisons = flipped_copies(X, y, rng, (0, 3, 30, 60), n_classes=3)
    poisons.append((X_test[:9] + 0.5, y[:9]))
    assert_as_refitted(
        KNeighborsClassifier(6, weights=weights, **options), X, y, poisons, X_test
    )


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool])
def test_whole_numbers_stay_whole(dtype):
    rng = np.random.RandomState(0)
    X, X_test = (rng.randint(0, 2, (n, 20)).astype(dtype) for n in (200, 60))
    y = rng.randint(0, 2, 200)
    poisons = flipped_copies(X, y, rng)
    assert_as_refitted(KNeighborsClassifier(5), X, y, poisons, X_test)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("is_test_sparse", [True, False])
def test_sparse_rows_give_what_refits_give(metric, weights, is_test_sparse):
    rng = np.random.RandomState(1)
    X = sparse.random(220, 30, 0.3, "csr", random_state=0)
    X.data = np.ceil(3 * X.data)
    X_test = X[rng.randint(0, 220, 60)]
    X_test.data = X_test.data + rng.randint(0, 2, len(X_test.data))
    y = rng.randint(0, 2, 220)
    poisons = flipped_copies(X, y, rng)
    poisons.append((X_test[:5] * 2.0, y[:5]))
    estimator = KNeighborsClassifier(4, metric=metric, weights=weights)
    X_test = X_test if is_test_sparse else X_test.toarray()
    assert_as_refitted(estimator, X, y, poisons, X_test)


def test_frames_and_string_labels_come_back(blobs):
    X, y, _ = blobs
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    labels = np.where(y, "yes", "no").astype(object)
    other = np.where(y, "no", "yes").astype(object)
    poisons = [(frame[:k], other[:k]) for k in (0, 50, 210)]
    estimator = KNeighborsClassifier(5, metric="manhattan", algorithm="brute")
    assert_as_refitted(estimator, frame, labels, poisons, frame[::3])
    models = refit_poisoned(estimator, frame, labels, poisons)
    np.testing.assert_array_equal(models[1].predict(frame), models.predict(frame)[1])
    assert list(models[1].feature_names_in_) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names"):
        models.predict(frame.rename(columns={"a": "z"}))


def test_a_model_is_the_one_that_fit_gives(blobs):
    X, y, _ = blobs
    model = refit_poisoned(KNeighborsClassifier(3), X, y, [(X[:9], 1 - y[:9])])[0]
    wanted = KNeighborsClassifier(3).fit(append(X, X[:9]), np.append(y, 1 - y[:9]))
    assert vars(model).keys() == vars(wanted).keys()
    np.testing.assert_array_equal(model._y, wanted._y)


@pytest.mark.parametrize(
    "options",
    [
        {"weights": lambda d: np.exp(-d)},
        {"n_neighbors": 210},
        {"metric_params": {"p": 1}, "p": None},
    ],
)
def test_other_settings_go_to_the_loop(options, blobs):
    X, y, _ = blobs
    poisons = [(X[:k], 1 - y[:k]) for k in (0, 60)]
    estimator = KNeighborsClassifier(**options)
    assert_as_refitted(estimator, X, y, poisons, X[::4], engine="refit_in_a_loop")


def test_trees_that_miss_neighbors_are_left_to_scikit_learn():
    """Bray-Curtis breaks the triangle inequality, so ball trees are not exact."""
    for seed in range(20):
        rng = np.random.RandomState(seed)
        X = np.round(rng.normal(size=(300, 2)) + rng.normal(size=2))
        X_test, y = X + rng.normal(size=X.shape), np.arange(300) % 3
        poisons = flipped_copies(X, y, rng, (20, 350), n_classes=3)
        for metric in ("braycurtis", lambda a, b: ((a - b) ** 2).sum()):
            if callable(metric) and seed:
                continue
            estimator = KNeighborsClassifier(
                2, metric=metric, weights=None, algorithm="ball_tree"
            )
            assert_as_refitted(estimator, X, y, poisons, X_test)


def test_no_number_of_neighbors_is_an_error_of_predict_alone(blobs):
    X, y, _ = blobs
    estimator = KNeighborsClassifier(n_neighbors=None)
    models = refit_poisoned(estimator, X, y, [(X[:9], 1 - y[:9])])
    assert models.engine_ == "refit_in_a_loop"
    with pytest.raises(TypeError) as raised:
        estimator.fit(X, y).predict(X)
    with pytest.raises(TypeError, match=re.escape(str(raised.value))):
        models.predict(X)


def test_a_clean_fit_that_fails_is_the_loop_s(blobs):
    X, y, _ = blobs
    X = X.copy()
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="contains NaN") as raised:
        refit_poisoned(KNeighborsClassifier(), X, y, [(X[1:3], y[1:3])])
    assert any("poisons[0]" in note for note in raised.value.__notes__)


def test_more_neighbors_than_clean_rows_need_the_poison():
    X, y = np.arange(6.0)[:, np.newaxis], np.array([0, 0, 0, 1, 1, 1])
    poisons = [(np.repeat(X, 2, axis=0), np.repeat(1 - y, 2))]
    estimator = KNeighborsClassifier(9)
    assert_as_refitted(estimator, X, y, poisons, X, engine="refit_in_a_loop")


def test_new_labels_and_bad_rows_are_the_loop_s(blobs):
    X, y, _ = blobs
    poisons = [(X[:30], np.full(30, 7))]
    assert_as_refitted(
        KNeighborsClassifier(), X, y.astype(int), poisons, X[::5], "refit_in_a_loop"
    )
    with pytest.raises(ValueError, match="contains NaN") as raised:
        refit_poisoned(KNeighborsClassifier(), X, y, [(np.full((2, 3), np.nan), y[:2])])
    assert any("poisons[0]" in note for note in raised.value.__notes__)


def test_no_poison_and_no_rows(blobs):
    X, y, _ = blobs
    assert refit_poisoned(KNeighborsClassifier(), X, y, []).predict(X).shape == (0, 420)
    models = refit_poisoned(KNeighborsClassifier(), X, y, [(X[:0], y[:0])])
    np.testing.assert_array_equal(
        models.predict(X)[0], KNeighborsClassifier().fit(X, y).predict(X)
    )


def test_without_test_rows_the_training_rows_are_classified(blobs):
    X, y, _ = blobs
    models = refit_poisoned(KNeighborsClassifier(), X, y, [(X[:0], y[:0])])
    np.testing.assert_array_equal(
        models.predict(None)[0], KNeighborsClassifier().fit(X, y).predict(None)
    )


def test_batches_of_test_rows_do_not_matter(blobs, monkeypatch):
    X, y, _ = blobs
    rng = np.random.RandomState(0)
    X_test = np.concatenate([X, X + 0.01, X[::2]])
    models = refit_poisoned(KNeighborsClassifier(), X, y, flipped_copies(X, y, rng))
    wanted = models.predict(X_test)
    monkeypatch.setattr("skpoison.refit._neighbors.MOST_NUMBERS", 1)
    np.testing.assert_array_equal(models.predict(X_test), wanted)


def test_the_clean_search_is_not_repeated(blobs, monkeypatch):
    """Where no vote hangs on a tie, no model is fitted."""
    X, y, _ = blobs
    rng = np.random.RandomState(0)
    poisons = [(X[:k] + 0.1 * rng.normal(size=(k, 3)), y[:k]) for k in (20, 100)]
    for algorithm in ("brute", "kd_tree"):
        models = refit_poisoned(
            KNeighborsClassifier(algorithm=algorithm), X, y, poisons
        )
        monkeypatch.setattr(models, "_model", None)
        wanted = refits(KNeighborsClassifier(), X, y, poisons, X + 1e-3)
        np.testing.assert_array_equal(models.predict(X + 1e-3), wanted)


def test_rounding_that_follows_no_pattern_is_left_to_the_loop(blobs, monkeypatch):
    X, y, _ = blobs
    models = refit_poisoned(
        KNeighborsClassifier(algorithm="brute"), X, y, [(X[:30], 1 - y[:30])]
    )
    wanted = models.predict(X)
    monkeypatch.setattr(TileSearch, "prepare", lambda self: False)
    np.testing.assert_array_equal(models.predict(X), wanted)


def test_equal_rows_have_one_content():
    X = np.array([[1.0, 2], [3, 4], [1, 2]])
    X_poison = np.array([[3.0, 4], [5, 6], [1, 2], [5, 6]])
    first, content, new = number_contents(X, X_poison)
    np.testing.assert_array_equal(first, [0, 1, 0])
    np.testing.assert_array_equal(content, [1, 3, 0, 3])
    np.testing.assert_array_equal(new, [1])
    rows = PoisonRows(
        X_poison, content, np.array([1, 3]), first, content, X_poison[new]
    )
    poison, which = rows.having(np.array([3, 2, 1]))
    np.testing.assert_array_equal(poison, [1, 3, 0])
    np.testing.assert_array_equal(which, [0, 0, 2])


def test_whole_tiles_have_no_odd_columns():
    odd = odd_columns(256, 256, 256, 107)
    assert odd is None or not odd.any()


@pytest.mark.parametrize("n_test", [100, 9000])
def test_the_side_that_threads_share_is_that_of_scikit_learn(n_test):
    assert _strategy(n_test, True)(500) == "parallel_on_X"
    expected = "parallel_on_Y" if n_test == 100 else "parallel_on_X"
    assert _strategy(n_test, False)(500) == expected
