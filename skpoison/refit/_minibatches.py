"""Minibatches that many poisoned data sets share.

Each data set holds the clean rows and a poison of its own. An epoch goes through all
of its rows, in an order that is as random as a shuffle of them all; yet in each batch,
most rows are the same for every data set.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np


def n_batches(n_rows, batch_size):
    """Batches that an epoch takes."""
    return -(-n_rows // batch_size)


def places_of_poison(n_clean, n_poison, batch_size, rng):
    """Draw the batch of each poison row; without `rng`, poison comes last."""
    if rng is None:
        return np.arange(n_clean, n_clean + n_poison) // batch_size
    n_rows = n_clean + n_poison
    return rng.choice(n_rows, n_poison, replace=False) // batch_size


class SharedBatches:
    """The batches of one epoch of several data sets, with equally many batches.

    The clean rows, in an order that all data sets share, are cut into windows of the
    size of a batch. A batch is its window, of which the first rows give way to the
    poison that falls there; they move to the tail, which is the batches from the last
    window on, if that is not full. If the order is a random permutation of the clean
    rows, then each data set as a whole is permuted at random, but for the order within
    its batches, which does not matter.

    Parameters
    ----------
    order : ndarray of shape (n_clean,)
        Clean rows, in the order that is shared.

    places : list of ndarray of shape (n_poison,)
        Batch of each poison row of each data set.

    batch_size : int
        Rows in a batch; the last one may have fewer.

    first_poison : ndarray of shape (n_sets,)
        Number of the first poison row of each data set.
    """

    def __init__(self, order, places, batch_size, first_poison):
        n_poison = np.array([len(p) for p in places])
        self.order, self.batch_size = order, batch_size
        self.n_rows = len(order) + n_poison
        self._n_full = len(order) // batch_size
        self._n_batches = n_batches(int(self.n_rows.max()), batch_size)
        owner = np.repeat(np.arange(len(places)), n_poison)
        ahead = np.repeat(first_poison - np.cumsum(n_poison) + n_poison, n_poison)
        self._index(owner, np.concatenate(places), np.arange(len(owner)) + ahead)
        self._fill_tails()

    def _index(self, owner, place, poison):
        """Sort the poison by batch and data set, and rank it within both."""
        counts = np.zeros((self._n_batches, len(self.n_rows)), dtype=np.intp)
        np.add.at(counts, (place, owner), 1)
        by_batch = np.lexsort((owner, place))
        starts = np.cumsum(counts) - counts.ravel()
        self._counts = counts
        self._owner, self._poison = owner[by_batch], poison[by_batch]
        self._rank = np.arange(len(owner)) - np.repeat(starts, counts.ravel())
        self._bounds = np.append(starts[:: len(self.n_rows)], len(owner))

    def _fill_tails(self):
        """Put clean rows that lost their place into the batches at the end."""
        head = self._n_full * self.batch_size
        window = self.order[head:]
        self._tails = np.zeros((len(self.n_rows), self.n_rows.max() - head), np.intp)
        self._kept = len(window)
        if self._tails.size == 0:
            return
        counts = self._counts[: self._n_full]
        for j, (tail, n_rows) in enumerate(zip(self._tails, self.n_rows, strict=True)):
            in_tail = self._counts[self._n_full :, j]
            displaced = _first_rows(self.order, counts[:, j], self.batch_size)
            size = min(self.batch_size, n_rows - head)
            kept = min(len(window), size - in_tail[0])
            free = np.arange(n_rows - head)
            free = free[free % self.batch_size >= in_tail[free // self.batch_size]]
            free = free[(free < size - kept) | (free >= size)]
            tail[size - kept : size] = window[len(window) - kept :]
            tail[free] = np.concatenate([window[: len(window) - kept], displaced])
            self._kept = min(self._kept, kept)

    def __iter__(self):
        """Give shared rows, each data set's own rows, their weights and batch sizes.

        The weights are 0 where a data set has fewer rows of its own than another, and
        None where all have equally many.
        """
        head = self._n_full * self.batch_size
        for t, counts in enumerate(self._counts):
            start, n_sets = t * self.batch_size, len(self.n_rows)
            weights = None
            if t < self._n_full:
                k = int(counts.max())
                sizes = np.full(n_sets, self.batch_size)
                own = np.repeat(self.order[np.newaxis, start : start + k], n_sets, 0)
                shared = self.order[start + k : start + self.batch_size]
            else:
                sizes = np.minimum(self.n_rows - start, self.batch_size)
                shared = self.order[len(self.order) - self._kept :]
                if t > self._n_full:
                    shared = shared[:0]
                n_own = sizes - len(shared)
                k = int(n_own.max())
                own = self._tails[:, start - head : start - head + k].copy()
                if n_own.min() < k:
                    weights = np.arange(k) < n_own[:, np.newaxis]
            here = slice(self._bounds[t], self._bounds[t + 1])
            own[self._owner[here], self._rank[here]] = self._poison[here]
            yield shared, own, weights, sizes


def _first_rows(order, counts, batch_size):
    """Take as many first rows of each window as `counts` says."""
    starts = np.repeat(np.arange(len(counts)) * batch_size, counts)
    rank = np.arange(len(starts)) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[starts + rank]
