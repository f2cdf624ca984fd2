"""The :mod:`skpoison.base` module holds the bases of attacks and of defenses."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison._base_poisoner import BaseSubpopPoisoner
from skpoison._base_sanitizer import BaseSanitizer

__all__ = ["BaseSanitizer", "BaseSubpopPoisoner"]
