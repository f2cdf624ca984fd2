"""The row on which two linear models differ most."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, field

import numpy as np

from skpoison.attacks._model_targeting._hull_chain import (
    BOX,
    Chains,
    box_edges,
    group_edges,
)

# One-hot codes on either side of the best edge that are tried with each box corner.
N_NEIGHBORS = 8
# Gap, as a share of the bound, from which on that is worth the time.
WORTH = 1e-3
SIGNS = np.array([1.0, -1.0])


@dataclass
class WorstRow:
    """A row with the label -1 or 1, and how good it is."""

    row: np.ndarray = field(repr=False)
    sign: float
    source: int
    value: float
    bound: float


class HullSweep:
    """Search of the row on which the loss of a model most exceeds that of a target.

    A row counts only through its two outputs. The difference of the losses rises in
    a, minus the margin of the model, and in b, the margin of the target, so it is
    highest on the upper right boundary of the set of all (a, b). That of a box and of
    one-hot groups is a sum of segments and polygons, whose boundary is made of their
    edges in the order of their slopes. Corners are rows, and so are points inside an
    edge of a feature that is not whole; points inside other edges give a bound.

    Parameters
    ----------
    constraints : FeatureConstraints
        Resolved, with a finite box, and groups that are immutable or free as a whole.

    coef : ndarray of shape (n_features,)
        Coefficients of the target.

    intercept : float
        Its intercept.

    loss : MarginLoss
        Loss of both models.

    sources : ndarray of shape (n_sources, n_features)
        Rows whose values immutable features may take.
    """

    def __init__(self, constraints, coef, intercept, loss, sources):
        self.loss = loss
        self.whole, self.fixed = constraints.integer, constraints.immutable
        self.lower, self.upper = whole_bounds(constraints)
        self.width = self.upper - self.lower
        self._index_groups(constraints.one_hot)
        in_group = np.isin(np.arange(len(self.lower)), self.columns)
        self.box = np.flatnonzero(~self.fixed & ~in_group & (self.width > 0))
        fixed = np.flatnonzero(self.fixed)
        values, self.source = np.unique(sources[:, fixed], axis=0, return_index=True)
        self.offsets = np.tile(self.lower, (len(values), 1))
        self.offsets[:, fixed] = values
        # What columns add to a and b, and the rows of the sources; b is the target's.
        self.steps = np.zeros((len(coef) + 1, 2))
        self.steps[:-1, 1] = coef * self.width
        self.outputs = np.zeros((2, len(values)))
        self.outputs[1] = self.offsets @ coef + intercept

    def _index_groups(self, groups):
        """Columns of each free group, and past the last one for none of them."""
        groups = [g for g in groups if not self.fixed[g.columns].any()]
        none = len(self.lower)
        columns = [
            g.columns if g.exactly_one else np.append(g.columns, none) for g in groups
        ]
        n_points = max(map(len, columns), default=0)
        self.columns = np.empty((len(groups), n_points), dtype=int)
        for row, points in zip(self.columns, columns, strict=True):
            row[:] = points[0]
            row[: len(points)] = points

    def worst(self, coef, intercept):
        """Find the row, of either label, on which a model is worst.

        Parameters
        ----------
        coef : ndarray of shape (n_features,)
            Coefficients of the model.

        intercept : float
            Its intercept.

        Returns
        -------
        worst : WorstRow
            The best row found, the difference of the losses there, and a bound that
            no difference on a feasible row of either label exceeds.
        """
        steps, outputs = self.steps.copy(), self.outputs.copy()
        steps[:-1, 0] = -coef * self.width
        outputs[0] = -(self.offsets @ coef + intercept)
        return _Search(self, steps, outputs).found()

    def spanning_rows(self):
        """Give feasible rows whose affine hull has all others."""
        base = self.offsets.copy()
        on = np.append(self.upper, 0.0)
        for columns in self.columns:
            base[:, columns[0] : columns[0] + 1] = on[columns[0]]
        rows = [base]
        for column in self.box:
            rows.append(base[:1].copy())
            rows[-1][0, column] = self.upper[column]
        for columns in self.columns:
            for column in columns[1:]:
                rows.append(base[:1].copy())
                rows[-1][0, columns[0] : columns[0] + 1] = self.lower[
                    columns[0] : columns[0] + 1
                ]
                rows[-1][0, column : column + 1] = on[column]
        return np.vstack(rows)


class _Search:
    """One search, among the rows of both labels.

    A point is a label, a source, the numbers of edges of groups and of the box that
    lead to it, and the share of the next edge of the box.
    """

    def __init__(self, sweep, steps, outputs):
        self.sweep, self.loss = sweep, sweep.loss
        self.codes, self.start, code = group_edges(steps[sweep.columns])
        self.box, self.up, corner = box_edges(steps[sweep.box])
        # Of either label: in a and b, for each source.
        first = (code + corner)[..., np.newaxis]
        self.first = first + SIGNS[:, np.newaxis, np.newaxis] * outputs
        self.chains = Chains(np.concatenate([self.codes, self.box], axis=1))
        self.is_box = self.chains.group == BOX
        # Of the edges before each corner.
        self.n_box = np.zeros(self.chains.a.shape, dtype=int)
        np.cumsum(self.is_box, axis=1, out=self.n_box[:, 1:])
        self.n_codes = np.arange(self.n_box.shape[1]) - self.n_box
        self.value = -np.inf
        self._walk()

    def _walk(self):
        """Look at all corners of the boundaries, and then inside their edges."""
        a = self.first[:, 0, :, np.newaxis] + self.chains.a[:, np.newaxis]
        b = self.first[:, 1, :, np.newaxis] + self.chains.b[:, np.newaxis]
        values = self.loss.differences(a, b)
        side, source, corner = np.unravel_index(values.argmax(), values.shape)
        self._keep(values.max(), side, source, *self._counts(side, corner), 0.0)
        self.bound, top = self.value, None
        for (side, source, edge), height, inside in self._open_edges(a, b):
            if height <= self.value:
                break
            if height > self.bound:
                self.bound, top = height, (side, source, self.n_codes[side, edge])
            if self.is_box[side, edge]:
                self._try(inside, side, source, *self._counts(side, edge))
        if top is not None and self.bound - self.value > WORTH * self.bound:
            self._try_neighbors(*top)

    def _counts(self, side, corner):
        return self.n_codes[side, corner], self.n_box[side, corner]

    def _open_edges(self, a, b):
        """Give edges that may exceed the best value, with their bounds and maxima.

        The highest bounds come first. Where b falls no faster than a rises, no loss is
        highest inside.
        """
        da, db = np.diff(a), np.diff(b)
        highest = self.loss.differences(a[..., 1:], b[..., :-1])
        at = np.nonzero((highest > self.value) & (-db > da))
        if not len(at[0]):
            return
        lines = a[..., :-1][at], b[..., :-1][at], da[at], db[at]
        t, top = self.loss.edge_maxima(*lines)
        for i in np.argsort(-top, kind="stable"):
            yield [k[i] for k in at], top[i], [*(line[i] for line in lines), t[i]]

    def _try_neighbors(self, side, source, n_codes):
        """Try the codes near the best edge with all corners and edges of the box."""
        if not self.box.size:
            return
        codes, box = Chains(self.codes), Chains(self.box)
        low = max(n_codes - N_NEIGHBORS, 0)
        near = slice(low, n_codes + N_NEIGHBORS + 1)
        first = self.first[side, :, source]
        a = (first[0] + codes.a[side, near])[:, np.newaxis] + box.a[side]
        b = (first[1] + codes.b[side, near])[:, np.newaxis] + box.b[side]
        values = self.loss.differences(a, b)
        code, corner = np.unravel_index(values.argmax(), values.shape)
        self._keep(values.max(), side, source, low + code, corner, 0.0)
        for (code, edge), height, inside in self._open_edges(a, b):
            if height <= self.value:
                break
            self._try(inside, side, source, low + code, edge)

    def _try(self, inside, side, source, n_codes, n_box):
        """Keep a point inside an edge of the box if it is the best one so far."""
        a, b, da, db, t = inside
        column = self.sweep.box[self._box_order(side)[n_box]]
        shares = [t]
        if self.sweep.whole[column]:
            width = self.sweep.width[column]
            shares = [np.floor(t * width) / width, np.ceil(t * width) / width]
        for share in shares:
            value = self.loss.differences(a + share * da, b + share * db)
            self._keep(value, side, source, n_codes, n_box, share)

    def _keep(self, value, *at):
        if value > self.value:
            self.value, self.at = value, at

    def _box_order(self, side):
        """Segments in the order in which they move."""
        return self.chains.to[side][self.is_box[side]]

    def found(self):
        """Give the row of the best point."""
        side, source, n_codes, n_box, share = self.at
        sweep = self.sweep
        row = np.append(sweep.offsets[source], 0.0)
        up, order = self.up[side].astype(float), self._box_order(side)
        up[order[:n_box]] = 1 - up[order[:n_box]]
        if share:
            up[order[n_box]] += share * (1 - 2 * up[order[n_box]])
        low, high = sweep.lower[sweep.box], sweep.upper[sweep.box]
        row[sweep.box] = np.where(up == 1, high, low + up * (high - low))
        points, is_code = self.start[side].copy(), self.chains.group[side] >= 0
        # Of several assignments the last counts, and the last edge of a group.
        moved = self.chains.group[side][is_code][:n_codes]
        points[moved] = self.chains.to[side][is_code][:n_codes]
        on = sweep.columns[np.arange(len(points)), points]
        row[on] = np.append(sweep.upper, 0.0)[on]
        number = int(sweep.source[source])
        return WorstRow(
            row[:-1], float(SIGNS[side]), number, float(self.value), float(self.bound)
        )


def whole_bounds(constraints):
    """Bounds of the box, at whole numbers where features are whole."""
    lower, upper, whole = constraints.lower, constraints.upper, constraints.integer
    return (
        np.where(whole, np.ceil(lower), lower),
        np.where(whole, np.floor(upper), upper),
    )
