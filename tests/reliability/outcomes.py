"""What becomes of one malformed input."""

import linecache
import resource
import signal
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import imblearn
import joblib
import malformed
import numpy as np
import pandas as pd
import polars as pl
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

import skpoison

DOCUMENTED, CORRECT, DEFECT = "documented error", "correct result", "defect"
# Whose `raise` statements are meant for users.
SPEAKERS = tuple(
    f"{Path(package.__file__).parent}/" for package in (skpoison, sklearn, imblearn)
)
ERRORS = (ValueError, TypeError, NotFittedError, ImportError, OSError)
ACCIDENTS = (np.linalg.LinAlgError, UnicodeError, RecursionError)
# What NumPy and Python say to whoever wrote the line, and not to users.
PHRASES = (
    "truth value of",
    "could not broadcast",
    "operands could not",
    "setting an array element",
    "unhashable",
    "'NoneType'",
    "not subscriptable",
    "has no len",
    "object is not iterable",
    "positional argument",
    "unexpected keyword",
    "out of bounds",
    "inhomogeneous",
    "not supported between",
    "unsupported operand",
    "ufunc",
    "has no attribute",
    "cannot convert float",
    "cannot reshape",
    "Maximum allowed dimension",
    "array is too big",
    "zero-size array",
    "not callable",
    "sequence item",
    "invalid literal",
)
# scikit-learn lets NumPy say this of cells of objects, and its checks demand the words.
CONVERSIONS = (
    "could not convert string to float",
    "argument must be a string",
    "could not be promoted",
)
MEGABYTES = 1500


class Hang(BaseException):
    """The time limit of a case is over."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case, and in a word why."""

    kind: str
    why: str = ""


def judge(entry, given, malformation, may_be, twin):
    """Run one case.

    Parameters
    ----------
    entry : EntryPoint
        What is called.

    given : dict
        Arguments, one of them broken.

    malformation : Malformation
        How.

    may_be : bool
        Whether the broken value is one that the documentation allows.

    twin : callable
        Gives the result for the twin of the broken value; None where there is none.

    Returns
    -------
    outcome : Outcome
        The kind of outcome.
    """
    before = {name: digest(thing) for name, thing in given.items()}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with (
            time_limit(entry.seconds),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
        ):
            warnings.simplefilter("ignore")
            result = entry.call(**given)
    except Hang:
        return Outcome(DEFECT, f"hang: {entry.seconds} s and more")
    except Exception as error:
        outcome = judge_error(error, malformation.users)
    else:
        outcome = judge_result(entry, given, result, malformation, may_be, twin)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    if grown > MEGABYTES:
        return Outcome(DEFECT, f"memory: {grown:.0f} MiB more")
    changed = [n for n, thing in given.items() if digest(thing) != before[n]]
    if changed and not malformation.users:
        return Outcome(DEFECT, f"changed its input: {changed}")
    return outcome


def judge_error(error, is_of_user=False):
    """Tell whether an error speaks to users."""
    if is_of_user or isinstance(error, malformed.UserError):
        return Outcome(DOCUMENTED, "the user's own error")
    name, message = type(error).__name__, str(error)
    why = f"{name}: {message}"
    if not isinstance(error, ERRORS) or isinstance(error, ACCIDENTS):
        return Outcome(DEFECT, why + where(error))
    frames = traceback.extract_tb(error.__traceback__)
    checked = any(frame.name == "check_array" for frame in frames)
    if checked and any(words in message for words in CONVERSIONS):
        return Outcome(DOCUMENTED, why)
    if not is_raised_for_users(frames[-1]):
        return Outcome(DEFECT, "not ours: " + why + where(error))
    is_ours = frames[-1].filename.startswith(SPEAKERS[0])
    if not is_ours and any(phrase in message for phrase in PHRASES):
        return Outcome(DEFECT, why + where(error))
    return Outcome(DOCUMENTED, why)


def is_raised_for_users(last):
    """Whether a `raise` statement of one of the libraries made an error."""
    is_statement = any(
        linecache.getline(last.filename, n).strip().startswith("raise")
        for n in range(last.lineno, (last.end_lineno or last.lineno) + 1)
    )
    return is_statement and last.filename.startswith(SPEAKERS)


