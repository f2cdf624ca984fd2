"""What makes two audits the same, as short texts that can be compared and told."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import functools
import hashlib
from importlib import import_module
from numbers import Number
from types import CodeType, FunctionType, MethodType

import joblib
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.frozen import FrozenEstimator
from sklearn.utils import gen_batches

from skpoison.utils._containers import is_pandas, is_polars

# Bytes of rows that are copied at a time.
HASHED_BYTES = 2**24
PLAIN = (str, bytes, Number, type(None), type(Ellipsis))


def describe(obj):
    """Text that two objects share if they would act alike, in any process."""
    if isinstance(obj, np.generic):
        return repr(obj.item())
    if isinstance(obj, PLAIN):
        return repr(obj)
    if isinstance(obj, (list, tuple)):
        return f"[{', '.join(map(describe, obj))}]"
    if isinstance(obj, (set, frozenset)):
        return f"{{{', '.join(sorted(map(describe, obj)))}}}"
    if isinstance(obj, dict):
        return f"{{{', '.join(f'{k}: {describe(v)}' for k, v in obj.items())}}}"
    if isinstance(obj, type):
        return f"{obj.__module__}.{obj.__qualname__}"
    if hasattr(obj, "get_params"):
        return _describe_estimator(obj)
    if callable(obj):
        return _describe_callable(obj)
    if is_pandas(obj) or is_polars(obj) or isinstance(obj, np.ndarray):
        return digest(obj)
    return _hash(obj)


def _describe_estimator(estimator):
    params = sorted(estimator.get_params(deep=False).items())
    told = ", ".join(f"{name}={describe(value)}" for name, value in params)
    if isinstance(estimator, FrozenEstimator):
        # It is used as it is, so what it has learned counts, which no parameter tells.
        inner = estimator.estimator
        names = set(inner.get_params(deep=False))
        learned = {k: v for k, v in sorted(vars(inner).items()) if k not in names}
        told += f"@{_hash(learned)}"
    return f"{type(estimator).__name__}({told})"


def _describe_callable(obj):
    if isinstance(obj, functools.partial):
        return f"partial({describe([obj.func, obj.args, obj.keywords])})"
    if isinstance(obj, MethodType):
        return f"{describe(obj.__self__)}.{obj.__name__}"
    if isinstance(obj, FunctionType):
        held = [cell.cell_contents for cell in obj.__closure__ or ()]
        parts = describe([obj.__defaults__, obj.__kwdefaults__, held])
        return f"{obj.__qualname__}#{_code(obj.__code__, parts)}"
    if hasattr(obj, "__qualname__") or isinstance(obj, np.ufunc):
        return getattr(obj, "__qualname__", obj.__name__)
    return f"{type(obj).__qualname__}({describe(vars(obj))})"


def _code(code, parts=""):
    """Hash of what a function does, whatever file it is in."""
    constants = [c for c in code.co_consts if not isinstance(c, CodeType)]
    within = [_code(c) for c in code.co_consts if isinstance(c, CodeType)]
    told = f"{code.co_names} {describe(constants)} {within} {parts}"
    return hashlib.sha256(code.co_code + told.encode()).hexdigest()[:12]


def _hash(obj):
    try:
        return joblib.hash(obj)[:12]
    except (MemoryError, OSError):
        raise
    except Exception as error:
        raise ValueError(
            "checkpoint= of SubpopulationAudit must tell this audit from others, and "
            f"cannot tell a {type(obj).__qualname__} from others, as it cannot be "
            "pickled. Leave checkpoint= out, or what holds it."
        ) from error


def digest(*data):
    """Hash of rows and labels of any container, the same in every process."""
    total = hashlib.sha256()
    for part in data:
        _update(total, part)
    return total.hexdigest()[:32]


def _update(total, part):
    if is_pandas(part) or is_polars(part):
        frame = part if hasattr(part, "columns") else part.to_frame()
        columns = [str(column) for column in frame.columns]
        total.update(repr((columns, [str(dtype) for dtype in frame.dtypes])).encode())
        if is_pandas(part):
            rows = pd.util.hash_pandas_object(frame, index=False, categorize=False)
        else:
            rows = frame.hash_rows() if frame.width else []
        _update(total, np.asarray(rows))
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
            _update_in_batches(total, np.atleast_1d(array))


def _update_in_batches(total, array):
    """Add the bytes of an array, without a copy of the whole."""
    rows = max(1, HASHED_BYTES * len(array) // max(1, array.nbytes))
    for batch in gen_batches(len(array), rows):
        total.update(np.ascontiguousarray(array[batch]).tobytes())


def version_of(package):
    """Version of an imported package."""
    return import_module(package).__version__
