"""Training of many multi-layer perceptrons as one network with a model axis."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import math
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit
from sklearn.utils import shuffle

from skpoison.refit._minibatches import SharedBatches, places_of_poison
from skpoison.refit._mlp_optimizers import OPTIMIZERS


def layers_of(first, rest, units):
    """Weights (n_models, n_out, n_in) and intercepts (n_models, n_out, 1), as views.

    The weights of the first layer have an array of their own, so that those of all
    models are one matrix.
    """
    weights, intercepts, start = [first], [], 0
    for n_in, n_out in pairwise(units[1:]):
        stop = start + n_in * n_out
        weights.append(rest[:, start:stop].reshape(len(rest), n_out, n_in))
        start = stop
    for n_out in units[1:]:
        intercepts.append(rest[:, start : start + n_out, np.newaxis])
        start += n_out
    return weights, intercepts


def count_rest(units):
    """Count the parameters of a model outside of the weights of its first layer."""
    return sum(units[1:]) + int(np.dot(units[1:-1], units[2:]))


def draw_initial(units, activation, rng, first, rest):
    """Draw the parameters of one model as scikit-learn does."""
    weights, intercepts = layers_of(first[np.newaxis], rest[np.newaxis], units)
    for weight, intercept in zip(weights, intercepts, strict=True):
        _, n_out, n_in = weight.shape
        factor = 2.0 if activation == "logistic" else 6.0
        bound = np.sqrt(factor / (n_in + n_out))
        weight[0] = rng.uniform(-bound, bound, (n_in, n_out)).T
        intercept[0, :, 0] = rng.uniform(-bound, bound, n_out)


def activate(name, values):
    """Apply the activation of a hidden layer in place."""
    if name == "relu":
        np.maximum(values, 0, out=values)
    elif name == "tanh":
        np.tanh(values, out=values)
    elif name == "logistic":
        expit(values, out=values)


def _multiply_by_derivative(name, values, deltas):
    """Multiply deltas by the activation's derivative; `values` are lost."""
    if name == "relu":
        np.multiply(deltas, values > 0, out=deltas)
    elif name == "tanh":
        np.subtract(1, np.square(values, out=values), out=values)
        deltas *= values
    elif name == "logistic":
        deltas *= values
        deltas *= np.subtract(1, values, out=values)


def as_probabilities(values):
    """Apply the activation of the last layer in place."""
    if values.shape[1] == 1:
        expit(values, out=values)
        return
    values -= values.max(axis=1, keepdims=True)
    np.exp(values, out=values)
    values /= values.sum(axis=1, keepdims=True)


@dataclass
class Trained:
    """What training one model gives."""

    arrays: list
    loss_curve: list
    best_loss: float
    stalled: int
    n_seen: int
    n_steps: int
    learning_rate: float
    converged: bool


