"""What sanitizers promise on noise that they were made for, and on rows of any kind."""

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import Pipeline
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from skpoison import FeatureMatch, SubpopPoisoner
from skpoison.defenses import (
    ConfidentLearning,
    IterativeTrimmedLoss,
    LossFilter,
    Sever,
    SlabFilter,
    SphereFilter,
    Trim,
)

NETWORK = MLPClassifier((8,), learning_rate_init=0.01, batch_size=32)
FOR_FLIPS = [
    Trim(),
    IterativeTrimmedLoss(),
    IterativeTrimmedLoss(SGDClassifier(loss="log_loss")),
    IterativeTrimmedLoss(NETWORK),
    IterativeTrimmedLoss(RandomForestClassifier(20)),
    Sever(),
    LossFilter(),
    ConfidentLearning(),
]
FOR_OUTLIERS = [SphereFilter(), SlabFilter(), Sever()]
DEFENSES = [*FOR_FLIPS[:3], Sever(), Sever(variant="paper"), LossFilter()]
DEFENSES += [SphereFilter(), SlabFilter(), ConfidentLearning()]


def clean_rows(seed, n_classes=2):
    return make_classification(
        400,
        n_features=6,
        n_informative=6,
        n_redundant=0,
        n_classes=n_classes,
        n_clusters_per_class=1,
        class_sep=2.5,
        flip_y=0,
        random_state=seed,
    )


