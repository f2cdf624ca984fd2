"""Groups of rows that make a model worse."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.datasets import make_subpopulations
from skpoison.defenses import GroupRoni
from skpoison.defenses._left_out import Drops, refit_without
from skpoison.defenses._quiz import brier_losses
from skpoison.finders import SliceMatch

NEIGHBORS = KNeighborsClassifier(15)


def poisoned(alpha, seed, n=2000):
    X, y, _ = make_subpopulations(4000, 12, noise=0.1, random_state=seed)
    finder = ClusterMatch(12, random_state=seed)
    poisoner = SubpopPoisoner(finder, target=seed, alpha=alpha, random_state=seed)
    X_res, y_res = poisoner.fit_resample(X[:n], y[:n])
    trusted = {"X_trusted": X[n:], "y_trusted": y[n:]}
    return X_res, y_res, poisoner.poison_mask_, trusted


def removed_by(sanitizer, n):
    return ~np.isin(np.arange(n), sanitizer.sample_indices_)


@pytest.mark.parametrize("seed", range(3))
def test_trusted_rows_find_the_poison_of_a_subpopulation(seed):
    X, y, poison, trusted = poisoned(1.0, seed)
    settings = {"estimator": NEIGHBORS, "max_share": 0.2, "random_state": seed}
    roni = GroupRoni(ClusterMatch(12), **settings)
    removed = removed_by(roni.fit(X, y, **trusted), len(y))
    assert removed[poison].mean() > 0.9
    assert removed[~poison].mean() < 0.02


@pytest.mark.parametrize("seed", range(3))
def test_clean_data_stay_whole(seed):
    X, y, _, trusted = poisoned(0, seed)
    for given in ({}, trusted):
        roni = GroupRoni(ClusterMatch(12), estimator=NEIGHBORS, random_state=seed)
        assert removed_by(roni.fit(X, y, **given), len(y)).sum() <= 0.02 * len(y)


def test_without_trusted_rows_disjoint_subpopulations_hide_the_poison():
    caught = []
    for seed in range(3):
        X, y, poison, _ = poisoned(1.0, seed)
        roni = GroupRoni(ClusterMatch(12), estimator=NEIGHBORS, random_state=seed)
        caught.append(removed_by(roni.fit(X, y), len(y))[poison].mean())
    assert np.mean(caught) < 0.2


def test_groups_are_removed_whole_and_tabulated():
    X, y, _, trusted = poisoned(1.0, 0)
    settings = {"estimator": NEIGHBORS, "max_share": 0.2, "random_state": 0}
    roni = GroupRoni(ClusterMatch(12), **settings).fit(X, y, **trusted)
    removed = removed_by(roni, len(y))
    codes = roni.finder_.predict(X)
    assert roni.groups_["score"].is_monotonic_decreasing
    assert roni.groups_["removed"].any()
    for group in roni.groups_.itertuples():
        rows = (codes == group.subpopulation) & (y == group.label)
        assert rows.sum() == group.n_samples
        assert (removed[rows] == group.removed).all()
        assert (roni.scores_[rows] == group.score).all()


def test_max_share_is_never_exceeded():
    X, y, _, trusted = poisoned(2.0, 0)
    for max_share in (0.01, 0.3):
        settings = {"estimator": NEIGHBORS, "max_share": max_share, "random_state": 0}
        roni = GroupRoni(ClusterMatch(12), **settings).fit(X, y, **trusted)
        assert removed_by(roni, len(y)).mean() <= max_share
    assert removed_by(roni, len(y)).any()


@pytest.mark.parametrize("contamination", [50, 0.1])
def test_asked_for_rows_are_removed_in_whole_groups(contamination):
    X, y, _, trusted = poisoned(1.0, 0)
    settings = {"contamination": contamination, "random_state": 0}
    roni = GroupRoni(ClusterMatch(12), **settings).fit(X, y, **trusted)
    asked = contamination if contamination > 1 else contamination * len(y)
    sizes = roni.groups_.loc[roni.groups_["removed"], "n_samples"]
    assert sizes.sum() >= asked > sizes.iloc[:-1].sum()


@pytest.mark.parametrize("finder", [KMeans(8), SliceMatch(max_depth=1, min_size=20)])
def test_any_finder(finder):
    rng = np.random.RandomState(0)
    X = rng.randint(3, size=(400, 2)).astype(float)
    y = (X[:, 0] + 0.3 * rng.randn(400) > 1).astype(int)
    roni = GroupRoni(finder, random_state=0).fit(X, y)
    assert len(roni.groups_) > 4
    assert roni.scores_.shape == (400,)


def test_rows_of_no_group_score_zero():
    X, y, _, trusted = poisoned(1.0, 0)
    roni = GroupRoni(ClusterMatch(12), min_size=100, random_state=0)
    roni.fit(X, y, **trusted)
    sizes = roni.groups_["n_samples"]
    assert sizes.min() >= 100
    assert (roni.scores_ == 0).sum() == len(y) - sizes.sum()


def test_no_group_removes_nothing():
    X, y, _, _ = poisoned(1.0, 0)
    roni = GroupRoni(ClusterMatch(12), min_size=len(y), random_state=0).fit(X, y)
    assert len(roni.groups_) == 0
    assert len(roni.sample_indices_) == len(y)


def test_left_out_models_are_those_of_the_loop():
    rng = np.random.RandomState(0)
    X, y = rng.randn(90, 3), rng.randint(2, size=90)
    masks = np.arange(90) // 10 == np.arange(9)[:, np.newaxis]
    model = LogisticRegression(tol=1e-8)
    for mask, fitted in zip(
        masks, refit_without(model, X, y, masks, None), strict=True
    ):
        expected = LogisticRegression(tol=1e-8).fit(X[~mask], y[~mask])
        np.testing.assert_allclose(fitted.coef_, expected.coef_, atol=1e-4)


def test_groups_that_cover_all_rows_are_left_out_one_by_one():
    rng = np.random.RandomState(0)
    X, y = rng.randn(40, 2), np.arange(40) % 2
    masks = np.array([np.arange(40) < 20] * 9 + [np.arange(40) >= 20] * 9)
    fitted = list(refit_without(LogisticRegression(), X, y, masks, None))
    expected = LogisticRegression().fit(X[20:], y[20:])
    np.testing.assert_allclose(fitted[0].coef_, expected.coef_, atol=1e-3)
    assert len(fitted) == 18


def test_brier_loss_of_margins_and_of_probabilities():
    X = np.random.RandomState(0).randn(80, 2)
    y = np.where(X[:, 0] > 0, "yes", "no")
    model = LogisticRegression().fit(X, y)
    p = model.predict_proba(X)[:, 1]
    expected = (p - (y == "yes")) ** 2
    np.testing.assert_allclose(brier_losses(model, X, y, "it"), expected)
    of_margins = brier_losses(LinearSVC().fit(X, y), X, y, "it")
    assert (of_margins >= 0).all()
    assert (of_margins <= 1).all()


def test_drops_in_standard_errors():
    drops = Drops(2)
    drops.add(0, np.array([1.0, 1.0]))
    drops.add(0, np.array([1.0, 1.0]))
    assert drops.in_errors().tolist() == [2.0, 0.0]
    assert drops.means()[0] == 1
    assert np.isnan(drops.means()[1])


def test_an_estimator_without_scores_is_an_error():
    class Sure(KNeighborsClassifier):
        predict_proba = property()

    X, y, _, _ = poisoned(0, 0)
    with pytest.raises(ValueError, match="GroupRoni needs an estimator with predict_p"):
        GroupRoni(ClusterMatch(12), estimator=Sure(), random_state=0).fit(X, y)


def test_unknown_trusted_label_is_an_error():
    X, y, _, trusted = poisoned(0, 0)
    trusted["y_trusted"] = trusted["y_trusted"] + 1
    with pytest.raises(ValueError, match="y_trusted of GroupRoni must hold classes"):
        GroupRoni(ClusterMatch(12)).fit(X, y, **trusted)


def test_groups_that_change_nothing_have_no_score():
    # The engine goes on where scikit-learn's solver stops, for all models alike.
    X, y, _, trusted = poisoned(0, 0)
    idle = np.arange(len(X)) < 400
    X[idle], y[:400:2], y[1:400:2] = 0, 0, 1
    model = LogisticRegression(fit_intercept=False, tol=0.1)
    finder = FrozenEstimator(FunctionTransformer(lambda X: ~X.any(axis=1)[:, None]))
    roni = GroupRoni(finder, estimator=model).fit(X, y, **trusted)
    assert (roni.groups_["n_samples"] == 200).all()
    assert roni.groups_["other_drop"].abs().max() < 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_rare_classes_are_in_both_halves(seed):
    X, y = np.random.RandomState(0).randn(40, 2), np.zeros(40, dtype=int)
    y[7], y[33] = 1, 1
    assert GroupRoni(n_clusters=2, random_state=seed).fit(X, y).groups_.shape[0] == 2


def test_too_few_rows_for_halves_are_an_error():
    X, y = np.arange(6.0).reshape(3, 2), np.array([0, 1, 1])
    with pytest.raises(ValueError, match=r"GroupRoni without trusted rows .* \[1, 2\]"):
        GroupRoni(n_clusters=1).fit(X, y)


def test_a_share_of_the_rows_is_not_exceeded_by_rounding():
    # 0.28 of 25 rows is 7, and a bit more in floating point.
    X, y = np.arange(25.0)[:, None], np.arange(25) % 2
    finder = FrozenEstimator(FunctionTransformer(lambda X: np.equal(X, np.arange(25))))
    roni = GroupRoni(finder, min_size=1, contamination=0.28, random_state=0).fit(X, y)
    assert removed_by(roni, 25).sum() == 7
