"""
The :mod:`skpoison.defenses` module cleans training data, and trains in spite of poison.

Sanitizers are samplers for :class:`imblearn.pipeline.Pipeline` that remove rows; robust
classifiers are meta-estimators.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.defenses._activation_clustering import ActivationClustering
from skpoison.defenses._confident_learning import ConfidentLearning
from skpoison.defenses._deep_knn import DeepKNN
from skpoison.defenses._fine_pruning import FinePruning
from skpoison.defenses._group_roni import GroupRoni
from skpoison.defenses._iterative_trimmed_loss import IterativeTrimmedLoss
from skpoison.defenses._knn_sanitizer import KNNSanitizer
from skpoison.defenses._label_flip_smoothing import LabelFlipSmoothing
from skpoison.defenses._loss_filter import LossFilter
from skpoison.defenses._multigroup_robust_classifier import (
    MultigroupRobustClassifier,
)
from skpoison.defenses._partition_aggregation import PartitionAggregation
from skpoison.defenses._roni import Roni
from skpoison.defenses._sever import Sever
from skpoison.defenses._slab_filter import SlabFilter
from skpoison.defenses._spectral_signatures import SpectralSignatures
from skpoison.defenses._sphere_filter import SphereFilter
from skpoison.defenses._trim import Trim
from skpoison.defenses._trusted_fine_tuning import TrustedFineTuning

__all__ = [
    "ActivationClustering",
    "ConfidentLearning",
    "DeepKNN",
    "FinePruning",
    "GroupRoni",
    "IterativeTrimmedLoss",
    "KNNSanitizer",
    "LabelFlipSmoothing",
    "LossFilter",
    "MultigroupRobustClassifier",
    "PartitionAggregation",
    "Roni",
    "Sever",
    "SlabFilter",
    "SpectralSignatures",
    "SphereFilter",
    "Trim",
    "TrustedFineTuning",
]
