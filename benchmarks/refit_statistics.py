"""300 poisoned models of sufficient statistics on Adult, against one after the other.

    SKPOISON_DATA_HOME=../shared/data python benchmarks/refit_statistics.py
    SKPOISON_DATA_HOME=../shared/data python benchmarks/refit_statistics.py --full

15,000 clean rows of Adult, one-hot and scaled, dense, and 5,000 test rows; poisons,
loop and CPU times are those of ``refit_neighbors.py``, in the arm of the attacker's
rows. ``engine_ratio`` is that of the engine alone, without what `refit_poisoned` takes
to look at 300 poisons.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from _report import write_result
from refit_neighbors import compare, cpu, load, make_poisons, peak_mib
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid

from skpoison.refit._registry import engines_for

ESTIMATORS = [
    GaussianNB(),
    LinearDiscriminantAnalysis(),
    QuadraticDiscriminantAnalysis(reg_param=0.1),
    NearestCentroid(),
    NearestCentroid(metric="manhattan"),
]


def engine_seconds(estimator, X, y, poisons):
    """CPU time of the engine alone."""
    engine = engines_for(estimator, "refit")[0]
    return min(
        cpu(lambda: engine(estimator, X, y, poisons, n_jobs=None))[1] for _ in range(3)
    )


def main():
    """Time all estimators and print the ratios."""
    rng = np.random.RandomState(0)
    (X, y), (X_test, _), attacker = load(15_000)
    poisons = make_poisons(X, y, attacker, rng)
    figures = {"clean_rows": len(X), "features": X.shape[1], "test_rows": len(X_test)}
    before = peak_mib()
    for estimator in ESTIMATORS:
        row = compare(estimator, X, y, poisons, X_test, rng)
        seconds = engine_seconds(estimator, X, y, poisons)
        row["engine_cpu_seconds"] = round(seconds, 3)
        row["engine_ratio"] = round(
            row["loop_cpu_seconds"] / (seconds + row["predict_cpu_seconds"]), 1
        )
        figures[str(estimator)] = row
    figures["peak_mib"] = {"before": before, "after": peak_mib()}
    write_result("refit_statistics", **figures)


if __name__ == "__main__":
    main()
