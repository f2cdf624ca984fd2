"""What an installation takes without torch: bytes on the disk, seconds to import.

Builds the wheel, installs it with what it requires, at the versions of
`constraints.txt`, into an environment of its own, and imports it in fresh processes in
which a warning is an error. The bytecode that pip makes of what it installs is counted
apart. The time is the shortest, as for the other benchmarks, with CPU time beside it::

    python benchmarks/install_size.py
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import os
import re
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path
from statistics import median

from _report import write_result

ROOT = Path(__file__).resolve().parents[1]
LARGEST, SLOWEST = 350e6, 2.0
TIMED = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import skpoison
print(time.perf_counter() - wall, time.process_time() - cpu)
"""
LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)")


def main():
    """Measure, say what was promised, and fail where it is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        python, wheel = install(Path(folder))
        sizes, bytecode = sizes_of(python)
        run(python, "-c", "import skpoison")  # reads from the disk, and compiles
        times = [run(python, "-c", TIMED).split() for _ in range(repeats)]
        slowest = slowest_imports(python)
    total = sum(sizes.values())
    wall, cpu = (sorted(map(float, column)) for column in zip(*times, strict=True))
    write_result(
        "install_size",
        options=f"--repeats {repeats}",
        wheel_bytes=wheel,
        installed_bytes=total,
        compiled_bytes=bytecode,
        promised_bytes=LARGEST,
        largest_packages=dict(sizes.most_common(12)),
        import_seconds={"shortest": wall[0], "median": median(wall)},
        import_cpu_seconds={"shortest": cpu[0], "median": median(cpu)},
        promised_seconds=SLOWEST,
        warnings="none: they are errors here",
        own_milliseconds_of_packages=slowest,
    )
    return int(total > LARGEST or wall[0] > SLOWEST)


def install(folder):
    """Python of an environment with the wheel alone, and the size of the wheel."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    call([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT])
    wheel = next(folder.glob("*.whl"))
    # Without pip, which is no part of what is measured.
    venv.create(folder / "bare", symlinks=os.name != "nt", with_pip=False)
    python = folder / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python"
    target = ["--python", python, "install", "-c", ROOT / "constraints.txt"]
    call([*pip, *target, wheel])
    return python, wheel.stat().st_size


def call(command):
    """Run a command, and stop where it fails."""
    subprocess.run(list(map(str, command)), check=True)


def run(python, *arguments):
    """Output of a fresh process, outside the checkout, with warnings as errors."""
    command = [str(python), "-I", "-W", "error", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=python.parent)
    if result.returncode or ("importtime" not in arguments and result.stderr):
        sys.exit(f"{' '.join(command)} says:\n{result.stderr}")
    return result.stdout or result.stderr


def sizes_of(python):
    """Bytes of each folder in site-packages, and of what Python compiled there."""
    where = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    site, sizes, compiled = Path(where.strip()), Counter(), 0
    for path in site.rglob("*"):
        if path.suffix == ".pyc":
            compiled += path.stat().st_size
        elif path.is_file():
            sizes[path.relative_to(site).parts[0]] += path.stat().st_size
    return sizes, compiled


def slowest_imports(python, count=10):
    """Milliseconds that the modules of each package take, without what they import."""
    taken = Counter()
    for own, _, _, module in LINE.findall(
        run(python, "-X", "importtime", "-c", "import skpoison")
    ):
        taken[module.partition(".")[0]] += int(own) / 1000
    return {name: round(ms, 1) for name, ms in taken.most_common(count)}


if __name__ == "__main__":
    sys.exit(main())
