"""Gauss-Newton matrices in the Kronecker-factored eigenbases of layers."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import torch

from skpoison.nets._functional import outputs_of_one_row
from skpoison.nets._layer_blocks import LayerBlock, find_blocks, recording
from skpoison.nets._other_blocks import OtherBlocks


class KroneckerCurvature:
    """Gauss-Newton matrix with a block for each layer, of known eigenvectors.

    The eigenvectors of the block of a `Linear` or `Conv2d` are those of the Kronecker
    product of the second moments of its inputs and of the gradients at its outputs.
    The eigenvalues are the second moments of the gradients along them, which makes the
    block the nearest matrix of these eigenvectors. Layers of other kinds, and those
    that are used more than once, are left to `OtherBlocks`.

    Parameters
    ----------
    function : FlatModule
        Module.

    criterion : RowCriterion
        Its criterion. Expectations over classes are exact, not sampled.

    shift : ndarray of shape (n_params,)
        Penalty and damping, added to the diagonal. Within a layer their mean counts.

    Attributes
    ----------
    blocks : dict of str to LayerBlock
        Block of each layer that has one.

    others : OtherBlocks
        Blocks of other parameters.

    min_eigenvalue : float
        Smallest eigenvalue of the approximation, shift included.

    References
    ----------
    .. [1] :arxiv:`George, Laurent, Bouthillier, Ballas and Vincent, "Fast approximate
       natural gradient descent in a Kronecker-factored eigenbasis", 2018
       <1806.03884>`
    .. [2] :arxiv:`Grosse and Martens, "A Kronecker-factored approximate Fisher matrix
       for convolution layers", 2016 <1602.01407>`
    """

    def __init__(self, function, criterion, shift):
        self._function, self._criterion = function, criterion
        self._shift = shift

    def fit(self, row, batches):
        """Find the eigenvectors, and then the eigenvalues.

        Parameters
        ----------
        row : torch.Tensor of shape (1, ...)
            Any row.

        batches : callable
            Takes how many numbers a row takes; goes through rows, codes and weights.

        Returns
        -------
        self : KroneckerCurvature
            The matrix.
        """
        n_numbers, n_numbers_of_others = self._find_blocks(row)
        for batch in batches(n_numbers):
            self._visit(LayerBlock.add_moments, *batch)
        for block in self.blocks.values():
            block.find_eigenvectors()
        for batch in batches(n_numbers):
            self._visit(LayerBlock.add_eigenvalues, *batch)
        for batch in batches(n_numbers_of_others):
            self.others.add(*batch)
        smallest = [block.smallest(self._shift) for block in self.blocks.values()]
        self.min_eigenvalue = min([*smallest, self.others.smallest()])
        return self

    def solve(self, v):
        """Give the product of the inverse and a vector.

        Parameters
        ----------
        v : ndarray of shape (n_params,)
            A vector.

        Returns
        -------
        solution : ndarray of shape (n_params,)
            The product.
        """
        if self.min_eigenvalue <= 0:
            raise ValueError(
                "The Gauss-Newton matrix has an eigenvalue of 0 and no inverse. Give "
                "it a damping above 0."
            )
        solution = np.empty(len(v))
        self.others.solve(v, solution)
        for block in self.blocks.values():
            block.solve(v, self._shift, solution)
        return solution

    def _find_blocks(self, row):
        """Find the blocks, and how many numbers a row takes for either kind."""
        function, slices = self._function, self._function.slices()
        rows = torch.cat([row, row])
        self.blocks, records = find_blocks(
            function.module, slices, lambda: function.module(rows)
        )
        taken = [
            part
            for block in self.blocks.values()
            for part in (block.weight, block.bias)
        ]
        names = [name for name, part in slices.items() if part not in taken]
        self.others = OtherBlocks(function, self._criterion, names, self._shift)
        n_roots = self._scores(rows).shape[1] - 1
        n_outputs = outputs_of_one_row(function.module, row)
        of_blocks = [
            block.n_numbers(*records[name][0], records[name][1], n_roots)
            for name, block in self.blocks.items()
        ]
        n_numbers = 4 * n_outputs + sum(of_blocks)
        return n_numbers, self.others.n_numbers(n_outputs, n_roots)

    def _scores(self, rows):
        output = self._function.module(rows)
        output = output[0] if isinstance(output, tuple) else output
        return self._criterion.scores(output)

    def _visit(self, add, rows, codes, weights):
        """Show a batch to each block."""
        if not self.blocks:
            return
        parts = {name: block.part for name, block in self.blocks.items()}
        with torch.enable_grad(), recording(parts) as records:
            scores = self._scores(rows)
        scale = weights * self._criterion.scales(codes)
        roots = self._criterion.roots(scores.detach()) * scale.sqrt()[:, None, None]
        outputs = [records[name][0][1] for name in self.blocks]
        gradients = [
            torch.autograd.grad(
                scores,
                outputs,
                roots[:, j],
                retain_graph=True,
                materialize_grads=True,
            )
            for j in range(roots.shape[1])
        ]
        for i, (name, block) in enumerate(self.blocks.items()):
            inputs = block.flat_inputs(records[name][0][0][0].detach())
            of_block = [block.flat_outputs(of_root[i]) for of_root in gradients]
            add(block, inputs, torch.stack(of_block, dim=1))
