"""Every name that scikit-learn keeps private and this library uses."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from sklearn.base import _fit_context
from sklearn.metrics._pairwise_distances_reduction import (
    ArgKmin,
    ArgKminClassMode,
    sqeuclidean_row_norms,
)
from sklearn.metrics._scorer import _BaseScorer
from sklearn.neighbors._kd_tree import NeighborsHeap64
from sklearn.utils import _safe_indexing
from sklearn.utils._indexing import _get_column_indices
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils.validation import _check_feature_names_in, _num_samples


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
