"""Euclidean neighbors to the last bit, as scikit-learn finds them in dense rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn import get_config

from skpoison.refit._neighbor_search import Events, Near
from skpoison.refit._neighbor_votes import vote
from skpoison.refit._tiles import (
    LARGEST_NORM,
    Side,
    odd_columns,
    padded,
    squared_distances,
)
from skpoison.utils._sklearn import (
    ArgKmin,
    NeighborsHeap64,
    _openmp_effective_n_threads,
)

# Rows whose k-th nearest is near enough to that of all.
ENOUGH_SEEN = 1024


class TileSearch:
    """Search by squared distances that are rounded as scikit-learn rounds them.

    scikit-learn multiplies tiles of 256 x 256 rows. Products are rounded alike all over
    a whole tile, but not in some columns of the last, smaller one. Which columns these
    are is tried out; rows in them are compared with a margin, and where that does not
    tell, the tile is multiplied as scikit-learn does.

    Test rows whose vote hangs on equal distances are pushed through scikit-learn's
    heap in its order, which decides.
    """

    def __init__(self, problem):
        self.problem = problem
        rows, fit_X = problem.rows, problem.fit_X
        self._tile = get_config()["pairwise_dist_chunk_size"]
        self._is_squared = problem.clean.effective_metric_ == "sqeuclidean"
        self._X = Side.of(problem.X)
        self._padded = padded(fit_X, self._tile)
        self._clean = Side.of(self._padded)
        self._new = Side.of(padded(rows.new, self._tile))
        self._rows = self._clean.take(slice(rows.n_clean)).followed_by(
            self._new.take(slice(len(rows.new)))
        )
        n_test = len(problem.X)
        self._heights = {min(n_test, self._tile), n_test % self._tile or self._tile}
        scale = self._X.norms + self._rows.norms.max()
        self._margin = (2 * fit_X.shape[1] + 16) * np.finfo(float).eps * scale
        strategies = [problem.strategy(rows.n_clean + size) for size in rows.sizes]
        self._strategy = strategies[0]
        self._n_threads = _openmp_effective_n_threads()
        # In one thread the rows come to the heap in their order, poison last, and one
        # that is just as far as the last neighbor stays out.
        self._is_ordered = len(set(strategies)) == 1 and (
            self._strategy == "parallel_on_X" or self._n_threads == 1
        )
        n_whole = rows.n_clean - rows.n_clean % self._tile
        self._n_begun = n_whole if self._is_ordered else 0

    def prepare(self):
        """Find the odd places; tell whether whole tiles are rounded alike."""
        n_features = self._X.rows.shape[1]
        largest = LARGEST_NORM[self.problem.X.dtype]
        if max(self._X.norms.max(), self._rows.norms.max()) > largest or any(
            odd_columns(height, self._tile, self._tile, n_features) is None
            for height in self._heights
        ):
            return False
        self._find_odd_places()
        return True

    def weight_of(self, dist):
        """Distances that weigh, from those that decide, as precise as the rows are."""
        if self._is_squared:
            return dist
        return np.sqrt(dist, dtype=self.problem.X.dtype).astype(float)

    def margin(self, batch, test):
        """By how much distances in odd places may be rounded otherwise."""
        return self._margin[batch][test][:, np.newaxis]

    def nearest(self, batch):
        """Nearest clean rows of a slice of the test rows."""
        k = self.problem.k
        dist, index = ArgKmin.compute(
            self.problem.X[batch],
            self._padded,
            k if self._is_ordered else k + 1,
            metric="sqeuclidean",
            metric_kwargs={"Y_norm_squared": self._clean.norms},
            strategy=self._strategy,
            return_distance=True,
        )
        is_open = None if self._is_ordered else dist[:, k] == dist[:, k - 1]
        return Near(index[:, :k], dist[:, :k], 0.0, is_open)

    def events(self, batch, near):
        """Poison rows that may be among the neighbors of these test rows."""
        rows, n_clean = self.problem.rows, self.problem.rows.n_clean
        poison, test, dist = self.problem.copies_near(near)
        limit = near.limit[test]
        keep = ~self._is_odd[poison]
        keep &= dist < limit if self._is_ordered else dist <= limit
        parts = [self._events(poison[keep], test[keep], dist[keep])]
        if len(self._measured):
            test, at, dist = self._measure(batch, near)
            content = self._measured[at]
            poison, which = rows.having(content)
            limit = near.limit[test[which]]
            keep = dist[which] < limit if self._is_ordered else dist[which] <= limit
            keep = (keep & (content[which] >= n_clean)) | self._is_odd[poison]
            which = which[keep]
            parts.append(self._events(poison[keep], test[which], dist[which]))
            parts.append(self._odd_clean_events(content, test, dist))
        return Events(
            *(np.concatenate(columns) for columns in zip(*parts, strict=True))
        )

    def resolve(self, todo, batch, out):
        """Predict by scikit-learn's heap where ``todo[j, i]``, into ``out[j, i]``.

        ``todo[j, i]`` is 2 where rows in odd places are near.
        """
        test = batch.start + np.flatnonzero(todo.any(axis=0))
        dist = self._all_distances(test)
        begun = self._begin(dist)
        for j in np.flatnonzero(todo.any(axis=1)):
            here = np.flatnonzero(todo[j])
            at = np.searchsorted(test, batch.start + here)
            exact = self._has_odd_clean[j] | (todo[j, here] == 2)
            last, start = self._last_tile(j, test[at[exact]])
            last = iter(last)
            kept = [
                self._push(j, dist[i], begun[i], next(last) if is_odd else None, start)
                for i, is_odd in zip(at, exact, strict=True)
            ]
            kept_dist, index = (np.array(column) for column in zip(*kept, strict=True))
            weighing = self.weight_of(kept_dist) if self.problem.is_weighted else None
            codes = self.problem.codes_of(j)[index]
            out[j, here] = vote(codes, weighing, self.problem.n_classes)

    def _find_odd_places(self):
        """Rows that lie in columns of the last tile that are rounded otherwise."""
        rows = self.problem.rows
        self._is_odd = np.zeros(len(rows.codes), bool)
        self._has_odd_clean = np.zeros(len(rows.sizes), bool)
        owners, odd_clean = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
        for j, n in enumerate(rows.n_clean + rows.sizes):
            start = n - n % self._tile
            odd = start + self._odd_columns(n % self._tile)
            clean = odd[odd < rows.n_clean]
            self._has_odd_clean[j] = len(clean) > 0
            self._is_odd[odd[odd >= rows.n_clean] - rows.n_clean + rows.start[j]] = True
            owners.append(np.full(len(clean), j))
            odd_clean.append(clean)
        owners, odd_clean = np.concatenate(owners), np.concatenate(odd_clean)
        order = np.argsort(odd_clean, kind="stable")
        self._odd_clean, self._odd_clean_owner = odd_clean[order], owners[order]
        new = np.arange(rows.n_clean, len(self._rows.rows))
        self._measured = np.unique(
            np.concatenate([new, rows.content[self._is_odd], odd_clean])
        )
        self._measured_rows = self._padded_side(self._measured)

    def _odd_columns(self, width):
        if width == 0:
            return np.empty(0, np.intp)
        n_features = self._X.rows.shape[1]
        odd = [odd_columns(h, width, self._tile, n_features) for h in self._heights]
        return np.flatnonzero(np.any(odd, axis=0))

    def _padded_side(self, content):
        """Rows of these contents, in whole tiles."""
        missing = -len(content) % self._tile
        return self._rows.take(np.concatenate([content, np.zeros(missing, np.intp)]))

    def _events(self, poison, test, dist):
        owner = self.problem.rows.owner[poison]
        return poison, owner, test, dist, self._is_odd[poison]

    def _odd_clean_events(self, content, test, dist):
        """Clean rows that some models round otherwise; content -1 has no vote."""
        begin = np.searchsorted(self._odd_clean, content, side="left")
        end = np.searchsorted(self._odd_clean, content, side="right")
        which = np.repeat(np.arange(len(content)), end - begin)
        shift = begin - np.cumsum(end - begin) + (end - begin)
        owner = self._odd_clean_owner[np.arange(len(which)) + shift[which]]
        none = np.full(len(which), -1)
        return none, owner, test[which], dist[which], np.ones(len(which), bool)

    def _measure(self, batch, near):
        """Rows that are no copies, or are odd, and near to test rows."""
        reach = (near.limit + self._margin[batch])[:, np.newaxis]
        n_measured = len(self._measured)
        found = []
        for start in range(batch.start, batch.stop, self._tile):
            part = slice(start, min(start + self._tile, batch.stop))
            dist = squared_distances(
                self._X.take(part), self._measured_rows, self._tile
            )[:, :n_measured]
            here = slice(start - batch.start, part.stop - batch.start)
            test, at = np.nonzero(dist <= reach[here])
            found.append((test + here.start, at, dist[test, at]))
        return (np.concatenate(column) for column in zip(*found, strict=True))

    def _all_distances(self, test):
        """Distances of some test rows to all contents, as in places that are not odd.

        The height of a tile tells how it is rounded: the rows of the last one stay
        together, those of whole tiles are put into tiles anew.
        """
        right = self._padded_side(np.arange(len(self._rows.rows)))
        tile = self._tile
        last = len(self._X.rows) - len(self._X.rows) % tile
        n_whole = np.searchsorted(test, last)
        out = np.empty((len(test) + tile, len(right.rows)))
        for start in range(0, n_whole, tile):
            here = np.resize(test[start : min(start + tile, n_whole)], tile)
            squared_distances(
                self._X.take(here), right, tile, out[start : start + tile]
            )
        if n_whole < len(test):
            dist = squared_distances(self._X.take(slice(last, None)), right, tile)
            out[n_whole : len(test)] = dist[test[n_whole:] - last]
        return out[: len(test)]

    def _last_tile(self, j, test):
        """Distances to the last rows of model ``j``, and the number of the first."""
        rows, tile = self.problem.rows, self._tile
        n = rows.n_clean + rows.sizes[j]
        start = n - n % tile
        content = np.concatenate(
            [
                np.arange(start, rows.n_clean),
                rows.content[rows.of(j)][max(0, start - rows.n_clean) :],
            ]
        )
        right = self._rows.take(content)
        out = np.empty((len(test), len(content)))
        for top in np.unique(test - test % tile):
            here = (test >= top) & (test < top + tile)
            left = self._X.take(slice(top, top + tile))
            out[here] = squared_distances(left, right, tile)[test[here] - top]
        return out, start

    def _begin(self, dist):
        """Heaps after the clean rows of whole tiles, which no model rounds otherwise.

        They are the same for all models. Where the order of the rows is not theirs,
        the heaps are empty.
        """
        n_begun, k = self._n_begun, self.problem.k
        mask = _ever_in_heap(dist[:, :n_begun], k)
        pushed = [np.flatnonzero(row) for row in mask]
        heaps = [_heap(row[at], at, k) for row, at in zip(dist, pushed, strict=True)]
        return [heap.get_arrays(sort=False) for heap in heaps]

    def _push(self, j, dist, begun, last, start):
        """Distances and numbers of the rows that scikit-learn's heap keeps."""
        rows, k = self.problem.rows, self.problem.k
        content = rows.content[rows.of(j)]
        n = rows.n_clean + len(content)
        index = np.arange(self._n_begun, n)
        dist = np.concatenate([dist[self._n_begun : rows.n_clean], dist[content]])
        if last is not None:
            in_last = index >= start
            dist[in_last] = last[index[in_last] - start]
        if self.problem.strategy(n) == "parallel_on_X":
            return _kept(_heap(dist, index, k, begun))
        # Several threads begin with empty heaps, and one thread has one part.
        parts = np.searchsorted(index, self._bounds(n))
        heaps = [
            _heap(d, i, k, begun).get_arrays(sort=False)
            for d, i in zip(np.split(dist, parts), np.split(index, parts), strict=True)
        ]
        dist, index = (np.concatenate(a, axis=1)[0] for a in zip(*heaps, strict=True))
        return _kept(_heap(dist, index, k))

    def _bounds(self, n):
        """Where one thread's training rows end and those of the next begin."""
        n_tiles = -(-n // self._tile)
        n_threads = min(n_tiles, self._n_threads)
        share, more = divmod(n_tiles, n_threads)
        tiles = np.cumsum(share + (np.arange(n_threads) < more))
        return tiles[:-1] * self._tile


def _ever_in_heap(dist, k):
    """Rows, a column for each, that may have been among the k nearest to their time."""
    n_rows = dist.shape[1]
    mask = np.zeros(dist.shape, bool)
    mask[:, :k] = True
    seen = k
    while seen < n_rows:
        last = np.partition(dist[:, :seen], k - 1, axis=1)[:, k - 1 : k]
        # A bound that is a little too high costs less than one more partition.
        end = 4 * seen if seen < ENOUGH_SEEN else n_rows
        mask[:, seen:end] = dist[:, seen:end] < last
        seen = end
    return mask


def _heap(dist, index, k, begun=None):
    """Heap of the k nearest, in the order that equal distances end up in.

    What is nearer than the farthest so far goes in; `begun` is a heap to go on with.
    """
    heap = NeighborsHeap64(1, k)
    if begun is not None:
        for held, given in zip(heap.get_arrays(sort=False), begun, strict=True):
            held[:] = given
        near = np.flatnonzero(dist < begun[0][0, 0])
        dist, index = dist[near], index[near]
    for d, i in zip(dist.tolist(), index.tolist(), strict=True):
        heap.push(0, d, i)
    return heap


def _kept(heap):
    """Distances and numbers in a heap, nearest first."""
    dist, index = heap.get_arrays()
    return dist[0], index[0]
