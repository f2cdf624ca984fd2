"""
The :mod:`skpoison.attacks` module poisons one subpopulation of training data.

Attacks are samplers for :class:`imblearn.pipeline.Pipeline`; they act in `fit`
only.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.attacks._backdoor_poisoner import BackdoorPoisoner
from skpoison.attacks._defense_aware_poisoner import DefenseAwarePoisoner
from skpoison.attacks._feature_constraints import FeatureConstraints
from skpoison.attacks._feature_trigger import FeatureTrigger
from skpoison.attacks._gradient_poisoner import GradientPoisoner
from skpoison.attacks._impossibility_poisoner import ImpossibilityPoisoner
from skpoison.attacks._influence_poisoner import InfluencePoisoner
from skpoison.attacks._kkt_poisoner import KKTPoisoner
from skpoison.attacks._model_lower_bound import model_lower_bound
from skpoison.attacks._model_targeted_poisoner import ModelTargetedPoisoner
from skpoison.attacks._one_hot_groups import OneHotGroup
from skpoison.attacks._poisoned_classifier import PoisonedClassifier
from skpoison.attacks._reachability_bound import reachability_bound
from skpoison.attacks._subpop_poisoner import SubpopPoisoner
from skpoison.attacks._targets import SpecificRows, everything
from skpoison.attacks._witches_brew_poisoner import WitchesBrewPoisoner

__all__ = [
    "BackdoorPoisoner",
    "DefenseAwarePoisoner",
    "FeatureConstraints",
    "FeatureTrigger",
    "GradientPoisoner",
    "ImpossibilityPoisoner",
    "InfluencePoisoner",
    "KKTPoisoner",
    "ModelTargetedPoisoner",
    "OneHotGroup",
    "PoisonedClassifier",
    "SpecificRows",
    "SubpopPoisoner",
    "WitchesBrewPoisoner",
    "everything",
    "model_lower_bound",
    "reachability_bound",
]
