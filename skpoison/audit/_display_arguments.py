"""Arguments of the displays, checked before anything is drawn."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skpoison.utils._poison_count import LARGEST
from skpoison.utils._sklearn import (
    HasMethods,
    Interval,
    validate_parameter_constraints,
)

AXES = HasMethods(["fill_between", "get_legend", "plot"])
CONSTRAINTS = {
    "ax": [AXES, None],
    "line_kwargs": [dict, None],
    "fill_between_kwargs": [dict, None],
    "legend_kwargs": [dict, None],
    "scatter_kwargs": [dict, None],
    "alpha": [Interval(Real, 0, LARGEST, closed="both"), None],
    "poisoner": [str, None],
    "x": [str, list, tuple],
    "subpopulations": [str, Integral, list, tuple, range, np.ndarray, None],
    "targets": [list, tuple, None],
    "n_labels": [Interval(Integral, 0, None, closed="left")],
    "n_subpopulations": [Interval(Integral, 1, None, closed="left")],
}


def check_drawing(caller, **given):
    """Raise where an argument of a display is of another kind.

    Parameters
    ----------
    caller : str
        Who complains.

    **given : dict of str to object
        Arguments by their names.
    """
    constraints = {name: CONSTRAINTS[name] for name in given}
    validate_parameter_constraints(constraints, given, caller)


def check_panels(axes, caller):
    """Raise where one of several is no Axes.

    Parameters
    ----------
    axes : iterable of object
        Where panels are drawn.

    caller : str
        Who complains.
    """
    for ax in axes:
        validate_parameter_constraints({"ax": [AXES]}, {"ax": ax}, caller)


def check_audit(audit, attribute, kind, caller):
    """Raise where something is no fitted audit of a kind.

    Parameters
    ----------
    audit : object
        What was given.

    attribute : str
        What fitted audits of that kind have.

    kind : str
        Name of their class.

    caller : str
        Who complains.
    """
    if isinstance(audit, BaseEstimator):
        check_is_fitted(audit, "summary_")
    if not hasattr(audit, attribute):
        raise TypeError(
            f"{caller}: audit must be a fitted {kind}. Got {type(audit).__name__}."
        )
