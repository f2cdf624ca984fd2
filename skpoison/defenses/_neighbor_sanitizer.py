"""Template of sanitizers that ask the nearest rows for their labels."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from abc import abstractmethod
from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from skpoison.defenses._neighbor_labels import neighbor_shares
from skpoison.defenses._represented import represented
from skpoison.defenses._score_sanitizer import ScoreSanitizer
from skpoison.utils._sklearn import N_JOBS, HasMethods, Interval


class NeighborSanitizer(ScoreSanitizer):
    """Template of sanitizers that ask the nearest rows for their labels.

    A subclass implements `_judge`, and `_limit`, the score over which "auto" suspects
    a row. Scores have few levels; which of the rows of one level are suspects, where
    not all are, is drawn.
    """

    _parameter_constraints: dict = {
        **ScoreSanitizer._parameter_constraints,
        "representation": [HasMethods(["fit", "transform"]), None],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": N_JOBS,
        "random_state": ["random_state"],
    }

    @property
    @abstractmethod
    def _limit(self):
        """Score over which a row is suspect."""

    @abstractmethod
    def _judge(self, shares, codes):
        """Scores of rows and the code of the other class that is most frequent.

        Shares are those of the classes among the neighbors of each row.
        """

    def _score(self, X, y):
        return self._judged(X, y)[0]

    def _sanitize(self, X, y):
        scores, suspects, _ = self._judged(X, y)
        return ~suspects, scores

    def _judged(self, X, y):
        """Scores, suspects, and the codes of the labels that these might have."""
        rng = check_random_state(self.random_state)
        Z, self.representation_ = represented(
            self.representation, X, y, rng, type(self).__name__
        )
        codes = np.searchsorted(self.classes_, y)
        self.n_neighbors_ = min(self._wanted_neighbors(len(y)), len(y) - 1)
        shares = neighbor_shares(
            self._as_compared(Z),
            codes,
            len(self.classes_),
            self.n_neighbors_,
            self.n_jobs,
        )
        scores, rivals = self._judge(shares, codes)
        order = rng.permutation(len(y))
        suspects = np.empty(len(y), dtype=bool)
        suspects[order] = self._suspects(scores[order], y[order])
        return scores, suspects, rivals

    def _as_compared(self, Z):
        return Z

    def _wanted_neighbors(self, n_samples):
        return self.n_neighbors

    def _count(self, scores, share):
        if self.contamination != "auto":
            return super()._count(scores, share)
        over = np.count_nonzero(scores > self._limit)
        return min(over, int(self.max_share * len(scores)))
