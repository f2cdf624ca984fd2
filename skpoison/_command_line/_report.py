"""What the command line tells: progress, the headline, a table of the worst."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import contextlib
import logging
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from skpoison._command_line._files import UserError

WIDTH_OF_NAMES = 40
HEAD = (
    "subpopulation",
    "train",
    "test",
    "clean",
    "lost",
    "interval",
    "null",
    "alpha50",
    "q",
)
# Share of the tasks between two lines where the terminal cannot replace one.
STEP = 0.1


def tell(text, stream, *, end="\n"):
    """Print at once; gives the error where nobody can be told, or None."""
    try:
        print(text, end=end, file=stream, flush=True)
    except OSError as error:
        # What the stream still holds would fail again when Python exits.
        with contextlib.suppress(OSError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        return error
    return None


class Progress(logging.Handler):
    """Percent and time left on stderr, from the log of the audit."""

    def __init__(self, *, quiet):
        super().__init__()
        self._quiet = quiet
        self._logger = logging.getLogger("skpoison.audit")
        self._told = -1.0
        self._is_open = False

    def __enter__(self):
        self._level = self._logger.level
        if not self._quiet:
            self._logger.addHandler(self)
            self._logger.setLevel(logging.INFO)
        return self

    def __exit__(self, *exc_info):
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)
        if self._is_open:
            tell("", sys.stderr)

    def emit(self, record):
        """Show one record of the audit."""
        try:
            done, total, *left = record.args
            share = done / total
        except (TypeError, ValueError, ZeroDivisionError):
            return
        text = f"{share:4.0%}  {done} of {total} tasks"
        text += "".join(f", {duration(seconds)} left" for seconds in left)
        if sys.stderr.isatty():
            tell(f"\r\x1b[K{text}", sys.stderr, end="")
            self._is_open = True
        elif done == total or share >= self._told + STEP:
            self._told = share
            tell(text, sys.stderr)


def duration(seconds):
    """Seconds in a unit that is easy to read."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def check_targets(options):
    """Make sure that what is to be written can be, before any work."""
    sources = {
        _real(path, option): option
        for option in ("data", "aux", "test")
        if (path := getattr(options, option))
    }
    for option in ("checkpoint", "html", "summary", "results"):
        path = getattr(options, option)
        if path is None:
            continue
        real = _real(path, f"--{option}")
        if real in sources:
            raise UserError(f"--{option} {path} is the file of {sources[real]} too.")
        sources[real] = f"--{option}"
        if option in {"summary", "results"} and Path(path).suffix.lower() != ".csv":
            raise UserError(f"--{option} writes CSV and must end in .csv. Got {path}.")
        if option != "checkpoint":  # which the audit checks, and it replaces none
            _check_target(option, Path(path))


def _real(path, option):
    try:
        return os.path.realpath(path)
    except ValueError as error:
        raise UserError(f"{option} {path!r} can be no file: {error}.") from error


def _check_target(option, path):
    try:
        if path.is_dir():
            raise UserError(f"--{option} {path} is a folder. Name a file.")
        if not path.parent.is_dir():
            raise UserError(f"--{option} {path}: there is no folder {path.parent}.")
        if path.exists():
            path.open("r+b").close()
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(b"room")
            file.flush()
    except OSError as error:
        raise UserError(
            f"--{option} {path} cannot be written: {error.strerror}."
        ) from error


def headline(audit):
    """Tell what was audited, and how it went."""
    n = audit.n_samples_
    attacked, skipped = len(audit.summary_), audit.skipped_["reason"]
    counts = skipped.value_counts()
    reasons = ", ".join(f"{n:,} with {why}" for why, n in counts.items())
    lines = [
        f"{n['train']:,} rows for training, {n['aux']:,} of the attacker, "
        f"{n['test']:,} for the test. Clean accuracy {audit.clean_accuracy_:.1%}.",
        f"{attacked:,} of {attacked + len(skipped):,} subpopulations were attacked"
        + (f", and not {reasons}." if len(skipped) else "."),
    ]
    n_failed = int(audit.results_["error"].notna().sum())
    if n_failed:
        first = audit.results_["error"].dropna().iloc[0]
        lines.append(
            f"{n_failed:,} of {len(audit.results_):,} models failed, the first by "
            f"{printable(first)}"
        )
    if audit.fidelity == "influence":
        lines.append("These are estimates: they rank, and state no risk.")
    return "\n".join(lines)


def table(audit, n_rows):
    """Tell the worst subpopulations, with 95 % intervals."""
    alpha = audit.curves_["alpha"].max()
    rows = [
        [
            shortened(row.name),
            f"{row.n_train:,}",
            f"{row.n_test:,}",
            percent(row.clean_accuracy),
            percent(row.target_damage),
            f"{percent(row.target_damage_low)} to {percent(row.target_damage_high)}",
            percent(row.null_damage),
            budget(row.alpha50, alpha),
            number(row.q_value),
        ]
        for row in audit.summary_.head(n_rows)
        .rename_axis("row")
        .itertuples(index=False)
    ]
    head = list(HEAD)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    body = "\n".join(
        "  ".join(
            cell.ljust(width) if j == 0 else cell.rjust(width)
            for j, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in [head, *rows]
    )
    return (
        f"\n{body}\n\n"
        "train, test: rows of it. clean: accuracy on it without poison, in percent.\n"
        f"lost: points of that lost to {alpha:g} poison rows for each training row, "
        "and 95 % interval.\n"
        "null: lost to the same rows with their true labels.\n"
        "alpha50: poison rows for each training row that misclassify half of it.\n"
        "q: share of false alarms among those at least as clear (Benjamini-Hochberg)."
    )


def percent(value):
    """Write a share in percent, without the sign."""
    return "-" if np.isnan(value) else f"{100 * value:.1f}"


def budget(value, largest):
    """Write a budget, or that it is beyond the largest."""
    return f">{largest:g}" if np.isinf(value) else number(value)


def number(value):
    """Write a number with two significant digits."""
    return "-" if np.isnan(value) else f"{value:.2g}"


def printable(text):
    """Replace what a terminal would take for a command."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def shortened(name):
    """Cut a name to the width of its column."""
    name = printable(str(name))
    return name if len(name) <= WIDTH_OF_NAMES else f"{name[: WIDTH_OF_NAMES - 3]}..."
