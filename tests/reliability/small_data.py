"""Rows and labels, few enough for thousands of cases."""

import malformed
import numpy as np

N = 48
# So many rounds are no mistake, but take their time.
ENDLESS = ["int 2**31", "int 10**18", "int 10**400"]
# Parallel tasks take seconds to start, and are tested elsewhere.
PARALLEL = ["int 2", "int -1", "int -1000000", "int64 np.int64(2)"]
rng = np.random.RandomState(0)
LABELS = (np.arange(N) * 7 % 5 > 2).astype(int)
# Sixteenths, which are exact in single precision.
DATA = np.round(rng.randn(N, 3) * 16) / 16
DATA[:, 0] += 2 * LABELS


def data():
    """Rows of shape (48, 3)."""
    return DATA.copy()


def classes():
    """Their labels, 0 and 1."""
    return LABELS.copy()


def n_rows(X):
    """Count the rows of anything."""
    if isinstance(X, malformed.Matrix):
        return len(X.values)
    if "dask" in type(X).__module__:
        return len(X)
    return X.shape[0] if hasattr(X, "shape") else sum(1 for _ in X)
