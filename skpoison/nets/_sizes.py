"""Arguments of a module that follow from the data."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import inspect
from numbers import Integral, Real

from sklearn.exceptions import NotFittedError

from skpoison.utils._sklearn import Interval, validate_parameter_constraints

SIZES = ("n_features", "n_channels", "image_size", "n_classes")
COUNT = [Interval(Integral, 1, None, closed="left")]
OTHERS = {
    "hidden_layer_sizes": [list, tuple],
    "image_size": [list, tuple],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "negative_slope": [Interval(Real, 0, None, closed="left")],
    "batch_norm": ["boolean"],
    "n_layers": [Interval(Integral, 0, None, closed="left")],
}


def check_module(owner, **given):
    """Raise where an argument of a module is not allowed.

    Parameters
    ----------
    owner : str
        Name of the module.

    **given : dict of str to object
        Arguments. Those that are no counts from 1 are in `OTHERS`.
    """
    # torch takes no truth value for a number.
    given = {
        n: str(v) if v is True and n not in OTHERS else v for n, v in given.items()
    }
    constraints = {name: OTHERS.get(name, COUNT) for name in given}
    validate_parameter_constraints(constraints, given, owner)
    for name in ("hidden_layer_sizes", "image_size"):
        for size in given.get(name, ()):
            validate_parameter_constraints({name: COUNT}, {name: size}, owner)


def sizes_for(module, given, net):
    """Give the sizes that a module asks for and that are not set.

    Parameters
    ----------
    module : class or instance of torch.nn.Module
        Module to be made; an instance has its sizes.

    given : dict of str to object
        Its arguments that are set.

    net : SeededNetClassifier
        Net that has seen the data.

    Returns
    -------
    sizes : dict of str to object
        Those of `n_features`, `n_channels`, `image_size` and `n_classes` that the
        module takes.
    """
    if not inspect.isclass(module):
        return {}
    takes = inspect.signature(module).parameters
    wanted = [name for name in SIZES if name in takes and name not in given]
    if not wanted:
        return {}
    if not hasattr(net, "input_shape_"):
        raise NotFittedError(
            f"{type(net).__name__} reads {wanted} of {module.__name__} from the data. "
            "Call fit, or set them, for instance as "
            f"module__{wanted[0]}=."
        )
    known = _sizes_of(net)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(
            f"{module.__name__} needs {unknown}, which rows of shape "
            f"{net.input_shape_} do not have. It takes "
            f"{'tables' if 'n_features' in unknown else 'images, channels first'}."
        )
    return {name: known[name] for name in wanted}


def _sizes_of(net):
    shape = net.input_shape_
    sizes = {"n_classes": len(net.classes_)}
    if len(shape) == 1:
        sizes["n_features"] = shape[0]
    if len(shape) == 3:
        sizes |= {"n_channels": shape[0], "image_size": shape[1:]}
    return sizes
