from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skpoison.finders import SliceMatch


def brute_force(X, max_depth, min_size):
    """All conjunctions as (depth, columns, values) -> rows."""
    slices = {}
    for depth in range(1, max_depth + 1):
        for columns in combinations(range(X.shape[1]), depth):
            for values in product(*(np.unique(X[:, c]) for c in columns)):
                mask = (X[:, columns] == values).all(axis=1)
                if mask.sum() >= min_size:
                    slices[columns, values] = mask
    return slices


@settings(max_examples=40, deadline=None)
@given(
    arrays(
        int,
        st.tuples(st.integers(1, 30), st.integers(1, 4)),
        elements=st.integers(0, 3),
    ),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_equals_enumeration_by_hand(X, max_depth, min_size):
    expected = brute_force(X, max_depth, min_size)
    finder = SliceMatch(max_depth, min_size=min_size, bins=None)
    if not expected:
        with pytest.raises(ValueError, match="found no subpopulation"):
            finder.fit(X)
        return
    finder.fit(X)
    names = finder.get_feature_names_out()
    assert set(names) == {
        " & ".join(f"x{c}={v}" for c, v in zip(*key, strict=True)) for key in expected
    }
    by_name = {
        " & ".join(f"x{c}={v}" for c, v in zip(*key, strict=True)): mask
        for key, mask in expected.items()
    }
    memberships = finder.transform(X)
    for k, name in enumerate(names):
        np.testing.assert_array_equal(memberships[:, k], by_name[name])
        np.testing.assert_array_equal(finder.membership(X, k), by_name[name])


def test_order_and_overlap(people):
    frame, _ = people
    finder = SliceMatch(2, features=["sex", "job"], min_size=1).fit(frame)
    depth = [name.count("&") for name in finder.get_feature_names_out()]
    ties = finder.sizes_[:-1] == finder.sizes_[1:]
    assert (np.diff(finder.sizes_) <= 0).all()
    assert all(a <= b for a, b, tie in zip(depth, depth[1:], ties, strict=False) if tie)
    both = finder.membership(frame, "sex=F & job=a")
    assert (finder.membership(frame, "sex=F") >= both).all()


def test_sparse_output_equals_dense(people):
    frame, _ = people
    dense = SliceMatch().fit(frame)
    thin = SliceMatch(sparse_output=True).fit(frame)
    np.testing.assert_array_equal(
        dense.transform(frame), thin.transform(frame).toarray()
    )


def test_new_rows(people):
    frame, _ = people
    finder = SliceMatch(2, min_size=1).fit(frame[:200])
    new = frame[200:].assign(job="unseen")
    memberships = finder.transform(new)
    names = finder.get_feature_names_out()
    with_job = np.array(["job=" in name for name in names])
    assert not memberships[:, with_job].any()
    female = names.tolist().index("sex=F")
    np.testing.assert_array_equal(memberships[:, female], new.sex == "F")


def test_numeric_columns_are_binned_unless_few_values(people):
    frame, _ = people
    frame = frame.assign(grade=np.arange(len(frame)) % 3)
    names = SliceMatch(1, features=["age", "grade"]).fit(frame).get_feature_names_out()
    assert {"grade=0", "grade=1", "grade=2"} < set(names)
    assert sum("age" in name for name in names) == 5


def test_too_many_cells_are_refused():
    X = np.random.RandomState(0).rand(3000, 6)
    with pytest.raises(ValueError, match="Lower max_depth, set bins"):
        SliceMatch(6, bins=None, min_size=1).fit(X)


def test_finds_nothing():
    X = np.arange(20).reshape(-1, 1)
    with pytest.raises(ValueError, match="subpopulation of at least 5 training rows"):
        SliceMatch(bins=None, min_size=5).fit(X)


def test_all_adult_slices(data_home):
    from skpoison.datasets import fetch_adult

    X, _ = fetch_adult(data_home=data_home, subset="test", return_X_y=True)
    columns = ["workclass", "education-num", "marital-status", "occupation"]
    columns += ["relationship", "race", "sex"]
    finder = SliceMatch(3, min_size=30, features=columns, bins=None).fit(X)
    # The count of an independent enumeration of the same columns; it takes "?" for
    # a value, as this finder does a missing one.
    assert len(finder.sizes_) == 3163
    deepest = [n for n in finder.get_feature_names_out() if n.count("&") == 2]
    for name in deepest[::400]:
        mask = np.ones(len(X), bool)
        for part in name.split(" & "):
            column, value = part.split("=")
            text = X[column].astype(object).where(X[column].notna(), "missing")
            mask &= text.astype(str) == value
        np.testing.assert_array_equal(finder.membership(X, name), mask)
