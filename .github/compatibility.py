"""Run the tests with other releases of what skpoison needs, and keep what came out.

Builds an environment, installs the checkout with its extra "test", which leaves torch
out, runs pytest, and writes `benchmarks/results/reliability_compatibility.csv`::

    python .github/compatibility.py newest --python python3.13
    python .github/compatibility.py floor
    python .github/compatibility.py newest --with "scikit-learn==1.7.*" tests/refit

"newest" is what pip takes today, "pre" has releases to come among it, "pinned" is
`constraints.txt`, and "floor" is the oldest release that `pyproject.toml` allows, of
each requirement.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import csv
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TABLE = RESULTS / "reliability_compatibility.csv"
COMMAND = "python .github/compatibility.py"
PACKAGES = [
    *("scikit-learn", "imbalanced-learn", "numpy", "scipy", "pandas"),
    *("polars", "pyarrow", "pytest", "torch"),
]
VERSIONS = f"""
import json, platform
from importlib.metadata import distributions
found = {{d.name.lower(): d.version for d in distributions()}}
print(json.dumps({{"python": platform.python_version()}}
                 | {{name: found.get(name, "") for name in {PACKAGES}}}))
"""
# BLAS threads as in `make test`.
ENVIRON = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


def main():
    """Test one set of releases."""
    options = parser().parse_intermixed_args()
    with tempfile.TemporaryDirectory() as folder:
        python = environment(options, Path(options.environment or folder))
        versions = json.loads(output(python, "-c", VERSIONS))
        report = Path(folder) / "report.xml"
        tests = [*options.pytest.split(), "--junitxml", report, *options.tests]
        status = call(python, "-m", "pytest", "-n", options.processes, *tests)
        counts = counted(report)
    keep({"command": command(options)} | versions | counts)
    return status


def parser():
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("releases", choices=["newest", "pre", "pinned", "floor"])
    parser.add_argument("tests", nargs="*", help="files and folders; default: all")
    parser.add_argument("--python", default=sys.executable, help="Python to use")
    parser.add_argument(
        "--with", dest="pins", action="append", default=[], metavar="REQUIREMENT"
    )
    parser.add_argument("--environment", help="folder of an environment to keep")
    parser.add_argument("--processes", default="1", help="of pytest")
    parser.add_argument("--pytest", default="-q -rfE", help="options of pytest")
    return parser


def environment(options, folder):
    """Python of an environment with the releases asked for."""
    home = folder / "environment"
    subprocess.run([options.python, "-m", "venv", str(home)], check=True)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--upgrade"]
    chosen = requirements(options.releases, folder)
    if call(*pip, "-e", f"{ROOT}[test]", *chosen, *options.pins):
        sys.exit("pip found no such set of releases.")
    return python


def requirements(releases, folder):
    """Say what else pip is told."""
    if releases == "floor":
        floors = folder / "floors.txt"
        script = ROOT / ".github" / "floors.py"
        floors.write_text(output(sys.executable, script))
        return ["-r", floors]
    pinned = ["-c", ROOT / "constraints.txt"]
    return {"newest": [], "pre": ["--pre"], "pinned": pinned}[releases]


def output(*arguments):
    """Give what a command prints."""
    arguments = list(map(str, arguments))
    return subprocess.run(
        arguments, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def call(*arguments):
    """Run a command in the checkout; its exit status."""
    arguments = list(map(str, arguments))
    return subprocess.run(arguments, cwd=ROOT, env=ENVIRON).returncode


def counted(report):
    """Outcomes in a report of pytest; what was expected to fail counts as skipped."""
    suite = ElementTree.parse(report).find("testsuite")
    tests, skipped, *bad = (
        int(suite.get(name)) for name in ("tests", "skipped", "failures", "errors")
    )
    failed = sum(bad)
    passed = tests - skipped - failed
    minutes = round(float(suite.get("time")) / 60, 1)
    return {
        "passed": passed,
        "skipped": skipped,
        "failed": failed,
        "minutes": minutes,
        "date": datetime.date.today().isoformat(),
    }


def command(options):
    """How to run these tests again."""
    pins = [f'--with "{pin}"' for pin in options.pins]
    python = Path(options.python).name
    given = [f"--python {python}"] if options.python != sys.executable else []
    return " ".join([COMMAND, options.releases, *given, *pins, *options.tests])


def keep(row):
    """Write a row in the place of its predecessor."""
    rows = []
    if TABLE.exists():
        with TABLE.open(newline="") as file:
            rows = list(csv.DictReader(file))
    key = ("command", "python")
    rows = [old for old in rows if any(old[k] != row[k] for k in key)]
    rows = sorted([*rows, row], key=lambda row: [row[k] for k in key])
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    about = {"command": f"{COMMAND} newest", "cores": os.cpu_count()}
    TABLE.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
