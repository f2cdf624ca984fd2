"""Curves with bands, which several displays draw alike."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.audit._display_tools import COLORS, MARKERS


def draw_curve(
    ax,
    x,
    values,
    low,
    high,
    *,
    place,
    faint=False,
    line_kwargs=None,
    fill_between_kwargs=None,
):
    """Draw a line and the band of its interval.

    Parameters
    ----------
    ax : Axes
        Where to draw.

    x, values, low, high : ndarray of shape (n_points,)
        The line, and the ends of the band.

    place : int
        Number of the curve, which gives color, marker and line style.

    faint : bool, default=False
        Whether the band is faint, as where there are many.

    line_kwargs, fill_between_kwargs : dict, default=None
        Passed on.

    Returns
    -------
    line : Line2D
        The line.

    band : PolyCollection
        The band.
    """
    style = {
        "color": COLORS[place % len(COLORS)],
        "marker": MARKERS[place % len(MARKERS)],
        "linestyle": ["-", "--", ":"][place // len(COLORS) % 3],
        "markersize": 4.5,
        "linewidth": 1.8,
        **(line_kwargs or {}),
    }
    (line,) = ax.plot(x, values, **style)
    band = {
        "alpha": 0.07 if faint else 0.15,
        "color": line.get_color(),
        "linewidth": 0,
        **(fill_between_kwargs or {}),
    }
    return line, ax.fill_between(x, low, high, **band)


def from_zero(curve, columns):
    """Give alphas and columns without gaps, from no poison and no damage on."""
    curve = curve[["alpha", *columns]].dropna().to_numpy(dtype=float)
    return np.vstack([np.zeros(len(columns) + 1), curve]).T
