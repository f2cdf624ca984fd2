"""A page of HTML that needs nothing else."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import base64
import hashlib
import os
from importlib import resources
from pathlib import Path
from string import Template

from skpoison.audit._html_text import escape
from skpoison.audit._identity import version_of
from skpoison.utils._whole_file import mode_of_new_files, write_whole


def page(title, *, banner, headline, parts):
    """Put the parts of a report together.

    Parameters
    ----------
    title : str
        Title, as text.

    banner, headline : str
        HTML of what comes first.

    parts : list of (str, str, str)
        Identifier, heading as text and HTML of each section.

    Returns
    -------
    page : str
        HTML that loads nothing from elsewhere.
    """
    script, style = _template("report.js"), _template("report.css")
    # Only this script may run in the page, whatever a name may hold.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    links = (f'<a href="#{ident}">{escape(text)}</a>' for ident, text, _ in parts)
    return Template(_template("report.html")).substitute(
        title=escape(title),
        style=style,
        script=script,
        script_hash=f"sha256-{digest}",
        banner=banner,
        headline=headline,
        navigation="".join(links),
        sections="\n".join(body for _, _, body in parts),
        version=escape(version_of("skpoison")),
    )


def write_page(path, make):
    """Write a page to a file, which is complete or as it was before.

    Parameters
    ----------
    path : str or path-like
        File to write; one that exists is replaced.

    make : callable
        Gives the page; it is called once the path is known to be good.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"to_html: path must be a text or a path-like, got {type(path).__name__}."
        )
    if "\0" in os.fspath(path):
        raise ValueError(f"to_html: path must be that of a file, got {path!r}.")
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
    write_whole(path, make().encode(), mode_of_new_files())


def _template(file):
    folder = resources.files("skpoison.audit").joinpath("_templates")
    return folder.joinpath(file).read_text(encoding="utf-8")
