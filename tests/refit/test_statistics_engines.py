"""Models made of sufficient statistics are those that scikit-learn fits."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.linalg import LinAlgError, LinAlgWarning
from sklearn.base import clone
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid

from skpoison.refit import _discriminant, refit_poisoned
from skpoison.refit._nearest_centroid import _median_with
from skpoison.utils._containers import append

ESTIMATORS = [
    GaussianNB(),
    GaussianNB(priors=[0.2, 0.3, 0.5], var_smoothing=1e-3),
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(priors=[0.2, 0.3, 0.5], n_components=1),
    QuadraticDiscriminantAnalysis(reg_param=0.1),
    QuadraticDiscriminantAnalysis(priors=[0.2, 0.3, 0.5], reg_param=0.5),
    NearestCentroid(),
    NearestCentroid(metric="manhattan"),
    NearestCentroid(shrink_threshold=0.3),
    NearestCentroid(priors="empirical"),
    NearestCentroid("manhattan", priors=[0.2, 0.3, 0.5], shrink_threshold=0.1),
]
ENGINES = {
    GaussianNB: "refit_gaussian_nb",
    LinearDiscriminantAnalysis: "refit_lda",
    QuadraticDiscriminantAnalysis: "refit_qda",
    NearestCentroid: "refit_nearest_centroid",
}


def rows(kind, n, rng):
    """Rows of a kind that is hard for some solver."""
    if kind == "one-hot":  # collinear
        codes = rng.randint(0, 4, (n, 2))
        onehot = np.hstack([np.eye(4)[codes[:, 0]], np.eye(4)[codes[:, 1]]])
        return np.hstack([onehot, rng.normal(size=(n, 2)), np.ones((n, 1))])
    if kind == "grid":  # ties
        return rng.randint(0, 3, (n, 3)).astype(float)
    return rng.normal(size=(n, 5)) + (1e6 if kind == "far" else 0)


def problem(kind, seed, n_classes=3):
    rng = np.random.RandomState(seed)
    X, X_test = rows(kind, 400, rng), rows(kind, 200, rng)
    y = rng.randint(0, n_classes, 400)
    X[y == 1, :3] = rows(kind, 400, rng)[y == 1, :3]
    at = [rng.randint(0, 400, size) for size in (0, 1, 6, 70, 500)]
    poisons = [(X[i], (y[i] + 1) % n_classes) for i in at]
    poisons.append((rows(kind, 90, rng), rng.randint(0, n_classes, 90)))
    return X, y, poisons, X_test


def fits(estimator, X, y, poisons):
    return [
        clone(estimator).fit(
            append(X, X_new) if len(y_new) else X, np.concatenate([y, y_new])
        )
        for X_new, y_new in poisons
    ]


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_:UserWarning")
@pytest.mark.parametrize("kind", ["plain", "one-hot", "grid", "far"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_labels_are_those_of_refits(estimator, kind, seed):
    X, y, poisons, X_test = problem(kind, seed)
    wanted = [model.predict(X_test) for model in fits(estimator, X, y, poisons)]
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == ENGINES[type(estimator)]
    np.testing.assert_array_equal(models.predict(X_test), wanted)


@pytest.mark.parametrize("kind", ["plain", "one-hot", "grid", "far"])
def test_gaussian_nb_has_the_parameters_of_refits(kind, seed):
    X, y, poisons, _ = problem(kind, seed)
    models = refit_poisoned(GaussianNB(), X, y, poisons)
    for j, model in enumerate(fits(GaussianNB(), X, y, poisons)):
        np.testing.assert_allclose(models._variances[j], model.var_, rtol=1e-10)
        np.testing.assert_allclose(models._epsilon[j], model.epsilon_, rtol=1e-10)
        means = models._means[j] + models._center
        np.testing.assert_allclose(means, model.theta_, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(models._priors[j], model.class_prior_, rtol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", ["plain", "one-hot", "grid"])
def test_lda_has_the_parameters_of_refits(kind, n_classes, seed):
    X, y, poisons, _ = problem(kind, seed, n_classes)
    models = refit_poisoned(LinearDiscriminantAnalysis(), X, y, poisons)
    assert models._is_solved.all()
    for j, model in enumerate(fits(LinearDiscriminantAnalysis(), X, y, poisons)):
        coef, intercept = models._coef[j], models._intercept[j]
        intercept = intercept - coef @ models._center
        if n_classes == 2:
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        np.testing.assert_allclose(coef, model.coef_, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(intercept, model.intercept_, rtol=1e-8, atol=1e-9)


def test_lda_follows_poison_that_adds_a_direction():
    X, y, poisons, X_test = problem("one-hot", 0)
    X_new = X[:50].copy()
    X_new[:, -1] = np.arange(50.0)
    poisons = [(X_new, y[:50]), poisons[3]]
    models = refit_poisoned(LinearDiscriminantAnalysis(), X, y, poisons)
    assert models._is_solved.all()
    wanted = fits(LinearDiscriminantAnalysis(), X, y, poisons)
    for j, model in enumerate(wanted):
        np.testing.assert_allclose(models._coef[j], model.coef_, rtol=1e-8, atol=1e-9)
    np.testing.assert_array_equal(
        models.predict(X_test), [model.predict(X_test) for model in wanted]
    )


def test_lda_of_unclear_rank_is_fitted_by_scikit_learn():
    X, y, poisons, X_test = problem("plain", 0)
    X[:, 0] = X[:, 1] + 1e-4 * X[:, 0]
    poisons = [(X[:40], (y[:40] + 1) % 3)]
    models = refit_poisoned(LinearDiscriminantAnalysis(), X, y, poisons)
    assert not models._is_solved.any()
    wanted = fits(LinearDiscriminantAnalysis(), X, y, poisons)[0]
    np.testing.assert_array_equal(models.predict(X_test)[0], wanted.predict(X_test))


def test_centroids_follow_priors_that_poison_makes_unequal():
    rng = np.random.RandomState(0)
    X, X_test = rng.normal(size=(2, 80, 3)) * [1, 5, 25]
    y = np.arange(80) % 2
    poisons = [(X[:k], np.zeros(k, int)) for k in (0, 50)]
    estimator = NearestCentroid(priors="empirical")
    wanted = [m.predict(X_test) for m in fits(estimator, X, y, poisons)]
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == "refit_nearest_centroid"
    np.testing.assert_array_equal(models.predict(X_test), wanted)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_a_model_is_the_one_that_fit_gives(estimator):
    X, y, poisons, X_test = problem("plain", 0)
    models = refit_poisoned(estimator, X, y, poisons)
    wanted = fits(estimator, X, y, poisons)[3]
    assert vars(models[3]).keys() == vars(wanted).keys()
    np.testing.assert_array_equal(models[3].predict(X_test), models.predict(X_test)[3])
    assert models.converged_.all()


@pytest.mark.parametrize("estimator", ESTIMATORS[::2], ids=str)
def test_frames_labels_and_integers_come_back(estimator):
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(rng.randint(0, 9, (200, 3)), columns=["a", "b", "c"])
    y = np.array(["x", "y", "z"], object)[rng.randint(0, 3, 200)]
    poisons = [(frame[:k], np.full(k, "x", object)) for k in (0, 30)]
    wanted = [m.predict(frame) for m in fits(estimator, frame, y, poisons)]
    models = refit_poisoned(estimator, frame, y, poisons)
    assert models.engine_ == ENGINES[type(estimator)]
    np.testing.assert_array_equal(models.predict(frame), wanted)
    assert list(models[0].feature_names_in_) == ["a", "b", "c"]


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_:UserWarning")
def test_sparse_centroids_are_those_of_refits(seed):
    rng = np.random.RandomState(seed)
    X = sparse.random(300, 20, 0.2, "csr", random_state=seed)
    y = rng.randint(0, 3, 300)
    poisons = [(X[:k], (y[:k] + 1) % 3) for k in (0, 5, 120)]
    models = refit_poisoned(NearestCentroid(), X, y, poisons)
    assert models.engine_ == "refit_nearest_centroid"
    wanted = [model.predict(X) for model in fits(NearestCentroid(), X, y, poisons)]
    np.testing.assert_array_equal(models.predict(X), wanted)


@pytest.mark.parametrize("n", [5, 6])
@pytest.mark.parametrize("n_new", [0, 1, 2, 7])
def test_medians_are_those_of_all_rows(n, n_new, seed):
    rng = np.random.RandomState(seed)
    X, X_new = rng.normal(size=(n, 3)), rng.normal(size=(n_new, 3))
    expected = np.median(np.concatenate([X, X_new]), axis=0)
    np.testing.assert_array_equal(_median_with(np.sort(X, axis=0), X_new), expected)


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianNB(var_smoothing=0),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1),
        LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto"),
    ],
)
def test_other_settings_go_to_the_loop(estimator):
    X, y, poisons, X_test = problem("plain", 0)
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == "refit_in_a_loop"
    wanted = [model.predict(X_test) for model in fits(estimator, X, y, poisons)]
    np.testing.assert_array_equal(models.predict(X_test), wanted)


@pytest.mark.parametrize("estimator", ESTIMATORS[::2], ids=str)
def test_single_precision_and_new_labels_go_to_the_loop(estimator):
    X, y, poisons, _ = problem("plain", 0)
    single = [(X_new.astype(np.float32), y_new) for X_new, y_new in poisons]
    models = refit_poisoned(estimator, X.astype(np.float32), y, single)
    assert models.engine_ == "refit_in_a_loop"
    if np.ndim(estimator.priors) == 0:
        models = refit_poisoned(estimator, X, y, [(X[:20], np.full(20, 9))])
        assert models.engine_ == "refit_in_a_loop"


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_bad_rows_are_named(estimator):
    X, y, poisons, _ = problem("plain", 0)
    poisons[2][0][0, 0] = np.nan
    with pytest.raises(ValueError, match="contains NaN") as raised:
        refit_poisoned(estimator, X, y, poisons)
    assert any("poisons[2]" in note for note in raised.value.__notes__)


def test_a_covariance_that_is_singular_is_an_error_of_scikit_learn():
    """Older versions warn, which is an error in tests."""
    X, y, poisons, _ = problem("one-hot", 0)
    estimator, complaint = QuadraticDiscriminantAnalysis(), (LinAlgError, LinAlgWarning)
    with pytest.raises(complaint, match="full rank") as raised:
        estimator.fit(X, y)
    with pytest.raises(raised.type, match="full rank"):
        refit_poisoned(estimator, X, y, poisons)


@pytest.mark.filterwarnings("ignore:The covariance matrix of class")
def test_a_clean_fit_that_fails_hides_no_refit_that_works():
    X, y, _, X_test = problem("plain", 0, n_classes=2)
    one_class, lonely = np.zeros(20, int), np.array([1] + 19 * [0])
    poisons = [(X[20:60], y[20:60]), (X[60:90], y[60:90])]
    for estimator in (
        LinearDiscriminantAnalysis(),
        QuadraticDiscriminantAnalysis(),
        NearestCentroid(),
    ):
        for labels in (one_class, lonely):
            wanted = [
                m.predict(X_test) for m in fits(estimator, X[:20], labels, poisons)
            ]
            models = refit_poisoned(estimator, X[:20], labels, poisons)
            np.testing.assert_array_equal(models.predict(X_test), wanted)


def test_covariances_are_divided_as_in_the_installed_scikit_learn(monkeypatch):
    """With so few rows, one more or less in the divisor moves labels."""
    rng = np.random.RandomState(0)
    X, X_test = rng.normal(size=(16, 1)), np.linspace(-9, 9, 20001)[:, np.newaxis]
    y = np.repeat([0, 1, 2], [3, 5, 8])
    X += 2 * y[:, np.newaxis]
    poisons = [(X[:k] + 1, (y[:k] + 1) % 3) for k in (0, 2, 5)]
    other = tuple(not is_lost for is_lost in _discriminant._degrees_are_lost())
    for estimator in (LinearDiscriminantAnalysis(), QuadraticDiscriminantAnalysis()):
        models = refit_poisoned(estimator, X, y, poisons)
        assert models.engine_ == ENGINES[type(estimator)]
        wanted = [m.predict(X_test) for m in fits(estimator, X, y, poisons)]
        np.testing.assert_array_equal(models.predict(X_test), wanted)
        with monkeypatch.context() as patched:
            patched.setattr(_discriminant, "_degrees_are_lost", lambda: other)
            models = refit_poisoned(estimator, X, y, poisons)
        assert (models.predict(X_test) != wanted).any(axis=1).all()


@pytest.mark.parametrize("constant", [3.3, -0.7, 1e12 / 3, 1e-9])
@pytest.mark.parametrize(
    "estimator",
    [
        LinearDiscriminantAnalysis(tol=1e-8),
        LinearDiscriminantAnalysis(),
        NearestCentroid(priors=[0.7, 0.3]),
        NearestCentroid(shrink_threshold=0.2),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_:UserWarning")
def test_constant_columns_are_as_constant_as_in_refits(estimator, constant):
    for s in range(10):
        rng = np.random.RandomState(s)
        X, y = rng.normal(size=(40, 4)), np.arange(40) % 2
        X[:, 0] = constant
        poisons = [(X[:20] + np.array([0, 1, 1, 1]), y[:20]), (X[:20] + 1, 1 - y[:20])]
        models = refit_poisoned(estimator, X, y, poisons)
        wanted = [model.predict(X) for model in fits(estimator, X, y, poisons)]
        np.testing.assert_array_equal(models.predict(X), wanted)


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_:UserWarning")
def test_a_constant_whole_number_is_exact_and_needs_no_loop():
    X, y, poisons, _ = problem("plain", 0)
    for rows_of in [X, *(X_new for X_new, _ in poisons)]:
        rows_of[:, 0] = 3
    for estimator in (
        LinearDiscriminantAnalysis(),
        NearestCentroid(priors="empirical"),
    ):
        models = refit_poisoned(estimator, X, y, poisons)
        assert models.engine_ == ENGINES[type(estimator)]
    assert refit_poisoned(LinearDiscriminantAnalysis(), X, y, poisons)._is_solved.all()


def test_a_singular_matrix_is_left_to_scikit_learn(monkeypatch):
    X, y, poisons, X_test = problem("plain", 0)

    def fail(*args):
        raise LinAlgError("Singular matrix")

    monkeypatch.setattr(_discriminant._Solver, "_solve", fail)
    models = refit_poisoned(LinearDiscriminantAnalysis(), X, y, poisons)
    assert not models._is_solved.any()
    wanted = fits(LinearDiscriminantAnalysis(), X, y, poisons)
    np.testing.assert_array_equal(
        models.predict(X_test), [model.predict(X_test) for model in wanted]
    )


@pytest.mark.parametrize("estimator", ESTIMATORS[::2], ids=str)
def test_sparse_rows_are_taken_where_scikit_learn_takes_them(estimator):
    X, y, poisons, X_test = problem("plain", 0)
    X_test = sparse.csr_matrix(np.where(X_test > 0, X_test, 0))
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == ENGINES[type(estimator)]
    try:
        wanted = [m.predict(X_test) for m in fits(estimator, X, y, poisons)]
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            models.predict(X_test)
    else:
        np.testing.assert_array_equal(models.predict(X_test), wanted)


@pytest.mark.parametrize("estimator", ESTIMATORS[::2], ids=str)
def test_no_model_is_fitted_where_scores_are_apart(estimator, monkeypatch):
    X, y, poisons, X_test = problem("plain", 0)
    models = refit_poisoned(estimator, X, y, poisons)
    wanted = [model.predict(X_test) for model in fits(estimator, X, y, poisons)]
    monkeypatch.setattr(models, "_model", None)
    np.testing.assert_array_equal(models.predict(X_test), wanted)


def test_no_poison():
    X, y, _, X_test = problem("plain", 0)
    for estimator in ESTIMATORS[::2]:
        assert refit_poisoned(estimator, X, y, []).predict(X_test).shape == (0, 200)


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_a_clean_fit_that_fails_by_an_index_hides_no_refit_that_works():
    """Clean rows that do not vary have no direction to find."""
    X, y = np.zeros((4, 1)), np.array([0, 0, 1, 1])
    poisons = [(np.array([[3.0], [4]]), np.array([1, 1]))]
    with pytest.raises(IndexError):
        LinearDiscriminantAnalysis().fit(X, y)
    wanted = fits(LinearDiscriminantAnalysis(), X, y, poisons)[0].predict(X)
    models = refit_poisoned(LinearDiscriminantAnalysis(), X, y, poisons)
    np.testing.assert_array_equal(models.predict(X)[0], wanted)
