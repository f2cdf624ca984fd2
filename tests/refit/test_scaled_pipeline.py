"""Pipelines whose scalers learn from the poison, against one fit after the other."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from skpoison.refit import refit_poisoned
from skpoison.refit._scaled_pipeline import refit_scaled_pipeline
from skpoison.utils._containers import append


def make_data(n_classes=2, n=250):
    """Rows far from scaled, and poison that moves means and ranges."""
    X, y = make_classification(
        n, 6, n_informative=5, n_redundant=1, n_classes=n_classes, random_state=0
    )
    X = 5 * X + 3
    poisons = [(X[:0], y[:0]), (X[:40] * 3, y[10:50]), (X[:7] - 30, y[20:27])]
    return X, y, poisons


def make_frames(n=250):
    """The same as frames with two categorical columns and one missing value."""
    X, y, poisons = make_data(n=n)

    def as_frame(rows):
        frame = pd.DataFrame(rows[:, :4], columns=list("abcd"))
        frame["e"] = np.where(rows[:, 4] > 3, "u", "v")
        frame["f"] = pd.Categorical(np.where(rows[:, 5] > 3, "x", "y"), ["x", "y"])
        return frame

    X, poisons = as_frame(X), [(as_frame(rows), labels) for rows, labels in poisons]
    X.loc[3, "f"] = np.nan
    return X, y, poisons


def demean(rows):
    """Look at all rows at once."""
    return rows - rows.mean(axis=0)


def assert_as_fits(estimator, X, y, poisons):
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == "refit_scaled_pipeline"
    assert models.converged_.all()
    predictions = models.predict(X)
    for j, (rows, labels) in enumerate(poisons):
        real = clone(estimator)
        real[-1].set_params(solver="newton-cholesky", tol=1e-12)
        real.fit(append(X, rows), np.concatenate([y, labels]))
        values = real.decision_function(X)
        found = models[j].decision_function(X)
        assert np.abs(found - values).max() <= 1e-6 * values.std()
        np.testing.assert_allclose(models[j][-1].coef_, real[-1].coef_, atol=1e-6)
        np.testing.assert_array_equal(predictions[j], real.predict(X))
        np.testing.assert_array_equal(predictions[j], models[j].predict(X))
        assert set(vars(models[j][-1])) == set(vars(real[-1]))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "before",
    [
        [StandardScaler()],
        [StandardScaler(with_std=False)],
        [MinMaxScaler((-1, 2))],
        [MaxAbsScaler()],
        [FunctionTransformer(np.cbrt), StandardScaler(), "passthrough"],
        [SimpleImputer(strategy="constant"), make_pipeline(StandardScaler())],
    ],
)
def test_scalers_are_refitted(before, n_classes):
    X, y, poisons = make_data(n_classes)
    estimator = make_pipeline(*before, LogisticRegression(class_weight="balanced"))
    assert_as_fits(estimator, X, y, poisons)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("scaler", [StandardScaler(with_mean=False), MaxAbsScaler()])
def test_sparse_rows_are_scaled(scaler, fit_intercept):
    X, y, poisons = make_data()
    X = sparse.csr_matrix(np.where(X > 0, X, 0))
    poisons = [(sparse.csr_matrix(rows), labels) for rows, labels in poisons]
    last = LogisticRegression(fit_intercept=fit_intercept)
    assert_as_fits(make_pipeline(scaler, last), X, y, poisons)


@pytest.mark.parametrize("encoder", [OneHotEncoder(drop="first"), OrdinalEncoder()])
@pytest.mark.parametrize("remainder", ["passthrough", "drop", MinMaxScaler()])
def test_columns_are_transformed_each_in_its_way(encoder, remainder):
    X, y, poisons = make_frames()
    X["f"] = X["f"].fillna("x")
    columns = make_column_transformer(
        (encoder, ["e", "f"]), (StandardScaler(), ["a", "b"]), remainder=remainder
    )
    assert_as_fits(make_pipeline(columns, LogisticRegression()), X, y, poisons)


def test_missing_categories_and_unmoved_fillings_are_taken():
    X, y, poisons = make_frames()
    fill = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    columns = make_column_transformer(
        (fill, ["e"]), (OneHotEncoder(), ["f"]), (StandardScaler(), list("abcd"))
    )
    poisons = [poisons[0], (poisons[1][0].iloc[:5], poisons[1][1][:5])]
    assert_as_fits(make_pipeline(columns, LogisticRegression()), X, y, poisons)


@pytest.mark.parametrize(
    "before",
    [
        [RobustScaler()],
        [MinMaxScaler(clip=True)],
        [StandardScaler(), MinMaxScaler()],
        [SimpleImputer(strategy="mean"), StandardScaler()],
        [make_pipeline(StandardScaler(copy=False))],
        [FrozenEstimator(MaxAbsScaler(copy=False).fit(np.eye(6))), StandardScaler()],
        [FunctionTransformer(demean), StandardScaler()],
        [FrozenEstimator(FunctionTransformer(demean)), StandardScaler()],
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_changes_are_left_to_the_loop(before):
    X, y, poisons = make_data()
    estimator = make_pipeline(*before, LogisticRegression())
    assert refit_poisoned(estimator, X, y, poisons).engine_ == "refit_in_a_loop"


@pytest.mark.parametrize("last", [{"fit_intercept": False}, {"solver": "liblinear"}])
def test_shifts_need_a_free_intercept(last):
    X, y, poisons = make_data()
    estimator = make_pipeline(StandardScaler(), LogisticRegression(**last))
    assert refit_poisoned(estimator, X, y, poisons).engine_ == "refit_in_a_loop"


def test_new_categories_are_left_to_the_loop():
    X, y, poisons = make_frames()
    poisons[2] = poisons[2][0].assign(e="new"), poisons[2][1]
    columns = make_column_transformer(
        (OneHotEncoder(), ["e"]), (StandardScaler(), list("abcd"))
    )
    estimator = make_pipeline(columns, LogisticRegression(max_iter=1000))
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == "refit_in_a_loop"


def test_estimates_are_made_behind_scalers_as_well():
    X, y, poisons = make_data()
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    models = refit_poisoned(estimator, X, y, poisons, fidelity="influence")
    assert models.engine_ == "estimate_scaled_pipeline"
    assert models.converged_.tolist() == [True, False, False]
    exact = refit_poisoned(estimator, X, y, poisons)
    np.testing.assert_allclose(models[0][-1].coef_, exact[0][-1].coef_, atol=1e-7)


def test_what_is_hard_to_solve_is_never_far_from_the_optimum():
    X, y, _ = make_data()
    rng = np.random.RandomState(0)
    poisons = []
    for label in (0, 1):
        for size in (5, 60):
            rows = X[rng.choice(len(X), size)] * 100
            poisons.append((rows, np.full(size, label)))
    last = LogisticRegression(C=1000, class_weight="balanced", max_iter=1000)
    estimator = make_pipeline(StandardScaler(), last)
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == "refit_scaled_pipeline"
    for j, (rows, labels) in enumerate(poisons):
        X_all, y_all = np.concatenate([X, rows]), np.concatenate([y, labels])
        real = clone(estimator).fit(X_all, y_all)
        found, least = (objective(m, X_all, y_all) for m in (models[j], real))
        assert found <= least * (1 + 1e-6)


def objective(model, X, y):
    """Sum of the balanced log losses, with the penalty."""
    last, Z = model[-1], model.decision_function(X)
    weights = len(y) / (2 * np.bincount(y))[y]
    losses = weights * np.logaddexp(0, np.where(y == 1, -Z, Z))
    return losses.sum() + (last.coef_**2).sum() / (2 * last.C)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_models_that_stop_early_are_fitted_one_by_one(n_classes, monkeypatch):
    X, y, poisons = make_data(n_classes)
    steps = {np.float32: 1, np.float64: 1}
    monkeypatch.setattr("skpoison.refit._quasi_newton.MAX_STEPS", steps)
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.converged_.all()
    predictions = models.predict(X)
    assert np.isnan(models.gradient_norms_[1:]).all()
    for j, (rows, labels) in list(enumerate(poisons))[1:]:
        real = clone(estimator).fit(append(X, rows), np.concatenate([y, labels]))
        np.testing.assert_allclose(models[j][-1].coef_, real[-1].coef_, atol=1e-12)
        np.testing.assert_array_equal(predictions[j], real.predict(X))


@pytest.mark.parametrize("fidelity", ["refit", "influence"])
def test_models_can_be_pickled(fidelity):
    X, y, poisons = make_data()
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    models = refit_poisoned(estimator, X, y, poisons, fidelity=fidelity)
    copies = pickle.loads(pickle.dumps(models))
    np.testing.assert_array_equal(copies.predict(X), models.predict(X))
    np.testing.assert_array_equal(copies[1][-1].coef_, models[1][-1].coef_)


def test_gradient_norms_are_those_of_what_the_model_sees():
    X, y, poisons = make_data()
    estimator = make_pipeline(MinMaxScaler((1, 3)), LogisticRegression())
    models = refit_poisoned(estimator, X, y, poisons, fidelity="influence")
    for j, (rows, labels) in enumerate(poisons):
        model, X_all = models[j], append(X, rows)
        seen, y_all = model[:-1].transform(X_all), np.concatenate([y, labels])
        residuals = model.predict_proba(X_all)[:, 1] - y_all
        gradient = residuals @ seen + model[-1].coef_[0]
        norm = max(abs(gradient).max(), abs(residuals.sum())) / len(y_all)
        np.testing.assert_allclose(models.gradient_norms_[j], norm, atol=1e-12)


@pytest.mark.parametrize(
    "last",
    [{}, {"fit_intercept": False}, {"fit_intercept": False, "solver": "liblinear"}],
)
def test_single_precision_gives_what_a_fit_gives(last):
    X, y, poisons = make_data()
    X, poisons = X.astype("f"), [(rows.astype("f"), labels) for rows, labels in poisons]
    estimator = make_pipeline(MaxAbsScaler(), LogisticRegression(**last))
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == "refit_scaled_pipeline"
    real = clone(estimator).fit(X, y)[-1]
    for name in ("coef_", "intercept_", "n_iter_"):
        found, expected = getattr(models[0][-1], name), getattr(real, name)
        assert type(found) is type(expected)
        assert np.asarray(found).dtype == np.asarray(expected).dtype
        assert np.shape(found) == np.shape(expected)


def test_input_is_left_alone():
    X, y, poisons = make_data()
    before = X.copy()
    estimator = make_pipeline(StandardScaler(copy=False), LogisticRegression())
    models = refit_scaled_pipeline(estimator, X, y, poisons, n_jobs=None)
    assert models is NotImplemented
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("scaler", "dtype"),
    [(MinMaxScaler(), float), (StandardScaler(with_mean=False), np.float32)],
)
def test_features_that_are_rounding_errors_are_scaled_by_scikit_learn(scaler, dtype):
    """A constant that poison moves in its last digit; means that hide deviations."""
    X, y, _ = make_data()
    rng = np.random.RandomState(0)
    if dtype is float:
        X[:, 1] = 3.3
        X_new = X[:60].copy()
        X_new[:, 1] += 1e-15 * rng.randn(60)
    else:
        X[:, 1:] = (X[:, 1:] + 1e5).astype(np.float32)
        X, X_new = X.astype(dtype), X[:60].astype(dtype)
    estimator = make_pipeline(scaler, LogisticRegression(max_iter=1000))
    poisons = [(X_new, 1 - y[:60])]
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == "refit_scaled_pipeline"
    real = clone(estimator).fit(append(X, X_new), np.concatenate([y, 1 - y[:60]]))
    np.testing.assert_array_equal(models[0][-1].coef_, real[-1].coef_)
    np.testing.assert_array_equal(models.predict(X)[0], real.predict(X))
