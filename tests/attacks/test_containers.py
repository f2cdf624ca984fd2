"""The same data in any container give the same poison, in that container."""

from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal as assert_polars_equal
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner


@pytest.fixture
def table():
    rng = np.random.RandomState(3)
    X = np.round(rng.randn(150, 4), 3)
    return X, rng.randint(3, size=150)


def resample(X, y, **params):
    poisoner = SubpopPoisoner(ClusterMatch(5), alpha=1.5, random_state=0, **params)
    return (*poisoner.fit_resample(X, y), poisoner)


@pytest.mark.parametrize("aux_size", [None, 0.3])
@pytest.mark.parametrize(
    "convert",
    [
        np.asfortranarray,
        lambda X: X[:, ::-1][:, ::-1],
        lambda X: X.tolist(),
        lambda X: pd.DataFrame(X, columns=list("abcd")),
        lambda X: pd.DataFrame(X),
        lambda X: pd.DataFrame(X, columns=list("abcd")).convert_dtypes(),
        lambda X: pl.DataFrame(X, schema=list("abcd")),
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.coo_array,
        lambda X: X.reshape(150, 2, 2),
        lambda X: X.reshape(150, 1, 2, 2),
    ],
    ids=[
        "fortran",
        "strided",
        "list",
        "pandas",
        "pandas int names",
        "pandas nullable",
        "polars",
        "csr",
        "csc matrix",
        "coo",
        "3-D",
        "4-D",
    ],
)
def test_same_poison(table, convert, aux_size):
    X, y = table
    X_expected, y_expected, expected = resample(X, y, aux_size=aux_size)
    given = convert(X)
    X_res, y_res, poisoner = resample(given, y, aux_size=aux_size)
    np.testing.assert_array_equal(poisoner.sample_indices_, expected.sample_indices_)
    np.testing.assert_array_equal(y_res, y_expected)
    if getattr(given, "format", None) != "coo":
        assert type(X_res) is type(given)
    dense = X_res.toarray() if sparse.issparse(X_res) else np.asarray(X_res)
    np.testing.assert_array_equal(dense.reshape(X_expected.shape), X_expected)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u1"])
def test_array_dtype_is_kept(table, dtype):
    X = (table[0] * 10).astype("i2").clip(0).astype(dtype)
    assert resample(X, table[1])[0].dtype == dtype


def test_mixed_frame_keeps_dtypes_index_and_categories(people):
    frame, y = people
    poisoner = SubpopPoisoner(
        FeatureMatch(["sex", "job"]), target="sex=F & job=b", alpha=2, random_state=0
    )
    X_res, y_res = poisoner.fit_resample(frame, y)
    assert X_res.dtypes.equals(frame.dtypes)
    assert X_res.sex.cat.categories.tolist() == ["M", "F", "unused"]
    pd.testing.assert_frame_equal(X_res[: len(frame)], frame)
    pd.testing.assert_series_equal(y_res[: len(y)], y)
    poison = X_res[len(frame) :]
    pd.testing.assert_frame_equal(poison, frame.loc[poison.index])
    assert (poison.sex == "F").all()
    assert (poison.job == "b").all()
    assert y_res.index.equals(X_res.index)
    assert y_res.name == "class"


def test_range_index_goes_on_counting(people):
    frame, y = people
    frame, y = frame.reset_index(drop=True), y.reset_index(drop=True)
    X_res, y_res = SubpopPoisoner(FeatureMatch("sex"), random_state=0).fit_resample(
        frame, y
    )
    assert X_res.index.equals(pd.RangeIndex(len(X_res)))
    assert y_res.index.equals(X_res.index)


def test_array_with_series_of_labels(table):
    X, y = table
    labels = pd.Series(y, index=np.arange(150) + 1000, name="label")
    _, y_res, _ = resample(X, labels)
    pd.testing.assert_series_equal(y_res[:150], labels)


def test_polars_frame_with_texts_and_nulls(people):
    frame, y = people
    given = pl.DataFrame(
        {
            "sex": frame.sex.astype(str).tolist(),
            "job": [None if pd.isna(job) else job for job in frame.job],
            "age": frame.age.tolist(),
        },
        schema_overrides={"sex": pl.Enum(["M", "F", "unused"]), "age": pl.Int16},
    )
    poisoner = SubpopPoisoner(FeatureMatch(["sex", "job"]), random_state=0)
    X_res, y_res = poisoner.fit_resample(given, pl.Series("class", y.tolist()))
    assert X_res.schema == given.schema
    assert_polars_equal(X_res[: len(given)], given)
    assert isinstance(y_res, pl.Series)
    assert y_res.name == "class"
    as_pandas = SubpopPoisoner(FeatureMatch(["sex", "job"]), random_state=0)
    as_pandas.fit_resample(frame[["sex", "job", "age"]], y)
    np.testing.assert_array_equal(poisoner.sample_indices_, as_pandas.sample_indices_)


