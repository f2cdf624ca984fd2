import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone

from skpoison.attacks import FeatureConstraints, GradientPoisoner
from skpoison.attacks._one_hot_groups import OneHotGroup


@st.composite
def problems(draw):
    """Constraints of all kinds, feasible rows, and rows that are not."""
    rng = np.random.RandomState(draw(st.integers(0, 2**16)))
    sizes = draw(st.lists(st.integers(1, 4), max_size=3))
    n_free, n = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    d = n_free + sum(sizes)
    lower, upper = rng.uniform(-3, 0, d), rng.uniform(1.1, 4, d)
    X0 = rng.uniform(lower, upper, (n, d))
    integer = np.arange(d) < rng.randint(n_free + 1)
    low, high = np.ceil(lower), np.floor(upper)
    X0[:, integer] = rng.randint(low, high + 1, (n, d))[:, integer]
    groups, start = [], n_free
    for size in sizes:
        at = np.arange(start, start + size)
        group = OneHotGroup(at, exactly_one=bool(draw(st.booleans()) or size == 1))
        on = rng.randint(0, size + (not group.exactly_one), n)
        is_on = on[:, np.newaxis] == np.arange(size)
        X0[:, at] = np.where(is_on, upper[at], lower[at])
        groups, start = [*groups, group], start + size
    eps = draw(st.sampled_from([None, 0.3, 1.5, 20.0]))
    constraints = FeatureConstraints(
        lower,
        upper,
        integer=integer,
        one_hot=groups,
        immutable=rng.rand(d) < draw(st.sampled_from([0.0, 0.3])),
        eps=eps,
    ).resolve(d)
    return constraints, X0, rng.normal(0, 3, (n, d))


@given(problems())
def test_projections_are_feasible_and_stay_where_they_are(problem):
    constraints, X0, X = problem
    constraints.check(X0, "test")
    Z = constraints.project(X, X0)
    constraints.check(Z, "test", X0)
    np.testing.assert_array_equal(constraints.project(Z, X0), Z)
    np.testing.assert_array_equal(constraints.project(X0, X0), X0)
    moved = Z != X0
    assert not moved[:, ~constraints.movable].any()


@given(problems())
def test_projections_are_the_nearest_of_feasible_rows(problem):
    constraints, X0, X = problem
    width = constraints.upper - constraints.lower
    others = [X0, *(constraints.project(X0 + np.roll(X, i), X0) for i in range(5))]

    def distances(Z):
        return (((Z - X) / width) ** 2).sum(axis=1)

    nearest = distances(constraints.project(X, X0))
    for other in others:
        assert (nearest <= distances(other) + 1e-9).all()


@given(problems())
def test_mixtures_are_nearer_than_feasible_rows_and_lead_to_them(problem):
    constraints, X0, X = problem
    width = constraints.upper - constraints.lower
    mixed = constraints.relax(X, X0)
    projected = constraints.project(X, X0)
    relaxed, exact = ((((Z - X) / width) ** 2).sum(axis=1) for Z in (mixed, projected))
    assert (relaxed <= exact + 1e-9).all()
    np.testing.assert_allclose(constraints.relax(mixed, X0), mixed, atol=1e-12)
    for group in constraints.one_hot:
        at = group.columns
        share = (mixed[:, at] - constraints.lower[at]) / width[at]
        assert (share >= -1e-12).all()
        assert (share.sum(axis=1) <= 1 + 1e-9).all()


def test_box_eps_and_immutable_features_by_hand():
    limits = FeatureConstraints(0, [1, 10, 5], eps=[0.5, 100, 1], immutable=[2])
    Z = limits.resolve(3).project(np.array([[9.0, -3.0, 0.0]]), np.array([[0.2, 4, 3]]))
    np.testing.assert_array_equal(Z, [[0.7, 0, 3]])


def test_group_takes_the_column_next_to_on_in_its_own_units():
    limits = FeatureConstraints([0, -1, 0], [1, 3, 10], one_hot=[[0, 1, 2]]).resolve(3)
    # Shares of the way from off to on are 0.6, 0.7 and 0.65.
    np.testing.assert_array_equal(
        limits.project(np.array([[0.6, 1.8, 6.5]])), [[0, 3, 0]]
    )


