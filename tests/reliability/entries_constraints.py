"""Entry points: limits of attacks, triggers, bounds, and poisoned classifiers."""

import malformed
import numpy as np
from entries_attacks import MODELS, model_of
from malformed import odd
from malformed_cases import (
    EntryPoint,
    classifier,
    count,
    has,
    labels,
    new_rows,
    one_of,
    parameter,
    rows,
)
from malformed_data import cells, classes, data, fitted, n_rows
from outcomes import alike
from sklearn.linear_model import LogisticRegression

from skpoison import FeatureMatch, PoisonedClassifier, SubpopPoisoner
from skpoison.attacks import (
    BackdoorPoisoner,
    FeatureConstraints,
    FeatureTrigger,
    OneHotGroup,
    SpecificRows,
    everything,
    model_lower_bound,
    reachability_bound,
)
from skpoison.base import BaseSanitizer, BaseSubpopPoisoner
from skpoison.defenses import KNNSanitizer
from skpoison.estimator_checks import check_poisoner, check_sanitizer

COLUMNS = [
    odd("negative column", lambda good: [-1]),
    odd("column too large", lambda good: [3]),
    odd("columns as floats", lambda good: [0.0]),
    odd("columns as texts", lambda good: ["0"]),
    odd("a name", lambda good: ["x1"]),
    odd("mask too short", lambda good: [True]),
    odd("mask of two dimensions", lambda good: [[True] * 3]),
    odd("column twice", lambda good: [1, 1]),
]
LIMITS = [
    odd("a limit too few", lambda good: [1.0, 2.0]),
    odd("a limit is nan", lambda good: [1.0, np.nan, 2.0]),
    odd("a limit is inf", lambda good: [1.0, np.inf, 2.0]),
    odd("limits as texts", lambda good: ["a", "b", "c"]),
    odd("limits as numbers in texts", lambda good: ["1", "2", "3"]),
    odd("limits in two dimensions", lambda good: [[1.0, 2.0, 3.0]]),
    odd("limits are ragged", lambda good: [[1.0], [1.0, 2.0], 3.0]),
    odd("limits are complex", lambda good: [1j, 1j, 1j]),
    odd("all limits are 0", lambda good: [0.0, 0.0, 0.0]),
    odd("a limit is negative", lambda good: [1.0, -1.0, 1.0]),
]
GROUPS = [
    odd("columns, not groups", lambda good: [1, 2]),
    odd("ragged groups", lambda good: [[0, 1], [2]]),
    odd("a column in two groups", lambda good: [[0, 1], [1, 2]]),
    odd("group of nothing", lambda good: [[]]),
    odd("group of a float", lambda good: [[0.5, 1.0]]),
    odd("group of texts", lambda good: [["x0", "x1"]]),
    odd("group of a column too large", lambda good: [[0, 9]]),
    odd("group of a negative column", lambda good: [[0, -1]]),
    odd("group of a group", lambda good: [OneHotGroup([0, 1])]),
    odd("group of masks", lambda good: [[True, False, True]]),
]


def resolve(**limits):
    """Constraints of three features, in full, and rows brought within them."""
    resolved = FeatureConstraints(**limits).resolve(3)
    X = np.array([[0.4, 1.6, 7.0], [-2.0, 0.2, 0.3]])
    near = resolved.project(
        X, np.clip(np.zeros((2, 3)), resolved.lower, resolved.upper)
    )
    return {"lower": resolved.lower, "upper": resolved.upper, "near": near}


def check_limits(result, given):
    lower, upper, near = result["lower"], result["upper"], result["near"]
    assert lower.shape == upper.shape == (3,)
    assert (lower <= upper).all()
    assert not np.isnan(near).any()
    assert (near >= lower).all()
    assert (near <= upper).all()


def numbers_of(value):
    """Whether it is None, a number, or one for each of three features."""
    if value is None:
        return True
    return np.asarray(value).dtype.kind in "iuf" and np.shape(value) in ((), (1,), (3,))


def positive(value):
    if value is None:
        return True
    array = np.asarray(value)
    return numbers_of(value) and (array >= 0).all() and array.max() > 0


def features_of(value):
    """Whether it is None, a mask of three features, or numbers of columns."""
    if value is None:
        return True
    array = np.asarray(value)
    if array.dtype == bool:
        return array.shape in ((), (1,), (3,))
    empty = array.size == 0 and array.ndim == 1
    whole = array.dtype.kind in "iu" and array.ndim <= 1
    return empty or (whole and (array >= 0).all() and (array < 3).all())


