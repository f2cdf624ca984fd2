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


def arrange(order, places, batch_size):
    """Put the rows of one data set in order, batch after batch.

    The clean rows, in an order that all data sets share, are cut into windows of the
    size of a batch. A batch consists of its window, of which the first rows give way
    to the poison that falls there; these rows move to the batches at the end. If
    `order` is a random permutation, then so is the result, but for the order within
    a batch, which does not matter.

    Parameters
    ----------
    order : ndarray of shape (n_clean,)
        Clean rows, in the order that is shared.

    places : ndarray of shape (n_poison,)
        Batch of each poison row.

    batch_size : int
        Rows in a batch; the last one may have fewer.

    Returns
    -------
    rows : ndarray of shape (n_clean + n_poison,)
        All rows, batch after batch; poison row ``i`` is number ``n_clean + i``.

    n_shared : ndarray of shape (n_batches,)
        How many rows at the end of each batch are the end of its window.
    """
    n_clean, n_rows = len(order), len(order) + len(places)
    counts = np.bincount(places, minlength=n_batches(n_rows, batch_size))
    n_shared = np.maximum(batch_size - counts, 0)
    full = n_clean // batch_size
    head, window = full * batch_size, n_clean % batch_size
    n_shared[full:] = 0
    rows = np.empty(n_rows, dtype=np.intp)
    rows[:head] = order[:head]

    by_place = np.argsort(places, kind="stable")
    rank = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
    taken = places[by_place] * batch_size + rank
    displaced = rows[taken[taken < head]]
    free = np.ones(n_rows - head, dtype=bool)
    free[taken[taken >= head] - head] = False
    if window:
        size = min(batch_size, n_rows - head)
        n_shared[full] = kept = min(window, size - counts[full])
        rows[head + size - kept : head + size] = order[n_clean - kept :]
        free[size - kept : size] = False
        displaced = np.concatenate([displaced, order[head : n_clean - kept]])
    rows[head + np.flatnonzero(free)] = displaced
    rows[taken] = n_clean + by_place
    return rows, n_shared


class SharedBatches:
    """The batches of one epoch of several data sets, with equally many batches.

    Parameters
    ----------
    order : ndarray of shape (n_clean,)
        Clean rows, in the order that is shared.

    places : list of ndarray of shape (n_poison,)
        Batch of each poison row of each data set.

    batch_size : int
        Rows in a batch.

    first_poison : ndarray of shape (n_sets,)
        Number of the first poison row of each data set.
    """

    def __init__(self, order, places, batch_size, first_poison):
        n_clean = len(order)
        self.order, self.batch_size = order, batch_size
        self.n_rows = np.array([n_clean + len(p) for p in places])
        self.rows = np.zeros((len(places), self.n_rows.max()), dtype=np.intp)
        n_shared = []
        for row, p, first in zip(self.rows, places, first_poison, strict=True):
            arranged, shared = arrange(order, p, batch_size)
            arranged[arranged >= n_clean] += first - n_clean
            row[: len(arranged)] = arranged
            n_shared.append(shared)
        self.n_shared = np.min(n_shared, axis=0)

    def __iter__(self):
        """Give shared rows, each data set's own rows, their weights and batch sizes.

        The weights are 0 where a data set has fewer rows of its own than another, and
        None where all have equally many.
        """
        for t, shared in enumerate(self.n_shared):
            start = t * self.batch_size
            sizes = np.minimum(self.n_rows - start, self.batch_size)
            n_own = sizes - shared
            own = self.rows[:, start : start + n_own.max()]
            stop = min(start + self.batch_size, len(self.order))
            weights = None
            if n_own.min() < n_own.max():
                weights = np.arange(n_own.max()) < n_own[:, np.newaxis]
            yield self.order[max(stop - shared, 0) : stop], own, weights, sizes
