"""Template of attacks that move the features of poison."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from skpoison.attacks._copies import draw_copies
from skpoison.attacks._feature_constraints import FeatureConstraints
from skpoison.attacks._numeric_rows import numeric_rows, rows_in_container
from skpoison.attacks._poison_ascent import PoisonAscent
from skpoison.attacks._poison_path import PoisonPath
from skpoison.attacks._poisoned_surrogate import PoisonedSurrogate
from skpoison.base import BaseSubpopPoisoner
from skpoison.influence._losses import check_has_gradients
from skpoison.utils._magnitudes import check_squares
from skpoison.utils._sklearn import HasMethods, Interval, StrOptions


class BaseFeaturePoisoner(BaseSubpopPoisoner):
    """Move the features of label-flipped copies up the slope of an objective.

    A subclass implements `_direction`, a change of the surrogate's parameters. Poison
    moves so that its own gradients pull the parameters that way.
    """

    _parameter_constraints: dict = {
        **BaseSubpopPoisoner._parameter_constraints,
        "surrogate": [HasMethods(["fit", "predict"]), None],
        "objective": [StrOptions({"error", "loss"})],
        "constraints": [FeatureConstraints, None],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "step_size": [Interval(Real, 0, 1, closed="right")],
        "refit_every": [Interval(Integral, 0, None, closed="left")],
    }

    def _find_target(self, victim, attacker):
        self._forget()
        return super()._find_target(victim, attacker)

    def _forget(self):
        """Set what only poison gives to None."""
        self.constraints_ = self.objectives_ = None

    def _craft(self, X, y, members, n_poison, random_state):
        name = type(self).__name__
        model = LogisticRegression() if self.surrogate is None else self.surrogate
        check_has_gradients(model, name)
        values = numeric_rows(X, name)
        check_squares(values, values.size, name)
        self.constraints_ = self._limits(X, values)
        self._warn_if_outnumbered(n_poison, len(y))
        sources, labels = draw_copies(
            self, X, y, members, n_poison, random_state, model
        )
        self._check_known(labels, y)
        path = PoisonPath(values[sources], self.constraints_, self.step_size, name)
        surrogate = PoisonedSurrogate(model, X, values, y, members, name, random_state)
        with threadpool_limits(1, "blas"):  # products are small
            rows = self._best_rows(path, surrogate, labels, sources)
        return rows_in_container(rows, X, sources), labels, sources

    def _limits(self, X, values):
        """Constraints of the attacker's rows."""
        if self.constraints is None:
            return FeatureConstraints.from_data(X)
        limits = self.constraints.for_rows(X)
        limits.check(values, type(self).__name__)
        return limits

    def _best_rows(self, path, surrogate, labels, sources):
        """Take all steps, and give the poison of the best one."""
        ascent = PoisonAscent(
            path,
            surrogate,
            labels,
            sources,
            self._rows_in_fit(len(surrogate.target[1]), len(labels)),
            0 if surrogate.is_frozen else self.refit_every,
            self._measure,
        )
        ascent.run(self.n_steps)
        self.objectives_ = np.array(ascent.objectives)
        self._remember_pulls(np.array(ascent.pulls))
        return ascent.best

    def _measure(self, surrogate):
        """Give the objective, and the change of parameters that raises it."""
        losses = surrogate.target_losses()
        if self.objective == "loss":
            value, gradient = losses.mean(), surrogate.target_gradient()
        else:
            right = np.exp(-losses)
            value = 1 - right.mean()
            gradient = surrogate.target_gradient(right / len(right))
        return float(value), self._direction(surrogate, gradient)

    def _rows_in_fit(self, n_members, n_poison):
        """Numbers of the poison rows that the surrogate is refitted with.

        There are so many that they are to the attacker's rows what the poison is to
        the victim's.
        """
        n_fit = n_poison if self.relative_to == "aux" else round(self.alpha * n_members)
        return np.arange(max(n_fit, 1)) % n_poison

    def _check_known(self, labels, y):
        unknown = np.setdiff1d(labels, y).tolist()
        if unknown:
            raise ValueError(
                f"{type(self).__name__} gives poison the labels {unknown}, of which no "
                "row of the attacker is; its surrogate does not know them. Choose "
                f"label among {np.unique(y).tolist()}, or give the attacker "
                "more rows."
            )

    def _warn_if_outnumbered(self, n_poison, n_rows):
        if n_poison > n_rows:
            warnings.warn(
                f"alpha={self.alpha} of {type(self).__name__} asks for {n_poison} "
                f"poison rows, more than the {n_rows} rows that the attacker sees. A "
                "surrogate of so few rows says little about the victim; lower alpha, "
                "or give the attacker more rows.",
                UserWarning,
                stacklevel=6,
            )

    @abstractmethod
    def _direction(self, surrogate, gradient):
        """Give the change of parameters that poison is to cause.

        Parameters
        ----------
        surrogate : PoisonedSurrogate
            The attacker's model.

        gradient : ndarray of shape (n_params,)
            Gradient of the objective on the target.

        Returns
        -------
        direction : ndarray of shape (n_params,)
            A change that raises the target's loss.
        """

    @abstractmethod
    def _remember_pulls(self, pulls):
        """Set the attribute that tells of the objective through the steps.

        Parameters
        ----------
        pulls : ndarray of shape (n_steps + 1,)
            Mean product of the gradients of poison with the direction.
        """
