import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner
from skpoison.finders import SliceMatch


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(4, 60),
    n_groups=st.integers(1, 4),
    alpha=st.floats(0, 5),
    target=st.integers(0, 3),
    replace=st.booleans(),
    seed=st.integers(0, 2**16),
)
@pytest.mark.filterwarnings("ignore:alpha=")
def test_every_row_can_be_rebuilt(n, n_groups, alpha, target, replace, seed):
    rng = np.random.RandomState(seed)
    X, y = rng.randint(n_groups, size=(n, 2)).astype(float), np.arange(n) % 2
    poisoner = SubpopPoisoner(
        FeatureMatch([0]),
        target=target,
        alpha=alpha,
        replace=replace,
        random_state=seed,
    )
    n_found = len(np.unique(X[:, 0]))
    if target >= n_found:
        with pytest.raises(ValueError, match="out of range"):
            poisoner.fit_resample(X, y)
        return
    size = np.sort(np.unique(X[:, 0], return_counts=True)[1])[::-1][target]
    if not replace and round(alpha * size) > size:
        with pytest.raises(ValueError, match="replace=True"):
            poisoner.fit_resample(X, y)
        return
    X_res, y_res = poisoner.fit_resample(X, y)
    mask, sources = poisoner.poison_mask_, poisoner.sample_indices_
    assert poisoner.n_poison_ == mask.sum() == round(alpha * size)
    np.testing.assert_array_equal(np.sort(mask), mask)
    np.testing.assert_array_equal(X_res, X[sources])
    np.testing.assert_array_equal(y_res[~mask], y)
    assert poisoner.membership(X)[sources[mask]].all()
    if not replace:
        assert len(set(sources[mask])) == mask.sum()


def test_poison_grows_with_alpha_and_contains_the_smaller(blobs, seed):
    X, y, _ = blobs
    for label in ("constant", "flip"):
        previous = np.empty((0, 4))
        for alpha in (0.3, 0.5, 1, 2):
            poisoner = SubpopPoisoner(
                ClusterMatch(6), alpha=alpha, label=label, random_state=seed
            )
            X_res, y_res = poisoner.fit_resample(X, y)
            poison = np.column_stack([X_res, y_res])[poisoner.poison_mask_]
            np.testing.assert_array_equal(poison[: len(previous)], previous)
            assert len(poison) > len(previous)
            previous = poison


def test_zero_alpha_returns_the_input(blobs, people):
    X, y, _ = blobs
    X_res, y_res = SubpopPoisoner(alpha=0).fit_resample(X, y)
    assert X_res is X
    assert y_res is y
    frame, labels = people
    out = SubpopPoisoner(FeatureMatch("sex"), alpha=0).fit_resample(frame, labels)
    pd.testing.assert_frame_equal(out[0], frame)
    pd.testing.assert_series_equal(out[1], labels)


@pytest.mark.parametrize(
    "target", [2, "cluster 2", "callable"], ids=["number", "name", "callable"]
)
def test_ways_to_name_the_target(blobs, target):
    X, y, _ = blobs
    finder = ClusterMatch(6, random_state=0).fit(X)
    expected = finder.membership(X, 2)
    if target == "callable":

        def target(X):
            return finder.predict(X) == 2

    poisoner = SubpopPoisoner(FrozenEstimator(finder), target=target, random_state=0)
    poisoner.fit_resample(X, y)
    np.testing.assert_array_equal(poisoner.membership(X), expected)
    assert poisoner.n_poison_ == expected.sum()
    assert poisoner.target_name_ in ("cluster 2", "target")


