"""Optimizers of scikit-learn's perceptrons, for many models at once and in place."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import math

import numpy as np


class Adam:
    """Adam on arrays whose first axis is the model."""

    slots = ("ms", "vs")

    def __init__(self, mlp, n_models):
        self._mlp, self._n_models, self.t = mlp, n_models, 0

    def keep(self, kept):
        """Leave out models."""
        self._n_models = kept.sum()

    def rates(self):
        """Learning rate of each model."""
        return np.full(self._n_models, self._rate())

    def _rate(self):
        mlp, t = self._mlp, self.t
        correction = math.sqrt(1 - mlp.beta_2**t) / (1 - mlp.beta_1**t)
        return mlp.learning_rate_init * correction

    def step(self, params, grads, ms, vs):
        """Change the parameters and the slots; the gradients are lost."""
        mlp = self._mlp
        self.t += 1
        rate = self._rate()
        for param, grad, m, v in zip(params, grads, ms, vs, strict=True):
            grad *= 1 - mlp.beta_1
            m *= mlp.beta_1
            m += grad
            np.square(grad, out=grad)
            grad *= (1 - mlp.beta_2) / (1 - mlp.beta_1) ** 2
            v *= mlp.beta_2
            v += grad
            np.sqrt(v, out=grad)
            grad += mlp.epsilon
            np.divide(m, grad, out=grad)
            grad *= rate
            param -= grad

    def end_epoch(self, n_seen):
        """Do nothing: the rate follows the steps."""

    def stops(self, is_stalled):
        """Tell which models stop, of those whose loss has stalled."""
        return is_stalled


class SGD:
    """Gradient descent on arrays whose first axis is the model."""

    slots = ("velocities",)

    def __init__(self, mlp, n_models):
        self._mlp, self.t = mlp, 0
        self._rates = np.full(n_models, float(mlp.learning_rate_init))

    def keep(self, kept):
        """Leave out models."""
        self._rates = self._rates[kept]

    def rates(self):
        """Learning rate of each model."""
        return self._rates

    def step(self, params, grads, velocities):
        """Change the parameters and the slots; the gradients are lost."""
        momentum = self._mlp.momentum
        self.t += 1
        for param, grad, velocity in zip(params, grads, velocities, strict=True):
            rates = self._rates.astype(param.dtype)
            grad *= rates.reshape(-1, *[1] * (grad.ndim - 1))
            velocity *= momentum
            velocity -= grad
            if self._mlp.nesterovs_momentum:
                param -= grad
                param += momentum * velocity
            else:
                param += velocity

    def end_epoch(self, n_seen):
        """Lower the rates by the rows that each model has seen."""
        if self._mlp.learning_rate == "invscaling":
            rate = float(self._mlp.learning_rate_init)
            self._rates = rate / (n_seen + 1) ** self._mlp.power_t

    def stops(self, is_stalled):
        """Tell which models stop; lower the rates of the others that have stalled."""
        if self._mlp.learning_rate != "adaptive":
            return is_stalled
        stops = is_stalled & (self._rates <= 1e-6)
        self._rates[is_stalled & ~stops] /= 5.0
        return stops


OPTIMIZERS = {"adam": Adam, "sgd": SGD}
