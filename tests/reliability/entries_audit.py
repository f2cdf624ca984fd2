"""Entry points: audits, comparisons, reports and displays."""

import numpy as np
import pandas as pd
from entries_refit_metrics import given_labels
from malformed import odd
from malformed_cases import (
    EntryPoint,
    classifier,
    count,
    either,
    has,
    labels,
    never,
    new_rows,
    number,
    one_of,
    parameter,
    rows,
    seed,
)
from sklearn.linear_model import LogisticRegression
from small_data import ENDLESS, PARALLEL, classes, data

from skpoison import (
    ClusterMatch,
    DefenseAudit,
    SubpopPoisoner,
    SubpopulationAudit,
)
from skpoison.audit import (
    accuracy_bracket,
    compare_attacks,
    transfer_matrix,
)
from skpoison.defenses import PartitionAggregation, SphereFilter

FINDER = either(has("fit", "predict"), has("fit", "transform", none=True))


def jobs():
    return parameter(None, either(one_of(None), count(1, 1)), but=PARALLEL)


def finder():
    return ClusterMatch(2, random_state=0)


def budgets(value):
    """Numbers above 0."""
    array = np.asarray(value, float)
    return (
        array.ndim == 1
        and array.size
        and (array > 0).all()
        and np.isfinite(array).all()
    )


ALPHAS = [
    odd("ragged", lambda good: [[0.5], [0.5, 1.0]]),
    odd("repeated", lambda good: [0.5, 0.5]),
    odd("decreasing", lambda good: [1.0, 0.5]),
    odd("zero among them", lambda good: [0.0, 1.0]),
    odd("negative among them", lambda good: [1.0, -1.0]),
    odd("texts", lambda good: ["0.5"]),
    odd("huge", lambda good: [1e300]),
    odd("large", lambda good: [1e9]),
    odd("tiny", lambda good: [1e-300]),
    odd("bools", lambda good: [True]),
    odd("objects", lambda good: np.array([0.5, 1.0], dtype=object)),
    odd("complex", lambda good: [1j]),
    odd("two dimensions", lambda good: [[0.5, 1.0]]),
    odd("a set", lambda good: {0.5}),
    odd("nothing", lambda good: []),
    odd("masked", lambda good: np.ma.masked_greater([0.5, 1.0], 0.7)),
    odd("missing", lambda good: pd.Series([0.5, None])),
]


def audit(X, y, X_test, y_test, **parameters):
    """Tables of an audit, and its page."""
    run = SubpopulationAudit(**parameters)
    run.fit(X, y, X_test=X_test, y_test=y_test)
    return {"summary": run.summary_, "results": run.results_, "null": run.null_}


def check_audit(result, given):
    """Damage is a difference of accuracies, of each budget in each repeat."""
    results = result["results"]
    made = results[results["error"].isna()]
    assert made["target_damage"].between(-1, 1).all()
    assert made["collateral_damage"].dropna().between(-1, 1).all()
    assert (made["n_poison"] >= 0).all()
    assert result["summary"]["name"].is_unique
    sizes = results.groupby(["subpopulation", "repeat"]).size()
    assert sizes.nunique() == 1


def defense_audit(**parameters):
    run = DefenseAudit(**parameters).fit(data(), classes())
    return {"summary": run.summary_, "results": run.results_}


def check_defenses(result, given):
    results = result["results"]
    made = results[results["error"].isna()]
    assert made["target_damage"].between(-1, 1).all()


def poisoner(value):
    return isinstance(value, SubpopPoisoner)


def named(items):
    """Poisoners by name, or a list of them."""
    items = items.values() if isinstance(items, dict) else items
    return len(items) > 0 and all(map(poisoner, items))


def defenses(items):
    """Sanitizers and classifiers by name, or a list of them."""
    items = items.values() if isinstance(items, dict) else items
    known = either(has("fit_resample"), classifier("predict"))
    return len(items) > 0 and all(map(known, items)) and not any(map(poisoner, items))


