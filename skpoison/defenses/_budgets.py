"""Numbers of rows or labels that an attacker changes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np


def check_budgets(values, name, owner):
    """Turn a number or a list of numbers into an array of integers, or raise.

    Parameters
    ----------
    values : int or array-like of int
        Budgets.

    name, owner : str
        The parameter, and who takes it.

    Returns
    -------
    budgets : ndarray of shape () or (n_budgets,), dtype=int64
        Budgets, 0 or more.
    """
    try:
        budgets = np.asarray(values)
    except ValueError:  # lists of different lengths
        budgets = np.array([])
    is_list = budgets.ndim <= 1 and budgets.size
    if budgets.dtype.kind not in "iu" or not is_list or (budgets < 0).any():
        raise ValueError(
            f"{name} of {owner} must be an integer, 0 or more, or a list of them. Got "
            f"{values!r}."
        )
    return budgets.astype(np.int64)
