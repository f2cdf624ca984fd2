import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, make_blobs
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from skpoison.defenses import IterativeTrimmedLoss, Trim


@pytest.fixture
def flipped():
    X, y = make_blobs(300, centers=[[-3, 0], [3, 0], [0, 4]], random_state=0)
    y[::10] = (y[::10] + 1) % 3
    return X, y


def test_trained_on_to_the_end_it_agrees_with_trim(flipped):
    X, y = flipped
    model = LogisticRegression(C=0.1, tol=1e-8)
    trim = Trim(model, contamination=30, max_iter=30).fit(X, y)
    trimmed = IterativeTrimmedLoss(
        model, contamination=30, n_rounds=30, n_epochs=100
    ).fit(X, y)
    assert trimmed.trained_on_
    np.testing.assert_array_equal(trimmed.sample_indices_, trim.sample_indices_)
    np.testing.assert_allclose(trimmed.scores_, trim.scores_, rtol=1e-3, atol=1e-6)


def test_rounds_go_on_from_the_weights_on_the_rows_with_the_lowest_loss(flipped):
    X, y = flipped
    model = SGDClassifier(loss="log_loss", random_state=4)
    trimmed = IterativeTrimmedLoss(model, contamination=30, n_rounds=2, n_epochs=3)
    by_hand, kept = clone(model), np.arange(len(y))
    for _ in range(3):
        for _ in range(3):
            by_hand.partial_fit(X[kept], y[kept], classes=[0, 1, 2])
        losses = -np.log(by_hand.predict_proba(X)[np.arange(len(y)), y] + 1e-300)
        kept = np.sort(np.argsort(losses, kind="stable")[:-30])
    trimmed.fit(X, y)
    np.testing.assert_allclose(trimmed.estimator_.coef_, by_hand.coef_)
    np.testing.assert_array_equal(trimmed.sample_indices_, kept)
    assert trimmed.n_iter_ == 2


def test_models_are_fitted_anew_where_they_cannot_go_on(flipped):
    X, y = flipped
    trimmed = IterativeTrimmedLoss(GaussianNB(), contamination=30, random_state=0)
    trimmed.fit(X, y)
    assert not trimmed.trained_on_
    # It has seen no row but those that are kept, once.
    assert trimmed.n_iter_ < 10
    assert trimmed.estimator_.class_count_.sum() == len(trimmed.sample_indices_)
    expected = GaussianNB().fit(X[trimmed.sample_indices_], y[trimmed.sample_indices_])
    np.testing.assert_allclose(trimmed.estimator_.theta_, expected.theta_)
    assert np.mean(np.delete(np.arange(300), trimmed.sample_indices_) % 10 == 0) > 0.9


def test_decision_functions_will_do(flipped):
    X, y = flipped
    removed = np.delete(
        np.arange(300),
        IterativeTrimmedLoss(SVC(), contamination=30, random_state=0)
        .fit(X, y)
        .sample_indices_,
    )
    assert np.mean(removed % 10 == 0) > 0.9


def test_pipelines_train_their_last_step_on():
    frame = pd.DataFrame({"kind": list("aabbcc") * 40, "size": np.arange(240.0) % 7})
    y = frame["kind"].map({"a": "x", "b": "y", "c": "y"}).to_numpy()
    y[::12] = "y"
    encode = make_column_transformer(
        (OneHotEncoder(), ["kind"]), (StandardScaler(), ["size"])
    )
    model = make_pipeline(encode, SGDClassifier(loss="log_loss", random_state=0))
    trimmed = IterativeTrimmedLoss(model, contamination=20, n_rounds=3).fit(frame, y)
    assert trimmed.trained_on_
    assert not np.isin(np.arange(0, 240, 12), trimmed.sample_indices_).any()
    assert list(trimmed.estimator_.predict(frame[:6])) == ["x", "x", *"yyyy"]


def test_an_early_network_knows_flips_that_a_late_one_has_learned(seed):
    X, y = load_digits(return_X_y=True)
    X, y = X[:600] / 16, y[:600]
    rng = np.random.RandomState(seed)
    bad = rng.choice(len(y), len(y) // 5, replace=False)
    y[bad] = (y[bad] + rng.randint(1, 10, len(bad))) % 10
    network = MLPClassifier((100,), learning_rate_init=0.01, alpha=0, max_iter=150)
    recalls = []
    for n_rounds, n_epochs in ((5, 5), (1, 100)):
        trimmed = IterativeTrimmedLoss(
            network,
            contamination=len(bad),
            n_rounds=n_rounds,
            n_epochs=n_epochs,
            random_state=seed,
        ).fit(X, y)
        recalls.append(1 - np.isin(bad, trimmed.sample_indices_).mean())
    assert recalls[0] > 0.9
    assert recalls[0] > recalls[1] + 0.1


def test_a_class_that_is_lost_on_the_way_is_told(flipped):
    X, y = flipped
    y = np.where(np.arange(len(y)) % 50 == 0, 3, np.minimum(y, 1))
    model = LogisticRegression()
    with pytest.warns(UserWarning, match=r"removes every row of class \[3\]"):
        trimmed = IterativeTrimmedLoss(model, max_share=0.3).fit(X, y)
    assert 3 not in trimmed.estimator_.classes_


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_rounds", 0), ("n_epochs", 0), ("early_share", 0.0), ("max_share", 1.0)],
)
def test_bad_parameters_are_named(name, value, flipped):
    with pytest.raises(ValueError, match=f"'{name}' parameter of IterativeTrimmedLoss"):
        IterativeTrimmedLoss(**{name: value}).fit(*flipped)


def test_nets_train_on(flipped):
    pytest.importorskip("skorch")
    from skpoison.nets import SeededNetClassifier, TabularNet

    X, codes = flipped
    y = np.array(["ant", "bee", "cow"])[codes]
    net = SeededNetClassifier(TabularNet, lr=0.02, device="cpu")
    trimmed = IterativeTrimmedLoss(
        net, contamination=30, n_rounds=3, n_epochs=4, random_state=0
    ).fit(X, y)
    assert trimmed.trained_on_
    # The early model and three rounds, of four epochs each.
    assert len(trimmed.estimator_.history_) == 16
    assert np.mean(np.delete(np.arange(300), trimmed.sample_indices_) % 10 == 0) > 0.8
