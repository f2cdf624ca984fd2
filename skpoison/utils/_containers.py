"""Rows of any container: arrays, sparse matrices, frames, series, texts."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from numbers import Integral

import numpy as np
import pandas as pd
from scipy import sparse

from skpoison.utils._content import check_content
from skpoison.utils._kinds import is_frame, is_pandas, is_polars, is_texts
from skpoison.utils._sklearn import _num_samples, _safe_indexing

# Kinds of dtypes between which numbers are cast.
NUMBERS = set("biuf")
LARGEST_INDEX = np.iinfo(np.int32).max


def as_rows(X, owner):
    """Return X in a form whose rows can be taken and stacked, or raise.

    Frames, series of texts, sparse matrices in CSR or CSC format and arrays
    pass through without a copy, of sparse matrices those that are tidy; lists become
    arrays.
    """
    check_content(X, owner)
    if is_frame(X):
        rows = X
    elif sparse.issparse(X):
        rows = tidy(X if X.format in ("csr", "csc") else X.tocsr())
    elif X is None or isinstance(X, (str, bytes, dict)) or np.isscalar(X):
        raise _no_rows(X, owner)
    else:
        rows = _list_as_rows(list(X)) if isinstance(X, (list, tuple)) else X
        rows = rows if is_texts(rows) else np.asarray(rows)
        if np.ndim(rows) == 0:
            raise _no_rows(X, owner)
        if rows is not X:
            check_content(rows, owner)
    is_known = is_frame(rows) or is_texts(rows)
    if not is_known and np.ndim(rows) < 2 and n_rows(rows):
        raise ValueError(
            f"{owner} expected a 2D array, images, or one text a row, all rows of one "
            f"length. Got a {rows.ndim}D array of shape {rows.shape} instead. Reshape "
            "your data using X.reshape(-1, 1) if it has a single feature or "
            "X.reshape(1, -1) if it contains a single sample."
        )
    for axis, what in enumerate(("sample", "feature")[: np.ndim(rows)]):
        if rows.shape[axis] == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={rows.shape}) while a minimum of "
                f"1 is required by {owner}."
            )
    return rows


def tidy(X):
    """Sparse matrix that has each cell once, in order, and short indices if they do.

    scikit-learn takes variances and norms of what is stored, so that cells in several
    parts would give others, and refuses long indices. What is not sparse, in CSR or
    CSC format, passes; nothing is changed in place.
    """
    if not sparse.issparse(X) or X.format not in ("csr", "csc"):
        return X
    index_dtype = np.int32 if max(X.nnz, *X.shape) < LARGEST_INDEX else np.int64
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    if X.indices.dtype == X.indptr.dtype == index_dtype:
        return X
    out = type(X)(X.shape, dtype=X.dtype)
    out.data = X.data
    out.indices, out.indptr = (
        X.indices.astype(index_dtype),
        X.indptr.astype(index_dtype),
    )
    return out


def _no_rows(X, owner):
    return ValueError(
        f"{owner} needs X as an array, a sparse matrix, a frame or a list of "
        f"texts. Got {type(X).__name__}."
    )


def _list_as_rows(X):
    """Turn a list into an array that keeps texts apart from numbers."""
    try:
        array = np.asarray(X)
    except ValueError:  # rows of different lengths
        return np.empty(len(X), dtype=object)
    return np.asarray(X, dtype=object) if array.dtype.kind in "US" else array


def copy_rows(X):
    """Return a copy of X, safe from estimators that work in place."""
    return X.copy() if hasattr(X, "copy") else X


def rows_like(X_new, originals):
    """Rows as the elements of a list; those that are copies as the very elements."""
    return [
        old
        if np.array_equal(np.asarray(old, dtype=X_new.dtype), new)
        else (new if isinstance(new, str) else list(new))
        for old, new in zip(originals, X_new, strict=True)
    ]


def take(X, indices):
    """Rows of X at integer ``indices``, in the container of X."""
    if isinstance(X, list):
        return [X[i] for i in indices]
    if type(X) is np.ndarray:  # some thirty times as fast, where rows are few
        return X[np.asarray(indices)]
    return _safe_indexing(X, np.asarray(indices))


def append(X, X_new):
    """Stack the rows of X_new under those of X, in the container of X.

    Index labels of pandas rows are kept; a plain 0, 1, 2, ... index goes on
    counting.
    """
    if isinstance(X, list):
        return X + X_new
    if sparse.issparse(X):
        return sparse.vstack([X, X_new], format=X.format, dtype=X.dtype)
    if is_pandas(X):
        out = pd.concat([X, X_new], ignore_index=_counts_from_zero(X.index))
        return out.rename_axis(X.index.names)
    if is_polars(X):
        return sys.modules["polars"].concat([X, X_new])
    if X.dtype.kind in "OUS":
        return np.concatenate([X, X_new])
    return np.concatenate([X, X_new], dtype=X.dtype, casting="same_kind")


def stack(parts):
    """Stack the rows of containers of one kind."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if sparse.issparse(first):
        return sparse.vstack(parts, format=first.format)
    if is_pandas(first):
        return pd.concat(parts, ignore_index=True)
    if is_polars(first):
        return sys.modules["polars"].concat(parts)
    return np.concatenate(parts)


