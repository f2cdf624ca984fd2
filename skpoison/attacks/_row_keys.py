"""Keys of rows, by which equal rows are found."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
from scipy import sparse

from skpoison.utils._containers import is_frame, one_column


def row_keys(X):
    """One hashable key for each row; rows are equal where their keys are.

    Missing values are equal to each other, and 0.0 is equal to -0.0.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe, series of texts} of shape (n_samples, ...)
        Rows. Keys of arrays compare rows of one dtype only.

    Returns
    -------
    keys : list of length n_samples
        Keys.
    """
    if sparse.issparse(X):
        return _sparse_keys(X)
    if is_frame(X):
        columns = [_values(one_column(X, j)) for j in range(X.shape[1])]
        return list(zip(*columns, strict=True))
    if not isinstance(X, np.ndarray) or X.ndim == 1:
        return _values(X)
    X = X.reshape(len(X), int(np.prod(X.shape[1:])))
    if X.dtype.kind not in "biufc" or _has_padding(X.dtype):
        return [tuple(_values(row)) for row in X]
    return [row.tobytes() for row in _plain(X)]


def _values(values):
    """Values as a list, None for what is missing."""
    values = np.array([*values, None], dtype=object)[:-1]
    return np.where(pd.isna(values), None, values).tolist()


def _plain(numbers):
    """Copy numbers, with one kind of zero and one kind of NaN."""
    numbers = np.array(numbers, order="C")
    numbers[numbers == 0] = 0
    numbers[numbers != numbers] = np.nan if numbers.dtype.kind in "fc" else 0
    return numbers


def _sparse_keys(X):
    X = X.tocsr(copy=True)
    X.sum_duplicates()
    X.eliminate_zeros()
    data, indices = _plain(X.data), X.indices.astype(np.int64)
    ends = zip(X.indptr[:-1], X.indptr[1:], strict=True)
    if _has_padding(X.dtype):
        return [(indices[a:b].tobytes(), tuple(data[a:b].tolist())) for a, b in ends]
    return [(indices[a:b].tobytes(), data[a:b].tobytes()) for a, b in ends]


def _has_padding(dtype):
    """Whether equal numbers may differ in bytes, as extended precision leaves some."""
    return dtype.itemsize > {"f": 8, "c": 16}.get(dtype.kind, 8)
