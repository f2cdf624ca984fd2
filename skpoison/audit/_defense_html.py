"""The report of a defense audit, and its box in a notebook."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.audit import _defense_sections as sections
from skpoison.audit._defense_findings import findings
from skpoison.audit._defense_tasks import NO_DEFENSE
from skpoison.audit._html_page import page
from skpoison.audit._html_report import BOX, CELL
from skpoison.audit._html_text import escape, name, percent, points, points_between

TITLE = "Audit of defenses"


def defense_page(audit):
    """Write the report of a fitted audit as one self-contained page.

    Parameters
    ----------
    audit : DefenseAudit
        A fitted audit.

    Returns
    -------
    page : str
        HTML that loads nothing from elsewhere. The same audit gives the same page.
    """
    found = findings(audit)
    lede = "".join(f'<p class="lede">{text}</p>' for text in found.sentences)
    return page(
        TITLE,
        banner="",
        headline=f"<h1>{found.statement}</h1>{lede}{sections.tiles(audit)}",
        parts=sections.all_sections(audit),
    )


def defense_box(audit):
    """Show a fitted audit in a notebook: the headline, and each defense in a row.

    Parameters
    ----------
    audit : DefenseAudit
        A fitted audit.

    Returns
    -------
    box : str
        HTML without a script.
    """
    found = findings(audit)
    heads = ["Defense", "Attack", "Damage left", "95% interval", "Worst-off", "Recall"]
    heads = _row("th", map(escape, heads))
    rows = "".join(
        _row("td", _cells(row)) for row in found.rows.itertuples(index=False)
    )
    return (
        f'<div class="skpoison-audit" style="{BOX}">'
        f'<div style="font-weight:600;margin-bottom:.5em">{found.statement}.</div>'
        '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums">'
        f"<thead>{heads}</thead><tbody>{rows}</tbody></table>"
        '<div style="opacity:.75;font-size:.9em">Damage in points of accuracy at alpha '
        f"= {found.alpha:g}, under the attack that leaves most. "
        "<code>to_html(path)</code> writes the whole report.</div></div>"
    )


def _row(tag, texts):
    """Write a row of the box; the first two columns are words."""
    styles = [f"{CELL};text-align:left"] * 2 + [CELL] * 4
    cells = zip(styles, texts, strict=True)
    inner = "".join(f'<{tag} style="{style}">{text}</{tag}>' for style, text in cells)
    return f"<tr>{inner}</tr>"


def _cells(row):
    return [
        name("no defense" if row.defense == NO_DEFENSE else row.defense, 40),
        name(row.poisoner, 30),
        f"<b>{points(row.target_damage)}</b>",
        points_between(row.target_damage_low, row.target_damage_high),
        points(row.worst_damage),
        percent(row.recall, ".0f"),
    ]
