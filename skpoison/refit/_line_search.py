"""Line searches of many models at once."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

# A step is too long where the slope at its end is above this share of the slope at its
# start, with the other sign, or where the objective has grown. Models without progress
# may not overshoot at all: then the objective, which is convex, falls with every step.
OVERSHOOT = 0.8
# A step that was too long before must take away this share of the slope.
UNDERSHOOT = 0.5
# Newton decrement, squared, below which the objective is a parabola along a step.
LARGE = 1e-1
MAX_TRIALS = {np.float32: 5, np.float64: 30}


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
        end = dot(self.G, self.P)
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
        return t, dot(self.G[..., i], self.P[..., i])

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
        """Sum up what a step adds to the objective; for clean rows by their slopes."""
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


def dot(A, B):
    """Inner products of the arrays of each model."""
    return np.einsum("dkm,dkm->m", A, B)
