"""Entry points: refits, influence, metrics, and the conformance suites."""

import warnings
from dataclasses import replace
from functools import cache

import malformed
import numpy as np
import pandas as pd
from imblearn.pipeline import Pipeline
from malformed import odd
from malformed_cases import (
    Argument,
    EntryPoint,
    always,
    classifier,
    count,
    either,
    has,
    jobs,
    never,
    new_rows,
    number,
    one_of,
    parameter,
    rows,
    seed,
)
from malformed_cases import labels as learned_labels
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from small_data import PARALLEL, N, classes, data, n_rows

from skpoison import ClusterMatch, SubpopPoisoner, metrics
from skpoison.influence import SubpopulationInfluence
from skpoison.refit import _registry, refit_poisoned, register_engine

VICTIMS = [
    LogisticRegression(),
    RidgeClassifier(),
    LinearSVC(),
    GaussianNB(),
    LinearDiscriminantAnalysis(),
    KNeighborsClassifier(3),
    MLPClassifier((3,), max_iter=5, random_state=0),
    DecisionTreeClassifier(random_state=0),
]


def given_labels(good, also=()):
    """Labels that nothing is learned from: one class may be enough."""
    loose = [replace(m, fatal=False) for m in malformed.LABELS]
    return Argument(good, [*loose, *also], always)


# Refits.


def refit(estimator, X, y, X_poison, y_poison, **parameters):
    """Predictions of an ensemble, and of a model of it."""
    poisons = [(X_poison, y_poison), (X_poison, y_poison)]
    models = refit_poisoned(estimator, X, y, poisons, **parameters)
    return {"labels": models.predict(X), "last": models[-1].predict(X)}


def refit_of(estimator):
    return lambda **given: refit(estimator, **given)


def check_refits(result, given):
    """The models predict a class of y for each row, each time the same."""
    together, alone = result["labels"], result["last"]
    assert together.shape == (2, n_rows(given["X"]))
    assert (together[0] == together[1]).all()
    assert (together[1] == alone).all()


def some_rows():
    return data()[:6]


def wrong_labels():
    return 1 - classes()[:6]


REFIT_DATA = {
    "X": rows(data),
    "y": given_labels(classes),
    "X_poison": new_rows(some_rows),
    "y_poison": given_labels(wrong_labels),
}
# Of clean rows as well: liblinear goes on and on where squares of numbers overflow, and
# linear discriminant analysis ends in words of NumPy; neighbors believe len().
OVERFLOWING = ["1e308", "-1e308", "all huge", "sparse 1e308"]
THEIRS = {
    LinearSVC: OVERFLOWING,
    LinearDiscriminantAnalysis: OVERFLOWING,
    KNeighborsClassifier: ["liar"],
}


def data_for(estimator):
    """Arguments, less what the estimator alone makes an accident of."""
    but = THEIRS.get(type(estimator), [])
    return REFIT_DATA | {
        "X": rows(data, but=but),
        "X_poison": new_rows(some_rows, but=but),
    }


POISONS = [
    odd("one poison is None", lambda good: [*good, None]),
    odd("one poison is rows", lambda good: [*good, good[0][0]]),
    odd("one poison is a text", lambda good: [*good, "ab"]),
    odd("three things", lambda good: [(*good[0], None)]),
    odd("one thing", lambda good: [good[0][:1]]),
    odd("dict of poisons", lambda good: dict(enumerate(good))),
    odd("rows are None", lambda good: [(None, good[0][1])]),
    odd("labels are None", lambda good: [(good[0][0], None)]),
    odd("labels are a number", lambda good: [(good[0][0], 1)]),
    odd("labels are texts", lambda good: [(good[0][0], ["a"] * 6)]),
    odd("labels are of a new class", lambda good: [(good[0][0], [7] * 6)]),
    odd("nothing twice", lambda good: [([], []), ([], [])]),
    odd("no rows, one label", lambda good: [([], [1])]),
    odd("rows of another width", lambda good: [(good[0][0][:, :1], good[0][1])]),
    odd("a generator of pairs", lambda good: (poison for poison in good)),
]


def poisons_may_be(poisons):
    """Pairs, or nothing at all."""
    return all(len(poison) == 2 for poison in poisons)


def refit_all(estimator, poisons, **parameters):
    return len(refit_poisoned(estimator, data(), classes(), poisons, **parameters))


@cache
def ensemble(estimator):
    poisons = [(some_rows(), wrong_labels())]
    return refit_poisoned(estimator, data(), classes(), poisons)


def predict_all(estimator):
    return lambda X: ensemble(estimator).predict(X)


def check_predictions(result, given):
    assert result.shape == (1, n_rows(given["X"]))
    assert set(result.ravel().tolist()) <= {0, 1}


def model_number(j):
    try:
        return ensemble(VICTIMS[0])[j].predict(data())
    except IndexError as error:  # which ends a loop over a sequence
        raise malformed.UserError(str(error)) from error


