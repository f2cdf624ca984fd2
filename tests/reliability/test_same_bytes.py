"""One seed, one answer: whatever runs the computation, and in whatever container."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import os
import subprocess
import sys
import warnings
from contextlib import contextmanager

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from computations import ALL, PARALLEL, SINGLE, compute, digest, make_data
from threadpoolctl import threadpool_limits

# What BLAS may round otherwise with other threads and memory orders, and what is left
# of crafted rows that come back in single precision.
ROUNDING, SINGLE_PRECISION = 1e-9, 1e-6
SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from computations import ALL, digest
for name in {names!r}:
    print(digest(name))
"""


@pytest.fixture(scope="module")
def results():
    """Results of one job on plain arrays, computed when first asked for."""
    known = {}

    def result_of(name):
        if name not in known:
            known[name] = compute(name)
        return known[name]

    return result_of


def largest_difference(ours, theirs):
    """Largest difference of numbers, as a share of the largest; words are equal."""
    largest = 0.0
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        if a.dtype.kind != "f":
            np.testing.assert_array_equal(a, b)
            continue
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        apart = np.abs(np.nan_to_num(a) - np.nan_to_num(b)).max(initial=0)
        size = np.abs(np.nan_to_num(b)).max(initial=0)
        largest = max(largest, apart / size if size else apart)
    return float(largest)


def are_identical(ours, theirs):
    """Whether all numbers and words are equal, to the last bit."""
    return all(
        a.tobytes() == b.tobytes() if a.dtype.kind in "fiub" else (a == b).all()
        for a, b in zip(ours, theirs, strict=True)
    )


class Comparison:
    """Runs that should give what one job on plain arrays gives."""

    def __init__(self, record, results, varied, tolerance=0.0):
        self._record, self._results = record, results
        self._varied, self._tolerance = varied, tolerance
        self._rows = {}

    def check(self, name, result):
        """Compare one run."""
        wanted = self._results(name)
        difference = largest_difference(result, wanted)
        assert difference <= self._tolerance, (name, self._varied, difference)
        self._rows.setdefault(name, []).append(
            (are_identical(result, wanted), difference)
        )

    def record(self):
        """Keep what was found, a row for each computation."""
        for name, runs in self._rows.items():
            identical, differences = zip(*runs, strict=True)
            self._record(
                "determinism",
                computation=name,
                varied=self._varied,
                runs=len(runs),
                identical=sum(identical),
                largest_difference=f"{max(differences):.1e}",
            )


def test_repeated_runs_neither_read_nor_move_the_global_generator(results, record):
    comparison = Comparison(record, results, "run again, global NumPy seed moved")
    for number, name in enumerate(ALL):
        np.random.seed(number)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        comparison.check(name, compute(name))
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    comparison.record()


def test_memory_order_does_not_matter(results, record, soak):
    skip_in_short_run(soak)
    data = make_data()
    data = data | {k: np.asfortranarray(data[k]) for k in ("X", "X_test")}
    comparison = Comparison(record, results, "Fortran order", ROUNDING)
    for name in ALL:
        comparison.check(name, compute(name, data))
    comparison.record()


@pytest.mark.parametrize("dtype", ["float32", "pandas", "polars"])
def test_containers_and_precisions_do_not_matter(results, record, dtype, soak):
    if dtype != "pandas":
        skip_in_short_run(soak)
    columns = ["a", "b", "c", "d"]
    convert = {
        "float32": lambda rows: rows.astype(np.float32),
        "pandas": lambda rows: pd.DataFrame(rows, columns=columns),
        "polars": lambda rows: pl.DataFrame(rows, schema=columns),
    }[dtype]
    data = make_data()
    data = data | {k: convert(data[k]) for k in ("X", "X_test")}
    tolerance = SINGLE_PRECISION if dtype == "float32" else ROUNDING
    comparison = Comparison(record, results, f"{dtype} rows", tolerance)
    for name in ALL:
        comparison.check(name, compute(name, data))
    comparison.record()


@contextmanager
def dask():
    """Two worker processes of a dask cluster."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dask.distributed import Client, LocalCluster

        with (
            LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs="CRITICAL",
            ) as cluster,
            Client(cluster),
            joblib.parallel_config("dask"),
        ):
            yield


BACKENDS = {
    "loky": lambda: joblib.parallel_config("loky", n_jobs=2),
    "threading": lambda: joblib.parallel_config("threading", n_jobs=2),
    "multiprocessing": lambda: joblib.parallel_config("multiprocessing", n_jobs=2),
    "dask": dask,
}


def skip_in_short_run(soak):
    if not soak:
        pytest.skip("only in the long run; the tests of each package have a part")


@pytest.mark.parametrize("backend", BACKENDS)
def test_backends_do_not_matter(results, record, backend, soak):
    skip_in_short_run(soak)
    comparison = Comparison(record, results, f"backend {backend}")
    wanted = {name: results(name) for name in PARALLEL}
    with BACKENDS[backend]():
        for name in wanted:
            comparison.check(name, compute(name))
    comparison.record()


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_the_number_of_jobs_does_not_matter(results, record, n_jobs, soak):
    skip_in_short_run(soak)
    comparison = Comparison(record, results, f"n_jobs={n_jobs}")
    for name in ALL:
        comparison.check(name, compute(name, n_jobs=n_jobs))
    comparison.record()


def test_processes_with_other_hash_seeds_do_not_matter(record, soak):
    skip_in_short_run(soak)
    names = list(ALL)
    script = SCRIPT.format(folder=os.path.dirname(__file__), names=names)
    seeds = ("0", "1", "2", "3")
    printed = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in seeds
    ]
    here = [digest(name) for name in names]
    for number, name in enumerate(names):
        same = sum(lines[number] == here[number] for lines in printed)
        assert same == len(seeds), name
        record(
            "determinism",
            computation=name,
            varied="a process of its own, other PYTHONHASHSEED",
            runs=len(seeds),
            identical=same,
            largest_difference="0.0e+00",
        )


@pytest.mark.parametrize("n_threads", [1, 2])
def test_blas_threads_do_not_matter(results, record, n_threads, soak):
    skip_in_short_run(soak)
    comparison = Comparison(record, results, f"{n_threads} BLAS threads", ROUNDING)
    for name in ALL:
        results(name)
        with threadpool_limits(n_threads):
            comparison.check(name, compute(name))
    comparison.record()


def test_every_computation_has_something_to_compare(results):
    assert len(SINGLE) + len(PARALLEL) == len(ALL) == 37
    assert all(sum(array.size for array in results(name)) > 3 for name in ALL)
