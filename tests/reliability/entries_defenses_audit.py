"""Entry points: sanitizers and robust classifiers; and a list with all other ones."""

from functools import cache

import numpy as np
from entries_audit import ENTRIES as AUDIT
from entries_command_line import ENTRIES as COMMAND_LINE
from entries_data import ENTRIES as DATA
from entries_displays import ENTRIES as DISPLAYS
from entries_nets import ENTRIES as NETS
from entries_refit_metrics import ENTRIES as REFIT_METRICS
from malformed import odd
from malformed_cases import (
    EntryPoint,
    classifier,
    count,
    either,
    flag,
    has,
    jobs,
    labels,
    new_rows,
    number,
    one_of,
    parameter,
    rows,
    seed,
)
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from small_data import ENDLESS, PARALLEL, N, classes, data, n_rows

from skpoison import ClusterMatch, defenses
from skpoison.base import BaseSanitizer

NET = MLPClassifier((4,), max_iter=20, random_state=0)


def sanitize(make):
    """All that a sanitizer gives and tells."""

    def call(X, y, **parameters):
        given = {n: parameters.pop(n) for n in list(parameters) if "trusted" in n}
        sampler = make(**parameters)
        X_res, y_res = sampler.fit_resample(X, y, **given)
        return {
            "X": X_res,
            "y": one_column(y_res),
            "kept": sampler.sample_indices_,
            "scores": sampler.scores_,
            "classes": sampler.classes_,
        }

    return call


def one_column(y):
    """Labels without the second dimension of a column."""
    y = np.asarray(y)
    return y.ravel() if y.shape[1:] == (1,) else y


def check_sanitized(result, given):
    """Rows that were kept are those that it tells of; scores are numbers."""
    kept, n = result["kept"], n_rows(given["X"])
    assert (np.diff(kept) > 0).all()
    assert 0 <= kept[0] <= kept[-1] < n
    assert n_rows(result["X"]) == len(kept) == n_rows(result["y"])
    assert len(result["scores"]) == n
    assert np.isfinite(result["scores"]).all()
    assert len(result["classes"]) >= 2


def check_relabeled(result, given):
    """Nothing is removed from what is relabeled."""
    check_sanitized(result, given)
    if given["action"] == "relabel":
        assert len(result["kept"]) == n_rows(given["X"])


def learn(make):
    """All that a robust classifier says of the rows that it learned from."""

    def call(X, y, **parameters):
        given = {
            n: parameters.pop(n) for n in list(parameters) if n.endswith("_trusted")
        }
        return ask(make(**parameters).fit(X, y, **given), X)

    return call


def ask(model, X):
    result = {"labels": model.predict(X), "classes": model.classes_}
    for name in ("predict_proba", "certified_radius"):
        if hasattr(model, name):
            result[name] = getattr(model, name)(X)
    return result


def check_classified(result, given):
    """Labels are of the classes, and probabilities are some."""
    assert len(result["labels"]) == n_rows(given["X"])
    assert set(result["labels"].tolist()) <= set(result["classes"].tolist())
    if "predict_proba" in result:
        proba = result["predict_proba"]
        assert proba.shape == (len(result["labels"]), len(result["classes"]))
        assert (proba >= 0).all()
        assert np.allclose(proba.sum(axis=1), 1)
    if "certified_radius" in result:
        assert (result["certified_radius"] >= -1).all()


@cache
def fitted(unfitted):
    """Fit a classifier once, when it is first asked for."""
    return clone(unfitted).fit(data(), classes())


def ask_fitted(unfitted):
    return lambda X: ask(fitted(unfitted), X)


MODEL = parameter(None, either(classifier("predict", none=True), one_of(None)))
CONTAMINATION = parameter(
    "auto", either(one_of("auto"), number(0, 1, "neither"), count(0))
)
SHARE = parameter(0.1, number(0, 1, "neither"))
SPACE = parameter(None, has("fit", "transform", none=True))
SEED = parameter(0, seed)
JOBS = parameter(None, jobs, but=PARALLEL)


