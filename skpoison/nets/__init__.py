"""The :mod:`skpoison.nets` module is the home of what is written for torch.

It imports torch only when one of its modules is imported.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

__all__ = []
