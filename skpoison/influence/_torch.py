"""Losses of networks of skorch."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import torch
from torch.func import grad, vjp

from skpoison.influence._base import TrainingLoss
from skpoison.nets._criteria import RowCriterion
from skpoison.nets._curvature import (
    gauss_newton_product,
    gauss_newton_roots,
    hessian_columns,
    hessian_product,
)
from skpoison.nets._fitted_net import (
    batch_size_of,
    classes_of,
    criterion_of,
    decays_of,
    module_of,
)
from skpoison.nets._functional import (
    MAX_BYTES,
    FlatModule,
    bytes_at_once,
    dot,
    evaluating,
    outputs_of_one_row,
    to_device,
)
from skpoison.nets._kronecker import KroneckerCurvature

# Columns of second derivatives that are computed together.
N_COLUMNS = 32
# How often the outputs of all parts are in memory, by what is computed.
VALUE, GRADIENT, PRODUCT, SECOND = 2, 4, 6, 10


class ModuleLoss(TrainingLoss):
    """Loss of a module of torch, in evaluation: dropout is off, batch norm fixed.

    Parameters are those that require gradients, in the order of the module: with a
    frozen backbone, those of the last layers alone. Rows are arrays of any shape; those
    of floating-point numbers take the type of the module's parameters.

    Parameters
    ----------
    function : FlatModule
        The module as a function of its parameters.

    criterion : RowCriterion
        The criterion by rows.

    classes : ndarray of shape (n_classes,)
        Class labels.

    decay : ndarray of shape (n_params,)
        Second derivatives of the penalty that each batch adds to its loss.

    batch_size : int or None
        Rows of a batch where the loss of a batch is a sum; `None` where it is a mean.

    Notes
    -----
    Batches of rows are as large as the memory allows, so that results differ from
    those of one batch by rounding alone. Nothing is drawn, and the net stays as it is.
    """

    is_plain = False

    def __init__(self, function, criterion, classes, decay, batch_size=None):
        self.function, self.criterion = function, criterion
        self.classes, self.decay, self.batch_size = classes, decay, batch_size
        self.n_params = function.n_params

    def losses(self, X, codes):
        """Give the loss of each row."""
        with evaluating(self.function.module), torch.no_grad():
            return self._concatenate(
                self._losses(self.function.params, rows, labels)
                for rows, labels, _ in self._batches(X, codes, VALUE)
            )

    def gradient(self, X, codes, weights=None, augment=None):
        """Give the weighted sum of the gradients of rows; without weights the mean.

        `augment` is a function of a tensor of all rows that gives them changed.
        """
        total = np.zeros(self.n_params)
        with evaluating(self.function.module):
            if augment is not None:
                X = augment(self._tensor(X))
            for rows, labels, w in self._batches(X, codes, GRADIENT, weights):
                loss = self._weighted_loss(rows, labels, w)
                total += self.function.vector(grad(loss)(self.function.params))
        return _finite(total)

    def products(self, X, codes, V):
        """Give the product of each row's gradient with V."""
        V = self._tangents(V)
        with evaluating(self.function.module):
            return self._concatenate(
                self._push_losses(rows, labels, V)
                for rows, labels, _ in self._batches(X, codes, PRODUCT)
            )

    def input_gradients(self, X, codes, V, augment=None):
        """Give the derivatives of `products` in the rows, augmented or not.

        `augment` is a differentiable function of a tensor of all rows.
        """
        V = self._tangents(V)
        with evaluating(self.function.module):
            rows = self._tensor(X).to(self.function.dtype)
            if augment is not None:
                rows, pull = vjp(augment, rows)
            parts = [
                self._pull_product(batch, labels, V)
                for batch, labels, _ in self._batches(rows, codes, SECOND)
            ]
            result = torch.cat([rows[:0], *parts])
            if augment is not None:
                (result,) = pull(result)
        return _finite(_to_numpy(result))

    def penalty(self, n_samples):
        """Give the penalty's second derivatives, of the mean objective."""
        if self.criterion.weight is not None and self.decay.any():
            raise ValueError(
                "The net has both a weight for each class and a weight decay, of which "
                "the ratio differs from batch to batch. Train it without one of them."
            )
        if self.batch_size is None:
            return self.decay
        return self.decay / min(self.batch_size, n_samples)

    def curvature_matrix(self, X, codes, kind="gauss_newton", weights=None):
        """Give the mean of second derivatives, or a sum with weights, as a matrix.

        Without the penalty, of shape (n_params, n_params). `kind` is "gauss_newton" or
        "hessian".
        """
        build = self._hessian if kind == "hessian" else self._gauss_newton
        with evaluating(self.function.module):
            return _finite(build(X, codes, weights))

    def curvature_product(self, X, codes, v, kind="gauss_newton", weights=None):
        """Give the product of the matrix of `curvature_matrix` and a vector."""
        total, v = np.zeros(self.n_params), self._tangents(v)
        is_hessian = kind == "hessian"
        multiply = self._hessian_product if is_hessian else self._gauss_newton_product
        with evaluating(self.function.module):
            for rows, labels, w in self._batches(X, codes, SECOND, weights):
                total += self.function.vector(multiply(rows, labels, w, v))
        return _finite(total)

    def kfac(self, X, codes, damping):
        """Give a Kronecker-factored Gauss-Newton matrix, penalty and damping included.

        See :class:`~skpoison.nets._kronecker.KroneckerCurvature`.
        """

        def batches(n_numbers):
            return self._slices(X, codes, self._rows_at_once(n_numbers))

        shift = self.penalty(len(X)) + damping
        matrix = KroneckerCurvature(self.function, self.criterion, shift)
        with evaluating(self.function.module):
            return matrix.fit(self._tensor(X[:1]), batches)

    def _losses(self, params, rows, labels):
        scores = self.criterion.scores(self.function.outputs(params, rows))
        return self.criterion.losses(scores, labels)

    def _weighted_loss(self, rows, labels, weights):
        def loss(params):
            return (weights * self._losses(params, rows, labels)).sum()

        return loss

    def _push_losses(self, rows, labels, V):
        return self.function.push(lambda p: self._losses(p, rows, labels), V)[1]

    def _pull_product(self, rows, labels, V):
        def product(rows):
            def loss(params):
                return self._losses(params, rows, labels).sum()

            return dot(grad(loss)(self.function.params), V)

        return grad(product)(rows)

    def _gauss_newton(self, X, codes, weights):
        total = np.zeros((self.n_params, self.n_params))
        n_more = len(self.classes) * self.n_params * 3
        for rows, labels, w in self._batches(X, codes, SECOND, weights, n_more):
            roots = _to_numpy(gauss_newton_roots(self.function, self.criterion, rows))
            w = _to_numpy(w * self.criterion.scales(labels))
            total += _weighted_gram(roots, w)
        return total

    def _gauss_newton_product(self, rows, labels, weights, v):
        weights = weights * self.criterion.scales(labels)
        return gauss_newton_product(self.function, self.criterion, rows, weights, v)

    def _hessian(self, X, codes, weights):
        total = np.zeros((self.n_params, self.n_params))
        copies = SECOND * N_COLUMNS
        for rows, labels, w in self._batches(X, codes, copies, weights):
            loss = self._weighted_loss(rows, labels, w)
            for start in range(0, self.n_params, N_COLUMNS):
                stop = min(start + N_COLUMNS, self.n_params)
                total[start:stop] += _to_numpy(
                    hessian_columns(self.function, loss, start, stop)
                )
        return (total + total.T) / 2

    def _hessian_product(self, rows, labels, weights, v):
        loss = self._weighted_loss(rows, labels, weights)
        return hessian_product(loss, self.function.params, v)

    def _tangents(self, v):
        return self.function.tensors(np.asarray(v, dtype=float))

    def _tensor(self, X):
        return to_device(X, self.function.device, self.function.dtype)

    def _rows_at_once(self, n_numbers):
        n_bytes = n_numbers * self.function.dtype.itemsize
        return max(1, bytes_at_once(self.function.device, MAX_BYTES) // n_bytes)

    def _batches(self, X, codes, copies, weights=None, n_more=0):
        """Go through rows, their codes and weights, as many at a time as fit."""
        if not len(X):
            return
        row = X[:1] if torch.is_tensor(X) else self._tensor(X[:1])
        n_numbers = outputs_of_one_row(self.function.module, row) + row.numel()
        n_numbers = n_numbers * copies + n_more
        yield from self._slices(X, codes, self._rows_at_once(n_numbers), weights)

    def _slices(self, X, codes, size, weights=None):
        weights = self._weights(len(X), weights)
        for start in range(0, len(X), size):
            part = slice(start, start + size)
            rows = X[part] if torch.is_tensor(X) else self._tensor(X[part])
            labels = to_device(np.asarray(codes[part], np.int64), rows.device)
            w = to_device(weights[part], rows.device, self.function.dtype)
            yield rows, labels, w

    def _concatenate(self, parts):
        return _finite(np.concatenate([np.empty(0), *map(_to_numpy, parts)]))


def module_loss(net):
    """Give the training loss of a fitted classifier of skorch.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        A fitted net of the classes 0, 1, 2, ..., with `CrossEntropyLoss` or `NLLLoss`.

    Returns
    -------
    loss : ModuleLoss
        Its loss; it follows the net where that is trained on.
    """
    function = FlatModule(module_of(net))
    criterion = criterion_of(net)
    size = None if criterion.reduction == "mean" else batch_size_of(net, np.inf)
    decay = function.vector(decays_of(net, function.params))
    return ModuleLoss(function, RowCriterion(criterion), classes_of(net), decay, size)


def _finite(array):
    if not np.isfinite(array).all():
        raise ValueError(
            "The loss of the net, or a derivative of it, is not finite. Rows must be "
            "finite, and for NLLLoss, of which skorch takes the logarithm of the "
            "outputs, the outputs must be probabilities."
        )
    return array


def _to_numpy(tensor):
    return tensor.detach().cpu().numpy().astype(np.float64)


def _weighted_gram(roots, weights):
    """Sum R'R of each row's R times its weight, which may be negative."""
    signs, sizes = np.sign(weights), np.sqrt(np.abs(weights))
    roots *= sizes[:, np.newaxis, np.newaxis]
    left = roots if (signs >= 0).all() else roots * signs[:, np.newaxis, np.newaxis]
    n_params = roots.shape[2]
    return left.reshape(-1, n_params).T @ roots.reshape(-1, n_params)
