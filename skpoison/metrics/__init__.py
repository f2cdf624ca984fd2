"""
The :mod:`skpoison.metrics` module measures what poison does to a model.

Damage is the accuracy that a poisoned model loses against its clean twin, the
same estimator fitted on the same rows without the poison. Positive is damage.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.metrics._damage import collateral_damage, target_damage, target_error
from skpoison.metrics._damage_table import damage_table
from skpoison.metrics._scorers import (
    collateral_damage_scorer,
    target_damage_scorer,
    target_error_scorer,
)

__all__ = [
    "collateral_damage",
    "collateral_damage_scorer",
    "damage_table",
    "target_damage",
    "target_damage_scorer",
    "target_error",
    "target_error_scorer",
]
