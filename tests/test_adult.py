"""The search of the architecture page, as written, on the real Adult data."""

import numpy as np
import pytest
from imblearn.pipeline import Pipeline
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner
from skpoison.datasets import fetch_adult
from skpoison.metrics import (
    collateral_damage_scorer,
    damage_table,
    target_damage_scorer,
)


@pytest.fixture(scope="module")
def adult(data_home):
    X, y = fetch_adult(data_home=data_home, encoding="paper", return_X_y=True)
    rows = np.random.RandomState(0).permutation(len(X))[:4000]
    return X.iloc[rows], y.iloc[rows]


@pytest.mark.parametrize("name", ["frozen clusters", "features"])
def test_search_over_budgets(adult, name):
    X, y = adult
    if name == "features":
        finder = FeatureMatch([*range(12, 27), *range(52, 57)])
    else:
        scaled = StandardScaler().fit_transform(X)
        finder = FrozenEstimator(ClusterMatch(15, random_state=0).fit(scaled))
    search = GridSearchCV(
        Pipeline(
            [
                ("scale", StandardScaler()),
                ("poison", SubpopPoisoner(finder, random_state=0)),
                ("clf", LogisticRegression(max_iter=1000)),
            ]
        ),
        {"poison__alpha": [0, 0.5, 1, 2], "poison__target": [0, 5]},
        scoring={
            "target": target_damage_scorer,
            "collateral": collateral_damage_scorer,
        },
        refit=False,
        cv=3,
        error_score="raise",
    ).fit(X, y)
    table = damage_table(search).sort_values("alpha")
    for _, rows in table.groupby("target"):
        damage = rows.target_mean.to_numpy()
        collateral = rows.collateral_mean.to_numpy()
        assert damage[0] == collateral[0] == 0
        assert (np.diff(damage) > -0.01).all()
        assert damage[-1] > 0.1
        assert (collateral < 0.04).all()
        assert collateral[-1] < damage[-1] / 2


def test_frozen_finder_hits_the_same_people_in_every_fold(adult):
    X, y = adult
    finder = FeatureMatch(["education-num=9", "sex=Male"]).fit(X)
    poisoner = SubpopPoisoner(FrozenEstimator(finder), target=3, random_state=0)
    parts = np.array_split(np.arange(len(X)), 3)
    expected = finder.membership(X, 3)
    for part in parts:
        poisoner.fit(X.iloc[part], y.iloc[part])
        np.testing.assert_array_equal(poisoner.membership(X), expected)
