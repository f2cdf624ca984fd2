"""Layers of modules: their names, what they give, and which are trained."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from contextlib import contextmanager
from fnmatch import fnmatchcase
from numbers import Integral

import torch
from torch import nn


def takes_tokens(module):
    """Whether a module embeds integers, and so takes the numbers of tokens."""
    embeddings = (nn.Embedding, nn.EmbeddingBag)
    return any(isinstance(part, embeddings) for part in module.modules())


def layers_with_parameters(module):
    """Name the parts of a module that have parameters of their own.

    Parameters
    ----------
    module : torch.nn.Module
        Module to look into.

    Returns
    -------
    names : list of str
        Their names, in the order in which they were registered.
    """
    return [
        name
        for name, part in module.named_modules()
        if next(part.parameters(recurse=False), None) is not None
    ]


def freeze_parameters(module, freeze, owner):
    """Keep parameters of a module from being trained.

    Parameters
    ----------
    module : torch.nn.Module
        Module to change.

    freeze : {"features"}, list of str or None
        Nothing (`None`), all but the last layer (``"features"``), or the parameters
        whose names match one of these patterns.

    owner : str
        Name of the estimator, for messages.
    """
    if freeze is None:
        return
    names = [name for name, _ in module.named_parameters()]
    frozen = _frozen_names(module, names, freeze, owner)
    if len(frozen) == len(names):
        raise ValueError(
            f"freeze={freeze!r} of {owner} leaves nothing to train: it matches all "
            f"{len(names)} parameters. Leave at least the last layer."
        )
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name not in frozen)


def _frozen_names(module, names, freeze, owner):
    if isinstance(freeze, str):
        if freeze != "features":
            raise ValueError(
                f"freeze={freeze!r} of {owner} must be None, 'features' or a list of "
                "patterns of parameter names."
            )
        last = layers_with_parameters(module)[-1]
        return {name for name in names if name.rpartition(".")[0] != last}
    frozen = set()
    for pattern in freeze:
        matches = {name for name in names if fnmatchcase(name, pattern)}
        if not matches:
            raise ValueError(
                f"freeze={list(freeze)!r} of {owner}: no parameter matches "
                f"{pattern!r}. The parameters are {names}."
            )
        frozen |= matches
    return frozen


def evaluate_frozen(module, freeze):
    """Switch the parts whose parameters are all frozen to evaluation.

    Parameters
    ----------
    module : torch.nn.Module
        Module to change. Else its dropout would still drop what a frozen part gives,
        and its batch normalization would still move.

    freeze : {"features"} or list of str
        What is frozen. With ``"features"`` parts without parameters, such as dropout,
        belong to what is frozen.
    """
    for part in module.modules():
        params = list(part.parameters())
        is_frozen = params or freeze == "features"
        if is_frozen and not any(param.requires_grad for param in params):
            part.eval()


@contextmanager
def listening(module, layer, owner):
    """Record what a layer gives, or takes.

    Parameters
    ----------
    module : torch.nn.Module
        Module to look into.

    layer : {"penultimate"}, str or int
        What the layer of this name gives; or what the layer with parameters after
        number `layer` takes, which is what number `layer` and all between the two
        make. ``"penultimate"`` is number -1.

    owner : str
        Name of the estimator, for messages.

    Yields
    ------
    heard : list of Tensor
        Of each pass through the module, what was recorded. To be emptied by the
        caller.
    """
    name, of_input = _place(module, layer, owner)
    heard = []

    def hear_input(part, args, kwargs):
        heard.append(args[0] if args else next(iter(kwargs.values())))

    def hear_output(part, args, output):
        heard.append(_first_tensor(output))

    part = module.get_submodule(name)
    handle = (
        part.register_forward_pre_hook(hear_input, with_kwargs=True)
        if of_input
        else part.register_forward_hook(hear_output)
    )
    try:
        yield heard
    finally:
        handle.remove()


def _place(module, layer, owner):
    """Name of the part to listen to, and whether to what it takes."""
    layers = layers_with_parameters(module)
    if layer == "penultimate":
        return layers[-1], True
    if isinstance(layer, Integral):
        n_hidden = len(layers) - 1
        if not -n_hidden <= layer < n_hidden:
            raise ValueError(
                f"layer={layer!r} of {owner} is out of range: "
                f"{type(module).__name__} has {n_hidden} layers with parameters before "
                f"the last, numbered 0 to {n_hidden - 1}: {layers[:-1]}."
            )
        return layers[layer % n_hidden + 1], True
    names = [name for name, _ in module.named_modules() if name]
    if layer not in names:
        raise ValueError(
            f"layer={layer!r} of {owner} is no layer of {type(module).__name__}. Its "
            f"layers are {names}; 'penultimate' and 'output' are known, too."
        )
    return layer, False


def _first_tensor(output):
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, dict):
        output = list(output.values())
    return next(part for part in output if isinstance(part, torch.Tensor))


def as_columns(activations, rows, pooling, padding=0):
    """Bring the activations of a batch to two dimensions.

    Parameters
    ----------
    activations : Tensor of shape (n_samples, ...)
        What a layer gave: of images (n_samples, n_channels, height, width), of texts
        (n_samples, n_tokens, n_numbers).

    rows : Tensor of shape (n_samples, ...)
        What the module was given.

    pooling : {"mean"} or None
        Mean over the pixels, or over the tokens that are no padding; `None` takes
        every number.

    padding : int, default=0
        Number of the token that stands after the end of a text.

    Returns
    -------
    columns : Tensor of shape (n_samples, n_columns)
        The activations, of dtype float32.
    """
    Z = activations.float()
    if Z.ndim == 2 or pooling is None:
        return Z.flatten(1)
    if Z.ndim > 3:
        return Z.flatten(2).mean(2)
    if rows.is_floating_point() or rows.ndim != 2:
        return Z.mean(1)
    counts = (rows[:, : Z.shape[1]].to(Z.device) != padding).to(Z.dtype).unsqueeze(2)
    return (Z * counts).sum(1) / counts.sum(1).clamp(min=1)
