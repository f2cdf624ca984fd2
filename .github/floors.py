"""Print the oldest releases that pyproject.toml allows, as pins for pip.

Of what the package needs and of what the extra "test" adds::

    python .github/floors.py > floors.txt
    python -m pip install -r floors.txt -e .[test]
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OWN = re.compile(r"skpoison\[([\w,-]+)\]$")
BOUND = re.compile(r"([\w.-]+)>=([\w.]+)(,<[\w.]+)?$")


def main(extra="test"):
    """Print a pin a line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    print("\n".join(pins(project, extra)))


def pins(project, extra):
    """Pins of a project and of one of its extras, each once, by name."""
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"], *expanded(extras, extra)]
    return sorted({pin(requirement) for requirement in requirements})


def expanded(extras, name):
    """Give the requirements of an extra, and of the extras that it names."""
    for requirement in extras[name]:
        if own := OWN.match(requirement):
            for other in own[1].split(","):
                yield from expanded(extras, other)
        else:
            yield requirement


def pin(requirement):
    """Pin a requirement to its lower bound."""
    bound = BOUND.match(requirement)
    if not bound:
        sys.exit(f"{requirement!r} has no lower bound. Write it name>=version.")
    return f"{bound[1]}=={bound[2]}"


if __name__ == "__main__":
    main(*sys.argv[1:])
