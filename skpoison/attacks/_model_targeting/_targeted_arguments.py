"""Constraints and target models as the users of model-targeted attacks give them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skpoison.attacks._feature_constraints import FeatureConstraints
from skpoison.attacks._model_targeting._linear_problem import LinearModel


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
