"""Logistic regressions."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

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
    return refit_scaled_logistic(estimator, X, y, poisons, feature_scale=None)


def refit_scaled_logistic(estimator, X, y, poisons, *, feature_scale):
    """Do the same for models that see each feature in units of their own.

    Parameters
    ----------
    feature_scale : ndarray of shape (n_poisons, n_features) or None
        Unit of each feature in X, in the units of the model; the penalty acts on the
        model's coefficients. They are returned for X as it is.
    """
    inputs = read_logistic(estimator, X, y, poisons)
    if inputs is None:
        return NotImplemented
    task = logistic_task(estimator, inputs, feature_scale)
    optima = solve_task(task)
    return logistic_ensemble(estimator, X, y, poisons, inputs, task, optima)


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
    is_dual = estimator.dual and estimator.solver != "liblinear"
    return is_l2 and np.isfinite(estimator.C) and not (is_dual or estimator.verbose)


def _liblinear_takes(estimator, inputs):
    if estimator.solver != "liblinear":
        return True
    return len(inputs.classes) == 2 and inputs.X.max() <= 1e30


def logistic_task(estimator, inputs, feature_scale=None):
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
        is_uniform=feature_scale is None,
    )
    d = coordinates.X.shape[1]
    penalty = np.full((d, 1, inputs.n_models), 1 / estimator.C)
    if feature_scale is not None:
        penalty[: inputs.X.shape[1], 0] *= feature_scale.T**-2.0
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


def logistic_ensemble(estimator, X, y, poisons, inputs, task, optima):
    """Make models of the solution."""
    is_liblinear = estimator.solver == "liblinear"
    dtype = np.float64 if is_liblinear else inputs.X.dtype
    coef, intercept = task.coordinates.coefficients(optima.W)
    coef, intercept = coef.astype(dtype), intercept.astype(dtype)

    def own(j):
        no_intercept = is_liblinear and not estimator.fit_intercept
        return {
            "coef_": coef[j].copy(),
            "intercept_": 0.0 if no_intercept else intercept[j].copy(),
            "n_iter_": np.array([optima.n_iter[j]], np.int32),
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
        gradient_norms=task.coordinates.gradients(optima.G) / optima.totals,
    )
