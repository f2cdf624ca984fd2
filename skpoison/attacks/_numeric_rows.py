"""Rows of numbers: out of the container that they came in, and back into it."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype
from scipy import sparse

from skpoison.utils._containers import (
    as_rows,
    is_frame,
    is_pandas,
    is_polars,
    is_texts,
    one_column,
    take,
)


def numeric_rows(X, owner):
    """Rows as floats, of a container whose features are all numbers.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows: a matrix, a numeric frame, or images.

    owner : str
        Who asks, for the error.

    Returns
    -------
    values : ndarray of shape (n_samples, ...), dtype=float64
        The same numbers, dense.

    Raises
    ------
    ValueError
        If a feature is not a number, or not a finite one.
    """
    X = as_rows(X, owner)
    if is_texts(X):
        raise _not_numeric(owner, "texts")
    if is_frame(X):
        values = _numbers_of_frame(X, owner)
    elif sparse.issparse(X):
        values = X.toarray()
    else:
        values = X
    if values.dtype == object:
        values = _numbers_of_objects(values, owner)
    if values.dtype.kind not in "fiub":
        raise _not_numeric(owner, f"an array of dtype {values.dtype}")
    values = values.astype(np.float64)
    _check_finite(values, owner)
    return values


def rows_in_container(values, X, sources):
    """Rows of numbers in the container of X; the way back from `numeric_rows`.

    Numbers that are those of their source stay the very same, however large.

    Parameters
    ----------
    values : ndarray of shape (n_new, ...)
        Numbers; whole ones where the dtype of X holds no others.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows in the container, as ``as_rows`` gives them.

    sources : ndarray of shape (n_new,), dtype=int
        Row of X that each new row was crafted from.

    Returns
    -------
    rows : {ndarray, sparse matrix, dataframe} of shape (n_new, ...)
        New rows with the dtypes, the columns and the index of ``take(X, sources)``.
    """
    rows = take(X, sources)
    changed = values != numeric_rows(rows, "rows_in_container")
    if is_frame(rows):
        return _fill_frame(rows, values, changed)
    if sparse.issparse(rows):
        dense = _filled(rows.toarray(), values, changed)
        return type(rows)(dense.astype(rows.dtype, copy=False))
    return _filled(rows, values, changed)


def limits_of_dtypes(X):
    """Bounds, and features of whole numbers, that the dtypes of X impose.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows that `numeric_rows` can read.

    Returns
    -------
    lower, upper : ndarray of the shape of a row
        Smallest and largest number; infinite for floats.

    integer : ndarray of the shape of a row, dtype=bool
        True where only whole numbers fit.
    """
    if is_frame(X) or X.dtype == object:
        n_columns = X.shape[1]
        limits = [_limits(one_column(X, j)) for j in range(n_columns)]
        lower, upper, integer = (np.array(part) for part in zip(*limits, strict=True))
        return lower, upper, integer
    return tuple(np.full(X.shape[1:], limit) for limit in _limits(X))


def _limits(values):
    """Smallest and largest number of a dtype, and whether they are whole."""
    dtype = _dtype(values)
    if dtype.kind == "O":
        whole = all(isinstance(v, (Integral, np.bool_)) for v in np.ravel(values))
        return -np.inf, np.inf, whole
    if dtype.kind == "b":
        return 0.0, 1.0, True
    if dtype.kind in "iu":
        return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max), True
    return -np.inf, np.inf, False


def _numbers_of_frame(X, owner):
    columns = [one_column(X, j) for j in range(X.shape[1])]
    if not is_pandas(X):
        columns = [pd.Series(column) for column in columns]
    odd = [
        str(name)
        for name, column in zip(X.columns, columns, strict=True)
        if not _holds_numbers(column)
    ]
    if odd:
        raise _not_numeric(owner, f"the columns {odd}")
    arrays = [column.to_numpy(np.float64, na_value=np.nan) for column in columns]
    return np.column_stack(arrays) if arrays else np.empty((len(X), 0))


def _holds_numbers(column):
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind == "O":
        return all(_is_number(value) for value in column)
    return is_bool_dtype(dtype) or (
        is_numeric_dtype(dtype) and not is_complex_dtype(dtype)
    )


def _numbers_of_objects(values, owner):
    if not all(_is_number(value) for value in values.ravel()):
        raise _not_numeric(owner, "an array of objects that are not all numbers")
    missing = pd.isna(values)
    return np.where(missing, np.nan, values).astype(np.float64)


def _is_number(value):
    if value is None or value is pd.NA:
        return True  # missing, which is told apart later
    return np.ndim(value) == 0 and isinstance(value, (int, float, np.number, np.bool_))


def _not_numeric(owner, what):
    return ValueError(
        f"{owner} moves the features of rows, so X must hold numbers only. Got {what}. "
        "Encode X before the attack, for example with OrdinalEncoder, OneHotEncoder or "
        "TfidfVectorizer, or use SubpopPoisoner, which works on rows of any kind."
    )


def _check_finite(values, owner):
    finite = np.isfinite(values)
    if finite.all():
        return
    kind = "NaN" if np.isnan(values).any() else "infinity"
    n_bad = np.count_nonzero(~finite.reshape(len(values), -1).all(axis=1))
    raise ValueError(
        f"{owner} moves the features of rows, so X must hold finite numbers. Input X "
        f"contains {kind}; {n_bad} of {len(values)} rows are not finite. Impute or "
        "drop them before the attack, or use SubpopPoisoner, which works on rows of "
        "any kind."
    )


def _fill_frame(rows, values, changed):
    rows = rows.copy() if is_pandas(rows) else rows.clone()
    for j in np.flatnonzero(changed.any(axis=0)):
        old = rows.iloc[:, j] if is_pandas(rows) else rows.to_series(j)
        new = _filled(_numpy_column(old), values[:, j], changed[:, j])
        if is_pandas(rows):
            rows.isetitem(j, pd.Series(new, index=rows.index).astype(old.dtype))
        else:
            rows.replace_column(j, type(old)(old.name, new).cast(old.dtype))
    return rows


def _numpy_column(column):
    return column.to_numpy() if is_polars(column) else column.to_numpy(_dtype(column))


def _dtype(column):
    """NumPy's dtype of the values of an array or series."""
    dtype = getattr(column.dtype, "numpy_dtype", column.dtype)  # of nullable columns
    return getattr(dtype, "subtype", dtype)  # of sparse columns


def _filled(old, values, changed):
    """Array with the numbers that changed, in its own dtype."""
    new = old.copy()
    if old.dtype == object:
        whole = np.array([isinstance(v, Integral) for v in old.flat], dtype=bool)
        whole = whole.reshape(old.shape)
        new[changed & ~whole] = values[changed & ~whole]
        new[changed & whole] = np.rint(values[changed & whole]).astype(np.int64)
        return new
    numbers = values if old.dtype.kind == "f" else np.rint(values)
    new[changed] = numbers[changed].astype(old.dtype)
    return new
