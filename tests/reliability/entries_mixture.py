"""Entry points: local learners, what is impossible, and generated data."""

import numpy as np
from entries_attacks import is_finder
from malformed import odd
from malformed_cases import (
    EntryPoint,
    classifier,
    count,
    either,
    flag,
    jobs,
    labels,
    new_rows,
    number,
    one_of,
    parameter,
    rows,
    seed,
)
from malformed_data import classes, data, fitted, n_rows
from sklearn.naive_bayes import GaussianNB

from skpoison import FeatureMatch
from skpoison.datasets import make_subpopulations
from skpoison.mixture import (
    SubpopulationMixtureClassifier,
    critical_alpha,
    impossibility_bound,
    locality,
)

FINDER = FeatureMatch([0])
MIXTURE = SubpopulationMixtureClassifier(FINDER, empty="overall")
# More workers than a machine has are no matter, and take their time to start.
JOBS = parameter(None, jobs, but=["int 2**31", "int 10**18", "int 10**400", "int 2"])


def settings(**more):
    """Arguments that all have."""
    return {
        "X": rows(data),
        "y": labels(classes),
        "finder": parameter(lambda: FeatureMatch([0]), is_finder),
        "random_state": parameter(0, seed),
    } | more


def classify(X, y, **parameters):
    model = SubpopulationMixtureClassifier(**parameters).fit(X, y)
    return answers(model, X)


def answers(model, X):
    """All that a model says of rows."""
    result = {"y": model.predict(X), "counts": model.class_counts_}
    result["classes"] = model.classes_
    if hasattr(model, "predict_proba"):
        result["proba"] = model.predict_proba(X)
    return result


def check_classes(result, given):
    """Probabilities are shares, and predictions are classes."""
    n = n_rows(given["X"])
    assert result["y"].shape == (n,)
    assert set(result["y"].tolist()) <= set(result["classes"].tolist())
    if "proba" in result:
        assert result["proba"].shape == (n, len(result["classes"]))
        assert np.allclose(result["proba"].sum(axis=1), 1)


def check_counts(result, given):
    """Each training row is counted once."""
    check_classes(result, given)
    assert result["counts"].sum() == n_rows(given["X"])


def noise_of(value):
    """Whether it is noise for all, or for each of three."""
    level = number(0, 0.5, "left")
    if value is None or level(value):
        return True
    array = np.asarray(value)
    return array.ndim == 0 and array.dtype.kind in "iuf" and level(array.item())


NOISES = [
    odd("a level too few", lambda good: [0.1, 0.1]),
    odd("levels as texts", lambda good: ["0.1"] * 3),
    odd("a level of one half", lambda good: [0.1, 0.5, 0.1]),
    odd("a level is nan", lambda good: [0.1, np.nan, 0.1]),
    odd("levels in a column", lambda good: [[0.1], [0.1], [0.1]]),
    odd("ragged levels", lambda good: [[0.1], [0.1, 0.2], 0.1]),
]
ALPHAS = [
    odd("budgets are ragged", lambda good: [[0.1], [0.1, 0.2]]),
    odd("budgets are texts", lambda good: ["0.1", "0.2"]),
    odd("budgets are huge", lambda good: [0.1, 1e18]),
    odd("budgets are nan", lambda good: [0.1, np.nan]),
    odd("budgets are bools", lambda good: [True, False]),
    odd("budgets in two dimensions", lambda good: [[0.1, 0.2]]),
    odd("budgets repeat", lambda good: [0.5, 0.5, 1.0]),
    odd("budgets decrease", lambda good: [1.0, 0.5]),
]
TARGETS = [
    odd("target twice", lambda good: [0, 0]),
    odd("target twice, by name", lambda good: [0, "x0=0"]),
    odd("target too large", lambda good: [3]),
    odd("target negative", lambda good: [-1]),
    odd("target of another name", lambda good: ["abc"]),
    odd("target is a list", lambda good: [[0]]),
    odd("target is an array", lambda good: [np.array([0, 1])]),
    odd("target is nan", lambda good: [np.nan]),
]


def budgets_of(value):
    """Whether it is a vector of finite budgets, one above 0."""
    if value is None:
        return True
    array = np.asarray(value)
    is_numbers = (
        array.ndim == 1 and array.dtype.kind in "iuf" and not isinstance(value, str)
    )
    return (
        is_numbers
        and np.isfinite(array).all()
        and (array >= 0).all()
        and array.max() > 0
    )


def targets_of(value):
    if value is None:
        return True
    numbers = [v for v in value if not isinstance(v, bool)]
    allowed = either(count(0, 2), one_of("x0=0", "x0=1", "x0=2"))
    return (
        isinstance(value, (list, tuple))
        and len(numbers) > 0
        and all(map(allowed, value))
    )


def check_budgets(table, given):
    """Each target once, and its budgets and shares in their ranges."""
    assert table["name"].is_unique
    targets = given.get("targets")
    assert targets is None or len(table) == len(set(targets))
    assert (table["measured_from"] <= table["measured"]).all()
    assert (table["measured"] <= table["measured_to"]).all()
    for column in ("noise", "clean_error", "predicted"):
        assert table[column].between(0, 1).all()


def bound_of(**given):
    bound = impossibility_bound(**given)
    return {"table": bound.table, "smallest": bound.smallest, "text": repr(bound)}


def check_bound(bound, given):
    table = bound["table"]
    assert table["size"].sum() <= n_rows(given["X"])
    assert (table["n_poison_constant"] <= table["n_poison_flip"]).all()
    assert table["noise"].between(0, 0.5).all()
    assert bound["smallest"] in table["name"].tolist()


