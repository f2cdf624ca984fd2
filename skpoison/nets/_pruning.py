"""Units and channels of nets of skorch, to be pruned, and training that goes on."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from contextlib import ExitStack, contextmanager
from numbers import Integral

import numpy as np
import torch
from torch import nn

from skpoison.nets._activations import iter_activations
from skpoison.nets._layers import layers_with_parameters

PRUNABLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def train_on(net, X, y, n_epochs):
    """Train a fitted net on, with a new optimizer.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        A fitted net, changed in place.

    X : array-like of shape (n_samples, ...)
        Rows that the net takes.

    y : array-like of shape (n_samples,)
        Their class labels.

    n_epochs : int
        Passes over the rows.

    Returns
    -------
    net : skorch.NeuralNetClassifier
        The net.
    """
    net.initialize_optimizer()
    before = net.max_epochs
    try:
        return net.set_params(max_epochs=n_epochs).partial_fit(X, y)
    finally:
        net.set_params(max_epochs=before)


class PrunableNet:
    """Units of a linear layer, or channels of a convolution, of a fitted net.

    Pruned ones have weights and biases of zero, also in a batch normalization that
    comes next, and keep them in training. The module stays of the same shape.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        A fitted net, which is changed in place.

    layer : {"penultimate"}, int or str
        The layer, in front of the last: its name, or its number among those that can
        be pruned.

    owner : str
        The defense, which is named in errors.
    """

    def __init__(self, net, layer, owner):
        self.net, self._owner = net, owner
        module = getattr(net.module_, "_orig_mod", net.module_)
        self._name = _name(module, layer, owner)
        self._parts = _parts(module, self._name)
        self._start = [p.detach().clone() for p in self._parameters()]
        self.n_units = len(self._start[0])
        self._after = layers_with_parameters(module).index(self._parts[-1][0])

    def activations(self, X):
        """Mean magnitude of what each unit gives to the next layer, over some rows."""
        total, n_rows = np.zeros(self.n_units), 0
        for batch in self._batches(X):
            total += self._of_units(np.abs(batch.astype(np.float64))).sum(axis=0)
            n_rows += len(batch)
        return total / n_rows

    def silence(self, units):
        """Let some units give zero, on top of those that do."""
        at = torch.as_tensor(np.asarray(units, dtype=np.int64))
        with torch.no_grad():
            for parameter in self._parameters():
                parameter[at.to(parameter.device)] = 0

    def prune(self, units):
        """Let some units give zero for good, and bring the others back."""
        with torch.no_grad():
            for parameter, start in zip(self._parameters(), self._start, strict=True):
                parameter.copy_(start)
        self._pruned = np.asarray(units, dtype=np.int64)
        self.silence(self._pruned)

    def train(self, X, y, n_epochs):
        """Train what is left."""
        if n_epochs:
            with self._no_gradients():
                train_on(self.net, X, y, n_epochs)

    @contextmanager
    def _no_gradients(self):
        """Give the parameters of pruned units no gradient."""
        with ExitStack() as stack:
            for parameter in self._parameters():
                if parameter.requires_grad:
                    mask = torch.ones_like(parameter)
                    mask[torch.as_tensor(self._pruned).to(parameter.device)] = 0
                    handle = parameter.register_hook(lambda g, mask=mask: g * mask)
                    stack.callback(handle.remove)
            yield

    def _parameters(self):
        parts = [part for _, part in self._parts]
        pairs = [(part.weight, part.bias) for part in parts]
        return [p for pair in pairs for p in pair if p is not None]

    def _batches(self, X):
        """Give what the next layer takes, or what this one gives where sizes differ."""
        first = next(self._heard(X, self._after))
        fits = first.shape[1] % self.n_units == 0
        return self._heard(X, self._after if fits else self._name)

    def _heard(self, X, layer):
        return iter_activations(self.net, X, layer, None, owner=self._owner)

    def _of_units(self, batch):
        """Mean over pixels, which come after channels, or tokens, which come before."""
        if isinstance(self._parts[0][1], nn.Linear):
            return batch.reshape(len(batch), -1, self.n_units).mean(axis=1)
        return batch.reshape(len(batch), self.n_units, -1).mean(axis=2)


def _name(module, layer, owner):
    parts = dict(module.named_modules())
    last = layers_with_parameters(module)[-1]
    names = [n for n, part in parts.items() if isinstance(part, PRUNABLE) and n != last]
    if not names:
        raise ValueError(
            f"{owner} prunes units of linear layers and channels of convolutions in "
            f"front of the last layer, and {type(module).__name__} has none."
        )
    if layer == "penultimate":
        return names[-1]
    if isinstance(layer, Integral) and -len(names) <= layer < len(names):
        return names[layer]
    if layer not in names:
        raise ValueError(
            f"layer={layer!r} of {owner} is no layer of {type(module).__name__} that "
            f"can be pruned. Those are {names}, numbered from 0; 'penultimate' is the "
            "last of them."
        )
    return layer


def _parts(module, name):
    """Names and parts whose parameters belong to the units of a layer."""
    parts, layers = dict(module.named_modules()), layers_with_parameters(module)
    found = [(name, parts[name])]
    after = layers[layers.index(name) + 1]
    is_norm = isinstance(parts[after], nn.modules.batchnorm._BatchNorm)
    if (
        is_norm
        and after != layers[-1]
        and parts[after].num_features == len(parts[name].weight)
    ):
        found.append((after, parts[after]))
    return found
