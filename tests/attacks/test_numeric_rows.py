import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skpoison.attacks._numeric_rows import numeric_rows, rows_in_container
from skpoison.utils._containers import as_rows

RNG = np.random.RandomState(0)
VALUES = RNG.randint(0, 5, (6, 3)).astype(float)
FRAME = pd.DataFrame(
    {
        "float": VALUES[:, 0],
        "single": VALUES[:, 1].astype(np.float32),
        "int": VALUES[:, 1].astype(int),
        "nullable": pd.array(VALUES[:, 2].astype(int), dtype="Int64"),
        "decimal": pd.array(VALUES[:, 2], dtype="Float64"),
        "bool": VALUES[:, 0] > 2,
        "boolean": pd.array(VALUES[:, 1] > 2, dtype="boolean"),
        "sparse": pd.arrays.SparseArray(VALUES[:, 0]),
        "object": VALUES[:, 0].astype(object),
    },
    index=list("uvwxyz"),
)
CONTAINERS = {
    "array": VALUES,
    "float32": VALUES.astype(np.float32),
    "int16": VALUES.astype(np.int16),
    "bool": VALUES > 2,
    "object": VALUES.astype(object),
    "list": VALUES.astype(int).tolist(),
    "csr": sparse.csr_array(VALUES),
    "csc of integers": sparse.csc_matrix(VALUES.astype(np.int32)),
    "frame": FRAME,
    "images": RNG.randint(0, 255, (6, 1, 4, 4), dtype=np.uint8),
}
SOURCES = np.array([4, 0, 4])


@pytest.mark.parametrize("X", CONTAINERS.values(), ids=CONTAINERS)
def test_numbers_go_back_into_their_container(X):
    rows = as_rows(X, "test")
    values = numeric_rows(rows, "test")
    assert values.dtype == np.float64
    new = np.where(
        np.arange(values.shape[1]).reshape(-1, *[1] * (values.ndim - 2)), 1, 0
    )
    new = np.broadcast_to(new, values.shape)[: len(SOURCES)].astype(float)
    back = rows_in_container(new, rows, SOURCES)
    assert type(back) is type(rows)
    np.testing.assert_array_equal(numeric_rows(back, "test"), new)
    if isinstance(X, pd.DataFrame):
        pd.testing.assert_series_equal(back.dtypes, X.dtypes)
        assert back.index.tolist() == ["y", "u", "y"]
    else:
        assert back.dtype == rows.dtype
    if sparse.issparse(X):
        assert back.format == X.format


def test_polars_frames_keep_their_schema():
    polars = pytest.importorskip("polars")
    X = polars.DataFrame(
        {"a": [0.5, 1.0], "b": [1, 2], "c": [True, False], "d": [3, 4]},
        schema_overrides={"b": polars.Int8, "d": polars.Float32},
    )
    back = rows_in_container(np.array([[0.25, 3, 1, 0]]), X, [1])
    assert back.schema == X.schema
    np.testing.assert_array_equal(numeric_rows(back, "test"), [[0.25, 3, 1, 0]])
    assert X["b"].to_list() == [1, 2]


def test_numbers_that_do_not_change_stay_the_very_same():
    large = 2**62 + 1
    X = pd.DataFrame({"id": [large, large], "x": [0.1, 0.2]})
    values = numeric_rows(X, "test")
    values[:, 1] = 7
    back = rows_in_container(values, X, [0, 1])
    assert back["id"].tolist() == [large, large]
    assert back["x"].tolist() == [7, 7]
    assert X["x"].tolist() == [0.1, 0.2]


@pytest.mark.parametrize(
    ("X", "match"),
    [
        (["one text", "another"], "Got texts"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), r"columns \['b'\]"),
        (pd.DataFrame({"a": pd.Categorical([1, 2])}), r"columns \['a'\]"),
        (pd.DataFrame({"a": pd.to_datetime(["2020-01-01"])}), r"columns \['a'\]"),
        (pd.DataFrame({"a": [1j]}), r"columns \['a'\]"),
        (np.array([["1.5"], ["2"]], dtype=object), "objects that are not all numbers"),
        (np.array([["a"], ["b"]]), "dtype <U1"),
        (np.array([[1j]]), "dtype complex128"),
        (np.array([[1, np.nan], [1, 2]]), "contains NaN; 1 of 2 rows"),
        (np.array([[np.inf]]), "contains infinity"),
        (np.array([[None]], dtype=object), "contains NaN"),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), "contains NaN"),
        (sparse.csr_array([[np.inf, 0]]), "contains infinity"),
    ],
)
def test_what_is_no_finite_number_is_refused_with_advice(X, match):
    with pytest.raises(ValueError, match=match) as error:
        numeric_rows(X, "GradientPoisoner")
    assert "GradientPoisoner" in str(error.value)
    assert "SubpopPoisoner, which works on rows of any kind" in str(error.value)
