"""Import every public module of an installed skpoison, as a user would.

Run with the Python of an environment that holds the wheel alone, outside the
checkout::

    python -I -W error /path/to/check_wheel.py
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
import time
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

NOT_IMPORTED = ["torch", "skorch", "matplotlib", "pytest"]
# Its names are imported when they are asked for.
NEEDS_TORCH = "skpoison.nets"
NO_API = ["skpoison.utils"]
CHECKOUT = Path(__file__).resolve().parents[1]


def main():
    """Import, and complain in one sentence for each promise that is broken."""
    start = time.perf_counter()
    package = import_module("skpoison")
    seconds = time.perf_counter() - start
    folder = Path(package.__file__).resolve().parent
    problems = []
    if CHECKOUT in folder.parents:
        problems.append(f"skpoison was imported from the checkout, {CHECKOUT}.")
    if package.__version__ != version("skpoison"):
        problems.append("__version__ is not that of the wheel.")
    if not (folder / "py.typed").exists():
        problems.append("py.typed is missing: type checkers are told nothing.")
    for name in public_modules(package):
        problems += check_module(name)
    problems += [f"{n} was imported." for n in NOT_IMPORTED if n in sys.modules]
    print(f"skpoison {package.__version__}: import took {seconds:.1f} s")
    return "\n".join(problems) or 0


def public_modules(package):
    """Names of the package and of those of its modules that are no one's secret."""
    found = (f"skpoison.{module.name}" for module in iter_modules(package.__path__))
    private = ("skpoison._", *NO_API)
    return ["skpoison", *(n for n in found if not n.startswith(private))]


def check_module(name):
    """Say which names a module promises and does not have, and that it has types."""
    module = import_module(name)
    names = module.__all__
    if name == NEEDS_TORCH and not find_spec("torch"):
        names = []
    problems = [f"{name}.__all__ lists {n}." for n in names if not hasattr(module, n)]
    if not Path(module.__file__).with_suffix(".pyi").exists():
        problems.append(f"{name} has no stub.")
    return problems


if __name__ == "__main__":
    sys.exit(main())