ATTACKS = [
    odd("a class", lambda good: [SubpopPoisoner]),
    odd("a model", lambda good: [LogisticRegression()]),
    odd("names are numbers", lambda good: {1: SubpopPoisoner()}),
    odd("target set", lambda good: [SubpopPoisoner(target=1)]),
    odd("seed set", lambda good: [SubpopPoisoner(random_state=1)]),
    odd("alpha set", lambda good: [SubpopPoisoner(alpha=0.3)]),
    odd("bad alpha", lambda good: [SubpopPoisoner(alpha=-1)]),
    odd("the same twice", lambda good: [SubpopPoisoner(), SubpopPoisoner()]),
]
TRIALS = {
    "X": rows(data),
    "y": labels(classes),
    "X_test": new_rows(data),
    "y_test": given_labels(classes),
}
AUDITS = [
    EntryPoint(
        "audit.SubpopulationAudit.fit",
        audit,
        {
            **TRIALS,
            "estimator": parameter(LogisticRegression, classifier("predict")),
            "finder": parameter(finder, FINDER),
            "poisoner": parameter(
                SubpopPoisoner,
                either(poisoner, one_of(None)),
                also=[
                    odd(
                        m.name,
                        lambda g, m=m: (
                            m.make(g)[0] if isinstance(m.make(g), list) else m.make(g)
                        ),
                    )
                    for m in ATTACKS
                    if m.name not in ("a model",)
                ],
            ),
            "alphas": parameter(lambda: [1.0], budgets, also=ALPHAS),
            "defense": parameter(None, either(has("fit_resample", none=True))),
            "n_repeats": parameter(1, count(1), but=ENDLESS),
            "fidelity": parameter("refit", one_of("refit", "influence")),
            "min_test": parameter(2, count(1)),
            "n_jobs": jobs(),
            "checkpoint": parameter(
                None, one_of(None), but=["str 'abc'", "str '0'", "str 'nan'"]
            ),
            "random_state": parameter(0, seed),
        },
        check_audit,
        ("skpoison.SubpopulationAudit", "skpoison.audit.SubpopulationAudit"),
    ),
    EntryPoint(
        "audit.DefenseAudit.fit",
        defense_audit,
        {
            "estimator": parameter(LogisticRegression, classifier("predict")),
            "defenses": parameter(lambda: [SphereFilter()], defenses, also=ATTACKS),
            "poisoners": parameter(None, either(one_of(None), named), also=ATTACKS),
            "finder": parameter(finder, FINDER),
            "targets": parameter(
                lambda: [0],
                lambda value: value is None or all(k in (0, 1) for k in value),
            ),
            "alphas": parameter(lambda: [1.0], budgets, also=ALPHAS),
            "n_repeats": parameter(1, count(1), but=ENDLESS),
            "trusted_size": parameter(
                None, either(number(0, 1, "neither"), one_of(None))
            ),
            "min_test": parameter(2, count(1)),
            "n_jobs": jobs(),
            "random_state": parameter(0, seed),
        },
        check_defenses,
        ("skpoison.DefenseAudit", "skpoison.audit.DefenseAudit"),
    ),
]


# Comparisons.


def compare(**given):
    return compare_attacks(**given)


def check_damages(result, given):
    assert len(result) >= 1
    assert result["target_damage"].dropna().between(-1, 1).all()


def transfer(X, y, X_test, y_test, **given):
    return transfer_matrix(X=X, y=y, X_test=X_test, y_test=y_test, **given)


def models(items):
    items = items.values() if isinstance(items, dict) else items
    return len(items) > 0 and all(classifier("predict")(item) for item in items)


def check_bracket(result, given):
    assert (result["certified_accuracy"] <= result["clean_accuracy"] + 1e-12).all()
    assert (result["attacked_accuracy"] >= result["certified_accuracy"] - 1e-12).all()


TARGETS = [
    odd("no such number", lambda good: [99]),
    odd("no such name", lambda good: ["nobody"]),
    odd("a text", lambda good: "cluster 0"),
    odd("the same twice", lambda good: [0, 0]),
    odd("nobody", lambda good: [lambda X: np.zeros(len(X), bool)]),
    odd("everybody", lambda good: [lambda X: np.ones(len(X), bool)]),
]


def targets(value):
    return all(callable(k) or k in (0, 1) for k in value) and len(value)


COMPARISONS = [
    EntryPoint(
        "audit.compare_attacks",
        compare,
        {
            **TRIALS,
            "attacks": parameter(
                lambda: {"flip": SubpopPoisoner(finder(), target=0)},
                named,
                also=ATTACKS,
            ),
            "estimator": parameter(LogisticRegression, classifier("predict")),
            "n_repeats": parameter(1, count(1), but=ENDLESS),
            "n_jobs": jobs(),
            "random_state": parameter(0, seed),
        },
        check_damages,
        ("skpoison.audit.compare_attacks",),
    ),
    EntryPoint(
        "audit.transfer_matrix",
        transfer,
        {
            **TRIALS,
            "surrogates": parameter(lambda: [LogisticRegression()], models),
            "victims": parameter(lambda: [LogisticRegression()], models),
            "poisoner": parameter(
                lambda: SubpopPoisoner(finder(), label="max_loss"), never
            ),
            "targets": parameter(
                lambda: [0], either(one_of(None), targets), also=TARGETS
            ),
            "n_repeats": parameter(1, count(1), but=ENDLESS),
            "n_jobs": jobs(),
            "random_state": parameter(0, seed),
        },
        check_damages,
        ("skpoison.audit.transfer_matrix",),
    ),
    EntryPoint(
        "audit.accuracy_bracket",
        lambda **given: accuracy_bracket(**given),
        {
            **TRIALS,
            "attacks": parameter(
                lambda: {"flip": SubpopPoisoner()}, named, also=ATTACKS
            ),
            "estimator": parameter(
                lambda: PartitionAggregation(n_partitions=3, random_state=0), never
            ),
            "n_poison": parameter(
                lambda: [0, 2],
                lambda n: (
                    np.asarray(n).dtype.kind in "iu" and (np.asarray(n) >= 0).all()
                ),
            ),
            "finder": parameter(finder, FINDER),
            "targets": parameter(lambda: [0], targets, also=TARGETS),
            "collective": parameter(False, lambda v: isinstance(v, (bool, np.bool_))),
            "time_limit": parameter(1.0, number(0, closed="neither")),
            "n_repeats": parameter(1, count(1), but=ENDLESS),
            "n_jobs": jobs(),
            "random_state": parameter(0, seed),
        },
        check_bracket,
        ("skpoison.audit.accuracy_bracket",),
    ),
]


ENTRIES = [*AUDITS, *COMPARISONS]
