"""Preconditioned L-BFGS on many convex objectives at once.

Every model has a step, a line search and a memory of its own; what they share are the
products with the clean rows. The result for one model does not depend on the others.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, field

import numpy as np

MEMORY = 10
# A step is too long where the slope at its end is above this share of the slope at its
# start, with the other sign, or where the objective has grown. Models without progress
# may not overshoot at all: then the objective, which is convex, falls with every step.
OVERSHOOT = 0.5
# Change of the margins of clean rows that one step may bring, beyond which nothing is
# known of their curvature.
MAX_REACH = 3.0
# A step that was too long before must take away this share of the slope.
UNDERSHOOT = 0.5
PATIENCE = 10
# Steps without progress after which a model is left where it is: there is nothing but
# rounding. Decrements up to so many times the limit still count as converged then.
RESIGNATION, SLACK = 40, 100
# Newton decrement, squared, below which the objective is a parabola along a step.
LARGE = 1e-2
MAX_TRIALS = {np.float32: 5, np.float64: 30}
# Steps between exact second derivatives, for models that are still not done.
REFRESH_AFTER, REFRESH_EVERY = 15, 8
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
        curvature = _dot(S, Y)
        floor = 1e-14 * np.sqrt(_dot(S, S)) * np.sqrt(_dot(Y, Y)) + np.finfo(float).tiny
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
            shares = np.minimum(1, MAX_REACH / np.maximum(self.problem.reach(P), 1e-9))
            moved = self._step(batch, P * shares, slopes * shares, dtype)
            if dtype is np.float64:
                self._rescue(batch, moved, step)
            else:
                self._leave(batch, ~moved)
        self._leave(batch, np.ones(len(batch.models), dtype=bool))

    def _directions(self, batch):
        """Step and slope of each model."""
        Q, shares = batch.G.copy(), []
        for S, Y, rho in reversed(batch.pairs):
            share = rho * _dot(S, Q)
            Q -= share * Y
            shares.append(share)
        Q = self.preconditioner.solve(Q, batch.models)
        for S, Y, rho in batch.pairs:
            Q += (shares.pop() - rho * _dot(Y, Q)) * S
        if Q.shape[1] > 1:
            # Outputs may all be shifted by the same; that direction is left alone.
            Q -= Q.mean(axis=1, keepdims=True)
        P = np.negative(Q, out=Q)
        slopes = _dot(batch.G, P)
        return self._downhill(batch, P, slopes)

    def _downhill(self, batch, P, slopes):
        """Forget the memory of models that it sends uphill."""
        wrong = ~(slopes <= 0)
        if wrong.any():
            batch.forget(wrong)
            P[..., wrong] = -self.preconditioner.solve(
                batch.G[..., wrong], batch.models[wrong]
            )
            slopes = _dot(batch.G, P)
        return P, slopes

    def _check(self, batch, slopes, stop):
        """Note the decrements; tell which models are done, or will never be."""
        at = batch.models
        largest = np.abs(batch.G).max(axis=(0, 1))
        self.decrements[at] = np.sqrt(np.maximum(-slopes, 0))
        norms = np.sqrt(_dot(self.problem.penalty[:, :, at] * batch.W, batch.W))
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
        due = step >= REFRESH_AFTER and (step - REFRESH_AFTER) % REFRESH_EVERY == 0
        chosen = ~moved[~hopeless] | due
        for i in np.flatnonzero(chosen):
            self.preconditioner.refresh(batch.W[..., i], batch.models[i])
        batch.forget(chosen)
        self._fresh[batch.models] = chosen

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


class LineSearch:
    """Finds for each model a step along its direction that is not too long.

    Slopes tell it: near the optimum they are exact where values of the objective are
    nothing but rounding. Far away a model's own rows may weigh so much that the slope
    jumps and tells nothing, so their part of the objective is computed as well.
    """

    def __init__(self, problem, batch, P, slopes, dtype):
        self.problem, self.batch, self.dtype = problem, batch, dtype
        self.P, self.slopes = P, slopes
        self.W, self.G = batch.W + P, None
        m = len(slopes)
        # The bracket: the step is too short at its low end and too long at its high.
        self.low, self.high = np.zeros((2, m)), np.ones((2, m))
        self.low[1] = slopes

    def run(self, overshoot):
        """Search; tell which models have found a step. The others stay."""
        every = np.arange(len(self.slopes))
        self.G = self.problem.gradient(self.W, self.batch.models, self.dtype)
        end = _dot(self.G, self.P)
        too_long = self._is_too_long(every, end, np.ones(len(every)), overshoot)
        self.high[1] = end
        i = every[too_long]
        for trial in range(MAX_TRIALS[self.dtype]):
            if len(i) == 0:
                break
            t, end = self._try(i, trial)
            too_long = self._is_too_long(i, end, t, overshoot[i])
            too_short = end < UNDERSHOOT * self.slopes[i]
            self.high[:, i[too_long]] = t[too_long], end[too_long]
            self.low[:, i[too_short]] = t[too_short], end[too_short]
            i = i[too_long | too_short]
        self._settle(i)
        return ~np.isin(every, i) | (self.low[0] > 0)

    def _try(self, i, trial):
        """Go to a point inside the bracket; give it and its slope."""
        t = _inside(self.low[:, i], self.high[:, i], by_secant=trial % 2 == 0)
        self._go(i, t)
        return t, _dot(self.G[..., i], self.P[..., i])

    def _go(self, i, t):
        self.W[..., i] = self.batch.W[..., i] + t * self.P[..., i]
        models = self.batch.models[i]
        self.G[..., i] = self.problem.gradient(self.W[..., i], models, self.dtype)

    def _settle(self, i):
        """Out of trials: take the low end of the bracket, where it is a step at all."""
        stay = i[self.low[0, i] == 0]
        self.W[..., stay], self.G[..., stay] = (
            self.batch.W[..., stay],
            self.batch.G[..., stay],
        )
        short = i[self.low[0, i] > 0]
        if len(short):
            self._go(short, self.low[0, short])

    def _is_too_long(self, i, end, t, overshoot):
        too_long = ~(end <= -overshoot * self.slopes[i])
        check = ~too_long & (end > 0) & (self.slopes[i] < -LARGE)
        if check.any():
            at = i[check]
            too_long[check] = self._growth(at, end[check], t[check]) > 0
        return too_long

    def _growth(self, i, end, t):
        """What a step adds to the objective; the clean rows' part by their slopes."""
        models, P = self.batch.models[i], self.P[..., i]
        before, slope = self.problem.own_objective(self.batch.W[..., i], P, models)
        after, own_end = self.problem.own_objective(self.W[..., i], P, models)
        shared = (self.slopes[i] - slope) + (end - own_end)
        return after - before + t * shared / 2


def _inside(low, high, *, by_secant):
    """Point inside a bracket where the slope may be zero, not too near its ends."""
    share = np.where(low[0] > 0, 0.5, 0.1)
    known = by_secant & np.isfinite(high[1]) & (high[1] > 0)
    share[known] = low[1, known] / (low[1, known] - high[1, known])
    return low[0] + np.clip(share, 0.1, 0.9) * (high[0] - low[0])


def _dot(A, B):
    """Inner products of the arrays of each model."""
    return np.einsum("dkm,dkm->m", A, B)
