"""Gauss-Newton matrices in the Kronecker-factored eigenbases of layers."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import torch

from skpoison.nets._curvature import gauss_newton_roots
from skpoison.nets._functional import FlatModule, outputs_of_one_row
from skpoison.nets._layer_blocks import LayerBlock, find_blocks, recording


class KroneckerCurvature:
    """Gauss-Newton matrix with a block for each layer, of known eigenvectors.

    The eigenvectors of the block of a `Linear` or `Conv2d` are those of the Kronecker
    product of the second moments of its inputs and of the gradients at its outputs.
    The eigenvalues are the second moments of the gradients along them, which makes the
    block the nearest matrix of these eigenvectors. Parameters of other layers, and of
    those that are used more than once, have the diagonal of the matrix.

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
        n_numbers = self._find_blocks(row)
        for batch in batches(n_numbers):
            self._visit(LayerBlock.add_moments, *batch)
        for block in self._blocks.values():
            block.find_eigenvectors()
        for batch in batches(n_numbers):
            self._visit(LayerBlock.add_eigenvalues, *batch)
        self._find_diagonal(row, batches)
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
        solution[self._others] = v[self._others] / self._diagonal
        for block in self._blocks.values():
            block.solve(v, self._shift, solution)
        return solution

    def _find_blocks(self, row):
        """Find the layers that have blocks, and how many numbers a row takes."""
        function = self._function
        rows = torch.cat([row, row])
        self._blocks, records = find_blocks(
            function.module, function.slices(), lambda: function.module(rows)
        )
        self._n_roots = self._scores(rows).shape[1] - 1
        self._n_outputs = outputs_of_one_row(function.module, row)
        of_blocks = [
            block.n_numbers(*records[name][0], records[name][1], self._n_roots)
            for name, block in self._blocks.items()
        ]
        return 4 * self._n_outputs + sum(of_blocks)

    def _scores(self, rows):
        output = self._function.module(rows)
        output = output[0] if isinstance(output, tuple) else output
        return self._criterion.scores(output)

    def _visit(self, add, rows, codes, weights):
        """Show a batch to each block."""
        parts = {name: block.part for name, block in self._blocks.items()}
        with torch.enable_grad(), recording(parts) as records:
            scores = self._scores(rows)
        scale = weights * self._criterion.scales(codes, scores.shape[1])
        roots = self._criterion.roots(scores.detach()) * scale.sqrt()[:, None, None]
        outputs = [records[name][0][1] for name in self._blocks]
        gradients = [
            torch.autograd.grad(
                scores,
                outputs,
                roots[:, j],
                retain_graph=True,
                materialize_grads=True,
            )
            for j in range(self._n_roots)
        ]
        for i, (name, block) in enumerate(self._blocks.items()):
            inputs = block.flat_inputs(records[name][0][0][0].detach())
            of_block = [block.flat_outputs(of_root[i]) for of_root in gradients]
            add(block, inputs, torch.stack(of_block), weights)

    def _find_diagonal(self, row, batches):
        """Find the diagonal of parameters of no block, and the smallest eigenvalue."""
        taken = [
            part
            for block in self._blocks.values()
            for part in (block.weight, block.bias)
            if part is not None
        ]
        slices = {k: s for k, s in self._function.slices().items() if s not in taken}
        self._others = np.zeros(self._function.n_params, dtype=bool)
        for part in slices.values():
            self._others[part] = True
        self._diagonal = self._shift[self._others]
        if slices:
            self._diagonal = self._diagonal + self._squares(slices, batches)
        smallest = [block.smallest(self._shift) for block in self._blocks.values()]
        self.min_eigenvalue = float(min([*smallest, *self._diagonal]))

    def _squares(self, names, batches):
        """Give the diagonal of the parameters of some names, without the shift."""
        others = FlatModule(self._function.module, names)
        n_numbers = self._n_roots * 2 * (2 * self._n_outputs + others.n_params)
        total = np.zeros(others.n_params)
        for rows, codes, weights in batches(n_numbers):
            scale = weights * self._criterion.scales(codes, self._n_roots + 1)
            with torch.no_grad():
                roots = gauss_newton_roots(others, self._criterion, rows)
            squares = (roots**2 * scale[:, None, None]).sum(dim=(0, 1))
            total += squares.cpu().numpy().astype(np.float64)
        return total
