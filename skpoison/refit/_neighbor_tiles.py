"""Euclidean neighbors to the last bit, as scikit-learn finds them by matrix products."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from functools import lru_cache

import numpy as np
from scipy.linalg.blas import dgemm
from sklearn import get_config
from threadpoolctl import threadpool_limits

from skpoison.refit._neighbor_search import Events, Near
from skpoison.refit._neighbor_votes import vote
from skpoison.utils._sklearn import (
    ArgKmin,
    NeighborsHeap64,
    _openmp_effective_n_threads,
    sqeuclidean_row_norms,
)


class TileSearch:
    """Search by squared distances that are rounded as scikit-learn rounds them.

    scikit-learn multiplies tiles of 256 x 256 rows. A product is rounded alike all
    over a whole tile, but not in some places of the last, smaller one. Which places
    these are is tried out; rows in them are compared with a margin, and the tile is
    multiplied as scikit-learn does where that does not tell.

    Test rows whose vote hangs on equal distances are pushed through scikit-learn's
    heap in its order, which decides.
    """

    def __init__(self, problem):
        self.problem = problem
        rows, fit_X = problem.rows, problem.fit_X
        self._tile = get_config()["pairwise_dist_chunk_size"]
        self._is_squared = problem.clean.effective_metric_ == "sqeuclidean"
        self._X = _Side(problem.X)
        self._clean = _Side(_padded(fit_X, self._tile))
        self._new = _Side(_padded(rows.new, self._tile))
        n_test, n_clean = problem.X.shape[0], rows.n_clean
        self._heights = {min(n_test, self._tile), n_test % self._tile or self._tile}
        scale = self._X.norms + max(
            self._clean.norms[:n_clean].max(),
            self._new.norms[: rows.new.shape[0]].max(initial=0),
        )
        self._band = ((2 * fit_X.shape[1] + 16) * np.finfo(float).eps * scale)[:, None]
        self._threads = _openmp_effective_n_threads()
        strategies = {problem.strategy(n_clean + size) for size in rows.sizes}
        # In one thread the rows come to the heap in their order, poison last, so that
        # a row that is just as far as the last neighbor stays out.
        self._is_ordered = self._threads == 1 or strategies == {"parallel_on_X"}
        self._find_odd_places()

    def weight_of(self, dist):
        """Distances that weigh, from those that decide."""
        return dist if self._is_squared else np.sqrt(dist)

    def is_regular(self):
        """Whether matrix products are rounded alike all over whole tiles."""
        n_features = self._X.rows.shape[1]
        return self._X.fits and self._clean.fits and self._new.fits and all(
            _odd_columns(height, self._tile, self._tile, n_features) is not None
            for height in self._heights
        )
