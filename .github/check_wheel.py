"""Import every public module of an installed skpoison, as a user would.

Run with the Python of an environment that holds the wheel alone, outside the
checkout::

    python -I /path/to/check_wheel.py
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

MODULES = [
    "skpoison",
    "skpoison.attacks",
    "skpoison.base",
    "skpoison.datasets",
    "skpoison.estimator_checks",
    "skpoison.finders",
    "skpoison.metrics",
]
NOT_IMPORTED = ["torch", "skorch", "matplotlib", "pytest"]
CHECKOUT = Path(__file__).resolve().parents[1]


def main():
    """Import, and complain in one sentence for each promise that is broken."""
    start = time.perf_counter()
    package = import_module("skpoison")
    seconds = time.perf_counter() - start
    problems = []
    if CHECKOUT in Path(package.__file__).resolve().parents:
        problems.append(f"skpoison was imported from the checkout, {CHECKOUT}.")
    if package.__version__ != version("skpoison"):
        problems.append("__version__ is not that of the wheel.")
    for name in MODULES:
        module = import_module(name)
        missing = [n for n in module.__all__ if not hasattr(module, n)]
        problems += [f"{name}.__all__ lists {n}, which is not there." for n in missing]
    problems += [f"{n} was imported." for n in NOT_IMPORTED if n in sys.modules]
    print(f"skpoison {package.__version__}: import took {seconds:.1f} s")
    return "\n".join(problems) or 0


if __name__ == "__main__":
    sys.exit(main())
