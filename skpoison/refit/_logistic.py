"""Logistic regressions."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from functools import cache

import numpy as np
from sklearn.linear_model import LogisticRegression

from skpoison.refit._linear_coordinates import Coordinates
from skpoison.refit._linear_ensemble import LinearEnsemble, learned_inputs
from skpoison.refit._linear_inputs import read_inputs
from skpoison.refit._linear_solver import LinearTask, solve_task
from skpoison.refit._registry import register_engine


@register_engine(LogisticRegression)
def refit_logistic(estimator, X, y, poisons, *, n_jobs):
    """Solve all logistic regressions at once, to their optimum.

    `solver` and `max_iter` do not matter: steps are taken until each model is at its
    optimum, to `tol` and better. Not covered are penalties other than L2, none, and
    chatter (`verbose`).
    """
    models = refit_scaled_logistic(estimator, X, y, poisons)
    return models if models is NotImplemented else models.fit_unconverged()


def refit_scaled_logistic(estimator, X, y, poisons, *, change=None):
    """Do the same for models that see each feature in units of their own.

    Parameters
    ----------
    change : Change or None
        Factor and shift, of shape (n_poisons, n_features), that make a model's features
        of those in X; the penalty acts on the model's coefficients. They are returned
        for X as it is.
    """
    inputs = read_logistic(estimator, X, y, poisons)
    if inputs is None:
        return NotImplemented
    task = logistic_task(estimator, inputs, change)
    optima = solve_task(task)
    data = X, y, poisons
    return logistic_ensemble(estimator, *data, inputs, task, optima, change)


def read_logistic(estimator, X, y, poisons):
    """Check rows; None where the settings are not covered."""
    if not _is_covered(estimator):
        return None
    large = estimator.solver not in ("liblinear", "sag", "saga")
    inputs = read_inputs(
        estimator,
        X,
        y,
        poisons,
        dtype=[np.float64, np.float32],
        order="C",
        accept_large_sparse=large,
    )
    if inputs is None or not _liblinear_takes(estimator, inputs):
        return None
    return inputs


def _is_covered(estimator):
    penalty, l1_ratio = estimator.penalty, estimator.l1_ratio
    # Until scikit-learn 1.8 the L2 penalty was asked for by name.
    by_name = penalty == "l2" and l1_ratio in (None, 0)
    is_l2 = by_name or (penalty == "deprecated" and l1_ratio == 0)
    is_liblinear = estimator.solver == "liblinear"
    # Until scikit-learn 1.7 there was a choice.
    schemes = ("deprecated", "auto", "ovr" if is_liblinear else "auto")
    is_usual = getattr(estimator, "multi_class", "deprecated") in schemes
    is_dual = estimator.dual and not is_liblinear
    is_other = is_dual or estimator.verbose
    return is_l2 and is_usual and np.isfinite(estimator.C) and not is_other


def _liblinear_takes(estimator, inputs):
    if estimator.solver != "liblinear":
        return True
    filled = [X for X in (inputs.X, inputs.X_poison) if X.shape[0]]
    return len(inputs.classes) == 2 and max(X.max() for X in filled) <= 1e30


def logistic_task(estimator, inputs, change=None):
    """Write down what is to be solved."""
    is_liblinear = estimator.solver == "liblinear"
    constant = None
    if estimator.fit_intercept:
        constant = float(estimator.intercept_scaling) if is_liblinear else 1.0
    clean_weights, weights = inputs.class_weights(estimator.class_weight)
    coordinates = Coordinates(
        inputs.X,
        inputs.X_poison,
        constant,
        is_free=not is_liblinear,
        is_uniform=change is None,
    )
    d = coordinates.X.shape[1]
    penalty = np.full((d, 1, inputs.n_models), 1 / estimator.C)
    if change is not None:
        penalty[: inputs.X.shape[1], 0] *= change.factor.T**-2.0
    clean_penalty = np.full((d, 1, 1), 1 / estimator.C)
    if constant is not None and not is_liblinear:
        penalty[-1] = clean_penalty[-1] = 0
    return LinearTask(
        coordinates=coordinates,
        codes=inputs.codes,
        poison_codes=inputs.poison_codes,
        model=inputs.model,
        loss="logistic" if len(inputs.classes) == 2 else "softmax",
        penalty=penalty,
        clean_penalty=clean_penalty,
        weights=weights,
        clean_weights=clean_weights,
        n_classes=len(inputs.classes),
        tol=estimator.tol,
    )


def logistic_ensemble(estimator, X, y, poisons, inputs, task, optima, change=None):
    """Make models of the solution."""
    is_liblinear = estimator.solver == "liblinear"
    coef, intercept = task.coordinates.coefficients(optima.W)
    if inputs.X.dtype == np.float32:
        kinds = estimator.solver, estimator.fit_intercept, len(inputs.classes) > 2
        dtypes = _dtypes_of_single(*kinds)
        coef, intercept = coef.astype(dtypes[0]), intercept.astype(dtypes[1])
    no_intercept = is_liblinear and not estimator.fit_intercept
    own = {
        "coef_": coef,
        "intercept_": [0.0] * inputs.n_models if no_intercept else intercept,
        "n_iter_": optima.n_iter.astype(np.int32)[:, np.newaxis],
    }
    return LinearEnsemble(
        estimator,
        X,
        y,
        poisons,
        coef=coef,
        intercept=intercept,
        learned=learned_inputs(estimator, inputs),
        own=own,
        converged=optima.converged,
        gradient_norms=task.coordinates.gradients(optima.G, change) / optima.totals,
    )


@cache
def _dtypes_of_single(solver, fit_intercept, is_multiclass):
    """Find what a fit on rows of single precision gives; releases differ in that."""
    X, y = np.eye(6, dtype=np.float32), np.arange(6) % (2 + is_multiclass)
    model = LogisticRegression(solver=solver, fit_intercept=fit_intercept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    return model.coef_.dtype, np.asarray(model.intercept_).dtype
