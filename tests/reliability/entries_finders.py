"""Entry points: finders."""

import numpy as np
from malformed import odd
from malformed_cases import (
    EntryPoint,
    count,
    either,
    flag,
    has,
    labels,
    new_rows,
    number,
    one_of,
    parameter,
    rows,
    seed,
)
from malformed_data import N, classes, data, fitted, n_rows
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from skpoison import ClusterMatch, FeatureMatch
from skpoison.finders import Representation, SliceMatch

# Finders.


def ask_finder(finder, X):
    """All that a fitted finder tells of rows."""
    names = finder.get_feature_names_out()
    mask = finder.transform(X)
    result = {
        "names": names,
        "sizes": finder.sizes_,
        "mask": mask.toarray() if sparse.issparse(mask) else mask,
        "first": finder.membership(X, 0),
        "named": finder.membership(X, names[-1]),
    }
    if hasattr(finder, "predict"):
        result["codes"] = finder.predict(X)
    return result


def check_finder(result, given):
    """Sizes decrease, and everything that the finder tells agrees."""
    sizes, mask = result["sizes"], result["mask"]
    assert (np.diff(sizes) <= 0).all()
    assert sizes[-1] >= 1
    assert mask.dtype == bool
    assert mask.shape[1] == len(sizes) == len(set(result["names"]))
    assert (result["first"] == mask[:, 0]).all()
    assert (result["named"] == mask[:, -1]).all()
    if "codes" in result:
        codes = result["codes"]
        assert (mask == (codes[:, None] == np.arange(len(sizes)))).all()


def check_fitted_finder(result, given):
    """In training the sizes are those of the masks."""
    check_finder(result, given)
    assert (result["mask"].sum(axis=0) == result["sizes"]).all()
    assert len(result["mask"]) == n_rows(given["X"])


def fit_and_ask(make):
    def call(X, y=None, **parameters):
        return ask_finder(make(**parameters).fit(X, y), X)

    return call


def ask_fitted(unfitted):
    def call(X):
        return ask_finder(fitted(unfitted), X)

    return call


SIZE = either(count(1), number(0, 1, "neither"))
OUTSIDE_TARGETS = parameter(0, either(count(0, 2), one_of("x0=0", "x0=1", "x0=2")))


def ask_for(unfitted):
    return lambda target: fitted(unfitted).membership(data(), target)


def check_target(result, given):
    assert result.dtype == bool
    assert result.shape == (N,)
    assert result.any()


def columns_of(value):
    """Columns that `features` may name: of three without names."""
    if value is None or callable(value):
        return True
    if isinstance(value, slice):
        return True
    return np.ndim(value) <= 1 and np.asarray(value).dtype.kind in "iub"


def bins_of(value):
    return value is None or isinstance(value, dict) or count(2)(value)


BINS = [
    odd("no cut points", lambda good: {0: []}),
    odd("cut points decrease", lambda good: {0: [2, 1]}),
    odd("cut points repeat", lambda good: {0: [1, 1]}),
    odd("ragged cut points", lambda good: {0: [[1], [1, 2]]}),
    odd("two-dimensional cut points", lambda good: {0: [[1, 2]]}),
    odd("nan cut points", lambda good: {0: [np.nan]}),
    odd("text cut points", lambda good: {0: ["a"]}),
    odd("cut points are a dict", lambda good: {0: {}}),
    odd("cut points are None", lambda good: {0: None}),
    odd("column -1", lambda good: {-1: 2}),
    odd("column nan", lambda good: {float("nan"): 2}),
    odd("column is a tuple", lambda good: {(0, 1): 2}),
    odd("one bin", lambda good: {0: 1}),
    odd("1e18 bins", lambda good: {0: 10**18}),
]
FEATURES = [
    odd("negative column", lambda good: [-1]),
    odd("columns twice", lambda good: [0, 0]),
    odd("column too large", lambda good: [3]),
    odd("mask too short", lambda good: [True]),
    odd("mask of nothing", lambda good: [False] * 3),
    odd("floats", lambda good: [0.0]),
    odd("names", lambda good: ["x0"]),
    odd("callable of columns", lambda good: lambda X: [0]),
    odd("callable of columns of nothing", lambda good: lambda X: []),
    odd("slice of nothing", lambda good: slice(3, 3)),
    odd("slice of names", lambda good: slice("a", "b")),
    odd("slice with step 0", lambda good: slice(0, 2, 0)),
]

