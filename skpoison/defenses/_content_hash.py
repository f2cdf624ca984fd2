"""Hashes of rows by their content, alike in every container and every process."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from datetime import datetime, timedelta
from hashlib import blake2b
from numbers import Real

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import gen_batches

from skpoison.utils._containers import is_frame, one_column

# Numbers that are mixed at a time.
LARGEST_BATCH = 2**20
# The column of the labels, which no column of X has.
LABELS = -1
MISSING = np.uint64(0x7FF8000000000000)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def hash_rows(X, y=None):
    """One 64-bit number for each row, which depends on the values in it alone.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe, series of texts} of shape (n_samples, ...)
        Rows.

    y : ndarray of shape (n_samples,), default=None
        Labels that are hashed with them.

    Returns
    -------
    hashes : ndarray of shape (n_samples,), dtype=uint64
        Equal for equal rows.

    Notes
    -----
    The hash is a sum over columns, modulo 2**64, to which zeros add nothing; this is
    why a sparse matrix has the hashes of its dense copy. Columns count by position.
    Numbers are hashed as float64, whatever their type, so that 1, 1.0 and True are one
    value, and so are integers that float64 does not tell apart; 0.0 is -0.0. What is
    missing (NaN, None, NA, NaT) is one value, and texts count by their characters. A
    float32 array is hashed as its float64 copy is; but 0.1 rounded to float32 is
    another number than 0.1.
    """
    with np.errstate(over="ignore"):
        hashes = _of_rows(X)
        if y is not None:
            hashes += _of_column(y, LABELS)
        return mix(hashes)


def mix(numbers):
    """Scramble 64-bit numbers one to one, by the finalizer of SplitMix64.

    Parameters
    ----------
    numbers : ndarray of dtype uint64
        Numbers.

    Returns
    -------
    mixed : ndarray of dtype uint64
        As many, which look independent.
    """
    numbers = np.asarray(numbers, dtype=np.uint64)
    with np.errstate(over="ignore"):
        numbers = numbers + GOLDEN
        numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return numbers ^ (numbers >> np.uint64(31))


def _of_rows(X):
    if sparse.issparse(X):
        return _of_sparse(X)
    if is_frame(X):
        columns = (_of_column(one_column(X, j), j) for j in range(X.shape[1]))
        return sum(columns, np.zeros(len(X), dtype=np.uint64))
    if not isinstance(X, np.ndarray) or X.ndim == 1:
        return _of_column(X, 0)
    X = X.reshape(len(X), -1)
    if X.dtype.kind not in "biuf":
        columns = (_of_column(X[:, j], j) for j in range(X.shape[1]))
        return sum(columns, np.zeros(len(X), dtype=np.uint64))
    hashes, columns = np.empty(len(X), dtype=np.uint64), np.arange(X.shape[1])
    for rows in gen_batches(len(X), max(1, LARGEST_BATCH // max(1, X.shape[1]))):
        cells = _of_cells(_of_numbers(X[rows]), columns)
        hashes[rows] = cells.sum(axis=1, dtype=np.uint64)
    return hashes


def _of_sparse(X):
    X = X.tocsr(copy=True)
    X.sum_duplicates()
    cells = _of_cells(_of_numbers(X.data), X.indices.astype(np.int64))
    sums = np.concatenate([[np.uint64(0)], np.cumsum(cells, dtype=np.uint64)])
    return sums[X.indptr[1:]] - sums[X.indptr[:-1]]


def _of_column(values, column):
    return _of_cells(_of_values(values), column)


def _of_cells(values, columns):
    """Hash values together with their columns; zeros are nothing everywhere."""
    salts = mix(np.asarray(columns, dtype=np.int64).astype(np.uint64))
    return np.where(values == 0, np.uint64(0), mix(values ^ salts))


def _of_numbers(values):
    numbers = np.array(values, dtype=np.float64, order="C")
    missing = np.isnan(numbers)
    numbers[numbers == 0] = 0  # and not -0.0
    bits = numbers.view(np.uint64)
    bits[missing] = MISSING
    return bits


def _of_values(values):
    """Numbers that stand for the values of one column."""
    # Texts stay objects: those that are no UTF-8 are no others.
    is_text = isinstance(values, np.ndarray) and values.dtype.kind in "OU"
    series = pd.Series(values, dtype=object if is_text else None)
    if series.dtype.kind in "biuf":
        return _of_numbers(series.to_numpy(dtype=np.float64, na_value=np.nan))
    cells = series.astype(object)
    try:
        codes, uniques = pd.factorize(cells)
    except TypeError:
        codes, uniques = pd.factorize(cells.map(_hashable))
    hashes = np.array([_of_one(value) for value in uniques] + [MISSING], np.uint64)
    return hashes[codes]


def _hashable(value):
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def _of_one(value):
    if isinstance(value, (Real, np.bool_)):
        return _of_numbers([float(value)])[0]
    data = _as_text(value).encode("utf-8", "surrogatepass")
    return np.uint64(int.from_bytes(blake2b(data, digest_size=8).digest(), "little"))


def _as_text(value):
    # Dates in one resolution and zone, whatever the type of their column.
    if isinstance(value, (datetime, np.datetime64)):
        value = pd.Timestamp(value).to_datetime64().astype("datetime64[us]")
    elif isinstance(value, (timedelta, np.timedelta64)):
        value = pd.Timedelta(value).to_timedelta64().astype("timedelta64[us]")
    return str(value)