def test_group_that_may_be_off_is_off_below_one_half():
    group = OneHotGroup(np.array([0, 1]), exactly_one=False)
    limits = FeatureConstraints(one_hot=[group]).resolve(2)
    Z = limits.project(np.array([[0.5, 0.4], [0.3, 0.51]]))
    np.testing.assert_array_equal(Z, [[0, 0], [0, 1]])


def test_group_keeps_what_is_on_where_that_is_immutable():
    limits = FeatureConstraints(one_hot=[[0, 1, 2]], immutable=[0]).resolve(3)
    X0 = np.array([[1.0, 0, 0], [0, 1, 0]])
    Z = limits.project(np.array([[0, 0, 1.0], [2, 0, 1]]), X0)
    np.testing.assert_array_equal(Z, [[1, 0, 0], [0, 0, 1]])


def frame_of_all_kinds(n=60):
    rng = np.random.RandomState(0)
    color, size = rng.randint(3, size=n), rng.randint(3, size=n)
    return pd.DataFrame(
        {
            "age": rng.randint(18, 70, n).astype(float),
            "height": rng.normal(size=n),
            "red": color == 0,
            "green": color == 1,
            "never": 0,
            "blue": color == 2,
            "medium": (size == 1) * 2.5 - 1,
            "large": (size == 2) * 2.5 - 1,
            "country": 7,
        }
    )


def test_from_data_learns_box_integers_groups_and_constants():
    X = frame_of_all_kinds()
    limits = FeatureConstraints.from_data(X, immutable=["height"])
    values = X.to_numpy(float)
    np.testing.assert_array_equal(limits.lower, values.min(axis=0))
    np.testing.assert_array_equal(limits.upper, values.max(axis=0))
    groups = [(g.columns.tolist(), g.exactly_one) for g in limits.one_hot]
    assert groups == [([2, 3, 5], True), ([6, 7], False)]
    assert limits.integer[0]
    assert not limits.integer[[1, 6, 7]].any()
    np.testing.assert_array_equal(np.flatnonzero(limits.immutable), [1, 4, 8])


def test_from_data_takes_containers_alike():
    X = frame_of_all_kinds()
    polars = pytest.importorskip("polars")
    columns = {name: X[name].to_numpy() for name in X}
    values = X.to_numpy(float)
    expected = repr(FeatureConstraints.from_data(values))
    for other in (values.tolist(), sparse.csr_array(values), sparse.csc_matrix(values)):
        assert repr(FeatureConstraints.from_data(other)) == expected
    for other in (X, polars.DataFrame(columns)):
        limits = FeatureConstraints.from_data(other)
        np.testing.assert_array_equal(limits.upper, values.max(axis=0))
        assert len(limits.one_hot) == 2


def test_from_data_of_images_learns_one_box():
    X = np.random.RandomState(0).rand(5, 2, 3, 3).astype(np.float32)
    limits = FeatureConstraints.from_data(X, eps=0.1)
    assert limits.lower.shape == limits.eps.shape == (2, 3, 3)
    assert (limits.lower == X.min()).all()
    assert (limits.upper == X.max()).all()
    assert not limits.immutable.any()
    assert limits.one_hot == []


def test_adjacent_groups_are_told_apart(seed):
    rng = np.random.RandomState(seed)
    codes = [rng.randint(k, size=300) for k in (4, 2, 5)]
    X = np.column_stack([np.eye(k)[c] for k, c in zip((4, 2, 5), codes, strict=True)])
    groups = FeatureConstraints.from_data(X).one_hot
    assert [len(group.columns) for group in groups] == [4, 2, 5]
    assert all(group.exactly_one for group in groups)


