"""A full audit of Adult: 100 clusters, 3 budgets, 5 repeats, null arm, report.

    SKPOISON_DATA_HOME=../shared/data python benchmarks/audit_adult.py

Logistic regression on one-hot and standardized columns, trained on half of the 32,561
training rows of Adult; a quarter is the attacker's and a quarter is for the test. Two
audits are timed: the poison enters before the classifier, and before the preprocessing,
which is then fitted on the poison as well. Time is from the rows to the HTML page.

The summary of the first goes to ``results/audit_adult.csv``.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from _report import RESULTS, write_result
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skpoison import ClusterMatch, SubpopulationAudit
from skpoison.datasets import fetch_adult

SEED = 0
N_REPEATS = 5
PLACES = {"before the classifier": "logisticregression", "before all steps": None}


def encoder():
    """One-hot columns for categories, standardized numbers."""
    return make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(handle_unknown="ignore"),
            make_column_selector(dtype_exclude="number"),
        ),
    )


def timed_audit(X, y, poison_before, folder):
    """Run one audit to its page; the audit, and wall and CPU seconds."""
    finder = make_pipeline(encoder(), ClusterMatch(100, random_state=SEED))
    audit = SubpopulationAudit(
        make_pipeline(encoder(), LogisticRegression()),
        finder=finder,
        n_repeats=N_REPEATS,
        poison_before=poison_before,
        random_state=SEED,
    )
    wall, cpu = time.perf_counter(), time.process_time()
    audit.fit(X, y).to_html(Path(folder) / "audit.html")
    return audit, time.perf_counter() - wall, time.process_time() - cpu


def weakest_and_most_vulnerable(summary, k=10):
    """How many of the k weakest subpopulations are among the k most vulnerable."""
    weakest = summary.nsmallest(k, "clean_accuracy")["subpopulation"]
    vulnerable = summary.nlargest(k, "target_damage")["subpopulation"]
    return len(set(weakest) & set(vulnerable))


def figures_of(audit, wall, cpu):
    """Collect what is told of one audit."""
    largest = audit.worst_k_[audit.worst_k_["alpha"] == max(audit.alphas)]
    return {
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
        "models": len(audit.results_) + len(audit.null_),
        "engines": sorted(set(audit.results_["engine"])),
        "subpopulations_attacked": len(audit.summary_),
        "significant_at_5_percent": int((audit.summary_["q_value"] <= 0.05).sum()),
        "not_converged": int((~audit.results_["converged"].astype(bool)).sum()),
        "mean_null_damage": round(audit.null_["target_damage"].mean(), 4),
        "largest_collateral": round(audit.results_["collateral_damage"].max(), 4),
        "weakest_10_among_most_vulnerable_10": weakest_and_most_vulnerable(
            audit.summary_
        ),
        "worst_k": largest.round(4).to_dict("records"),
        "spearman": audit.susceptibility_.round(3).to_dict("records"),
    }


def main():
    """Run both audits and save their figures."""
    X, y = fetch_adult(subset="train", return_X_y=True)
    figures = {"rows": len(X), "seed": SEED, "repeats": N_REPEATS, "audits": {}}
    with tempfile.TemporaryDirectory() as folder:
        for place, step in PLACES.items():
            audit, wall, cpu = timed_audit(X, y, step, folder)
            figures["audits"][place] = figures_of(audit, wall, cpu)
            if step is not None:
                numbers = audit.summary_.select_dtypes(np.number).columns
                summary = audit.summary_.astype(dict.fromkeys(numbers, float)).round(4)
                summary.to_csv(RESULTS / "audit_adult.csv", index=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    write_result("audit_adult", **figures, peak_gib=round(peak, 2))


if __name__ == "__main__":
    main()
