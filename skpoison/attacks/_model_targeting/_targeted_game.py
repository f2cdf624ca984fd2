"""What a model-targeted attack knows: two classes, a surrogate and constraints."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np

from skpoison.attacks._labels import choose_labels
from skpoison.attacks._model_targeting._gradient_canceling import cancel_gradient
from skpoison.attacks._model_targeting._linear_problem import fit_problem
from skpoison.attacks._model_targeting._model_bounds import TargetBound
from skpoison.attacks._model_targeting._stationary_poison import ClearGradient
from skpoison.attacks._model_targeting._target_models import Candidates, flipped_models
from skpoison.attacks._model_targeting._targeted_arguments import (
    read_model,
    table_constraints,
    unreachable,
)
from skpoison.attacks._numeric_rows import numeric_rows


@dataclass
class MadePoison:
    """Rows of poison, their labels as signs, and the members they come from.

    Parameters
    ----------
    target : TargetBound
        The model that they aim at.

    rows : ndarray of shape (n_rows, n_features)
        The rows.

    signs : ndarray of shape (n_rows,)
        Their labels, -1 or 1.

    sources : ndarray of shape (n_rows,), dtype=int
        Number of a member that has their immutable features.

    theta : ndarray of shape (n_params,)
        The surrogate's optimum on the clean rows and on them.
    """

    target: TargetBound
    rows: np.ndarray
    signs: np.ndarray
    sources: np.ndarray
    theta: np.ndarray


class TargetedGame:
    """The attacker's rows of two classes, the surrogate, and the target models.

    The classes are the label of the poison, and the most frequent other class of the
    members; rows of further classes are left out.

    Parameters
    ----------
    poisoner : BaseSubpopPoisoner
        Its `label`, `surrogate`, `constraints` and `target_model` are used.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        Rows that the attacker sees.

    y : ndarray of shape (n_samples,)
        Their labels.

    members : ndarray of shape (n_members,), dtype=int
        Rows in the target.

    random_state : RandomState instance
        Source of the label, where it is random, and of the surrogate's seed.
    """

    def __init__(self, poisoner, X, y, members, random_state):
        self.owner = type(poisoner).__name__
        self.values = numeric_rows(X, self.owner)
        self.constraints = table_constraints(
            poisoner.constraints, X, self.values, self.owner
        )
        self.members = members
        inside = self.values[members]
        self.constraints.check(inside, self.owner, inside)
        labels = _labels(poisoner, X, y, members, random_state)
        own, other = _two_classes(y[members], labels)
        rows = np.flatnonzero((y == own) | (y == other))
        self.problem = fit_problem(
            poisoner.surrogate, self.values[rows], y[rows], self.owner, random_state
        )
        self.clean = self.problem.refits()
        inside = np.isin(rows, members)
        self.judges = self.problem.signed_rows[inside]
        self._victims = np.flatnonzero(inside & (y[rows] == own))
        self._member_of = np.searchsorted(members, rows)

    def target(self, theta):
        """Give the search of rows towards a model, and its bounds."""
        inside = self.values[self.members]
        return TargetBound(self.problem, theta, self.constraints, inside)

    def certificate(self, target):
        """Give the bounds for poison that is crafted from any row."""
        if not self.constraints.immutable.any():
            return target
        return TargetBound(self.problem, target.theta, self.constraints, self.values)

    def clean_refits(self):
        """Give the optimum on the clean rows, to which rows can be added."""
        return self.clean.copy()

    def bound(self, target):
        """Give the bound of a target model on the way to the clean one."""
        return self.certificate(target).towards(self.clean.theta, self.clean.margins)

    def candidates(self):
        """Give target models of flipped labels."""
        thetas = flipped_models(self.problem, self.clean.theta, self._victims)
        targets = [self.target(theta) for theta in thetas]
        return Candidates(targets, self.clean.theta, self.judges)

    def given(self, target_model):
        """Give the search towards a model of the user's, which must be reachable."""
        theta = read_model(target_model, self.problem, self.values)
        target = self.target(theta)
        if self.certificate(target).out_of_reach():
            raise unreachable(self.owner, "no poison within the constraints changes it")
        return target

    def damage(self, theta):
        """Give the error of a model on the members, and their loss, to be ordered."""
        margins = self.judges @ theta
        return np.mean(margins <= 0), self.problem.loss.value(margins).mean()

    def copies(self, n_poison):
        """Give members, in turn, with the other label: rows, signs and sources."""
        victims = np.resize(self._victims, n_poison)
        sources = self._member_of[victims]
        rows = self.values[self.members[sources]]
        return rows, -self.problem.signs[victims], sources

    def made(self, target, rows, signs, sources, counts):
        """Give poison, with the surrogate's optimum on the clean rows and on it."""
        refits = self.clean_refits()
        refits.add_all(self.problem.design(rows), signs, counts)
        return MadePoison(target, rows, signs, sources, refits.theta)

    def polished(self, target, rows, signs, sources, counts):
        """Move rows until the gradient at a target vanishes, and give the poison."""
        metric = ClearGradient(self.problem, target.theta)
        rows = cancel_gradient(target, metric, metric.middle, rows, signs, counts)
        return self.made(target, rows, signs, sources, counts)

    def sources(self, rows, numbers):
        """Give the row of X that each poison row is crafted from.

        That is the nearest member, in units of the width of the box, of those whose
        immutable features the poison has.
        """
        inside = self.values[self.members]
        width = self.constraints.upper - self.constraints.lower
        scale = np.where(width > 0, 1 / np.where(width > 0, width, 1), 0)
        fixed = self.constraints.immutable
        scale = np.where(fixed, 0, scale)
        found = np.empty(len(rows), dtype=np.intp)
        for number in np.unique(numbers):
            at = np.flatnonzero(numbers == number)
            same = np.flatnonzero(
                (inside[:, fixed] == inside[number, fixed]).all(axis=1)
            )
            found[at] = same[_nearest(rows[at] * scale, inside[same] * scale)]
        return self.members[found]


def _nearest(A, B):
    """Find the row of B that is nearest to each row of A; the first of equals."""
    distances = (B**2).sum(axis=1) - 2 * A @ B.T
    return distances.argmin(axis=1)


def _labels(poisoner, X, y, members, random_state):
    """Labels that the rule of the poisoner gives to each member."""
    has_proba = hasattr(poisoner.surrogate, "predict_proba")
    rule = poisoner.label if isinstance(poisoner.label, str) else None
    if rule in ("least_likely", "max_loss") and not (
        poisoner.surrogate is None or has_proba
    ):
        raise ValueError(
            f"label={rule!r} of {type(poisoner).__name__} needs a surrogate with "
            f"predict_proba. Got {poisoner.surrogate!r}. Use LogisticRegression, or "
            'label="constant".'
        )
    return choose_labels(poisoner, X, y, members, members, random_state)


def _two_classes(own_labels, labels):
    """Class of the members that is attacked, and the most frequent wrong label."""
    wrong = labels[labels != own_labels]
    other = _most_frequent(wrong)
    return _most_frequent(own_labels[own_labels != other]), other


def _most_frequent(labels):
    values, counts = np.unique(labels, return_counts=True)
    return values[counts.argmax()]