def where(error):
    """Tell the last lines of ours and of anybody that an error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/skpoison/" in f.filename][-1:]
    return "".join(
        f" [{Path(f.filename).name}:{f.lineno} {f.name}]" for f in [*ours, frames[-1]]
    )


def judge_result(entry, given, result, malformation, may_be, twin):
    """Tell whether a result is the right one."""
    if malformation.fatal:
        return Outcome(DEFECT, "accepted what must be refused")
    if not may_be:
        return Outcome(DEFECT, "accepted what is not documented")
    try:
        entry.check(result, given)
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1].line
        return Outcome(DEFECT, f"wrong result: {type(error).__name__} {error} ({line})")
    if twin is not None and not alike(result, twin()):
        return Outcome(DEFECT, "wrong result: not that of the well-formed twin")
    return Outcome(CORRECT)


@contextmanager
def time_limit(seconds):
    """Raise where a block takes longer."""

    def stop(*_):
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def memory_limit(gigabytes):
    """Refuse to hand out more memory than the process has now, and some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0])
    size *= resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + int(gigabytes * 2**30), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def digest(thing):
    """Give a fingerprint of what was passed in, which shows that it was changed."""
    if isinstance(thing, (np.ma.MaskedArray, np.ndarray)) and thing.dtype != object:
        parts = np.ma.getdata(thing), np.ma.getmaskarray(thing)
        base = [part.tobytes() for part in parts]
        return joblib.hash([base, str(thing.dtype), thing.shape, thing.strides])
    if sparse.issparse(thing):
        parts = [
            getattr(thing, name, None)
            for name in ("data", "indices", "indptr", "row", "col", "offsets", "rows")
        ]
        return joblib.hash([thing.format, thing.shape, parts])
    if isinstance(thing, pd.DataFrame):
        cells = [digest(thing.iloc[:, j]) for j in range(thing.shape[1])]
        return safe_hash([cells, repr(thing.index), repr(thing.columns)])
    if isinstance(thing, pd.Series):
        return safe_hash([thing.tolist(), repr(thing.index), str(thing.dtype)])
    if isinstance(thing, (pl.DataFrame, pl.Series)) or "dask" in type(thing).__module__:
        return safe_hash(repr(thing))
    if isinstance(thing, (np.random.RandomState, np.random.Generator)):
        return "made to be used"
    if isinstance(thing, BaseEstimator):
        return safe_hash([type(thing).__name__, vars(thing)])
    return safe_hash(thing)


def safe_hash(thing):
    """Fingerprint of anything; of what cannot be pickled, what it prints."""
    try:
        return joblib.hash(thing)
    except Exception:
        return repr(thing)[:1000]


def alike(one, other):
    """Whether two results hold the same values, whatever their containers."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = list(one) == list(other)
        return keys and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame):
        return alike(one.to_dict("list"), other.to_dict("list"))
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        if len(one) != len(other):
            return False
        if any(isinstance(x, (dict, np.ndarray, pd.DataFrame)) for x in one):
            return all(map(alike, one, other))
    one, other = plain(one), plain(other)
    if one.shape != other.shape:
        return False
    if one.dtype.kind == other.dtype.kind == "f":
        return np.allclose(one, other, rtol=1e-5, atol=1e-6, equal_nan=True)
    return all(map(equal, one.ravel().tolist(), other.ravel().tolist()))


def plain(values):
    """Values as an array, of floats where they are numbers."""
    values = values.toarray() if sparse.issparse(values) else values
    if isinstance(values, (pl.DataFrame, pl.Series)):
        values = values.to_numpy()
    array = np.asarray(values, dtype=object if isinstance(values, list) else None)
    if array.dtype.kind == "c":
        return array.astype(object)
    try:
        return array.astype(float)
    except (TypeError, ValueError):
        return array.astype(object)


def equal(a, b):
    """Whether two cells are the same, missing ones too."""
    same = a is b or a == b
    return bool(same) or (pd.isna(a) and pd.isna(b))
