"""Activations of dense layers."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.special import expit

# Value, first and second derivative of each activation, as functions of its input.
ACTIVATIONS = {
    "identity": (lambda Z: Z, np.ones_like, np.zeros_like),
    "relu": (
        lambda Z: np.maximum(Z, 0),
        lambda Z: (Z > 0).astype(Z.dtype),
        np.zeros_like,
    ),
    "tanh": (
        np.tanh,
        lambda Z: 1 - np.tanh(Z) ** 2,
        lambda Z: -2 * np.tanh(Z) * (1 - np.tanh(Z) ** 2),
    ),
    "logistic": (
        expit,
        lambda Z: expit(Z) * expit(-Z),
        lambda Z: expit(Z) * expit(-Z) * (expit(-Z) - expit(Z)),
    ),
}
