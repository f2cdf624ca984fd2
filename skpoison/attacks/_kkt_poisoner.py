"""The attack that solves for the optimality of a target model."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._base_targeted_poisoner import BaseTargetedPoisoner
from skpoison.attacks._gradient_canceling import cancel_gradient
from skpoison.attacks._stationary_poison import StationaryPoison

MAX_STEPS = 200


class KKTPoisoner(BaseTargetedPoisoner):
    """DOC"""

    def _forget(self):
        super()._forget()
        self.gradient_norm_ = self.n_distinct_ = None

    def _make(self, game, target, n_poison, weight):
        poison = StationaryPoison(target)
        bound = self._solve(game, poison, n_poison * weight)
        counts = whole_counts(poison.weights, n_poison)
        kept = np.flatnonzero(counts)
        parts = poison.rows, poison.signs, poison.sources
        rows, signs, sources = (np.array(part)[kept] for part in parts)
        weights = counts[kept] * weight
        rows = cancel_gradient(
            target, poison.metric, poison.clean, rows, signs, weights
        )
        made = game.made(target, rows, signs, sources, weights)
        norm = poison.mean_gradient_norm(rows, signs, weights)
        for name in ("rows", "signs", "sources"):
            setattr(made, name, np.repeat(getattr(made, name), counts[kept], axis=0))
        return made, {"lower_bound_": bound, "gradient_norm_": norm, "n_distinct_": len(kept)}

    def _solve(self, game, poison, total):
        """Find rows until none helps, and give the best bound on the way."""
        certificate = game.certificate(poison.target)
        bound = game.bound(poison.target)
        for _ in range(MAX_STEPS):
            bound = max(bound, certificate.towards(poison.ahead()))
            if not poison.step(total):
                break
        return bound

    def _tell(self, made, books):
        vars(self).update(books)


def whole_counts(weights, total):
    """Round weights to whole numbers of a given sum, by the largest remainders."""
    exact = weights * (total / weights.sum())
    counts = np.floor(exact).astype(int)
    most = np.argsort(counts - exact, kind="stable")
    counts[most[: total - counts.sum()]] += 1
    return counts
