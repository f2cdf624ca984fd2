import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from skpoison.defenses import Sever

MODEL = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8, max_iter=1000))


@pytest.fixture
def flipped(seed):
    X, y = load_breast_cancer(return_X_y=True)
    bad = np.random.RandomState(seed).choice(len(y), 57, replace=False)
    y[bad] = 1 - y[bad]
    return X, y, bad


def naive_sever(X, y, totals):
    rows = np.arange(len(y))
    for total in totals:
        model = clone(MODEL).fit(X[rows], y[rows])
        Z = np.column_stack([model[:-1].transform(X[rows]), np.ones(len(rows))])
        G = Z * (model.predict_proba(X[rows])[:, 1] - y[rows])[:, np.newaxis]
        G -= G.mean(axis=0)
        scores = (G @ np.linalg.svd(G, full_matrices=False)[2][0]) ** 2
        n_worst = total - (len(y) - len(rows))
        rows = np.delete(rows, np.argsort(-scores, kind="stable")[:n_worst])
    return rows


def test_rounds_are_those_of_the_definition(flipped):
    X, y, _ = flipped
    sever = Sever(MODEL, contamination=57, max_iter=3, random_state=0).fit(X, y)
    assert sever.n_iter_ == 3
    np.testing.assert_array_equal(
        sever.sample_indices_, naive_sever(X, y, [19, 38, 57])
    )


def test_the_published_beats_the_paper_s_on_flips(flipped):
    X, y, bad = flipped
    recall = {}
    for variant in ("published", "paper"):
        sever = Sever(variant=variant, contamination=57, random_state=0).fit(X, y)
        recall[variant] = 1 - np.isin(bad, sever.sample_indices_).mean()
    assert recall["published"] > 0.7
    assert recall["paper"] < 0.4


def test_the_paper_s_score_is_its_formula():
    X, y = load_iris(return_X_y=True)
    sever = Sever(LogisticRegression(max_iter=1000), variant="paper").fit(X, y)
    s = sever.estimator_.predict_proba(X)[np.arange(len(y)), y]
    expected = (s * (1 - s) * np.linalg.norm(X, axis=1)) ** 2
    np.testing.assert_allclose(sever.scores_, expected)


def test_the_paper_s_variant_takes_any_model_with_probabilities(flipped):
    X, y, _ = flipped
    forest = RandomForestClassifier(20)
    sever = Sever(forest, variant="paper", contamination=20, random_state=0)
    assert len(sever.fit(X, y).sample_indices_) == len(y) - 20
    with pytest.raises(ValueError, match=r"variant='paper' needs.*predict_proba"):
        Sever(LinearSVC(), variant="paper").fit(X, y)
    with pytest.raises(TypeError, match="has no gradients"):
        Sever(forest).fit(X, y)


def test_no_more_than_max_share_is_removed_over_all_rounds(flipped):
    X, y, _ = flipped
    for max_share in (0.001, 0.02, 0.3):
        sever = Sever(max_share=max_share, random_state=0).fit(X, y)
        assert len(y) - len(sever.sample_indices_) <= max_share * len(y)


def test_a_round_without_outliers_is_the_last():
    # Two points a class, in shares that no label contradicts: gradients of one size.
    X = np.tile([[-1.0], [1.0]], (50, 1))
    y = np.tile([0, 1], 50)
    sever = Sever(LogisticRegression(), random_state=0).fit(X, y)
    assert sever.n_iter_ == 1
    assert len(sever.sample_indices_) == 100


def test_removed_rows_keep_the_score_of_their_round(flipped):
    X, y, _ = flipped
    sever = Sever(MODEL, contamination=57, random_state=0).fit(X, y)
    removed = np.setdiff1d(np.arange(len(y)), sever.sample_indices_)
    assert np.isfinite(sever.scores_).all()
    # Top of their round, far over the mean of 1.
    assert sever.scores_[removed].min() > 1
    assert np.median(sever.scores_[removed]) > np.quantile(
        sever.scores_[sever.sample_indices_], 0.99
    )


def test_steps_before_the_model_may_be_of_any_kind():
    frame = pd.DataFrame({"kind": list("aabbcc") * 40})
    y = frame["kind"].map({"a": "x", "b": "y", "c": "z"}).to_numpy()
    y[::24] = "z"
    model = make_pipeline(OneHotEncoder(), LogisticRegression())
    sever = Sever(model, contamination=10, random_state=0).fit(frame, y)
    assert not np.isin(np.arange(0, 240, 24), sever.sample_indices_).any()


def test_a_class_may_be_lost_with_a_warning():
    X, y = load_iris(return_X_y=True)
    X, y = np.vstack([X[:100], X[140:143] + 20]), np.append(y[:100], [2, 2, 2])
    sever = Sever(LogisticRegression(C=1e-4), max_share=0.5, random_state=0)
    with pytest.warns(UserWarning, match=r"removes every row of class \[2\]"):
        sever.fit(X, y)


@pytest.mark.filterwarnings("ignore:Sever removes every row of class:UserWarning")
def test_a_count_that_deletes_a_class_is_an_error():
    X, y = load_iris(return_X_y=True)
    X, y = np.vstack([X[:100], X[140:143] + 20]), np.append(y[:100], [2, 2, 2])
    sever = Sever(LogisticRegression(C=1e-4), contamination=20, random_state=0)
    with pytest.raises(ValueError, match=r"would delete every row of class \[2\]"):
        sever.fit(X, y)


@pytest.mark.parametrize(
    "params",
    [{"variant": "art"}, {"max_iter": 0}, {"contamination": -1}, {"max_share": 0}],
)
def test_bad_parameters_are_named(params):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=f"'{next(iter(params))}' parameter of Sever"):
        Sever(**params).fit(X, y)


def test_nets_are_severed():
    pytest.importorskip("skorch")
    from skpoison.nets import SeededNetClassifier, TabularNet

    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(np.float32)
    y[::10] = 1 - y[::10]
    net = SeededNetClassifier(TabularNet, max_epochs=10, lr=0.01, device="cpu")
    sever = Sever(net, contamination=57, max_iter=2, random_state=0).fit(X, y)
    removed = np.setdiff1d(np.arange(len(y)), sever.sample_indices_)
    assert np.mean(removed % 10 == 0) > 0.5


def test_more_rounds_than_rows_are_as_many_as_rows():
    X, y = np.random.RandomState(0).randn(30, 2), np.arange(30) % 2
    few = Sever(contamination=3, max_iter=3, random_state=0).fit(X, y)
    many = Sever(contamination=3, max_iter=10**400, random_state=0).fit(X, y)
    assert np.array_equal(few.scores_, many.scores_)
