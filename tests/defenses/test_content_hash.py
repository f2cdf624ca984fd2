import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skpoison.defenses._content_hash import hash_rows
from skpoison.utils._containers import as_rows

NUMBERS = np.array([[0.0, 1.0, -2.5], [3.0, 0.0, 0.0], [0.0, 1.0, -2.5], [7, 8, 9]])
MIXED = pd.DataFrame(
    {
        "age": [30, 40, 30, 50],
        "job": ["a", None, "a", "b"],
        "old": [True, False, True, False],
        "pay": [1.5, np.nan, 1.5, 0.0],
    }
)


def test_rows_have_one_hash_where_they_are_equal():
    hashes = hash_rows(NUMBERS)
    assert hashes[0] == hashes[2]
    assert len(set(hashes.tolist())) == 3


@pytest.mark.parametrize(
    "rows",
    [
        NUMBERS.astype(np.float32),
        np.asfortranarray(NUMBERS),
        NUMBERS.astype(object),
        NUMBERS + np.array(-0.0),
        NUMBERS[:, None, :],
        as_rows(NUMBERS.tolist(), "test"),
        pd.DataFrame(NUMBERS),
        pd.DataFrame(NUMBERS).astype("Float64"),
        sparse.csr_matrix(NUMBERS),
        sparse.csc_array(NUMBERS),
        sparse.coo_array(NUMBERS),
    ],
    ids=lambda rows: type(rows).__name__ + str(getattr(rows, "dtype", "")),
)
def test_every_container_has_the_same_hashes(rows):
    np.testing.assert_array_equal(hash_rows(rows), hash_rows(NUMBERS))


def test_mixed_columns_are_hashed_by_value():
    hashes = hash_rows(MIXED)
    assert hashes[0] == hashes[2]
    alike = [
        MIXED.to_numpy(dtype=object),
        MIXED.astype({"age": float, "old": int, "job": "category"}),
        MIXED.convert_dtypes(),
        MIXED.set_axis([9, 8, 7, 6]),
    ]
    for rows in alike:
        np.testing.assert_array_equal(hash_rows(rows), hashes)


def test_polars_frames_have_the_hashes_of_pandas_frames():
    polars = pytest.importorskip("polars")
    columns = MIXED.astype(object).where(MIXED.notna(), None).to_dict("list")
    frame = polars.DataFrame(columns)
    np.testing.assert_array_equal(hash_rows(frame), hash_rows(MIXED))


def test_dates_and_texts_are_hashed():
    dates = pd.DataFrame({"day": pd.to_datetime(["2020-01-01", None, "2020-01-01"])})
    hashes = hash_rows(dates)
    assert hashes[0] == hashes[2] != hashes[1]
    texts = hash_rows(np.array(["a film", "a book", "a film"], dtype=object))
    assert texts[0] == texts[2] != texts[1]
    np.testing.assert_array_equal(
        texts, hash_rows(pd.Series(["a film", "a book", "a film"]))
    )


def test_all_that_is_missing_is_one_value():
    rows = pd.DataFrame({"a": [np.nan, None, pd.NA, pd.NaT, 0, "nan"]}, dtype=object)
    hashes = hash_rows(rows)
    assert len(set(hashes[:4].tolist())) == 1
    assert len(set(hashes.tolist())) == 3
    assert hash_rows(np.array([[np.nan]]))[0] == hashes[0]
    assert hash_rows(sparse.csr_array([[np.nan]]))[0] == hashes[0]


def test_place_and_kind_of_a_value_count():
    assert hash_rows(np.array([[1, 2]]))[0] != hash_rows(np.array([[2, 1]]))[0]
    one = hash_rows(np.array([[1, "1"]], dtype=object))
    assert one[0] != hash_rows(np.array([["1", 1]], dtype=object))[0]


@pytest.mark.parametrize("kind", [int, float, bool, np.float32, object])
def test_labels_count_by_value(kind):
    y = np.array([1, 0, 0, 1])
    hashes = hash_rows(NUMBERS, y)
    np.testing.assert_array_equal(hash_rows(NUMBERS, y.astype(kind)), hashes)
    assert hashes[0] != hashes[2]


def test_hashes_depend_on_the_row_alone():
    rng = np.random.RandomState(0)
    X = rng.randn(3000, 700)  # more than one batch
    order = rng.permutation(3000)
    np.testing.assert_array_equal(hash_rows(X[order]), hash_rows(X)[order])


def test_hashes_are_the_same_in_another_process():
    code = (
        "import numpy as np; from skpoison.defenses._content_hash import hash_rows;"
        "print(hash_rows(np.array([['a', 1, None]], dtype=object), np.array(['b']))[0])"
    )
    rows = np.array([["a", 1, None]], dtype=object)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == hash_rows(rows, np.array(["b"]))[0]


def test_hashes_spread_evenly():
    counts = np.bincount(hash_rows(np.arange(20_000)[:, None]) % np.uint64(50))
    assert abs(counts - 400).max() < 5 * np.sqrt(400)


@pytest.mark.parametrize(
    "times",
    [
        pd.to_datetime(pd.Series(["2020-01-01", None, "2021-05-06"])),
        pd.to_datetime(pd.Series(["2020-01-01", None, "2021-05-06"])).dt.as_unit("s"),
        pd.to_datetime(pd.Series(["2020-01-01", None])).dt.tz_localize("Asia/Tokyo"),
        pd.to_timedelta(pd.Series([1, None, 3]), unit="s"),
    ],
)
def test_times_count_by_value_in_a_column_of_any_type(times):
    hashes = hash_rows(times.to_frame())
    assert len(set(hashes.tolist())) == len(times)
    np.testing.assert_array_equal(hash_rows(times.astype(object).to_frame()), hashes)
    mixed = pd.concat([times.astype(object), pd.Series(["text"])]).to_frame()
    np.testing.assert_array_equal(hash_rows(mixed)[:-1], hashes)


def test_a_cell_that_cannot_be_hashed_moves_no_other_row():
    column = pd.Series(["a", 1, None, ("b", 2)], dtype=object)
    more = pd.concat([column, pd.Series([["c"], ["c"]])], ignore_index=True)
    hashes = hash_rows(more.to_frame())
    np.testing.assert_array_equal(hashes[:4], hash_rows(column.to_frame()))
    assert hashes[4] == hashes[5]
