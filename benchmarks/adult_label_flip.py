"""Label flipping on Adult: the authors' experiment, and the same one corrected.

Run from the root of the repository, with the official files in the folder ``adult``
of the data home (or none: they are then downloaded)::

    SKPOISON_DATA_HOME=../shared/data python benchmarks/adult_label_flip.py

On two cores that takes an hour or more, almost all of it in nets of 10 units;
``--protocols authors``, where acceptance is judged, takes six minutes.
It writes ``benchmarks/results/adult_label_flip_groups.csv`` (one row for each model
and subpopulation), ``..._summary.csv`` (means and intervals over seeds, beside the
published figures) and ``..._meta.json``. ``--quick`` takes seconds and writes
nothing.

Protocols:

- ``faithful`` repeats the authors' Adult notebook: unscaled features, their erroneous
  balance of classes, raw features clustered, each copy's label flipped. Seed 0 has
  the rows of their saved run; the first half of the training rows is D, the second
  D_aux.
- ``corrected`` balances the classes as intended, standardizes the numeric columns by
  D, clusters 10 principal components, gives all poison of a subpopulation one label
  (the less frequent one), and leaves out subpopulations too small to be measured.
- ``authors`` is ``faithful`` on the rows of the authors' run whatever the seed, with
  their one clean net (``faithful`` averages five) and ten starts of k-means, which was
  scikit-learn's default in their day. Their figures and the bands of acceptance come
  from this one split, so acceptance is judged here.

A seed is a split, a clustering, a draw of poison and the initial weights of the nets.
``null`` is the same poison with its true labels: what retraining and more rows do by
themselves. Worst-k is a maximum over noisy estimates; ``held_out_k`` chooses the k
worst on one half of each subpopulation's test rows and measures on the other half.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import platform
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from adult_label_flip_study import PROTOCOLS, quick_version, run_seed
from adult_label_flip_summary import acceptance, add_halves, readable, summarize
from joblib import cpu_count, parallel_config
from threadpoolctl import threadpool_limits

RESULTS = Path(__file__).parent / "results"
PACKAGES = ["skpoison", "scikit-learn", "numpy", "scipy", "pandas", "joblib"]


def parse_arguments():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
    parser.add_argument("--n-jobs", type=int, default=2, help="number of processes")
    parser.add_argument(
        "--protocols", nargs="+", choices=list(PROTOCOLS), default=list(PROTOCOLS)
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one seed, alpha 2, logistic regression; writes nothing",
    )
    return parser.parse_args()


def run_study(protocols, n_seeds):
    """Attack every subpopulation with every seed; one row for each measurement."""
    rows, start = [], time.perf_counter()
    for seed in range(n_seeds):
        for protocol in protocols:
            rows += run_seed(protocol, seed)
            minutes = (time.perf_counter() - start) / 60
            print(
                f"{protocol.name}, seed {seed}: done at {minutes:.1f} min", flush=True
            )
    return pd.DataFrame(rows), time.perf_counter() - start


def describe_run(arguments, protocols, wall_seconds):
    """Everything that the numbers depend on, less the machine's name."""
    names = " ".join(arguments.protocols)
    return {
        "command": "SKPOISON_DATA_HOME=../shared/data python "
        f"benchmarks/adult_label_flip.py --seeds {arguments.seeds} "
        f"--n-jobs {arguments.n_jobs} --protocols {names}",
        "date": date.today().isoformat(),
        "wall_minutes": round(wall_seconds / 60, 1),
        "machine": f"{cpu_count()} cores shared with other jobs, one BLAS thread each",
        "seeds": list(range(arguments.seeds)),
        "clean_nets_averaged": {p.name: p.n_clean for p in protocols},
        "poisoned_models_averaged": {p.name: p.n_repeats for p in protocols},
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
    }


def save(groups, summary, description):
    """Write the two tables and the description of the run."""
    RESULTS.mkdir(exist_ok=True)
    raw = add_halves(groups).drop(columns="row_damage").round(4)
    raw.to_csv(RESULTS / "adult_label_flip_groups.csv", index=False)
    summary.round(5).to_csv(RESULTS / "adult_label_flip_summary.csv", index=False)
    text = json.dumps(description, indent=2) + "\n"
    (RESULTS / "adult_label_flip_meta.json").write_text(text)


def main():
    """Run the study, save it and compare it with the published figures."""
    arguments = parse_arguments()
    protocols = [PROTOCOLS[name] for name in arguments.protocols]
    if arguments.quick:
        arguments.seeds, protocols = 1, [quick_version(p) for p in protocols]
    with (
        threadpool_limits(1),
        parallel_config("loky", n_jobs=arguments.n_jobs, inner_max_num_threads=1),
    ):
        groups, wall_seconds = run_study(protocols, arguments.seeds)
    summary = summarize(groups)
    if not arguments.quick:
        save(groups, summary, describe_run(arguments, protocols, wall_seconds))
    print(readable(summary))
    print(acceptance(summary))


if __name__ == "__main__":
    main()
