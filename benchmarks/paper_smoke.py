"""Run the paper's studies at their smallest size, twice, and compare the tables.

    python benchmarks/paper_smoke.py ../shared/data

The folder has the packed data sets that ``convert_data.py`` reads. Two runs with one
seed must give the same bytes on a CPU. CI runs this as ``make smoke``.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
STUDIES = ("paper_cifar10", "paper_utkface", "paper_imdb", "paper_capacity")


def run_study(name, home, folder):
    """Run one study; its tables by the names of their files."""
    command = [sys.executable, str(HERE / f"{name}.py"), "--size", "smoke"]
    command += ["--work", str(folder), "--results", str(folder)]
    environment = os.environ | {"SKPOISON_DATA_HOME": str(home)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.csv"))}


def main():
    """Run all studies twice."""
    parser = argparse.ArgumentParser(description="The paper's studies, small, twice.")
    parser.add_argument("packed", type=Path, help="folder of the packed data sets")
    packed = parser.parse_args().packed
    if not (packed / "load.py").is_file():
        print(f"make smoke: skipped, as the packed data sets are not in {packed}")
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        subprocess.run(
            [sys.executable, str(HERE / "convert_data.py"), str(packed), str(home)],
            check=True,
        )
        shutil.copytree(packed / "adult", home / "adult")
        for name in STUDIES:
            start = time.time()
            first, second = (
                run_study(name, home, Path(folder) / name / run) for run in "ab"
            )
            if not first or first != second:
                raise SystemExit(f"{name}: two runs with one seed differ")
            seconds = time.time() - start
            print(f"{name}: {len(first)} tables, twice the same, {seconds:.0f} s")


if __name__ == "__main__":
    main()
