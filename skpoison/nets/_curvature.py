"""Second derivatives of the losses of modules, in their parameters."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import torch
from torch.func import grad, vjp

from skpoison.nets._functional import at_once, dot


def gauss_newton_roots(function, criterion, rows):
    """Give the Jacobian of each row's scores, times the root of what they bend by.

    Parameters
    ----------
    function : FlatModule
        Module.

    criterion : RowCriterion
        Its criterion.

    rows : torch.Tensor of shape (n_rows, ...)
        Rows.

    Returns
    -------
    roots : torch.Tensor of shape (n_rows, n_classes - 1, n_params)
        For each row R, of which R'R, times the row's scale, is the Gauss-Newton matrix.
    """

    def of_row(row):
        def scores(params):
            return criterion.scores(function.outputs(params, row.unsqueeze(0)))

        value, pull = vjp(scores, function.params)
        roots = criterion.roots(value)[0].unsqueeze(1)
        return at_once(lambda root: function.join(pull(root)[0]), roots)

    return at_once(of_row, rows)


def gauss_newton_product(function, criterion, rows, weights, tangents):
    """Give the product of a sum of Gauss-Newton matrices and a vector.

    Parameters
    ----------
    function : FlatModule
        Module.

    criterion : RowCriterion
        Its criterion.

    rows : torch.Tensor of shape (n_rows, ...)
        Rows.

    weights : torch.Tensor of shape (n_rows,)
        What the matrix of each row is multiplied by, its scale included.

    tangents : dict of str to torch.Tensor
        The vector.

    Returns
    -------
    product : dict of str to torch.Tensor
        The product.
    """

    def scores(params):
        return criterion.scores(function.outputs(params, rows))

    values, changes = function.push(scores, tangents)
    bent = criterion.bend(values, changes) * weights.unsqueeze(1)
    return vjp(scores, function.params)[1](bent)[0]


def hessian_product(loss, params, tangents):
    """Give the product of second derivatives and a vector.

    Parameters
    ----------
    loss : callable
        Function of the parameters, of which the value is a number.

    params : dict of str to torch.Tensor
        The parameters.

    tangents : dict of str to torch.Tensor
        The vector.

    Returns
    -------
    product : dict of str to torch.Tensor
        The product.
    """
    return grad(lambda params: dot(grad(loss)(params), tangents))(params)


def hessian_columns(function, loss, first, last):
    """Give columns of a matrix of second derivatives.

    Parameters
    ----------
    function : FlatModule
        Module.

    loss : callable
        Function of the parameters, of which the value is a number.

    first, last : int
        The columns from the first to before the last.

    Returns
    -------
    columns : torch.Tensor of shape (n_columns, n_params)
        The columns, as rows.
    """
    basis = torch.zeros(last - first, function.n_params, dtype=function.dtype)
    basis[torch.arange(last - first), torch.arange(first, last)] = 1

    def column(vector):
        tangents = function.split(vector)
        return function.join(hessian_product(loss, function.params, tangents))

    return at_once(column, basis.to(function.device))
