"""Check what a release uploads: what is in the wheel and the sdist, and their size.

Run from the checkout, after ``python -m build``::

    python .github/check_dist.py dist
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST = {".whl": 1_500_000, ".gz": 2_500_000}
IN_SDIST = ["CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "pyproject.toml"]
ODD = {"__pycache__", ".DS_Store", ".ipynb_checkpoints"}


def main(folder):
    """Complain in one sentence for each promise that is broken."""
    wheels, sdists = (sorted(Path(folder).glob(p)) for p in ("*.whl", "*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        return f"{folder} must hold one wheel and one sdist. Run `make dist`."
    problems = [*check_wheel(wheels[0]), *check_sdist(sdists[0])]
    for path in (wheels[0], sdists[0]):
        size, limit = path.stat().st_size, LARGEST[path.suffix]
        print(f"{path.name}: {size / 1e6:.2f} MB")
        if size > limit:
            problems.append(f"{path.name} is larger than {limit / 1e6} MB.")
    return "\n".join(problems) or 0


def check_wheel(path):
    """Hold the wheel against the package: all of it, and nothing else."""
    names = set(zipfile.ZipFile(path).namelist())
    metadata = {n for n in names if n.split("/")[0].endswith(".dist-info")}
    return compare(path.name, names - metadata, files_of("skpoison"))


def check_sdist(path):
    """Hold the sdist against the package, its tests, and what tells of both."""
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    made = {"PKG-INFO", ".gitignore"}
    wanted = files_of("skpoison") | files_of("tests") | set(IN_SDIST)
    return compare(path.name, names - made, wanted)


def files_of(folder):
    """Files of the checkout below a folder, relative to the root."""
    paths = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {p.relative_to(ROOT).as_posix() for p in paths if not ODD & set(p.parts)}


def compare(archive, names, wanted):
    """Say what is missing, and what does not belong there."""
    problems = [f"{archive} lacks {name}." for name in sorted(wanted - names)]
    return problems + [f"{archive} holds {name}." for name in sorted(names - wanted)]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
