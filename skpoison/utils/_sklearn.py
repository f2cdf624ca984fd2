"""Every name that scikit-learn keeps private and this library uses."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from numbers import Integral

import numpy as np
from sklearn.base import _fit_context
from sklearn.metrics._pairwise_distances_reduction import (
    ArgKmin,
    ArgKminClassMode,
    sqeuclidean_row_norms,
)
from sklearn.metrics._scorer import _BaseScorer
from sklearn.neighbors._kd_tree import NeighborsHeap64
from sklearn.utils import _safe_indexing
from sklearn.utils._indexing import _get_column_indices as _numbers_of_columns
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from sklearn.utils._param_validation import HasMethods as _HasMethods
from sklearn.utils._param_validation import Interval as _Interval
from sklearn.utils._param_validation import (
    Options,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils.validation import _check_feature_names_in, _num_samples


def _get_column_indices(X, key):
    """Give the numbers of columns, or an error that names the columns that X lacks."""
    try:
        return _numbers_of_columns(X, key)
    except (KeyError, ValueError) as error:
        # scikit-learn < 1.9 says that one is missing, and leaves to guess which.
        missing = _missing_columns(X, key)
        if not missing:
            raise
        raise ValueError(
            f"Some column names are not columns of the dataframe: {missing}"
        ) from error


def _missing_columns(X, key):
    """Give the names in a key that are no columns of a frame."""
    names = (key.start, key.stop) if isinstance(key, slice) else key
    texts = {n for n in np.ravel(np.asarray(names, object)) if isinstance(n, str)}
    return texts - {*getattr(X, "columns", texts)}


class HasMethods(_HasMethods):
    """Objects that have some methods, and no classes of such objects."""

    def is_satisfied_by(self, val):
        """Whether an object has the methods."""
        return not isinstance(val, type) and super().is_satisfied_by(val)


class Interval(_Interval):
    """Numbers of an interval, of the kinds and sizes that NumPy knows."""

    def __contains__(self, val):
        """Whether a number is in it; fractions, say, are not."""
        try:
            return super().__contains__(val) and (self.type is Integral or _fits(val))
        except TypeError:
            return False


def _fits(val):
    return not isinstance(val, Integral) or abs(val) <= sys.float_info.max


# joblib knows no 0, and counts no further than the C int of the machine.
N_JOBS = [
    Interval(Integral, None, -1, closed="right"),
    Interval(Integral, 1, 10**5, closed="both"),
    None,
]


def validate_params_of(estimator):
    """Raise what `fit` of an estimator, or of the steps of a pipeline, would raise."""
    if hasattr(estimator, "_parameter_constraints"):
        estimator._validate_params()
    for _, step in getattr(estimator, "steps", []):
        validate_params_of(step)


try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:
        """Stands in for scikit-learn's, which has the callbacks."""

    def with_callbacks(method):
        """Leave a method as it is."""
        return method


__all__ = [
    "N_JOBS",
    "ArgKmin",
    "ArgKminClassMode",
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "NeighborsHeap64",
    "Options",
    "RealNotInt",
    "StrOptions",
    "_BaseScorer",
    "_check_feature_names_in",
    "_fit_context",
    "_get_column_indices",
    "_num_samples",
    "_openmp_effective_n_threads",
    "_safe_indexing",
    "sqeuclidean_row_norms",
    "validate_parameter_constraints",
    "validate_params",
    "validate_params_of",
    "with_callbacks",
]
