"""The report of an audit: one page that needs nothing else."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from sklearn.utils.validation import check_is_fitted

from skpoison.audit import _html_headline as head
from skpoison.audit._html_page import page
from skpoison.audit._html_sections import all_sections
from skpoison.audit._html_text import escape, name, points, points_between, probability

TITLE = "Subpopulation poisoning audit"
N_ROWS = 10
BOX = (
    "border:1px solid rgba(128,128,128,.4);border-radius:8px;padding:.8em 1em;"
    "max-width:56em;overflow-x:auto"
)
CELL = "text-align:right;padding:.2em .7em;white-space:nowrap"


def report_html(audit, *, title=None):
    """Write the report of a fitted audit as one self-contained page.

    Parameters
    ----------
    audit : SubpopulationAudit
        A fitted audit.

    title : str, default=None
        Title of the page; `None` takes "Subpopulation poisoning audit".

    Returns
    -------
    page : str
        HTML that loads nothing from elsewhere. The same audit gives the same page.
    """
    check_is_fitted(audit, "summary_")
    return page(
        TITLE if title is None else title,
        banner=head.banner(audit),
        headline=head.headline(audit) + head.tiles(audit),
        parts=all_sections(audit),
    )


def repr_html(audit):
    """Show a fitted audit in a notebook: the headline and the ten worst rows.

    Parameters
    ----------
    audit : SubpopulationAudit
        A fitted audit.

    Returns
    -------
    box : str
        HTML without a script.
    """
    check_is_fitted(audit, "summary_")
    heads = ["Subpopulation", "Rows", "Damage", "95% interval", "True labels", "q"]
    if head.is_estimate(audit):
        heads[2] = "Damage (estimate)"
    rows = "".join(
        f'<tr><td style="{CELL};text-align:left;white-space:normal">'
        f"{name(row.name, 60)}</td>"
        + "".join(f'<td style="{CELL}">{text}</td>' for text in _cells(row))
        + "</tr>"
        for row in audit.summary_.head(N_ROWS).itertuples(index=False)
    )
    heads = "".join(f'<th style="{CELL}">{escape(text)}</th>' for text in heads)
    heads = heads.replace("text-align:right", "text-align:left", 1)
    more = len(audit.summary_) - N_ROWS
    rest = f" {more:,} more in <code>summary_</code>." if more > 0 else ""
    return (
        f'<div class="skpoison-audit" style="{BOX}">{head.short_headline(audit)}'
        f'<table style="border-collapse:collapse;font-variant-numeric:tabular-nums">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f'<div style="opacity:.75;font-size:.9em">Damage in points of accuracy.{rest} '
        "<code>to_html(path)</code> writes the whole report.</div></div>"
    )


def _cells(row):
    return [
        f"{row.n_train:,}",
        f"<b>{points(row.target_damage)}</b>",
        points_between(row.target_damage_low, row.target_damage_high),
        points(row.null_damage),
        probability(row.q_value),
    ]