def with_flips(seed, n_classes=2):
    X, y = clean_rows(seed, n_classes)
    rng = np.random.RandomState(seed)
    bad = rng.choice(len(X), len(X) // 10, replace=False)
    y[bad] = (y[bad] + rng.randint(1, n_classes, len(bad))) % n_classes
    return X, y, bad


def with_outliers(seed):
    X, y = clean_rows(seed)
    bad = np.random.RandomState(seed).choice(len(X), len(X) // 10, replace=False)
    middles = np.stack([X[y == label].mean(axis=0) for label in (0, 1)])
    # Far out on the wrong side.
    X[bad] += 3 * (middles[1 - y[bad]] - middles[y[bad]])
    return X, y, bad


def removed_by(defense, X, y):
    return np.setdiff1d(np.arange(len(y)), defense.fit(X, y).sample_indices_)


@pytest.mark.parametrize("contamination", ["auto", 40])
@pytest.mark.parametrize("defense", FOR_FLIPS, ids=str)
def test_most_random_flips_are_removed(defense, contamination, seed):
    n_classes = 2 + seed % 2
    X, y, bad = with_flips(seed, n_classes)
    defense = clone(defense).set_params(contamination=contamination, random_state=0)
    removed = removed_by(defense, X, y)
    assert len(removed) <= 40 + 1  # where classes round apart
    assert np.isin(bad, removed).mean() > 0.5  # removal at random has 0.1
    is_bad = np.isin(np.arange(len(y)), bad)
    assert np.median(defense.scores_[is_bad]) > np.quantile(
        defense.scores_[~is_bad], 0.9
    )


@pytest.mark.parametrize("contamination", ["auto", 40])
@pytest.mark.parametrize("defense", FOR_OUTLIERS, ids=str)
def test_most_outliers_are_removed(defense, contamination, seed):
    X, y, bad = with_outliers(seed)
    defense = clone(defense).set_params(contamination=contamination, random_state=0)
    assert np.isin(bad, removed_by(defense, X, y)).mean() > 0.7


@pytest.mark.parametrize("max_share", [0.03, 0.1])
@pytest.mark.parametrize("defense", DEFENSES, ids=str)
def test_clean_data_loses_at_most_the_share(defense, max_share, seed):
    X, y = clean_rows(seed, 3)
    defense = clone(defense).set_params(max_share=max_share, random_state=0)
    assert len(removed_by(defense, X, y)) <= max_share * len(y)


@pytest.mark.parametrize("defense", DEFENSES, ids=str)
def test_a_share_and_a_count_are_what_is_removed(defense):
    X, y, _ = with_flips(0)
    for contamination in (0.1, 40):
        defense = clone(defense).set_params(contamination=contamination, random_state=0)
        # Classes that are judged apart round apart.
        assert abs(len(removed_by(defense, X, y)) - 40) <= 1
    assert len(removed_by(defense.set_params(contamination=0), X, y)) == 0


@pytest.mark.parametrize("defense", DEFENSES, ids=str)
def test_provenance_is_right_after_each(defense):
    X, y = clean_rows(0)
    poisoner = SubpopPoisoner(FeatureMatch([0], bins=4), target=0, alpha=0.5)
    steps = [
        ("poison", poisoner.set_params(random_state=0)),
        ("defend", clone(defense).set_params(random_state=0)),
        ("clf", LogisticRegression()),
    ]
    pipeline = Pipeline(steps).fit(X, y)
    mask = poisoner.poison_mask_[defense_of(pipeline).sample_indices_]
    X_poisoned, y_poisoned = clone(poisoner).fit_resample(X, y)
    expected = clone(steps[1][1]).fit_resample(X_poisoned, y_poisoned)[0]
    assert len(mask) == len(expected)
    np.testing.assert_array_equal(expected[mask], X_poisoned[kept_poison(pipeline)])


def defense_of(pipeline):
    return pipeline.named_steps["defend"]


def kept_poison(pipeline):
    kept = defense_of(pipeline).sample_indices_
    return kept[pipeline.named_steps["poison"].poison_mask_[kept]]


@pytest.mark.parametrize("defense", DEFENSES, ids=str)
def test_a_search_sets_the_share(defense):
    X, y, _ = with_flips(0)
    steps = [("defend", clone(defense)), ("clf", LogisticRegression())]
    grid = {"defend__max_share": [0.01, 0.1], "defend__random_state": [0]}
    search = GridSearchCV(Pipeline(steps), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["mean_test_score"]) == 2
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("defense", DEFENSES, ids=str)
def test_containers_and_labels_of_any_kind_lose_the_same_rows(defense):
    X, codes, _ = with_flips(1, 3)
    y = np.array(["ant", "bee", "cow"])[codes]
    # SGDClassifier of scikit-learn trains on sparse rows with other rates.
    is_sgd = isinstance(getattr(defense, "estimator", None), SGDClassifier)
    rows = [X.tolist(), pd.DataFrame(X, index=np.arange(len(X)) + 7)]
    rows += [] if is_sgd else [sparse.csr_matrix(X), sparse.csc_array(X)]
    defense = clone(defense).set_params(random_state=0)
    expected = removed_by(defense, X, codes)
    for other in rows:
        X_res, y_res = clone(defense).fit_resample(other, y)
        assert type(X_res) is type(other)
        np.testing.assert_array_equal(y_res, np.delete(y, expected))


@pytest.mark.parametrize("defense", DEFENSES, ids=str)
def test_one_seed_gives_the_same_bytes(defense):
    X, y, _ = with_flips(2)
    first, second = (clone(defense).set_params(random_state=3) for _ in range(2))
    removed_by(first, X, y), removed_by(second, X, y)
    assert first.scores_.tobytes() == second.scores_.tobytes()


@pytest.mark.parametrize("defense", DEFENSES, ids=str)
def test_a_share_that_deletes_a_class_is_an_error(defense):
    X, y, _ = with_flips(0)
    defense = clone(defense).set_params(contamination=len(y) - 1, max_share=0.9)
    with pytest.raises(ValueError, match=r"delete every row of class|would remove"):
        defense.set_params(random_state=0).fit(X, y)


def test_texts_point_to_a_representation():
    texts = ["a poem", "a letter", "spam", "more spam"] * 5
    for defense in (SphereFilter(), SlabFilter()):
        with pytest.raises(ValueError, match="representation="):
            defense.fit(texts, [0, 0, 1, 1] * 5)