def groups_of(value):
    """Whether it is a list of groups of different columns."""
    columns = [int(j) for group in value for j in getattr(group, "columns", group)]
    whole = all(isinstance(j, int) for j in columns)
    return whole and len(set(columns)) == len(columns) and set(columns) <= {0, 1, 2}


LIMIT_ARGUMENTS = {
    "lower": parameter(-10.0, numbers_of, also=LIMITS),
    "upper": parameter(10.0, numbers_of, also=LIMITS),
    "integer": parameter(lambda: [1], features_of, also=COLUMNS),
    "one_hot": parameter((), groups_of, also=GROUPS),
    "immutable": parameter(None, features_of, also=COLUMNS),
    "step": parameter(None, positive, also=LIMITS),
    "eps": parameter(None, positive, also=LIMITS),
}


def learn_limits(X, **limits):
    learned = FeatureConstraints.from_data(X, **limits)
    return {"lower": learned.lower, "upper": learned.upper, "integer": learned.integer}


def check_learned(result, given):
    X = cells(given["X"]).astype(float)
    assert (result["lower"] <= X).all()
    assert (result["upper"] >= X).all()


# Triggers and targets.

TRIGGERED = [
    odd("a pixel", lambda good: (0, 0)),
    odd("slice", lambda good: slice(0, 2)),
    odd("a column twice", lambda good: [0, 0]),
    odd("mask", lambda good: [True, False, False]),
    odd("float column", lambda good: 0.0),
    odd("column too large", lambda good: 3),
    odd("column too small", lambda good: -4),
    odd("name", lambda good: "x0"),
    odd("None", lambda good: None),
]
VALUES = [
    odd("values too few", lambda good: [1.0, 2.0]),
    odd("ragged values", lambda good: [[1.0], [1.0, 2.0]]),
    odd("a text", lambda good: "a"),
    odd("a number in a text", lambda good: "1"),
    odd("complex", lambda good: 1j),
    odd("huge", lambda good: 10**400),
]


def stamp(X, features, value):
    return FeatureTrigger(features, value)(X)


def check_stamped(result, given):
    """The columns named are changed, and no other."""
    before, after = cells(given["X"]), cells(result)
    assert before.shape == after.shape
    if isinstance(given["features"], int) and given["features"] == 2:
        assert alike(before[:, :2], after[:, :2])


def columns_of(value):
    whole = (count(-3, 2)(value) and not isinstance(value, bool)) or value is None
    array = np.asarray(value) if not whole and not callable(value) else np.zeros(1, int)
    return isinstance(value, (slice, type(...))) or whole or array.dtype.kind in "iub"


def value_of(value):
    return value is None or np.asarray(value).dtype.kind in "biuf"


def check_mask(result, given):
    assert result.dtype == bool
    assert result.shape == (n_rows(given["X"]),)


LIMITING = [
    EntryPoint(
        "skpoison.attacks.FeatureConstraints.resolve",
        resolve,
        LIMIT_ARGUMENTS,
        check_limits,
        ("skpoison.attacks.FeatureConstraints", "skpoison.attacks.OneHotGroup"),
    ),
    EntryPoint(
        "skpoison.attacks.FeatureConstraints.from_data",
        learn_limits,
        {
            "X": rows(data),
            "immutable": parameter(None, features_of, also=COLUMNS),
            "step": parameter(None, positive, also=LIMITS),
            "eps": parameter(None, positive, also=LIMITS),
        },
        check_learned,
    ),
    EntryPoint(
        "skpoison.attacks.FeatureTrigger",
        stamp,
        {
            "X": rows(data),
            "features": parameter(2, columns_of, also=TRIGGERED),
            "value": parameter(9.0, value_of, also=VALUES),
        },
        check_stamped,
        ("skpoison.attacks.FeatureTrigger",),
    ),
    EntryPoint(
        "skpoison.attacks.SpecificRows",
        lambda X, given: SpecificRows(given)(X),
        {"X": new_rows(data), "given": new_rows(lambda: data()[:3])},
        check_mask,
        ("skpoison.attacks.SpecificRows",),
    ),
    EntryPoint(
        "skpoison.attacks.everything",
        lambda X: everything(X),
        {"X": rows(data)},
        check_mask,
        ("skpoison.attacks.everything",),
    ),
    EntryPoint(
        "skpoison.attacks.BackdoorPoisoner.apply_trigger",
        lambda X: fitted(BACKDOOR).apply_trigger(X),
        {"X": new_rows(data)},
        lambda result, given: check_stamped(result, {**given, "features": 2}),
    ),
    EntryPoint(
        "skpoison.SubpopPoisoner.membership",
        lambda X: fitted(POISONER).membership(X),
        {"X": new_rows(data)},
        check_mask,
        ("skpoison.SubpopPoisoner", "skpoison.base.BaseSubpopPoisoner"),
    ),
]
POISONER = SubpopPoisoner(FeatureMatch([0]), random_state=0)
BACKDOOR = BackdoorPoisoner(
    FeatureMatch([0]), trigger=FeatureTrigger(2, 100.0), random_state=0
)

