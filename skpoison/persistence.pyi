"""Types of `skpoison.persistence`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

__all__ = ["trusted_types"]

def trusted_types() -> list[str]: ...
