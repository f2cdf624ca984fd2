"""
The :mod:`skpoison.mixture` module makes the impossibility result computable.

It has a learner that decides locally, and functions that tell how local any learner is
and where no defense can help.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.mixture import _refit_mixture as _refit_mixture
from skpoison.mixture._critical_alpha import critical_alpha
from skpoison.mixture._impossibility_bound import (
    ImpossibilityBound,
    impossibility_bound,
)
from skpoison.mixture._locality import locality
from skpoison.mixture._subpopulation_mixture_classifier import (
    SubpopulationMixtureClassifier,
)

__all__ = [
    "ImpossibilityBound",
    "SubpopulationMixtureClassifier",
    "critical_alpha",
    "impossibility_bound",
    "locality",
]