def register(**given):
    """Register an engine, and take it back."""
    before = list(_registry._registrations)
    try:
        assert register_engine(**given)(len) is len
    finally:
        _registry._registrations[:] = before


class Nobodys(DecisionTreeClassifier):
    """A class of no other use."""


REFIT = [
    *(
        EntryPoint(
            f"refit.refit_poisoned, {type(estimator).__name__}",
            refit_of(estimator),
            data_for(estimator),
            check_refits,
        )
        for estimator in VICTIMS
    ),
    EntryPoint(
        "refit.refit_poisoned",
        refit_all,
        {
            "estimator": parameter(LogisticRegression, has("fit", "predict")),
            "poisons": parameter(
                lambda: [(some_rows(), wrong_labels())],
                poisons_may_be,
                but=["in an array"],
                also=POISONS,
            ),
            "fidelity": parameter("refit", one_of("refit", "influence")),
            "n_jobs": parameter(None, jobs, but=PARALLEL),
        },
        covers=("skpoison.refit.refit_poisoned",),
    ),
    *(
        EntryPoint(
            f"refit.RefitEnsemble.predict, {type(estimator).__name__}",
            predict_all(estimator),
            # To neighbors, as in scikit-learn, None is the training rows.
            {
                "X": new_rows(
                    data, but=["None"] * isinstance(estimator, KNeighborsClassifier)
                )
            },
            check_predictions,
            ("skpoison.refit.RefitEnsemble",),
        )
        for estimator in VICTIMS
    ),
    EntryPoint(
        "refit.RefitEnsemble[j]", model_number, {"j": parameter(0, count(-1, 0))}
    ),
    EntryPoint(
        "refit.register_engine",
        register,
        {
            "estimator_type": parameter(
                lambda: Nobodys, lambda value: isinstance(value, (type, str))
            ),
            "fidelity": parameter("refit", one_of("refit", "influence")),
        },
        covers=("skpoison.refit.register_engine",),
    ),
]


# Influence.


def influence(X, y, **parameters):
    """Influence of the rows on some of them, and on poison."""
    fitted = SubpopulationInfluence(**parameters).fit(X, y)
    return fitted.score_rows(data()[:6], classes()[:6])


@cache
def fitted_influence(estimator):
    return SubpopulationInfluence(estimator).fit(data(), classes())


def score_with(estimator):
    return lambda **given: fitted_influence(estimator).score_rows(**given)


def gradients_with(estimator):
    return lambda **given: fitted_influence(estimator).feature_gradients(**given)


def check_scores(result, given):
    assert result.shape == (n_rows(given["X"]),)
    assert np.isfinite(result).all()


def check_gradients(result, given):
    assert result.shape == (n_rows(given["X_poison"]), 3)
    assert np.isfinite(result).all()


WITH_GRADIENTS = [LogisticRegression(), MLPClassifier((3,), random_state=0, tol=0.1)]
INFLUENCE = [
    EntryPoint(
        "influence.SubpopulationInfluence.fit",
        influence,
        {
            "X": rows(data),
            "y": learned_labels(classes),
            "estimator": parameter(LogisticRegression, classifier("predict")),
            "curvature": parameter(
                "gauss_newton", one_of("gauss_newton", "hessian", "identity")
            ),
            "damping": parameter(0.0, number(0)),
            "solver": parameter("auto", one_of("auto", "exact")),
            "rank": parameter(5, count(1)),
            "random_state": parameter(0, seed),
        },
        check_scores,
        ("skpoison.influence.SubpopulationInfluence",),
    ),
    *(
        entry
        for estimator in WITH_GRADIENTS
        for entry in [
            EntryPoint(
                f"influence.score_rows, {type(estimator).__name__}",
                score_with(estimator),
                {
                    "X_target": new_rows(some_rows),
                    "y_target": given_labels(wrong_labels),
                    "X": new_rows(data),
                    "y": given_labels(classes),
                },
                check_scores,
            ),
            EntryPoint(
                f"influence.feature_gradients, {type(estimator).__name__}",
                gradients_with(estimator),
                {
                    "X_target": new_rows(some_rows),
                    "y_target": given_labels(wrong_labels),
                    "X_poison": new_rows(some_rows),
                    "y_poison": given_labels(wrong_labels),
                },
                check_gradients,
            ),
        ]
    ),
    EntryPoint(
        "influence.score_rows, verify",
        lambda verify: fitted_influence(WITH_GRADIENTS[0]).score_rows(
            some_rows(), wrong_labels(), verify=verify
        ),
        {"verify": parameter(0, count(0))},
    ),
]


# Metrics.


def warned(function):
    """Make a metric that is NaN without a warning fail."""

    def call(**given):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            score = function(**given)
        kinds = [w.category for w in caught]
        return {"score": score, "told": UndefinedMetricWarning in kinds}

    return call


