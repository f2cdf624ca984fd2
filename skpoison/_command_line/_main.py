"""The command ``skpoison audit``: an audit of a table, from the shell."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import contextlib
import os
import signal
import stat
import sys
import threading
import traceback
import warnings
from pathlib import Path

from skpoison._command_line._arguments import make_parser
from skpoison._command_line._files import UserError, without_formulas
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
from skpoison.utils._whole_file import mode_of_new_files, write_whole


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; `None` takes those of the process.

    Returns
    -------
    status : int
        0 where all went well, 1 on an error, 130 on Ctrl-C, 143 on SIGTERM and 129 on
        SIGHUP.
    """
    with _all_streams(), _ended_by_signals():
        options = make_parser().parse_args(argv)
        with warnings.catch_warnings():
            warnings.showwarning = _ignore if options.quiet else _show_once()
            return _run(options)


def _run(options):
    try:
        text = audit(options)
    except KeyboardInterrupt as interrupt:
        _say(_interrupted(options))
        return getattr(interrupt, "status", 130)
    except Exception as error:
        if options.debug:
            tell(traceback.format_exc(), sys.stderr, end="")
        notes = map(_printable, getattr(error, "__notes__", []))
        _say(f"error: {' '.join([_one_line(error), *notes])}")
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


class _Ended(KeyboardInterrupt):
    """A signal that ends a process: it gets to stop its workers, as on Ctrl-C."""

    def __init__(self, number):
        super().__init__(f"signal {number}")
        self.status = 128 + number


def _end(number, frame):
    raise _Ended(number)


@contextlib.contextmanager
def _ended_by_signals():
    """Heed the signals of schedulers and closed terminals, unless they are ignored."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    is_main = threading.current_thread() is threading.main_thread()
    before = {}
    for number in (getattr(signal, name) for name in names if is_main):
        if signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
        _write(options.results, run.results_)
    if options.summary:
        _write(options.summary, run.summary_)
    if options.html:
        run.to_html(options.html)
    worst = [table(run, options.worst)] if options.worst else []
    return "\n".join([headline(run), *worst])


def _write(name, frame):
    """Write a table to a file, which is complete or as it was before."""
    path = Path(os.path.realpath(name))
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else mode_of_new_files()
    write_whole(path, without_formulas(frame).to_csv(index=False).encode(), mode)


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
    return _printable(text)


def _printable(text):
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _interrupted(options):
    if options.checkpoint and os.path.exists(options.checkpoint):
        return (
            f"interrupted; what is done is in {options.checkpoint}, and the same "
            "command goes on from there"
        )
    return "interrupted; nothing is kept. --checkpoint FILE keeps what is done"
