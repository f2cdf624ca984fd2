"""The same audits in one process, by joblib's workers and on clusters of dask.

    python benchmarks/audit_scale_dask.py

Two audits: that of ``audit_scale.py`` with 1,000,000 rows, 1,000 subpopulations and
6,000 models of an engine, and a smaller one of a victim without an engine, of which
each model is a fit of its own. The clusters are of this machine, one thread a worker:
four workers cannot be quicker than its cores. The time of the models is from the clean
twin to the last poisoned model; the rest of an audit is done where it was called.

Memory is the largest sum of the resident memory of all processes, looked at five times
a second; pages that several of them share are counted in each. Every run has a process
of its own, and is a row of ``results/audit_scale_dask.csv`` as soon as it is done.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import contextlib
import json
import threading
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import joblib
import numpy as np
import psutil
from _report import RESULTS, write_result
from audit_scale import MIB, SEED, Size, TimedAudit, draw, measure_all
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from skpoison import ClusterMatch

VICTIMS = {
    "LogisticRegression": LogisticRegression(),
    "HistGradientBoosting": HistGradientBoostingClassifier(
        max_iter=20, early_stopping=False, random_state=SEED
    ),
}
SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True)
class Run:
    """One audit to measure."""

    victim: str
    rows: int
    columns: int
    subpopulations: int
    alphas: int
    backend: str
    workers: int


ENGINE = ("LogisticRegression", 1_000_000, 50, 1000, 3)
LOOP = ("HistGradientBoosting", 100_000, 50, 30, 1)
RUNS = [
    *(Run(*LOOP, *place) for place in [("none", 1), ("loky", 2)]),
    *(Run(*LOOP, "dask", workers) for workers in (1, 2, 4)),
    *(Run(*ENGINE, *place) for place in [("none", 1), ("loky", 2)]),
    *(Run(*ENGINE, "dask", workers) for workers in (2, 4)),
]


@contextlib.contextmanager
def backend_of(run):
    """Where the tasks of a run are done."""
    if run.backend == "none":
        yield
    elif run.backend == "loky":
        with joblib.parallel_config("loky", n_jobs=run.workers):
            yield
    else:
        from dask.distributed import Client, LocalCluster

        with (
            LocalCluster(
                n_workers=run.workers,
                threads_per_worker=1,
                memory_limit=None,
                dashboard_address=None,
                silence_logs="CRITICAL",
            ) as cluster,
            Client(cluster),
            joblib.parallel_config("dask"),
        ):
            yield


class Watch(threading.Thread):
    """Looks at the memory of this process and all that it has started."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self._done = 0, threading.Event()

    def run(self):
        """Look until it is stopped."""
        while not self._done.wait(SECONDS_BETWEEN_LOOKS):
            self.peak = max(self.peak, sum(map(resident, family())))

    def stop(self):
        """Give the largest sum, in MiB."""
        self._done.set()
        self.join()
        return round(self.peak / MIB)


def family():
    """Find this process and all that it has started."""
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def resident(process):
    """Resident memory; none of a process that has just ended."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def measure(run):
    """Run one audit; its figures."""
    X, y = draw(Size("", run.rows, run.columns, run.subpopulations))
    audit = TimedAudit(
        VICTIMS[run.victim],
        finder=ClusterMatch(run.subpopulations),
        alphas=np.linspace(0, 2, run.alphas + 1)[1:],
        min_test=1,
        random_state=SEED,
    )
    watch = Watch()
    watch.start()
    with backend_of(run):
        start = time.perf_counter()
        audit.fit(X, y)
        wall = time.perf_counter() - start
        peak = watch.stop()
    spent = audit.stages(clock=0)
    return asdict(run) | {
        "models": len(audit.results_) + len(audit.null_),
        "wall_seconds": round(wall, 1),
        "models_wall_seconds": round(spent["twin"] + spent["models"], 1),
        "peak_mib": peak,
        "mean_damage": float(audit.results_["target_damage"].mean()),
    }


def main():
    """Measure all that the file lacks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", type=int, help="print the figures of one run")
    parser.add_argument("--folder", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.only is not None:
        with warnings.catch_warnings():
            # What dask's own start-up warns of is not ours.
            warnings.simplefilter("ignore")
            print(json.dumps(measure(RUNS[options.only])))
        return
    measure_all(RUNS, options.folder / "audit_scale_dask.csv", __file__)
    write_result("audit_scale_dask", folder=options.folder)


if __name__ == "__main__":
    main()