@pytest.mark.parametrize(
    "container", [list, np.array, lambda t: np.array(t, object), pd.Series, pl.Series]
)
def test_texts(container):
    words = np.array(["good", "bad", "film", "actor", "plot", "the", "dull"])
    rng = np.random.RandomState(0)
    texts = [" ".join(rng.choice(words, 6)) for _ in range(120)]
    y = rng.randint(2, size=120).tolist()
    vectors = make_pipeline(TfidfVectorizer(), TruncatedSVD(3, random_state=0))
    finder = ClusterMatch(5, representation=vectors)
    given = container(texts)
    poisoner = SubpopPoisoner(finder, random_state=0)
    X_res, y_res = poisoner.fit_resample(given, y)
    assert type(X_res) is type(given)
    assert [str(x) for x in X_res] == [texts[i] for i in poisoner.sample_indices_]
    assert isinstance(y_res, list)
    assert all(type(label) is int for label in y_res)
    by_word = SubpopPoisoner(
        target=lambda X: np.array(["good" in str(text) for text in X]), random_state=0
    )
    X_res, _ = by_word.fit_resample(given, y)
    assert all("good" in str(text) for text in list(X_res)[120:])
    assert by_word.membership(given).sum() == by_word.n_poison_


def test_images():
    images, y = load_digits(return_X_y=True)
    images = images.reshape(-1, 1, 8, 8).astype("float32")
    poisoner = SubpopPoisoner(ClusterMatch(20), target=3, random_state=0)
    X_res, _ = poisoner.fit_resample(images, y)
    assert X_res.shape[1:] == (1, 8, 8)
    assert X_res.dtype == "float32"
    np.testing.assert_array_equal(X_res, images[poisoner.sample_indices_])
    assert poisoner.poison_label_ in range(10)


def test_one_versus_all_labels(table):
    X, y = table
    _, y_res, _ = resample(X, np.eye(3, dtype=int)[y])
    _, expected, _ = resample(X, y)
    np.testing.assert_array_equal(y_res.argmax(axis=1), expected)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.arange(10.0), "Reshape your data"),
        (3, "array, a sparse matrix, a frame or a list"),
        ("a text", "array, a sparse matrix, a frame or a list"),
        ({"a": [1, 2]}, "array, a sparse matrix, a frame or a list"),
        (None, "array, a sparse matrix, a frame or a list"),
    ],
    ids=["1-D", "number", "text", "dict", "none"],
)
def test_not_rows(X, message):
    with pytest.raises(ValueError, match=message):
        SubpopPoisoner().fit_resample(X, np.arange(10) % 2)


def test_lengths_differ(table):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        SubpopPoisoner().fit_resample(table[0], table[1][:-1])


def test_lists_come_back_element_for_element():
    rows = [[i, "ab"[i % 2], i % 3 == 0, 0.5, None] for i in range(30)]
    poisoner = SubpopPoisoner(FeatureMatch([1]), aux_size=0.5, random_state=0)
    X_res, _ = poisoner.fit_resample(rows, [0, 1] * 15)
    assert X_res == [rows[i] for i in poisoner.sample_indices_]
    assert type(X_res[-1][2]) is bool
    arrays = [np.full(3, i, dtype="f4") for i in range(30)]
    X_res, _ = SubpopPoisoner(ClusterMatch(3)).fit_resample(arrays, [0, 1] * 15)
    assert all(isinstance(row, np.ndarray) and row.dtype == "f4" for row in X_res)


def test_own_rows_of_another_precision_keep_the_dtype(table):
    X, y = table
    for convert in (np.asarray, sparse.csr_array):
        given = convert(X.astype("f4"))
        poisoner = SubpopPoisoner(ClusterMatch(3), random_state=0)
        X_res, _ = poisoner.fit_resample(given, y, X_aux=convert(X), y_aux=y)
        assert X_res.dtype == "f4"
    with pytest.raises(ValueError, match=r"fit the dtype of X, int64. Got float64"):
        SubpopPoisoner().fit_resample(X.astype(int), y, X_aux=X, y_aux=y)


def test_labels_keep_an_index_of_their_own(people):
    frame, y = people
    frame = frame.reset_index(drop=True).rename_axis("id")
    poisoner = SubpopPoisoner(FeatureMatch("sex"), random_state=0)
    X_res, y_res = poisoner.fit_resample(frame, y)
    assert X_res.index.name == "id"
    assert y_res.index.tolist() == y.index[poisoner.sample_indices_].tolist()


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ma.masked_array(np.ones((10, 2))), "does not take masked arrays"),
        ([[1, 2], [3]] * 5, "all rows of one length"),
        ([], r"0 sample\(s\)"),
        (np.empty((0, 3)), r"0 sample\(s\)"),
    ],
    ids=["masked", "ragged", "empty list", "empty array"],
)
def test_more_that_are_not_rows(X, message):
    with pytest.raises(ValueError, match=message):
        SubpopPoisoner().fit_resample(X, np.arange(len(X)) % 2)


