"""Linear engines against one fit after the other."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import LinearSVC

from skpoison.refit import _linear_solver, _logistic, refit_poisoned
from skpoison.utils._containers import append

EXACT = {
    LogisticRegression: {"solver": "newton-cholesky", "tol": 1e-12},
    LinearSVC: {"tol": 1e-10, "max_iter": 1_000_000, "dual": False},
    RidgeClassifier: {"tol": 1e-13},
}
WEIGHTS = (None, "balanced", {0: 1, 1: 3.0})
# Until scikit-learn 1.8 the penalty was asked for by name.
BY_NAME = LogisticRegression().penalty != "deprecated"
L1 = {"penalty": "l1"} if BY_NAME else {"l1_ratio": 1}


def make_data(seed, n_classes=2, n=250, d=6, n_poisons=4):
    """Rows, labels, and copies of rows, some moved, under one label; one is empty."""
    rng = np.random.RandomState(seed)
    X, y = make_classification(
        n,
        d,
        n_informative=5,
        n_redundant=0,
        n_classes=n_classes,
        random_state=seed,
    )
    poisons = [(X[:0], y[:0])]
    for j in range(n_poisons):
        rows = X[rng.randint(n, size=rng.randint(1, 80))]
        noise = 0.5 * (j % 2) * rng.randn(*rows.shape)
        poisons.append((rows + noise, np.full(len(rows), rng.randint(n_classes))))
    return X, y, poisons


def exact_fit(estimator, X, y, X_poison, y_poison):
    model = clone(estimator).set_params(**EXACT[type(estimator)])
    if getattr(estimator, "solver", None) == "liblinear":
        model = clone(estimator).set_params(tol=1e-10, max_iter=1_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(append(X, X_poison), np.concatenate([y, y_poison]))


def assert_as_fits(models, estimator, X, y, poisons, tol=1e-6):
    predictions = models.predict(X)
    for j, poison in enumerate(poisons):
        real = exact_fit(estimator, X, y, *poison)
        values = real.decision_function(X)
        found = models[j].decision_function(X)
        assert np.abs(found - values).max() <= tol * values.std()
        np.testing.assert_array_equal(predictions[j], models[j].predict(X))
        at_border = np.abs(values) < tol if values.ndim == 1 else np.zeros(len(y), bool)
        assert (at_border | (predictions[j] == real.predict(X))).all()


@pytest.mark.parametrize("estimator_class", [LogisticRegression, LinearSVC])
@given(
    seed=st.integers(0, 10**6),
    n_classes=st.integers(2, 4),
    log_C=st.floats(-3, 4),
    class_weight=st.sampled_from(WEIGHTS),
    fit_intercept=st.booleans(),
    is_sparse=st.booleans(),
)
@settings(max_examples=25)
def test_the_optimum_is_that_of_a_fit(
    estimator_class, seed, n_classes, log_C, class_weight, fit_intercept, is_sparse
):
    X, y, poisons = make_data(seed, n_classes)
    if estimator_class is LinearSVC:
        log_C = min(log_C, 1)  # where liblinear is exact enough to compare with
    estimator = estimator_class(
        C=10**log_C, class_weight=class_weight, fit_intercept=fit_intercept
    )
    if is_sparse:
        X = sparse.csr_matrix(X)
        poisons = [(sparse.csr_matrix(rows), labels) for rows, labels in poisons]
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ != "refit_in_a_loop"
    assert models.converged_.all()
    tol = 1e-6 if estimator_class is LogisticRegression else 1e-5
    assert_as_fits(models, estimator, X, y, poisons, tol)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("class_weight", WEIGHTS)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("is_sparse", [True, False])
def test_ridge_is_exact(n_classes, class_weight, fit_intercept, is_sparse, seed):
    X, y, poisons = make_data(seed, n_classes)
    estimator = RidgeClassifier(class_weight=class_weight, fit_intercept=fit_intercept)
    if is_sparse:
        X = sparse.csr_matrix(X)
        poisons = [(sparse.csr_matrix(rows), labels) for rows, labels in poisons]
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == "refit_ridge"
    assert models.gradient_norms_.max() < 1e-9
    assert_as_fits(models, estimator, X, y, poisons, 1e-9)


def test_ridge_keeps_its_digits_where_means_are_large(seed):
    X, y, poisons = make_data(seed)
    poisons = [(rows + 1e5, labels) for rows, labels in poisons]
    models = refit_poisoned(RidgeClassifier(), X + 1e5, y, poisons)
    assert_as_fits(models, RidgeClassifier(), X + 1e5, y, poisons, 1e-8)


@pytest.mark.parametrize("settings", [{}, {"fit_intercept": False}])
@pytest.mark.parametrize("scaling", [1, 5.0])
def test_liblinear_penalizes_its_intercept(settings, scaling, seed):
    X, y, poisons = make_data(seed)
    estimator = LogisticRegression(
        solver="liblinear", intercept_scaling=scaling, **settings
    )
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == "refit_logistic"
    assert_as_fits(models, estimator, X, y, poisons)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradients_vanish_as_the_formula_says(n_classes, seed):
    X, y, poisons = make_data(seed, n_classes)
    C = 2.0
    models = refit_poisoned(LogisticRegression(C=C, tol=1e-9), X, y, poisons)
    for j, (rows, labels) in enumerate(poisons):
        model, X_all = models[j], np.concatenate([X, rows])
        y_all = np.concatenate([y, labels])
        residuals = model.predict_proba(X_all) - (y_all[:, None] == model.classes_)
        residuals = residuals[:, 1:] if n_classes == 2 else residuals
        gradient = residuals.T @ X_all + model.coef_ / C
        norm = max(abs(gradient).max(), abs(residuals.sum(axis=0)).max()) / len(y_all)
        assert norm < 1e-9
        np.testing.assert_allclose(norm, models.gradient_norms_[j], atol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("C", [1, 1e4])
@pytest.mark.parametrize("scale", [10, 1e3])
def test_outliers_in_thousands_of_copies_do_not_matter(n_classes, C, scale):
    X, y, _ = make_data(0, n_classes)
    outliers = scale * np.random.RandomState(0).randn(3, X.shape[1])
    poisons = [
        (np.repeat(outlier[np.newaxis], n, axis=0), np.full(n, label))
        for outlier in outliers
        for n in (1, 5000)
        for label in (0, 1)
    ]
    estimator = LogisticRegression(C=C)
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.converged_.all()
    assert_as_fits(models, estimator, X, y, poisons, 1e-4)


@pytest.mark.parametrize("C", [1, 1e4])
def test_separable_data_has_an_optimum(C, seed):
    X, y, poisons = make_data(seed)
    X = X + 20 * (2 * y - 1)[:, np.newaxis]
    estimator = LogisticRegression(C=C)
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.converged_.all()
    assert_as_fits(models, estimator, X, y, poisons, 1e-4)


def test_constant_and_repeated_features_do_not_matter(seed):
    X, y, poisons = make_data(seed)

    def widen(rows):
        return np.c_[rows, rows, np.ones(len(rows)), np.zeros(len(rows))]

    poisons = [(widen(rows), labels) for rows, labels in poisons]
    for estimator in (LogisticRegression(C=1e4), RidgeClassifier(), LinearSVC()):
        models = refit_poisoned(estimator, widen(X), y, poisons)
        assert_as_fits(models, estimator, widen(X), y, poisons, 1e-5)


@pytest.mark.parametrize("d", [200, 1500])
@pytest.mark.parametrize("is_sparse", [True, False])
def test_there_may_be_more_features_than_rows(d, is_sparse, monkeypatch):
    X, y, poisons = make_data(0, n=60, d=d)
    if is_sparse:
        X = sparse.csr_matrix(X)
        poisons = [(sparse.csr_matrix(rows), labels) for rows, labels in poisons]
    estimator = LogisticRegression(C=0.1)
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.converged_.all()
    monkeypatch.setitem(EXACT[LogisticRegression], "solver", "newton-cg")
    assert_as_fits(models, estimator, X, y, poisons, 1e-5)


def test_many_features_and_rows_need_no_matrix(monkeypatch):
    X, y, poisons = make_data(0, n=300, d=40)
    monkeypatch.setattr(_linear_solver, "MAX_MATRIX_FEATURES", 10)
    models = refit_poisoned(LogisticRegression(), X, y, poisons)
    assert models.converged_.all()
    assert_as_fits(models, LogisticRegression(), X, y, poisons)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_single_precision_on_the_way_does_not_show(n_classes, monkeypatch, seed):
    X, y, poisons = make_data(seed, n_classes)
    monkeypatch.setattr(_linear_solver, "MANY_MARGINS", 0)
    models = refit_poisoned(LogisticRegression(), X, y, poisons)
    assert models.converged_.all()
    assert_as_fits(models, LogisticRegression(), X, y, poisons, 1e-5)


@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearSVC()])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_models_do_not_depend_on_their_company(estimator, n_classes, monkeypatch, seed):
    X, y, poisons = make_data(seed, n_classes, n_poisons=7)
    together = refit_poisoned(estimator, X, y, poisons)
    n_chunks = lambda task, _: task.penalty.shape[2]  # noqa: E731
    monkeypatch.setattr(_linear_solver, "_n_chunks", n_chunks)
    one_by_one = refit_poisoned(estimator, X, y, poisons)
    alone = refit_poisoned(estimator, X, y, poisons[3:4])
    for j in range(len(poisons)):
        values = together[j].decision_function(X)
        np.testing.assert_allclose(
            one_by_one[j].decision_function(X), values, rtol=0, atol=1e-8
        )
    np.testing.assert_allclose(
        alone[0].decision_function(X),
        together[3].decision_function(X),
        rtol=0,
        atol=1e-8,
    )


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        LogisticRegression(fit_intercept=False, class_weight="balanced"),
        LogisticRegression(solver="liblinear"),
        LogisticRegression(solver="liblinear", fit_intercept=False),
        LinearSVC(),
        LinearSVC(fit_intercept=False),
        RidgeClassifier(),
        RidgeClassifier(fit_intercept=False, solver="svd"),
    ],
)
@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], ["a", "b", "c"]])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_models_have_the_attributes_of_fits(estimator, labels, dtype):
    if len(labels) == 3 and getattr(estimator, "solver", None) == "liblinear":
        pytest.skip("liblinear's logistic regression is for two classes")
    X, y, poisons = make_data(0, len(labels))
    names = [f"x{j}" for j in range(X.shape[1])]

    def as_user_data(rows, codes):
        return pd.DataFrame(rows.astype(dtype), columns=names), np.array(labels)[codes]

    poisons = [as_user_data(*poison) for poison in poisons]
    X, y = as_user_data(X, y)
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ != "refit_in_a_loop"
    for j, poison in enumerate(poisons):
        found = vars(models[j])
        real = vars(exact_fit(estimator, X, y, *poison))
        assert set(found) == set(real)
        for name in found:
            if name.endswith("_"):
                assert type(found[name]) is type(real[name]), name
                assert np.shape(found[name]) == np.shape(real[name]), name
            if isinstance(found[name], np.ndarray):
                assert found[name].dtype == real[name].dtype, name
        assert models[j].get_params() == estimator.get_params()
    assert set(np.unique(models.predict(X))) <= set(labels)


@pytest.mark.parametrize("estimator", [LogisticRegression(), RidgeClassifier()])
def test_input_is_left_alone(estimator):
    X, y, poisons = make_data(0)
    before = X.copy(), y.copy(), [(a.copy(), b.copy()) for a, b in poisons]
    refit_poisoned(estimator, X, y, poisons).predict(X)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
    for now, then in zip(poisons, before[2], strict=True):
        np.testing.assert_array_equal(now[0], then[0])
        np.testing.assert_array_equal(now[1], then[1])


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), LinearSVC(), RidgeClassifier()]
)
@pytest.mark.parametrize("where", ["clean", "poison"])
def test_missing_values_raise_the_error_of_the_estimator(estimator, where):
    X, y, poisons = make_data(0)
    (X if where == "clean" else poisons[2][0])[0, 0] = np.nan
    name = type(estimator).__name__
    with pytest.raises(ValueError, match=f"NaN.\n{name} does not accept") as caught:
        refit_poisoned(estimator, X, y, poisons)
    if where == "poison":
        assert caught.value.__notes__ == [f"{name} was fitted on poisons[2]."]


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(C=np.inf),
        LogisticRegression(**L1, solver="saga", max_iter=5),
        LinearSVC(loss="hinge", max_iter=5),
        LinearSVC(multi_class="crammer_singer", max_iter=5),
        RidgeClassifier(alpha=0),
        RidgeClassifier(positive=True),
        RidgeClassifier(solver="lsqr", max_iter=3),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_settings_are_left_to_the_loop(estimator):
    X, y, poisons = make_data(0)
    assert refit_poisoned(estimator, X, y, poisons).engine_ == "refit_in_a_loop"


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), LinearSVC(), RidgeClassifier()]
)
def test_a_class_of_the_poison_alone_is_left_to_the_loop(estimator):
    X, y, poisons = make_data(0)
    poisons.append((X[:9], np.full(9, 7)))
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == "refit_in_a_loop"
    assert models[-1].classes_.tolist() == [0, 1, 7]


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), LinearSVC(), RidgeClassifier()]
)
def test_there_may_be_no_poison(estimator):
    X, y, _ = make_data(0)
    assert refit_poisoned(estimator, X, y, []).predict(X).shape == (0, len(X))
    models = refit_poisoned(estimator, X, y, [(X[:0], y[:0])] * 2)
    assert_as_fits(models, estimator, X, y, [(X[:0], y[:0])] * 2, 1e-5)


@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearSVC()])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_models_that_stop_early_are_fitted_one_by_one(
    estimator, n_classes, monkeypatch
):
    X, y, poisons = make_data(0, n_classes)
    steps = {np.float32: 1, np.float64: 1}
    monkeypatch.setattr("skpoison.refit._quasi_newton.MAX_STEPS", steps)
    estimator.set_params(random_state=0)
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.converged_.all()
    assert np.isnan(models.gradient_norms_).any()
    predictions = models.predict(X)
    for j in np.flatnonzero(np.isnan(models.gradient_norms_)):
        rows, labels = poisons[j]
        real = clone(estimator).fit(append(X, rows), np.concatenate([y, labels]))
        np.testing.assert_allclose(models[j].coef_, real.coef_, atol=1e-12)
        np.testing.assert_array_equal(predictions[j], real.predict(X))


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), LinearSVC(), RidgeClassifier()]
)
@pytest.mark.parametrize("fidelity", ["refit", "influence"])
def test_models_can_be_pickled(estimator, fidelity):
    X, y, poisons = make_data(0)
    models = refit_poisoned(estimator, X, y, poisons, fidelity=fidelity)
    copies = pickle.loads(pickle.dumps(models))
    np.testing.assert_array_equal(copies.predict(X), models.predict(X))
    np.testing.assert_array_equal(copies[1].coef_, models[1].coef_)


def test_models_share_no_arrays():
    X, y, poisons = make_data(0)
    models = refit_poisoned(LogisticRegression(), X, y, poisons)
    before = models.predict(X)
    models[1].coef_[:] = 0
    np.testing.assert_array_equal(models.predict(X), before)


@pytest.mark.skipif(
    "multi_class" not in LogisticRegression().get_params(),
    reason="this scikit-learn has one scheme only",
)
@pytest.mark.parametrize(
    ("scheme", "solver", "n_classes", "is_covered"),
    [
        ("ovr", "lbfgs", 3, False),
        ("multinomial", "lbfgs", 2, False),
        ("auto", "lbfgs", 3, True),
        ("ovr", "liblinear", 2, True),
    ],
)
@pytest.mark.filterwarnings("ignore:'multi_class' was deprecated:FutureWarning")
def test_several_binary_models_are_left_to_the_loop(
    scheme, solver, n_classes, is_covered
):
    X, y, poisons = make_data(0, n_classes)
    estimator = LogisticRegression(multi_class=scheme, solver=solver)
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == ("refit_logistic" if is_covered else "refit_in_a_loop")


@pytest.mark.parametrize("is_empty", [False, True])
def test_huge_poison_is_not_for_liblinear(is_empty):
    X, y, poisons = make_data(0)
    poisons[1] = np.full((1, X.shape[1]), 1e31)[: 1 - is_empty], y[: 1 - is_empty]
    inputs = _logistic.read_logistic(
        LogisticRegression(solver="liblinear"), X, y, poisons[:2]
    )
    assert (inputs is not None) == is_empty


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), LinearSVC(), RidgeClassifier()]
)
def test_labels_have_the_dtype_of_a_fit(estimator):
    X, y, poisons = make_data(0)
    names = np.array(["no", "yes"], dtype=object)
    poisons = [(rows, names[labels]) for rows, labels in poisons]
    models = refit_poisoned(estimator, X, names[y], poisons)
    real = exact_fit(estimator, X, names[y], *poisons[1])
    assert models[1].classes_.dtype == real.classes_.dtype
    assert models.predict(X).dtype == real.predict(X).dtype


@pytest.mark.parametrize("offset", [0, 1e4])
def test_many_classes_without_a_penalty_to_speak_of_have_their_optimum(offset):
    """One matrix an output bends otherwise than all outputs together."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, 6, 80)
        X = rng.normal(size=(80, 3)) + rng.normal(size=(6, 3))[codes] + offset
        y = rng.permutation(codes)
        many = np.repeat(X[:1], 300, axis=0), np.full(300, (y[0] + 1) % 6)
        poisons = [(X[:70], (y[:70] + 1) % 6), many]
        estimator = LogisticRegression(C=1e5, fit_intercept=offset == 0)
        models = refit_poisoned(estimator, X, y, poisons)
        assert models.converged_.all()
        assert np.isfinite(models.gradient_norms_).all()
        assert models.gradient_norms_.max() < 1e-4


