"""Losses of scikit-learn's multilayer perceptrons."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.utils.extmath import safe_sparse_dot

from skpoison.influence._activations import ACTIVATIONS
from skpoison.influence._base import TrainingLoss
from skpoison.influence._links import Logistic, Softmax
from skpoison.influence._network_curvature import network_matrix, network_product


class NetworkLoss(TrainingLoss):
    """Loss of a network of dense layers.

    Parameters are the weights of a layer, row by row, and its intercepts, one layer
    after the other.

    Parameters
    ----------
    coefs : list of ndarray of shape (n_inputs, n_units)
        Weights of each layer.

    intercepts : list of ndarray of shape (n_units,)
        Intercepts of each layer.

    activation : {"identity", "relu", "tanh", "logistic"}
        Activation of hidden layers.

    link : object
        Loss as a function of the outputs.

    classes : ndarray of shape (n_classes,)
        Class labels.

    weight_decay : float
        Second derivative of the penalty of the weights, of the objective that sums
        over the rows of a batch.

    batch_size : int or None
        Rows of a batch; `None` where each step takes all rows.
    """

    def __init__(
        self, coefs, intercepts, activation, link, classes, weight_decay, batch_size
    ):
        self.coefs, self.intercepts = coefs, intercepts
        self.activation, self.link, self.classes = activation, link, classes
        self.weight_decay, self.batch_size = weight_decay, batch_size
        self.n_params = sum(W.size + len(b) for W, b in self._layers())

    def outputs(self, X):
        """Give the outputs, of shape (n_samples, n_outputs)."""
        return self.forward(X)[0][-1]

    def forward(self, X):
        """Give the inputs of the activations and the inputs of the layers."""
        activate = ACTIVATIONS[self.activation][0]
        before, inputs = [], [X]
        for W, b in self._layers():
            before.append(safe_sparse_dot(inputs[-1], W, dense_output=True) + b)
            inputs.append(activate(before[-1]))
        return before, inputs[:-1]

    def losses(self, X, codes):
        """Give the loss of each row."""
        return self.link.losses(self.outputs(X), codes)

    def gradient(self, X, codes, weights=None):
        """Give the weighted sum of the gradients of rows; without weights the mean."""
        before, inputs = self.forward(X)
        weights = self._weights(X.shape[0], weights)
        D = self.link.residuals(before[-1], codes) * weights[:, np.newaxis]
        return self.backward(before, inputs, D)

    def backward(self, before, inputs, D):
        """Give the derivatives in the parameters of the sum of outputs times D."""
        parts = []
        for Z, D_layer in zip(inputs, self.slopes(before, D), strict=True):
            G = safe_sparse_dot(Z.T, D_layer, dense_output=True)
            parts += [np.asarray(G).ravel(), D_layer.sum(axis=0)]
        return np.concatenate(parts)

    def slopes(self, before, D):
        """Give the derivatives of outputs times D in the inputs of each activation."""
        slope, parts = ACTIVATIONS[self.activation][1], [D]
        for layer in range(len(self.coefs) - 1, 0, -1):
            D = (D @ self.coefs[layer].T) * slope(before[layer - 1])
            parts.append(D)
        return parts[::-1]

    def curvature_matrix(self, X, codes, kind="gauss_newton", weights=None):
        """Give the second derivatives of the weighted loss of rows."""
        self.check_curvature(kind)
        weights = self._weights(X.shape[0], weights)
        return network_matrix(self, X, codes, kind, weights)

    def curvature_product(self, X, codes, v, kind="gauss_newton", weights=None):
        """Give the product of the same matrix with v."""
        self.check_curvature(kind)
        weights = self._weights(X.shape[0], weights)
        return network_product(self, X, codes, v, kind, weights)

    def products(self, X, codes, V):
        """Give the product of each row's gradient with V."""
        before, inputs = self.forward(X)
        T = self.tangents_of(before, inputs, V)[-1]
        return np.einsum("ij,ij->i", self.link.residuals(before[-1], codes), T)

    def tangents(self, X, V):
        """Give the change of the outputs where parameters change by V."""
        before, inputs = self.forward(X)
        return self.tangents_of(before, inputs, V)[-1]

    def input_gradients(self, X, codes, V):
        """Give the derivatives of `products` in the rows."""
        _, slope, bend = ACTIVATIONS[self.activation]
        before, inputs = self.forward(X)
        tangents, V = self.tangents_of(before, inputs, V), self.split(V)
        # Of the products in the outputs' tangents, and in the outputs.
        D_tangent = self.link.residuals(before[-1], codes)
        D = self.link.bend(before[-1], codes, tangents[-1])
        for layer in range(len(self.coefs) - 1, -1, -1):
            W = self.coefs[layer].T
            D_tangent, D = D_tangent @ W, D_tangent @ V[layer][0].T + D @ W
            if layer:
                Z = before[layer - 1]
                D = bend(Z) * tangents[layer - 1] * D_tangent + slope(Z) * D
                D_tangent = slope(Z) * D_tangent
        return D

    def check_curvature(self, kind):
        """Raise for Hessians that have no closed form here."""
        if kind == "hessian" and len(self.coefs) > 2:
            raise ValueError(
                "The Hessian of a network is known in closed form for one hidden "
                f"layer. This one has {len(self.coefs) - 1}. Use the curvature "
                "'gauss_newton'."
            )

    def flat_directions(self):
        """Give directions in parameters that leave loss and penalty as they are.

        The same shift of all outputs of a softmax is one.
        """
        if not isinstance(self.link, Softmax):
            return np.empty((0, self.n_params))
        n_hidden, n_outputs = self.coefs[-1].shape
        shifts = np.repeat(np.eye(n_hidden + 1), n_outputs, axis=1)
        flat = np.zeros((n_hidden + 1, self.n_params))
        flat[:, -shifts.shape[1] :] = shifts / np.sqrt(n_outputs)
        return flat if self.weight_decay == 0 else flat[-1:]

    def penalty(self, n_samples):
        """Give the penalty's second derivatives, of the mean objective."""
        rows = n_samples if self.batch_size is None else min(self.batch_size, n_samples)
        decay = self.weight_decay / rows
        return np.concatenate(
            [
                part
                for W, b in self._layers()
                for part in (np.full(W.size, decay), np.zeros(len(b)))
            ]
        )

    def parameters(self):
        """Give the parameters as one vector."""
        return np.concatenate([p.ravel() for layer in self._layers() for p in layer])

    def split(self, V):
        """Give the weights and intercepts of each layer that are in one vector."""
        parts, at = [], 0
        for W, b in self._layers():
            middle, end = at + W.size, at + W.size + len(b)
            parts.append((V[at:middle].reshape(W.shape), V[middle:end]))
            at = end
        return parts

    def _layers(self):
        return zip(self.coefs, self.intercepts, strict=True)

    def tangents_of(self, before, inputs, V):
        """Give the change of what activations take where parameters change by V."""
        slope, tangents = ACTIVATIONS[self.activation][1], []
        for layer, (V_coef, V_intercept) in enumerate(self.split(V)):
            T = safe_sparse_dot(inputs[layer], V_coef, dense_output=True) + V_intercept
            if layer:
                T += (slope(before[layer - 1]) * tangents[-1]) @ self.coefs[layer]
            tangents.append(T)
        return tangents


def network_loss(model):
    """Loss of a fitted MLPClassifier; None for other models and for several labels."""
    if not isinstance(model, MLPClassifier) or np.ndim(model.classes_) != 1:
        return None
    is_binary = model.out_activation_ == "logistic"
    if is_binary and model.n_outputs_ > 1:
        return None
    batch = None
    if model.solver != "lbfgs":
        batch = 200 if model.batch_size == "auto" else model.batch_size
    return NetworkLoss(
        [np.asarray(W, dtype=float) for W in model.coefs_],
        [np.asarray(b, dtype=float) for b in model.intercepts_],
        model.activation,
        Logistic() if is_binary else Softmax(),
        model.classes_,
        model.alpha,
        batch,
    )
