"""Audits of learners that decide locally, against one clean model.

Run from the root of the repository, with the official files in the folder ``adult`` of
the data home::

    SKPOISON_DATA_HOME=../shared/data python benchmarks/impossibility_speed.py

It writes ``benchmarks/results/impossibility_speed.json``. Rows and poisons are those of
``refit_neighbors.py``: 8,000 clean rows of Adult with 107 columns, 5,000 test rows, and
100 clusters poisoned at three alphas, with copies of clean rows or of the attacker's.

``ratio`` is the time of `refit_poisoned` and the predictions of all 300 models over
that of fitting and predicting with one clean model; both are medians of rounds in which
one comes after the other. It is at most 5 for neighbors and for the mixture of
majorities, or the script fails; a mixture of classifiers is told beside them.
Predictions of 20 drawn models are compared with those of models that are fitted one by
one. An audit is a whole `SubpopulationAudit` with the same clusters and alphas, which
trains 600 models, since it has a null arm, and makes tables with intervals. CPU time is
of all threads; ``ratio`` is of it.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import time

import numpy as np
from _report import write_result
from refit_neighbors import ALPHAS, N_CLUSTERS, load, make_poisons
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from skpoison import ClusterMatch, SubpopulationAudit
from skpoison.mixture import SubpopulationMixtureClassifier
from skpoison.refit import refit_poisoned

N_ROUNDS, N_COMPARED, MOST = 5, 20, 5.0


def clock(function):
    """Give the result, and the CPU and wall times."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = function()
    return result, (time.process_time() - cpu, time.perf_counter() - wall)


def together(model, X, y, poisons, X_test):
    """Predictions of all models by the engine, and its name."""
    models = refit_poisoned(model, X, y, poisons)
    return models.predict(X_test), models.engine_


def alone(model, X, y, X_test):
    """Predictions of one model."""
    return clone(model).fit(X, y).predict(X_test)


def compare(model, X, y, poisons, X_test, rounds):
    """Figures of one learner and one kind of poison."""
    clean_times, times = [], []
    for _ in range(rounds):
        clean_times.append(clock(lambda: alone(model, X, y, X_test))[1])
        (predicted, engine), taken = clock(
            lambda: together(model, X, y, poisons, X_test)
        )
        times.append(taken)
    clean_seconds, seconds = np.median(clean_times, axis=0), np.median(times, axis=0)
    drawn = np.random.RandomState(0).permutation(len(poisons))[:N_COMPARED]
    differ = 0
    for j in drawn:
        both = [np.concatenate(pair) for pair in zip((X, y), poisons[j], strict=True)]
        differ += np.sum(alone(model, *both, X_test) != predicted[j])
    return {
        "engine": engine,
        "models": len(poisons),
        "clean_cpu_seconds": round(clean_seconds[0], 4),
        "cpu_seconds": round(seconds[0], 4),
        "clean_wall_seconds": round(clean_seconds[1], 4),
        "wall_seconds": round(seconds[1], 4),
        "ratio": round(seconds[0] / clean_seconds[0], 2),
        "ratio_of_wall_times": round(seconds[1] / clean_seconds[1], 2),
        "labels_compared": len(drawn) * len(X_test),
        "labels_that_differ": int(differ),
    }


def run_audit(model, finder, train, aux, test):
    """Time one whole audit."""
    audit = SubpopulationAudit(
        model, finder=finder, alphas=ALPHAS, min_test=1, random_state=0
    )
    given = {"X_aux": aux[0], "y_aux": aux[1], "X_test": test[0], "y_test": test[1]}
    _, (cpu, wall) = clock(lambda: audit.fit(*train, **given))
    return {
        "subpopulations": len(audit.summary_),
        "cpu_seconds": round(cpu, 2),
        "wall_seconds": round(wall, 2),
    }


def main():
    """Time all learners, and fail where one takes too long or is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=N_ROUNDS)
    rounds = parser.parse_args().rounds
    train, test, aux = load(8000)
    finder = FrozenEstimator(ClusterMatch(N_CLUSTERS, random_state=0).fit(train[0]))
    learners = {
        "15-NN": KNeighborsClassifier(15),
        "mixture of majorities": SubpopulationMixtureClassifier(finder),
        "mixture of GaussianNB": SubpopulationMixtureClassifier(finder, GaussianNB()),
    }
    rng, figures = np.random.RandomState(0), {}
    poisons = {
        "copies of clean rows": make_poisons(*train, train, rng),
        "rows of the attacker": make_poisons(*train, aux, rng),
    }
    for name, model in learners.items():
        figures[name] = {
            kind: compare(model, *train, p, test[0], rounds)
            for kind, p in poisons.items()
        }
        figures[name]["audit"] = run_audit(model, finder, train, aux, test)
        clean = figures[name]["rows of the attacker"]["clean_cpu_seconds"]
        cost = figures[name]["audit"]["cpu_seconds"]
        figures[name]["audit"]["clean_models"] = round(cost / clean, 1)
    write_result("impossibility_speed", rounds=rounds, **figures)
    check(figures)


def check(figures):
    """Raise where a figure is not what was promised."""
    for name, kinds in figures.items():
        for kind, told in kinds.items():
            if told.get("labels_that_differ"):
                raise RuntimeError(f"{name}, {kind}: labels differ from the loop's.")
            if name != "mixture of GaussianNB" and told.get("ratio", 0) > MOST:
                raise RuntimeError(f"{name}, {kind}: {told['ratio']} clean models.")


if __name__ == "__main__":
    main()
