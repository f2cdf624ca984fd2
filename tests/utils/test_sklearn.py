"""What is wrapped says the same with every scikit-learn."""

import pandas as pd
import polars as pl
import pytest

from skpoison.utils._sklearn import _get_column_indices

DATA = {"a": [1, 2], "b": [3, 4], "c": [5, 6]}
FRAMES = [pd.DataFrame(DATA), pl.DataFrame(DATA)]
frames = pytest.mark.parametrize("frame", FRAMES, ids=["pandas", "polars"])


@frames
@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        ("b", [1]),
        (["c", "a"], [2, 0]),
        (slice("b", None), [1, 2]),
        ([True, False], [0]),
    ],
)
def test_columns_are_found(frame, key, numbers):
    frame = frame[["a", "b"]] if isinstance(key, list) and True in key else frame
    assert list(_get_column_indices(frame, key)) == numbers


@frames
@pytest.mark.parametrize("key", ["z", ["a", "z"], slice("a", "z"), slice("z", None)])
def test_a_column_that_is_missing_is_named(frame, key):
    message = r"Some column names are not columns of the dataframe: \{'z'\}"
    with pytest.raises(ValueError, match=message):
        _get_column_indices(frame, key)


def test_names_need_a_frame():
    with pytest.raises(ValueError, match="only supported for dataframes"):
        _get_column_indices(FRAMES[0].to_numpy(), "a")
