"""A catalogue of malformed inputs: rows, labels and parameters.

A malformation takes a well-formed value and gives a broken one. Where it has a twin,
what comes of it must equal what comes of the twin, unless it is refused. Where it is
fatal, it must be refused.
"""

import datetime
import enum
from array import array
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
from scipy import sparse
from sklearn.cluster import DBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC


@dataclass(frozen=True)
class Malformation:
    """One way to break a value.

    Parameters
    ----------
    name : str
        What it is.

    make : callable
        Gives the broken value of a well-formed one.

    twin : callable, default=None
        Gives the well-formed value that the broken one must be taken for, where it is
        not refused.

    fatal : bool, default=False
        Whether it must be refused.

    users : bool, default=False
        Whether it is code of the user's, whose errors and effects are the user's.
    """

    name: str
    make: object
    twin: object = None
    fatal: bool = False
    users: bool = False


class UserError(Exception):
    """Raised by what a user passed in: it must get through to the user."""


def same(good):
    """Twin of what is another container of the same values."""
    return good


def fatal(name, make):
    return Malformation(name, make, fatal=True)


def like(name, make, twin=same):
    return Malformation(name, make, twin=twin)


def odd(name, make):
    return Malformation(name, make)


# Rows: of a matrix of floats.


def with_cell(value, dtype=float):
    """Put a value into one cell."""

    def make(X):
        X = np.array(X, dtype=dtype)
        cell = np.empty((), dtype=dtype)
        cell[()] = value
        X[len(X) // 2, 0] = cell[()]
        return X

    return make


def with_texts(text):
    """Turn cells into texts that start with one."""

    def make(X):
        cells = [[f"{text}{cell}" for cell in row] for row in np.array(X).tolist()]
        return np.array(cells, dtype=object)

    return make


def frame(X, **settings):
    return pd.DataFrame(np.array(X), **settings)


def names_of(X):
    return [f"x{j}" for j in range(np.shape(X)[1])]


def structured(X):
    dtype = [(name, float) for name in names_of(X)]
    return np.array([tuple(row) for row in X.tolist()], dtype=dtype)


def with_index(index, to="csr"):
    """Break the indices of a matrix that was fine when it was made."""

    def make(X):
        A = sparse.csr_matrix(X) if to == "csr" else sparse.csc_matrix(X)
        A.indices[len(A.indices) // 2] = index
        return A

    return make


def broken_pointer(X):
    A = sparse.csr_matrix(X)
    A.indptr[1] = 10**8
    return A


def short_data(X):
    A = sparse.csr_matrix(X)
    A.data = A.data[:-3]
    return A


def wide_indices(X):
    A = sparse.csr_matrix(X)
    A.indices, A.indptr = A.indices.astype(np.int64), A.indptr.astype(np.int64)
    return A


def explicit_zeros(X):
    A = sparse.csr_matrix(np.ones(np.shape(X)))
    A.data = np.array(X, float).ravel()
    return A


def split_entries(X):
    A = sparse.coo_matrix(X)
    parts = [A.data / 2, A.data / 2]
    at = np.concatenate([A.row, A.row]), np.concatenate([A.col, A.col])
    return sparse.coo_matrix((np.concatenate(parts), at), shape=A.shape)


def unsorted(X):
    A = sparse.csr_matrix(X)
    for start, end in zip(A.indptr[:-1], A.indptr[1:], strict=True):
        A.indices[start:end] = A.indices[start:end][::-1].copy()
        A.data[start:end] = A.data[start:end][::-1].copy()
    A.has_sorted_indices = False
    return A


def sparse_with(value):
    def make(X):
        A = sparse.csr_matrix(X)
        A.data[len(A.data) // 2] = value
        return A

    return make


def read_only(X):
    X = np.array(X)
    X.flags.writeable = False
    return X


def memory_map(X):
    X = np.array(X)
    out = np.memmap(MAPPED, dtype=X.dtype, mode="w+", shape=X.shape)
    out[:] = X
    out.flush()
    return np.memmap(MAPPED, dtype=X.dtype, mode="r", shape=X.shape)


# Set by the tests: a file in a temporary folder.
MAPPED = None


def dask_array(X):
    import dask.array

    return dask.array.from_array(np.array(X), chunks=(10, -1)[: np.ndim(X)])


def dask_frame(X):
    import dask.dataframe

    return dask.dataframe.from_pandas(frame(X, columns=names_of(X)), npartitions=2)


class Matrix:
    """Gives an array where one is asked for."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Refuses(Matrix):
    """Raises where an array is asked for."""

    def __array__(self, dtype=None, copy=None):
        raise UserError("there is no array")

    def __len__(self):
        return len(self.values)


class Liar(list):
    """Says that it is longer than it is."""

    def __len__(self):
        return super().__len__() + 5


class Subclass(np.ndarray):
    """An array by another name."""


class Color(enum.Enum):
    """Labels that do not sort."""

    RED = 1
    BLUE = 2


def nullable(dtype, missing=False):
    def make(X):
        out = frame(X, columns=names_of(X)).astype(dtype)
        if missing:
            out.iloc[len(out) // 2, 0] = pd.NA
        return out

    return make


def column_of(values):
    """Put a column of something else into a frame."""

    def make(X):
        out = frame(X, columns=names_of(X)).astype(object)
        column = np.empty(len(out), dtype=object)
        column[:] = values(len(out))
        out["x0"] = column
        return out

    return make


def typed_column(values):
    def make(X):
        out = frame(X, columns=names_of(X))
        out["x0"] = values(len(out))
        return out

    return make


def ragged(X):
    rows = np.array(X).tolist()
    rows[len(rows) // 2] = rows[len(rows) // 2][:-1]
    return rows


def twice_named(X):
    return frame(X, columns=["f"] * np.shape(X)[1])


def many_levels(X):
    return frame(X, columns=pd.MultiIndex.from_product([["a"], names_of(X)]))


def mixed_names(X):
    return frame(X, columns=[0, *names_of(X)[1:]])


NOT_TABLES = [
    fatal("None", lambda X: None),
    fatal("an int", lambda X: 7),
    fatal("a float", lambda X: 0.5),
    fatal("nan alone", lambda X: float("nan")),
    fatal("a text", lambda X: "rows"),
    fatal("bytes", lambda X: b"rows"),
    fatal("a dict", lambda X: {"a": [1, 2]}),
    fatal("a set", lambda X: {1, 2}),
    fatal("an object", lambda X: object()),
    fatal("a function", lambda X: len),
    fatal("a class", lambda X: dict),
    fatal("an estimator", lambda X: PCA()),
    fatal("a namespace", lambda X: SimpleNamespace(shape=(30, 3))),
    fatal("a generator", lambda X: (row for row in np.array(X))),
    fatal("an iterator", lambda X: iter(np.array(X).tolist())),
    fatal("a map", lambda X: map(list, np.array(X).tolist())),
    fatal("a slice", lambda X: slice(3)),
    fatal("Ellipsis", lambda X: ...),
    fatal("a timestamp", lambda X: pd.Timestamp("2020-01-01")),
    fatal("a lazy frame", lambda X: pl.LazyFrame({"a": [1.0, 2.0]})),
    fatal("refuses", lambda X: Refuses(X)),
]

ROWS = [
    *NOT_TABLES,
    fatal("empty list", lambda X: []),
    fatal("empty tuple", lambda X: ()),
    fatal("list of empty lists", lambda X: [[] for _ in range(len(X))]),
    fatal("no rows", lambda X: np.array(X)[:0]),
    fatal("no rows, a frame", lambda X: frame(X)[:0]),
    fatal("no rows, sparse", lambda X: sparse.csr_matrix((0, np.shape(X)[1]))),
    fatal("no columns", lambda X: np.array(X)[:, :0]),
    fatal("no columns, a frame", lambda X: frame(X).iloc[:, :0]),
    fatal("no columns, sparse", lambda X: sparse.csr_matrix((len(X), 0))),
    fatal("one dimension", lambda X: np.array(X)[:, 0]),
    fatal("one dimension, a list", lambda X: np.array(X)[:, 0].tolist()),
    fatal("one dimension, a series", lambda X: pd.Series(np.array(X)[:, 0])),
    fatal("one dimension, polars", lambda X: pl.Series(np.array(X)[:, 0])),
    fatal("one dimension, sparse", lambda X: sparse.coo_array(np.array(X)[:, 0])),
    fatal("no dimension", lambda X: np.array(1.0)),
    fatal("a range", lambda X: range(len(X))),
    fatal("an array.array", lambda X: array("d", np.array(X)[:, 0].tolist())),
    fatal("ragged", ragged),
    fatal("list of dicts", lambda X: [{"a": 1.0}] * len(X)),
    fatal("list of None", lambda X: [None] * len(X)),
    fatal("list of sets", lambda X: [{1.0, 2.0}] * len(X)),
    fatal("rows and texts", lambda X: [*np.array(X).tolist()[:-1], "text"]),
    fatal("texts and a row", lambda X: [*["text"] * (len(X) - 1), [1.0, 2.0]]),
    odd("complex", lambda X: np.array(X) + 1j),
    odd("complex, a frame", lambda X: frame(np.array(X) + 1j, columns=names_of(X))),
    odd("complex, sparse", lambda X: sparse.csr_matrix(np.array(X) + 1j)),
    fatal("structured", structured),
    fatal("masked", lambda X: np.ma.masked_greater(np.array(X), 1)),
    fatal("index too large", with_index(10**6)),
    fatal("index a little too large", with_index(64)),
    fatal("index negative", with_index(-5)),
    fatal("row too large, csc", with_index(10**6, "csc")),
    fatal("row negative, csc", with_index(-10, "csc")),
    fatal("pointer too large", broken_pointer),
    fatal("data too short", short_data),
    odd("liar", lambda X: Liar(np.array(X).tolist())),
    odd("three dimensions", lambda X: np.array(X)[:, :, np.newaxis]),
    odd("four dimensions", lambda X: np.array(X)[:, np.newaxis, :, np.newaxis]),
    odd("one row", lambda X: np.array(X)[:1]),
    odd("fewer rows", lambda X: np.array(X)[:-1]),
    odd("more rows", lambda X: np.concatenate([X, X[:1]])),
    odd("one column", lambda X: np.array(X)[:, :1]),
    odd("wide", lambda X: np.tile(X, 50)),
    odd("nan", with_cell(np.nan)),
    odd("inf", with_cell(np.inf)),
    odd("-inf", with_cell(-np.inf)),
    odd("all nan", lambda X: np.full(np.shape(X), np.nan)),
    odd("all inf", lambda X: np.full(np.shape(X), np.inf)),
    odd("1e308", with_cell(1e308)),
    odd("-1e308", with_cell(-1e308)),
    odd("all huge", lambda X: np.array(X) * 1e307),
    odd("all tiny", lambda X: np.array(X) * 1e-310),
    odd("constant", lambda X: np.zeros(np.shape(X))),
    odd("one row again and again", lambda X: np.tile(X[:1], (len(X), 1))),
    odd("texts", lambda X: np.array(X).astype(str)),
    odd("texts, objects", lambda X: np.array(X).astype(str).astype(object)),
    odd("list of texts", lambda X: ["some words"] * len(X)),
    odd("list of texts with None", lambda X: [None, *["some words"] * (len(X) - 1)]),
    odd("list of lists of texts", lambda X: np.array(X).astype(str).tolist()),
    odd("bytes in cells", lambda X: np.array(X).astype("S8")),
    odd("datetimes", lambda X: np.array(X).astype("i8").astype("M8[s]")),
    odd("timedeltas", lambda X: np.array(X).astype("i8").astype("m8[s]")),
    odd("void", lambda X: np.zeros(np.shape(X), dtype="V8")),
    odd("text cell", with_cell("word", object)),
    odd("lone surrogate", with_cell("\ud800", object)),
    odd("texts, lone surrogates", with_texts("\ud800")),
    odd("texts, NUL", with_texts("a\0b")),
    odd("empty text cell", with_cell("", object)),
    odd("None cell", with_cell(None, object)),
    odd("NA cell", with_cell(pd.NA, object)),
    odd("NaT cell", with_cell(pd.NaT, object)),
    odd("dict cell", with_cell({"a": 1}, object)),
    odd("list cell", with_cell([1, 2], object)),
    odd("array cell", with_cell(np.ones(3), object)),
    odd("tuple cell", with_cell((1, 2), object)),
    odd("set cell", with_cell({1}, object)),
    odd("object cell", with_cell(object(), object)),
    odd("function cell", with_cell(len, object)),
    odd("complex cell", with_cell(1j, object)),
    odd("bytes cell", with_cell(b"x", object)),
    odd("huge int cell", with_cell(10**400, object)),
    odd("date cell", with_cell(datetime.date(2020, 1, 1), object)),
    odd("decimals", lambda X: np.vectorize(Decimal, otypes="O")(np.array(X))),
    odd("fractions", lambda X: np.vectorize(Fraction, otypes="O")(np.array(X))),
    like("objects", lambda X: np.array(X).astype(object)),
    like("float32", lambda X: np.array(X).astype(np.float32)),
    odd("float16", lambda X: np.array(X).astype(np.float16)),
    like("longdouble", lambda X: np.array(X).astype(np.longdouble)),
    odd("int8", lambda X: np.array(X).astype(np.int8)),
    odd("uint64 huge", lambda X: np.array(X).astype("u8") + np.uint64(2**63)),
    odd("bool", lambda X: np.array(X) > 0),
    like("big-endian", lambda X: np.array(X).astype(">f8")),
    like("F order", lambda X: np.asfortranarray(X)),
    like("strided", lambda X: np.repeat(X, 2, axis=0)[::2]),
    like("reversed strides", lambda X: np.array(X)[::-1].copy()[::-1]),
    like("read-only", read_only),
    like("memory map", memory_map),
    like("subclass", lambda X: np.array(X).view(Subclass)),
    like("np.matrix", lambda X: np.asmatrix(np.array(X))),
    like("has __array__", lambda X: Matrix(X)),
    like("masked, no mask", lambda X: np.ma.masked_array(np.array(X))),
    like("list of lists", lambda X: np.array(X).tolist()),
    like("tuple of tuples", lambda X: tuple(map(tuple, np.array(X).tolist()))),
    like("list of arrays", lambda X: list(np.array(X))),
    like("list of series", lambda X: [pd.Series(row) for row in np.array(X)]),
    like("deque", lambda X: deque(np.array(X).tolist())),
    like("memoryview", lambda X: memoryview(np.array(X))),
    like("dask array", dask_array),
    like("dask frame", dask_frame),
    like("frame", lambda X: frame(X, columns=names_of(X))),
    like("frame of numbered columns", frame),
    like("frame of one name", twice_named),
    like("frame of MultiIndex columns", many_levels),
    like("frame of mixed names", mixed_names),
    like("frame of tuples", lambda X: frame(X, columns=[(n, 1) for n in names_of(X)])),
    like("frame, index repeats", lambda X: frame(X, index=[0] * len(X))),
    like(
        "frame, MultiIndex",
        lambda X: frame(X, index=pd.MultiIndex.from_product([["a"], range(len(X))])),
    ),
    like("frame, index is NaN", lambda X: frame(X, index=[np.nan] * len(X))),
    like("nullable floats", nullable("Float64")),
    odd("nullable floats, missing", nullable("Float64", missing=True)),
    like("arrow floats", nullable("double[pyarrow]")),
    odd("arrow floats, missing", nullable("double[pyarrow]", missing=True)),
    like("sparse frame", lambda X: frame(X).astype(pd.SparseDtype(float, 0.0))),
    odd("categories", nullable("category")),
    odd("categories, missing", nullable("category", missing=True)),
    odd("texts in a frame", nullable("str")),
    odd("arrow texts", nullable("string[pyarrow]", missing=True)),
    odd("column of lists", column_of(lambda n: [[1, 2]] * n)),
    odd("column of dicts", column_of(lambda n: [{"a": 1}] * n)),
    odd("column of None", column_of(lambda n: [None] * n)),
    odd("column of mixed", column_of(lambda n: [1, "a"] * (n // 2) + [2.0] * (n % 2))),
    odd("column of arrays", column_of(lambda n: [np.ones(2) for _ in range(n)])),
    odd("column of frames", column_of(lambda n: [pd.DataFrame({"a": [1]})] * n)),
    odd("column of dates", typed_column(lambda n: pd.date_range("2020", periods=n))),
    odd(
        "column of dates with zone",
        typed_column(lambda n: pd.date_range("2020", periods=n, tz="UTC")),
    ),
    odd(
        "column of periods",
        typed_column(lambda n: pd.period_range("2020", periods=n, freq="D")),
    ),
    odd(
        "column of intervals",
        typed_column(lambda n: pd.interval_range(0, periods=n)),
    ),
    like("polars", lambda X: pl.DataFrame(np.array(X), schema=names_of(X))),
    odd(
        "polars, missing",
        lambda X: pl.DataFrame({n: [None, *c[1:]] for n, c in columns(X).items()}),
    ),
    odd(
        "polars, lists",
        lambda X: pl.DataFrame({n: [[v] for v in c] for n, c in columns(X).items()}),
    ),
    odd(
        "polars, objects",
        lambda X: pl.DataFrame(
            {
                n: pl.Series([{v} for v in c], dtype=pl.Object)
                for n, c in columns(X).items()
            }
        ),
    ),
    odd(
        "polars, decimals",
        lambda X: pl.DataFrame({n: map(Decimal, c) for n, c in columns(X).items()}),
    ),
    odd(
        "polars, categories",
        lambda X: pl.DataFrame(
            {
                n: pl.Series(map(str, c), dtype=pl.Categorical)
                for n, c in columns(X).items()
            }
        ),
    ),
    like("csr", sparse.csr_matrix),
    like("csc", sparse.csc_matrix),
    like("coo", sparse.coo_matrix),
    like("lil", sparse.lil_matrix),
    like("dok", sparse.dok_matrix),
    like("dia", sparse.dia_matrix),
    like("bsr", sparse.bsr_matrix),
    like("csr array", sparse.csr_array),
    like("coo array", sparse.coo_array),
    like("64-bit indices", wide_indices),
    like("explicit zeros", explicit_zeros),
    like("entries in two halves", split_entries),
    like("unsorted indices", unsorted),
    odd("sparse bool", lambda X: sparse.csr_matrix(np.array(X) > 0)),
    odd("sparse int8", lambda X: sparse.csr_matrix(np.array(X).astype(np.int8))),
    odd("sparse nan", sparse_with(np.nan)),
    odd("sparse inf", sparse_with(np.inf)),
    odd("sparse 1e308", sparse_with(1e308)),
    odd("sparse, nothing in it", lambda X: sparse.csr_matrix(np.shape(X))),
    fatal(
        "sparse, three dimensions", lambda X: sparse.coo_array(np.array(X)[..., None])
    ),
]


def columns(X):
    return {n: np.array(X)[:, j].tolist() for j, n in enumerate(names_of(X))}


# Rows that a fitted estimator is given: others than it was fitted on.
NEW_ROWS = [
    *(m for m in ROWS if "more rows" not in m.name and "fewer rows" not in m.name),
    fatal("a feature less", lambda X: np.array(X)[:, :-1]),
    fatal("a feature more", lambda X: np.hstack([X, X[:, :1]])),
    fatal("a feature less, sparse", lambda X: sparse.csr_matrix(np.array(X)[:, :-1])),
    fatal("a feature more, a frame", lambda X: frame(np.hstack([X, X[:, :1]]))),
]
FATAL_NEW = {"one column", "wide"}
NEW_ROWS = [fatal(m.name, m.make) if m.name in FATAL_NEW else m for m in NEW_ROWS]


# Labels: of a vector of integers 0, 1, ...


def with_label(value):
    def make(y):
        out = np.empty(len(y), dtype=object)
        out[:] = np.array(y).tolist()
        out[len(out) // 2] = value
        return out

    return make


def renamed(names):
    """Give the classes other names."""

    def make(y):
        out = np.empty(len(y), dtype=object)
        out[:] = [names[k % len(names)] for k in np.array(y)]
        return out

    return make


def structured_labels(y):
    return np.array([(k, 1.0) for k in np.array(y)], dtype=[("a", int), ("b", float)])


LABELS = [
    *(m for m in NOT_TABLES if m.name != "None"),
    fatal("None", lambda y: None),
    fatal("empty", lambda y: []),
    fatal("no rows", lambda y: np.array(y)[:0]),
    fatal("one label less", lambda y: np.array(y)[:-1]),
    fatal("one label more", lambda y: np.append(y, y[:1])),
    fatal("one label", lambda y: np.array(y)[:1]),
    fatal("no dimension", lambda y: np.array(1)),
    fatal("two columns", lambda y: np.column_stack([y, y])),
    fatal("three dimensions", lambda y: np.array(y)[:, None, None]),
    fatal("a row", lambda y: np.array(y)[None, :]),
    fatal("two columns, a frame", lambda y: pd.DataFrame({"a": y, "b": y})),
    fatal("multilabel", lambda y: np.tri(2, dtype=int)[np.array(y) % 2]),
    odd("one-hot", lambda y: np.eye(2, dtype=int)[np.array(y) % 2]),
    fatal("ragged", lambda y: [[1], *[[1, 2]] * (len(y) - 1)]),
    fatal("list of dicts", lambda y: [{"a": 1}] * len(y)),
    fatal("list of sets", lambda y: [{1}] * len(y)),
    fatal("list of tuples", lambda y: [(k, "a") for k in np.array(y).tolist()]),
    fatal("sparse", lambda y: sparse.csr_matrix(np.array(y)[:, None])),
    fatal("sparse, one dimension", lambda y: sparse.coo_array(np.array(y))),
    fatal("structured", structured_labels),
    fatal("complex", lambda y: np.array(y) + 1j),
    fatal("continuous", lambda y: np.array(y) + np.linspace(0, 0.9, len(y))),
    fatal("nan", lambda y: np.where(np.arange(len(y)) == 3, np.nan, y)),
    fatal("inf", lambda y: np.where(np.arange(len(y)) == 3, np.inf, y)),
    fatal("1e300", lambda y: np.where(np.arange(len(y)) == 3, -np.inf, y)),
    fatal("all nan", lambda y: np.full(len(y), np.nan)),
    fatal("all None", lambda y: [None] * len(y)),
    fatal("None among labels", with_label(None)),
    fatal("NA among labels", with_label(pd.NA)),
    fatal("NaT among labels", with_label(pd.NaT)),
    fatal("text among numbers", with_label("a")),
    fatal("list among numbers", with_label([1, 2])),
    fatal("dict among numbers", with_label({"a": 1})),
    fatal("array among numbers", with_label(np.ones(2))),
    fatal("complex among numbers", with_label(1j)),
    fatal("object among numbers", with_label(object())),
    fatal("enum", renamed(list(Color))),
    fatal("missing, nullable", lambda y: pd.Series([pd.NA, *y[1:]], dtype="Int64")),
    fatal(
        "missing, arrow", lambda y: pd.Series([None, *y[1:]], dtype="int64[pyarrow]")
    ),
    fatal("missing, polars", lambda y: pl.Series([None, *y[1:].tolist()])),
    fatal("missing category", lambda y: pd.Series([None, *y[1:]]).astype("category")),
    fatal("masked", lambda y: np.ma.masked_equal(np.array(y), 1)),
    fatal("one class", lambda y: np.zeros(len(y), dtype=int)),
    fatal("one class, texts", lambda y: ["a"] * len(y)),
    odd("one row in the other class", lambda y: (np.arange(len(y)) == 5).astype(int)),
    odd("a class for each row", lambda y: np.arange(len(y))),
    odd("many classes", lambda y: np.arange(len(y)) % 50),
    odd("huge ints", lambda y: np.array(y) + 2**62),
    odd("huge uints", lambda y: np.array(y).astype("u8") + np.uint64(2**63 + 5)),
    odd("ints beyond 64 bits", lambda y: [int(k) + 10**30 for k in y]),
    odd("negative", lambda y: -1 - np.array(y)),
    odd("texts", lambda y: np.array(["no", "yes", "perhaps"])[np.array(y) % 3]),
    odd("text and empty text", renamed(["", "a"])),
    odd("texts with NUL", renamed(["a\0b", "a\0c"])),
    odd("texts like numbers", renamed(["1", "1.0"])),
    odd("texts beyond ASCII", renamed(["\u00e9", "\u2603"])),
    odd("lone surrogates", renamed(["\ud800", "\udc00"])),
    odd("long texts", renamed(["a" * 10_000, "b" * 10_000])),
    odd("bytes in cells", renamed([b"a", b"b"])),
    odd("bytes", lambda y: np.array(y).astype("S2")),
    odd("datetimes", lambda y: np.array(y).astype("M8[D]")),
    odd("timedeltas", lambda y: np.array(y).astype("m8[D]")),
    odd("dates", renamed([datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)])),
    odd("timestamps", renamed([pd.Timestamp("2020"), pd.Timestamp("2021")])),
    odd("decimals", renamed([Decimal(1), Decimal(2)])),
    odd("fractions", renamed([Fraction(1, 3), Fraction(2, 3)])),
    odd("floats that are ints", lambda y: np.array(y) * 1.0),
    odd("bools", lambda y: np.array(y) > 0),
    odd("bools and ints", with_label(True)),
    odd("0 and -0.0", lambda y: np.where(np.array(y) > 0, 1.0, -0.0)),
    odd("range", lambda y: range(len(y))),
    like("a column", lambda y: np.array(y)[:, None]),
    like("a column, a frame", lambda y: pd.DataFrame({"y": y})),
    like("a column, polars", lambda y: pl.DataFrame({"y": y})),
    like("list", lambda y: np.array(y).tolist()),
    like("tuple", lambda y: tuple(np.array(y).tolist())),
    like("deque", lambda y: deque(np.array(y).tolist())),
    like("array.array", lambda y: array("q", np.array(y).tolist())),
    like("objects", lambda y: np.array(y).astype(object)),
    like("int8", lambda y: np.array(y).astype(np.int8)),
    like("big-endian", lambda y: np.array(y).astype(">i8")),
    like("read-only", read_only),
    like("memory map", memory_map),
    like("strided", lambda y: np.repeat(y, 3)[::3]),
    like("subclass", lambda y: np.array(y).view(Subclass)),
    like("np.matrix", lambda y: np.asmatrix(np.array(y)).T),
    like("masked, no mask", lambda y: np.ma.masked_array(np.array(y))),
    like("has __array__", lambda y: Matrix(y)),
    like("series", lambda y: pd.Series(np.array(y))),
    like("series, index repeats", lambda y: pd.Series(np.array(y), index=[0] * len(y))),
    like("nullable", lambda y: pd.Series(np.array(y), dtype="Int64")),
    like("arrow", lambda y: pd.Series(np.array(y), dtype="int64[pyarrow]")),
    like("categories", lambda y: pd.Series(np.array(y), dtype="category")),
    like("Categorical", lambda y: pd.Categorical(np.array(y))),
    like("Index", lambda y: pd.Index(np.array(y))),
    like("polars", lambda y: pl.Series(np.array(y))),
    like("dask array", dask_array),
]


# Parameters.


def raises(*args, **kwargs):
    raise UserError("a callable of the user's")


def returns(value):
    def answer(*args, **kwargs):
        return value

    return answer


def writes(rows, *args, **kwargs):
    """Change what it is given."""
    rows[:] = 0
    return np.zeros(len(rows), dtype=bool)


class NoPredict:
    """Can be fitted, and no more."""

    def fit(self, X, y=None):
        return self


def value(thing):
    return odd(f"{type(thing).__name__} {thing!r}"[:60], returns(thing))


PARAMETERS = [
    *map(
        value,
        [
            None,
            True,
            False,
            0,
            1,
            2,
            -1,
            -(10**6),
            0.0,
            0.5,
            1.0,
            1.5,
            -0.5,
            1e-300,
            1e300,
            float("nan"),
            float("inf"),
            float("-inf"),
            1j,
            "",
            "abc",
            "0",
            "nan",
            b"abc",
            [],
            [1],
            [0.5],
            [None],
            [np.nan],
            [np.inf],
            [-1.0],
            [1e300],
            ["abc"],
            [0, 0],
            [[1], [1, 2]],
            [[1, 2], [3, 4]],
            (),
            (1,),
            (1, 2),
            {},
            {"a": 1},
            {0: "a"},
            set(),
            {1},
            frozenset(),
            range(3),
            slice(None),
            ...,
            NotImplemented,
            Decimal("0.5"),
            Fraction(1, 2),
            np.int64(2),
            np.uint8(1),
            np.float32(0.5),
            np.float64("nan"),
            np.bool_(True),
            np.str_("abc"),
            np.array(2),
            np.array(0.5),
            np.array([1, 2]),
            np.array([]),
            np.array([[0.5]]),
            np.array([True, False]),
            np.array([None]),
            np.ma.masked,
            np.datetime64("2020"),
            pd.NA,
            pd.NaT,
            pd.Series([1, 2]),
            pd.DataFrame({"a": [1]}),
            datetime.date(2020, 1, 1),
            Color.RED,
            sparse.csr_matrix([[1.0]]),
            pl.Series([1, 2]),
            LogisticRegression(),
            LinearRegression(),
            LinearSVC(),
            KMeans(2, n_init=1, random_state=0),
            DBSCAN(),
            PCA(1),
        ],
    ),
    odd("int 2**31", returns(2**31)),
    odd("int 10**18", returns(10**18)),
    odd("int 10**400", returns(10**400)),
    odd("object()", lambda good: object()),
    Malformation("a class", returns(int), users=True),
    odd("a class of models", returns(LogisticRegression)),
    odd("a module", returns(np)),
    odd("a generator", lambda good: (i for i in range(3))),
    odd("only fit", lambda good: NoPredict()),
    odd("RandomState", lambda good: np.random.RandomState(0)),
    odd("Generator", lambda good: np.random.default_rng(0)),
    odd("in a list", lambda good: [good]),
    odd("in a tuple", lambda good: (good,)),
    odd("as text", lambda good: str(good)),
    odd("in an array", lambda good: np.array([good, good], dtype=object)),
    odd("refuses", lambda good: Refuses([1.0])),
    odd("callable that raises", returns(raises)),
    odd("callable: None", lambda good: returns(None)),
    odd("callable: 7", lambda good: returns(7)),
    odd("callable: text", lambda good: returns("abc")),
    odd("callable: []", lambda good: returns([])),
    odd("callable: nan", lambda good: returns(float("nan"))),
    odd("callable: wrong length", lambda good: returns(np.ones(2, dtype=bool))),
    odd("callable: nothing", lambda good: lambda X, *a: np.zeros(len(X), dtype=bool)),
    odd("callable: everything", lambda good: lambda X, *a: np.ones(len(X), dtype=bool)),
    odd("callable: ints", lambda good: lambda X, *a: np.arange(len(X))),
    odd("callable: floats", lambda good: lambda X, *a: np.full(len(X), np.nan)),
    odd("callable: two columns", lambda good: lambda X, *a: np.ones((len(X), 2), bool)),
    odd("callable: objects", lambda good: lambda X, *a: np.full(len(X), None)),
    odd("callable: its argument", lambda good: lambda X, *a: X),
    Malformation("callable that writes", returns(writes), users=True),
    Malformation("callable of nothing", lambda good: lambda: 1, users=True),
]
