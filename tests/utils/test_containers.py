"""Sparse rows are read as their maker meant them, and labels in any dtype."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skpoison import ClusterMatch, SubpopPoisoner, SubpopulationAudit
from skpoison.defenses import LossFilter
from skpoison.finders import FeatureMatch
from skpoison.influence import SubpopulationInfluence
from skpoison.refit import refit_poisoned
from skpoison.utils._containers import as_rows, tidy
from skpoison.utils._row_sampler import flat_labels, native


@pytest.fixture
def iris():
    return load_iris(return_X_y=True)


def in_two_parts(X, cls):
    """Each number as two that are stored for one cell."""
    half = cls(X)
    indptr = 2 * half.indptr
    return cls(
        (np.repeat(half.data / 2, 2), np.repeat(half.indices, 2), indptr), X.shape
    )


@pytest.mark.parametrize("cls", [sparse.csr_array, sparse.csc_matrix])
def test_cells_stored_in_parts_are_one(iris, cls):
    X, y = iris
    given = in_two_parts(X, cls)
    before = given.data.copy()
    expected, got = LossFilter(), LossFilter()
    expected.fit_resample(cls(X), y)
    X_res, _ = got.fit_resample(given, y)
    np.testing.assert_allclose(got.scores_, expected.scores_)
    assert type(X_res) is cls
    clusters = ClusterMatch(3, random_state=0)
    np.testing.assert_array_equal(
        clusters.fit(given).labels_, clusters.fit(cls(X)).labels_
    )
    influence = SubpopulationInfluence(LogisticRegression(solver="newton-cholesky"))
    np.testing.assert_allclose(
        influence.fit(given, y).score_rows(given[:9], y[:9]),
        influence.fit(cls(X), y).score_rows(cls(X)[:9], y[:9]),
    )
    np.testing.assert_array_equal(given.data, before)


@pytest.mark.parametrize("cls", [sparse.csr_matrix, sparse.csc_array])
def test_long_indices_are_cut_where_short_ones_do(iris, cls):
    X, y = iris
    given = cls(X)
    given.indices, given.indptr = (
        a.astype(np.int64) for a in (given.indices, given.indptr)
    )
    rows = as_rows(given, "this test")
    assert type(rows) is cls
    assert rows.indices.dtype == rows.indptr.dtype == np.int32
    assert given.indices.dtype == np.int64
    poisoner = SubpopPoisoner(ClusterMatch(3), random_state=0)
    X_res, _ = poisoner.fit_resample(given, y)
    np.testing.assert_array_equal(X_res.toarray(), X[poisoner.sample_indices_])


def test_tidy_rows_are_not_copied(iris):
    X = sparse.csr_array(iris[0])
    assert tidy(X) is X
    assert tidy(iris[0]) is iris[0]


def test_labels_of_numpy_strings_of_any_length(iris):
    X, y = iris
    labels = np.array(["a", "bb", "ccc"])[y].astype(np.dtypes.StringDType())
    poisoner = SubpopPoisoner(ClusterMatch(3), random_state=0)
    _, y_res = poisoner.fit_resample(X, labels)
    assert y_res.dtype == labels.dtype
    assert set(y_res.tolist()) == {"a", "bb", "ccc"}
    assert poisoner.classes_.tolist() == ["a", "bb", "ccc"]


def test_labels_of_other_byte_orders(iris):
    y = iris[1].astype(">i4")
    assert flat_labels(y, "this test").dtype.isnative
    assert native(iris[1]) is iris[1]


def test_poisons_with_whole_numbers_as_objects(iris):
    X, y = iris
    labels = y.astype(object)
    models = refit_poisoned(LogisticRegression(), X, labels, [(X[:9], labels[-9:])])
    expected = refit_poisoned(LogisticRegression(), X, y, [(X[:9], y[-9:])])
    np.testing.assert_array_equal(models.predict(X), expected.predict(X))


def test_audit_in_extended_precision(iris):
    X, y = iris
    audit = SubpopulationAudit(
        LogisticRegression(max_iter=1000),
        finder=FeatureMatch([0], bins=3),
        alphas=[1.0],
        min_test=1,
        random_state=0,
    )
    expected = audit.fit(X, y).summary_["target_damage"].to_numpy()
    got = audit.fit(X.astype(np.longdouble), y).summary_["target_damage"]
    np.testing.assert_allclose(got, expected, atol=1e-6)
