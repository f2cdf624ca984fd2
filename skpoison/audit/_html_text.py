"""Numbers, names and tables of the reports, as HTML."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import html

import numpy as np

from skpoison.audit._display_tools import printable, shorten, signed

NOTHING = "\N{EN DASH}"


def escape(text):
    """Text of whatever origin as HTML, to stand between tags or in quotes."""
    return html.escape(printable(text), quote=True)


def name(text, width=90):
    """Name of a subpopulation; the whole of a long one is its tooltip."""
    short = shorten(text, width)
    title = f' title="{escape(text)}"' if short != printable(text) else ""
    # Isolated, so that a name written from right to left turns nothing else.
    return f"<bdi{title}>{escape(short)}</bdi>"


def number(value, form=".3g"):
    """Write a number, a dash where there is none."""
    if value is None or np.isnan(value):
        return NOTHING
    if np.isinf(value):
        return signed("-∞" if value < 0 else "∞")
    text = format(value, form)
    return signed(text.lstrip("-") if float(text) == 0 else text)


def count(value):
    """Whole number, with commas."""
    return NOTHING if np.isnan(value) else f"{int(value):,}"


def points(share):
    """Share as percentage points, without a unit."""
    return number(100 * share, ".1f")


def points_between(low, high):
    """Interval in percentage points."""
    return "" if np.isnan(low) or np.isnan(high) else f"[{points(low)}, {points(high)}]"


def percent(share, form=".1f"):
    """Share in percent, with its unit."""
    return NOTHING if np.isnan(share) else f"{number(100 * share, form)}%"


def probability(value):
    """P-value or q-value."""
    return "< 0.001" if value < 0.001 else number(value, ".3f")


def plural(n, one, many=None):
    """Count and noun."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def key(value):
    """Tell a script what to sort a cell by; nothing where there is no number."""
    return "" if np.isnan(value) else repr(float(value)).replace("inf", "Infinity")


def cell(text, *, value=None, css="", style=""):
    """Table cell of ready HTML."""
    value = "" if value is None else f' data-value="{key(value)}"'
    css = f' class="{css}"' if css else ""
    style = f' style="{style}"' if style else ""
    return f"<td{css}{value}{style}>{text}</td>"


def table(heads, rows, *, label, ident="", css="scroll", sorted_by=None, notes=()):
    """Table in a box that scrolls.

    Parameters
    ----------
    heads : list of str
        Heads of the columns, as HTML. Text columns are those in `notes`.

    rows : list of str
        Rows, as HTML, each with a `th` first.

    label : str
        What the table shows, for those who cannot see it.

    ident : str
        Its identifier.

    css : str
        Class of the box.

    sorted_by : int, default=None
        Column by which rows decrease.

    notes : container of int
        Columns of running text.
    """
    cells = []
    for i, head in enumerate(heads):
        order = ' aria-sort="descending"' if i == sorted_by else ""
        css_head = ' class="text"' if i in notes else ""
        cells.append(f'<th scope="col"{css_head}{order}>{head}</th>')
    ident = f' id="{ident}"' if ident else ""
    heads, body = "".join(cells), "\n".join(rows)
    return (
        f'<div class="{css}" role="region" tabindex="0" aria-label="{escape(label)}">'
        f"<table{ident}><thead><tr>{heads}</tr></thead>"
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def section(ident, title, *parts):
    """Part of the page, with a heading."""
    body = "\n".join(parts)
    return (
        f'<section id="{ident}" aria-labelledby="{ident}-heading">\n'
        f'<h2 id="{ident}-heading">{escape(title)}</h2>\n{body}\n</section>'
    )


def definitions(pairs):
    """List of terms, as text, and of what they mean, as HTML."""
    items = (f"<dt>{escape(term)}</dt><dd>{meaning}</dd>" for term, meaning in pairs)
    return "<dl>" + "".join(items) + "</dl>"
