"""Refits of every engine are those of a naive loop, over hundreds of problems."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from naive_refits import (
    Objective,
    exact,
    last_of,
    naive_refits,
    seen_by,
    training_data,
)
from random_estimators import LINEAR, PREDICTED, TRAINED
from random_problems import draw_problem
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from skpoison.refit import refit_poisoned

# Distance between decision values, as a share of their root mean square.
DOUBLE, SINGLE = 1e-4, 1e-3
# What such values are when they are nothing but rounding.
NOTHING = 1e-9


@pytest.fixture(autouse=True)
def few_warnings():
    """Random settings warn: of steps, of constant features, of singular matrices."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@dataclass
class Findings:
    """What was compared, and how far apart it was."""

    models: int = 0
    largest: float = 0.0
    share: float = 0.0
    labels: int = 0
    different: int = 0
    fates: Counter = field(default_factory=Counter)

    def add(self, difference, tolerance, where):
        """Note a difference; raise where it is above the tolerance."""
        assert difference <= tolerance, (difference, tolerance, where)
        self.models += 1
        self.share = max(self.share, difference / tolerance)
        if tolerance <= 2 * DOUBLE:
            self.largest = max(self.largest, difference)

    def add_labels(self, ours, theirs, where):
        """Note labels that should be equal."""
        self.labels += np.size(ours)
        self.different += int(np.sum(ours != theirs))
        assert np.array_equal(ours, theirs), where

    def row(self, **about):
        """Give the row of the table."""
        return about | {
            "models": self.models,
            "largest_difference": f"{self.largest:.1e}",
            "largest_share_of_tolerance": f"{self.share:.2f}",
            "labels_compared": self.labels,
            "labels_different": self.different,
            "left_to_the_loop": self.fates["loop"],
            "refused_by_both": self.fates["error"],
        }


def problems_of(name, draw, limits, n_problems, findings):
    """Draw problems and refit, until the engine has answered so many of them."""
    seed, own = sum(map(ord, name)), 0
    for number in range(6 * n_problems):
        problem = draw_problem(np.random.default_rng([seed, number]), draw, limits)
        models = refit_or_refuse(problem)
        if models is None:
            findings.fates["error"] += 1
            continue
        is_own = name == "the loop" or models.engine_ != "refit_in_a_loop"
        findings.fates["own" if is_own else "loop"] += 1
        own += is_own
        yield problem, models
        if own == n_problems:
            return
    raise AssertionError(f"{name}: the engine answered {own} problems only.")


def refit_or_refuse(problem):
    """Refit; where that fails, a naive loop must fail in the same way."""
    try:
        models = refit_poisoned(
            problem.estimator, problem.X, problem.y, problem.poisons
        )
        models.predict(problem.X_test)
    except Exception as error:
        with pytest.raises(type(error)):
            [m.predict(problem.X_test) for m in naive_refits(problem)]
        return None
    return models


@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_are_at_their_optimum(name, n_problems, record):
    findings = Findings()
    for problem, models in problems_of(name, *LINEAR[name], n_problems, findings):
        if models.engine_ == "refit_in_a_loop":
            continue
        predictions = models.predict(problem.X_test)
        best = naive_refits(problem, exact(problem.estimator))
        for j, model in enumerate(models):
            if np.isnan(models.gradient_norms_[j]):
                compare_given_up(problem, j, model, predictions[j], findings)
            else:
                compare_optimum(problem, j, model, best[j], predictions[j], findings)
    # Few, and most of them have a feature that is nothing but rounding.
    assert findings.fates["alone"] <= 2 + 0.05 * findings.models
    record(
        "engines",
        **findings.row(
            engine=name,
            problems=findings.fates["own"],
            of="decision values against those of the optimum, double precision",
            tolerance=DOUBLE,
        ),
    )


def compare_given_up(problem, j, model, predicted, findings):
    """A model that the engine gave up on is the very one of the loop."""
    findings.fates["alone"] += 1
    real = clone(problem.estimator).fit(*training_data(problem, j))
    findings.add_labels(predicted, real.predict(problem.X_test), str(problem))
    np.testing.assert_array_equal(last_of(model).coef_, last_of(real).coef_)