def test_tuples_and_texts_that_begin_with_none():
    y = [0, 1] * 3
    poisoner = SubpopPoisoner(target=lambda X: np.arange(len(X)) < 2)
    X_res, _ = poisoner.fit_resample((None, "a", "b", "c", "d", "e"), y)
    assert X_res[:6].tolist() == [None, "a", "b", "c", "d", "e"]


def test_polars_dates_beside_floats():
    days = [date(2020, 1, 1), date(2021, 1, 1)] * 10
    X = pl.DataFrame({"day": days, "x": [1.5, 2.5] * 10})
    poisoner = SubpopPoisoner(FeatureMatch(["x"]), random_state=0)
    X_res, _ = poisoner.fit_resample(X, [0, 1, 1, 0] * 5)
    assert X_res.schema == X.schema
    assert poisoner.membership(X).sum() == 10


@pytest.mark.parametrize(
    "container",
    [list, np.array, lambda t: np.array(t, object), pd.Series, pl.Series],
    ids=["list", "str array", "object array", "pandas", "polars"],
)
def test_own_texts_of_the_attacker(container):
    texts = ["aa bb", "cc", "aa dddddd", "cc e"] * 5
    poisoner = SubpopPoisoner(
        target=lambda X: np.array(["aa" in str(text) for text in X]), random_state=0
    )
    X, X_aux = container([t[:5] for t in texts]), container(texts)
    X_res, _ = poisoner.fit_resample(
        X, [0, 1, 1, 0] * 5, X_aux=X_aux, y_aux=[0, 1] * 10
    )
    both = [t[:5] for t in texts] + texts
    assert [str(x) for x in X_res] == [both[i] for i in poisoner.sample_indices_]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_texts_that_begin_with_a_missing_one(missing):
    texts = [missing] * 150 + ["aa", "bb"] * 10
    y = [0, 1] * 85
    for X in (texts, np.array(texts, object), pd.Series(texts, dtype=object)):
        poisoner = SubpopPoisoner(target=lambda X: np.arange(len(X)) > 150)
        X_res, _ = poisoner.fit_resample(X, y)
        assert len(X_res) == 170 + 19


@pytest.mark.parametrize(
    "rows",
    [
        [(i, 2.5) for i in range(20)],
        [[2**60 + i, i / 2] for i in range(20)],
        [[i, i % 2 == 0] for i in range(20)],
        [np.array([1, i]) if i % 2 else np.array([1.5, i]) for i in range(20)],
    ],
    ids=["tuples", "large", "truth values", "arrays of two dtypes"],
)
def test_elements_of_lists_stay_the_very_same(rows):
    y = [0, 1, 1, 0] * 5
    poisoner = SubpopPoisoner(ClusterMatch(3), aux_size=0.5, random_state=0)
    X_res, _ = poisoner.fit_resample(rows, y)
    assert all(
        x is rows[i] for x, i in zip(X_res, poisoner.sample_indices_, strict=True)
    )


@pytest.mark.parametrize(
    ("X", "X_aux"),
    [
        (np.ones((20, 2), "i1"), np.full((20, 2), 900)),
        (np.ones((20, 2), "f4"), np.full((20, 2), 1e300)),
        (
            sparse.csr_array(np.ones((20, 2), "i1")),
            sparse.csr_array(np.full((20, 2), 900)),
        ),
    ],
    ids=["int", "float", "sparse"],
)
def test_own_rows_that_do_not_fit_the_dtype(X, X_aux):
    y = [0, 1] * 10
    with pytest.raises(ValueError, match="must hold numbers that fit the dtype of X"):
        SubpopPoisoner().fit_resample(X, y, X_aux=X_aux, y_aux=y)


def test_own_sparse_rows_of_another_format(table):
    X, y = table
    given = sparse.csr_matrix(X)
    poisoner = SubpopPoisoner(ClusterMatch(3), random_state=0)
    X_res, _ = poisoner.fit_resample(given, y, X_aux=sparse.csc_array(X), y_aux=y)
    assert type(X_res) is sparse.csr_matrix


def test_labels_of_own_rows_bring_their_index(table):
    X, y = table
    labels = pd.Series(y, index=[f"r{i}" for i in range(150)])
    own = pd.Series(y, index=[f"z{i}" for i in range(150)])
    poisoner = SubpopPoisoner(ClusterMatch(3), random_state=0)
    _, y_res = poisoner.fit_resample(X, labels, X_aux=X, y_aux=own)
    both = np.r_[labels.index, own.index]
    assert y_res.index.tolist() == both[poisoner.sample_indices_].tolist()


def test_sparse_and_dense_rows_with_ties():
    for seed in range(40):
        X = np.round(np.random.RandomState(seed).randn(47, 3))
        finder = ClusterMatch(3, n_components=2, random_state=0)
        np.testing.assert_array_equal(
            finder.fit(X).labels_, finder.fit(sparse.csr_array(X)).labels_
        )
