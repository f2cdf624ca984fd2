"""The results book: tables and figures of the docs, made from `benchmarks/results`.

``make results`` runs it, and Sphinx does before it reads a page, README excepted. A
table is a function of the contents of its files; see `_registry`. Pages include what is
written into `docs/results/generated`.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from . import (  # noqa: F401
    _adult,
    _attacks,
    _defenses,
    _figures,
    _impossibility,
    _influence,
    _paper,
    _quotes,
    _reliability,
    _scale,
    _times,
)
from ._not_shown import NOT_SHOWN
from ._pages import (
    GENERATED,
    MARKED,
    readme,
    table_as_markdown,
    table_as_rst,
    unused,
    write,
    write_readme,
)
from ._registry import FIGURES, QUOTES, RESULTS, ROOT, TABLES, command, made, read

__all__ = [
    "FIGURES",
    "GENERATED",
    "MARKED",
    "NOT_SHOWN",
    "QUOTES",
    "RESULTS",
    "ROOT",
    "TABLES",
    "command",
    "made",
    "read",
    "readme",
    "table_as_markdown",
    "table_as_rst",
    "unused",
    "write",
    "write_readme",
]
