"""
The :mod:`skpoison.attacks` module poisons one subpopulation of training data.

Attacks are samplers for :class:`imblearn.pipeline.Pipeline`; they act in `fit`
only.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.attacks._poisoned_classifier import PoisonedClassifier
from skpoison.attacks._subpop_poisoner import SubpopPoisoner

__all__ = ["PoisonedClassifier", "SubpopPoisoner"]
