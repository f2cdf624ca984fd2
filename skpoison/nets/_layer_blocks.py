"""Blocks of second derivatives of linear and convolutional layers."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class LayerBlock:
    """Block of one layer, of which the eigenvectors are a Kronecker product.

    Parameters
    ----------
    part : {torch.nn.Linear, torch.nn.Conv2d}
        The layer.

    weight : slice
        Where its weights are in the vector of parameters.

    bias : slice or None
        Where its intercepts are; `None` where it has none that is free.
    """

    def __init__(self, part, weight, bias):
        self.part, self.weight, self.bias = part, weight, bias
        self._of_inputs = self._of_outputs = self.eigenvalues = 0.0

    def n_numbers(self, inputs, outputs, n_roots):
        """Count what one row takes, from a batch of rows."""
        inputs, outputs = self.flat_inputs(inputs)[0], self.flat_outputs(outputs)[0]
        n_weights = len(inputs) * len(outputs) if inputs.shape[1] > 1 else 0
        return 2 * inputs.numel() + n_roots * (3 * n_weights + outputs.numel())

    def flat_inputs(self, inputs):
        """Give what each place of the layer sees, of shape (n_rows, ..., n_places)."""
        if isinstance(self.part, nn.Conv2d):
            inputs = _patches(self.part, inputs)
        else:
            inputs = _places_last(inputs)
        return inputs if self.bias is None else F.pad(inputs, (0, 0, 0, 1), value=1.0)

    def flat_outputs(self, outputs):
        """Give outputs of the layer, of shape (n_rows, n_outputs, n_places)."""
        if isinstance(self.part, nn.Conv2d):
            return outputs.flatten(start_dim=2)
        return _places_last(outputs)

    def add_moments(self, inputs, gradients):
        """Add second moments of a batch.

        `inputs` has the form of `flat_inputs`, and `gradients` that of `flat_outputs`
        with a second axis for the roots.
        """
        self._of_inputs += _moments(inputs)
        self._of_outputs += _moments(gradients.flatten(end_dim=1))

    def find_eigenvectors(self):
        """Turn the moments into the eigenvectors."""
        like = self.part.weight
        self._of_inputs, self._of_outputs = (
            torch.from_numpy(np.linalg.eigh(moments)[1]).to(like.device, like.dtype)
            for moments in (self._of_inputs, self._of_outputs)
        )

    def add_eigenvalues(self, inputs, gradients):
        """Add second moments of a batch along the eigenvectors."""
        left, right = self._of_outputs.T, self._of_inputs
        n_roots, n_outputs, n_places = gradients.shape[1:]
        if n_places == 1:
            along_inputs = (inputs[:, :, 0] @ right) ** 2
            along_outputs = ((gradients[..., 0] @ left.T) ** 2).sum(dim=1)
            self.eigenvalues += _host(along_outputs.T @ along_inputs)
            return
        # Whichever of the two is the smaller is turned.
        is_early = n_places < n_roots * n_outputs
        inputs = right.T @ inputs if is_early else inputs
        along = gradients.flatten(1, 2) @ inputs.transpose(1, 2)
        along = along if is_early else along @ right
        along = left @ along.unflatten(1, (n_roots, n_outputs))
        self.eigenvalues += _host(along.square_().sum(dim=(0, 1)))

    def solve(self, v, shift, out):
        """Write the product of the inverse, with a shift, and a vector."""
        left, right = _host(self._of_outputs), _host(self._of_inputs)
        along = left.T @ self._gather(v) @ right
        along /= self.eigenvalues + self._gather(shift).mean()
        self._scatter(left @ along @ right.T, out)

    def smallest(self, shift):
        """Give the smallest eigenvalue."""
        return float(self.eigenvalues.min() + self._gather(shift).mean())

    def _gather(self, v):
        matrix = v[self.weight].reshape(len(self.part.weight), -1)
        return matrix if self.bias is None else np.column_stack([matrix, v[self.bias]])

    def _scatter(self, matrix, out):
        if self.bias is not None:
            matrix, out[self.bias] = matrix[:, :-1], matrix[:, -1]
        out[self.weight] = matrix.ravel()


@contextmanager
def recording(parts):
    """Record the inputs and outputs of parts of a module.

    Parameters
    ----------
    parts : dict of str to torch.nn.Module
        The parts, by name.

    Yields
    ------
    records : dict of str to list of tuple
        Inputs and output of each call of each part.
    """
    records = {name: [] for name in parts}

    def hook_of(name):
        def hook(part, inputs, output):
            records[name].append((inputs, output))
            # What follows may work in place, as activations do.
            return output.clone()

        return hook

    hooks = [p.register_forward_hook(hook_of(name)) for name, p in parts.items()]
    try:
        yield records
    finally:
        for hook in hooks:
            hook.remove()


def find_blocks(module, slices, run):
    """Find the layers of a module that have blocks.

    Parameters
    ----------
    module : torch.nn.Module
        Module.

    slices : dict of str to slice
        Where each free parameter is in the vector of parameters.

    run : callable
        Runs the module on two rows.

    Returns
    -------
    blocks : dict of str to LayerBlock
        Block of each layer that has free weights and is used once, row by row.

    records : dict of str to tuple
        Its inputs and its output.
    """
    parts = {k: p for k, p in module.named_modules() if _is_known(p)}
    names = [id(p) for _, p in module.named_parameters(remove_duplicate=False)]
    free = {
        name: slices[name]
        for name, param in module.named_parameters()
        if name in slices and names.count(id(param)) == 1
    }
    with torch.no_grad(), recording(parts) as records:
        run()
    blocks = {}
    for name, part in parts.items():
        weight, bias = (
            free.get(f"{name}.{kind}".lstrip(".")) for kind in ("weight", "bias")
        )
        if weight is not None and _is_plain(records[name]):
            blocks[name] = LayerBlock(part, weight, bias)
    return blocks, {name: records[name][0] for name in blocks}


def _is_known(part):
    return type(part) is nn.Linear or (type(part) is nn.Conv2d and part.groups == 1)


def _is_plain(calls):
    """Whether a layer was called once, with the two rows of the batch as its rows."""
    if len(calls) != 1 or len(calls[0][0]) != 1:
        return False
    (inputs,), output = calls[0]
    return len(inputs) == len(output) == 2 and inputs.ndim > 1


def _patches(part, images):
    """Give what each place sees, of shape (n_rows, n_inputs, n_places)."""
    mode = "constant" if part.padding_mode == "zeros" else part.padding_mode
    images = F.pad(images, _padding(part), mode=mode)
    return F.unfold(images, part.kernel_size, part.dilation, 0, part.stride)


def _padding(part):
    """Give the columns and rows to add on each side, in the order of `F.pad`."""
    if part.padding == "valid":
        return (0, 0, 0, 0)
    sides = []
    for axis in (1, 0):
        if part.padding == "same":
            total = part.dilation[axis] * (part.kernel_size[axis] - 1)
            sides += [total // 2, total - total // 2]
        else:
            sides += [part.padding[axis]] * 2
    return sides


def _places_last(vectors):
    """Turn (n_rows, ..., n_features) into (n_rows, n_features, n_places)."""
    return vectors.reshape(len(vectors), -1, vectors.shape[-1]).transpose(1, 2)


def _moments(vectors):
    vectors = vectors.transpose(1, 2).reshape(-1, vectors.shape[1])
    return _host(vectors.T @ vectors)


def _host(tensor):
    return tensor.cpu().numpy().astype(np.float64)