def test_second_derivatives_across_outputs_are_those_of_products():
    X, y, poisons = make_data(0, n_classes=3)
    estimator = LogisticRegression(class_weight="balanced")
    inputs = _logistic.read_logistic(estimator, X, y, poisons)
    problem = _logistic.logistic_task(estimator, inputs).problem(np.arange(5))
    w = np.random.RandomState(0).randn(X.shape[1] + 1, 3)
    H, one = problem.whole_curvature(w, 2), np.array([2])
    for seed in range(3):
        # A shift of all outputs by the same is bent on purpose.
        v = np.random.RandomState(seed).randn(*w.shape)
        v -= v.mean(axis=1, keepdims=True)
        wanted = problem.curvature_product(w[..., None], v[..., None], one)[..., 0]
        np.testing.assert_allclose((H @ v.T.ravel()).reshape(3, -1).T, wanted)


def test_ridge_takes_means_off_sparse_rows_without_zeros(seed):
    rng = np.random.RandomState(seed)
    y = rng.randint(3, size=80)
    X = sparse.csr_matrix(rng.randn(80, 3) + np.array([0, 1e6, 1e6]))
    poisons = [(X[:30], (y[:30] + 1) % 3)]
    real = exact_fit(RidgeClassifier(), X.toarray(), y, X[:30].toarray(), poisons[0][1])
    found = refit_poisoned(RidgeClassifier(), X, y, poisons)[0]
    np.testing.assert_allclose(found.coef_, real.coef_, rtol=1e-6, atol=1e-9)
