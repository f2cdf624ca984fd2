"""Rows that make a model of a few rows worse."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import scale
from sklearn.tree import DecisionTreeClassifier

from skpoison.defenses import Roni
from skpoison.defenses._one_more_row import quiz_margins
from skpoison.defenses._quiz import draw_split
from skpoison.refit import refit_poisoned


def flipped(seed, n=150, share=0.1):
    X, y = load_breast_cancer(return_X_y=True)
    rows = np.random.RandomState(seed).permutation(len(y))
    X, y = scale(X)[rows], y[rows]
    bad = np.arange(n) < share * n
    labels = np.where(bad, 1 - y[:n], y[:n])
    return X[:n], labels, bad, (X[n:], y[n:])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_flipped_rows_score_higher(seed, metric):
    X, y, bad, _ = flipped(seed)
    roni = Roni(n_trials=20, metric=metric, random_state=seed).fit(X, y)
    assert roc_auc_score(bad, roni.scores_) > 0.85


@pytest.mark.parametrize("seed", range(3))
def test_removes_flipped_rows_with_precision(seed):
    X, y, bad, _ = flipped(seed)
    roni = Roni(contamination=15, random_state=seed).fit(X, y)
    removed = np.setdiff1d(np.arange(len(y)), roni.sample_indices_)
    assert len(removed) == 15
    assert bad[removed].mean() > 0.5


def test_trusted_rows_help_where_many_are_flipped():
    auc = {False: [], True: []}
    for seed in range(4):
        X, y, bad, (X_trusted, y_trusted) = flipped(seed, share=0.4)
        given = {"X_trusted": X_trusted, "y_trusted": y_trusted}
        for trusted in (False, True):
            roni = Roni(n_trials=10, random_state=seed)
            roni.fit(X, y, **(given if trusted else {}))
            auc[trusted].append(roc_auc_score(bad, roni.scores_))
    assert np.mean(auc[True]) > np.mean(auc[False]) + 0.05
    assert roni.n_splits_ == 10
    assert (roni.n_judged_ == 10).all()


@pytest.mark.parametrize("n_trials", [1, 7])
def test_every_row_is_judged_often_enough(n_trials):
    X, y, _, _ = flipped(0)
    roni = Roni(n_trials=n_trials, random_state=0).fit(X, y)
    assert roni.n_judged_.min() >= n_trials
    assert roni.n_judged_.max() <= roni.n_splits_


def test_only_row_of_a_class_is_kept_and_not_judged():
    X, y = load_iris(return_X_y=True)
    X, y = X[:101], y[:101]
    roni = Roni(n_trials=2, random_state=0).fit(X, y)
    assert roni.n_judged_[100] == roni.scores_[100] == 0
    assert roni.n_judged_[:100].min() >= 2
    assert 100 in roni.sample_indices_


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("C", [0.1, 10.0])
def test_closed_form_is_the_engine_s_estimate(C, fit_intercept):
    rng = np.random.RandomState(0)
    X, y = rng.randn(70, 6), rng.randint(2, size=70)
    X[:, 0] += y
    model = LogisticRegression(C=C, fit_intercept=fit_intercept, tol=1e-9)
    base, quiz, rest = slice(12), slice(12, 40), slice(40, 70)
    codes = y.astype(float)
    before, after = quiz_margins(
        model, X[base], codes[base], X[quiz], X[rest], codes[rest]
    )
    poisons = [(X[i : i + 1], y[i : i + 1]) for i in range(40, 70)]
    models = refit_poisoned(model, X[base], y[base], poisons, fidelity="influence")
    expected = np.array([m.decision_function(X[quiz]) for m in models]).T
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-6)
    clean = model.fit(X[base], y[base]).decision_function(X[quiz])
    np.testing.assert_allclose(before, clean, rtol=1e-3, atol=1e-4)


def test_closed_form_converges_where_classes_are_far_apart():
    X = np.r_[np.full((5, 1), -1e3), np.full((5, 1), 1e3)]
    y = np.repeat([0.0, 1.0], 5)
    before, after = quiz_margins(LogisticRegression(C=1e6), X, y, X, X, y)
    assert np.array_equal(before > 0, y == 1)
    assert np.isfinite(after).all()


def test_estimates_rank_as_refits_do():
    X, y, _, _ = flipped(0, n=80)
    settings = {"n_trials": 5, "metric": "log_loss", "random_state": 0}
    model = LogisticRegression()
    scores = [
        Roni(model, fidelity=fidelity, **settings).fit(X, y).scores_
        for fidelity in ("refit", "influence")
    ]
    assert spearmanr(*scores).statistic > 0.8


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (None, "influence"),
        (LogisticRegression(), "influence"),
        (LogisticRegression(class_weight="balanced"), "refit"),
        (KNeighborsClassifier(3), "refit"),
        (DecisionTreeClassifier(), "refit"),
    ],
)
def test_any_estimator(estimator, expected):
    X, y, bad, _ = flipped(0, n=60)
    roni = Roni(estimator, n_trials=2, base_size=12, random_state=0).fit(X, y)
    assert roni.fidelity_ == expected
    assert roc_auc_score(bad, roni.scores_) > 0.5


def test_three_classes():
    X, y = load_iris(return_X_y=True)
    bad = np.arange(150) % 15 == 0
    labels = np.where(bad, (y + 1) % 3, y)
    roni = Roni(n_trials=4, random_state=0).fit(X, labels)
    assert roni.fidelity_ == "refit"
    assert roc_auc_score(bad, roni.scores_) > 0.7


@pytest.mark.parametrize("seed", range(3))
def test_clean_data_lose_no_more_than_max_share(seed):
    X, y, _, _ = flipped(seed, share=0)
    roni = Roni(max_share=0.05, random_state=seed).fit(X, y)
    removed = np.setdiff1d(np.arange(len(y)), roni.sample_indices_)
    assert len(removed) <= 0.05 * len(y)
    assert (roni.scores_[removed] > 0).all()


def test_sparse_rows_and_trusted_rows():
    X, y, _, (X_trusted, y_trusted) = flipped(0)
    dense = Roni(random_state=0).fit(X, y, X_trusted=X_trusted, y_trusted=y_trusted)
    rows = sparse.csr_array(X), sparse.csr_array(X_trusted)
    other = Roni(random_state=0).fit(rows[0], y, X_trusted=rows[1], y_trusted=y_trusted)
    np.testing.assert_allclose(dense.scores_, other.scores_, atol=1e-3)


def test_split_takes_each_class_and_spares_one_row():
    codes = np.repeat([0, 1, 2], [40, 4, 2])
    rng = np.random.RandomState(0)
    base, quiz = draw_split(np.zeros(46), codes, 0.1, 0.25, rng)
    assert set(codes[base]) == {0, 1, 2}
    assert not set(base) & set(quiz)
    used = np.bincount(codes[np.r_[base, quiz]])
    assert (used < [40, 4, 2]).all()


@pytest.mark.parametrize("given", ["X_trusted", "y_trusted"])
def test_half_of_the_trusted_rows_is_an_error(given):
    X, y, _, trusted = flipped(0)
    given = {given: trusted[given == "y_trusted"]}
    with pytest.raises(ValueError, match="Roni needs X_trusted and y_trusted together"):
        Roni().fit_resample(X, y, **given)


def test_trusted_rows_of_another_width_are_an_error():
    X, y, _, (X_trusted, y_trusted) = flipped(0)
    with pytest.raises(ValueError, match="X_trusted of Roni must have rows of the sam"):
        Roni().fit(X, y, X_trusted=X_trusted[:, :3], y_trusted=y_trusted)


def test_too_few_rows_for_a_quiz_is_an_error():
    with pytest.raises(ValueError, match="for a base set and for a quiz"):
        Roni().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])


def test_missing_values_are_an_error_of_the_closed_form():
    X, y, _, _ = flipped(0)
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        Roni().fit(X, y)


def test_influence_without_an_engine_is_an_error():
    X, y, _, _ = flipped(0)
    with pytest.raises(ValueError, match='fidelity="influence" has no engine'):
        Roni(DecisionTreeClassifier(), fidelity="influence").fit(X, y)


def test_count_that_deletes_a_class_is_an_error():
    X, y, _, _ = flipped(0)
    y[np.flatnonzero(y == 1)[4:]] = 0
    with pytest.raises(ValueError, match="would delete every row of class"):
        Roni(contamination=len(y) - 1, random_state=0).fit(X, y)


def test_a_base_larger_than_any_float():
    X, y = np.random.RandomState(0).randn(40, 2), np.arange(40) % 2
    given = {"n_trials": 1, "random_state": 0}
    most = Roni(base_size=10**400, quiz_size=10**400, **given).fit(X, y)
    assert np.array_equal(
        most.scores_, Roni(base_size=40, quiz_size=40, **given).fit(X, y).scores_
    )