class Block:
    """Models that are trained together; their epochs have equally many batches.

    Parameters
    ----------
    mlp : MLPClassifier
        Holds the settings.

    X : ndarray of shape (n_rows, n_features)
        The clean rows, and then the poison of each model.

    targets : ndarray of shape (n_rows, n_outputs), dtype=bool
        Indicators of their classes.

    n_poison : ndarray of shape (n_models,)
        Poison rows of each model.

    units : list of int
        Size of each layer, the input among them.

    batch_size : int
        Rows in a batch.

    shuffles : RandomState or None
        Shuffles the clean rows before each epoch; `None` keeps their order.

    streams : list of Generator
        Each model's own, which places its poison.
    """

    def __init__(
        self, mlp, X, targets, n_poison, *, units, batch_size, shuffles, streams
    ):
        self._mlp, self._X, self._targets, self._units = mlp, X, targets, units
        self._n_poison, self._batch_size = n_poison, batch_size
        self._shuffles, self._streams = deepcopy(shuffles), streams
        self._n_clean = len(X) - int(n_poison.sum())
        self._first_poison = self._n_clean + np.cumsum(n_poison) - n_poison
        self._penalty = np.zeros(count_rest(units), dtype=X.dtype)
        self._penalty[: -sum(units[1:])] = mlp.alpha
        self._memory = {}

    def train(self, params):
        """Train until every model has stopped; yield their numbers and results."""
        mlp, n_models = self._mlp, len(self._n_poison)
        optimizer = OPTIMIZERS[mlp.solver](mlp, n_models)
        state = [params, *([np.zeros_like(p) for p in params] for _ in optimizer.slots)]
        alive, order = np.arange(n_models), np.arange(self._n_clean)
        best, stalled = np.full(n_models, np.inf), np.zeros(n_models, dtype=int)
        curves = [[] for _ in alive]
        for epoch in range(1, mlp.max_iter + 1):
            if self._shuffles is not None:
                order = shuffle(order, random_state=self._shuffles)
            loss = self._train_epoch(order, alive, state, optimizer)
            for j, value in zip(alive, loss, strict=True):
                curves[j].append(value)
            stalled = np.where(loss > best - mlp.tol, stalled + 1, 0)
            best = np.where(loss < best, loss, best)
            n_seen = epoch * (self._n_clean + self._n_poison[alive])
            optimizer.end_epoch(n_seen)
            is_stalled = stalled > mlp.n_iter_no_change
            stops = optimizer.stops(is_stalled)
            stalled[is_stalled & ~stops] = 0
            is_last = stops | (epoch == mlp.max_iter)
            for i in np.flatnonzero(is_last):
                yield (
                    alive[i],
                    Trained(
                        arrays=[[a[i].copy() for a in arrays] for arrays in state],
                        loss_curve=curves[alive[i]],
                        best_loss=best[i],
                        stalled=int(stalled[i]),
                        n_seen=int(n_seen[i]),
                        n_steps=optimizer.t,
                        learning_rate=float(optimizer.rates()[i]),
                        converged=bool(stops[i]),
                    ),
                )
            if is_last.all():
                return
            if is_last.any():
                kept = ~is_last
                state = [[a[kept] for a in arrays] for arrays in state]
                alive, best, stalled = alive[kept], best[kept], stalled[kept]
                optimizer.keep(kept)

    def _train_epoch(self, order, alive, state, optimizer):
        """Go through all batches once; return the mean loss of each model."""
        places = [
            places_of_poison(
                self._n_clean,
                self._n_poison[j],
                self._batch_size,
                None if self._shuffles is None else self._streams[j],
            )
            for j in alive
        ]
        batches = SharedBatches(
            order, places, self._batch_size, self._first_poison[alive]
        )
        params = state[0]
        grads = [self._empty(f"gradient {i}", p.shape) for i, p in enumerate(params)]
        loss = np.zeros(len(alive))
        for shared, own, mask, sizes in batches:
            X_shared, X_own = self._take("shared", shared), self._take("own", own)
            values = self._forward(params, X_shared, X_own)
            self._subtract_targets(values[-1], shared, own)
            loss += _losses(values[-1], mask)
            if self._mlp.alpha:
                loss += self._l2_terms(*params)
            self._backward(params, grads, values, X_shared, X_own, mask, sizes)
            optimizer.step(params, grads, *state[1:])
        return loss / batches.n_rows

    def _forward(self, params, X_shared, X_own):
        """Values of each layer, of shape (n_models, n_units, n_rows)."""
        n_models, n_own = X_own.shape[:2]
        n_rows = n_own + len(X_shared)
        values = []
        for i, (weight, intercept) in enumerate(
            zip(*layers_of(*params, self._units), strict=True)
        ):
            z = self._empty(f"layer {i}", (n_models, weight.shape[1], n_rows))
            if i:
                np.matmul(weight, values[-1], out=z)
            else:
                of_all = z.reshape(-1, n_rows)
                np.matmul(
                    weight.reshape(len(of_all), -1), X_shared.T, out=of_all[:, n_own:]
                )
                np.matmul(weight, X_own.transpose(0, 2, 1), out=z[:, :, :n_own])
            z += intercept
            values.append(z)
            if i < len(self._units) - 2:
                activate(self._mlp.activation, z)
        as_probabilities(values[-1])
        return values

    def _subtract_targets(self, probabilities, shared, own):
        n_own = own.shape[1]
        probabilities[:, :, :n_own] -= self._targets[own].transpose(0, 2, 1)
        probabilities[:, :, n_own:] -= self._targets[shared].T

    def _l2_terms(self, first, rest):
        """L2 term of each model, times the rows of the batch."""
        flat = first.reshape(len(first), -1)
        of_first = self._mlp.alpha * np.vecdot(flat, flat)
        return 0.5 * (of_first + np.square(rest) @ self._penalty)

    def _backward(self, params, grads, values, X_shared, X_own, mask, sizes):
        """Write the gradients of the mean loss over each model's batch."""
        deltas = values[-1]
        inverse = (1 / sizes).astype(deltas.dtype)
        deltas *= inverse[:, np.newaxis, np.newaxis]
        n_own = X_own.shape[1]
        if mask is not None:
            deltas[:, :, :n_own] *= mask[:, np.newaxis]
        weights, _ = layers_of(*params, self._units)
        w_grads, b_grads = layers_of(*grads, self._units)
        for i in range(len(weights) - 1, 0, -1):
            np.matmul(deltas, values[i - 1].transpose(0, 2, 1), out=w_grads[i])
            deltas.sum(axis=2, keepdims=True, out=b_grads[i])
            before = self._empty(f"deltas {i}", values[i - 1].shape)
            # Where there is one output, a plain product is faster than matmul.
            multiply = np.multiply if deltas.shape[1] == 1 else np.matmul
            multiply(weights[i].transpose(0, 2, 1), deltas, out=before)
            _multiply_by_derivative(self._mlp.activation, values[i - 1], before)
            deltas = before
        deltas.sum(axis=2, keepdims=True, out=b_grads[0])
        of_all = deltas.reshape(-1, deltas.shape[2])
        np.matmul(of_all[:, n_own:], X_shared, out=grads[0].reshape(len(of_all), -1))
        scratch = self._empty("scratch", grads[0].shape)
        grads[0] += np.matmul(deltas[:, :, :n_own], X_own, out=scratch)
        if self._mlp.alpha:
            first, rest = params
            scale = self._mlp.alpha * inverse[:, np.newaxis, np.newaxis]
            grads[0] += np.multiply(first, scale, out=scratch)
            grads[1] += inverse[:, np.newaxis] * self._penalty * rest

    def _take(self, name, rows):
        """Rows of X, in memory that is used again."""
        out = self._empty(name, (*rows.shape, self._X.shape[1]))
        # Any other mode than "raise" writes to `out` without a copy.
        return np.take(self._X, rows, axis=0, out=out, mode="clip")

    def _empty(self, name, shape):
        """Uninitialized array in memory that is used again and again."""
        size = math.prod(shape)
        if name not in self._memory or len(self._memory[name]) < size:
            self._memory[name] = np.empty(size, dtype=self._X.dtype)
        return self._memory[name][:size].reshape(shape)


def _losses(errors, mask):
    """Sum of the losses of each model's rows."""
    # Of several errors, the one that is negative is that of the true class.
    true = 1 - np.abs(errors[:, 0]) if errors.shape[1] == 1 else 1 + errors.min(axis=1)
    eps = np.finfo(true.dtype).eps
    losses = np.log(np.clip(true, eps, 1 - eps, out=true), out=true)
    if mask is not None:
        losses[:, : mask.shape[1]] *= mask
    return -losses.sum(axis=1, dtype=float)
