"""Upper right boundaries of sums of segments and polygons in the plane."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np


@dataclass
class Chain:
    """Edges from the corner of the highest b to that of the highest a.

    Parameters
    ----------
    start : ndarray of shape (2,)
        The corner where b is highest.

    da, db : ndarray of shape (n_edges,)
        What each edge adds to a, above 0, and to b, below 0.

    slope : ndarray of shape (n_edges,)
        How steeply b falls; it rises from edge to edge.

    group, to : ndarray of shape (n_edges,)
        What moves: a polygon and its point that the edge leads to, or -1 and the number
        of a segment.
    """

    start: np.ndarray
    da: np.ndarray
    db: np.ndarray
    slope: np.ndarray
    group: np.ndarray
    to: np.ndarray

    def sums(self):
        """Give what edges add to a and b before each corner, from the start on."""
        sums = np.zeros((2, len(self.da) + 1))
        np.cumsum(self.da, out=sums[0, 1:])
        np.cumsum(self.db, out=sums[1, 1:])
        return sums

    @classmethod
    def in_order(cls, start, da, db, slope, group, to):
        """Put the edges of a chain in order; equal slopes keep theirs."""
        order = np.argsort(slope, kind="stable")
        return cls(start, da[order], db[order], slope[order], group[order], to[order])


def box_chain(steps):
    """Boundary of a sum of segments from the origin.

    Parameters
    ----------
    steps : ndarray of shape (n_segments, 2)
        Ends of the segments, in (a, b).

    Returns
    -------
    chain : Chain
        The boundary.

    rises : ndarray of shape (n_segments,), dtype=bool
        Segments that are at their end at the start of the chain.
    """
    da, db = steps.T
    rises = (db > 0) | ((db == 0) & (da > 0))
    back = np.where(rises, -1.0, 1.0)
    da, db = back * da, back * db
    to = np.flatnonzero(da > 0)
    da, db = da[to], db[to]
    group = np.full(len(to), -1)
    return Chain.in_order(rises @ steps, da, db, -db / da, group, to), rises


def group_chains(points):
    """Boundaries of two sums of polygons, of which one is the other mirrored.

    All polygons are wrapped at once.

    Parameters
    ----------
    points : ndarray of shape (n_groups, n_points, 2)
        The points of each polygon; some may be equal.

    Returns
    -------
    chains : list of Chain
        The boundary of their sum, and of that of ``-points``.

    first : ndarray of shape (2, n_groups), dtype=int
        Number of the point of each that either chain starts at.
    """
    n = len(points)
    a, b = np.concatenate([points, -points]).transpose(2, 0, 1)
    each = np.arange(2 * n)
    first = _highest(b, a) if n else each
    starts = np.stack([a[each, first], b[each, first]], axis=1).reshape(2, n, 2)
    edges = _wrap(a, b, first)
    chains = []
    for side, start in enumerate(starts.sum(axis=1)):
        mine = (edges[3] >= n) == side
        da, db, slope, group, to = (part[mine] for part in edges)
        chains.append(Chain.in_order(start, da, db, slope, group - side * n, to))
    return chains, first.reshape(2, n)


def _wrap(a, b, at):
    """Edges of all polygons, of each from the flattest to the steepest."""
    each, flattest, rounds = np.arange(len(a)), 0.0, []
    while True:
        da = a - a[each, at][:, None]
        ahead = da > 0
        moves = ahead.any(axis=1)
        if not moves.any():
            break
        db = b - b[each, at][:, None]
        slope = np.divide(-db, da, out=np.full(da.shape, np.inf), where=ahead)
        to = _highest(-slope, da)
        # The next edge is steeper, whatever rounding says.
        flattest = np.maximum(flattest, slope[each, to])
        edges = da[each, to], db[each, to], flattest, each, to
        rounds.append([part[moves] for part in edges])
        at = np.where(moves, to, at)
    none = np.empty(0)
    empty = none, none, none, each[:0], each[:0]
    return [np.concatenate(part) for part in zip(empty, *rounds, strict=True)]


def _highest(values, then):
    """Column of the highest value in each row; of equal ones by another value."""
    is_highest = values == values.max(axis=1, keepdims=True)
    return np.where(is_highest, then, -np.inf).argmax(axis=1)


def merged(first, second):
    """Boundary of a sum of two sets, from those of the two."""
    edges = [
        np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("da", "db", "slope", "group", "to")
    ]
    return Chain.in_order(first.start + second.start, *edges)