# Poisoned classifiers and bounds.


def poisoned(X, y, **parameters):
    model = PoisonedClassifier(**parameters).fit(X, y)
    return {"y": model.predict(X), "clean": model.clean_estimator_.predict(X)}


def check_predictions(result, given):
    for predicted in result.values():
        assert predicted.shape == (n_rows(given["X"]),)
    assert len(set(result["y"].tolist())) >= 1


def is_model(value):
    return (model_of(value) and value != "auto") or classifier("predict")(value)


def bounded(bound):
    def call(**given):
        return np.array([bound(**given)])

    return call


def check_rows_needed(result, given):
    assert result[0] >= 0


def bound_arguments(**more):
    return {
        "estimator": parameter(LogisticRegression, classifier("predict")),
        "X": rows(data),
        "y": labels(classes),
        "target_model": parameter(lambda: (np.ones(3), 0.0), is_model, also=MODELS),
    } | more


MODELED = [
    EntryPoint(
        "skpoison.attacks.PoisonedClassifier.fit",
        poisoned,
        {
            "X": rows(data),
            "y": labels(classes),
            "estimator": parameter(LogisticRegression, classifier("predict")),
            "poisoner": parameter(lambda: POISONER, has("fit_resample", "membership")),
            "memory": parameter(
                None,
                one_of(None),
                but=[
                    "str ''",
                    "str 'abc'",
                    "str '0'",
                    "str 'nan'",
                    "str_ np.str_('abc')",
                    "as text",
                ],
            ),
        },
        check_predictions,
        ("skpoison.attacks.PoisonedClassifier", "skpoison.PoisonedClassifier"),
    ),
    EntryPoint(
        "skpoison.attacks.PoisonedClassifier.predict",
        lambda X: fitted(POISONED).predict(X),
        {"X": new_rows(data)},
        lambda result, given: check_predictions({"y": result}, given),
    ),
    EntryPoint(
        "skpoison.attacks.model_lower_bound",
        bounded(model_lower_bound),
        bound_arguments(
            constraints=parameter(
                None, lambda v: v is None or isinstance(v, FeatureConstraints)
            ),
            max_iter=parameter(
                5, count(1), but=["int 2**31", "int 10**18", "int 10**400"]
            ),
        ),
        check_rows_needed,
        ("skpoison.attacks.model_lower_bound",),
    ),
    EntryPoint(
        "skpoison.attacks.reachability_bound",
        bounded(reachability_bound),
        bound_arguments(),
        check_rows_needed,
        ("skpoison.attacks.reachability_bound",),
    ),
]
POISONED = PoisonedClassifier(LogisticRegression(), POISONER)


# Conformance suites.


def conform(check, base):
    """Run a suite on what is no such estimator; its errors are assertions."""

    def call(estimator):
        if isinstance(estimator, base):  # tests/test_estimator_checks.py runs it all
            return
        try:
            check(estimator)
        except AssertionError as error:
            raise malformed.UserError(str(error)) from error

    return call


SUITES = [
    EntryPoint(
        f"skpoison.estimator_checks.{check.__name__}",
        conform(check, base),
        {"estimator": parameter(lambda good=good: good)},
        covers=(f"skpoison.estimator_checks.{check.__name__}",),
    )
    for check, base, good in (
        (check_poisoner, BaseSubpopPoisoner, POISONER),
        (check_sanitizer, BaseSanitizer, KNNSanitizer()),
    )
]
ENTRIES = [*LIMITING, *MODELED, *SUITES]
