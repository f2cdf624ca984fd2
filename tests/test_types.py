"""The types that type checkers are told of are those of the program."""

import ast
import importlib.util
import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numpydoc.docscrape import ClassDoc

import skpoison

ROOT = Path(skpoison.__file__).parent
USER = Path(__file__).with_name("typed_user.py")
STUBS = sorted(ROOT.rglob("*.pyi"))
# torch alone takes as long as all the rest, and its types are its own.
CONFIG = "[mypy]\nignore_missing_imports = {}\n[mypy-torch.*]\nfollow_imports = skip\n"
HAS_TORCH = all(
    importlib.util.find_spec(name) for name in ("torch", "skorch", "transformers")
)

NETS = ROOT / "nets" / "__init__.pyi"
# No module, or none that is public; the names of nets need torch.
NO_STUBS = ["skpoison._typing", "skpoison.__main__", "skpoison.utils"]
NO_STUBS += [] if HAS_TORCH else ["skpoison.nets"]

pytest.importorskip("mypy", reason="Types are checked by mypy.")


@pytest.fixture(scope="module")
def run_mypy(tmp_path_factory):
    """Run a module of mypy outside the checkout, as a user does."""
    folder = tmp_path_factory.mktemp("mypy")

    def run(module, *arguments, path="", ignore_missing=False):
        config = folder / "mypy.ini"
        config.write_text(CONFIG.format(ignore_missing))
        option = "--mypy-config-file" if module == "mypy.stubtest" else "--config-file"
        command = [sys.executable, "-m", module, option, config, *arguments]
        env = {**os.environ, "MYPYPATH": str(path), "MYPY_CACHE_DIR": str(folder / "c")}
        return subprocess.run(
            command, capture_output=True, text=True, cwd=folder, env=env
        )

    return run


def test_a_strict_program_passes_and_wrong_uses_are_errors(run_mypy):
    result = run_mypy("mypy", "--strict", USER)
    assert result.stdout == "Success: no issues found in 1 source file\n"


def test_a_wrong_use_is_told_of(run_mypy, tmp_path):
    user = tmp_path / "user.py"
    user.write_text("from skpoison import SubpopPoisoner\nSubpopPoisoner(alpha='1')\n")
    result = run_mypy("mypy", "--strict", user)
    assert result.returncode == 1
    assert 'user.py:2: error: Argument "alpha" to "SubpopPoisoner"' in result.stdout


def test_the_program_uses_every_public_name():
    tree = ast.parse(USER.read_text(encoding="utf-8"))
    imported = {
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    public = {
        (name, public) for name, stub in MODULES.items() for public in exported(stub)
    }
    known_elsewhere = {(m, n) for m, n in public if ("skpoison", n) in imported}
    assert public - imported <= known_elsewhere


def test_signatures_are_those_of_the_program(run_mypy, tmp_path):
    # The stubs alone: mypy would read the private modules beside them as well.
    stubs, allowed = tmp_path / "stubs", tmp_path / "allowed"
    for stub in STUBS if HAS_TORCH else set(STUBS) - {NETS}:
        copy = stubs / stub.relative_to(ROOT.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(stub, copy)
    allowed.write_text("\n".join(NO_STUBS))
    result = run_mypy(
        "mypy.stubtest",
        *["--concise", "--ignore-unused-allowlist", "--allowlist", allowed, "skpoison"],
        path=stubs,
        ignore_missing=True,
    )
    assert result.returncode == 0, result.stdout


def module_name(stub):
    parts = stub.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_name(stub): ast.parse(stub.read_text("utf-8")) for stub in STUBS}
CLASSES = {
    node.name: node
    for tree in MODULES.values()
    for node in tree.body
    if isinstance(node, ast.ClassDef)
}


def exported(tree):
    """Names in `__all__` of a stub; the private one has none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            return ast.literal_eval(node.value)
    return []


def public_classes():
    for name, tree in MODULES.items():
        if name != "skpoison" and (HAS_TORCH or name != "skpoison.nets"):
            module = importlib.import_module(name) if exported(tree) else None
            values = [getattr(module, n) for n in exported(tree)]
            yield from (value for value in values if inspect.isclass(value))


def attributes(name):
    """Names of the attributes that a stub gives a class, with those of its bases."""
    if name not in CLASSES:
        return set()
    of_bases = [attributes(ast.unparse(base)) for base in CLASSES[name].bases]
    return own_attributes(CLASSES[name]).union(*of_bases)


def own_attributes(node):
    annotated = {n.target.id for n in node.body if isinstance(n, ast.AnnAssign)}
    properties = {
        n.name
        for n in node.body
        if isinstance(n, ast.FunctionDef)
        and "property" in map(ast.unparse, n.decorator_list)
    }
    return annotated | properties


def documented(cls, section):
    return {name.strip() for p in ClassDoc(cls)[section] for name in p.name.split(",")}


@pytest.mark.parametrize("cls", public_classes(), ids=lambda cls: cls.__name__)
def test_stubs_have_the_documented_attributes(cls):
    told = attributes(cls.__name__)
    assert documented(cls, "Attributes") <= told
    if hasattr(cls, "get_params"):
        assert {p for p in documented(cls, "Parameters") if "*" not in p} <= told


@pytest.mark.parametrize("cls", public_classes(), ids=lambda cls: cls.__name__)
def test_stubs_have_no_attribute_that_is_not_documented(cls):
    known = documented(cls, "Attributes") | documented(cls, "Parameters")
    public = {n for n in own_attributes(CLASSES[cls.__name__]) if n[0] != "_"}
    assert {n for n in public - known if not hasattr(cls, n)} == set()


def test_every_public_module_has_a_stub():
    modules = [f for f in ROOT.iterdir() if f.suffix == ".py" or f.is_dir()]
    public = {f.stem for f in modules if not f.stem.startswith("_")} - {"utils"}
    assert {f"skpoison.{name}" for name in public} | {"skpoison"} == {
        name for name in MODULES if name != "skpoison._typing"
    }
    assert (ROOT / "py.typed").exists()
