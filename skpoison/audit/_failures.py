"""What becomes of errors: those of a model are results, those of a machine are not."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import gc
from concurrent.futures import BrokenExecutor

OF_MACHINE = (
    "It is of the machine and not of a model, so it was not recorded as a result. "
    "Where memory is short, fewer n_jobs leave more for each."
)
# torch.OutOfMemoryError is a RuntimeError, and torch need not be installed.
OUT_OF_MEMORY = "OutOfMemoryError"
NO_THREAD = "can't start new thread"


def is_of_machine(error):
    """Whether the same work may succeed at another time, or on another machine.

    Want of memory, room, files or threads, a worker process that was killed, and all
    else that an operating system refuses.
    """
    while error is not None:
        names = {kind.__name__ for kind in type(error).__mro__}
        is_known = isinstance(error, (MemoryError, OSError, BrokenExecutor))
        if is_known or OUT_OF_MEMORY in names or NO_THREAD in str(error):
            return True
        error = error.__cause__
    return False


def recorded(error):
    """Text of the error of a model, for the table; an error of the machine is raised.

    It would otherwise be taken for a result of the model, for good where there is a
    checkpoint.

    Parameters
    ----------
    error : Exception
        What was raised while a model was made.

    Returns
    -------
    text : str
        Type and message, on one line.
    """
    if is_of_machine(error):
        if OF_MACHINE not in getattr(error, "__notes__", []):
            error.add_note(OF_MACHINE)
        raise error
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}"


def tried_twice(function, *args):
    """Call a function, and once more if the machine failed.

    By then there may be memory: that of the first call is free. The work is the same,
    and so are the results to the last bit, which a part of it at a time might change.
    """
    try:
        return function(*args)
    except Exception as error:
        if not is_of_machine(error):
            raise
    gc.collect()
    return function(*args)
