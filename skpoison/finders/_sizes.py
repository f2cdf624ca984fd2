"""Limits on the sizes of subpopulations, and their order."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from math import ceil, floor, inf
from numbers import Integral

import numpy as np

from skpoison.utils._sklearn import Interval, RealNotInt

SIZE_LIMIT = [
    Interval(Integral, 1, None, closed="left"),
    Interval(RealNotInt, 0, 1, closed="neither"),
]


def check_sizes(finder, n):
    """Smallest and largest size as counts, for ``n`` training rows."""
    low, high = finder.min_size, finder.max_size
    low = low if isinstance(low, Integral) else max(1, ceil(low * n))
    if high is None:
        high = inf
    elif not isinstance(high, Integral):
        high = floor(high * n)
    if low > high:
        raise ValueError(
            f"min_size={finder.min_size} of {type(finder).__name__} must not exceed "
            f"max_size={finder.max_size}: with {n} rows that is {low} against {high}."
        )
    return low, high


def by_decreasing_size(finder, sizes, low, high):
    """Positions of the sizes in [low, high], largest first, ties in order."""
    kept = np.flatnonzero((sizes >= low) & (sizes <= high))
    if len(kept) == 0:
        seen = f" Sizes go from {sizes.min()} to {sizes.max()}." if len(sizes) else ""
        limits = f"at least {low}" + ("" if high == inf else f" and at most {high}")
        raise ValueError(
            f"{type(finder).__name__} found no subpopulation of {limits} training "
            f"rows.{seen} Widen min_size and max_size."
        )
    return kept[np.argsort(-sizes[kept], kind="stable")]