def append_labels(y, y_new, X, X_res):
    """Stack labels as their rows were stacked; pandas labels share the rows' index."""
    y_res = append(y, y_new)
    if is_pandas(y) and is_pandas(X) and y.index.equals(X.index):
        y_res.index = X_res.index
    return y_res


def index_of(sources, y, y_aux):
    """Index labels of the rows ``sources``, counted in y and then on in `y_aux`."""
    if y_aux is None:
        return y.index[sources]
    return y_aux.index[sources - len(y)] if is_pandas(y_aux) else pd.Index(sources)


def _counts_from_zero(index):
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def one_column(X, j):
    """Column ``j`` of a matrix or frame as a one-dimensional array or Series."""
    if is_pandas(X):
        return X.iloc[:, j]
    if is_polars(X):
        column = X.to_series(j)
        # NumPy has no missing integers; floats would merge large ones.
        lossy = column.dtype.is_integer() and column.null_count() > 0
        return np.array(column.to_list(), object) if lossy else column.to_numpy()
    if sparse.issparse(X):
        return X[:, [j]].toarray().ravel()
    return X[:, j]


def n_rows(X):
    """Count the rows of any container."""
    return _num_samples(X)


def is_empty(X):
    """Whether X is known to have no rows; what is no container passes."""
    shape = getattr(X, "shape", None)
    if isinstance(X, (list, tuple)):
        return not X
    return bool(shape) and isinstance(shape[0], Integral) and shape[0] == 0


def n_bytes(X):
    """Bytes of the rows of any container, about; of objects only the references."""
    if is_pandas(X):
        return int(np.sum(X.memory_usage(index=False)))
    if is_polars(X):
        return int(X.estimated_size())
    if sparse.issparse(X):
        return X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    return X.nbytes if hasattr(X, "nbytes") else sys.getsizeof(X)


def as_same_kind(X, X_other, name, owner):
    """Return X_other so that its rows can be stacked under those of X, or raise."""
    if type(X) is not type(X_other) and not (
        sparse.issparse(X) and sparse.issparse(X_other)
    ):
        raise ValueError(
            f"{name} of {owner} must be of the same kind as X, "
            f"{type(X).__name__}. Got {type(X_other).__name__}."
        )
    if is_frame(X):
        _check_same_columns(X, X_other, name, owner)
        return X_other
    if np.shape(X)[1:] != np.shape(X_other)[1:]:
        raise ValueError(
            f"{name} of {owner} must have rows of the same shape as X, "
            f"{np.shape(X)[1:]}. Got {np.shape(X_other)[1:]}."
        )
    if is_pandas(X) or is_polars(X) or {X.dtype.kind, X_other.dtype.kind} <= set("OUS"):
        return X_other
    return _cast(X_other, X, name, owner)


def _cast(X_other, X, name, owner):
    """X_other in the class and dtype of X, unless numbers would become others."""
    if X.dtype != X_other.dtype and not {X.dtype.kind, X_other.dtype.kind} <= NUMBERS:
        raise _misfit(X_other, X, name, owner)
    with np.errstate(over="ignore", invalid="ignore"):
        cast = X_other.astype(X.dtype)
    if sparse.issparse(X):
        before, after = X_other.data, cast.data
        cast = type(X)(cast)
    else:
        before, after = X_other, cast
    is_float = X.dtype.kind == "f"
    kept = np.isfinite(after) == np.isfinite(before) if is_float else after == before
    if not np.all(kept):
        raise _misfit(X_other, X, name, owner)
    return cast


def _misfit(X_other, X, name, owner):
    return ValueError(
        f"{name} of {owner} must hold numbers that fit the dtype of X, {X.dtype}. "
        f"Got {X_other.dtype} with others."
    )


def _check_same_columns(X, X_other, name, owner):
    ours = dict(zip(X.columns, X.dtypes, strict=True))
    theirs = dict(zip(X_other.columns, X_other.dtypes, strict=True))
    if list(ours) != list(theirs):
        odd = sorted(map(str, set(ours) ^ set(theirs))) or "another order"
        raise ValueError(
            f"{name} of {owner} must have the columns of X in their order. They "
            f"differ in {odd}."
        )
    odd = [str(c) for c in ours if ours[c] != theirs[c]]
    if odd:
        raise ValueError(
            f"{name} of {owner} must have the dtypes of X. They differ in {odd}: "
            f"{ours[odd[0]]} in X, {theirs[odd[0]]} in {name}."
        )
