"""Imports point down only, and heavy packages stay where they belong."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skpoison

ROOT = Path(skpoison.__file__).parent
# From the bottom up; a module imports from its own layer and those below.
LAYERS = [
    "utils",
    "datasets",
    "nets",
    "finders",
    "base",
    "metrics",
    "influence",
    "refit",
    "mixture",
    "defenses",
    "attacks",
    "audit",
]
ABOVE_ALL = {
    "__init__",
    "__main__",
    "_command_line",
    "estimator_checks",
    "persistence",
}


def is_for_torch(path):
    return path.name == "_torch.py" or path.parent.name == "nets"


# Where a package that not every user has may be imported.
HOMES = {
    "PIL": lambda path: path.name == "_utkface_files.py",
    "matplotlib": lambda path: "display" in path.name,
    "polars": lambda path: False,
    "skorch": is_for_torch,
    "torch": is_for_torch,
    "torchvision": lambda path: False,
    "transformers": is_for_torch,
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def layer_of(name):
    name = name.removesuffix(".py")
    return "base" if name.startswith("_base") else name


MODULES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    layer = layer_of(path.relative_to(ROOT).parts[0])
    for module in imports(path):
        top, _, rest = module.partition(".")
        if top in HOMES and not HOMES[top](path):
            pytest.fail(f"{path.name} imports {module}")
        if top == "sklearn" and any(p.startswith("_") for p in rest.split(".")):
            assert path.name == "_sklearn.py", f"{path.name} imports {module}"
        if top == "skpoison" and layer not in ABOVE_ALL:
            imported = layer_of(rest.split(".")[0])
            assert LAYERS.index(imported) <= LAYERS.index(layer), module


def test_modules_are_short():
    lengths = {p.name: len(p.read_text().splitlines()) for p in MODULES}
    assert max(lengths.values()) <= 500, lengths


def test_import_is_light():
    code = (
        "import sys, skpoison, skpoison.estimator_checks, skpoison.datasets, "
        "skpoison.metrics, skpoison.audit, skpoison.refit, skpoison.influence, "
        "skpoison.nets, skpoison.mixture\n"
        "print({'torch', 'matplotlib', 'polars', 'dask', 'skorch', 'transformers'} "
        "& set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