@pytest.mark.parametrize(
    "finder",
    [
        KMeans(4, n_init=1),
        make_pipeline(StandardScaler(), KMeans(4, n_init=1)),
        make_pipeline(StandardScaler(), ClusterMatch(4)),
        SliceMatch(2),
        None,
    ],
    ids=[
        "clusterer",
        "pipeline of clusterer",
        "pipeline of finder",
        "slices",
        "default",
    ],
)
def test_any_finder(blobs, finder, seed):
    X, y, _ = blobs
    poisoner = SubpopPoisoner(finder, target=1, random_state=seed).fit(X, y)
    mask = poisoner.membership(X)
    assert poisoner.n_poison_ == mask.sum() > 0
    # Finders without a seed of their own get one.
    again = SubpopPoisoner(finder, target=1, random_state=seed).fit(X, y)
    np.testing.assert_array_equal(again.membership(X), mask)
    np.testing.assert_array_equal(again.sample_indices_, poisoner.sample_indices_)


def test_frozen_finder_is_not_refitted(blobs):
    X, y, _ = blobs
    finder = ClusterMatch(6, random_state=0).fit(X)
    poisoner = SubpopPoisoner(FrozenEstimator(finder), target=3, random_state=0)
    poisoner.fit(X[::3], y[::3])
    np.testing.assert_array_equal(poisoner.membership(X), finder.predict(X) == 3)


@pytest.mark.parametrize(
    "y_kind",
    [
        lambda y: np.array(["no", "yes"])[y],
        lambda y: np.array(["no", "yes"], object)[y],
        lambda y: y.astype(bool),
        lambda y: -y - 3,
        lambda y: y.astype(float) / 2 * 2,
        lambda y: pd.Series(y).map({0: "a", 1: "b"}).astype("category"),
        lambda y: pd.Series(y).astype("Int64"),
        lambda y: pd.Series(y.astype(bool)).astype("boolean"),
        lambda y: pd.DataFrame({"label": y}),
        lambda y: y.tolist(),
        lambda y: y.reshape(-1, 1),
    ],
    ids=[
        "str",
        "object",
        "bool",
        "negative",
        "float",
        "categorical",
        "nullable int",
        "nullable bool",
        "one-column frame",
        "list",
        "column",
    ],
)
def test_labels_of_any_kind(blobs, y_kind):
    X, y, _ = blobs
    expected = SubpopPoisoner(ClusterMatch(6), random_state=0)
    _, expected_y = expected.fit_resample(X, y)
    kind = y_kind(y)
    poisoner = SubpopPoisoner(ClusterMatch(6), random_state=0)
    _, y_res = poisoner.fit_resample(X, kind)
    assert type(y_res) is type(kind)
    flat, flat_res = np.asarray(kind).ravel(), np.asarray(y_res).ravel()
    translated = {code: flat[np.flatnonzero(y == code)[0]] for code in (0, 1)}
    assert flat_res.tolist() == [translated[code] for code in expected_y]
    if hasattr(kind, "dtype"):
        assert y_res.dtype == kind.dtype


def test_aux_rows_are_removed_and_craft_the_poison(blobs, seed):
    X, y, _ = blobs
    poisoner = SubpopPoisoner(
        ClusterMatch(5), target=1, alpha=2, aux_size=0.3, random_state=seed
    )
    X_res, y_res = poisoner.fit_resample(X, y)
    mask, rows = poisoner.poison_mask_, poisoner.sample_indices_
    aux = np.setdiff1d(np.arange(len(X)), rows[~mask])
    assert len(aux) == round(0.3 * len(X))
    assert set(rows[mask]) <= set(aux)
    assert (np.diff(rows[~mask]) > 0).all()
    np.testing.assert_array_equal(X_res, X[rows])
    np.testing.assert_array_equal(y_res[~mask], y[rows[~mask]])
    in_training = poisoner.membership(X_res[~mask]).sum()
    assert poisoner.n_poison_ == 2 * in_training
    # The finder saw the attacker's rows alone.
    assert poisoner.finder_.sizes_.sum() == len(aux)
    # The same rows are removed at any alpha, which a clean baseline needs.
    clean = clone(poisoner).set_params(alpha=0)
    np.testing.assert_array_equal(clean.fit_resample(X, y)[0], X_res[~mask])


