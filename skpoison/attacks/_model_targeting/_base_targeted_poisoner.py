"""Template of attacks that aim at a model."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from abc import abstractmethod

import numpy as np

from skpoison.attacks._feature_constraints import FeatureConstraints
from skpoison.attacks._model_targeting._targeted_arguments import unreachable
from skpoison.attacks._model_targeting._targeted_game import TargetedGame
from skpoison.attacks._numeric_rows import rows_in_container
from skpoison.base import BaseSubpopPoisoner
from skpoison.utils._sklearn import HasMethods, StrOptions


class BaseTargetedPoisoner(BaseSubpopPoisoner):
    """Make rows that pull a linear surrogate towards a target model.

    A subclass implements `_make`, which aims at one target model. With "auto" it is
    asked for several, and the poison that does most to the attacker's members is kept.
    """

    _parameter_constraints: dict = {
        **BaseSubpopPoisoner._parameter_constraints,
        "surrogate": [HasMethods(["fit", "predict"]), None],
        "constraints": [FeatureConstraints, None],
        "target_model": [StrOptions({"auto"}), HasMethods(["predict"]), tuple],
    }

    def __init__(
        self,
        finder=None,
        *,
        target=0,
        alpha=1.0,
        relative_to="train",
        label="constant",
        replace=True,
        aux_size=None,
        surrogate=None,
        constraints=None,
        target_model="auto",
        random_state=None,
    ):
        super().__init__(
            finder,
            target=target,
            alpha=alpha,
            relative_to=relative_to,
            label=label,
            replace=replace,
            aux_size=aux_size,
            surrogate=surrogate,
            random_state=random_state,
        )
        self.constraints = constraints
        self.target_model = target_model

    def _find_target(self, victim, attacker):
        self._forget()
        return super()._find_target(victim, attacker)

    def _forget(self):
        """Set what only poison gives to None."""
        self.target_estimator_ = self.lower_bound_ = None

    def _craft(self, X, y, members, n_poison, random_state):
        game = TargetedGame(self, X, y, members, random_state)
        weight = self._weight(len(members), n_poison)
        aims = self._aims(game, weight * n_poison)
        attacks = [self._make(game, target, n_poison, weight) for target in aims]
        made, books = max(attacks, key=lambda attack: game.damage(attack[0].theta))
        self.target_estimator_ = game.problem.estimator(made.target.theta)
        self._tell(made, books)
        sources = game.sources(made.rows, made.sources)
        labels = game.problem.classes[(made.signs > 0).astype(int)]
        return rows_in_container(made.rows, X, sources), labels, sources

    def _weight(self, n_members, n_poison):
        """Give what a row counts in the surrogate's training data.

        There the poison is to be to the attacker's rows what it is to the victim's.
        """
        if self.relative_to == "aux":
            return 1.0
        return max(round(self.alpha * n_members), 1) / n_poison

    def _aims(self, game, budget):
        """Target models that are worth an attack."""
        if not isinstance(self.target_model, str):
            target = game.given(self.target_model)
            self._warn_if_far(game.bound(target), budget)
            return [target]
        candidates = game.candidates()
        if not candidates.errors.max() > game.damage(game.clean.theta)[0]:
            warnings.warn(
                f'target_model="auto" of {type(self).__name__} found no model of '
                "flipped labels that is wrong on more members than the clean one; it "
                "aims at the one that comes closest. Choose another target, or a "
                "surrogate with a larger C.",
                UserWarning,
                stacklevel=6,
            )
        return candidates.worth_trying(budget)

    def _warn_if_far(self, bound, budget):
        name = type(self).__name__
        if np.isinf(bound):
            raise unreachable(name, "its lower bound is infinite")
        if bound > budget:
            warnings.warn(
                f"target_model of {name} needs at least {bound:.0f} poison rows among "
                f"the attacker's, and alpha={self.alpha} is for {budget:.0f}; it will "
                "not be reached. Raise alpha, or choose a target model that is nearer "
                "to the clean one.",
                UserWarning,
                stacklevel=7,
            )

    @abstractmethod
    def _make(self, game, target, n_poison, weight):
        """Make the poison that pulls towards one model.

        Parameters
        ----------
        game : TargetedGame
            What the attacker knows.

        target : TargetBound
            The target model.

        n_poison : int
            Number of rows.

        weight : float
            What each counts in the surrogate's training data.

        Returns
        -------
        made : MadePoison
            The poison.

        books : object
            What `_tell` needs to know of how it was made.
        """

    @abstractmethod
    def _tell(self, made, books):
        """Set the attributes that tell of the attack that was kept."""
