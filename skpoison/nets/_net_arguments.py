"""Arguments of a net, checked before it is trained."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral, Real
from os import PathLike

from skpoison.nets._augmentations import AUGMENTATIONS
from skpoison.nets._devices import check_device
from skpoison.utils._sklearn import (
    Interval,
    Options,
    validate_parameter_constraints,
)

# Larger ones are no number to torch, and longer texts are read by no model.
LARGEST_RATE, LONGEST_TEXT = 1e6, 2**20
CONSTRAINTS = {
    "lr": [Interval(Real, 0, LARGEST_RATE, closed="both")],
    "max_epochs": [Interval(Integral, 0, None, closed="left")],
    "batch_size": [Interval(Integral, 1, 2**31, closed="left"), Options(int, {-1})],
    "freeze": [str, list, tuple, None],
    "layer": [str, Integral],
    "n_threads": [Interval(Integral, 1, 10**5, closed="both"), None],
    "random_state": ["random_state"],
    "max_length": [Interval(Integral, 1, LONGEST_TEXT, closed="both")],
    "checkpoint": [str, PathLike],
    "revision": [str],
}


def check_arguments(net):
    """Raise where an argument of a net is not allowed.

    Parameters
    ----------
    net : SeededNetClassifier
        The net, trained or not.
    """
    owner = type(net).__name__
    given = {name: getattr(net, name) for name in CONSTRAINTS if hasattr(net, name)}
    constraints = {name: CONSTRAINTS[name] for name in given}
    validate_parameter_constraints(constraints, given, owner)
    if not all(isinstance(name, str) for name in net.freeze or ()):
        raise ValueError(
            f"freeze of {owner} must hold patterns of names. Got {net.freeze!r}."
        )
    if isinstance(net.n_threads, bool):
        raise ValueError(f"n_threads of {owner} must be a number. Got {net.n_threads}.")
    check_device(net.__dict__["device"], owner)
    _check_option(net, "mixed_precision", (True, False, "auto"))
    _check_option(net, "schedule", ("linear", None))
    if not callable(net.augmentation):
        _check_option(net, "augmentation", (*AUGMENTATIONS, None))


def _check_option(net, name, allowed):
    value = getattr(net, name)
    if not isinstance(value, (str, bool, type(None))) or value not in allowed:
        raise ValueError(
            f"{name}={value!r} of {type(net).__name__} must be one of "
            f"{list(allowed)}{', or callable' * (name == 'augmentation')}."
        )