def test_alpha_relative_to_aux(blobs):
    X, y, _ = blobs
    poisoner = SubpopPoisoner(
        ClusterMatch(5), aux_size=0.2, relative_to="aux", random_state=0
    )
    poisoner.fit_resample(X, y)
    aux = np.setdiff1d(
        np.arange(len(X)), poisoner.sample_indices_[~poisoner.poison_mask_]
    )
    assert poisoner.n_poison_ == poisoner.membership(X[aux]).sum()


def test_own_rows_of_the_attacker(blobs, seed):
    X, y, _ = blobs
    X, X_aux, y, y_aux = X[::2], X[1::2], y[::2], y[1::2]
    poisoner = SubpopPoisoner(ClusterMatch(5), alpha=2, random_state=seed)
    X_res, y_res = poisoner.fit_resample(X, y, X_aux=X_aux, y_aux=y_aux)
    mask = poisoner.poison_mask_
    np.testing.assert_array_equal(X_res, np.r_[X, X_aux][poisoner.sample_indices_])
    assert (poisoner.sample_indices_[mask] >= len(X)).all()
    np.testing.assert_array_equal(y_res[~mask], y)
    assert poisoner.n_poison_ == 2 * poisoner.membership(X).sum()


def test_damage_grows_with_alpha(blobs, seed):
    """More poison never makes the target better off, up to noise."""
    X, y, _ = blobs
    finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(X))
    errors = []
    for alpha in (0, 0.5, 1, 2, 4):
        poisoner = SubpopPoisoner(finder, target=1, alpha=alpha, random_state=seed)
        X_res, y_res = poisoner.fit_resample(X, y)
        mask = poisoner.membership(X)
        victim = LogisticRegression(C=10).fit(X_res, y_res)
        errors.append(np.mean(victim.predict(X[mask]) != y[mask]))
    assert (np.diff(errors) >= -0.02).all()
    assert errors[-1] > errors[0] + 0.3


def test_pickles_hold_no_training_data(blobs):
    X, y, _ = blobs
    poisoner = SubpopPoisoner(FeatureMatch([0], bins=3), random_state=0).fit(X, y)
    small = len(pickle.dumps(poisoner))
    big = SubpopPoisoner(FeatureMatch([0], bins=3), random_state=0)
    big.fit(np.tile(X, (1, 200)), y)
    assert len(pickle.dumps(big)) < small + 2000
    again = pickle.loads(pickle.dumps(poisoner))
    np.testing.assert_array_equal(again.membership(X), poisoner.membership(X))


def test_two_runs_give_the_same_bytes(blobs, seed):
    X, y, _ = blobs
    runs = [
        SubpopPoisoner(label="flip", alpha=1.5, random_state=seed).fit_resample(X, y)
        for _ in range(2)
    ]
    for a, b in zip(*runs, strict=True):
        assert a.tobytes() == b.tobytes()


def test_input_is_not_changed(people):
    frame, y = people
    before, y_before = frame.copy(deep=True), y.copy(deep=True)
    SubpopPoisoner(FeatureMatch("sex"), random_state=0).fit_resample(frame, y)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_series_equal(y, y_before)


