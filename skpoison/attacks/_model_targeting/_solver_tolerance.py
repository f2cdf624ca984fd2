"""How far from the optimum solvers stop."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from sklearn.svm import LinearSVC


@dataclass(frozen=True)
class SolverTolerance:
    """How far from its optimum a solver may stop, in its objective for each row.

    A model theta that a solver stopped at may be worse than theta + change by as much.

    Parameters
    ----------
    tol : float
        Tolerance of the estimator.

    rule : {"gradient", "relative", "margin"}
        What it is one of: the largest entry of the mean gradient; the length of the
        gradient as a share of that at 0; or what margins are from where the dual
        variables have them, as in the dual solver of liblinear.
    """

    tol: float
    rule: str

    @classmethod
    def of(cls, last):
        """Read the settings of an estimator."""
        if isinstance(last, LinearSVC):
            is_dual = last.loss == "hinge" or last.dual is True
            return cls(last.tol, "margin" if is_dual else "relative")
        if last.solver == "liblinear":
            return cls(last.tol, "margin" if last.dual else "relative")
        return cls(last.tol, "gradient")

    @property
    def length(self):
        """Change of a margin from which on a bound is worth what the slack costs."""
        return max(1e-4, 5 * np.sqrt(self.tol)) if self.rule == "margin" else 1e-4

    def slack(self, change, loss, longest):
        """Give the excess, where no row is longer than `longest`."""
        if self.rule == "gradient":
            return self.tol * np.abs(change).sum()
        if self.rule == "relative":
            # liblinear multiplies by the share of the rarer class, at most a half.
            steepest = abs(float(loss.slope(np.zeros(1))[0]))
            return self.tol / 2 * steepest * longest * np.linalg.norm(change)
        return 2 * self.tol
