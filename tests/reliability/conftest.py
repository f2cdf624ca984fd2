"""How long the tests of reliability run, and what becomes of what they found."""

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(Path(__file__).parent)]
TABLE = "reliability"


@pytest.fixture(scope="session")
def soak(request):
    """Whether this is the long run."""
    return request.config.getoption("--soak")


@pytest.fixture(scope="session")
def n_problems(request, soak):
    """Random problems of each engine."""
    return 2000 if soak else request.config.getoption("--problems")


@pytest.fixture
def record(request):
    """Keep a row of figures for a table: ``record("engines", engine=..., ...)``.

    The long run writes each table to ``benchmarks/results/reliability_<table>.csv``.
    """

    def keep(table, **row):
        request.node.user_properties.append((TABLE, (table, row)))

    return keep


def pytest_configure(config):
    """Collect rows where pytest collects reports, which is one process."""
    if config.getoption("--soak") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tables(), "reliability-tables")


class Tables:
    """Writes the rows of all tests, once all are done."""

    def __init__(self):
        self._rows = defaultdict(list)

    def pytest_runtest_logreport(self, report):
        """Take the rows of one test."""
        if report.when != "teardown":
            return
        for name, value in report.user_properties:
            if name == TABLE:
                table, row = value
                self._rows[table].append(row)

    def pytest_sessionfinish(self, session):
        """Write the tables, sorted, so that the order of the tests does not show."""
        from _report import RESULTS, environment

        if session.testsfailed:
            return
        for table, rows in self._rows.items():
            rows.sort(key=lambda row: [str(value) for value in row.values()])
            path = RESULTS / f"{TABLE}_{table}.csv"
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            about = {"command": "make soak"} | environment()
            path.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n")
