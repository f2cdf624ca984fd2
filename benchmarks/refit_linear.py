"""300 poisoned linear models on Adult, against one fit after the other.

    SKPOISON_DATA_HOME=../shared/data python benchmarks/refit_linear.py
    SKPOISON_DATA_HOME=../shared/data python benchmarks/refit_linear.py --full

The clean rows are half of the 32,561 training rows, one-hot and scaled, as a sparse
matrix; 5,000 of the other half are test rows, and what is left is the attacker's. The
poisons are wrongly labeled copies of the attacker's rows of 100 clusters, at alphas of
0.5, 1 and 2. CPU times are of all threads of the process.

The loop is clone + concatenate + fit. It is given its best of sparse and dense rows and
of one and two BLAS threads, each tried on 6 of the 300 models; the time of the best is
that of 30 drawn models times 10, or of all with ``--full``. Two threads are what BLAS
takes by itself on two cores; `ratios` has each setting, from the 6 models. Agreement is
with newton-cholesky at ``tol=1e-10`` on the same models.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import resource
import sys
import time
import warnings
from itertools import product

import numpy as np
from _report import write_result
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from skpoison.datasets import fetch_adult
from skpoison.finders import ClusterMatch
from skpoison.refit import refit_poisoned

ALPHAS = (0.5, 1, 2)
N_SAMPLE = 300 if "--full" in sys.argv else 30


def load():
    """Rows of the victim, of the test and of the attacker, encoded, with labels."""
    X, y = fetch_adult(subset="train", return_X_y=True)
    y = (y == ">50K").to_numpy().astype(int)
    X, X_rest, y, y_rest = train_test_split(
        X, y, train_size=0.5, stratify=y, random_state=0
    )
    encode = make_column_transformer(
        (
            OneHotEncoder(handle_unknown="ignore"),
            make_column_selector(dtype_include="category"),
        ),
        (StandardScaler(), make_column_selector(dtype_include="number")),
        sparse_threshold=1,
    )
    X, X_rest = encode.fit_transform(X).tocsr(), encode.transform(X_rest).tocsr()
    return (X, y), (X_rest[:5000], y_rest[:5000]), (X_rest[5000:], y_rest[5000:])


def make_poisons(finder, victim, attacker, rng):
    """Copy rows under the least frequent label; three alphas for each cluster."""
    poisons = []
    for k, size in enumerate(finder.sizes_):
        X, y = attacker
        members = np.flatnonzero(finder.predict(X) == k)
        if len(members) == 0:
            X, y = victim
            members = np.flatnonzero(finder.labels_ == k)
        label = np.bincount(y[members], minlength=2).argmin()
        for alpha in ALPHAS:
            rows = members[rng.randint(len(members), size=max(1, round(alpha * size)))]
            poisons.append((X[rows], np.full(len(rows), label)))
    return poisons


def fit_one(estimator, X, y, poison, dense):
    """One turn of the loop."""
    X_poison, y_poison = poison
    stack = np.concatenate if dense else sparse.vstack
    parts = [X, X_poison]
    X_all = stack(parts) if dense else stack(parts, format="csr")
    return clone(estimator).fit(X_all, np.concatenate([y, y_poison]))


def cpu(function):
    """Give the result and the CPU time."""
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def time_loop(estimator, X, y, poisons, rng):
    """CPU time of the loop over all poisons, in its best setting, and which it is."""
    tried = {}
    sample = rng.choice(len(poisons), 6, replace=False)
    for dense, threads in product((False, True), (1, 2)):
        data = _as(X, [poisons[j] for j in sample], dense)
        with threadpool_limits(threads):
            _, seconds = cpu(lambda: _loop(estimator, data[0], y, data[1], dense))  # noqa: B023
        tried[dense, threads] = seconds / len(sample)
    dense, threads = min(tried, key=tried.get)
    sample = rng.choice(len(poisons), min(N_SAMPLE, len(poisons)), replace=False)
    data = _as(X, [poisons[j] for j in sample], dense)
    with threadpool_limits(threads):
        _, seconds = cpu(lambda: _loop(estimator, data[0], y, data[1], dense))
    scale = len(poisons) / len(sample)
    settings = {
        f"{'dense' if d else 'sparse'}, {t} threads": round(s * len(poisons), 1)
        for (d, t), s in tried.items()
    }
    return seconds * scale, settings


def _as(X, poisons, dense):
    if not dense:
        return X, poisons
    return X.toarray(), [(rows.toarray(), labels) for rows, labels in poisons]


def _loop(estimator, X, y, poisons, dense):
    return [fit_one(estimator, X, y, poison, dense) for poison in poisons]


def agreement(models, exact, X, y, poisons, X_test, rng, n=30):
    """Largest error of decision values in units of their spread, and equal labels."""
    errors, equal = [], []
    labels = models.predict(X_test)
    for j in rng.choice(len(poisons), n, replace=False):
        reference = fit_one(exact, X, y, poisons[j], dense=False)
        values = reference.decision_function(X_test)
        found = models[int(j)].decision_function(X_test)
        errors.append(np.abs(found - values).max() / values.std())
        equal.append(np.mean(labels[j] == reference.predict(X_test)))
    return {
        "compared": n,
        "max_error": float(f"{max(errors):.1e}"),
        "median_error": float(f"{np.median(errors):.1e}"),
        "equal_labels": float(np.mean(equal)),
    }


def target_damages(models, clean, X_test, y_test, membership):
    """Accuracy lost on the target of each poison."""
    right = models.predict(X_test) == y_test
    lost = (clean == y_test).astype(float) - right
    return np.array(
        [lost[j][membership[:, j // len(ALPHAS)]].mean() for j in range(len(lost))]
    )


def main():
    """Time and compare, and print the ratios."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    rng = np.random.RandomState(0)
    (X, y), (X_test, y_test), attacker = load()
    finder = ClusterMatch(100, random_state=0).fit(X)
    poisons = make_poisons(finder, (X, y), attacker, rng)
    figures = {
        "clean_rows": X.shape[0],
        "features": X.shape[1],
        "models": len(poisons),
        "poison_rows": sum(len(labels) for _, labels in poisons),
        "loops_timed_on": N_SAMPLE,
    }
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    estimators = {
        "LogisticRegression": (
            LogisticRegression(),
            LogisticRegression(solver="newton-cholesky", tol=1e-10),
        ),
        "LinearSVC": (LinearSVC(), LinearSVC(tol=1e-8, max_iter=100_000)),
        "RidgeClassifier": (RidgeClassifier(), RidgeClassifier(tol=1e-12)),
    }
    for name, (estimator, exact) in estimators.items():
        models, seconds = min(
            (cpu(lambda: refit_poisoned(estimator, X, y, poisons)) for _ in range(3)),  # noqa: B023
            key=lambda pair: pair[1],
        )
        row = {"skpoison_cpu_seconds": round(seconds, 3)}
        row |= agreement(models, exact, X, y, poisons, X_test, rng)
        loops = {"defaults": estimator}
        if name == "LogisticRegression":
            loops["newton-cholesky"] = LogisticRegression(solver="newton-cholesky")
        for loop, candidate in loops.items():
            loop_seconds, settings = time_loop(candidate, X, y, poisons, rng)
            row[loop] = {
                "cpu_seconds": round(loop_seconds, 1),
                "settings_tried": settings,
                "ratio": round(loop_seconds / seconds, 1),
                "ratios": {k: round(v / seconds, 1) for k, v in settings.items()},
            }
        figures[name] = row
        if name == "LogisticRegression":
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            figures["peak_mib"] = {"before": before // 1024, "after": peak // 1024}
            figures["influence"] = influence(
                models, estimator, X, y, poisons, X_test, y_test, finder
            )
    write_result("refit_linear", **figures)


def influence(models, estimator, X, y, poisons, X_test, y_test, finder):
    """Errors of the estimates of the target damage, against the refits."""
    clean = clone(estimator).set_params(max_iter=1000).fit(X, y).predict(X_test)
    membership = finder.transform(X_test)
    estimates, seconds = cpu(
        lambda: refit_poisoned(estimator, X, y, poisons, fidelity="influence")
    )
    test = X_test, y_test, membership
    true, found = (target_damages(m, clean, *test) for m in (models, estimates))
    seen = ~np.isnan(true)
    errors = np.abs(found - true)[seen]
    return {
        "cpu_seconds": round(seconds, 2),
        "max_error_of_damage": round(errors.max(), 3),
        "median_error_of_damage": round(float(np.median(errors)), 4),
        "rank_correlation": round(spearmanr(true[seen], found[seen]).statistic, 3),
        "median_decrement": float(f"{np.median(estimates.newton_decrements_):.1e}"),
    }


if __name__ == "__main__":
    main()
