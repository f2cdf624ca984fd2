"""Small well-formed data, and what is asked of results."""

from array import array
from collections import deque
from functools import cache

import malformed
import numpy as np
import pandas as pd
from outcomes import plain
from sklearn.base import clone

N = 36
rng = np.random.RandomState(0)
# Sixteenths, which are exact in single precision; the first column has few values.
DATA = np.round(rng.randn(N, 3) * 16) / 16
DATA[:, 0] = np.arange(N) % 3
LABELS = (np.arange(N) * 7 % 5 > 2).astype(int)


def data():
    return DATA.copy()


def classes():
    return LABELS.copy()


def n_rows(X):
    if isinstance(X, malformed.Matrix):
        return len(X.values)
    if "dask" in type(X).__module__:
        return len(X)
    return X.shape[0] if hasattr(X, "shape") else sum(1 for _ in X)


def cells(values):
    """Rows as an array that can be indexed."""
    values = values.values if isinstance(values, malformed.Matrix) else values
    if isinstance(values, pd.DataFrame):
        # A column at a time, so that frames of several dtypes do not change numbers.
        columns = [plain(values.iloc[:, j]) for j in range(values.shape[1])]
        return np.column_stack(columns)
    values = list(values) if isinstance(values, (deque, tuple, array)) else values
    return plain(values)


@cache
def fitted(unfitted):
    """Fit an estimator once, when it is first asked for."""
    return clone(unfitted).fit(data(), classes())
