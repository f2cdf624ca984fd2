"""Modules of torch as functions of a vector of parameters and of rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from contextlib import contextmanager

import numpy as np
import torch
from torch.func import functional_call, grad, jvp, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

# What the outputs of a batch may take on a CPU; a larger batch is not faster there.
MAX_BYTES = 2**27


@contextmanager
def evaluating(module):
    """Switch a module to evaluation, and each of its parts back after it.

    Attention has its plain form meanwhile: the fused ones have one derivative only.

    Parameters
    ----------
    module : torch.nn.Module
        Module to switch.

    Yields
    ------
    module : torch.nn.Module
        The module.
    """
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield module
    finally:
        for part, mode in modes:
            part.training = mode


@contextmanager
def seeded(seed):
    """Seed torch's generators, and give them back as they were.

    Parameters
    ----------
    seed : int or None
        Seed; with `None` the generators are used as they are.
    """
    if seed is None:
        yield
        return
    # Without the list torch warns where there is more than one GPU.
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


@contextmanager
def threads(n_threads):
    """Compute with some threads on the CPU.

    Parameters
    ----------
    n_threads : int or None
        Number of threads; with `None` it is left as it is.
    """
    if n_threads is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def to_device(array, device, dtype=None):
    """Copy an array to a device.

    Parameters
    ----------
    array : ndarray
        Numbers; an array that may be written is shared where the device allows it.

    device : str or torch.device
        Where to.

    dtype : torch.dtype, default=None
        Type for floating-point numbers; others, such as tokens, keep theirs.

    Returns
    -------
    tensor : torch.Tensor
        Tensor of the same shape.
    """
    tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))
    return tensor.to(device, dtype if tensor.is_floating_point() else None)


def outputs_of_one_row(module, row):
    """Count the numbers that all parts of a module put out for one row.

    Parameters
    ----------
    module : torch.nn.Module
        Module to run.

    row : torch.Tensor of shape (1, ...)
        Batch of one row.

    Returns
    -------
    n_outputs : int
        Sum of the sizes of their outputs.
    """
    counts = []

    def count(part, inputs, output):
        if torch.is_tensor(output):
            counts.append(output[0].numel())

    hooks = [part.register_forward_hook(count) for part in module.modules()]
    try:
        with torch.no_grad(), torch.random.fork_rng(), evaluating(module):
            module(row)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counts)


def bytes_at_once(device, on_cpu):
    """Give the memory that one batch may take.

    Parameters
    ----------
    device : str or torch.device
        Where it is computed.

    on_cpu : int
        The answer for a CPU; on a GPU it is a third of what is free.

    Returns
    -------
    n_bytes : int
        Number of bytes.
    """
    device = torch.device(device)
    return torch.cuda.mem_get_info(device)[0] // 3 if device.type == "cuda" else on_cpu


def at_once(function, *stacks):
    """Apply a function along the first axis, at once where torch can, else in a loop.

    Parameters
    ----------
    function : callable
        Takes one item of each stack; returns a tensor.

    *stacks : torch.Tensor
        Arguments, stacked.

    Returns
    -------
    results : torch.Tensor
        Results, stacked.
    """
    try:
        with warnings.catch_warnings():
            # Said of parts that torch itself runs one by one.
            warnings.filterwarnings("error", message="There is a performance drop")
            return vmap(function)(*stacks)
    except (RuntimeError, UserWarning):
        return torch.stack([function(*items) for items in zip(*stacks, strict=True)])


class FlatModule:
    """A module as a function of its parameters as one vector, in evaluation.

    Parameters that do not require gradients are no parameters here.

    Parameters
    ----------
    module : torch.nn.Module
        A module; it is shared, not copied.

    names : collection of str, default=None
        Names of the parameters to vary; `None` for all that require gradients.

    Attributes
    ----------
    params : dict of str to torch.Tensor
        The parameters, which share the memory of the module's.

    n_params : int
        Length of the vector.

    dtype : torch.dtype
        Type of floating-point rows.

    device : torch.device
        Where the module is.
    """

    def __init__(self, module, names=None):
        self.module = module
        self.params = {
            name: param.detach()
            for name, param in module.named_parameters()
            if (param.requires_grad if names is None else name in names)
        }
        self.n_params = sum(param.numel() for param in self.params.values())
        first = next(module.parameters())
        self.dtype, self.device = first.dtype, first.device

    def outputs(self, params, rows):
        """Give the outputs of rows, of a tuple of outputs the first."""
        output = functional_call(self.module, params, (rows,))
        return output[0] if isinstance(output, tuple) else output

    def join(self, params):
        """Concatenate tensors of the shapes of the parameters."""
        return torch.cat([params[name].reshape(-1) for name in self.params])

    def slices(self):
        """Give where each parameter is in the vector, by name."""
        ends = np.cumsum([param.numel() for param in self.params.values()]).tolist()
        starts = [0, *ends[:-1]]
        return dict(zip(self.params, map(slice, starts, ends), strict=True))

    def split(self, vector):
        """Give tensors of the shapes and types of the parameters, by name."""
        return {
            name: vector[part].reshape(self.params[name].shape).to(self.params[name])
            for name, part in self.slices().items()
        }

    def vector(self, params):
        """Give tensors of the shapes of the parameters as one float64 array."""
        return self.join(params).detach().cpu().numpy().astype(np.float64)

    def tensors(self, vector):
        """Give a float64 array as tensors of the shapes of the parameters, by name."""
        return self.split(to_device(np.asarray(vector), "cpu"))

    def push(self, function, tangents):
        """Give the value of a function of the parameters and its change along tangents.

        Forward mode, or, for parts that have none, the derivative of the pull-back,
        which is linear in what is pulled back.
        """
        try:
            return self._push(function, tangents)
        except RuntimeError:
            value, pull = vjp(function, self.params)

            def product(cotangents):
                return dot(pull(cotangents)[0], tangents)

            return value, grad(product)(torch.zeros_like(value))

    def _push(self, function, tangents):
        with warnings.catch_warnings():
            # Loading forward mode warns of torch's own use of torch.jit.
            warnings.filterwarnings("ignore", message=".*torch.jit.script.*")
            return jvp(function, (self.params,), (tangents,))


def dot(left, right):
    """Give the inner product of two sets of tensors of the same names."""
    return sum((left[name] * right[name]).sum() for name in left)
