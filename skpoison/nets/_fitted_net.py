"""What is read from a fitted net of skorch, and what is not understood in it."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from skorch import NeuralNetClassifier
from torch import nn

from skpoison.nets._seeded_net_classifier import SeededNetClassifier

CRITERIA = (nn.CrossEntropyLoss, nn.NLLLoss)


def module_of(net):
    """Give the module of a net, checked, and not compiled.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        A fitted net.

    Returns
    -------
    module : torch.nn.Module
        Its module.
    """
    if not getattr(net, "initialized_", False):
        raise NotFittedError(f"{type(net).__name__} is not fitted yet. Fit it first.")
    module = getattr(net.module_, "_orig_mod", net.module_)
    name = type(module).__name__
    if not any(param.requires_grad for param in module.parameters()):
        raise ValueError(
            f"The module {name} has no parameter that requires gradients, so no row "
            "has influence on it. Leave some of its layers unfrozen."
        )
    if not all(param.isfinite().all() for param in module.parameters()):
        raise ValueError(
            f"The module {name} has parameters that are not finite: its training "
            "diverged. Train it with a lower learning rate."
        )
    for part in module.modules():
        is_norm = isinstance(part, nn.modules.batchnorm._BatchNorm)
        if is_norm and part.running_mean is None:
            raise TypeError(
                f"The module {name} has {part}, which normalizes each row by those "
                "beside it, so that a row has no loss of its own. Set "
                "track_running_stats=True."
            )
    return module


def criterion_of(net):
    """Give the criterion of a net, checked.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        A fitted net.

    Returns
    -------
    criterion : {torch.nn.CrossEntropyLoss, torch.nn.NLLLoss}
        Its criterion.
    """
    criterion = getattr(net.criterion_, "_orig_mod", net.criterion_)
    if type(criterion) not in CRITERIA:
        raise TypeError(
            "Gradients of nets of skorch are known for the criteria CrossEntropyLoss "
            f"and NLLLoss. Got criterion={criterion!r}. Train the net with one of them."
        )
    if type(net).get_loss is not NeuralNetClassifier.get_loss:
        raise TypeError(
            f"{type(net).__name__} overrides get_loss, so that its loss is not known "
            "row by row. Use a net that leaves get_loss to skorch."
        )
    if criterion.reduction == "none" or criterion.ignore_index >= 0:
        raise ValueError(
            "The criterion of a net must have reduction 'mean' or 'sum', and ignore no "
            f"class. Got reduction={criterion.reduction!r} and "
            f"ignore_index={criterion.ignore_index}."
        )
    return criterion


def classes_of(net):
    """Give the classes of a net.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        A fitted net.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Its classes, which are 0, 1, 2, ... for nets that do not encode labels.
    """
    try:
        classes = np.asarray(net.classes_)
    except AttributeError as error:
        raise NotFittedError(
            f"{type(net).__name__} does not know its classes. Fit it with y, or "
            "give it classes=."
        ) from error
    if isinstance(net, SeededNetClassifier):
        return classes
    if classes.dtype.kind not in "iu" or not np.array_equal(
        classes, np.arange(len(classes))
    ):
        raise ValueError(
            "A net of skorch takes the numbers 0, 1, 2, ... of its outputs for labels. "
            f"Got the classes {classes.tolist()}. Use SeededNetClassifier of "
            "skpoison.nets, which encodes labels, or encode y with LabelEncoder."
        )
    return classes


def decays_of(net, names):
    """Give the second derivative of the penalty that the optimizer adds.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        A fitted net.

    names : dict of str to torch.Tensor
        Names of the parameters that count.

    Returns
    -------
    decays : dict of str to torch.Tensor
        For each, a tensor of its shape. It is 0 where weights decay by themselves, as
        in AdamW, which minimizes no sum of a loss and a penalty.
    """
    of_param = {
        id(param): 0.0 if _is_decoupled(net, group) else group.get("weight_decay", 0.0)
        for group in net.optimizer_.param_groups
        for param in group["params"]
    }
    params = dict(module_of(net).named_parameters())
    return {
        name: torch.full_like(names[name], of_param.get(id(params[name]), 0.0))
        for name in names
    }


def batch_size_of(net, n_rows):
    """Give the number of rows of a batch, as the iterator of skorch would have it.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        A net.

    n_rows : int
        Number of rows of the training data.

    Returns
    -------
    size : int
        Rows of a batch.
    """
    size = net.get_params_for("iterator_train").get("batch_size", net.batch_size)
    return n_rows if size == -1 else size


def _is_decoupled(net, group):
    is_adamw = isinstance(net.optimizer_, torch.optim.AdamW)
    return is_adamw or group.get("decoupled_weight_decay", False)
