"""Models that may be trained on."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import copy

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline


def thawed(model):
    """Give a fitted model that may be trained on.

    Parameters
    ----------
    model : estimator
        A fitted one. Frozen ones, also at the end of pipelines, are copied.

    Returns
    -------
    model : estimator
        The model, without the ice.
    """
    if isinstance(model, FrozenEstimator):
        return thawed(copy.deepcopy(model.estimator))
    if isinstance(model, Pipeline):
        name, last = model.steps[-1]
        model.steps[-1] = (name, thawed(last))
    return model
