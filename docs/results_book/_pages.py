"""Writes the book: fragments for Sphinx, pictures, and the tables of README."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import re
from io import BytesIO
from pathlib import Path

from ._registry import FIGURES, RESULTS, ROOT, TABLES, made, source

GENERATED = ROOT / "docs" / "results" / "generated"
MARKED = re.compile(
    r"(<!-- results: (\w+) -->\n\n?)(.*?)(\n?<!-- end results -->)", re.DOTALL
)
# Spaces within an interval, and before a unit or a slash.
NO_BREAK = re.compile(r"(?<=,) (?=-?[\d.,]+\])|(?<=\d) (?=[/s%])")


def write(folder=GENERATED):
    """Write all tables and figures into ``folder``.

    A file is written only where its contents changed, so that Sphinx rebuilds no more
    than it must. What was written for an entry that is gone is removed.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {f"{name}.inc": table_as_rst(name).encode() for name in TABLES}
    for name in FIGURES:
        contents[f"{name}.inc"] = figure_as_rst(name).encode()
        contents[f"{name}.png"] = picture(name)
    for path in set(folder.iterdir()) - {folder / name for name in contents}:
        path.unlink()
    for name, content in contents.items():
        write_changed(folder / name, content)


def write_changed(path, content):
    """Write bytes, unless the file has them."""
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)


def table_as_rst(name):
    """One table as reStructuredText, below the sentences that say what it is.

    They are a paragraph and no caption, which would scroll with a wide table.
    """
    frame = made(TABLES[name]).astype(str)
    lines = [".. rst-class:: results-source", "", source(TABLES[name]), ""]
    lines += [".. list-table::", "   :header-rows: 1", "   :class: results", ""]
    for row in [frame.columns, *frame.to_numpy()]:
        cells = [NO_BREAK.sub("\u00a0", cell) for cell in row]
        lines += [
            f"   * - {cells[0]}",
            *(f"     - {cell}".rstrip() for cell in cells[1:]),
        ]
    return "\n".join(lines) + "\n"


def table_as_markdown(name):
    """One table as Markdown, without a caption."""
    frame = made(TABLES[name]).astype(str)
    rows = [frame.columns, ["---"] * frame.shape[1], *frame.to_numpy()]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def figure_as_rst(name):
    """One figure as reStructuredText, with its caption."""
    entry = FIGURES[name]
    lines = [f".. figure:: /results/generated/{name}.png"]
    lines += [f"   :alt: {entry.title}", "", f"   {source(entry)}"]
    return "\n".join(lines) + "\n"


def picture(name):
    """One figure as the bytes of a PNG file."""
    buffer = BytesIO()
    drawn = made(FIGURES[name])
    drawn.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()


def readme(text):
    """The text of README with the tables of today between its markers."""
    return MARKED.sub(
        lambda found: f"{found[1]}{table_as_markdown(found[2])}{found[4]}", text
    )


def write_readme(path=ROOT / "README.md"):
    """Rewrite the tables of README."""
    write_changed(path, readme(path.read_text()).encode())


def unused():
    """Results that no table and no figure shows."""
    shown = {name for entry in (TABLES | FIGURES).values() for name in entry.files}
    return sorted({path.name for path in RESULTS.iterdir()} - shown)