def select_nothing(X):
    return np.zeros(len(X), bool)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"target": 6}, ValueError, r"target=6 is out of range.*\[0, 5\]"),
        ({"target": -1}, ValueError, "'target' parameter of SubpopPoisoner"),
        ({"target": "cluster 9"}, ValueError, "its 6 names, for example 'cluster"),
        ({"target": 1.5}, ValueError, "'target' parameter of SubpopPoisoner"),
        ({"target": lambda X: np.ones(3, bool)}, ValueError, r"shape \(420,\).*\(3,\)"),
        ({"target": lambda X: np.ones(len(X))}, ValueError, "dtype bool.*float64"),
        ({"target": lambda X: np.arange(len(X))}, ValueError, "dtype bool.*int64"),
        ({"target": select_nothing}, ValueError, "selects nothing"),
        ({"alpha": -0.1}, ValueError, "'alpha' parameter"),
        ({"alpha": np.nan}, ValueError, "'alpha' parameter"),
        ({"alpha": np.inf}, ValueError, "'alpha' parameter"),
        ({"alpha": "1"}, ValueError, "'alpha' parameter"),
        ({"label": 7}, ValueError, r"one of the classes in y, \[0, 1\], or one of the"),
        ({"label": "flop"}, ValueError, r"\['constant', 'least_likely', 'max_loss'"),
        ({"label": "least_likely"}, ValueError, "needs a surrogate"),
        ({"label": [0, 1]}, ValueError, "one of the classes in y"),
        ({"surrogate": KMeans()}, ValueError, "'fit' and 'predict_proba'"),
        ({"aux_size": 0}, ValueError, "'aux_size' parameter"),
        ({"aux_size": 1.0}, ValueError, "'aux_size' parameter"),
        ({"aux_size": 1e-6}, ValueError, "leaves 0 of 420 rows to the attacker"),
        (
            {"replace": False, "alpha": 2},
            ValueError,
            "replace=True, or lower alpha",
        ),
        ({"relative_to": "test"}, ValueError, "'relative_to' parameter"),
        ({"finder": "kmeans"}, ValueError, "'finder' parameter"),
        ({"finder": FrozenEstimator(ClusterMatch())}, NotFittedError, "not fitted"),
    ],
)
def test_bad_parameters(blobs, params, error, message):
    X, y, _ = blobs
    poisoner = SubpopPoisoner(ClusterMatch(6, random_state=0), random_state=0)
    with pytest.raises(error, match=message):
        poisoner.set_params(**params).fit_resample(X, y)


