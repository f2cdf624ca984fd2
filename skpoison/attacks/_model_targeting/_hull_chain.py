"""Upper right boundaries of plane sets that are sums of segments and polygons.

Two sets are treated at once, of which the second one is the first mirrored at the
origin: the rows of one label, and those of the other.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np

BOX, PADDING = -1, -2


@dataclass
class Edges:
    """Edges of both boundaries, in any order.

    Parameters
    ----------
    da, db : ndarray of shape (n_edges,)
        What each adds to a, above 0, and to b, below 0.

    slope : ndarray of shape (n_edges,)
        How steeply b falls.

    side : ndarray of shape (n_edges,)
        Which of the two sets, 0 or 1.

    group : ndarray of shape (n_edges,)
        The polygon that it belongs to; `BOX` for a segment.

    to : ndarray of shape (n_edges,)
        The point of the polygon that it leads to, or the number of the segment.
    """

    da: np.ndarray
    db: np.ndarray
    slope: np.ndarray
    side: np.ndarray
    group: np.ndarray
    to: np.ndarray

    def __add__(self, other):
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Edges(*map(np.concatenate, pairs))


class Chains:
    """Both boundaries, from the corner of the highest b to that of the highest a.

    Parameters
    ----------
    edges : Edges
        Their edges.

    Attributes
    ----------
    a, b : ndarray of shape (2, n_edges + 1)
        Corners, from the first one on.

    group, to : ndarray of shape (2, n_edges)
        What moves along each edge; the shorter boundary ends with `PADDING`.
    """

    def __init__(self, edges):
        # A hull has its edges in the order of their slopes. Equal ones keep theirs.
        order = np.lexsort((edges.slope, edges.side))
        side, n_first = edges.side[order], len(order) - np.count_nonzero(edges.side)
        at = np.arange(len(order)) - n_first * side
        shape = 2, max(n_first, len(order) - n_first)
        self.a, self.b = np.zeros((2, 2, shape[1] + 1))
        self.group, self.to = np.full(shape, PADDING), np.zeros(shape, dtype=int)
        self.a[side, at + 1], self.b[side, at + 1] = edges.da[order], edges.db[order]
        self.group[side, at], self.to[side, at] = edges.group[order], edges.to[order]
        np.cumsum(self.a, axis=1, out=self.a)
        np.cumsum(self.b, axis=1, out=self.b)


def box_edges(steps):
    """Boundary of a sum of segments from the origin.

    Parameters
    ----------
    steps : ndarray of shape (n_segments, 2)
        Ends of the segments, in (a, b).

    Returns
    -------
    edges : Edges
        Those of both boundaries.

    up : ndarray of shape (2, n_segments), dtype=bool
        Segments that are at their ends at the first corner.

    first : ndarray of shape (2, 2)
        The first corner of either, in (a, b).
    """
    da, db = steps.T
    level = db == 0
    up = np.stack([(db > 0) | (level & (da > 0)), (db < 0) | (level & (da < 0))])
    to = np.flatnonzero(da * db < 0)
    da, db = np.abs(da[to]), -np.abs(db[to])
    twice = [np.concatenate([part, part]) for part in (da, db, -db / da, to)]
    side = np.repeat([0, 1], len(to))
    group = np.full(2 * len(to), BOX)
    first = up @ steps
    first[1] *= -1
    return Edges(*twice[:3], side, group, twice[3]), up, first


def group_edges(points):
    """Boundary of a sum of polygons, all of them wrapped at once.

    Parameters
    ----------
    points : ndarray of shape (n_groups, n_points, 2)
        The points of each polygon, in (a, b); some may be equal.

    Returns
    -------
    edges : Edges
        Those of both boundaries. Of a polygon the next edge is never flatter.

    start : ndarray of shape (2, n_groups), dtype=int
        Point of each polygon at the first corner.

    first : ndarray of shape (2, 2)
        The first corner of either, in (a, b).
    """
    n = len(points)
    a, b = np.concatenate([points, -points]).transpose(2, 0, 1)
    each = np.arange(2 * n)
    start = at = _highest(b, a) if n else each
    first = np.stack([a[each, at], b[each, at]], axis=1).reshape(2, n, 2).sum(axis=1)
    rounds, steepest = [(np.empty(0), np.empty(0), np.empty(0), each[:0], each[:0])], 0
    while n:
        da = a - a[each, at, np.newaxis]
        ahead = da > 0
        moves = ahead.any(axis=1)
        if not moves.any():
            break
        db = b - b[each, at, np.newaxis]
        slope = np.divide(-db, da, out=np.full(da.shape, np.inf), where=ahead)
        to = _highest(-slope, da)
        steepest = np.maximum(steepest, slope[each, to])
        found = da[each, to], db[each, to], steepest, each, to
        rounds.append([part[moves] for part in found])
        at = np.where(moves, to, at)
    da, db, slope, group, to = map(np.concatenate, zip(*rounds, strict=True))
    side = (group >= n).astype(int)
    return Edges(da, db, slope, side, group - n * side, to), start.reshape(2, n), first


def _highest(values, then):
    """Column of the highest value in each row; of equal ones by another value."""
    is_highest = values == values.max(axis=1, keepdims=True)
    return np.where(is_highest, then, -np.inf).argmax(axis=1)
