"""Linear support vector machines with the squared hinge loss."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.svm import LinearSVC

from skpoison.refit._linear_coordinates import Coordinates
from skpoison.refit._linear_ensemble import LinearEnsemble, learned_inputs
from skpoison.refit._linear_inputs import read_inputs
from skpoison.refit._linear_solver import LinearTask, solve_task
from skpoison.refit._registry import register_engine


@register_engine(LinearSVC)
def refit_linear_svc(estimator, X, y, poisons, *, n_jobs):
    """Solve all machines at once, each class against the rest, to their optimum.

    The primal and the dual have the same; `max_iter` and `random_state` do not matter.
    Not covered are the hinge loss, the L1 penalty, and `multi_class="crammer_singer"`.
    """
    inputs = read_linear_svc(estimator, X, y, poisons)
    if inputs is None:
        return NotImplemented
    task = linear_svc_task(estimator, inputs)
    optima = solve_task(task)
    models = linear_svc_ensemble(estimator, X, y, poisons, inputs, task, optima)
    return models.fit_unconverged()


def read_linear_svc(estimator, X, y, poisons):
    """Check rows; None where the settings are not covered."""
    settings = estimator.penalty, estimator.loss, estimator.multi_class
    if settings != ("l2", "squared_hinge", "ovr") or estimator.verbose:
        return None
    return read_inputs(
        estimator,
        X,
        y,
        poisons,
        dtype=np.float64,
        order="C",
        accept_large_sparse=False,
    )


def linear_svc_task(estimator, inputs):
    """Write down what is to be solved; the intercept is a feature like any other."""
    constant = estimator.intercept_scaling if estimator.fit_intercept else None
    clean_weights, weights = inputs.class_weights(estimator.class_weight)
    coordinates = Coordinates(
        inputs.X, inputs.X_poison, constant, is_free=False, is_uniform=True
    )
    d = coordinates.X.shape[1]
    return LinearTask(
        coordinates=coordinates,
        codes=inputs.codes,
        poison_codes=inputs.poison_codes,
        model=inputs.model,
        loss="squared_hinge",
        penalty=np.full((d, 1, inputs.n_models), 1 / estimator.C),
        clean_penalty=np.full((d, 1, 1), 1 / estimator.C),
        weights=weights,
        clean_weights=clean_weights,
        n_classes=len(inputs.classes),
        tol=estimator.tol,
    )


def linear_svc_ensemble(estimator, X, y, poisons, inputs, task, optima):
    """Make models of the solution; liblinear does not average its objective."""
    m = inputs.n_models
    coef, intercept = task.coordinates.coefficients(optima.W)
    # The models are those of each class against the rest, one after the other.
    coef = coef[:, 0].reshape(m, -1, coef.shape[2])
    intercept = intercept.reshape(m, -1)
    n_iter = optima.n_iter.reshape(m, -1).max(axis=1)
    norms = task.coordinates.gradients(optima.G).reshape(m, -1).max(axis=1)

    own = {
        "coef_": coef,
        "intercept_": intercept if estimator.fit_intercept else [0.0] * m,
        "n_iter_": n_iter.tolist(),
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
        converged=optima.converged.reshape(m, -1).all(axis=1),
        gradient_norms=norms * estimator.C,
    )
