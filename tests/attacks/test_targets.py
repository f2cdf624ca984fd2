import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skpoison import SubpopPoisoner
from skpoison.attacks import SpecificRows, everything
from skpoison.attacks._row_keys import row_keys

NUMBERS = np.array([[0.0, 1, 2], [np.nan, 1, 2], [0, 1, 3], [-0.0, 1, 2], [5, 5, 5]])
EXPECTED = [True, True, False, True, False]


def with_columns(X):
    return pd.DataFrame(X, columns=list("abc"))


@pytest.mark.parametrize(
    "convert",
    [
        lambda X: X,
        lambda X: X.tolist(),
        lambda X: X.astype("f4"),
        np.asfortranarray,
        lambda X: X.astype(object),
        lambda X: X.reshape(-1, 3, 1),
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.coo_array,
        with_columns,
        lambda X: with_columns(X).convert_dtypes(),
        lambda X: pl.DataFrame(X, schema=list("abc")),
    ],
    ids=[
        "array",
        "list",
        "float32",
        "fortran",
        "objects",
        "images",
        "csr",
        "csc matrix",
        "coo",
        "pandas",
        "pandas nullable",
        "polars",
    ],
)
def test_equal_rows_are_selected_in_any_container(convert):
    target = SpecificRows(convert(NUMBERS[:2]))
    assert target(convert(NUMBERS)).tolist() == EXPECTED
    assert pickle.loads(pickle.dumps(target))(convert(NUMBERS)).tolist() == EXPECTED


@pytest.mark.parametrize("rows", [list, np.array, pd.Series, pl.Series])
@pytest.mark.parametrize("container", [list, np.array, pd.Series, pl.Series])
def test_equal_texts_are_selected(rows, container):
    target = SpecificRows(rows(["a b", "c"]))
    assert target(container(["c", "a", "a b", "c"])).tolist() == [1, 0, 1, 1]


def test_mixed_frames_are_compared_by_value(people):
    frame, _ = people
    some = frame.iloc[[3, 50]].astype({"age": float, "sex": object})
    mask = SpecificRows(some)(frame)
    assert mask.dtype == bool
    assert np.flatnonzero(mask).tolist() == [3, 50]


def test_numbers_are_compared_in_the_dtype_of_the_rows_asked_about():
    X = np.random.RandomState(0).rand(40, 3)
    target = SpecificRows(X[5:7])
    assert np.flatnonzero(target(X.astype("f4"))).tolist() == [5, 6]
    counts = np.arange(12).reshape(4, 3)
    assert SpecificRows(counts[[1]].astype(float))(counts).tolist() == [0, 1, 0, 0]


def test_stored_zeros_and_the_order_of_entries_are_no_difference():
    X = sparse.csr_array(np.eye(3))
    other = sparse.coo_array(([1.0, 0.0, 0.5, 0.5], ([0, 0, 1, 1], [0, 2, 1, 1])))
    assert SpecificRows(sparse.csr_array(other, shape=(2, 3)))(X).tolist() == [1, 1, 0]


@given(
    st.lists(
        st.lists(
            st.sampled_from([0.0, -0.0, 1.0, float("nan")]), min_size=2, max_size=2
        )
    )
)
def test_keys_are_equal_where_rows_are(rows):
    X = np.array(rows, dtype=float).reshape(-1, 2)
    keys = row_keys(X)
    same = (X[:, None] == X) | (np.isnan(X[:, None]) & np.isnan(X))
    expected = same.all(axis=2)
    assert expected.tolist() == [[a == b for b in keys] for a in keys]
    frame = row_keys(pd.DataFrame(X))
    assert expected.tolist() == [[a == b for b in frame] for a in frame]


def test_a_targeted_attack_aims_at_these_rows_alone(blobs):
    X, y, _ = blobs
    X_aux, y_aux = np.r_[X[::4], X[[2, 7]]], np.r_[y[::4], y[[2, 7]]]
    victim = np.delete(np.arange(len(X)), [2, 7])
    poisoner = SubpopPoisoner(
        target=SpecificRows(X[[2, 7]]), alpha=6, relative_to="aux", random_state=0
    )
    X_res, _ = poisoner.fit_resample(X[victim], y[victim], X_aux=X_aux, y_aux=y_aux)
    poison = X_res[len(victim) :]
    assert len(poison) == 12
    assert SpecificRows(X[[2, 7]])(poison).all()
    assert poisoner.target_name_ == "SpecificRows(<2 rows>)"
    assert pickle.loads(pickle.dumps(poisoner)).membership(X).sum() == 2


def test_everything_is_an_availability_attack(blobs):
    X, y, _ = blobs
    poisoner = SubpopPoisoner(target=everything, alpha=0.1, random_state=0).fit(X, y)
    assert poisoner.membership(X).all()
    assert poisoner.n_poison_ == round(0.1 * len(X))
    assert poisoner.target_name_ == "everything"
    assert everything(sparse.csr_array(X)).shape == (len(X),)


@pytest.mark.parametrize(
    ("rows", "X", "message"),
    [
        (NUMBERS[0], NUMBERS, r"Reshape your data"),
        (NUMBERS[:0], NUMBERS, "0 sample"),
        (NUMBERS[:, :2], NUMBERS, r"rows of SpecificRows.*same shape as X, \(3,\)"),
        (NUMBERS, with_columns(NUMBERS), "same kind as X, DataFrame. Got ndarray"),
        (["a"], NUMBERS, "rows of SpecificRows must"),
        (np.array([[0.5, 1, 1]]), np.ones((2, 3), int), "fit the dtype of X, int64"),
        (
            with_columns(NUMBERS)[["a", "b"]],
            with_columns(NUMBERS),
            r"columns of X in their order.*\['c'\]",
        ),
        (
            with_columns(NUMBERS)[["c", "a", "b"]],
            with_columns(NUMBERS),
            "differ in their order",
        ),
    ],
)
def test_rows_that_cannot_be_compared(rows, X, message):
    with pytest.raises(ValueError, match=message):
        SpecificRows(rows)(X)
