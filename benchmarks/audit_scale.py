"""How time and memory of an audit grow: rows, columns, subpopulations and models.

    python benchmarks/audit_scale.py

The last audit has 1,000,000 rows of 50 columns, and 1,000 subpopulations with three
budgets and two arms, 6,000 poisoned models. Rows are drawn around the centers of as
many overlapping Gaussians as there are subpopulations; labels are those of a linear
rule, one in ten of them wrong. The victim is a logistic regression, the finder
`ClusterMatch`, and a checkpoint is kept. One process, one thread.

Every audit runs in a process of its own, whose peak resident memory is measured, and
is a row of ``results/audit_scale.csv`` as soon as it is done. Those that are there
already are not run again: remove the file to start afresh. Slopes of time and memory
go to ``results/audit_scale.json``.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from _report import RESULTS, write_result
from sklearn.linear_model import LogisticRegression

from skpoison import ClusterMatch, SubpopulationAudit

SEED = 0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MIB = 2**20
CENTERS, SPREAD, FLIPPED = 1.0, 1.0, 0.1
# Rows that are drawn at a time.
BATCH = 50_000
STAGES = ("open", "split", "find", "twin", "models", "tables")


@dataclass(frozen=True)
class Size:
    """One audit to measure."""

    sweep: str
    rows: int = 125_000
    columns: int = 50
    subpopulations: int = 100
    alphas: int = 3
    repeats: int = 1
    dtype: str = "float64"


SIZES = [
    *(Size("rows", rows=n) for n in (31_250, 62_500, 125_000, 250_000, 500_000)),
    Size("rows", rows=1_000_000),
    *(Size("columns", columns=d) for d in (10, 25, 50, 100)),
    *(Size("subpopulations", subpopulations=k) for k in (50, 100, 200, 500, 1000)),
    *(Size("repeats", repeats=r) for r in (1, 2, 4, 8)),
    Size("whole", rows=1_000_000, subpopulations=1000),
    Size("whole", rows=1_000_000, subpopulations=1000, dtype="float32"),
]


def draw(size):
    """Rows around the centers, and labels of a linear rule."""
    rng = np.random.default_rng(SEED)
    centers = CENTERS * rng.standard_normal((size.subpopulations, size.columns))
    rule = rng.standard_normal(size.columns)
    X = np.empty((size.rows, size.columns), size.dtype)
    y = np.empty(size.rows, np.int64)
    for start in range(0, size.rows, BATCH):
        at = slice(start, min(start + BATCH, size.rows))
        n = at.stop - at.start
        rows = centers[rng.integers(size.subpopulations, size=n)]
        rows += SPREAD * rng.standard_normal(rows.shape)
        X[at] = rows
        y[at] = (rows @ rule > 0) ^ (rng.random(n) < FLIPPED)
    return X, y


class TimedAudit(SubpopulationAudit):
    """An audit that notes when it comes from one stage to the next."""

    def fit(self, X, y):
        """Run the audit."""
        self._marks = [_clocks()]
        return super().fit(X, y)

    def _mark(self):
        self._marks.append(_clocks())

    def _split(self, *args):
        self._mark()
        parts = super()._split(*args)
        self._mark()
        return parts

    def _in_parallel(self, function, tasks):
        self._mark()
        return super()._in_parallel(function, tasks)

    def _tell(self, *args):
        self._mark()
        super()._tell(*args)
        self._mark()
        return self

    def stages(self, clock=1):
        """CPU seconds of each stage; wall seconds by ``clock=0``."""
        spent = np.diff([clocks[clock] for clocks in self._marks])
        return dict(zip(STAGES, spent.tolist(), strict=True))


def _clocks():
    return time.perf_counter(), time.process_time()


def measure(size):
    """Run one audit in this process; its figures."""
    X, y = draw(size)
    before = peak_mib()
    alphas = np.linspace(0, 2, size.alphas + 1)[1:]
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "audit.csv"
        audit = TimedAudit(
            LogisticRegression(),
            finder=ClusterMatch(size.subpopulations),
            alphas=alphas,
            n_repeats=size.repeats,
            min_test=1,
            checkpoint=checkpoint,
            random_state=SEED,
        )
        start = _clocks()
        audit.fit(X, y)
        wall, cpu = np.subtract(_clocks(), start)
        kept = checkpoint.stat().st_size
    return asdict(size) | {
        "models": len(audit.results_) + len(audit.null_),
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
        **{f"{stage}_cpu": round(spent, 2) for stage, spent in audit.stages().items()},
        "data_mib": round((X.nbytes + y.nbytes) / MIB),
        "before_mib": round(before),
        "peak_mib": round(peak_mib()),
        "checkpoint_mib": round(kept / MIB, 1),
        "clean_accuracy": round(audit.clean_accuracy_, 3),
        "not_converged": int((~audit.results_["converged"].astype(bool)).sum()),
        "engines": " ".join(sorted(set(audit.results_["engine"].dropna()))),
    }


def peak_mib():
    """Largest resident memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rows_of(path):
    """Rows of a file; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def measure_all(sizes, path, script):
    """Measure each audit that the file lacks, in a process of its own."""
    done = rows_of(path)
    for i, size in enumerate(sizes):
        asked = {name: str(value) for name, value in asdict(size).items()}
        if any(asked.items() <= row.items() for row in done):
            continue
        command = [sys.executable, script, "--only", str(i)]
        told = subprocess.run(
            command,
            check=True,
            env=os.environ | ONE_THREAD,
            stdout=subprocess.PIPE,
            text=True,
        )
        row = json.loads(told.stdout.splitlines()[-1])
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if is_new:
                writer.writeheader()
            writer.writerow(row)
        print(row, flush=True)


def slopes(path):
    """CPU time of each sweep as a power of what is varied, and memory at its ends."""
    rows = [row for row in rows_of(path) if row["sweep"] != "whole"]
    found = []
    for sweep in dict.fromkeys(row["sweep"] for row in rows):
        of_sweep = [row for row in rows if row["sweep"] == sweep]
        x = np.array([float(row[sweep]) for row in of_sweep])
        of = {name: np.array([float(r[name]) for r in of_sweep]) for name in GROWING}
        power = np.polyfit(np.log(x), np.log(of["cpu_seconds"]), 1)[0]
        models = np.polyfit(np.log(x), np.log(of["models_cpu"]), 1)[0]
        found.append(
            {
                "sweep": sweep,
                "smallest": x.min(),
                "largest": x.max(),
                "power_of_cpu_seconds": round(power, 2),
                "power_of_models_cpu": round(models, 2),
                "mib_at_smallest": of["peak_mib"][x.argmin()],
                "mib_at_largest": of["peak_mib"][x.argmax()],
            }
        )
    return found


GROWING = ("cpu_seconds", "models_cpu", "peak_mib")


def main():
    """Measure, and fit the growth."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", type=int, help="print the figures of one audit")
    parser.add_argument("--folder", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.only is not None:
        print(json.dumps(measure(SIZES[options.only])))
        return
    path = options.folder / "audit_scale.csv"
    measure_all(SIZES, path, __file__)
    write_result("audit_scale", folder=options.folder, slopes=slopes(path))


if __name__ == "__main__":
    main()
