"""The row on which two linear models differ most."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, field

import numpy as np

from skpoison.attacks._hull_chain import box_chain, group_chains, merged

# One-hot codes on either side of the best edge that are tried with each box corner.
N_NEIGHBORS = 8
SIGNS = (1.0, -1.0)


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
        self.coef, self.loss = coef, loss
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
        self.target_outputs = self.offsets @ coef + intercept

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
        steps = np.zeros((len(coef) + 1, 2))
        steps[:-1, 0], steps[:-1, 1] = -coef * self.width, self.coef * self.width
        outputs = -(self.offsets @ coef + intercept), self.target_outputs
        codes, firsts = group_chains(steps[self.columns])
        sides = [
            _Side(self, sign, sign * steps[self.box], sign * np.array(outputs), *chain)
            for sign, *chain in zip(SIGNS, codes, firsts, strict=True)
        ]
        bound = max(side.value for side in sides)
        for side in sides:
            bound = max(bound, side.look_inside(bound))
        best = max(sides, key=lambda side: side.value)
        source = int(self.source[best.at[0]])
        return WorstRow(best.row(), best.sign, source, float(best.value), float(bound))

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


class _Side:
    """The search among the rows of one label.

    A point is a source, the numbers of edges of codes and of the box that lead to it,
    and the share of the next edge of the box.
    """

    def __init__(self, sweep, sign, steps, outputs, codes, first):
        self.sweep, self.sign, self.codes, self.first = sweep, sign, codes, first
        self.box, self.rises = box_chain(steps)
        self.chain = merged(codes, self.box)
        self.start = outputs + self.chain.start[:, None]
        is_box = self.chain.group < 0
        self.n_box = np.concatenate([[0], np.cumsum(is_box)])
        self.n_codes = np.arange(len(is_box) + 1) - self.n_box
        self.found = _Found(sweep.loss, self.chain, self.start)
        source, corner = self.found.best
        self.value = self.found.value
        self.at = source, self.n_codes[corner], self.n_box[corner], 0.0

    def look_inside(self, floor):
        """Look inside edges that may exceed a value, and give the bound there."""
        bound, top = floor, None
        for source, edge, t, height in self.found.inside(floor):
            if height > bound:
                bound, top = height, (source, self.n_codes[edge])
            if self.chain.group[edge] < 0:
                at = source, self.n_codes[edge], self.n_box[edge]
                self._try(self.found, source, edge, t, at)
        if top is not None and bound > self.value + 1e-9:
            self._try_neighbors(*top)
        return bound

    def _try_neighbors(self, source, n_codes):
        """Try the codes near the best edge with all corners and edges of the box."""
        low = max(n_codes - N_NEIGHBORS, 0)
        near = slice(low, n_codes + N_NEIGHBORS + 1)
        start = self.start[:, [source]] + self.codes.sums()[:, near]
        found = _Found(self.sweep.loss, self.box, start)
        code, corner = found.best
        self._keep(found.value, source, low + code, corner, 0.0)
        for code, edge, t, _ in found.inside(self.value):
            self._try(found, code, edge, t, (source, low + code, edge))

    def _try(self, found, start, edge, t, at):
        """Keep a point inside an edge of the box if it is the best one so far."""
        column = self.sweep.box[self.box.to[at[2]]]
        shares = [t]
        if self.sweep.whole[column]:
            width = self.sweep.width[column]
            shares = [np.floor(t * width) / width, np.ceil(t * width) / width]
        for share in shares:
            self._keep(found.value_at(start, edge, share), *at, share)

    def _keep(self, value, *at):
        if value > self.value:
            self.value, self.at = value, at

    def row(self):
        """Give the row of the best point."""
        sweep = self.sweep
        source, n_codes, n_box, share = self.at
        row = np.append(sweep.offsets[source], 0.0)
        up = self.rises.astype(float)
        moved = self.box.to[:n_box]
        up[moved] = 1 - up[moved]
        if share:
            at = self.box.to[n_box]
            up[at] += share * (1 - 2 * up[at])
        low, high = sweep.lower[sweep.box], sweep.upper[sweep.box]
        row[sweep.box] = np.where(up == 1, high, low + up * (high - low))
        points = self.first.copy()
        # Of several assignments the last counts, and the last edge of a group.
        points[self.codes.group[:n_codes]] = self.codes.to[:n_codes]
        on = sweep.columns[np.arange(len(points)), points]
        row[on] = np.append(sweep.upper, 0.0)[on]
        return row[:-1]


class _Found:
    """Differences of losses at the corners of a chain, from each of some starts."""

    def __init__(self, loss, chain, start):
        self.loss, self.chain = loss, chain
        self.a, self.b = start[:, :, None] + chain.sums()[:, None]
        values = loss.differences(self.a, self.b)
        self.best = np.unravel_index(values.argmax(), values.shape)
        self.value = values[self.best]

    def inside(self, floor):
        """Give start, edge, share and bound of edges that may exceed a value."""
        highest = self.loss.differences(self.a[:, 1:], self.b[:, :-1])
        at, edge = np.nonzero(highest > floor)
        if not len(at):
            return ()
        a, b = self.a[at, edge], self.b[at, edge]
        t, top = self.loss.edge_maxima(a, b, self.chain.da[edge], self.chain.db[edge])
        return zip(at, edge, t, top, strict=True)

    def value_at(self, start, edge, share):
        """Give the difference inside an edge."""
        a = self.a[start, edge] + share * self.chain.da[edge]
        b = self.b[start, edge] + share * self.chain.db[edge]
        return self.loss.differences(a, b)


def whole_bounds(constraints):
    """Bounds of the box, at whole numbers where features are whole."""
    lower, upper, whole = constraints.lower, constraints.upper, constraints.integer
    return (
        np.where(whole, np.ceil(lower), lower),
        np.where(whole, np.floor(upper), upper),
    )
