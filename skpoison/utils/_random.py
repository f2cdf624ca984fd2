"""Seeds for the parts of a seeded whole."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.base import clone

LARGEST_SEED = np.iinfo(np.int32).max


def draw_seed(random_state):
    """Draw an integer seed from a RandomState instance."""
    return random_state.randint(LARGEST_SEED)


def seeded_clone(estimator, random_state):
    """Clone an estimator and seed every `random_state` that it leaves open."""
    estimator = clone(estimator)
    params = estimator.get_params(deep=True)
    unset = [
        name
        for name in sorted(params)
        if name.split("__")[-1] == "random_state" and params[name] is None
    ]
    if unset:
        estimator.set_params(**{name: draw_seed(random_state) for name in unset})
    return estimator
