"""How far an audit is: callbacks of scikit-learn, and a quiet log."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import logging
import time
from contextlib import contextmanager

logger = logging.getLogger("skpoison.audit")


class Progress:
    """Tells callbacks and the log "skpoison.audit" of every finished task.

    Parameters
    ----------
    estimator : estimator
        An audit; its callbacks, where it has any, are told.

    n_tasks : int
        Number of tasks in all.

    n_done : int
        How many of them were done in an earlier run.
    """

    def __init__(self, estimator, n_tasks, n_done):
        self._estimator, self._n_tasks = estimator, n_tasks
        self._n_done = self._n_before = n_done
        self._start = time.monotonic()
        self._context = None
        if hasattr(estimator, "_init_callback_context"):
            context = estimator._init_callback_context(max_subtasks=n_tasks - n_done)
            self._context = context.call_on_fit_task_begin(estimator=estimator)
        if n_done < n_tasks:
            logger.info("%d of %d tasks done", n_done, n_tasks)

    def task_done(self):
        """Tell that one more task is done."""
        self._n_done += 1
        if self._context is not None:
            task = self._context.subcontext(task_name="task")
            task.call_on_fit_task_begin(estimator=self._estimator)
            task.call_on_fit_task_end(estimator=self._estimator)
        # A clock that is set, which this one must not be, may not show.
        passed = max(0.0, time.monotonic() - self._start)
        per_task = passed / (self._n_done - self._n_before)
        left = per_task * (self._n_tasks - self._n_done)
        logger.info(
            "%d of %d tasks done, about %.0f s left", self._n_done, self._n_tasks, left
        )

    def stopped(self):
        """Tell what a stop has left, and how to keep more of it."""
        owner, path = type(self._estimator).__name__, self._estimator.checkpoint
        kept = (
            "Without a checkpoint, the next fit starts anew."
            if path is None
            else f"They are in {str(path)!r}: the same fit goes on from there."
        )
        return f"{owner} did {self._n_done} of {self._n_tasks} tasks. {kept}"

    def end(self):
        """Tell that the work is done."""
        if self._context is not None:
            self._context.call_on_fit_task_end(estimator=self._estimator)


@contextmanager
def progress(estimator, n_tasks, n_done):
    """Progress of the work within; what ends it early gets a note of what is done."""
    told = Progress(estimator, n_tasks, n_done)
    try:
        yield told
    except BaseException as error:
        error.add_note(told.stopped())
        raise
    finally:
        told.end()
