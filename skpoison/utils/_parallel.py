"""Tasks that run at the same time, here or on other machines."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import asyncio
from concurrent.futures import CancelledError
from contextlib import contextmanager, nullcontext
from threading import Event, Thread

from joblib import parallel_config
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

# What dask raises for work that it has forgotten; one of them is no Exception.
CANCELLED = (CancelledError, asyncio.CancelledError)
# Seconds between two looks at a cluster.
LOOK_EVERY = 0.5


def in_parallel(function, tasks, n_jobs, return_as="list"):
    """Call a function with the arguments of each task.

    Parameters
    ----------
    function : callable
        What does a task.

    tasks : iterable of tuple
        Arguments.

    n_jobs : int or None
        Number of tasks that run at a time.

    return_as : {"list", "generator_unordered"}, default="list"
        In order when all are done, or each when it is done, where the backend can.

    Returns
    -------
    results : list or generator
        What the function gives.
    """
    active, _ = get_active_backend()
    if not active.supports_return_generator:  # multiprocessing, which gives all at once
        return_as = "list"
    parallel = Parallel(n_jobs=n_jobs, return_as=return_as)
    calls = (delayed(run_here)(function, *task) for task in tasks)
    backend = _dask_backend()
    if backend is None:
        return parallel(calls)
    results = _watched(parallel, calls, backend)
    return list(results) if return_as == "list" else results


def _watched(parallel, calls, backend):
    """Results of a cluster of dask, or an error once its scheduler or data is lost.

    joblib may wait forever for what the scheduler has forgotten, also where another
    one takes its place, and for tasks whose rows went with the last worker.
    """
    client, is_done, is_lost = backend.client, Event(), Event()
    connection = client.scheduler_comm

    def is_whole():
        is_same = client.scheduler_comm is connection and client.status == "running"
        states = {data.status for data in list(backend.data_futures.values())}
        return is_same and states.isdisjoint({"lost", "cancelled"})

    def watch():
        while not is_done.wait(LOOK_EVERY):
            if not is_whole():
                is_lost.set()
                parallel.timeout = 0  # ends the wait
                return

    watcher = Thread(target=watch, name="skpoison-watches-dask", daemon=True)
    watcher.start()
    try:
        yield from parallel(calls)
    except (Exception, *CANCELLED) as error:
        if not (is_lost.is_set() or isinstance(error, CANCELLED)):
            raise
        raise ConnectionError(
            "The scheduler of the dask cluster was lost, or all of its workers with "
            "the rows that they had. Start the cluster again, or go on without it."
        ) from error
    finally:
        is_done.set()
        watcher.join()


def run_here(function, *args):
    """Do a task on the machine that it was given to, and nowhere else.

    joblib has a worker of dask send what a task does in parallel back to the cluster,
    rows and all, and take up other tasks while it waits: even with ``n_jobs=1``.
    """
    with nullcontext() if _dask_backend() is None else parallel_config("threading"):
        return function(*args)


@contextmanager
def scattered(*args):
    """Have objects on every worker of dask, for the tasks that are given them within.

    joblib would send an array to one worker only, and lose it with that worker; and
    what holds arrays, with each task.
    """
    backend = _dask_backend()
    if backend is None:
        yield
        return
    futures = backend.client.scatter(list(args), broadcast=True, hash=False)
    own = dict(zip(map(id, args), futures, strict=True))
    backend.data_futures.update(own)
    try:
        yield
    finally:
        # Numbers of objects that are gone may be given to others.
        for key in own:
            del backend.data_futures[key]


def _dask_backend():
    """Backend of joblib that sends tasks to dask, where that is the active one."""
    backend, _ = get_active_backend()
    # By name, as dask need not be installed.
    return backend if type(backend).__name__ == "DaskDistributedBackend" else None
