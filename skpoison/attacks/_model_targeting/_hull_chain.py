"""Upper right boundaries of plane sets that are sums of segments and polygons.

Two sets are treated at once, of which the second one is the first mirrored at the
origin: the rows of one label, and those of the other.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

BOX, PADDING = -1, -2
# An array of shape (6, n_edges) has the edges of both boundaries, in any order: what
# each adds to a, above 0, and to b, below 0; how steeply b falls; which of the two sets
# it belongs to, 0 or 1; its polygon, `BOX` for a segment; and the point of the polygon
# that it leads to, or the number of the segment.
SLOPE, SIDE = 2, 3


class Chains:
    """Both boundaries, from the corner of the highest b to that of the highest a.

    Parameters
    ----------
    edges : ndarray of shape (6, n_edges)
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
        edges = edges[:, np.lexsort((edges[SLOPE], edges[SIDE]))]
        n_second = np.count_nonzero(edges[SIDE])
        n_first = edges.shape[1] - n_second
        n_most = max(n_first, n_second)
        self.a, self.b = np.zeros((2, 2, n_most + 1))
        moves = np.full((2, 2, n_most), PADDING)
        for side, n_edges, part in (
            (0, n_first, edges[:, :n_first]),
            (1, n_second, edges[:, n_first:]),
        ):
            self.a[side, 1 : n_edges + 1], self.b[side, 1 : n_edges + 1] = part[:2]
            moves[:, side, :n_edges] = part[-2:]
        self.group, self.to = moves
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
    edges : ndarray of shape (6, n_edges)
        Those of both boundaries.

    up : ndarray of shape (2, n_segments), dtype=bool
        Segments that are at their ends at the first corner.

    first : ndarray of shape (2, 2)
        The first corner of either, in (a, b).
    """
    da, db = steps.T
    highest = np.where(db == 0, da, db)
    up = np.array([highest > 0, highest < 0])
    to = (da * db < 0).nonzero()[0]
    edges, n = np.empty((6, 2 * len(to))), len(to)
    da, db = np.abs(da[to]), -np.abs(db[to])
    for half in (edges[:, :n], edges[:, n:]):
        half[0], half[1], half[2], half[5] = da, db, -db / da, to
    edges[3, :n], edges[3, n:], edges[4] = 0, 1, BOX
    first = up @ steps
    first[1] *= -1
    return edges, up, first


def group_edges(points):
    """Boundary of a sum of polygons.

    Parameters
    ----------
    points : ndarray of shape (n_groups, n_points, 2)
        The points of each polygon, in (a, b); some may be equal.

    Returns
    -------
    edges : ndarray of shape (6, n_edges)
        Those of both boundaries. Of a polygon the next edge is always steeper.

    start : ndarray of shape (2, n_groups), dtype=int
        Point of each polygon at the first corner.

    first : ndarray of shape (2, 2)
        The first corner of either, in (a, b).
    """
    n, corners, falls, shape = len(points), [], [], []
    a, b = points[..., 0], points[..., 1]
    order = np.lexsort((-b, a)).tolist()
    parts = list(zip(a.tolist(), b.tolist(), order, strict=True))
    # The second boundary is that of the points mirrored, and has them in reverse.
    for sign in (1, -1):
        for a_part, b_part, at in parts:
            found = _upper_right(a_part, b_part, at[::sign])
            corners += found[0]
            falls += found[1]
            shape.append(len(found[0]))
    each = np.arange(2 * n).repeat(shape)
    corners, is_first = np.array(corners, dtype=int), np.ones(len(each), dtype=bool)
    is_first[1:] = each[1:] != each[:-1]
    side = each >= n
    group = each - n * side
    at = points[group, corners]
    edges = np.empty((6, len(each)))
    edges[:2, 1:] = np.diff(at, axis=0).T * (1 - 2 * side[1:])
    edges[2], edges[3], edges[4], edges[5] = falls, side, group, corners
    start = corners[is_first].reshape(2, n)
    first = at[is_first].reshape(2, n, 2).sum(axis=1)
    first[1] *= -1
    return edges[:, ~is_first], start, first


def _upper_right(a, b, order):
    """Wrap points in the order of a, from the highest b to the highest a.

    Points of equal a come in the order of falling b. With the order in reverse it is
    the boundary of the points mirrored. They are plain numbers, as they are few.

    Returns
    -------
    corners : list of int
        The numbers of the corners.

    falls : list of float
        How steeply b falls to each from the last one, always more; 0 to the first.
    """
    corners, falls, last = [order[0]], [0.0], order[0]
    for k in order:
        if a[k] == a[last]:
            continue
        fall = (b[last] - b[k]) / (a[k] - a[last])
        while fall <= falls[-1]:
            del corners[-1], falls[-1]
            if not corners:
                fall = 0.0
                break
            last = corners[-1]
            fall = (b[last] - b[k]) / (a[k] - a[last])
        corners.append(k)
        falls.append(fall)
        last = k
    return corners, falls
