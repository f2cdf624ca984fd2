"""What is told of a subpopulation without an attack."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import permutation_test, spearmanr
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.neighbors import NearestCentroid
from sklearn.svm import SVC, LinearSVC

from skpoison.audit._susceptibility import (
    PREDICTORS,
    local_scores,
    rank_correlations,
    susceptibility,
)


@pytest.fixture(params=[2, 3])
def fitted(request):
    """A model, its rows, and overlapping subpopulations, the last one empty."""
    X, y = make_classification(
        300,
        n_informative=4,
        n_redundant=0,
        n_classes=request.param,
        flip_y=0.2,
        random_state=0,
    )
    membership = np.c_[X[:, :3] > 0.5, np.zeros(300, bool)]
    model = LogisticRegression().fit(X, y)
    return model, X, y, sparse.csc_array(membership)


def test_figures_are_those_of_their_definitions(fitted):
    model, X, y, membership = fitted
    proba = model.predict_proba(X)
    labels = np.array([0, 1, 1, 0])
    told = susceptibility(y, membership, labels, proba=proba)
    for k in range(3):
        mask = membership.toarray()[:, k]
        assert told.loc[k, "ambient_share"] == np.mean(y[mask] == labels[k])
        own = proba[np.arange(300), y]
        others = np.where(np.eye(proba.shape[1], dtype=bool)[y], -1, proba).max(axis=1)
        assert told.loc[k, "margin"] == pytest.approx((own - others)[mask].mean())
        swapped = proba.copy()
        swapped[mask, y[mask]] = proba[mask, labels[k]]
        swapped[mask, labels[k]] = own[mask]
        increase = log_loss(y, swapped) - log_loss(y, proba)
        assert told.loc[k, "loss_difference"] == pytest.approx(increase, rel=1e-9)
    assert told.loc[3].isna().all()


def test_unknown_labels_of_the_poison_leave_the_margin(fitted):
    model, X, y, membership = fitted
    proba = model.predict_proba(X)
    told = susceptibility(y, membership, np.full(4, -1), proba=proba)
    assert told[["ambient_share", "loss_difference"]].isna().all(axis=None)
    assert told["margin"].notna().tolist() == [True] * 3 + [False]


def test_without_a_model_only_the_labels_tell(fitted):
    _, _, y, membership = fitted
    told = susceptibility(y, membership, np.zeros(4, int))
    assert told["ambient_share"].notna().tolist() == [True] * 3 + [False]
    assert told[["margin", "loss_difference"]].isna().all(axis=None)


def test_certain_probabilities_give_a_finite_loss():
    proba = np.array([[1.0, 0.0], [0.0, 1.0]])
    membership = sparse.csc_array(np.ones((2, 1), bool))
    told = susceptibility(np.array([0, 1]), membership, np.array([1]), proba=proba)
    assert told["loss_difference"].tolist() == pytest.approx([np.log(2**52) / 2])


def test_binary_decision_values_are_signed():
    membership = sparse.csc_array(np.ones((3, 1), bool))
    y, scores = np.array([0, 1, 1]), np.array([-2.0, 1.0, -0.5])
    told = susceptibility(y, membership, np.array([0]), scores=scores)
    assert told["margin"].tolist() == pytest.approx([2.5 / 3])


@pytest.mark.parametrize("kind", [LinearSVC, RidgeClassifier])
def test_models_without_probabilities_have_margins(kind, fitted):
    _, X, y, membership = fitted
    model = kind().fit(X, y)
    margins, losses = local_scores(model, X, y, membership, {0: 1})
    scores = model.decision_function(X)
    if scores.ndim == 1:
        scores = np.c_[-scores, scores] / 2
    own = np.eye(scores.shape[1], dtype=bool)[y]
    margin = scores[own] - np.where(own, -np.inf, scores).max(axis=1)
    for k in range(3):
        mask = membership.toarray()[:, k]
        assert margins[k] == pytest.approx(margin[mask].mean())
    assert np.isnan(losses).all()


class Mute:
    """A fitted classifier that has labels and nothing else."""

    classes_ = np.array([0, 1, 2])


@pytest.mark.parametrize(
    "model", [Mute(), NearestCentroid(), SVC(decision_function_shape="ovo")]
)
def test_a_model_without_scores_has_no_figures_or_those_it_can(model):
    X, y = make_classification(
        90, n_informative=4, n_redundant=0, n_classes=4, random_state=0
    )
    membership = sparse.csc_array(np.ones((90, 1), bool))
    if hasattr(model, "fit"):
        model.fit(X, y)
    margins, losses = local_scores(model, X, y, membership, {0: 1})
    scores = hasattr(model, "predict_proba") or isinstance(model, NearestCentroid)
    assert np.isnan(margins[0]) == (not scores)
    assert np.isnan(losses[0]) == (not hasattr(model, "predict_proba"))


def test_labels_of_any_kind_and_unknown_ones(fitted):
    model, X, y, membership = fitted
    names = np.array(["no", "yes", "zero"])
    named = LogisticRegression().fit(X, names[y])
    given = [
        local_scores(model, X, y, membership, {0: 1, 1: 0, 2: 1}),
        local_scores(named, X, names[y], membership, {0: "yes", 1: "no", 2: "yes"}),
    ]
    np.testing.assert_allclose(given[0], given[1])
    margins, losses = local_scores(model, X, y, membership, dict.fromkeys(range(4), 99))
    np.testing.assert_allclose(margins, given[0][0])
    assert np.isnan(losses).all()


def test_the_label_of_the_poison_counts(fitted):
    model, X, y, membership = fitted
    _, losses = local_scores(model, X, y, membership, {0: 0, 1: 1})
    _, others = local_scores(model, X, y, membership, {0: 1, 1: 0})
    assert np.isnan(losses[2:]).all()
    assert (losses[:2] != others[:2]).all()


def summary(n, seed, **columns):
    rng = np.random.default_rng(seed)
    names = ["target_damage", *PREDICTORS]
    return pd.DataFrame({name: rng.random(n) for name in names} | columns)


def test_spearman_is_that_of_scipy(seed):
    table = summary(40, seed, n_train=np.arange(40) // 7)
    found = rank_correlations(table)
    assert found.columns.tolist() == ["predictor", "spearman", "low", "high", "p_value"]
    assert found["predictor"].tolist() == PREDICTORS
    for row in found.itertuples():
        expected = spearmanr(table[row.predictor], table["target_damage"])
        assert row.spearman == pytest.approx(expected.statistic)
        assert row.p_value == pytest.approx(expected.pvalue)
        assert -1 <= row.low < row.spearman < row.high <= 1


@pytest.mark.parametrize("n", [4, 5, 6])
def test_a_perfect_order_of_few_is_not_certain(n):
    """The p-value is near that of all permutations, and not 0."""
    damage = np.arange(float(n))
    row = (
        rank_correlations(summary(n, 0, target_damage=damage, margin=-damage))
        .set_index("predictor")
        .loc["margin"]
    )
    assert row["spearman"] == pytest.approx(-1)
    assert row["low"] == pytest.approx(-1)
    assert row["high"] > -0.9999
    exact = permutation_test(
        (damage,),
        lambda x: spearmanr(x, -damage).statistic,
        permutation_type="pairings",
        n_resamples=np.inf,
    ).pvalue
    assert exact / 3 < row["p_value"] < exact * 3


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_intervals_of_correlations_cover(rho, seed):
    rng = np.random.default_rng(seed)
    # Spearman's of a bivariate normal distribution.
    truth, hits = 6 / np.pi * np.arcsin(rho / 2), []
    for _ in range(40):
        x = rng.standard_normal((5, 60))
        y = rng.standard_normal(60)
        x = rho * y + np.sqrt(1 - rho**2) * x
        columns = dict(zip(PREDICTORS, x, strict=True))
        # One damage for five predictors, so that they are not independent.
        found = rank_correlations(pd.DataFrame(columns | {"target_damage": y}))
        hits.append(((found["low"] <= truth) & (truth <= found["high"])).mean())
    assert np.mean(hits) > 0.95 - 3 * np.std(hits) / np.sqrt(40)


@pytest.mark.parametrize(
    "margin", [np.full(10, 2.0), np.full(10, np.nan), np.r_[1, 2, 3, [np.nan] * 7]]
)
def test_nothing_is_told_of_constants_or_three_pairs(margin):
    found = rank_correlations(summary(10, 0, margin=margin)).set_index("predictor")
    assert found.loc["margin"].isna().all()
    assert found.drop("margin").notna().all(axis=None)


def test_nothing_is_told_where_nothing_is_damaged():
    found = rank_correlations(summary(10, 0, target_damage=np.zeros(10)))
    assert found[["spearman", "low", "high", "p_value"]].isna().all(axis=None)


@settings(max_examples=40)
@given(
    pairs=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=4, max_size=12
    ),
    seed=st.integers(0, 9),
)
def test_order_of_the_rows_and_scale_do_not_matter(pairs, seed):
    x, y = np.array(pairs, float).T
    table = summary(len(x), 0, target_damage=y, margin=x)
    other = table.sample(frac=1, random_state=seed)
    other["margin"] = np.exp(other["margin"])
    pd.testing.assert_frame_equal(rank_correlations(table), rank_correlations(other))
