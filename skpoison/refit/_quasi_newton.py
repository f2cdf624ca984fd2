"""Preconditioned L-BFGS on many convex objectives at once.

Every model has a step, a line search and a memory of its own; what they share are the
products with the clean rows. The result for one model does not depend on the others.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, field

import numpy as np

from skpoison.refit._line_search import OVERSHOOT, LineSearch, dot

MEMORY = 10
# Change of the margins of clean rows that one step may bring, beyond which nothing is
# known of their curvature.
MAX_REACH = 3.0
# Steps without progress after which no step may overshoot.
PATIENCE = 10
# Steps without progress after which a model is left where it is: there is nothing but
# rounding. Decrements up to so many times the limit still count as converged then.
RESIGNATION, SLACK = 40, 100
# Steps between exact second derivatives, for models that are still not done.
REFRESH_AFTER, REFRESH_EVERY = 15, 8
# Steps after which each is one of Newton's, where matrices are not too large.
NEWTON_AFTER = 40
MAX_STEPS = {np.float32: 15, np.float64: 2000}


@dataclass
class Stop:
    """When a model is done.

    Attributes
    ----------
    decrements : ndarray of shape (n_models,)
        Largest Newton decrement.

    relative : float
        The same, relative to the norm of the coefficients that the penalty measures;
        never below a thousandth of the first.

    gradients : ndarray of shape (n_models,)
        Largest absolute entry of the gradient.

    noise : ndarray of shape (n_features, 1)
        Gradient entries below which there is nothing but rounding.
    """

    decrements: np.ndarray
    relative: float
    gradients: np.ndarray
    noise: np.ndarray


@dataclass
class Batch:
    """The models that are not done yet, and where they are."""

    models: np.ndarray
    W: np.ndarray
    G: np.ndarray
    pairs: list = field(default_factory=list)

    def keep(self, chosen):
        """Leave only the chosen models."""
        self.models = self.models[chosen]
        self.W, self.G = self.W[..., chosen], self.G[..., chosen]
        self.pairs = [tuple(a[..., chosen] for a in pair) for pair in self.pairs]

    def remember(self, S, Y):
        """Add the last step and what it did to the gradient."""
        curvature = dot(S, Y)
        floor = 1e-14 * np.sqrt(dot(S, S)) * np.sqrt(dot(Y, Y)) + np.finfo(float).tiny
        rho = np.zeros_like(curvature)
        np.divide(1, curvature, out=rho, where=curvature > floor)
        self.pairs = [*self.pairs[1 - MEMORY :], (S, Y, rho)]

    def forget(self, chosen):
        """Drop the memory of the chosen models."""
        for _, _, rho in self.pairs:
            rho[chosen] = 0


class QuasiNewton:
    """Minimizes the objectives of a problem, in one precision after the other.

    Parameters
    ----------
    problem : LinearProblem
        The objectives.

    preconditioner : BlockPreconditioner or DiagonalPreconditioner
        Approximate inverse second derivatives.

    W : ndarray of shape (n_features, n_outputs, n_models)
        Where to start; the optima in the end.

    G : ndarray of shape (n_features, n_outputs, n_models)
        Gradients there.

    Attributes
    ----------
    decrements : ndarray of shape (n_models,)
        Newton decrements at W.

    n_iter : ndarray of shape (n_models,)
        Number of steps.

    converged : ndarray of shape (n_models,)
        Whether each model stopped at its tolerance.
    """

    def __init__(self, problem, preconditioner, W, G):
        self.problem, self.preconditioner = problem, preconditioner
        self.W, self.G = W, G
        m = problem.n_models
        self.decrements = np.full(m, np.inf)
        self.n_iter = np.zeros(m, dtype=int)
        self.converged = np.zeros(m, dtype=bool)
        self._best = np.full(m, np.inf)
        self._without_progress = np.zeros(m, dtype=int)
        self._fresh = np.zeros(m, dtype=bool)
        self._store = []

    def run(self, stop, dtype):
        """Take steps until each model is done, with products in this precision."""
        batch = self._enter()
        for step in range(MAX_STEPS[dtype]):
            P, slopes = self._directions(batch)
            done = self._check(batch, slopes, stop)
            self._leave(batch, done)
            P, slopes = P[..., ~done], slopes[~done]
            if len(batch.models) == 0:
                return
            shares = self._shares(P, step)
            moved = self._step(batch, P * shares, slopes * shares, dtype)
            if dtype is np.float64:
                self._rescue(batch, moved, step)
            else:
                self._leave(batch, ~moved)
        self._leave(batch, np.ones(len(batch.models), dtype=bool))

    def _shares(self, P, step):
        """Take whole steps, or as much of them as does not reach too far."""
        if self._is_newton(step):
            return np.ones(P.shape[2])
        return np.minimum(1, MAX_REACH / np.maximum(self.problem.reach(P), 1e-9))

    def _is_newton(self, step):
        return self.preconditioner.has_whole and step > NEWTON_AFTER

    def _directions(self, batch):
        """Step and slope of each model."""
        Q, shares = batch.G.copy(), []
        for S, Y, rho in reversed(batch.pairs):
            share = rho * dot(S, Q)
            Q -= share * Y
            shares.append(share)
        Q = self.preconditioner.solve(Q, batch.models)
        for S, Y, rho in batch.pairs:
            Q += (shares.pop() - rho * dot(Y, Q)) * S
        if Q.shape[1] > 1:
            # Outputs may all be shifted by the same; that direction is left alone.
            Q -= Q.mean(axis=1, keepdims=True)
        P = np.negative(Q, out=Q)
        slopes = dot(batch.G, P)
        return self._downhill(batch, P, slopes)

    def _downhill(self, batch, P, slopes):
        """Forget the memory of models that it sends uphill."""
        wrong = ~(slopes <= 0)
        if wrong.any():
            batch.forget(wrong)
            P[..., wrong] = -self.preconditioner.solve(
                batch.G[..., wrong], batch.models[wrong]
            )
            slopes = dot(batch.G, P)
        return P, slopes

    def _check(self, batch, slopes, stop):
        """Note the decrements; tell which models are done, or will never be."""
        at = batch.models
        largest = np.abs(batch.G).max(axis=(0, 1))
        self.decrements[at] = np.sqrt(np.maximum(-slopes, 0))
        norms = np.sqrt(dot(self.problem.penalty[:, :, at] * batch.W, batch.W))
        limits = stop.decrements[at]
        limits = np.clip(stop.relative * norms, 1e-3 * limits, limits)
        done = self.decrements[at] <= limits
        done &= largest <= stop.gradients[at]
        done |= (np.abs(batch.G) <= stop.noise[:, np.newaxis]).all(axis=(0, 1))
        near = self.decrements[at] <= SLACK * limits
        patience = np.where(near, RESIGNATION, 10 * RESIGNATION)
        resigned = self._without_progress[at] >= patience
        self.converged[at] = done | (resigned & near)
        better = self.decrements[at] < self._best[at]
        self._best[at] = np.minimum(self._best[at], self.decrements[at])
        self._without_progress[at] = np.where(better, 0, self._without_progress[at] + 1)
        return done | resigned

    def _step(self, batch, P, slopes, dtype):
        """Step to where no slope is too steep; tell which models have moved."""
        search = LineSearch(self.problem, batch, P, slopes, dtype)
        patient = self._without_progress[batch.models] < PATIENCE
        moved = search.run(np.where(patient, OVERSHOOT, 0))
        batch.remember(search.W - batch.W, search.G - batch.G)
        batch.W, batch.G = search.W, search.G
        self.n_iter[batch.models] += 1
        return moved

    def _rescue(self, batch, moved, step):
        """Take exact second derivatives where steps are short or do not end."""
        # Stuck with exact second derivatives: rounding is all that moves.
        hopeless = ~moved & self._fresh[batch.models]
        self._leave(batch, hopeless)
        whole = ~moved[~hopeless] | self._is_newton(step + 1)
        due = step >= REFRESH_AFTER and (step - REFRESH_AFTER) % REFRESH_EVERY == 0
        chosen = whole | due
        for i in np.flatnonzero(chosen):
            j = batch.models[i]
            self.preconditioner.refresh(batch.W[..., i], j, whole=whole[i])
        batch.forget(chosen)
        self._fresh[batch.models] = whole

    def _enter(self):
        """Every model, with what is remembered of it."""
        every = np.arange(len(self.decrements))
        pairs = [tuple(a.copy() for a in pair) for pair in reversed(self._store)]
        return Batch(every, self.W.copy(), self.G.copy(), pairs)

    def _leave(self, batch, chosen):
        """Put down where the chosen models are, and go on without them."""
        if not chosen.any():
            return
        models = batch.models[chosen]
        self.W[..., models] = batch.W[..., chosen]
        self.G[..., models] = batch.G[..., chosen]
        while len(self._store) < len(batch.pairs):
            empty = np.zeros_like(self.W), np.zeros_like(self.W)
            self._store.append((*empty, np.zeros(len(self.decrements))))
        for stored, pair in zip(self._store, reversed(batch.pairs), strict=False):
            for old, new in zip(stored, pair, strict=True):
                old[..., models] = new[..., chosen]
        batch.keep(~chosen)
