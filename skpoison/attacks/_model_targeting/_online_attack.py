"""The online attack towards a target model."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np


class OnlineAttack:
    """Poison rows, each the one on which the model so far is worst.

    Parameters
    ----------
    target : TargetBound
        The target model, and the search of rows.

    certificate : TargetBound
        The same, with all rows that any attack may use.

    refits : SmoothRefits or HingeRefits
        The optimum on the clean rows.

    tol : float
        Largest loss difference at which the target counts as reached.

    Attributes
    ----------
    rows : list of ndarray of shape (n_features,)
        The poison.

    signs : list of float
        Its labels, -1 or 1.

    sources : list of int
        Rows among the target's sources whose immutable features they have.

    differences : list of float
        The largest loss difference found before each row, and after the last.

    n_reached : int or None
        Number of rows at which no loss difference exceeded `tol`.

    lower_bound : float
        The best bound on the way.

    gap : float
        Largest excess of the bound of a loss difference over the one found.
    """

    def __init__(self, target, certificate, refits, tol):
        self.target, self.certificate = target, certificate
        self.refits, self.tol = refits, tol
        self.rows, self.signs, self.sources, self.differences = [], [], [], []
        self.n_reached, self.lower_bound, self.gap = None, 0.0, 0.0

    def run(self, n_poison, weight=1.0, is_last=True):
        """Add so many rows of a weight; without `is_last` more may follow."""
        for _ in range(n_poison):
            worst = self._look()
            self.rows.append(worst.row)
            self.signs.append(worst.sign)
            self.sources.append(worst.source)
            row = self.target.problem.design(worst.row[np.newaxis])[0]
            self.refits.add(row, worst.sign, weight)
        if is_last:
            self._look(is_last=True)
        return self

    def end_at(self, theta):
        """Tell of the model that other poison of the same size led to."""
        worst = self.target.worst(theta)
        self.differences[-1] = worst.value
        self.gap = max(self.gap, worst.bound - worst.value)
        if self.n_reached is None and worst.bound <= self.tol:
            self.n_reached = len(self.rows)
        self.lower_bound = max(self.lower_bound, self.certificate.towards(theta))

    def _look(self, is_last=False):
        """Find the row on which the model is worst, and keep the books."""
        worst = self.target.worst(self.refits.theta)
        done = len(self.rows)
        self.differences.append(worst.value)
        self.gap = max(self.gap, worst.bound - worst.value)
        if self.n_reached is None and worst.bound <= self.tol:
            self.n_reached = done
        # Bounds change slowly: after 0, 1, 4, 16, ... rows they tell enough.
        if is_last or done == 0 or (done & (done - 1) == 0 and done.bit_length() % 2):
            bound = self.certificate.towards(self.refits.theta, self.refits.margins)
            self.lower_bound = max(self.lower_bound, bound)
        return worst
