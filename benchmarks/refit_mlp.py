"""300 poisoned perceptrons on Adult, at once and in a loop.

    SKPOISON_DATA_HOME=../shared/data python benchmarks/refit_mlp.py

The clean rows are 15,000 of Adult's training rows, one-hot and standardized; the
poisons are those of `SubpopPoisoner` for 100 clusters and 3 budgets. All networks
train for the same 20 epochs, whatever their loss. The loop is timed on 10 of the 300
and scaled, with one and with two BLAS threads, and the better CPU time is taken.

Agreement: 12 subpopulations at alpha 2, 20 seeds each. A subpopulation agrees where the
mean damage of the refits is within the 95 % interval around that of 20 fits by
scikit-learn of the same, with other seeds; `p_of_all` tests all 12 at once. Networks
here train by scikit-learn's stopping rule, at most 20 epochs. The clean network of a
fixed seed must be scikit-learn's own.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import resource
import time
import warnings

import numpy as np
from _report import write_result
from scipy.stats import chi2, t
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.datasets import fetch_adult
from skpoison.refit import refit_poisoned

ALPHAS = (0.5, 1.0, 2.0)
SIZE, N_CLUSTERS, N_EPOCHS = 15_000, 100, 20
N_LOOPED, N_SUBPOPULATIONS, N_SEEDS = 10, 12, 20


def load():
    """Training, attacker's and test rows, about 100 columns, and their labels."""
    frame, y = fetch_adult(return_X_y=True)
    frame_test, y_test = fetch_adult(subset="test", return_X_y=True)
    frame, frame_aux, y, y_aux = train_test_split(
        frame, y, train_size=SIZE, stratify=y, random_state=0
    )
    encode = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        remainder=OneHotEncoder(handle_unknown="ignore"),
        sparse_threshold=0,
    ).fit(frame)
    rows = [encode.transform(part) for part in (frame, frame_aux, frame_test)]
    labels = [np.asarray(part) for part in (y, y_aux, y_test)]
    return rows, labels


def make_poisons(X, y, X_aux, y_aux):
    """Poison of every cluster and budget, clusters outermost, and the finder."""
    finder = ClusterMatch(N_CLUSTERS, random_state=0).fit(X_aux)
    poisons = []
    for target in range(N_CLUSTERS):
        for alpha in ALPHAS:
            poisoner = SubpopPoisoner(
                FrozenEstimator(finder), target=target, alpha=alpha, random_state=0
            )
            X_new, y_new = poisoner.fit_resample(X, y, X_aux=X_aux, y_aux=y_aux)
            # Copies: a view would keep all rows.
            poisons.append((X_new[len(X) :].copy(), y_new[len(y) :].copy()))
    return poisons, finder


def timed(function):
    """Give the result, CPU seconds of all threads and wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def fit_one(estimator, X, y, poison):
    """Train one network as everybody does."""
    X_new, y_new = np.concatenate([X, poison[0]]), np.concatenate([y, poison[1]])
    return clone(estimator).fit(X_new, y_new)


def time_both(X, y, poisons):
    """CPU and wall seconds of the refits and of the loop, for two precisions."""
    estimator = MLPClassifier(
        (10,), max_iter=N_EPOCHS, n_iter_no_change=np.inf, random_state=0
    )
    sample = np.linspace(0, len(poisons) - 1, N_LOOPED).astype(int)
    scale = len(poisons) / len(sample)
    figures = {}
    for dtype in (np.float64, np.float32):
        rows = X.astype(dtype)
        cast = [(new.astype(dtype), labels) for new, labels in poisons]
        _, cpu, wall = timed(
            lambda rows=rows, cast=cast: refit_poisoned(
                estimator, rows, y, cast, n_jobs=2
            )
        )
        loops = []
        for n_threads in (1, 2):
            with threadpool_limits(n_threads):
                _, *seconds = timed(
                    lambda rows=rows, cast=cast: [
                        fit_one(estimator, rows, y, cast[j]) for j in sample
                    ]
                )
            loops.append([scale * s for s in seconds])
        loop_cpu, loop_wall = np.min(loops, axis=0)
        figures[dtype.__name__] = {
            "refit_cpu_seconds": round(cpu, 2),
            "refit_wall_seconds": round(wall, 2),
            "loop_cpu_seconds": round(loop_cpu, 2),
            "loop_wall_seconds": round(loop_wall, 2),
            "cpu_ratio": round(loop_cpu / cpu, 2),
            "wall_ratio": round(loop_wall / wall, 2),
        }
    mixed = figures["float64"]["loop_cpu_seconds"]
    mixed /= figures["float32"]["refit_cpu_seconds"]
    figures["cpu_ratio_of_float64_loop_to_float32_refit"] = round(mixed, 2)
    return figures


def damages(predict_all, members, y_test):
    """Target damage of each poison; the first prediction is the clean model's."""
    clean, *poisoned = predict_all
    return [
        accuracy_score(y_test[m], clean[m]) - accuracy_score(y_test[m], p[m])
        for p, m in zip(poisoned, members, strict=True)
    ]


