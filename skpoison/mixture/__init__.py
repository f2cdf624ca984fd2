"""
The :mod:`skpoison.mixture` module holds learners that decide locally, and what the
impossibility result says of them and of all others.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

__all__ = []
