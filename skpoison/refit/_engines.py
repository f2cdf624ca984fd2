"""Every engine of the library, imported so that it registers itself."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.refit import _mlp, _neighbors, _pipeline

__all__ = ["_mlp", "_neighbors", "_pipeline"]
