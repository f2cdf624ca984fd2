"""Weights that a module starts from."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import os
from pathlib import Path

import torch
from sklearn.utils.validation import check_is_fitted

from skpoison.nets._layers import layers_with_parameters


def load_pretrained(module, pretrained, owner):
    """Copy trained weights into a module.

    Parameters
    ----------
    module : torch.nn.Module
        Module to change. Its last layer keeps its own weights where those given are of
        another shape, as they are for other classes.

    pretrained : estimator, dict of str to Tensor, str or path-like
        A fitted net of skorch, the state of a module, or a file that holds one: of
        `torch.save`, or of safetensors where its name ends so.

    owner : str
        Name of the estimator, for messages.
    """
    weights = _weights(pretrained, owner)
    mine = module.state_dict()
    last = layers_with_parameters(module)[-1]
    of_last = [name for name in mine if name.rpartition(".")[0] == last]
    if any(_differs(name, weights, mine) for name in of_last):
        weights = {k: w for k, w in weights.items() if k not in of_last}
        weights |= {name: mine[name] for name in of_last}
    odd = sorted(
        {name for name in mine if _differs(name, weights, mine)}
        | (set(weights) - set(mine))
    )
    if odd:
        raise ValueError(
            f"pretrained of {owner} is of another architecture than "
            f"{type(module).__name__}: {len(odd)} of its {len(mine)} weights are "
            f"missing, unknown or of another shape: {odd[:5]}. Use weights of the same "
            "module with the same parameters."
        )
    module.load_state_dict(weights)


def _differs(name, weights, mine):
    return name not in weights or weights[name].shape != mine[name].shape


def _weights(pretrained, owner):
    if isinstance(pretrained, dict):
        return pretrained
    if isinstance(pretrained, (str, os.PathLike)):
        return _read(Path(pretrained), owner)
    check_is_fitted(pretrained, "module_")
    module = getattr(pretrained.module_, "_orig_mod", pretrained.module_)
    return {name: w.detach().cpu() for name, w in module.state_dict().items()}


def _read(path, owner):
    if not path.is_file():
        raise FileNotFoundError(
            f"pretrained={str(path)!r} of {owner}: there is no such file."
        )
    try:
        weights = _read_file(path)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # safetensors has no common base for its own
        raise ValueError(
            f"pretrained={str(path)!r} of {owner} holds no weights that can be read. "
            "Save them with torch.save(module.state_dict(), path)."
        ) from error
    if not isinstance(weights, dict):
        raise ValueError(
            f"pretrained={str(path)!r} of {owner} holds a {type(weights).__name__}, "
            "and not the state of a module. Save module.state_dict()."
        )
    return weights


def _read_file(path):
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    # weights_only keeps a file from running code of its own.
    return torch.load(path, map_location="cpu", weights_only=True)
