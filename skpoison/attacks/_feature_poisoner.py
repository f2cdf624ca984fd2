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
from skpoison.attacks._poison_path import PoisonPath
from skpoison.attacks._poisoned_surrogate import PoisonedSurrogate
from skpoison.base import BaseSubpopPoisoner
from skpoison.influence._losses import check_has_gradients
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
        self.constraints_ = self._limits(X, values)
        self._warn_if_outnumbered(n_poison, len(y))
        sources, labels = draw_copies(
            self, X, y, members, n_poison, random_state, model
        )
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
        every = 0 if surrogate.is_frozen else self.refit_every
        in_fit = self._rows_in_fit(len(surrogate.target[1]), len(labels))
        codes, losses, pulls = surrogate.loss.codes(labels), [], []
        best, best_score = path.rows, -np.inf
        for step in range(self.n_steps + 1):
            is_refit = every and (step % every == 0 or step == self.n_steps)
            if is_refit:
                surrogate.refit(path.rows[in_fit], labels[in_fit], sources[in_fit])
            if is_refit or step == 0:
                gradient = self._measure(surrogate, losses)
                direction = self._direction(surrogate, gradient)
            pulls.append(surrogate.loss.products(path.rows, codes, direction).mean())
            score = losses[-1] if every else pulls[-1]
            if (is_refit or not every) and score > best_score:
                best, best_score = path.rows, score
            if step < self.n_steps:
                path.move(surrogate.loss.input_gradients(path.rows, codes, direction))
        self.objectives_ = np.array(losses)
        self._remember_pulls(np.array(pulls))
        return best

    def _measure(self, surrogate, losses):
        """Add what the target loses to a list; give its gradient."""
        of_rows = surrogate.target_losses()
        if self.objective == "loss":
            losses.append(of_rows.mean())
            return surrogate.target_gradient()
        right = np.exp(-of_rows)
        losses.append(1 - right.mean())
        return surrogate.target_gradient(right / len(right))

    def _rows_in_fit(self, n_members, n_poison):
        """Numbers of the poison rows that the surrogate is refitted with.

        There are so many that they are to the attacker's rows what the poison is to
        the victim's.
        """
        n_fit = n_poison if self.relative_to == "aux" else round(self.alpha * n_members)
        return np.arange(max(n_fit, 1)) % n_poison

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
