"""
The :mod:`skpoison.defenses` module cleans training data, and trains in spite of poison.

Sanitizers are samplers for :class:`imblearn.pipeline.Pipeline` that remove rows; robust
classifiers are meta-estimators.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.defenses._trim import Trim

__all__ = ["Trim"]
