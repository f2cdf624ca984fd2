"""Blocks of second derivatives of parameters that have no Kronecker form."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import torch
from scipy import linalg

from skpoison.nets._curvature import gauss_newton_roots
from skpoison.nets._functional import FlatModule

# Parameters up to which those of one part have their whole matrix; 8 MB of it.
MAX_EXACT = 1000


class OtherBlocks:
    """Gauss-Newton matrix of some parameters, with a block for each part of a module.

    A part of up to 1,000 of these parameters, such as a normalization, has its whole
    block, and a larger one, such as an embedding, its diagonal.

    Parameters
    ----------
    function : FlatModule
        Module.

    criterion : RowCriterion
        Its criterion.

    names : list of str
        Names of the parameters.

    shift : ndarray of shape (n_params,)
        What is added to the diagonal, of all parameters of the module.
    """

    def __init__(self, function, criterion, names, shift):
        self._function = FlatModule(function.module, names)
        self._criterion = criterion
        slices = function.slices()
        self._where = _positions([slices[name] for name in self._function.params])
        self.matrices = {
            name: np.zeros((len(part), len(part)))
            for name, part in self._parts().items()
            if len(part) <= MAX_EXACT
        }
        self.diagonal, self._shift = np.zeros(len(self._where)), shift[self._where]

    def n_numbers(self, n_outputs, n_roots):
        """Count what one row takes, of a module whose parts have so many outputs."""
        return 2 * n_roots * (2 * n_outputs + len(self._where))

    def add(self, rows, codes, weights):
        """Add the matrix of a batch."""
        if not len(self._where):
            return
        with torch.no_grad():
            roots = gauss_newton_roots(self._function, self._criterion, rows)
        scale = weights * self._criterion.scales(codes)
        roots = (roots * scale.sqrt()[:, None, None]).flatten(end_dim=1)
        roots = roots.cpu().numpy().astype(np.float64)
        self.diagonal += (roots**2).sum(axis=0)
        for name, part in self._parts().items():
            if name in self.matrices:
                self.matrices[name] += roots[:, part].T @ roots[:, part]

    def solve(self, v, out):
        """Write the product of the inverse, shift included, and a vector."""
        v = v[self._where]
        solution = v / (self.diagonal + self._shift)
        for name, part in self._parts().items():
            if name in self.matrices:
                shifted = self.matrices[name] + np.diag(self._shift[part])
                solution[part] = linalg.solve(shifted, v[part], assume_a="pos")
        out[self._where] = solution

    def smallest(self):
        """Give the smallest eigenvalue, shift included."""
        values = [np.inf]
        for name, part in self._parts().items():
            if name in self.matrices:
                shifted = self.matrices[name] + np.diag(self._shift[part])
                values.append(linalg.eigvalsh(shifted, subset_by_index=(0, 0))[0])
            else:
                values.append((self.diagonal + self._shift)[part].min())
        return float(min(values))

    def _parts(self):
        """Positions, among these parameters, of those of each part of the module."""
        slices = self._function.slices()
        names = dict.fromkeys(name.rpartition(".")[0] for name in slices)
        return {
            part: _positions(
                [s for n, s in slices.items() if n.rpartition(".")[0] == part]
            )
            for part in names
        }


def _positions(slices):
    return np.concatenate(
        [np.empty(0, int), *(np.arange(s.start, s.stop) for s in slices)]
    )
