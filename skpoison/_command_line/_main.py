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
from skpoison._command_line._report import (
    Progress,
    check_targets,
    headline,
    table,
    tell,
)
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
    with _all_streams():
        options = make_parser().parse_args(argv)
        with warnings.catch_warnings():
            warnings.showwarning = _ignore if options.quiet else _show_once()
            return _run(options)


def _run(options):
    try:
        text = audit(options)
    except KeyboardInterrupt:
        _say(_interrupted(options))
        return 130
    except Exception as error:
        if options.debug:
            tell(traceback.format_exc(), sys.stderr, end="")
        _say(f"error: {_one_line(error)}")
        return 1
    error = tell(text, sys.stdout)
    # Whoever closed the pipe has seen enough; the files are written.
    if error and not isinstance(error, BrokenPipeError):
        _say(f"error: {_one_line(error)}")
    return 1 if error else 0


@contextlib.contextmanager
def _all_streams():
    """Have both streams, and let them take any text."""
    with contextlib.ExitStack() as stack:
        # Python has None for a stream that the shell closed.
        for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
            if stream is None:
                _occupy(descriptor)
        if sys.stdout is None:
            nowhere = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
        if sys.stderr is None:
            nowhere = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(contextlib.redirect_stderr(nowhere))
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError):
                stream.reconfigure(errors="backslashreplace")
        yield


def _occupy(descriptor):
    """Have processes that this one starts inherit a stream, though one to nowhere."""
    try:
        os.fstat(descriptor)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.set_inheritable(descriptor, True)
        if nowhere != descriptor:
            os.close(nowhere)


def audit(options):
    """Run ``skpoison audit``, write the files, and give the text for the shell."""
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
    worst = [table(run, options.worst)] if options.worst else []
    return "\n".join([headline(run), *worst])


def _say(text):
    tell(f"skpoison: {text}", sys.stderr)


def _ignore(*args, **kwargs):
    pass


def _show_once():
    said = set()

    def show(message, category, *args, **kwargs):
        text = _one_line(message)
        if text not in said:
            said.add(text)
            _say(f"warning: {text}")

    return show


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
