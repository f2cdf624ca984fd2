"""Pipelines whose scalers learn from the poison, against one fit after the other."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
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