def whole(good, low=1, but=()):
    """Give a count of rounds, trials, neighbors."""
    return parameter(good, count(low), but=but)


def sanitizer(name, check=check_sanitized, suffix="", **parameters):
    """Entry point of a sanitizer."""
    arguments = {"X": rows(data), "y": labels(classes)} | parameters
    if "contamination" not in arguments and name != "ActivationClustering":
        arguments |= {"contamination": CONTAMINATION, "max_share": SHARE}
    return EntryPoint(
        f"defenses.{name}.fit_resample{suffix}",
        sanitize(getattr(defenses, name)),
        arguments | {"random_state": SEED},
        check,
        (f"skpoison.defenses.{name}",),
    )


def robust(name, model=None, **parameters):
    """Entry points of a robust classifier."""
    cls = getattr(defenses, name)
    arguments = {"X": rows(data), "y": labels(classes)} | parameters
    good = {n: argument.good() for n, argument in parameters.items()}
    good = {n: v for n, v in good.items() if not n.endswith("_trusted")}
    return [
        EntryPoint(
            f"defenses.{name}.fit",
            learn(cls),
            arguments | {"random_state": SEED},
            check_classified,
            (f"skpoison.defenses.{name}",),
        ),
        EntryPoint(
            f"defenses.{name}.predict",
            ask_fitted(cls(**good, random_state=0)),
            {"X": new_rows(data)},
            check_classified,
        ),
    ]


def trusted():
    """Rows that are known to be clean, and their labels."""
    return {
        "X_trusted": rows(lambda: data()[::2]),
        "y_trusted": labels(lambda: classes()[::2]),
    }


SANITIZERS = [
    sanitizer(
        "ActivationClustering",
        representation=SPACE,
        analysis=parameter(
            "smaller",
            one_of("smaller", "relative_size", "silhouette", "distance", "retrain"),
        ),
        threshold=parameter(None, either(number(), one_of(None))),
        max_share=parameter(None, either(number(0, 0.5, "right"), one_of(None))),
        reduction=parameter("pca", one_of("pca", "ica")),
        n_components=whole(2),
    ),
    sanitizer(
        "ConfidentLearning",
        estimator=MODEL,
        filter_by=parameter("both", one_of("both")),
        cv=whole(2, 2),
        n_jobs=JOBS,
    ),
    sanitizer(
        "DeepKNN",
        representation=SPACE,
        n_neighbors=parameter(3, either(count(1), one_of(None))),
        normalize=parameter(False, flag),
        class_weight=parameter(None, one_of(None, "balanced")),
        n_jobs=JOBS,
    ),
    sanitizer(
        "GroupRoni",
        **trusted(),
        finder=parameter(
            lambda: ClusterMatch(3),
            either(has("fit", "transform", none=True), has("fit", "predict")),
        ),
        estimator=MODEL,
        min_size=whole(2),
        n_jobs=JOBS,
    ),
    sanitizer("GroupRoni", n_clusters=whole(3), min_size=whole(2), suffix=", clusters"),
    sanitizer(
        "IterativeTrimmedLoss",
        estimator=MODEL,
        n_rounds=whole(2, but=ENDLESS),
        n_epochs=whole(2, but=ENDLESS),
        early_share=parameter(0.1, number(0, 1, "right")),
    ),
    sanitizer(
        "KNNSanitizer",
        check_relabeled,
        representation=SPACE,
        n_neighbors=whole(3),
        threshold=parameter(0.5, number(0.5, 1, "left")),
        action=parameter("remove", one_of("remove", "relabel")),
        n_jobs=JOBS,
    ),
    sanitizer("LossFilter", estimator=MODEL),
    sanitizer(
        "Roni",
        **trusted(),
        estimator=MODEL,
        base_size=whole(6, 2),
        quiz_size=whole(10),
        n_trials=whole(2, but=ENDLESS),
        metric=parameter("accuracy", one_of("accuracy", "log_loss")),
        fidelity=parameter("auto", one_of("auto", "refit", "influence")),
        n_jobs=JOBS,
    ),
    sanitizer(
        "Sever",
        estimator=MODEL,
        variant=parameter("published", one_of("published", "paper")),
        max_iter=whole(2, but=ENDLESS),
    ),
    sanitizer("SlabFilter", representation=SPACE),
    sanitizer(
        "SpectralSignatures",
        representation=SPACE,
        factor=parameter(1.5, number(0, closed="neither")),
    ),
    sanitizer("SphereFilter", representation=SPACE),
    sanitizer("Trim", estimator=MODEL, max_iter=whole(2, but=ENDLESS)),
]


