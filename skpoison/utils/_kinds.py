"""Which kind of container rows come in."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys

import numpy as np
import pandas as pd


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
    """Whether X is a one-dimensional collection of raw documents, some missing."""
    if is_frame(X):
        return False
    if isinstance(X, np.ndarray) and X.ndim != 1:
        return False
    if not (isinstance(X, (list, np.ndarray)) or is_pandas(X) or is_polars(X)):
        return False
    return isinstance(next((x for x in X if not _is_missing(x)), None), str)


def _is_missing(x):
    return not isinstance(x, str) and np.ndim(x) == 0 and bool(pd.isna(x))
