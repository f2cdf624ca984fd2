"""Time and memory of poisoning 1,000,000 rows with a fitted finder.

    python benchmarks/fit_resample_scale.py

Memory is the peak of what is allocated during the call, in copies of X, by
tracemalloc; the output itself is one of them. Time is taken in calls without it.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import tracemalloc
from functools import partial

import numpy as np
from _report import best_of, write_result
from sklearn.frozen import FrozenEstimator

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner

N_ROWS, N_COLUMNS = 1_000_000, 20


def peak_copies(poisoner, X, y):
    """Peak memory of one fit_resample, in copies of X."""
    tracemalloc.start()
    poisoner.fit_resample(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / X.nbytes


def main():
    """Measure both finders, with and without rows of the attacker."""
    rng = np.random.RandomState(0)
    X = rng.randn(N_ROWS, N_COLUMNS)
    X[:, 0] = rng.randint(100, size=N_ROWS)
    y = rng.randint(2, size=N_ROWS)
    finders = {
        "ClusterMatch": ClusterMatch(100, random_state=0).fit(X[:50_000]),
        "FeatureMatch": FeatureMatch([0]).fit(X[:50_000]),
    }
    figures = {"rows": N_ROWS, "columns": N_COLUMNS, "alpha": 2}
    for name, finder in finders.items():
        for aux_size in (None, 0.3):
            poisoner = SubpopPoisoner(
                FrozenEstimator(finder), alpha=2, aux_size=aux_size, random_state=0
            )
            _, seconds = best_of(3, partial(poisoner.fit_resample, X, y))
            figures[f"{name}, aux_size={aux_size}"] = {
                "seconds": round(seconds, 2),
                "copies_of_X": round(peak_copies(poisoner, X, y), 2),
                "poison_rows": poisoner.n_poison_,
            }
    write_result("fit_resample_scale", **figures)


if __name__ == "__main__":
    main()
