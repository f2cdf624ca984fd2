"""Estimates of poisoned linear models by one Newton step from the clean one."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from skpoison.refit._line_search import dot
from skpoison.refit._linear_solver import (
    FINE,
    by_chunk,
    starting_points,
    stop_at,
    totals_of,
)
from skpoison.refit._linear_svc import (
    linear_svc_ensemble,
    linear_svc_task,
    read_linear_svc,
)
from skpoison.refit._logistic import logistic_ensemble, logistic_task, read_logistic
from skpoison.refit._preconditioners import make_preconditioner
from skpoison.refit._registry import register_engine

MAX_PRODUCTS = 500


@register_engine(LogisticRegression, fidelity="influence")
def estimate_logistic(estimator, X, y, poisons, *, n_jobs):
    """Take one full Newton step on each poisoned objective, from the clean optimum."""
    return estimate_scaled_logistic(estimator, X, y, poisons)


def estimate_scaled_logistic(estimator, X, y, poisons, *, change=None):
    """Do the same for models that see each feature in units of their own."""
    inputs = read_logistic(estimator, X, y, poisons)
    if inputs is None:
        return NotImplemented
    task = logistic_task(estimator, inputs, change)
    estimates = estimate_task(task)
    data = X, y, poisons
    ensemble = logistic_ensemble(estimator, *data, inputs, task, estimates, change)
    ensemble.newton_decrements_ = estimates.decrements / np.sqrt(estimates.totals)
    return ensemble


@register_engine(LinearSVC, fidelity="influence")
def estimate_linear_svc(estimator, X, y, poisons, *, n_jobs):
    """Take one full Newton step on each poisoned objective, from the clean optimum."""
    inputs = read_linear_svc(estimator, X, y, poisons)
    if inputs is None:
        return NotImplemented
    task = linear_svc_task(estimator, inputs)
    estimates = estimate_task(task)
    ensemble = linear_svc_ensemble(estimator, X, y, poisons, inputs, task, estimates)
    by_class = estimates.decrements.reshape(inputs.n_models, -1)
    decrements = np.sqrt(estimator.C * (by_class**2).sum(axis=1))
    ensemble.newton_decrements_ = decrements
    return ensemble


def estimate_task(task):
    """Take the steps of all models."""
    with threadpool_limits(1, "blas"):
        return by_chunk(task, starting_points(task, fine=True), newton_step)


def newton_step(task, problem, start):
    """Estimates of the optima, gradients, and decrements that are left."""
    m = problem.n_models
    kinds = np.arange(m) % task.n_binary
    W = start.W[:, :, kinds]
    G = problem.gradient_at_start(W, [g[:, :, kinds] for g in start.gradients])
    preconditioner = make_preconditioner(problem, start, kinds)
    step, _ = conjugate_gradients(problem, preconditioner, W, G)
    W = W - step
    if W.shape[1] > 1:
        # What is free of the penalty may be shifted for all classes alike.
        free = np.flatnonzero(problem.penalty[:, 0].max(axis=1) == 0)
        W[free] -= W[free].mean(axis=1, keepdims=True)
    G = problem.gradient(W, np.arange(m))
    _, decrements = conjugate_gradients(problem, preconditioner, W, G)
    total = totals_of(task, problem, m)
    stop = stop_at(task, total, FINE)
    done = decrements <= stop.decrements
    done &= np.abs(G).max(axis=(0, 1)) <= stop.gradients
    return W, G, total, decrements, np.ones(m, dtype=int), done


def conjugate_gradients(problem, preconditioner, W, B, tol=1e-8):
    """Solve with the second derivatives of all models at W.

    Returns
    -------
    X : ndarray of the shape of B
        Solutions.

    norms : ndarray of shape (n_models,)
        Square roots of the products of X and B.
    """
    X, R, models = np.zeros_like(B), B.copy(), np.arange(B.shape[2])
    Z = preconditioner.solve(R, models)
    P, rz = Z.copy(), dot(R, Z)
    first = rz.copy()
    for _ in range(MAX_PRODUCTS):
        models = np.flatnonzero(rz > tol**2 * first)
        if len(models) == 0:
            break
        AP = problem.curvature_product(W[..., models], P[..., models], models)
        bend = dot(P[..., models], AP)
        share = np.divide(rz[models], bend, out=np.zeros_like(bend), where=bend > 0)
        X[..., models] += share * P[..., models]
        R[..., models] -= share * AP
        Z = preconditioner.solve(R[..., models], models)
        after = np.where(share > 0, dot(R[..., models], Z), 0)
        P[..., models] = Z + after / rz[models] * P[..., models]
        rz[models] = after
    return X, np.sqrt(np.maximum(dot(X, B), 0))
