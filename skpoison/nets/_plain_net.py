"""State of nets as arrays and plain values, for formats such as skops."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import copyreg
from inspect import signature
from typing import NamedTuple

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.history import History
from skorch.utils import get_map_location

from skpoison.nets._functional import seeded

# What torch and skorch make, as they do when a net is initialized.
TRAINED = ("module_", "criterion_", "optimizer_")
MADE = {
    *TRAINED,
    "_criteria",
    "_modules",
    "_optimizers",
    "callbacks_",
    "cuda_dependent_attributes_",
    "history_",
    "init_context_",
    "initialized_",
    "prefixes_",
    "virtual_params_",
}


class Array(NamedTuple):
    """A tensor.

    Attributes
    ----------
    values : ndarray
        Its values.

    dtype : str
        Name of its type, which NumPy may not have.
    """

    values: np.ndarray
    dtype: str


class OfPickle(dict):
    """State that a pickle holds, which nothing else may give to a net."""


class PlainNet(NeuralNetClassifier):
    """Net whose state is plain, but for pickles and copies.

    A pickle has the state that skorch gives it, with the module as it is. Whoever asks
    for the state itself, as skops does, gets the weights as arrays: no part of it is
    unpickled. Modules, optimizers and callbacks are made anew from the parameters, and
    then given their weights.
    """

    def __reduce_ex__(self, protocol):
        """Give pickles and copies what skorch gives them."""
        state = OfPickle(super().__getstate__())
        return copyreg.__newobj__, (type(self),), state

    def __getstate__(self):
        """Give parameters that are no defaults, and weights as arrays."""
        needed, default = self._needed(), vars(self._unfitted())
        state = {
            name: as_plain(value)
            for name, value in vars(self).items()
            if name not in MADE
            and (name in needed or not _is_same(value, default.get(name, MADE)))
        }
        trained = {n: getattr(self, n) for n in TRAINED if hasattr(self, n)}
        state["_trained"] = {
            n: as_plain(part.state_dict()) for n, part in trained.items()
        }
        state["_epochs"] = as_plain(list(getattr(self, "history_", None) or []))
        return state

    def __setstate__(self, state):
        """Take either kind of state."""
        if isinstance(state, OfPickle):
            super().__setstate__(dict(state))
            return
        state = {name: as_tensors(value) for name, value in state.items()}
        self._restore(state.pop("_trained"), state.pop("_epochs"), state)

    def _restore(self, trained, epochs, state):
        """Make the net again from plain state."""
        vars(self).update(state)
        vars(self).update(vars(self._unfitted()) | state)
        self._params_to_validate = set(self._params_to_validate)
        device = self.device
        self.device = self._check_device(device, get_map_location(device))
        if trained:
            self._make_trained(trained)
            self.history_ = History(epochs)

    def _make_trained(self, trained):
        kept = {name: getattr(self, name, None) for name in ("pretrained", "verbose")}
        # The weights are at hand; and what is drawn for the first ones is replaced.
        vars(self).update(pretrained=None, verbose=0)
        try:
            with seeded(0):
                self.initialize()
        finally:
            vars(self).update(kept)
        for name, weights in trained.items():
            getattr(self, name).load_state_dict(weights)

    def _unfitted(self):
        """Net of the same kind with the defaults of all parameters that have one."""
        return type(self)(**{name: vars(self)[name] for name in self._needed()})

    def _needed(self):
        """Names of the parameters that have no default."""
        return [
            p.name
            for p in signature(type(self)).parameters.values()
            if p.default is p.empty and p.kind is not p.VAR_KEYWORD
        ]


def _is_same(value, default):
    """Whether a parameter is the default; a copy of a number or a text counts."""
    is_simple = type(value) is type(default) and isinstance(value, (int, float, str))
    return value is default or (is_simple and value == default)


def as_plain(value):
    """Turn tensors in lists, tuples and dicts into arrays."""
    if torch.is_tensor(value):
        return _as_array(value.detach().cpu())
    return _map(as_plain, value)


def as_tensors(value):
    """Turn what `as_plain` gave into tensors."""
    if isinstance(value, Array):
        dtype = getattr(torch, value.dtype)
        if not isinstance(dtype, torch.dtype):
            raise ValueError(f"{value.dtype!r} is no type of tensors.")
        return torch.from_numpy(np.array(value.values)).to(dtype)
    return _map(as_tensors, value)


def _as_array(tensor):
    name = str(tensor.dtype).removeprefix("torch.")
    # Which holds all numbers of the types that NumPy lacks.
    values = tensor.float() if name == "bfloat16" else tensor
    return Array(values.numpy().copy(), name)


def _map(function, value):
    if isinstance(value, dict):
        return {key: function(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(function, value))
    return value
