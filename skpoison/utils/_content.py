"""Rows that would be misread, or break what reads them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys

import numpy as np
import pandas as pd
from scipy import sparse

from skpoison.utils._kinds import is_frame, is_pandas, is_polars


def check_content(X, owner):
    """Raise for rows that would be misread, or break what reads them.

    These are masked arrays, sparse matrices with indices of other shapes, frames
    with columns of one name, structured arrays, and several values in a cell.
    """
    if isinstance(X, np.ma.MaskedArray):
        raise ValueError(
            f"{owner} does not take masked arrays, whose mask would be lost. Pass "
            "X.filled(np.nan), or drop the masked rows."
        )
    check_indices(X, owner)
    if isinstance(X, np.ndarray) and X.dtype.kind == "V":
        raise ValueError(
            f"{owner} needs one value in each cell. Got a structured array of dtype "
            f"{X.dtype}. Pass structured_to_unstructured(X) of numpy.lib.recfunctions, "
            "or a frame."
        )
    if is_frame(X):
        _check_names(X, owner)
    for place, cells in _cells_of_objects(X):
        _check_cells(cells, place, owner)


def _check_names(X, owner):
    if is_pandas(X) and not X.columns.is_unique:
        odd = X.columns[X.columns.duplicated()].unique().tolist()
        raise ValueError(
            f"{owner} needs columns with different names. Got more than one "
            f"{odd[0]!r}. Rename them, or pass X.to_numpy()."
        )


def _cells_of_objects(X):
    """Give the cells that can hold anything, column by column, and where they are."""
    if is_pandas(X):
        columns = X.items() if is_frame(X) else [(X.name, X)]
        return [
            (f"column {n!r}", c.to_numpy()) for n, c in columns if c.dtype == object
        ]
    if is_polars(X):
        columns = X.get_columns() if is_frame(X) else [X]
        anything = sys.modules["polars"].Object
        odd = (c for c in columns if c.dtype.is_nested() or c.dtype == anything)
        return [(f"column {c.name!r}", _as_objects(c.to_list())) for c in odd]
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim > 1:
        return [("X", X.ravel())]
    return []


def _as_objects(values):
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _check_cells(cells, place, owner):
    kind = pd.api.types.infer_dtype(cells, skipna=True)  # in C
    if kind.startswith("mixed"):
        several = [cell for cell in cells if _is_several(cell)]
        if several:
            raise TypeError(
                f"{owner} needs one value in each cell, whose argument must be a "
                f"string or a number. Got a "
                f"{type(several[0]).__name__} in {len(several)} cells of {place}. Make "
                "columns of what is in them, or leave them out."
            )
    if kind == "integer" or kind.startswith("mixed-integer"):
        huge = [x for x in cells if isinstance(x, int) and abs(x) > sys.float_info.max]
        if huge:
            raise ValueError(
                f"{owner} needs numbers that floats can hold. Got whole numbers of "
                f"more than 300 digits in {len(huge)} cells of {place}. Pass them as "
                "texts."
            )


def _is_several(cell):
    if isinstance(cell, (str, bytes)):
        return False
    return hasattr(cell, "__len__") or np.ndim(cell) > 0


def check_indices(X, owner):
    """Raise where a sparse matrix points to cells that it does not have.

    SciPy trusts indices, and reads and writes wherever they point to. What is not
    sparse passes.
    """
    if not sparse.issparse(X):
        return
    if X.ndim != 2:
        raise ValueError(
            f"{owner} expected a 2D array or matrix. Got a {X.ndim}D sparse array of "
            f"shape {X.shape} instead. Use X.reshape((-1, 1)) if it has a single "
            "feature."
        )
    if not _points_inside(X):
        raise ValueError(
            f"{owner} needs sparse matrices whose indices fit their shape. Got a "
            f"{X.format.upper()} matrix of shape {X.shape} with indices that point "
            "outside, or too few of them. Make it anew; its check_format() tells more."
        )


def _points_inside(X):
    if X.format == "coo":
        data_size, coords = X.data.size, (X.row, X.col)
        sizes = zip(coords, X.shape, strict=True)
        return all(len(at) == data_size and _within(at, n) for at, n in sizes)
    if X.format not in ("csr", "csc", "bsr"):
        return _points_inside(X.tocsr())
    shape = np.array(X.shape) // (X.blocksize if X.format == "bsr" else 1)
    n, n_inner = shape[::-1] if X.format == "csc" else shape
    ends, indices = X.indptr, X.indices
    return (
        ends.shape == (n + 1,)
        and ends[0] == 0
        and bool((ends[1:] >= ends[:-1]).all())
        and ends[-1] <= min(len(indices), len(X.data))
        and _within(indices[: ends[-1]], n_inner)
    )


def _within(at, n):
    return len(at) == 0 or (at.min() >= 0 and at.max() < n)
