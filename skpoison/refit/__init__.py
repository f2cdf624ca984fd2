"""
The :mod:`skpoison.refit` module trains many poisoned models at once, exactly.

All poisoned data sets share the clean rows, so almost all of the work of training on
each is the same work. An engine does it once.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.refit import _engines as _engines
from skpoison.refit._ensemble import RefitEnsemble
from skpoison.refit._refit import refit_poisoned
from skpoison.refit._registry import register_engine

__all__ = ["RefitEnsemble", "refit_poisoned", "register_engine"]
