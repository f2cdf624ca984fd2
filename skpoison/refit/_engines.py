"""Every engine of the library, imported so that it registers itself."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.refit import (
    _discriminant,
    _gaussian_nb,
    _influence,
    _linear_svc,
    _logistic,
    _mlp,
    _nearest_centroid,
    _neighbors,
    _pipeline,
    _ridge,
    _scaled_pipeline,
    _skorch,
)

__all__ = [
    "_discriminant",
    "_gaussian_nb",
    "_influence",
    "_linear_svc",
    "_logistic",
    "_mlp",
    "_nearest_centroid",
    "_neighbors",
    "_pipeline",
    "_ridge",
    "_scaled_pipeline",
    "_skorch",
]
