"""How many rows of poison a model needs at least."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._hull_sweep import HullSweep

# Largest change of a margin on the short way from the target that bounds look at.
SHORT = 1e-4
# More rows than any data set has.
UNREACHABLE = 1e9


class TargetBound:
    """Lower bounds on the poison that makes a model the optimum of its training data.

    With F the objective on the clean rows, l the loss of a row and theta_p the model,
    m rows of poison D_p that make it the optimum leave no better theta:
    ``F(theta_p) + l(theta_p; D_p) <= F(theta) + l(theta; D_p)``, so that m is at least
    ``(F(theta_p) - F(theta)) / max(l(theta; x, y) - l(theta_p; x, y))``. As both are
    convex, this is the larger, the nearer theta comes to theta_p on a line; the bounds
    are taken close to it. A model that is trained up to gradients of `tol` times the
    number of rows needs the fewer rows, which is allowed for.

    Parameters
    ----------
    problem : LinearProblem
        The clean rows and the objective.

    theta : ndarray of shape (n_params,)
        The model.

    constraints : FeatureConstraints
        Resolved constraints of poison rows.

    sources : ndarray of shape (n_sources, n_features)
        Rows whose values immutable features may take.
    """

    def __init__(self, problem, theta, constraints, sources):
        self.problem, self.theta, self.tol = problem, theta, problem.tol
        self.margins = problem.signed_rows @ theta
        self.losses = problem.loss.value(self.margins)
        coef, intercept = problem.in_input_units(theta)
        self.sweep = HullSweep(constraints, coef, intercept, problem.loss, sources)

    def worst(self, theta):
        """Find the row on which the loss of a model most exceeds the target's."""
        return self.sweep.worst(*self.problem.in_input_units(theta))

    def nearby(self, direction, moved=None):
        """Give a model close to the target, and its margins less the target's."""
        if moved is None:
            moved = self.problem.signed_rows @ direction
        share = min(1.0, SHORT / max(np.abs(moved).max(), 1e-300))
        return self.theta + share * direction, share * moved

    def towards(self, theta, margins=None):
        """Give the bound on the way to another model.

        Parameters
        ----------
        theta : ndarray of shape (n_params,)
            The other model.

        margins : ndarray of shape (n_samples,), default=None
            Its margins on the clean rows, where they are known.

        Returns
        -------
        bound : float
            Number of rows; infinite where it is beyond any data set.
        """
        moved = None if margins is None else margins - self.margins
        near, moved = self.nearby(theta - self.theta, moved)
        change = near - self.theta
        gain = np.sum(self.losses - self.problem.loss.value(self.margins + moved))
        gain -= (self.problem.decay * change) @ (self.theta + change / 2)
        slack = self.tol * np.abs(change).sum()
        gain -= slack * len(moved)
        if gain <= 0:
            return 0.0
        worst = self.worst(near).bound + slack
        return float(gain / worst) if worst * UNREACHABLE > gain else np.inf

    def out_of_reach(self):
        """Whether the gradient at the model has a part that no poison can change."""
        slopes = self.problem.loss.slope(self.margins)
        gradient = slopes @ self.problem.signed_rows + self.problem.decay * self.theta
        span = self.problem.design(self.sweep.spanning_rows())
        _, sizes, axes = np.linalg.svd(span, full_matrices=False)
        axes = axes[sizes > 1e-9 * sizes.max()]
        rest = gradient - axes.T @ (axes @ gradient)
        return np.isinf(self.towards(self.theta - rest))