def test_bad_labels_of_the_target(blobs):
    X, _, blob = blobs
    y = (blob == 0).astype(int)
    target = FrozenEstimator(ClusterMatch(1).fit(X))
    with pytest.raises(ValueError, match="only class among the members"):
        SubpopPoisoner(target=lambda X: blob == 0, label=1).fit_resample(X, y)
    with pytest.raises(ValueError, match=r"two classes in y. Got one class: \[1\]"):
        SubpopPoisoner(target).fit_resample(X, np.ones(len(X), int))
    with pytest.raises(ValueError, match="y has missing values"):
        SubpopPoisoner(target).fit_resample(X, np.where(blob == 0, np.nan, 1.0))
    labels = pd.Series(["a", None] * (len(X) // 2))
    with pytest.raises(ValueError, match="y has missing values"):
        SubpopPoisoner(target).fit_resample(X, labels)


def test_rounding_to_no_poison_warns(blobs):
    X, y, _ = blobs
    poisoner = SubpopPoisoner(ClusterMatch(6), alpha=0.001, random_state=0)
    with pytest.warns(UserWarning, match=r"alpha=0.001 .* rounds to zero poison") as w:
        X_res, _ = poisoner.fit_resample(X, y)
    assert w[0].filename == __file__
    assert X_res.shape == X.shape
    assert poisoner.n_poison_ == 0
    assert poisoner.poison_label_ is None


def test_target_without_rows_of_the_attacker():
    X = np.r_[np.zeros((99, 1)), np.ones((1, 1))]
    y = np.arange(100) % 2
    finder = FrozenEstimator(FeatureMatch([0]).fit(X))
    poisoner = SubpopPoisoner(finder, target=1, aux_size=0.1, random_state=0)
    with pytest.raises(ValueError, match=r"attacker sees.*larger or smaller aux_size"):
        poisoner.fit_resample(X, y)
    always = SubpopPoisoner(finder, target=1, aux_size=0.99, random_state=0)
    with pytest.raises(ValueError, match="victim's training rows"):
        always.fit_resample(X, y)


def test_bad_rows_of_the_attacker(people):
    frame, y = people
    poisoner = SubpopPoisoner(FeatureMatch("sex"), random_state=0)
    half = frame[::2]
    for X_aux, y_aux, message in (
        (half, None, "X_aux and y_aux together"),
        (None, y, "X_aux and y_aux together"),
        (half.drop(columns="age"), y[::2], r"differ in \['age'\]"),
        (half[half.columns[::-1]], y[::2], "another order"),
        (half.astype({"age": float}), y[::2], r"dtypes of X.*\['age'\].*int"),
        (half.to_numpy(), y[::2], "same kind as X, DataFrame. Got ndarray"),
        (half, y, "inconsistent numbers of samples"),
    ):
        with pytest.raises(ValueError, match=message):
            poisoner.fit_resample(frame, y, X_aux=X_aux, y_aux=y_aux)
    with pytest.raises(ValueError, match="leave out either"):
        clone(poisoner).set_params(aux_size=0.5).fit_resample(
            frame, y, X_aux=half, y_aux=y[::2]
        )
    X, numbers = np.zeros((10, 3)), np.arange(10) % 2
    with pytest.raises(ValueError, match=r"same shape as X, \(3,\). Got \(2,\)"):
        SubpopPoisoner().fit_resample(X, numbers, X_aux=X[:, :2], y_aux=numbers)


def test_not_fitted(blobs):
    with pytest.raises(NotFittedError):
        SubpopPoisoner().membership(blobs[0])


def test_missing_values_reach_the_finder(blobs):
    X, y, _ = blobs
    X = X.copy()
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        SubpopPoisoner(ClusterMatch(4)).fit_resample(X, y)
    poisoner = SubpopPoisoner(FeatureMatch([1], bins=2), random_state=0)
    assert np.isnan(poisoner.fit_resample(X, y)[0][3, 1])


def test_labels_of_the_attacker_must_be_classes(blobs):
    X, y, _ = blobs
    with pytest.raises(ValueError, match=r"classes of y, \[0, 1\].*\['0', '1'\]"):
        SubpopPoisoner().fit_resample(X, y, X_aux=X, y_aux=y.astype(str))


def test_labels_of_several_kinds(blobs):
    X, _, _ = blobs
    mixed = np.array([0, "a"] * (len(X) // 2), dtype=object)
    with pytest.raises(ValueError, match=r"(?i)label"):
        SubpopPoisoner().fit_resample(X, mixed)


def test_a_failed_fit_leaves_nothing_fitted(blobs):
    X, y, _ = blobs
    poisoner = SubpopPoisoner(ClusterMatch(4), random_state=0).fit(X, y)
    poisoner.set_params(label=7)
    with pytest.raises(ValueError, match="one of the classes"):
        poisoner.fit(X, y)
    with pytest.raises(NotFittedError):
        poisoner.membership(X)


def test_targets_of_nameless_finders(blobs):
    X, y, _ = blobs
    nameless = GaussianMixture(3, random_state=0)
    assert SubpopPoisoner(nameless, target=1).fit(X, y).target_name_
    with pytest.raises(ValueError, match=r"GaussianMixture gives .* no names"):
        SubpopPoisoner(nameless, target="x").fit(X, y)
    with pytest.raises(ValueError, match=r"selects nothing.*Choose another target"):
        SubpopPoisoner(nameless, target=7).fit(X, y)
    with pytest.raises(ValueError, match="Got a bool"):
        SubpopPoisoner(target=True).fit(X, y)
    with pytest.raises(ValueError, match=r"must have shape \(420,\).*\(\)"):
        SubpopPoisoner(target=lambda X: None).fit(X, y)


def test_pipeline_of_slices_under_another_output_container(blobs):
    X, y, _ = blobs
    finder = make_pipeline(StandardScaler(), SliceMatch(1))
    expected = SubpopPoisoner(finder, target=2, random_state=0).fit(X, y)
    with config_context(transform_output="pandas"):
        poisoner = SubpopPoisoner(finder, target=2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(poisoner.sample_indices_, expected.sample_indices_)
