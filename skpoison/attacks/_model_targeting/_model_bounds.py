"""How many rows of poison a model needs at least."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._model_targeting._hull_sweep import HullSweep
from skpoison.attacks._model_targeting._margin_losses import BEND

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
    are taken close to it. A model at which a solver stops before its optimum needs
    fewer rows, which is allowed for.

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
        self.problem, self.theta = problem, theta
        self.margins = problem.signed_rows @ theta
        self.losses = problem.loss.value(self.margins)
        coef, intercept = problem.in_input_units(theta)
        self.sweep = HullSweep(constraints, coef, intercept, problem.loss, sources)
        lengths = np.linalg.norm(problem.signed_rows, axis=1)
        corner = problem.longest(constraints.lower, constraints.upper)
        self.longest = max(lengths.max(), corner)

    def worst(self, theta):
        """Find the row on which the loss of a model most exceeds the target's."""
        return self.sweep.worst(*self.problem.in_input_units(theta))

    def nearby(self, direction, moved=None, length=SHORT):
        """Give a model close to the target, and its margins less the target's."""
        if moved is None:
            moved = self.problem.signed_rows @ direction
        share = min(1.0, length / max(np.abs(moved).max(), 1e-300))
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
        direction = theta - self.theta
        moved = None if margins is None else margins - self.margins
        return self._at(*self.nearby(direction, moved, self.problem.stop.length))

    def _at(self, theta, moved):
        """Give the bound that a model gives."""
        change, problem = theta - self.theta, self.problem
        gain = np.sum(self.losses - problem.loss.value(self.margins + moved))
        gain -= (problem.decay * change) @ (self.theta + change / 2)
        slack = problem.stop.slack(change, problem.loss, self.longest)
        gain -= slack * len(moved)
        if gain <= 0:
            return 0.0
        worst = self.worst(theta).bound + slack
        return float(gain / worst) if worst * UNREACHABLE > gain else np.inf

    def out_of_reach(self):
        """Whether the gradient at the model has a part that no poison can change."""
        problem = self.problem
        slopes = problem.loss.slope(self.margins)
        gradient = slopes @ problem.signed_rows + problem.decay * self.theta
        span = problem.design(self.sweep.spanning_rows())
        if not problem.loss.is_smooth:  # whose gradient is not one where it bends
            at_bend = np.abs(self.margins - 1) < BEND
            span = np.vstack([span, problem.signed_rows[at_bend]])
        _, sizes, axes = np.linalg.svd(span, full_matrices=False)
        axes = axes[sizes > 1e-9 * sizes.max()]
        rest = gradient - axes.T @ (axes @ gradient)
        slack = problem.stop.slack(rest, problem.loss, self.longest)
        return rest @ rest > slack * len(slopes) + 1e-9 * (gradient @ gradient)