FINDERS = [
    EntryPoint(
        "skpoison.finders.FeatureMatch.fit",
        fit_and_ask(FeatureMatch),
        {
            "X": rows(data),
            "features": parameter(lambda: [0], columns_of, also=FEATURES),
            "bins": parameter(None, bins_of, also=BINS),
            "min_size": parameter(1, SIZE),
            "max_size": parameter(None, either(SIZE, one_of(None))),
            "sparse_output": parameter(False, flag),
        },
        check_fitted_finder,
        ("skpoison.finders.FeatureMatch", "skpoison.FeatureMatch"),
    ),
    EntryPoint(
        "skpoison.finders.FeatureMatch.predict",
        ask_fitted(FeatureMatch([0, 1], bins=3)),
        {"X": new_rows(data)},
        check_finder,
    ),
    EntryPoint(
        "skpoison.finders.FeatureMatch.membership",
        ask_for(FeatureMatch([0])),
        {"target": OUTSIDE_TARGETS},
        check_target,
    ),
    EntryPoint(
        "skpoison.finders.SliceMatch.fit",
        fit_and_ask(SliceMatch),
        {
            "X": rows(data, but=["wide"]),
            "features": parameter(None, columns_of, also=FEATURES),
            "max_depth": parameter(2, count(1)),
            "bins": parameter(3, bins_of, also=BINS),
            "min_size": parameter(2, SIZE),
            "max_size": parameter(None, either(SIZE, one_of(None))),
            "sparse_output": parameter(False, flag),
        },
        check_fitted_finder,
        ("skpoison.finders.SliceMatch",),
    ),
    EntryPoint(
        "skpoison.finders.SliceMatch.predict",
        ask_fitted(SliceMatch(bins=3, min_size=2)),
        {"X": new_rows(data)},
        check_finder,
    ),
    EntryPoint(
        "skpoison.finders.SliceMatch.membership",
        ask_for(SliceMatch(features=[0], min_size=2)),
        {"target": OUTSIDE_TARGETS},
        check_target,
    ),
    EntryPoint(
        "skpoison.finders.ClusterMatch.fit",
        fit_and_ask(ClusterMatch),
        {
            "X": rows(data),
            "n_clusters": parameter(3, count(1)),
            "representation": parameter(None, has("fit", "transform", none=True)),
            "n_components": parameter(2, either(count(1), one_of(None))),
            "clusterer": parameter(None, has("fit", "predict", none=True)),
            "sparse_output": parameter(False, flag),
            "random_state": parameter(0, seed),
        },
        check_fitted_finder,
        ("skpoison.finders.ClusterMatch", "skpoison.ClusterMatch"),
    ),
    EntryPoint(
        "skpoison.finders.ClusterMatch.fit, with labels",
        fit_and_ask(ClusterMatch),
        {
            "X": rows(data),
            "y": labels(classes),
            "representation": parameter(
                lambda: Representation(LogisticRegression()),
                has("fit", "transform", none=True),
            ),
            "n_clusters": parameter(3, count(1)),
            "random_state": parameter(0, seed),
        },
        check_fitted_finder,
    ),
    EntryPoint(
        "skpoison.finders.ClusterMatch.predict",
        ask_fitted(ClusterMatch(3, n_components=2, random_state=0)),
        {"X": new_rows(data)},
        check_finder,
    ),
    EntryPoint(
        "skpoison.finders.ClusterMatch.membership",
        ask_for(ClusterMatch(3, random_state=0)),
        {"target": parameter(0, count(0, 2))},
        check_target,
    ),
]


# Representation.


def represent(X, y, **parameters):
    return Representation(**parameters).fit(X, y).transform(X)


def check_representation(result, given):
    assert result.ndim == 2
    assert len(result) == n_rows(given["X"])
    assert np.isfinite(result).all()


def representation(X):
    return fitted(REPRESENTATION).transform(X)


REPRESENTATION = Representation(LogisticRegression())
FINDERS += [
    EntryPoint(
        "skpoison.finders.Representation.fit",
        represent,
        {
            "X": rows(data),
            "y": labels(classes),
            "estimator": parameter(
                LogisticRegression,
                either(has("fit", "predict_proba"), has("fit", "decision_function")),
            ),
            "layer": parameter("penultimate", one_of("penultimate", "output")),
            "pooling": parameter("mean", one_of("mean", None)),
            "n_components": parameter(None, either(count(1, 2), one_of(None))),
        },
        check_representation,
        ("skpoison.finders.Representation",),
    ),
    EntryPoint(
        "skpoison.finders.Representation.transform",
        representation,
        {"X": new_rows(data)},
        check_representation,
    ),
]

ENTRIES = [*FINDERS]