def test_moves_are_steps_or_shares_of_the_box_or_of_the_ball():
    limits = FeatureConstraints(0, [1, 10, 10, 4], step=None, eps=[9, 9, 1, 9])
    np.testing.assert_allclose(limits.resolve(4).moves(0.1), [0.1, 1, 0.2, 0.4])
    limits = FeatureConstraints(0, 1, step=[0.5, 2])
    np.testing.assert_array_equal(limits.resolve(2).moves(0.1), [0.5, 2])
    assert np.isinf(FeatureConstraints().resolve(2).moves(0.1)).all()


def test_dtypes_add_limits_of_their_own():
    X = pd.DataFrame({"a": [1, 2], "b": [0.5, 1], "c": [True, False]})
    limits = FeatureConstraints(-10, 10).for_rows(X)
    np.testing.assert_array_equal(limits.integer, [True, False, True])
    np.testing.assert_array_equal(limits.lower, [-10, -10, 0])
    np.testing.assert_array_equal(limits.upper, [10, 10, 1])
    limits = FeatureConstraints().for_rows(np.zeros((2, 3, 3), np.uint8))
    assert (limits.upper == 255).all()
    # The range of 64 bits would make for a step that says nothing.
    assert np.isinf(FeatureConstraints().for_rows(np.zeros((2, 3), int)).upper).all()


def test_clone_pickle_and_repr():
    constraints = FeatureConstraints(0, 1, one_hot=[[0, 1]], eps=0.1)
    assert repr(constraints) == (
        "FeatureConstraints(lower=0, upper=1, one_hot=[[0, 1]], eps=0.1)"
    )
    copied = clone(GradientPoisoner(constraints=constraints)).constraints
    assert copied is not constraints
    assert repr(copied) == repr(pickle.loads(pickle.dumps(constraints)))
    assert "immutable" not in repr(FeatureConstraints.from_data(np.eye(3)))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: FeatureConstraints(eps=0), "0 would leave every row as it is"),
        (lambda: FeatureConstraints(eps=[0, -1]), "eps of FeatureConstraints"),
        (lambda: FeatureConstraints(step=0), "step of FeatureConstraints"),
        (
            lambda: FeatureConstraints(2, 1).resolve(2),
            r"empty box at features \[0, 1\]",
        ),
        (lambda: FeatureConstraints([0, 1, 2]).resolve(2), r"row of shape \(2,\)"),
        (lambda: FeatureConstraints([0, np.nan]).resolve(2), "lower .* not hold NaN"),
        (
            lambda: FeatureConstraints(0.2, 0.8, integer=[1]).resolve(2),
            r"empty box at features \[1\]",
        ),
        (lambda: FeatureConstraints(immutable=[2]).resolve(2), "numbers of columns"),
        (lambda: FeatureConstraints(integer=[0.5]).resolve(2), "numbers of columns"),
        (lambda: FeatureConstraints(integer=[0]).resolve((2, 2)), "mask of the shape"),
        (lambda: FeatureConstraints(immutable=["a"]).resolve(2), "no feature of X"),
        (lambda: FeatureConstraints(one_hot=[[0], [0, 1]]).resolve(2), "once"),
        (lambda: FeatureConstraints(1, 1, one_hot=[[0]]).resolve(2), "lower < upper"),
        (
            lambda: FeatureConstraints(0, 1, eps=0.1).resolve(2).project(np.eye(2)),
            "needs X0",
        ),
    ],
)
def test_bad_constraints_say_what_is_wrong(make, match):
    with pytest.raises(ValueError, match=match):
        make()


@pytest.mark.parametrize(
    ("limits", "match"),
    [
        ({"upper": 1}, r"2 of 3 rows break the box .* at features \['b'\]"),
        ({"integer": [0]}, r"1 of 3 rows break the whole numbers .* \['a'\]"),
        (
            {"upper": 3, "one_hot": [[0, 1]]},
            r"3 of 3 rows break a group of one_hot .* \['a', 'b'\]",
        ),
    ],
)
def test_constraints_that_exclude_the_data_name_features_and_count_rows(limits, match):
    X = pd.DataFrame({"a": [0.0, 0.5, 1.0], "b": [0.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match=match):
        FeatureConstraints(**limits).for_rows(X).check(X.to_numpy(), "Attack")
