"""
The :mod:`skpoison.audit` module tells which subpopulations can be poisoned.

It attacks every subpopulation with every budget and reports what that does.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.audit._accuracy_bracket import accuracy_bracket
from skpoison.audit._bracket_display import BracketDisplay
from skpoison.audit._compare_attacks import compare_attacks
from skpoison.audit._damage_display import DamageDisplay
from skpoison.audit._defense_audit import DefenseAudit
from skpoison.audit._defense_display import DefenseDisplay
from skpoison.audit._removal_display import RemovalDisplay
from skpoison.audit._subpopulation_audit import SubpopulationAudit
from skpoison.audit._transfer_matrix import transfer_matrix
from skpoison.audit._vulnerability_display import VulnerabilityDisplay

__all__ = [
    "BracketDisplay",
    "DamageDisplay",
    "DefenseAudit",
    "DefenseDisplay",
    "RemovalDisplay",
    "SubpopulationAudit",
    "VulnerabilityDisplay",
    "accuracy_bracket",
    "compare_attacks",
    "transfer_matrix",
]