def compare_optimum(problem, j, model, naive, predicted, findings):
    """Compare with Newton's method from the better of a naive fit and our model."""
    where = f"model {j} of {problem}"
    X, y = training_data(problem, j)
    last = last_of(model)
    objective = Objective(last, seen_by(naive, X), y, last.classes_)
    starts = [objective.coefficients_of(last_of(m)) for m in (model, naive)]
    best = min(starts, key=lambda W: objective(W)[0])
    best, value = objective.newton(best)
    X_test = objective.with_constant(seen_by(naive, problem.X_test))
    ours, theirs = X_test @ starts[0], X_test @ best
    if objective.k > 2 and isinstance(last, LogisticRegression):
        ours = ours - ours.mean(axis=1, keepdims=True)
        theirs = theirs - theirs.mean(axis=1, keepdims=True)
    size = max(np.sqrt(np.mean(theirs**2)), NOTHING)
    tolerance = rounding_of(problem, objective, X_test, best, size)
    findings.add(np.abs(ours - theirs).max() / size, tolerance, where)
    gap = (objective(starts[0])[0] - value) / objective.weights.sum()
    assert gap <= tolerance * max(1, value / objective.weights.sum()), where
    compare_labels(predicted, last.classes_, theirs, tolerance * size, findings, where)


def rounding_of(problem, objective, X_test, W, size):
    """What double or single precision leaves of the decision values."""
    is_single = problem.X.dtype == np.float32
    eps = np.finfo(np.float32 if is_single else float).eps
    cancelled = 8 * eps * (np.abs(X_test) @ np.abs(W)).max() / size
    solved = 4 * np.finfo(float).eps * objective.condition()
    return (SINGLE if is_single else DOUBLE) + cancelled + solved


def compare_labels(predicted, classes, values, margin, findings, where):
    """Compare labels wherever the decision is not as close as rounding."""
    if values.shape[1] == 1:
        clear, codes = np.abs(values[:, 0]) > 2 * margin, (values[:, 0] > 0).astype(int)
    else:
        first, second = -np.partition(-values, 1, axis=1)[:, :2].T
        clear, codes = first - second > 2 * margin, values.argmax(axis=1)
    findings.add_labels(predicted[clear], classes[codes][clear], where)


def parameters_of(models, j, real):
    """Parameters that an engine has and those of a fit, in pairs."""
    if models.engine_ == "refit_gaussian_nb":
        yield models._means[j] + models._center, real.theta_
        yield models._variances[j], real.var_
    elif models.engine_ == "refit_qda":
        yield models._means[j] + models._center, real.means_
    elif models.engine_ == "refit_nearest_centroid" and hasattr(models, "_center"):
        yield models._centroids[j] + models._center, real.centroids_


@pytest.mark.parametrize("name", PREDICTED)
def test_labels_are_those_of_a_naive_loop(name, n_problems, record):
    findings = Findings()
    for problem, models in problems_of(name, *PREDICTED[name], n_problems, findings):
        real = naive_refits(problem)
        wanted = [model.predict(problem.X_test) for model in real]
        findings.add_labels(models.predict(problem.X_test), wanted, str(problem))
        for j, model in enumerate(real):
            difference = max(
                [relative(*pair) for pair in parameters_of(models, j, model)], default=0
            )
            findings.add(difference, 1e-9, str(problem))
    record(
        "engines",
        **findings.row(
            engine=name,
            problems=findings.fates["own"],
            of="labels, and parameters where the engine has them",
            tolerance="0 labels, 1e-09 of the largest parameter of a feature",
        ),
    )


def relative(ours, theirs):
    """Largest difference of a feature's parameters, as a share of the largest."""
    size = np.abs(theirs).max(axis=0) + np.finfo(float).tiny
    return (np.abs(ours - theirs) / size).max()


@pytest.mark.parametrize("name", TRAINED)
def test_nets_without_shuffling_have_the_weights_of_a_naive_loop(
    name, n_problems, record
):
    findings = Findings()
    for problem, models in problems_of(name, *TRAINED[name], n_problems, findings):
        predictions = models.predict(problem.X_test)
        for j, real in enumerate(naive_refits(problem)):
            is_single = problem.X.dtype == np.float32
            compare_weights(models[j], real, 1e-2 if is_single else 1e-6, findings)
            if not is_single:
                wanted = real.predict(problem.X_test)
                findings.add_labels(predictions[j], wanted, str(problem))
    record(
        "engines",
        **findings.row(
            engine=f"{name}, rows in order",
            problems=findings.fates["own"],
            of="weights, double precision",
            tolerance=1e-6,
        ),
    )


def compare_weights(ours, theirs, tolerance, findings):
    """Compare all weights, as shares of the largest."""
    pairs = [
        *zip(ours.coefs_, theirs.coefs_, strict=True),
        *zip(ours.intercepts_, theirs.intercepts_, strict=True),
    ]
    size = max(np.abs(b).max() for _, b in pairs)
    difference = max(np.abs(a - b).max() for a, b in pairs) / size
    findings.add(difference, tolerance, str(ours))