def check_locality(table, given):
    shares = table[["delta", "delta_mean", "delta_low", "delta_high", "own"]]
    assert ((shares.isna()) | ((shares >= 0) & (shares <= 1))).all(axis=None)
    assert (table["size"] > 0).all()


def rows_of_test():
    return data()[:24]


def labels_of_test():
    return classes()[:24]


ENTRIES = [
    EntryPoint(
        "skpoison.mixture.SubpopulationMixtureClassifier.fit",
        classify,
        settings(
            estimator=parameter(None, classifier("predict", none=True)),
            empty=parameter("error", one_of("error", "overall")),
            n_jobs=JOBS,
        ),
        check_counts,
        ("skpoison.mixture.SubpopulationMixtureClassifier",),
    ),
    EntryPoint(
        "skpoison.mixture.SubpopulationMixtureClassifier.predict",
        lambda X: answers(fitted(MIXTURE), X),
        {"X": new_rows(data)},
        check_classes,
    ),
    EntryPoint(
        "skpoison.mixture.critical_alpha",
        critical_alpha,
        settings(
            estimator=parameter(GaussianNB, classifier("predict")),
            X_test=new_rows(rows_of_test),
            y_test=labels(labels_of_test, but=["one class"]),
            label=parameter("flip", one_of("flip", "constant")),
            alphas=parameter(lambda: [0.5, 1.0], budgets_of, also=ALPHAS),
            targets=parameter(None, targets_of, also=TARGETS),
            noise=parameter(None, noise_of, also=NOISES),
            n_repeats=parameter(
                1, count(1, 100), but=["int 2**31", "int 10**18", "int 10**400"]
            ),
            n_jobs=JOBS,
        ),
        check_budgets,
        ("skpoison.mixture.critical_alpha",),
    ),
    EntryPoint(
        "skpoison.mixture.critical_alpha, own rows",
        lambda **own: critical_alpha(
            GaussianNB(),
            data(),
            classes(),
            FINDER,
            X_test=rows_of_test(),
            y_test=labels_of_test(),
            alphas=[1.0],
            n_repeats=1,
            random_state=0,
            **own,
        ),
        {"X_aux": new_rows(data), "y_aux": labels(classes, but=["one class"])},
        check_budgets,
    ),
    EntryPoint(
        "skpoison.mixture.impossibility_bound",
        bound_of,
        settings(noise=parameter(None, noise_of, also=NOISES)),
        check_bound,
        ("skpoison.mixture.impossibility_bound", "skpoison.mixture.ImpossibilityBound"),
    ),
    EntryPoint(
        "skpoison.mixture.locality",
        locality,
        settings(
            estimator=parameter(GaussianNB, classifier("predict")),
            X_test=new_rows(rows_of_test, but=["None"]),
            n_changes=parameter(
                2, count(2), but=["int 2**31", "int 10**18", "int 10**400"]
            ),
            share=parameter(0.5, number(0, 1, "neither")),
            alpha=parameter(1.0, number(0, 10**6, "right")),
            n_jobs=JOBS,
        ),
        check_locality,
        ("skpoison.mixture.locality",),
    ),
]


# Generated data.


def generate(**parameters):
    X, y, part, y_clean = make_subpopulations(**parameters, return_clean_labels=True)
    return {"X": X, "y": y, "part": part, "clean": y_clean}


def check_generated(result, given):
    """Rows are finite and of the sizes asked for, each part of one label."""
    n, k = int(given["n_samples"]), int(given["n_subpopulations"])
    assert result["X"].shape == (n, int(given["n_features"]))
    assert np.isfinite(result["X"]).all()
    assert set(result["part"].tolist()) == set(range(k))
    assert result["y"].min() >= 0
    assert result["y"].max() < given["n_classes"]
    for j in range(k):
        assert len(np.unique(result["clean"][result["part"] == j])) == 1


def vector(low, high):
    """Whether it is a number or one for each of two subpopulations."""

    def may_be(value):
        array = np.asarray(value, dtype=float)
        fits = array.shape == (2,) or isinstance(value, (int, float, np.number))
        return fits and ((array >= low) & (array <= high)).all()

    return may_be


GENERATED = [
    odd("ragged", lambda good: [[0.1], [0.1, 0.2]]),
    odd("texts", lambda good: ["a", "b"]),
    odd("nan for one", lambda good: [0.1, np.nan]),
    odd("one too many", lambda good: [0.1, 0.2, 0.7]),
    odd("negative for one", lambda good: [-0.5, 1.5]),
    odd("complex", lambda good: [0.5 + 1j, 0.5 - 1j]),
    odd("in a column", lambda good: [[0.5], [0.5]]),
    odd("right", lambda good: [0.5, 0.5]),
]


def weights_of(value):
    if value is None or one_of("uniform")(value):
        return True
    return vector(0, 1)(value) and np.ndim(value) == 1 and np.isclose(np.sum(value), 1)


def labels_of(value):
    return value is None or (vector(0, 1)(value) and np.ndim(value) == 1)


ENTRIES += [
    EntryPoint(
        "skpoison.datasets.make_subpopulations",
        generate,
        {
            "n_samples": parameter(30, count(2, 10**6)),
            "n_subpopulations": parameter(2, count(1, 30)),
            "n_features": parameter(3, count(1, 10**6)),
            "n_classes": parameter(2, count(2, 2**62)),
            "noise": parameter(0.1, vector(0, 1), also=GENERATED),
            "weights": parameter(None, weights_of, also=GENERATED),
            "cluster_std": parameter(0.1, number(0)),
            "spacing": parameter(2.0, number(0, np.inf, "neither")),
            "labels": parameter(None, labels_of, also=GENERATED),
            "shuffle": parameter(True, flag),
            "random_state": parameter(0, seed),
        },
        check_generated,
        ("skpoison.datasets.make_subpopulations",),
    ),
]
