"""The same rows and labels get the same answer, however they are presented."""

import random
import warnings
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from compare import difference, renamed
from entry_points import QUESTIONS, WITHOUT_ROWS, Given, documented
from hypothesis import HealthCheck, Phase, given, seed, settings
from odd_input import (
    LABELED,
    NOT_FOR_SKLEARN,
    ROWS,
    cases,
    plain_labels,
    plain_rows,
)

N_ROWS, N_TEST = 60, 30
# Products of rows in another order of memory, or of sparse ones, round otherwise.
ROUNDING = 1e-6
SINGLE_PRECISION = 1e-2
# They put rows into parts by a hash that labels are part of.
BY_HASH = {"PartitionAggregation", "accuracy_bracket"}
# They look at no features.
NO_FEATURES = {"collateral_damage", "everything", "target_damage", "target_error"}
# They hand labels to scikit-learn as they come.
LABELS_TO_SKLEARN = {
    "PoisonedClassifier",
    "Representation",
    "SeededNetClassifier",
    "SubpopulationInfluence",
    "damage_table",
    "model_lower_bound",
    "reachability_bound",
}
# They take the longest.
FEWER = {"DefenseAudit", "FinePruning", "SeededNetClassifier", "SubpopulationAudit"}


@dataclass
class Data:
    """Plain rows of training and test, and the codes of their classes."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


@cache
def make_data(kind, n_classes, seed=0):
    """Rows whose classes have something to do with them."""
    X, X_test = plain_rows(N_ROWS, kind, seed), plain_rows(N_TEST, kind, seed + 1)
    slope = [0.3, 1, -1, 0.5]
    noise = np.random.RandomState(seed).randn(N_ROWS)
    order = np.argsort(np.argsort(X @ slope + 0.3 * X.std() * noise))
    cuts = np.quantile(X @ slope, np.arange(1, n_classes) / n_classes)
    return Data(
        X, order * n_classes // N_ROWS, X_test, np.searchsorted(cuts, X_test @ slope)
    )


def ask(name, data, rows, labels, has_plain_labels=True):
    """Ask one question; the input and the global random state must not change."""
    given = Given(rows, labels, has_plain_labels)
    state = random_states()
    with warnings.catch_warnings():
        # Small nets that stop early, and whatever the plain rows warn of.
        warnings.simplefilter("ignore")
        answer = QUESTIONS[name](given, data)
    given.check_unchanged()
    assert random_states() == state, "a global random state was used"
    return answer


def random_states():
    """States of the two global generators."""
    _, key, *rest = np.random.get_state()  # noqa: NPY002
    return key.tolist(), rest, random.getstate()


@cache
def plain_answer(name, kind, n_classes, labels):
    """What is said of plain arrays."""
    codes = np.array if labels is None else lambda y: plain_labels(labels, y)
    return ask(name, make_data(kind, n_classes), np.array, codes)


def refusal(name, rows, labels):
    """Words of the error that a presentation is documented to meet, or None."""
    if "columns duplicate" in rows.name and name not in NO_FEATURES:
        return "different names|unique column names"
    if name == "LabelFlipSmoothing" and rows in ROWS["sparse"]:
        return "Sparse data was passed"
    if name in LABELS_TO_SKLEARN and labels in NOT_FOR_SKLEARN:
        return "Unknown label type|must be a NumPy dtype|fits failed"
    return None


def outcome(name, case):
    """How the answer about one presentation ends, and its largest difference."""
    rows, labels, n_classes = case
    data = make_data(rows.kind, n_classes)
    is_plain = labels not in NOT_FOR_SKLEARN
    words = refusal(name, rows, labels)
    if words is not None:
        with pytest.raises((ValueError, TypeError), match=words):
            ask(name, data, rows.build, LABELED[labels], is_plain)
        return "documented_errors", 0.0
    got = ask(name, data, rows.build, LABELED[labels], is_plain)
    known = labels if name in BY_HASH else None
    expected = renamed(plain_answer(name, rows.kind, n_classes, known), rows.columns)
    if not is_plain:
        expected = {key: value for key, value in expected.items() if key != "score"}
    tolerance = SINGLE_PRECISION if rows.is_rounded else ROUNDING
    return "same_answer", difference(expected, got, tolerance)


@pytest.mark.parametrize("name", QUESTIONS)
def test_same_answer(name, soak, record):
    n_examples = 100 if soak else (1 if name in FEWER else 2)
    start = random.SystemRandom().randrange(2**32) if soak else 0
    counts, presentations, differences = Counter(), set(), [0.0]

    @seed(start)
    @settings(
        max_examples=n_examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # to shrink an example takes minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def check(case):
        kind, largest = outcome(name, case)
        counts[kind] += 1
        presentations.update(str(part) for part in case[:2])
        differences.append(largest)

    check()
    record(
        "containers",
        entry_point=name,
        presentations=len(presentations),
        examples=sum(counts.values()),
        same_answer=counts["same_answer"],
        documented_errors=counts["documented_errors"],
        defects=0,
        largest_difference=f"{max(differences):.0e}",
        seed=start,
    )


def test_no_public_name_is_forgotten():
    public = {name.rpartition(".")[2] for name in documented.OBJECTS}
    assert public == set(QUESTIONS) | set(WITHOUT_ROWS)
    assert not set(QUESTIONS) & set(WITHOUT_ROWS)
