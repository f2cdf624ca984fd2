"""Types of `skpoison`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.attacks import PoisonedClassifier, SubpopPoisoner
from skpoison.audit import DefenseAudit, SubpopulationAudit
from skpoison.finders import ClusterMatch, FeatureMatch

__all__ = [
    "ClusterMatch",
    "DefenseAudit",
    "FeatureMatch",
    "PoisonedClassifier",
    "SubpopPoisoner",
    "SubpopulationAudit",
    "__version__",
]

__version__: str
