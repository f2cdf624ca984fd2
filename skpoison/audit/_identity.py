"""What makes two audits the same, as short texts that can be compared and told."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
from importlib import import_module
from numbers import Number

import joblib
import numpy as np
import pandas as pd
from scipy import sparse

from skpoison.utils._containers import is_pandas, is_polars

PLAIN = (str, bytes, Number, np.generic, type(None))


def describe(obj):
    """Text that two objects share if they would act alike."""
    if isinstance(obj, PLAIN):
        return repr(obj.item() if isinstance(obj, np.generic) else obj)
    if isinstance(obj, (list, tuple)):
        return "[" + ", ".join(map(describe, obj)) + "]"
    if isinstance(obj, dict):
        return "{" + ", ".join(f"{k}: {describe(v)}" for k, v in obj.items()) + "}"
    if hasattr(obj, "get_params") and not isinstance(obj, type):
        parameters = sorted(obj.get_params(deep=False).items())
        told = ", ".join(f"{name}={describe(value)}" for name, value in parameters)
        return f"{type(obj).__name__}({told}){_learned(obj)}"
    if isinstance(obj, (type, np.ufunc)) or callable(obj):
        return getattr(obj, "__qualname__", type(obj).__qualname__)
    return digest(obj)


def _learned(estimator):
    """Tell of what a frozen estimator has learned, which no parameter tells."""
    learned = {
        name: value
        for name, value in sorted(vars(estimator).items())
        if name.endswith("_") and not name.startswith("_")
    }
    return f"@{joblib.hash(learned)[:12]}" if learned else ""


def digest(*data):
    """Hash of rows and labels of any container, the same in every process."""
    total = hashlib.sha256()
    for part in data:
        _update(total, part)
    return total.hexdigest()[:32]


def _update(total, part):
    if is_pandas(part):
        frame = part.to_frame() if part.ndim == 1 else part
        total.update(repr(list(map(str, frame.columns))).encode())
        values = pd.util.hash_pandas_object(frame, index=False, categorize=False)
        total.update(values.to_numpy().tobytes())
    elif is_polars(part):
        _update(total, np.asarray(part.hash_rows() if part.width else []))
    elif sparse.issparse(part):
        matrix = part.tocsr()
        total.update(repr(matrix.shape).encode())
        for array in (matrix.data, matrix.indices, matrix.indptr):
            _update(total, array)
    else:
        array = np.asarray(part)
        total.update(f"{array.shape} {array.dtype}".encode())
        if array.dtype.kind == "O":
            total.update(joblib.hash(array).encode())
        else:
            total.update(np.ascontiguousarray(array).tobytes())


def version_of(package):
    """Version of an imported package."""
    return import_module(package).__version__
