"""Types of `skpoison.estimator_checks`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.base import BaseSanitizer, BaseSubpopPoisoner

__all__ = [
    "check_poisoner",
    "check_sanitizer",
]

def check_poisoner(poisoner: BaseSubpopPoisoner) -> None: ...
def check_sanitizer(sanitizer: BaseSanitizer) -> None: ...
