"""The same rows and labels, presented in many odd ways."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import strategies as st
from scipy import sparse

N_COLUMNS = 4
NAMES = [f"näme {j}!" for j in range(N_COLUMNS)]


@dataclass(frozen=True)
class Presentation:
    """One way to hand over rows or labels.

    Attributes
    ----------
    name : str
        What is odd, for messages.

    kind : {"f", "i", "b"}
        Numbers that it can hold: floats, whole ones or truth values.

    build : callable
        Makes it of a plain array.

    is_rounded : bool
        Whether estimators calculate in less than double precision.

    columns : list of str or None
        Names of the columns that an estimator learns, where they are not x0, x1, ...
    """

    name: str
    kind: str
    build: object
    is_rounded: bool = False
    columns: object = None

    def __repr__(self):
        return self.name


# --- rows -------------------------------------------------------------------------


def strided(X):
    """Every second row and column of a larger array."""
    out = np.full((2 * len(X), 2 * X.shape[1]), 7, dtype=X.dtype)[::2, ::2]
    out[:] = X
    return out


def read_only(X):
    """Array that cannot be written to."""
    X = np.array(X)
    X.flags.writeable = False
    return X


def memmap(X):
    """Array in a file."""
    file = Path(tempfile.mkdtemp()) / "rows"
    X.tofile(file)
    return np.memmap(file, X.dtype, "r", shape=X.shape)


def swapped(X):
    """Array in the byte order of other machines."""
    return X.astype(X.dtype.newbyteorder())


class Subclass(np.ndarray):
    """Array of a class of its own, as some libraries have."""


class Convertible:
    """What is no array and can be made one."""

    def __init__(self, X):
        self._X = X
        self.shape = X.shape

    def __len__(self):
        return len(self._X)

    def __array__(self, dtype=None, copy=None):
        return np.array(self._X, dtype=dtype)


DENSE = {
    "Fortran order": np.asfortranarray,
    "strided": strided,
    "reversed view": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "transposed view": lambda X: np.ascontiguousarray(X.T).T,
    "read-only": read_only,
    "memmap": memmap,
    "byte-swapped": swapped,
    "objects": lambda X: X.astype(object),
    "subclass": lambda X: X.view(Subclass),
    "convertible": Convertible,
    "list of lists": lambda X: X.tolist(),
    "list of arrays": list,
    "list of tuples": lambda X: [tuple(row) for row in X.tolist()],
    "tuple": lambda X: tuple(map(tuple, X.tolist())),
    "broadcast-safe copy of a slice": lambda X: np.vstack([X, X])[len(X) :],
}
DTYPES = {
    "f": ["f4", "longdouble"],
    "i": ["i1", "i2", "i4", "u1", "u2", "u4", "u8"],
    "b": [],
}

SPARSE_CLASSES = [
    getattr(sparse, f"{name}_{kind}")
    for name in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
    for kind in ("array", "matrix")
]


def unsorted(X, cls):
    """CSR or CSC whose indices go down in each row."""
    X = cls(X)
    for begin, end in zip(X.indptr[:-1], X.indptr[1:], strict=True):
        X.indices[begin:end] = X.indices[begin:end][::-1].copy()
        X.data[begin:end] = X.data[begin:end][::-1].copy()
    return cls((X.data, X.indices, X.indptr), shape=X.shape)


def with_duplicates(X, cls):
    """CSR, CSC or COO that has each number in two parts."""
    i, j = np.nonzero(X)
    part = X[i, j] // 2
    parts = np.r_[part, X[i, j] - part]
    if cls.__name__.startswith("coo"):
        return cls((parts, (np.r_[i, i], np.r_[j, j])), shape=X.shape)
    major, minor = (i, j) if cls.__name__.startswith("csr") else (j, i)
    order = np.argsort(np.r_[major, major], kind="stable")
    counts = np.bincount(np.r_[major, major], minlength=X.shape[major is j])
    indptr = np.r_[0, np.cumsum(counts)]
    return cls((parts[order], np.r_[minor, minor][order], indptr), shape=X.shape)


def with_zeros(X, cls):
    """CSR or CSC that holds every cell, zeros as well."""
    full = cls(np.ones(X.shape, dtype=X.dtype))
    full.data[:] = X.ravel(order="C" if full.format == "csr" else "F")
    return full


def long_indices(X, cls):
    """CSR or CSC with indices of 64 bits."""
    X = cls(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def frozen_sparse(X, cls):
    """CSR or CSC on buffers that cannot be written to, as joblib hands them over."""
    X = cls(X)
    for buffer in (X.data, X.indices, X.indptr):
        buffer.flags.writeable = False
    return X


INDICES = {
    "duplicate": lambda n: np.arange(n) // 3,
    "one label": lambda n: ["same"] * n,
    "reversed": lambda n: np.arange(n)[::-1],
    "MultiIndex": lambda n: pd.MultiIndex.from_arrays(
        [np.arange(n) % 5, [f"r{i}" for i in range(n)]], names=["a", None]
    ),
    "datetimes": lambda n: pd.date_range("2020", periods=n, freq="h", name="when"),
    "floats with NaN": lambda n: np.r_[np.nan, np.arange(1.0, n)],
    "categories": lambda n: pd.CategoricalIndex(np.array(["a", "b"])[np.arange(n) % 2]),
    "mixed": lambda n: pd.Index([*range(n - 1), "last"], dtype=object),
    "step of two": lambda n: pd.RangeIndex(0, 2 * n, 2),
    "from five": lambda n: pd.RangeIndex(5, 5 + n),
}
COLUMNS = {
    "odd": NAMES,
    "duplicate": ["näme 0!"] * N_COLUMNS,
    "int": list(range(10, 10 + N_COLUMNS)),
    "tuples": pd.MultiIndex.from_product([["a"], range(N_COLUMNS)]),
    "index names": pd.Index(NAMES, name="the columns"),
}
FRAME_DTYPES = {
    "f": ["float64", "Float64", "object", "Sparse", "double[pyarrow]"],
    "i": ["int64", "Int64", "UInt8", "int8", "object", "int64[pyarrow]"],
    "b": ["bool", "boolean", "object", "bool[pyarrow]"],
}


def frame(X, dtype, index, columns):
    """Frame of one dtype, on an index and columns."""
    if index == "floats with NaN" and len(X) < 2:
        index = "one label"
    X = pd.DataFrame(X, index=INDICES[index](len(X)), columns=COLUMNS[columns])
    return X.astype(pd.SparseDtype(float, 0) if dtype.startswith("Sparse") else dtype)


def polars_frame(X, kind):
    """Polars frame, in one chunk or two."""
    X = pl.DataFrame(np.array(X), schema=NAMES)
    return X if kind == "one" else pl.concat([X[:7], X[7:]], rechunk=False)


def dense_presentations():
    """All presentations as arrays and lists."""
    for kind in "fib":
        for name, build in DENSE.items():
            yield Presentation(f"{name} ({kind})", kind, build)
        for dtype in DTYPES[kind]:
            yield Presentation(
                f"dtype {dtype} ({kind})",
                kind,
                lambda X, dtype=dtype: X.astype(dtype),
                is_rounded=dtype == "f4",
            )


def sparse_presentations():
    """All presentations as sparse matrices."""
    forms = [unsorted, with_duplicates, with_zeros, long_indices, frozen_sparse]
    for kind in "fi":
        for cls in SPARSE_CLASSES:
            yield Presentation(f"{cls.__name__} ({kind})", kind, cls)
        for cls in SPARSE_CLASSES[:4]:
            for form in forms:
                yield Presentation(
                    f"{cls.__name__} {form.__name__} ({kind})",
                    kind,
                    lambda X, cls=cls, form=form: form(X, cls),
                )
        yield Presentation(
            f"coo_array with_duplicates ({kind})",
            kind,
            lambda X: with_duplicates(X, sparse.coo_array),
        )


def frame_presentations():
    """All presentations as frames."""
    for kind in "fib":
        for dtype in FRAME_DTYPES[kind]:
            for index in INDICES:
                for columns, names in COLUMNS.items():
                    names = list(names) if isinstance(names[0], str) else None
                    yield Presentation(
                        f"frame of {dtype}, index {index}, columns {columns} ({kind})",
                        kind,
                        lambda X, at=(dtype, index, columns): frame(X, *at),
                        columns=names,
                    )
        for chunks in ("one", "two"):
            yield Presentation(
                f"polars, chunks {chunks} ({kind})",
                kind,
                lambda X, chunks=chunks: polars_frame(X, chunks),
                columns=NAMES,
            )


ROWS = {
    "dense": list(dense_presentations()),
    "sparse": list(sparse_presentations()),
    "frame": list(frame_presentations()),
}


def plain_rows(n, kind, seed):
    """Rows that every presentation of the kind holds exactly."""
    rng = np.random.RandomState(seed)
    if kind == "b":
        return rng.rand(n, N_COLUMNS) < 0.5
    if kind == "i":
        return rng.randint(0, 20, (n, N_COLUMNS))
    X = np.round(rng.randn(n, N_COLUMNS) * 1024) / 512
    X[rng.rand(n, N_COLUMNS) < 0.2] = 0
    return X


# --- labels -----------------------------------------------------------------------


def classes_of(codes, dtype="U"):
    """Increasing class names of so many classes."""
    return np.array([f"c{i:02d}" for i in range(50)], dtype=dtype)[codes]


def categorical(codes, ordered):
    """Categories in falling order, two of them unused."""
    names = classes_of(np.arange(50))[::-1].tolist()
    return pd.Categorical(classes_of(codes), ["unused", *names, "zz"], ordered=ordered)


def other_index(values):
    """Series on an index that the rows do not have."""
    return pd.Series(values, index=[f"y{i}" for i in range(len(values))], name="label")


LABELS = {
    **{
        dtype: lambda codes, dtype=dtype: codes.astype(dtype)
        for dtype in ("i1", "i2", "i4", "u1", "u2", "u4", "u8", "f4", "f8", ">i4")
    },
    "list of int": lambda codes: codes.tolist(),
    "tuple of int": lambda codes: tuple(codes.tolist()),
    "negative": lambda codes: codes * 7 - 60,
    "non-contiguous": lambda codes: codes**3 * 1000,
    "huge": lambda codes: codes + 2**62,
    "strided": lambda codes: np.repeat(codes, 2)[::2],
    "reversed": lambda codes: codes[::-1].copy()[::-1],
    "read-only": read_only,
    "memmap": memmap,
    "str": classes_of,
    "list of str": lambda codes: classes_of(codes).tolist(),
    "object str": lambda codes: classes_of(codes, object),
    "object int": lambda codes: codes.astype(object),
    "wide str": lambda codes: classes_of(codes).astype("U40"),
    "StringDType": lambda codes: classes_of(codes).astype(np.dtypes.StringDType()),
    "series": lambda codes: other_index(codes),
    "series of str": lambda codes: other_index(classes_of(codes)),
    "series of object": lambda codes: other_index(classes_of(codes, object)),
    "Int64": lambda codes: other_index(codes).astype("Int64"),
    "UInt8": lambda codes: other_index(codes).astype("UInt8"),
    "Float64": lambda codes: other_index(codes).astype("Float64"),
    "string[python]": lambda c: other_index(classes_of(c)).astype("string[python]"),
    "string[pyarrow]": lambda c: other_index(classes_of(c)).astype("string[pyarrow]"),
    "int64[pyarrow]": lambda codes: other_index(codes).astype("int64[pyarrow]"),
    "category": lambda codes: other_index(categorical(codes, False)),
    "ordered category": lambda codes: other_index(categorical(codes, True)),
    "categorical": lambda codes: categorical(codes, True),
    "category of int": lambda codes: other_index(codes).astype("category"),
    "index": lambda codes: pd.Index(codes),
    "extension array": lambda codes: pd.array(codes, dtype="Int64"),
    "polars": lambda codes: pl.Series("label", codes),
    "polars str": lambda codes: pl.Series("label", classes_of(codes).tolist()),
    "polars categorical": lambda codes: pl.Series(
        "label", classes_of(codes).tolist(), dtype=pl.Categorical
    ),
    "polars enum": lambda codes: pl.Series(
        "label",
        classes_of(codes).tolist(),
        dtype=pl.Enum(classes_of(np.arange(49, -1, -1)).tolist()),
    ),
}
# Of two classes only.
TRUTHS = {
    "bool": lambda codes: codes == 1,
    "list of bool": lambda codes: (codes == 1).tolist(),
    "object bool": lambda codes: (codes == 1).astype(object),
    "series of bool": lambda codes: other_index(codes == 1),
    "boolean": lambda codes: other_index(codes == 1).astype("boolean"),
    "bool[pyarrow]": lambda codes: other_index(codes == 1).astype("bool[pyarrow]"),
    "polars bool": lambda codes: pl.Series("label", codes == 1),
    "minus one and one": lambda codes: codes * 2 - 1,
}


LABELED = LABELS | TRUTHS
# scikit-learn's own metrics and classifiers refuse these labels.
NOT_FOR_SKLEARN = {"StringDType", "object int", "object bool"}


def plain_labels(name, codes):
    """The labels of a presentation as a plain array."""
    labels = LABELED[name](codes)
    values = labels.to_list() if hasattr(labels, "to_list") else labels
    return np.array(np.asarray(values).tolist())


@st.composite
def cases(draw):
    """Draw a presentation of rows, the name of one of labels, a number of classes."""
    rows = draw(st.sampled_from(ROWS[draw(st.sampled_from([*ROWS]))]))
    n_classes = draw(st.integers(2, 5))
    labels = draw(st.sampled_from([*(LABELED if n_classes == 2 else LABELS)]))
    return rows, labels, n_classes


# --- what must not change -----------------------------------------------------------


def fingerprint(X):
    """Everything about an input that a caller can see."""
    if isinstance(X, dict):
        return {name: fingerprint(value) for name, value in X.items()}
    if sparse.issparse(X):
        parts = [X.shape, X.dtype, X.format]
        if X.format in ("dok", "lil"):
            return [*parts, X.tocoo().data.tobytes(), X.toarray().tobytes()]
        names = ("data", "indices", "indptr", "offsets", "coords")
        buffers = [getattr(X, name) for name in names if hasattr(X, name)]
        return [*parts, *(np.array(b).tobytes() for b in buffers)]
    if isinstance(X, np.ndarray):
        values = repr(X.tolist()) if X.dtype.kind in {"O", "T"} else X.tobytes()
        return [type(X), X.dtype.str, X.shape, X.strides, values]
    if isinstance(X, Convertible):
        return fingerprint(X._X)
    if isinstance(X, pd.DataFrame):
        columns = [repr(X.iloc[:, j].tolist()) for j in range(X.shape[1])]
        return [repr(list(X.columns)), repr(list(X.index)), str(X.dtypes), columns]
    if isinstance(X, pd.Series):
        return [X.name, repr(list(X.index)), str(X.dtype), repr(X.tolist())]
    if isinstance(X, (pd.Index, pd.api.extensions.ExtensionArray)):
        return [type(X), str(X.dtype), repr(list(X))]
    if isinstance(X, pl.DataFrame):
        return [X.schema, X.rows()]
    if isinstance(X, pl.Series):
        return [X.name, X.dtype, X.to_list()]
    return repr(X)


def dense(X):
    """Rows as a plain array of floats."""
    if sparse.issparse(X):
        X = X.toarray()
    elif isinstance(X, pd.DataFrame):
        X = np.column_stack([X.iloc[:, j].to_numpy(float) for j in range(X.shape[1])])
    elif isinstance(X, pl.DataFrame):
        X = X.to_numpy()
    return np.asarray(X, dtype=float)
