"""
The :mod:`skpoison.mixture` module makes the impossibility result computable.

It has a learner that decides locally, and functions that tell how local any learner is
and where no defense can help.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

__all__ = []
