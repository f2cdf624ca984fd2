"""Refuse a release whose tag, version and changelog do not agree.

Run from the checkout::

    python .github/check_release.py v0.1.0
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FINAL = re.compile(r"\d+\.\d+\.\d+(rc\d+)?")


def main(tag, root=ROOT):
    """Complain in one sentence for each thing that does not agree."""
    source = (root / "skpoison" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'^__version__ = "(.*)"$', source, re.MULTILINE)[1]
    problems = []
    if tag != f"v{version}":
        problems.append(f"The tag is {tag}, and __version__ is {version}.")
    if not FINAL.fullmatch(version):
        problems.append(f"{version} is no version to release: drop what follows it.")
    if not section(root, version):
        problems.append(
            f"CHANGELOG.md has no section '## {version} - YYYY-MM-DD' with entries."
        )
    return "\n".join(problems) or 0


def section(root, version):
    """Entries of a version in the changelog, or None."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$\n(.*?)(?=^## |\Z)"
    found = re.search(heading, text, re.MULTILINE | re.DOTALL)
    return found and re.findall(r"^- .+$", found[1], re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
