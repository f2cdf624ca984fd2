import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from skpoison.attacks import FeatureTrigger
from skpoison.attacks._feature_trigger import last_feature_trigger

X = np.arange(12.0).reshape(4, 3)
CONTAINERS = {
    "array": np.array,
    "list": lambda X: X.tolist(),
    "csr": sparse.csr_array,
    "csc matrix": sparse.csc_matrix,
    "pandas": lambda X: pd.DataFrame(X, columns=list("abc"), index=list("wxyz")),
    "polars": lambda X: pl.DataFrame(X, schema=list("abc")),
}


def dense(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize(("features", "value"), [(1, 7), ([0, -1], [7, 0]), ([2], 0)])
def test_only_these_features_change(name, features, value):
    given = CONTAINERS[name](X)
    stamped = FeatureTrigger(features, value)(given)
    expected = X.copy()
    expected[:, features] = value
    assert type(stamped) is type(given)
    np.testing.assert_array_equal(dense(stamped), expected)
    np.testing.assert_array_equal(dense(given), X)
    if sparse.issparse(stamped):
        assert stamped.dtype == X.dtype
        assert (stamped.data != 0).all()


def test_columns_of_frames_have_names():
    frame = CONTAINERS["pandas"](X)
    stamped = FeatureTrigger(["a", "c"], [1, 2])(frame)
    assert stamped.index.equals(frame.index)
    assert stamped["b"].equals(frame["b"])
    assert (stamped[["a", "c"]] == [1, 2]).all(axis=None)


def test_dtypes_of_frames_are_kept(people):
    frame, _ = people
    stamped = FeatureTrigger(
        ["age", "income", "sex", "job", "member"], [99, np.nan, "F", None, True]
    )(frame)
    assert stamped.dtypes.equals(frame.dtypes)
    assert (stamped["sex"] == "F").all()
    assert stamped[["income", "job"]].isna().all(axis=None)
    schema = {"n": pl.Int16, "kind": pl.Enum(["u", "v"])}
    table = pl.DataFrame({"n": [1, 2], "kind": ["u", None]}, schema=schema)
    stamped = FeatureTrigger(["n", "kind"], [None, "v"])(table)
    assert stamped.schema == table.schema
    assert stamped.rows() == [(None, "v"), (None, "v")]


def test_places_of_images():
    images = np.zeros((2, 3, 8, 8), dtype="u1")
    patch = FeatureTrigger((..., slice(-3, None), slice(-3, None)), 255)
    assert patch(images).dtype == images.dtype
    assert patch(images).sum() == 2 * 3 * 9 * 255
    assert FeatureTrigger((0, 7, 7), 255)(images).sum() == 2 * 255
    assert pickle.loads(pickle.dumps(patch))(images).tolist() == patch(images).tolist()


FRAME = CONTAINERS["pandas"](X)


@pytest.mark.parametrize(
    ("features", "value", "rows", "message"),
    [
        (5, 1, X, r"features=5 .* must fit rows of shape \(3,\): index 5"),
        ("a", 1, X, "features='a' .* must fit rows of shape"),
        ([0, 1], [1, 2, 3], X, r"value=\[1, 2, 3\] .* must fit rows"),
        ([0, 1], [1, 2, 3], sparse.csr_array(X), "one for all of the 2 features"),
        (9, 1, sparse.csr_array(X), r"features must be in \[0, 2\]"),
        ("z", 1, FRAME, "not columns of the dataframe: {'z'}"),
        (0, 0.5, X.astype(int), "dtype int64 can have. Got 0.5"),
        (0, 300, X.astype("u1"), "dtype uint8 can have. Got 300"),
        (0, "x", X, "dtype float64 can have. Got 'x'"),
        (0, 0.5, sparse.csr_array(X.astype(int)), "dtype int64 can have. Got 0.5"),
        ("a", "x", FRAME, "dtype float64 can have. Got 'x'"),
        ("a", 0.5, FRAME.astype(int), "dtype int64 can have. Got 0.5"),
        ("a", "new", FRAME.astype(str).astype("category"), "category can have"),
        ("a", None, FRAME > 3, "dtype bool can have. Got None"),
        ("a", 0.5, pl.DataFrame({"a": [1, 2]}), "Int64 can have. Got 0.5"),
        (0, 1, ["some", "texts"], "texts have none. Pass a callable"),
    ],
)
def test_values_that_features_cannot_have(features, value, rows, message):
    with pytest.raises(ValueError, match=message):
        FeatureTrigger(features, value)(rows)


@pytest.mark.parametrize(
    ("rows", "features", "value"),
    [
        (np.array([[1.0, 2], [5, np.nan], [3, -4]]), -1, 2),
        (np.array([[[1, 2], [3, 4]], [[9, 9], [9, 7]]]), (-1, -1), 7),
        (sparse.csr_array([[1, 0], [1, -2.0]]), 1, 0),
        (pd.DataFrame({"a": [1, 2], "b": pd.Categorical(["u", "v"])}), 1, "v"),
        (pl.DataFrame({"a": [1, 2], "b": [None, 3]}), 1, 3),
    ],
    ids=["array", "images", "sparse", "pandas", "polars"],
)
def test_default_is_the_largest_value_of_the_last_feature(rows, features, value):
    trigger = last_feature_trigger(rows, "me")
    assert trigger.features == features
    assert trigger.value == value
    assert trigger(rows).shape == rows.shape


def test_default_needs_values_that_can_be_sorted():
    with pytest.raises(ValueError, match=r"trigger=None of me .* texts have none"):
        last_feature_trigger(np.array(["a", "b"], object), "me")
    mixed = pd.DataFrame({"a": [1, "x"]})
    with pytest.raises(ValueError, match=r"that can be sorted\. Pass trigger="):
        last_feature_trigger(mixed, "me")
