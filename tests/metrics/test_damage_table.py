import numpy as np
import pytest
from imblearn.pipeline import Pipeline
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.metrics import (
    collateral_damage_scorer,
    damage_table,
    target_damage_scorer,
)


@pytest.fixture
def model(blobs):
    finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(blobs[0]))
    poisoner = SubpopPoisoner(finder, random_state=0)
    return Pipeline([("poison", poisoner), ("clf", DecisionTreeClassifier())])


def test_one_row_for_each_candidate(blobs, model):
    X, y, _ = blobs
    grid = {"poison__alpha": [0, 1, 2], "poison__target": [0, 1]}
    scoring = {"target": target_damage_scorer, "collateral": collateral_damage_scorer}
    search = GridSearchCV(model, grid, scoring=scoring, refit=False).fit(X, y)
    table = damage_table(search)
    assert list(table) == [
        "alpha",
        "target",
        "target_mean",
        "target_std",
        "target_folds",
        "collateral_mean",
        "collateral_std",
        "collateral_folds",
    ]
    assert len(table) == 6
    assert (np.diff(table.target_mean) <= 0).all()
    clean = table[table.alpha == 0]
    assert not clean[["target_mean", "collateral_mean"]].to_numpy().any()
    results = search.cv_results_
    order = np.argsort(-results["mean_test_target"], kind="stable")
    np.testing.assert_allclose(table.target_mean, results["mean_test_target"][order])
    np.testing.assert_allclose(table.target_std, results["std_test_target"][order])


def test_single_metric_and_clashing_names(blobs, model):
    X, y, _ = blobs
    seeds = {"poison__random_state": [0, 1], "clf__random_state": [0]}
    search = RandomizedSearchCV(
        model,
        seeds | {"poison__alpha": [1]},
        n_iter=2,
        scoring=target_damage_scorer,
        random_state=0,
    ).fit(X, y)
    assert set(damage_table(search)) == {
        *("poison__random_state", "clf__random_state", "alpha"),
        *("score_mean", "score_std", "score_folds"),
    }


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_folds_without_the_target_are_left_out(blobs, model):
    X, y, _ = blobs
    model.set_params(poison__target=lambda X: X[:, 0] < np.sort(blobs[0][:, 0])[4])
    search = GridSearchCV(
        model, {"poison__alpha": [2]}, scoring={"t": target_damage_scorer}, refit=False
    ).fit(X, y)
    row = damage_table(search).iloc[0]
    folds = [search.cv_results_[f"split{k}_test_t"][0] for k in range(5)]
    assert 0 < row.t_folds < 5
    assert row.t_folds == np.isfinite(folds).sum()
    assert row.t_mean == pytest.approx(np.nanmean(folds))


def test_scoring_by_one_callable(blobs, model):
    X, y, _ = blobs

    def both(estimator, X, y):
        damage = target_damage_scorer(estimator, X, y)
        return {"damage": damage, "accuracy": estimator.score(X, y)}

    search = GridSearchCV(model, {"poison__alpha": [1]}, scoring=both, refit=False)
    table = damage_table(search.fit(X, y))
    assert {"damage_mean", "accuracy_mean"} < set(table)


def test_not_fitted(model):
    with pytest.raises(NotFittedError):
        damage_table(GridSearchCV(model, {}))
