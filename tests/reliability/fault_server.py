"""Starts audits by forking, as an import takes longer than a small audit does.

Run as a program, it reads one JSON object a line. ``start`` forks a child that runs an
audit in a folder, and tells its number; ``wait`` tells how that ended.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
from joblib.externals.loky import get_reusable_executor
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skpoison import DefenseAudit, FeatureMatch, SubpopulationAudit
from skpoison._command_line._main import main
from skpoison.defenses import DeepKNN
from skpoison.utils import _whole_file

N_GROUPS = 4
TABLES = ("results_", "null_", "curves_", "summary_", "worst_k_", "costs_", "removed_")
COMMAND = [
    "audit", "table.csv", "--label", "y", "--finder", "features", "--features",
    "group", "--repeats", "8", "--seed", "0", "--checkpoint", "audit.csv",
    "--html", "report.html", "--results", "results.csv",
    "--summary", "summary.csv", "--quiet",
]  # fmt: skip


class Greedy(GaussianNB):
    """A victim that takes the memory that a file asks for, in bytes."""

    def fit(self, X, y):
        """Learn, with too much memory at the fit with the number in the file."""
        wanted = Path("memory")
        if wanted.exists():
            left, n_bytes = map(int, wanted.read_text().split())
            wanted.write_text(f"{left - 1} {n_bytes}")
            if left <= 0:
                np.ones(n_bytes, np.uint8)
        if Path("kill-worker").exists():
            os.unlink("kill-worker")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


def rows(n_columns=2, n_rows=120):
    """Groups told by the first column, and labels that go with it."""
    rng = np.random.RandomState(0)
    group = np.repeat(np.arange(N_GROUPS), n_rows)
    noise = rng.normal(size=(len(group), n_columns)) + group[:, None]
    return np.column_stack([group, noise]), (group % 2) ^ (rng.rand(len(group)) < 0.1)


def make_audit(kind, checkpoint="audit.csv", n_jobs=None, n_repeats=8):
    """Audits of all kinds: with an engine, without, of defenses."""
    finder = FeatureMatch([0])
    shared = {"checkpoint": checkpoint, "n_jobs": n_jobs, "n_repeats": n_repeats}
    shared |= {"random_state": 0, "finder": finder, "min_test": 20}
    if kind == "defenses":
        return DefenseAudit(
            GaussianNB(), defenses=[DeepKNN()], alphas=[1.0, 2.0], **shared
        )
    victims = {
        "engine": LogisticRegression(),
        "no engine": DecisionTreeClassifier(min_samples_leaf=20),
        "greedy": Greedy(),
    }
    return SubpopulationAudit(victims[kind], **shared)


def run(kind, page=True, **options):
    """Run an audit here, and write all that it tells."""
    if kind == "command line":
        return main(COMMAND)
    audit = make_audit(kind, **options).fit(*rows())
    for name in TABLES:
        if hasattr(audit, name):
            getattr(audit, name).to_csv(f"{name}.csv")
    if page:  # which tells of the jobs
        audit.set_params(n_jobs=None).to_html("report.html")
    return 0


def aim(step, number, sent):
    """Send a signal to this process before a step of a write, or after it."""
    step, _, moment = step.partition(" ")
    genuine, calls = getattr(os, step), []

    def patched(*args, **kwargs):
        calls.append(1)
        is_now = len(calls) == number
        if is_now and moment != "after":
            os.kill(os.getpid(), sent)
        result = genuine(*args, **kwargs)
        if is_now and moment == "after":
            os.kill(os.getpid(), sent)
        return result

    setattr(os, step, patched)


def without_locks():
    """Act as on a file system that has no locks."""

    def flock(*args):
        raise OSError(37, "No locks available")

    _whole_file.fcntl.flock = flock


def child(folder, kind, aimed=None, no_locks=False, limit=None, **options):
    """Run an audit in a process of its own; its status."""
    os.setsid()
    os.chdir(folder)
    log = os.open("../log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    if no_locks:
        without_locks()
    if aimed:
        aim(*aimed)
    if limit:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        return run(kind, **options)
    except BaseException as error:
        notes = " ".join(getattr(error, "__notes__", []))
        print(f"{type(error).__name__}: {error} {notes}", flush=True)
        return 1
    finally:
        if options.get("n_jobs"):
            get_reusable_executor().shutdown(wait=True)


def serve():
    """Do what is asked for, one line at a time."""
    # What is imported at the first use, only once.
    make_audit("engine", checkpoint=None, n_repeats=1).fit(*rows())._page()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if answer == 0:
                os._exit(child(**asked))
        print(answer, flush=True)


if __name__ == "__main__":
    serve()
