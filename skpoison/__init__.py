"""
The :mod:`skpoison` package audits training data for subpopulation poisoning.

It tells which subpopulations of your training data can be poisoned, and at what
price, with scikit-learn habits alone.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.attacks import PoisonedClassifier, SubpopPoisoner
from skpoison.audit import DefenseAudit, SubpopulationAudit
from skpoison.finders import ClusterMatch, FeatureMatch

__version__ = "0.1.0.dev0"

__all__ = [
    "ClusterMatch",
    "DefenseAudit",
    "FeatureMatch",
    "PoisonedClassifier",
    "SubpopPoisoner",
    "SubpopulationAudit",
    "__version__",
]
