"""The report of an audit: one page that needs nothing else."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import base64
import hashlib
import os
import tempfile
from importlib import resources
from pathlib import Path
from string import Template

from sklearn.utils.validation import check_is_fitted

from skpoison.audit import _html_headline as head
from skpoison.audit._html_sections import all_sections
from skpoison.audit._html_text import escape, name, points, points_between, probability
from skpoison.audit._identity import version_of

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
    script, style = _template("report.js"), _template("report.css")
    # Only this script may run in the page, whatever a name may hold.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = all_sections(audit)
    links = (f'<a href="#{ident}">{escape(text)}</a>' for ident, text, _ in parts)
    return Template(_template("report.html")).substitute(
        title=escape(TITLE if title is None else title),
        style=style,
        script=script,
        script_hash=f"sha256-{digest}",
        banner=head.banner(audit),
        headline=head.headline(audit) + head.tiles(audit),
        navigation="".join(links),
        sections="\n".join(body for _, _, body in parts),
        version=escape(version_of("skpoison")),
    )


def write_html(audit, path, *, title=None):
    """Write the report of a fitted audit to a file.

    The file is complete or it is as it was before.

    Parameters
    ----------
    audit : SubpopulationAudit
        A fitted audit.

    path : str or path-like
        File to write; one that exists is replaced.

    title : str, default=None
        Title of the page.
    """
    path = Path(path)
    if path.exists() and not path.is_dir() and not path.is_file():
        # Or it would be replaced: /dev/null, a pipe.
        raise ValueError(
            f"to_html: path must be a file to write, got {str(path)!r}, which is a "
            "device or a pipe. Write to a file."
        )
    if path.is_dir():
        raise IsADirectoryError(
            f"to_html: path must be a file to write, got the folder {str(path)!r}. "
            "Add a file name, for example report.html."
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"to_html: path must be in a folder that exists, got {str(path)!r}. Make "
            f"the folder {str(path.parent)!r} first."
        )
    _replace(path, report_html(audit, title=title).encode())


def _replace(path, content):
    """Write a file beside the old one, then put it in its place."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp is for secrets; a report has the rights of any new file.
        os.chmod(draft, 0o666 & ~_umask())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


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


def _template(file):
    folder = resources.files("skpoison.audit").joinpath("_templates")
    return folder.joinpath(file).read_text(encoding="utf-8")
