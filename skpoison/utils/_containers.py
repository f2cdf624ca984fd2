"""Rows of any container: arrays, sparse matrices, frames, series, texts."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys

import numpy as np
import pandas as pd
from scipy import sparse

from skpoison.utils._sklearn import _num_samples, _safe_indexing


def is_pandas(X):
    """Whether X is a pandas frame or series."""
    return isinstance(X, (pd.DataFrame, pd.Series))


def is_polars(X):
    """Whether X is a polars frame or series."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(X, (polars.DataFrame, polars.Series))


def is_frame(X):
    """Whether X is a two-dimensional pandas or polars frame."""
    return (is_pandas(X) or is_polars(X)) and hasattr(X, "columns")


def is_texts(X):
    """Whether X is a one-dimensional collection of raw documents."""
    if isinstance(X, list):
        return len(X) > 0 and isinstance(X[0], str)
    if is_frame(X) or not (is_pandas(X) or is_polars(X) or isinstance(X, np.ndarray)):
        return False
    return len(X.shape) == 1 and len(X) > 0 and isinstance(np.asarray(X[:1])[0], str)


def as_rows(X, owner):
    """Return X in a form whose rows can be taken and stacked, or raise.

    Frames, series of texts, sparse matrices in CSR or CSC format and arrays
    pass through without a copy; lists become arrays.
    """
    if is_frame(X):
        return X
    if sparse.issparse(X):
        return X if X.format in ("csr", "csc") else X.tocsr()
    if X is None or isinstance(X, (str, bytes, dict)) or np.isscalar(X):
        raise ValueError(
            f"{owner} needs X as an array, a sparse matrix, a frame or a list of "
            f"texts. Got {type(X).__name__}."
        )
    if is_texts(X):
        return np.asarray(X, dtype=object) if isinstance(X, list) else X
    X = np.asarray(X)
    if X.ndim < 2:
        raise ValueError(
            f"{owner} expected a 2D array, images, or one text a row. Got a "
            f"{X.ndim}D array of shape {X.shape} instead. Reshape your data using "
            "X.reshape(-1, 1) if it has a single feature or X.reshape(1, -1) if it "
            "contains a single sample."
        )
    return X


def like_input(X, original):
    """Give rows back as a list where a list came in."""
    return X.tolist() if isinstance(original, list) else X


def take(X, indices):
    """Rows of X at integer ``indices``, in the container of X."""
    if isinstance(X, list):
        return [X[i] for i in indices]
    return _safe_indexing(X, np.asarray(indices))


def append(X, X_new):
    """Stack the rows of X_new under those of X, in the container of X.

    Index labels of pandas rows are kept; a plain 0, 1, 2, ... index goes on
    counting.
    """
    if isinstance(X, list):
        return X + X_new
    if sparse.issparse(X):
        return sparse.vstack([X, X_new], format=X.format)
    if is_pandas(X):
        return pd.concat([X, X_new], ignore_index=_counts_from_zero(X.index))
    if is_polars(X):
        return sys.modules["polars"].concat([X, X_new])
    return np.concatenate([X, X_new])


def _counts_from_zero(index):
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def one_column(X, j):
    """Column ``j`` of a matrix or frame as a one-dimensional array or Series."""
    if is_pandas(X):
        return X.iloc[:, j]
    if is_polars(X):
        return X.to_series(j).to_numpy()
    if sparse.issparse(X):
        return X[:, [j]].toarray().ravel()
    return X[:, j]


def n_rows(X):
    """Count the rows of any container."""
    return _num_samples(X)


def check_same_kind(X, X_other, name, owner):
    """Raise unless the rows of X_other can be stacked under those of X."""
    if type(X) is not type(X_other) and not (
        sparse.issparse(X) and sparse.issparse(X_other)
    ):
        raise ValueError(
            f"{name} of {owner} must be of the same kind as X, "
            f"{type(X).__name__}. Got {type(X_other).__name__}."
        )
    if is_frame(X):
        _check_same_columns(X, X_other, name, owner)
    elif np.shape(X)[1:] != np.shape(X_other)[1:]:
        raise ValueError(
            f"{name} of {owner} must have rows of the same shape as X, "
            f"{np.shape(X)[1:]}. Got {np.shape(X_other)[1:]}."
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