class Hook(BaseSanitizer):
    """Judges rows as it is told to."""

    def __init__(self, returned=None):
        self.returned = returned

    def _sanitize(self, X, y):
        return self.returned


def judge_as(returned):
    sampler = Hook(returned)
    sampler.fit_resample(data(), classes())
    return {"kept": sampler.sample_indices_}


def judgement():
    """Keep most rows."""
    return np.arange(N) > 3, np.zeros(N)


JUDGEMENTS = [
    odd("one thing", lambda good: good[:1]),
    odd("three things", lambda good: (*good, None)),
    odd("a list", list),
    odd("all rows removed", lambda good: (np.zeros(N, bool), good[1])),
    odd("numbers", lambda good: (np.arange(N), good[1])),
    odd("too few", lambda good: (good[0][1:], good[1])),
    odd("None", lambda good: (None, good[1])),
    odd("a masked array", lambda good: (np.ma.masked_equal(good[0], True), good[1])),
    odd("objects", lambda good: (good[0].astype(object), good[1])),
    odd("missing", lambda good: ([None] * N, good[1])),
]
HOOK = EntryPoint(
    "base.BaseSanitizer._sanitize",
    judge_as,
    {
        "returned": parameter(
            judgement,
            lambda given: type(given) is tuple and np.shape(given[0]) == (N,),
            but=["in an array"],
            also=JUDGEMENTS,
        )
    },
    covers=("skpoison.base.BaseSanitizer",),
)
CLASSIFIERS = [
    *robust(
        "FinePruning",
        estimator=parameter(NET, has("coefs_")),
        layer=parameter("penultimate", either(one_of("penultimate"), count(-1, 0))),
        tolerance=parameter(0.04, number(0, 1)),
        max_pruned=parameter(0.9, number(0, 1)),
        n_epochs=whole(2, 0, but=ENDLESS),
        validation_size=parameter(0.3, number(0, 1, "neither")),
        trusted_size=parameter(0.3, number(0, 1, "neither")),
        **trusted(),
    ),
    *robust(
        "LabelFlipSmoothing",
        representation=SPACE,
        flip_probability=parameter(0.1, number(0, 0.5, "neither")),
        ridge=parameter(1.0, number(0, closed="neither")),
    ),
    *robust(
        "MultigroupRobustClassifier",
        estimator=parameter(LogisticRegression, classifier("predict_proba")),
        finder=parameter(
            lambda: ClusterMatch(2, random_state=0),
            either(has("fit", "transform", none=True), has("fit", "predict")),
        ),
        tolerance=parameter(1e-3, number(0, 1, "neither")),
        n_levels=whole(2),
        max_iter=whole(50, 0),
    ),
    *robust(
        "PartitionAggregation",
        estimator=MODEL,
        n_partitions=whole(3, 2),
        spread=whole(1),
        partition_by=parameter("row", one_of("row", "features")),
        n_jobs=JOBS,
    ),
    *robust(
        "TrustedFineTuning",
        estimator=parameter(NET, either(has("coefs_"), classifier("predict"))),
        n_epochs=whole(2, 0, but=ENDLESS),
        weight=parameter(10.0, number(0, closed="neither")),
        trusted_size=parameter(0.3, number(0, 1, "neither")),
        **trusted(),
    ),
]
ENTRIES = [
    *SANITIZERS,
    HOOK,
    *CLASSIFIERS,
    *REFIT_METRICS,
    *AUDIT,
    *DISPLAYS,
    *DATA,
    *NETS,
    *COMMAND_LINE,
]
