"""Noise of the labels of subpopulations, as users give it."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np


def check_noise(noise, n_subpopulations, owner):
    """Give the noise of each subpopulation.

    Parameters
    ----------
    noise : float, array-like of shape (n_subpopulations,) or None
        One number for all, one for each, or None for what the labels show.

    n_subpopulations : int
        How many there are.

    owner : str
        Who asks, for error messages.

    Returns
    -------
    levels : list of float or None
        One entry for each subpopulation.

    Raises
    ------
    ValueError
        If it has a wrong length, or is not in [0, 0.5).
    """
    if noise is None:
        return [None] * n_subpopulations
    try:
        levels = np.asarray(noise)
    except ValueError:  # of lists of different lengths
        levels = np.asarray(noise, dtype=object)
    if levels.ndim == 0:
        levels = np.full(n_subpopulations, levels)
    if levels.shape != (n_subpopulations,) or levels.dtype.kind not in "iuf":
        raise ValueError(
            f"noise of {owner} must be a number, or one for each of the "
            f"{n_subpopulations} subpopulations. Got {noise!r}."
        )
    # Written so that NaN fails.
    if not ((levels >= 0) & (levels < 0.5)).all():
        raise ValueError(
            f"noise of {owner} must be in [0, 0.5): where half of the labels are "
            f"wrong, there is no more frequent class to hide. Got {noise!r}."
        )
    return levels.astype(np.float64).tolist()