def check_damage(result, given):
    score = result["score"]
    assert isinstance(score, float)
    assert -1 <= score <= 1 or (np.isnan(score) and result["told"])


def members():
    return classes() == 1


def is_mask(value):
    array = np.asarray(value)
    return array.dtype == bool and array.shape == (N,)


def weights(value):
    """One number from 0 for each row, some above."""
    if value is None:
        return True
    array = np.asarray(value, float)
    return array.shape == (N,) and (array >= 0).all() and np.isfinite(array).all()


MASKS = [
    odd("a list", lambda m: m.tolist()),
    odd("numbers", lambda m: m.astype(int)),
    odd("floats", lambda m: m.astype(float)),
    odd("objects", lambda m: m.astype(object)),
    odd("texts", lambda m: m.astype(str)),
    odd("too short", lambda m: m[:-1]),
    odd("too long", lambda m: np.append(m, True)),
    odd("a column", lambda m: m[:, None]),
    odd("nullable", lambda m: pd.Series(m, dtype="boolean")),
    odd("missing", lambda m: pd.Series([pd.NA, *m[1:]], dtype="boolean")),
    odd("masked", lambda m: np.ma.masked_equal(m, True)),
    odd("indices", lambda m: np.flatnonzero(m)),
    odd("nobody", lambda m: np.zeros_like(m)),
    odd("everybody", lambda m: np.ones_like(m)),
]
WEIGHTS = [
    odd("a column", lambda w: w[:, None]),
    odd("negative", lambda w: -w),
    odd("one negative", lambda w: np.append(w[:-1], -5.0)),
    odd("nan", lambda w: np.append(w[:-1], np.nan)),
    odd("inf", lambda w: np.append(w[:-1], np.inf)),
    odd("all zero", lambda w: 0 * w),
    odd("tiny", lambda w: w * 1e-320),
    odd("huge", lambda w: w * 1e308),
    odd("texts", lambda w: w.astype(str)),
    odd("objects", lambda w: w.astype(object)),
    odd("objects with None", lambda w: [None, *w[1:]]),
    odd("complex", lambda w: w + 1j),
    odd("too short", lambda w: w[:-1]),
    odd("dates", lambda w: w.astype("M8[D]")),
    odd("masked", lambda w: np.ma.masked_equal(w, w[0])),
    odd("missing", lambda w: pd.Series([pd.NA, *w[1:]], dtype="Float64")),
    odd("bools", lambda w: w > 0),
    odd("a list", lambda w: w.tolist()),
]


def metric(name, *predicted):
    return EntryPoint(
        f"metrics.{name}",
        warned(getattr(metrics, name)),
        {
            "y_true": given_labels(classes),
            **{p: given_labels(lambda: np.roll(classes(), 1)) for p in predicted},
            "membership": parameter(members, is_mask, also=MASKS),
            "sample_weight": parameter(
                lambda: np.arange(1.0, N + 1), weights, also=WEIGHTS
            ),
        },
        check_damage,
        (f"skpoison.metrics.{name}",),
    )


@cache
def poisoned():
    """Give a fitted pipeline with a poisoner."""
    poisoner = SubpopPoisoner(ClusterMatch(2), random_state=0)
    steps = [("poison", poisoner), ("model", LogisticRegression())]
    return Pipeline(steps).fit(data(), classes())


def scorer(name):
    score = warned(getattr(metrics, name))
    return EntryPoint(
        f"metrics.{name}",
        lambda **given: score(**given),
        {
            "estimator": parameter(poisoned, never),
            "X": new_rows(data),
            "y_true": given_labels(classes),
            "membership": parameter(members, either(one_of(None), is_mask), also=MASKS),
        },
        check_damage,
        (f"skpoison.metrics.{name}",),
    )


@cache
def search():
    grid = {"poison__alpha": [0, 1]}
    scoring = {"target": metrics.target_damage_scorer}
    return GridSearchCV(poisoned(), grid, scoring=scoring, refit=False, cv=2).fit(
        data(), classes()
    )


SEARCHES = [
    odd("not fitted", lambda good: GridSearchCV(LogisticRegression(), {"C": [1]})),
    odd("a dict of results", lambda good: good.cv_results_),
    odd("a frame of results", lambda good: pd.DataFrame(good.cv_results_)),
]
METRICS = [
    metric("target_damage", "y_clean", "y_poisoned"),
    metric("collateral_damage", "y_clean", "y_poisoned"),
    metric("target_error", "y_poisoned"),
    scorer("target_damage_scorer"),
    scorer("collateral_damage_scorer"),
    scorer("target_error_scorer"),
    EntryPoint(
        "metrics.damage_table",
        metrics.damage_table,
        {"search": parameter(search, never, also=SEARCHES)},
        covers=("skpoison.metrics.damage_table",),
    ),
]


ENTRIES = [*REFIT, *INFLUENCE, *METRICS]
