"""Optima of many linear models, from the optimum of the clean rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from threadpoolctl import threadpool_limits

from skpoison.refit._linear_coordinates import MAX_MATRIX_FEATURES, Coordinates
from skpoison.refit._linear_losses import Logistic, Softmax, SquaredHinge
from skpoison.refit._linear_problem import LinearProblem
from skpoison.refit._linear_rows import CleanRows, StackedPoison
from skpoison.refit._preconditioners import has_whole, make_preconditioner
from skpoison.refit._quasi_newton import MEMORY, QuasiNewton, Stop

# Newton decrements, for a mean loss, that count as converged: of the clean model, if it
# is a start only; in single precision on the way; in the end, where decisions are off
# by less than 1e-5 of their spread; and where work is little.
START, COARSE, FINE, FINEST = 3e-3, 1e-4, 4e-7, 2e-9
# The same relative to the norm of the coefficients that the penalty measures, where
# that is smaller: the data may hardly bend the objective.
RELATIVE = 4e-6
# Gradient of the mean loss that is always asked for, whatever the estimator's `tol`.
MAX_GRADIENT = 1e-6
# One row in so many gives the clean model a start, where each class has many of them.
SKETCH, MANY_ROWS = 8, 200
# Margins from which single precision on the way pays.
MANY_MARGINS = 2**20
# Bytes of the work arrays of the models that are solved together.
CHUNK_BYTES = 2**27


@dataclass
class LinearTask:
    """What linear models are trained on, and how.

    Attributes
    ----------
    coordinates : Coordinates
        Clean rows and rows of all poisons.

    codes, poison_codes : ndarray of shape (n_rows,)
        Numbers of their classes.

    model : ndarray of shape (n_poison_rows,)
        Number of the model that each poison row belongs to, ascending.

    loss : {"logistic", "softmax", "squared_hinge"}
        Loss of a row. The squared hinge has an output for each class but two.

    penalty : ndarray of shape (n_features, 1, n_models)
        Weights of the squared coefficients, against the sum of the losses.

    clean_penalty : ndarray of shape (n_features, 1, 1)
        The same for the clean model.

    weights : ndarray of shape (n_classes, n_models) or None
        Weight of the rows of a class.

    clean_weights : ndarray of shape (n_classes, 1) or None
        The same for the clean model.

    n_classes : int
        Number of classes.

    tol : float
        Largest gradient entry, of the mean loss.
    """

    coordinates: Coordinates
    codes: np.ndarray
    poison_codes: np.ndarray
    model: np.ndarray
    loss: str
    penalty: np.ndarray
    clean_penalty: np.ndarray
    weights: np.ndarray
    clean_weights: np.ndarray
    n_classes: int
    tol: float

    def __post_init__(self):
        one_output = self.loss == "logistic" or self.n_classes == 2
        self.n_binary = 1 if self.loss == "softmax" or one_output else self.n_classes
        self.n_outputs = self.n_classes if self.loss == "softmax" else 1
        self.X, self.X_poison = self.coordinates.X, self.coordinates.X_poison
        self.clean = CleanRows(self.X, self.codes, self.n_classes)

    @cached_property
    def noise(self):
        """Gradient entries below which there is nothing but rounding."""
        return np.abs(self.X).sum(axis=0)[:, np.newaxis] * 4 * np.finfo(float).eps

    def problem(self, models):
        """Objectives of some models; of one-against-rest, of each class in turn."""
        start, stop = np.searchsorted(self.model, [models[0], models[-1] + 1])
        X, codes = self.X_poison[start:stop], self.poison_codes[start:stop]
        model = self.model[start:stop]
        weights = None if self.weights is None else self.weights[:, models]
        penalty = self.penalty[:, :, models]
        rows = self._for_each_class(X, codes, model - models[0])
        return self._problem(rows, weights, penalty, len(models))

    def clean_problem(self, every=1):
        """Objective of the clean model, or of each class against the rest.

        With ``every=8`` it is that of one row in eight.
        """
        none = np.empty(0, np.intp)
        rows, penalty = (self.X[:0], none, none), self.clean_penalty / every
        problem = self._problem(rows, self.clean_weights, penalty, 1)
        if every > 1:
            X, codes = self.X[::every], self.codes[::every]
            problem.clean = CleanRows(X, codes, self.n_classes)
        return problem

    def _problem(self, rows, weights, penalty, m):
        k = self.n_binary
        if weights is not None:
            weights = np.repeat(weights, k, axis=1)
        if weights is not None and k > 1:
            # liblinear weighs only the class that is held against the rest.
            weights = np.where(np.tile(np.eye(k, dtype=bool), m), weights, 1)
        poison = StackedPoison(*rows, m * k)
        penalty = np.repeat(penalty, k, axis=2)
        return LinearProblem(self.clean, poison, self._loss(m), weights, penalty)

    def _for_each_class(self, X, codes, model):
        k = self.n_binary
        if k == 1:
            return X, codes, model
        bounds = np.searchsorted(model, np.arange(model[-1] + 2 if len(model) else 1))
        order = [np.tile(np.arange(a, b), k) for a, b in pairwise(bounds)]
        order = np.concatenate([np.empty(0, np.intp), *order])
        part = [np.repeat(np.arange(k), n) for n in np.diff(bounds)]
        part = np.concatenate([np.empty(0, np.intp), *part])
        return X[order], codes[order], model[order] * k + part

    def _loss(self, m):
        if self.loss == "softmax":
            return Softmax(self.n_classes)
        if self.n_binary == 1:
            signs = np.array([[-1.0], [1.0]])
        else:
            signs = 2 * np.eye(self.n_classes) - 1
        kind = Logistic if self.loss == "logistic" else SquaredHinge
        return kind(np.tile(signs, m))


@dataclass
class StartingPoints:
    """Optima of the clean rows, one for each problem that a model is made of.

    Attributes
    ----------
    W : ndarray of shape (n_features, n_outputs, n_points)
        Coefficients.

    gradients : list of ndarray of shape (n_features, n_outputs, n_points)
        Gradients of the losses of the clean rows of each class.

    curvature : list of ndarray of shape (n_classes, n_outputs, n_features, n_features)
        Their second derivatives at each point; `None` where they would be too large.
    """

    W: np.ndarray
    gradients: list
    curvature: list


@dataclass
class LinearOptima:
    """Solutions of a task; each array has the models last."""

    W: np.ndarray
    G: np.ndarray
    totals: np.ndarray
    decrements: np.ndarray
    n_iter: np.ndarray
    converged: np.ndarray


def totals_of(task, problem, n_models):
    """Sum of the weights of the rows of each model."""
    n = np.array([X.shape[0] for X in problem.clean.by_class], dtype=float)
    total = np.full(n_models, n.sum())
    rows = problem.poison
    weights = rows.count
    if problem.weights is not None:
        total = n @ problem.weights
        weights = weights * problem.weights[rows.codes, rows.model]
    return total + np.bincount(rows.model, weights, minlength=n_models)


def solve_task(task):
    """Train the clean model, and from there all others."""
    # Threads would cost more than they bring: the matrices are small, and many.
    with threadpool_limits(1, "blas"):
        return by_chunk(task, starting_points(task), _solve)


def by_chunk(task, start, solve):
    """Solve for as many models at a time as memory is meant for."""
    m = task.penalty.shape[2]
    if m == 0:
        return _no_optima(task)
    parts = [
        solve(task, task.problem(models), start)
        for models in np.array_split(np.arange(m), _n_chunks(task, start))
    ]
    return LinearOptima(*(np.concatenate(p, axis=-1) for p in zip(*parts, strict=True)))


def _no_optima(task):
    W, none = np.empty((task.X.shape[1], task.n_outputs, 0)), np.empty(0)
    return LinearOptima(W, W, none, none, none.astype(int), none.astype(bool))


def _n_chunks(task, start):
    d, m = task.X.shape[1], task.penalty.shape[2]
    numbers = d * (2 * MEMORY + 8)
    if start.curvature is not None:
        numbers += 2 * d * d
        if task.n_outputs > 1 and has_whole(d, task.n_outputs):
            numbers += d * d * task.n_outputs
    size = 8 * numbers * task.n_outputs * task.n_binary
    return min(m, int(np.ceil(size * m / CHUNK_BYTES)))


def starting_points(task, fine=False):
    """Train on the clean rows alone; loosely, where that is a start only."""
    problem = task.clean_problem()
    d, kinds = task.X.shape[1], np.arange(problem.n_models)
    W = np.zeros((d, task.n_outputs, len(kinds)))
    rare = np.bincount(task.codes[::SKETCH], minlength=task.n_classes).min()
    if rare >= MANY_ROWS:
        _minimize(task, task.clean_problem(SKETCH), W, START)
    curvature = _minimize(task, problem, W, FINEST if fine else START)
    if curvature is not None:
        curvature = _curvatures(problem, W)
    gradients = [problem.of_class(W, c, kinds) for c in range(task.n_classes)]
    return StartingPoints(W, gradients, curvature)


def _minimize(task, problem, W, decrement):
    """Go to the optimum of clean rows, in place; give the second derivatives at W."""
    kinds, d = np.arange(problem.n_models), len(W)
    numbers = d * d * task.n_outputs * (1 if task.weights is None else task.n_classes)
    is_small = d <= MAX_MATRIX_FEATURES + 1 and 8 * numbers <= CHUNK_BYTES
    curvature = _curvatures(problem, W) if is_small else None
    start = StartingPoints(W, None, curvature)
    preconditioner = make_preconditioner(problem, start, kinds)
    solver = QuasiNewton(problem, preconditioner, W, problem.gradient(W, kinds))
    total = totals_of(task, problem, len(kinds))
    solver.run(stop_at(task, total, decrement), np.float64)
    return curvature


def _curvatures(problem, W):
    return [problem.clean_curvature(W[:, :, j], j) for j in range(W.shape[2])]


def is_large(task, m):
    """Whether single precision on the way pays."""
    return task.X.shape[0] * task.n_outputs * m >= MANY_MARGINS


def stop_at(task, total, decrement):
    """Tolerances, of the sum of the losses as all objectives here."""
    fine = decrement <= FINE
    gradient = min(task.tol, MAX_GRADIENT) if fine else np.inf
    relative = RELATIVE * decrement / FINE if fine else 1.0
    return Stop(decrement * np.sqrt(total), relative, gradient * total, task.noise)


def _solve(task, problem, start):
    kinds = np.arange(problem.n_models) % task.n_binary
    W = start.W[:, :, kinds]
    G = problem.gradient_at_start(W, [g[:, :, kinds] for g in start.gradients])
    preconditioner = make_preconditioner(problem, start, kinds)
    solver = QuasiNewton(problem, preconditioner, W, G)
    total = totals_of(task, problem, problem.n_models)
    large = is_large(task, problem.n_models)
    if large:
        solver.run(stop_at(task, total, COARSE), np.float32)
        solver.G = problem.gradient(solver.W, np.arange(problem.n_models))
    solver.run(stop_at(task, total, FINE if large else FINEST), np.float64)
    return (
        solver.W,
        solver.G,
        total,
        solver.decrements,
        solver.n_iter,
        solver.converged,
    )
