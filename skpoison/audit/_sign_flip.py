"""Exact test of whether poison loses more test rows than it gains."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.stats import binom, false_discovery_control


def sign_flip_p_value(sums):
    """Chance of so many lost rows if losing and gaining were equally likely.

    Parameters
    ----------
    sums : ndarray of shape (n_rows,), dtype=int
        For each test row, the repeats in which it was lost less those in which it
        was gained. Rows that are 0 do not matter and may be left out.

    Returns
    -------
    p_value : float
        Share of all assignments of signs to the rows whose sum is at least the one
        observed; 1 where no row changed.

    Notes
    -----
    The repeats of one row stay together, so that only the rows need be independent.
    The null distribution is the product of one polynomial for each row, and all rows
    of equal magnitude make one binomial: there is nothing random about it. With one
    repeat it is the exact test of McNemar [1]_.

    References
    ----------
    .. [1] Q. McNemar. "Note on the sampling error of the difference between
       correlated proportions or percentages", Psychometrika 12, 1947.
       :doi:`10.1007/BF02295996`
    """
    sums = np.asarray(sums, dtype=np.int64)
    sizes, counts = np.unique(np.abs(sums[sums != 0]), return_counts=True)
    chances = np.ones(1)
    for size, count in zip(sizes, counts, strict=True):
        chances = _add_rows(chances, size, count)
    lost = sums[sums > 0].sum()
    return float(min(1.0, chances[lost:][::-1].sum()))


def _add_rows(chances, size, count):
    """Distribution of the total lost, with ``count`` more rows that weigh ``size``."""
    lost = binom.pmf(np.arange(count + 1), count, 0.5)
    total = np.zeros(len(chances) + size * count)
    for start in range(min(size, len(chances))):
        part = np.convolve(chances[start::size], lost)
        total[start::size][: len(part)] = part
    return total


def q_values(p_values):
    """Benjamini-Hochberg adjusted p-values; NaN stays out of the family.

    Parameters
    ----------
    p_values : ndarray of shape (n_tests,)
        P-values, NaN for tests that were not made.

    Returns
    -------
    q_values : ndarray of shape (n_tests,)
        The smallest false discovery rate at which each test is rejected.

    References
    ----------
    .. [1] Y. Benjamini, Y. Hochberg. "Controlling the false discovery rate: a
       practical and powerful approach to multiple testing", Journal of the Royal
       Statistical Society B 57, 1995. :doi:`10.1111/j.2517-6161.1995.tb02031.x`
    """
    p_values = np.asarray(p_values, dtype=float)
    adjusted = np.full(len(p_values), np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        adjusted[known] = false_discovery_control(p_values[known], method="bh")
    return adjusted
