"""What a model-targeted attack knows: two classes, a surrogate and constraints."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skpoison.attacks._feature_constraints import FeatureConstraints
from skpoison.attacks._gradient_canceling import cancel_gradient
from skpoison.attacks._labels import choose_labels
from skpoison.attacks._linear_problem import LinearModel, fit_problem
from skpoison.attacks._model_bounds import TargetBound
from skpoison.attacks._numeric_rows import numeric_rows
from skpoison.attacks._stationary_poison import ClearGradient
from skpoison.attacks._target_models import Candidates, flipped_models


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
        return self.problem.refits(self.clean.theta)

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


def table_constraints(constraints, X, values, owner):
    """Give resolved constraints that a search over whole rows can use, or raise.

    Parameters
    ----------
    constraints : FeatureConstraints or None
        `None` learns them from the rows.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        Rows.

    values : ndarray of shape (n_samples, n_features)
        The same as numbers.

    owner : str
        Who asks, for errors.

    Returns
    -------
    constraints : FeatureConstraints
        With an array for each limit.
    """
    if values.ndim != 2:
        raise ValueError(
            f"{owner} attacks linear models of tables. Got rows of shape "
            f"{values.shape[1:]}. Use GradientPoisoner or WitchesBrewPoisoner for "
            "images."
        )
    if constraints is None:
        constraints = FeatureConstraints.from_data(X)
    resolved = constraints.for_rows(X)
    _check_searchable(resolved, owner)
    return resolved


def _check_searchable(constraints, owner):
    free = ~constraints.immutable
    box = np.isfinite(constraints.lower) & np.isfinite(constraints.upper)
    open_ended = np.flatnonzero(free & ~box)
    if len(open_ended):
        raise ValueError(
            f"constraints of {owner} must bound every feature that may change, or one "
            "row could do anything. Got none for the features "
            f"{open_ended[:10].tolist()}. Set lower and upper, or use "
            "FeatureConstraints.from_data(X)."
        )
    if np.isfinite(constraints.eps).any():
        raise ValueError(
            f"constraints of {owner} must not have eps: its rows are not small changes "
            "of others. Leave eps out, or use InfluencePoisoner or GradientPoisoner."
        )
    for group in constraints.one_hot:
        fixed = constraints.immutable[group.columns]
        if fixed.any() and not fixed.all():
            raise ValueError(
                f"constraints of {owner} must not split a one-hot group: of the "
                f"columns {group.columns.tolist()} only "
                f"{group.columns[fixed].tolist()} are immutable. Make all of them "
                "immutable, or none."
            )


def read_model(target_model, problem, X, required=True):
    """Give the parameters of a model of the user's, or raise.

    Parameters
    ----------
    target_model : classifier or tuple of (coef, intercept)
        A fitted linear model of the two classes, or its coefficients and intercept in
        units of the features of X.

    problem : LinearProblem
        The problem of the surrogate.

    X : ndarray of shape (n_samples, n_features)
        Rows.

    required : bool, default=True
        Whether to raise where the surrogate cannot have these parameters.

    Returns
    -------
    theta : ndarray of shape (n_params,) or None
        Parameters; `None` where the surrogate cannot have them.
    """
    if isinstance(target_model, tuple):
        coef, intercept = _read_pair(target_model, X.shape[1], problem.owner)
    else:
        coef, intercept = _read_estimator(target_model, problem, X)
    theta = problem.parameters_of(coef, intercept)
    if theta is None and required:
        raise unreachable(
            problem.owner, f"{problem.model!r} cannot have these coefficients"
        )
    return theta


def _read_pair(pair, n_features, owner):
    try:
        coef, intercept = pair
        coef = np.asarray(coef, dtype=float)
        intercept = float(np.asarray(intercept, dtype=float).reshape(()))
    except (TypeError, ValueError):
        coef, intercept = np.full(0, np.nan), np.nan
    if coef.shape == (1, n_features):
        coef = coef[0]
    if coef.shape != (n_features,) or not np.isfinite([*coef, intercept]).all():
        raise ValueError(
            f"target_model of {owner} must be a pair (coef, intercept) of {n_features} "
            f"finite coefficients and a finite number. Got {pair!r}."
        )
    return coef, intercept


def _read_estimator(model, problem, X):
    owner, n_features = problem.owner, X.shape[1]
    check_is_fitted(model)
    if getattr(model, "n_features_in_", n_features) != n_features:
        raise ValueError(
            f"target_model of {owner} must have the {n_features} features of X. Got "
            f"{model.n_features_in_}."
        )
    if not np.array_equal(model.classes_, problem.classes):
        raise ValueError(
            f"target_model of {owner} must have the two classes of the attack, "
            f"{problem.classes.tolist()}. Got {np.asarray(model.classes_).tolist()}."
        )
    other = LinearModel(model, X, owner, "target_model")
    return other.in_input_units(other.start)


def unreachable(owner, why):
    """Give the error of a target model out of reach."""
    return ValueError(
        f"target_model of {owner} is not reachable with any number of poison rows: "
        f"{why}. Train a target model on data that is within the constraints, for "
        'example with flipped labels, or use target_model="auto".'
    )
