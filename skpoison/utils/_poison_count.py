"""The number of poison rows that a budget stands for."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

# Ten times the rows of the largest data that fits one machine.
LARGEST = 10**9


def count_poison(alpha, base, parameter, owner):
    """Round a budget to rows, or raise where no memory could hold them.

    Parameters
    ----------
    alpha : float
        Poison rows for each row of the target, at least 0.

    base : int
        Rows of the target.

    parameter, owner : str
        What the budget is called, and who asks.

    Returns
    -------
    n_poison : int
        Number of rows, at most 1,000,000,000.
    """
    if not alpha <= LARGEST or not alpha * base <= LARGEST:
        raise ValueError(
            f"{parameter}={alpha} of {owner} asks for more than {LARGEST:,} poison "
            f"rows, with a target of {base} rows. Lower it."
        )
    return round(alpha * base)
