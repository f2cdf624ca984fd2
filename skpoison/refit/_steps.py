"""What the steps of a pipeline do with the rows that they are given."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags


def learns_nothing(step):
    """Whether a step treats each row alike, whatever the others are."""
    if step is None or isinstance(step, str):
        return True
    inner = step.estimator if isinstance(step, FrozenEstimator) else step
    if isinstance(inner, FunctionTransformer):
        # Other functions may look at all rows at once.
        is_known = inner.func is None or isinstance(inner.func, np.ufunc)
        return is_known and not inner.kw_args
    if inner is not step:
        return True
    is_known = type(step).__module__.startswith("sklearn.")
    return is_known and hasattr(step, "transform") and not get_tags(step).requires_fit


def works_in_place(estimator):
    """Whether an estimator, or one inside it, may write into the rows it is given."""
    if not hasattr(estimator, "get_params"):
        return False
    params = estimator.get_params(deep=True)
    if any(n.split("__")[-1].startswith("copy") and params[n] is False for n in params):
        return True
    frozen = [v for v in params.values() if isinstance(v, FrozenEstimator)]
    return any(works_in_place(v.estimator) for v in frozen)
