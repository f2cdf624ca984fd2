"""Entry points of the library, and the malformed inputs of each."""

import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral, Real

import malformed
import numpy as np
from outcomes import CORRECT, DEFECT, DOCUMENTED, judge, memory_limit
from sklearn.base import is_classifier

GIGABYTES = 3
SEED_LIMIT = 2**32 - 1


def never(value):
    return False


def always(value):
    return True


def no_check(result, given):
    """Ask no more of a result than that it is there."""


@dataclass(frozen=True)
class Argument:
    """One argument of an entry point.

    Parameters
    ----------
    good : callable
        Gives a fresh well-formed value.

    malformations : list of Malformation
        Ways to break it.

    may_be : callable
        Whether a broken value is one that the documentation allows. A call that
        succeeds with another is a defect.
    """

    good: Callable
    malformations: list
    may_be: Callable = never


@dataclass(frozen=True)
class EntryPoint:
    """Something public that takes input.

    Parameters
    ----------
    name : str
        Its public name, and what is done with it.

    call : callable
        Given the arguments by keyword it gives a result: a dict, an array, a frame.

    arguments : dict of str to Argument
        All arguments.

    check : callable
        Given a result and the arguments, asserts what holds for every right result.

    covers : tuple of str
        Full public names that this entry point is for.

    seconds : float
        Time limit of a case.
    """

    name: str
    call: Callable
    arguments: dict
    check: Callable = no_check
    covers: tuple = ()
    seconds: float = 20.0


@dataclass(frozen=True)
class Case:
    """One malformed input."""

    argument: str
    malformation: malformed.Malformation

    def __str__(self):
        return f"{self.argument}: {self.malformation.name}"


@dataclass
class Tally:
    """Counts of outcomes, and the defects."""

    counts: dict = field(default_factory=lambda: {DOCUMENTED: 0, CORRECT: 0, DEFECT: 0})
    defects: list = field(default_factory=list)

    def add(self, case, outcome):
        """Count one outcome."""
        self.counts[outcome.kind] += 1
        if outcome.kind == DEFECT:
            self.defects.append(f"{case}: {outcome.why}")


# Kinds of arguments.


def rows(good, *, but=(), also=()):
    """Rows that are learned from; ``but`` names malformations that are left out."""
    return Argument(good, _chosen(malformed.ROWS, but, also), always)


def new_rows(good, *, but=(), also=()):
    """Rows that a fitted estimator is given."""
    return Argument(good, _chosen(malformed.NEW_ROWS, but, also), always)


def labels(good, *, but=(), also=()):
    """Class labels."""
    return Argument(good, _chosen(malformed.LABELS, but, also), always)


def parameter(good, may_be=never, *, but=(), also=()):
    """Give a parameter with its ordinary value and what else it may be.

    The ordinary value is given as it is, or by a callable of no argument.
    """
    good = good if callable(good) else malformed.returns(good)
    return Argument(good, _chosen(malformed.PARAMETERS, but, also), may_be)


def _chosen(malformations, but, also):
    unknown = set(but) - {m.name for m in malformations}
    assert not unknown, unknown
    return [*(m for m in malformations if m.name not in but), *also]


# What parameters may be.


def one_of(*choices):
    """Allow these very choices, and texts that are equal to one."""

    def may_be(value):
        if isinstance(value, str):
            return any(isinstance(c, str) and value == c for c in choices)
        return any(value is choice for choice in choices)

    return may_be


def count(low=-np.inf, high=np.inf):
    """Whole numbers; scikit-learn counts truth values among them."""
    return lambda value: isinstance(value, Integral) and low <= value <= high


def number(low=-np.inf, high=np.inf, closed="both"):
    """Finite numbers of an interval."""

    def may_be(value):
        if not isinstance(value, Real) or not abs(value) < np.inf:
            return False
        above = value > low if closed in ("right", "neither") else value >= low
        below = value < high if closed in ("left", "neither") else value <= high
        return above and below

    return may_be


def flag(value):
    """Truth values."""
    return isinstance(value, (bool, np.bool_))


def seed(value):
    """What seeds a random choice."""
    whole = isinstance(value, Integral) and 0 <= value <= SEED_LIMIT
    return value is None or whole or isinstance(value, np.random.RandomState)


def jobs(value):
    """Numbers of jobs."""
    return value is None or isinstance(value, Integral)


def classifier(*methods, none=False):
    """Classifiers that have some methods, not classes of them."""

    def may_be(value):
        if value is None or isinstance(value, type):
            return none and value is None
        return is_classifier(value) and all(hasattr(value, m) for m in methods)

    return may_be


def has(*methods, none=False):
    """Objects, not classes, that have some methods."""

    def may_be(value):
        if value is None or isinstance(value, type):
            return none and value is None
        return all(hasattr(value, m) for m in methods)

    return may_be


def either(*conditions):
    """Whatever one of some conditions allows."""
    return lambda value: any(condition(value) for condition in conditions)


# The run.


def cases_of(entry):
    """All malformed inputs of an entry point."""
    return [
        Case(name, malformation)
        for name, argument in entry.arguments.items()
        for malformation in argument.malformations
    ]


def slice_of(cases, entry, size):
    """Take a few cases, which depend on nothing but the name of the entry point."""
    step = max(1, len(cases) // size)
    return cases[zlib.crc32(entry.name.encode()) % step :: step][:size]


def run_cases(entry, cases):
    """Run cases of an entry point; gives a Tally."""
    tally, results = Tally(), {}
    with memory_limit(GIGABYTES), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in cases:
            tally.add(case, run_case(entry, case, results))
    return tally


def run_case(entry, case, results):
    """Run one case; ``results`` keeps those of well-formed input."""
    argument, malformation = entry.arguments[case.argument], case.malformation
    given = good_arguments(entry)
    broken = malformation.make(given[case.argument])
    given[case.argument] = broken
    has_twin = malformation.twin is not None
    twin = (lambda: twin_result(entry, case, results)) if has_twin else None
    return judge(entry, given, malformation, allows(argument.may_be, broken), twin)


def good_arguments(entry):
    """Fresh well-formed arguments."""
    return {name: argument.good() for name, argument in entry.arguments.items()}


def well_formed(entry):
    """Run what is well-formed, which must succeed; gives the entry point."""
    given = good_arguments(entry)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        entry.check(entry.call(**given), given)
    return entry


def allows(may_be, value):
    """Whether a value is allowed; what cannot even be compared is not."""
    try:
        return bool(may_be(value))
    except Exception:
        return False


def twin_result(entry, case, results):
    """Result for the twin of a case, once for all that have the well-formed value."""
    twin = case.malformation.twin
    key = None if twin is malformed.same else str(case)
    if key not in results:
        given = good_arguments(entry)
        given[case.argument] = twin(given[case.argument])
        results[key] = entry.call(**given)
    return results[key]
