"""Which subpopulations of your training data can be poisoned, and at what price."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

__version__ = "0.1.0.dev0"
