"""
The :mod:`skpoison.influence` module asks what each row does to a subpopulation.

It holds the losses of models, their gradients in parameters and in rows, and their
curvature.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.influence._subpopulation_influence import SubpopulationInfluence

__all__ = ["SubpopulationInfluence"]
