"""What the corpus of malformed inputs found, one test for each root."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from malformed_data import classes, data
from scipy import sparse
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skpoison import ClusterMatch, FeatureMatch, PoisonedClassifier, SubpopPoisoner
from skpoison.attacks import (
    BackdoorPoisoner,
    DefenseAwarePoisoner,
    FeatureConstraints,
    FeatureTrigger,
    SpecificRows,
    everything,
    model_lower_bound,
)
from skpoison.datasets import make_subpopulations
from skpoison.defenses import KNNSanitizer
from skpoison.finders import Representation, SliceMatch
from skpoison.mixture import (
    SubpopulationMixtureClassifier,
    critical_alpha,
    impossibility_bound,
    locality,
)

FINDER = FeatureMatch([0])


def outside(form):
    """Sparse rows with an index that points outside."""
    X = sparse.csr_matrix(data()).asformat(form)
    (X.coords[1] if form == "coo" else X.indices)[3] = 10**6
    return X


def with_cell(value):
    X = data().astype(object)
    X[5, 0] = value
    return X


def poison(X=None, y=None, **settings):
    X, y = data() if X is None else X, classes() if y is None else y
    return SubpopPoisoner(FINDER, random_state=0, **settings).fit_resample(X, y)


def poisoned(estimator=None):
    estimator = LogisticRegression() if estimator is None else estimator
    return PoisonedClassifier(estimator, SubpopPoisoner(FINDER)).fit(data(), classes())


def turned(**settings):
    given = {"X_test": data(), "y_test": classes(), "alphas": [1.0], "n_repeats": 1}
    return critical_alpha(GaussianNB(), data(), classes(), FINDER, **given | settings)


REFUSED = {
    # These ended the interpreter.
    "csr indices": (lambda: FINDER.fit(outside("csr")), "indices that point outside"),
    "csc indices": (lambda: ClusterMatch(2).fit(outside("csc")), "point outside"),
    "coo indices": (lambda: poison(outside("coo")), "point outside"),
    "bsr indices": (lambda: poison(outside("bsr")), "point outside"),
    "of predict": (lambda: poisoned().predict(outside("csr")), "point outside"),
    # These were taken for something else.
    "masked rows": (lambda: FINDER.fit(np.ma.masked_array(data())), "mask would be"),
    "masked labels": (lambda: poison(y=np.ma.masked_array(classes())), "mask would be"),
    "structured labels": (
        lambda: poison(y=np.array([(k,) for k in classes()], dtype=[("a", int)])),
        "Pass one of its fields",
    ),
    "complex own rows": (
        lambda: SubpopPoisoner(FINDER).fit_resample(
            data(), classes(), X_aux=data() + 1j, y_aux=classes()
        ),
        "must hold numbers that fit the dtype of X",
    ),
    "a class of models": (lambda: poison(surrogate=LogisticRegression), "'surrogate'"),
    "other columns": (
        lambda: (
            BackdoorPoisoner(FINDER)
            .fit(data(), classes())
            .apply_trigger(np.hstack([data(), data()]))
        ),
        "X has 6 features",
    ),
    "no feature": (lambda: FeatureTrigger((), 1.0)(data()), "must name at least one"),
    "text as a limit": (lambda: FeatureConstraints("3").resolve(3), "lower of Feature"),
    "float as a column": (
        lambda: FeatureConstraints(one_hot=[[0.5, 1.0]]).resolve(3),
        "one_hot of FeatureConstraints",
    ),
    "targets twice": (lambda: turned(targets=[0, "x0=0"]), "each subpopulation once"),
    "regressor": (lambda: poisoned(LinearRegression()), "must be a classifier"),
    "local regressor": (
        lambda: SubpopulationMixtureClassifier(FINDER, LinearRegression()).fit(
            data(), classes()
        ),
        "must be a classifier",
    ),
    "truth value as a target": (
        lambda: FeatureMatch([0]).fit(data()).membership(data(), True),
        "number or the name",
    ),
    # These got an error of NumPy's, or none that tells what to do.
    "list in a cell": (
        lambda: poison(pd.DataFrame({"a": [[1]] * 36, "b": 1.0})),
        "Got a list in 36 cells of column 'a'",
    ),
    "huge int": (lambda: ClusterMatch(2).fit(with_cell(10**400)), "floats can hold"),
    "huge numbers": (lambda: ClusterMatch(2).fit(data() * 1e307), "sums of squares"),
    "huge numbers, bound": (
        lambda: model_lower_bound(
            LogisticRegression(), data() * 1e307, classes(), (np.ones(3), 0.0)
        ),
        "sums of squares",
    ),
    "no columns": (lambda: SliceMatch().fit(pd.DataFrame(index=[0, 1])), "0 feature"),
    "one name": (
        lambda: FINDER.fit(pd.DataFrame(data(), columns=["f"] * 3)),
        "columns with different names",
    ),
    "dict": (
        lambda: ClusterMatch(2, representation=Representation(GaussianNB())).fit(
            {"a": 1}, classes()
        ),
        "Got dict",
    ),
    "ragged labels": (lambda: poison(y=[[1], *[[1, 2]] * 35]), "one label for each"),
    "array as a target": (
        lambda: FeatureMatch([0]).fit(data()).membership(data(), np.array([0, 1])),
        "number or the name",
    ),
    "supervised clusterer": (
        lambda: ClusterMatch(clusterer=LogisticRegression()).fit(data()),
        "must be fitted without labels",
    ),
    "alpha 1e300": (lambda: poison(alpha=1e300), "1,000,000,000 poison rows"),
    "alpha 10**400": (lambda: poison(alpha=10**400), "'alpha' parameter"),
    "alpha inf": (lambda: poison(alpha=np.inf), "'alpha' parameter"),
    "alpha a fraction": (lambda: poison(alpha=Fraction(1, 2)), "'alpha' parameter"),
    "alphas 1e300": (lambda: turned(alphas=[1e300]), "1,000,000,000 poison rows"),
    "alphas ragged": (lambda: turned(alphas=[[1], [1, 2]]), "list of numbers"),
    "noise ragged": (
        lambda: impossibility_bound(FINDER, data(), classes(), noise=[[0], [0, 1]]),
        "noise of impossibility_bound",
    ),
    "locality 1e300": (
        lambda: locality(GaussianNB(), data(), classes(), FINDER, alpha=1e300),
        "1,000,000,000 poison rows",
    ),
    "label ragged": (lambda: poison(label=[[1], [1, 2]]), "one of the classes"),
    "label NA": (lambda: poison(label=pd.NA), "one of the classes"),
    "data too large": (lambda: make_subpopulations(2**31, n_features=3), "at most"),
    "everything of nothing": (lambda: everything(None), "Got NoneType"),
    "value is ragged": (lambda: FeatureTrigger(0, [[1], [1, 2]])(data()), "value of"),
    "dates for a model": (
        lambda: poisoned().predict_proba(data().astype("M8[s]")),
        "cannot read X",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_reason(name):
    call, reason = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=reason):
        call()


def test_rows_of_other_dtypes_are_matched():
    expected = FeatureMatch([0, 1]).fit(data()).sizes_
    for dtype in (np.float16, ">f8"):
        finder = FeatureMatch([0, 1]).fit(data().astype(dtype))
        np.testing.assert_array_equal(finder.sizes_, expected)
        assert (finder.predict(data().astype(dtype)) >= 0).all()


def test_extended_precision_leaves_nothing_in_keys():
    rows = data().astype(np.longdouble)
    assert SpecificRows(data()[:3])(rows).tolist() == [True] * 3 + [False] * 33


def test_as_many_intervals_as_there_are_numbers():
    X = data()[:, [1]]
    several, most = (FeatureMatch([0], bins=b).fit(X) for b in (2 * len(X), 10**18))
    np.testing.assert_array_equal(several.predict(X), most.predict(X))


def test_texts_that_cannot_be_printed():
    X = np.array([["\ud800"], ["a"]] * 18, dtype=object)
    bound = impossibility_bound(FINDER, X, classes())
    assert "x0=\\ud800" in repr(bound)
    y = np.array(["\ud800", "a"] * 18, dtype=object)
    assert set(poison(y=y)[1]) == set(y)


def test_lists_with_an_array_of_the_attackers():
    aux = {"X_aux": data(), "y_aux": classes()}
    poisoner = SubpopPoisoner(FINDER, random_state=0)
    X_res, _ = poisoner.fit_resample(data().tolist(), classes(), **aux)
    assert len(X_res) == 36 + poisoner.n_poison_


def test_truth_values_count_as_one():
    assert ClusterMatch(True).fit(data()).sizes_.tolist() == [36]
    assert len(turned(n_repeats=True)) == 3
    assert make_subpopulations(5, True, n_features=True)[0].shape == (5, 1)


def test_copies_without_a_limit():
    poisoner = DefenseAwarePoisoner(
        FINDER, defense=KNNSanitizer(), max_copies=1e300, n_rounds=0, random_state=0
    ).fit(data(), classes())
    assert poisoner.n_poison_ == 12
