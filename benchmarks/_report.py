"""What the benchmark scripts share: timing, versions and result files."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "skpoison",
    "scikit-learn",
    "imbalanced-learn",
    "numpy",
    "pandas",
    "scipy",
    "skorch",
    "sliceline",
    "torch",
    "transformers",
)


def best_of(repeats, function):
    """Give the result and the shortest wall time of several calls, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return result, min(times)


def installed(package):
    """Version of a package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def environment():
    """Versions and cores that figures were measured with."""
    return {
        "versions": {p: installed(p) for p in PACKAGES if installed(p)},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }


def write_result(name, *, options="", folder=RESULTS, **figures):
    """Print figures and save them as ``results/<name>.json``."""
    command = f"python benchmarks/{Path(sys.argv[0]).name} {options}".strip()
    figures |= {"command": command} | environment()
    folder.mkdir(exist_ok=True)
    text = json.dumps(figures, indent=2)
    (folder / f"{name}.json").write_text(text + "\n")
    print(text)
