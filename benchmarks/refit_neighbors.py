"""300 poisoned 15-nearest-neighbor classifiers on Adult, against one after the other.

    SKPOISON_DATA_HOME=../shared/data python benchmarks/refit_neighbors.py
    SKPOISON_DATA_HOME=../shared/data python benchmarks/refit_neighbors.py --full

8,000 clean rows of Adult, one-hot and scaled, dense, and 5,000 test rows. The poisons
are wrongly labeled copies of the rows of 100 clusters, at alphas of 0.5, 1 and 2: in
one arm of the clean rows themselves, in the other of as many rows of the attacker's,
which are not among the clean rows. CPU times are of all threads of the process.

The loop is clone + concatenate + fit + predict, by one or two threads, whichever takes
less on 4 of the 300 models; its time is that of 20 drawn models times 15, or of all
with ``--full``. The labels of these models are compared.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import resource
import sys
import time

import numpy as np
from _report import write_result
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from skpoison.datasets import fetch_adult
from skpoison.finders import ClusterMatch
from skpoison.refit import refit_poisoned

ALPHAS = (0.5, 1, 2)
N_CLUSTERS = 100
N_TEST = 5000
N_SAMPLE = 300 if "--full" in sys.argv else 20


def load(n_clean):
    """Clean, test and attacker's rows, encoded and dense, with their labels."""
    X, y = fetch_adult(subset="train", return_X_y=True)
    y = (y == ">50K").to_numpy().astype(int)
    encode = make_column_transformer(
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_include="category"),
        ),
        (StandardScaler(), make_column_selector(dtype_include="number")),
    )
    order = np.random.RandomState(0).permutation(len(X))
    ends = [n_clean, n_clean + N_TEST, min(len(X), 2 * n_clean + N_TEST)]
    clean, test, attacker, _ = np.split(order, ends)
    encode.fit(X.iloc[clean])
    return [
        (np.ascontiguousarray(encode.transform(X.iloc[part])), y[part])
        for part in (clean, test, attacker)
    ]


def make_poisons(X, y, source, rng):
    """Copy source rows under the least frequent label, at three alphas a cluster."""
    finder = ClusterMatch(N_CLUSTERS, random_state=0).fit(X)
    cluster, poisons = finder.predict(source[0]), []
    for k, size in enumerate(finder.sizes_):
        members = np.flatnonzero(cluster == k)
        if not len(members):
            members = np.arange(len(cluster))
        label = np.bincount(source[1][members], minlength=2).argmin()
        for alpha in ALPHAS:
            rows = members[rng.randint(len(members), size=max(1, round(alpha * size)))]
            poisons.append((source[0][rows], np.full(len(rows), label)))
    return poisons


def cpu(function):
    """Give the result and the CPU time."""
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def loop(estimator, X, y, poisons, X_test):
    """Labels by each model, and the CPU times of fitting and predicting."""
    labels, times = [], np.zeros(2)
    for X_poison, y_poison in poisons:
        start = time.process_time()
        model = clone(estimator).fit(
            np.concatenate([X, X_poison]), np.concatenate([y, y_poison])
        )
        fitted = time.process_time()
        labels.append(model.predict(X_test))
        times += fitted - start, time.process_time() - fitted
    return labels, times


def time_loop(estimator, X, y, poisons, X_test, rng):
    """Labels of drawn models, and CPU times of all, by 1 or 2 threads."""
    drawn = rng.permutation(len(poisons))
    tried = {}
    for threads in (1, 2):
        with threadpool_limits(threads):
            few = [poisons[j] for j in drawn[:4]]
            tried[threads] = loop(estimator, X, y, few, X_test)[1].sum()
    threads = min(tried, key=tried.get)
    sample = drawn[:N_SAMPLE]
    with threadpool_limits(threads):
        labels, times = loop(estimator, X, y, [poisons[j] for j in sample], X_test)
    return sample, labels, times * len(poisons) / len(sample), threads


def compare(estimator, X, y, poisons, X_test, rng):
    """Figures of one arm."""
    sample, labels, (fitting, predicting), threads = time_loop(
        estimator, X, y, poisons, X_test, rng
    )
    (_, predicted), clean_seconds = min(
        (
            cpu(lambda: loop(estimator, X, y, [(X[:0], y[:0])], X_test))
            for _ in range(5)
        ),
        key=lambda pair: pair[1],
    )
    runs = []
    for _ in range(3):
        models, fit_seconds = cpu(lambda: refit_poisoned(estimator, X, y, poisons))
        predicted, predict_seconds = cpu(lambda: models.predict(X_test))  # noqa: B023
        runs.append((fit_seconds + predict_seconds, fit_seconds, predict_seconds))
    seconds, fit_seconds, predict_seconds = min(runs)
    return {
        "engine": models.engine_,
        "models": len(poisons),
        "poison_rows": sum(len(labels) for _, labels in poisons),
        "loop_cpu_seconds": round(fitting + predicting, 2),
        "loop_timed_on": len(sample),
        "loop_threads": threads,
        "one_clean_model_cpu_seconds": round(clean_seconds, 4),
        "fit_cpu_seconds": round(fit_seconds, 3),
        "predict_cpu_seconds": round(predict_seconds, 3),
        "ratio_of_fits": round(fitting / fit_seconds, 1),
        "ratio": round((fitting + predicting) / seconds, 1),
        "clean_models": round(seconds / clean_seconds, 2),
        "models_compared": len(sample),
        "labels_compared": len(sample) * len(X_test),
        "labels_that_differ": int(np.sum(predicted[sample] != np.array(labels))),
    }


def peak_mib():
    """Largest memory of the process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main():
    """Time both arms and both weightings, and print the ratios."""
    rng = np.random.RandomState(0)
    (X, y), (X_test, _), attacker = load(8000)
    figures = {"clean_rows": len(X), "features": X.shape[1], "test_rows": len(X_test)}
    arms = {
        "copies of clean rows": make_poisons(X, y, (X, y), rng),
        "rows of the attacker": make_poisons(X, y, attacker, rng),
    }
    before = peak_mib()
    for weights in ("uniform", "distance"):
        estimator = KNeighborsClassifier(15, weights=weights)
        figures[weights] = {
            arm: compare(estimator, X, y, poisons, X_test, rng)
            for arm, poisons in arms.items()
        }
    figures["peak_mib"] = {"before": before, "after": peak_mib()}
    write_result("refit_neighbors", **figures)


if __name__ == "__main__":
    main()
