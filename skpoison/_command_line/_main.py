"""The command ``skpoison audit``: an audit of a table, from the shell."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import contextlib
import os
import sys
import traceback
import warnings

from skpoison._command_line._arguments import make_parser
from skpoison._command_line._files import UserError
from skpoison._command_line._model import (
    check_finder,
    make_finder,
    make_model,
    make_victim,
)
from skpoison._command_line._report import Progress, check_targets, headline, table
from skpoison._command_line._table import Tables
from skpoison.audit import SubpopulationAudit


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; `None` takes those of the process.

    Returns
    -------
    status : int
        0 where all went well, 1 on an error, 130 on Ctrl-C.
    """
    options = make_parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = _ignore if options.quiet else _show_warning
        try:
            audit(options)
        except KeyboardInterrupt:
            _say(_interrupted(options))
            return 130
        except BrokenPipeError:
            # Whoever read the table has seen enough; the files are written.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            if options.debug:
                traceback.print_exc()
            _say(f"error: {_one_line(error)}")
            return 1
    return 0


def audit(options):
    """Run ``skpoison audit``."""
    check_finder(options)
    model = make_model(options.estimator, options.param)
    check_targets(options)
    say = _ignore if options.quiet else lambda text: _say(f"note: {text}")
    tables = Tables(options, say)
    run = SubpopulationAudit(
        make_victim(model, tables),
        finder=make_finder(options, tables),
        alphas=options.alphas,
        n_repeats=options.repeats,
        fidelity=options.fidelity,
        poison_before="model",
        min_test=options.min_test,
        n_jobs=options.jobs,
        checkpoint=options.checkpoint,
        random_state=options.seed,
    )
    with Progress(quiet=options.quiet):
        run.fit(tables.X, tables.y, **tables.parts)
    if options.results:
        run.results_.to_csv(options.results, index=False)
    if options.summary:
        run.summary_.to_csv(options.summary, index=False)
    if options.html:
        run.to_html(options.html)
    print(headline(run))
    if options.worst:
        print(table(run, options.worst))
    sys.stdout.flush()


def _say(text):
    print(f"skpoison: {text}", file=sys.stderr, flush=True)


def _ignore(*args, **kwargs):
    pass


def _show_warning(message, category, *args, **kwargs):
    _say(f"warning: {_one_line(message)}")


def _one_line(error):
    """Tell what an exception or a warning says, on one line and safe to print."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror and not error.filename:
        text = " ".join(str(error.strerror).split())
    expected = (UserError, ValueError, OSError, ImportError, Warning)
    if not isinstance(error, expected) or not text:
        text = f"{type(error).__name__}: {text} (--debug shows where)"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _interrupted(options):
    if options.checkpoint and os.path.exists(options.checkpoint):
        return (
            f"interrupted; what is done is in {options.checkpoint}, and the same "
            "command goes on from there"
        )
    return "interrupted; nothing is kept. --checkpoint FILE keeps what is done"
