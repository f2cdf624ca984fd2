"""What a model-targeted attack knows: two classes, a surrogate and constraints."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np

from skpoison.attacks._feature_constraints import FeatureConstraints
from skpoison.attacks._labels import choose_labels
from skpoison.attacks._linear_problem import fit_problem
from skpoison.attacks._model_bounds import TargetBound
from skpoison.attacks._numeric_rows import numeric_rows
from skpoison.attacks._target_models import Candidates, flipped_models