def compare(X, y, poisons, members, X_test, y_test):
    """Damage by refits and by a loop over seeds, and whether they agree."""
    estimator = MLPClassifier((10,), max_iter=N_EPOCHS)
    poisons = [(X[:0], y[:0]), *poisons]
    ours, theirs = [], []
    for seed in range(N_SEEDS):
        estimator.set_params(random_state=seed)
        models = refit_poisoned(estimator, X, y, poisons, n_jobs=2)
        ours.append(damages(models.predict(X_test), members, y_test))
        estimator.set_params(random_state=1000 + seed)
        predictions = [
            fit_one(estimator, X, y, poison).predict(X_test) for poison in poisons
        ]
        theirs.append(damages(predictions, members, y_test))
    ours, theirs = np.array(ours), np.array(theirs)
    difference = ours.mean(axis=0) - theirs.mean(axis=0)
    error = np.sqrt((ours.var(axis=0, ddof=1) + theirs.var(axis=0, ddof=1)) / N_SEEDS)
    z = difference / error
    return {
        "subpopulations": len(members),
        "damage_refit": ours.mean(axis=0).round(4).tolist(),
        "damage_loop": theirs.mean(axis=0).round(4).tolist(),
        "standard_error_of_difference": error.round(4).tolist(),
        "within_95_percent_interval": int(
            np.sum(np.abs(z) < t.ppf(0.975, 2 * N_SEEDS - 2))
        ),
        "p_of_all": round(float(chi2.sf(np.sum(z**2), len(z))), 3),
    }


def clean_difference(X, y):
    """Largest difference between the weights of a clean refit and of a fit."""
    estimator = MLPClassifier((10,), max_iter=5, random_state=0)
    model = refit_poisoned(estimator, X, y, [(X[:0], y[:0])])[0]
    fitted = clone(estimator).fit(X, y)
    return float(np.abs(model.coefs_[0] - fitted.coefs_[0]).max())


def main():
    """Time both, compare the damage and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-agreement", action="store_true", help="time only")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    (X, X_aux, X_test), (y, y_aux, y_test) = load()
    poisons, finder = make_poisons(X, y, X_aux, y_aux)
    figures = {
        "rows": len(X),
        "columns": X.shape[1],
        "models": len(poisons),
        "epochs": N_EPOCHS,
        "looped_models": N_LOOPED,
        "poison_rows_median_and_max": [
            int(f([len(labels) for _, labels in poisons])) for f in (np.median, max)
        ],
        **time_both(X, y, poisons),
        "max_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "max_weight_difference_of_clean_model": clean_difference(X, y),
    }
    if not arguments.no_agreement:
        membership = np.asarray(finder.transform(X_test), dtype=bool)
        chosen = [k for k in range(N_CLUSTERS) if membership[:, k].sum() >= 30]
        chosen = chosen[:: max(1, len(chosen) // N_SUBPOPULATIONS)][:N_SUBPOPULATIONS]
        figures["agreement"] = compare(
            X,
            y,
            [poisons[len(ALPHAS) * k + 2] for k in chosen],
            [membership[:, k] for k in chosen],
            X_test,
            y_test,
        )
    write_result("refit_mlp", **figures)


if __name__ == "__main__":
    main()
