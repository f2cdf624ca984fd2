"""Influence predicts what true refits do."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from skpoison.influence import SubpopulationInfluence


def make_rows(n_samples=200, n_classes=2, seed=0):
    return make_classification(
        n_samples,
        4,
        n_informative=4,
        n_redundant=0,
        n_classes=n_classes,
        flip_y=0.2,
        random_state=seed,
    )


def influence_of(model, X, y, **params):
    return SubpopulationInfluence(model, random_state=0, **params).fit(X, y)


def correlation(table):
    return np.corrcoef(table["predicted"], table["actual"])[0, 1]


@parametrize_with_checks(
    [
        SubpopulationInfluence(LogisticRegression()),
        SubpopulationInfluence(RidgeClassifier(), solver="cg", damping=0.1),
    ]
)
def test_passes_the_estimator_checks(estimator, check):
    check(estimator)


def test_scores_predict_every_refit_without_a_row(seed):
    X, y = make_rows(800, seed=seed)
    target = X[:, 0] > 1
    influence = influence_of(LogisticRegression(), X, y)
    scores = influence.score_rows(X[target], y[target], verify=len(y))
    table = influence.verification_
    assert sorted(table["row"]) == list(range(len(y)))
    np.testing.assert_allclose(table["predicted"], -scores[table["row"]] / len(y))
    assert correlation(table) > 0.999
    assert (table["predicted"] / table["actual"]).median() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        RidgeClassifier(),
        LinearSVC(),
        LogisticRegression(C=np.inf, class_weight={0: 3.0}),
        LogisticRegression(class_weight="balanced"),
        RidgeClassifier(class_weight="balanced"),
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1)),
    ],
    ids=str,
)
def test_scores_predict_refits_of_linear_models(model, n_classes):
    X, y = make_rows(500, n_classes)
    target = X[:, 0] > 1
    influence = influence_of(model, X, y)
    influence.score_rows(X[target], y[target], verify=60)
    assert correlation(influence.verification_) > 0.998
    # New rows of the other corner, added one at a time.
    influence.score_rows(X[target], y[target], -X[:60], y[:60], verify=60)
    assert correlation(influence.verification_) > 0.995


def test_scores_predict_refits_of_liblinear():
    X, y = make_rows(500)
    model = LogisticRegression(solver="liblinear", class_weight="balanced")
    influence = influence_of(model, X, y)
    influence.score_rows(X[:30], y[:30], verify=60)
    assert correlation(influence.verification_) > 0.998


def test_balanced_weights_shift_with_every_row():
    X, y = make_rows(800)
    y = y & (np.arange(len(y)) % 3 == 0)
    model = LogisticRegression(class_weight="balanced")
    fixed = LogisticRegression(class_weight={0: 400 / sum(y == 0), 1: 400 / sum(y)})
    tables = []
    for estimator in (model, fixed):
        influence = influence_of(estimator, X, y)
        scores = influence.score_rows(X[:30], y[:30], verify=40)
        tables.append((scores, influence.verification_))
    assert correlation(tables[0][1]) > 0.998
    assert correlation(tables[1][1]) > 0.998
    # To take no notice of the shift would be wrong.
    rows = tables[0][1]["row"]
    wrong = np.corrcoef(-tables[1][0][rows], tables[0][1]["actual"])[0, 1]
    assert wrong < correlation(tables[0][1]) - 0.001


@pytest.mark.parametrize(("activation", "limit"), [("tanh", 0.99), ("relu", 0.9)])
def test_scores_predict_refits_of_a_network_at_its_optimum(activation, limit):
    X, y = make_rows(400)
    network = MLPClassifier(
        3,
        activation=activation,
        alpha=10,
        solver="lbfgs",
        tol=1e-8,
        max_iter=5000,
        random_state=0,
    )
    influence = influence_of(network, X, y, curvature="hessian")
    assert influence.min_eigenvalue_ > 0
    influence.score_rows(X[:20], y[:20], verify=8)
    assert correlation(influence.verification_) > limit


def test_networks_of_frames_are_verified():
    X, y = make_rows()
    frame = pd.DataFrame(X, columns=list("abcd"))
    network = MLPClassifier(2, alpha=10, solver="lbfgs", tol=1e-8, max_iter=5000)
    influence = influence_of(network, frame, y, damping=1e-3)
    influence.score_rows(frame[:20], y[:20], verify=2)
    assert len(influence.verification_) == 2


def test_the_only_row_of_a_class_cannot_be_left_out():
    X, y = make_rows(60)
    y[7] = 2
    influence = influence_of(LogisticRegression(), X, y)
    with pytest.raises(ValueError, match=r"cannot leave out row 7, the only one of"):
        influence.score_rows(X[:20], y[:20], verify=60)


@pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)
def test_networks_that_were_stopped_early_warn():
    X, y = make_rows(150)
    network = MLPClassifier(3, activation="tanh", alpha=1, max_iter=20)
    influence = influence_of(network, X, y, damping=0.1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        influence.score_rows(X[:20], y[:20], verify=3)
    messages = [str(w.message) for w in caught]
    assert any("was not at an optimum" in message for message in messages)


def test_scores_that_refits_contradict_warn():
    X, y = make_rows(200)
    model = LogisticRegression(solver="newton-cholesky").fit(X, y)
    model.coef_ = -3 * model.coef_
    influence = influence_of(FrozenEstimator(model), X, y)
    with pytest.warns(UserWarning, match=r"do not tell what refits do.*is -?0\.\d\d"):
        influence.score_rows(X[:20], y[:20], verify=20)


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        LogisticRegression(class_weight={1: 4.0}),
        LinearSVC(),
        RidgeClassifier(),
        MLPClassifier(4, activation="tanh", alpha=1, solver="lbfgs", max_iter=2000),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=str,
)
def test_feature_gradients_are_derivatives_of_scores(model):
    X, y = make_rows(300)
    influence = influence_of(model, X, y, damping=1e-3)
    target, poison = (X[:20], y[:20]), (X[50:60], 1 - y[50:60])
    gradients = influence.feature_gradients(*target, *poison)
    assert gradients.shape == poison[0].shape
    for j in range(X.shape[1]):
        step = 1e-6 * np.eye(X.shape[1])[j]
        up, down = (
            influence.score_rows(*target, poison[0] + s, poison[1])
            for s in (step, -step)
        )
        np.testing.assert_allclose(
            gradients[:, j], (up - down) / 2e-6, rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_step_along_feature_gradients_makes_poison_worse(seed, n_classes):
    X, y = make_rows(300, n_classes, seed)
    model = LogisticRegression(tol=1e-8, max_iter=1000)
    target = X[:, 0] > 1
    poison, wrong = X[target][:5], (y[target][:5] + 1) % n_classes
    influence = influence_of(model, X, y)
    gradients = influence.feature_gradients(X[target], y[target], poison, wrong)
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)

    def loss_after(rows):
        refit = model.fit(np.concatenate([X, rows]), np.concatenate([y, wrong]))
        proba = refit.predict_proba(X[target])
        return log_loss(y[target], proba, labels=range(n_classes))

    losses = [loss_after(poison + t * gradients / lengths) for t in (-0.1, 0, 0.1)]
    assert losses[0] < losses[1] < losses[2]


def test_copies_of_the_target_lower_its_loss():
    X, y = make_rows(300)
    target = X[:, 0] > 1
    influence = influence_of(LogisticRegression(), X, y)
    scores = influence.score_rows(X[target], y[target], X[target], y[target])
    assert scores.mean() < 0


def test_scores_of_the_training_rows_given_again_are_the_same():
    X, y = make_rows(300)
    for model in (
        LogisticRegression(),
        LogisticRegression(class_weight="balanced"),
        RidgeClassifier(class_weight={0: 2}),
    ):
        influence = influence_of(model, X, y)
        expected = influence.score_rows(X[:9], y[:9])
        np.testing.assert_allclose(
            influence.score_rows(X[:9], y[:9], X, y), expected, atol=1e-12
        )


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**20), weights=st.sampled_from([None, "balanced", {0: 2.0}])
)
def test_scores_sum_to_what_the_penalty_says(seed, weights):
    """At an optimum gradients of rows cancel, up to that of the penalty."""
    rng = np.random.RandomState(seed)
    X, y = rng.standard_normal((40, 3)), np.arange(40) % 2
    model = LogisticRegression(
        C=np.inf, class_weight=weights, solver="newton-cholesky", tol=1e-10
    )
    scores = influence_of(model, X, y).score_rows(X[:7], y[:7])
    assert abs(scores.sum()) < 1e-6 * max(np.abs(scores).sum(), 1)


@pytest.mark.parametrize("model", [LogisticRegression(), LinearSVC()], ids=str)
def test_sparse_rows_give_the_same_scores(model):
    X, y = make_rows(200, 3)
    X = np.where(np.abs(X) > 1, X, 0)
    dense = influence_of(model, X, y)
    thin = influence_of(FrozenEstimator(dense.estimator_), sparse.csc_array(X), y)
    given = sparse.csr_matrix(X[:9])
    expected = dense.score_rows(X[:9], y[:9], verify=4)
    scores = thin.score_rows(given, y[:9], verify=4)
    np.testing.assert_allclose(scores, expected, atol=1e-9)
    np.testing.assert_allclose(
        thin.verification_, dense.verification_, rtol=1e-4, atol=1e-9
    )
    np.testing.assert_allclose(
        thin.feature_gradients(given, y[:9], given, y[:9]),
        dense.feature_gradients(X[:9], y[:9], X[:9], y[:9]),
        atol=1e-9,
    )


@pytest.mark.parametrize("is_frozen", [False, True])
@pytest.mark.parametrize("polars", [False, True])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_frames_and_labels_of_any_kind(is_frozen, polars, in_pipeline):
    X, y = make_rows(200, 3)
    columns, labels = list("dbca"), np.array(["one", "two", "three"])[y]
    frame = pd.DataFrame(X, columns=columns)
    model = LogisticRegression()
    if in_pipeline:
        model = make_pipeline(
            make_column_transformer((StandardScaler(), columns)), model
        )
    if polars:
        frame = pytest.importorskip("polars").from_pandas(frame)
    if is_frozen:
        model = FrozenEstimator(model.fit(frame, labels))
    influence = influence_of(model, frame, labels)
    scores = influence.score_rows(frame[:9], labels[:9], verify=3)
    assert influence.feature_names_in_.tolist() == columns
    assert influence.classes_.tolist() == ["one", "three", "two"]
    added = influence.score_rows(
        frame[:9], labels[:9], frame[:50], labels[:50], verify=3
    )
    np.testing.assert_allclose(added, scores[:50])
    gradients = influence.feature_gradients(
        frame[:9], labels[:9], frame[:5], labels[:5]
    )
    assert gradients.shape == (5, 4)


def test_frozen_models_are_used_as_they_are():
    X, y = make_rows()
    model = LogisticRegression(C=1e-3).fit(X, y)
    influence = influence_of(FrozenEstimator(model), X[:100], y[:100])
    assert influence.estimator_.estimator is model
    fitted = influence_of(LogisticRegression(C=1e-3), X[:100], y[:100])
    assert not np.allclose(fitted.estimator_.coef_, model.coef_)


def test_verified_rows_are_the_largest_and_some_drawn_at_random():
    X, y = make_rows()
    influence = influence_of(LogisticRegression(), X, y)
    scores = influence.score_rows(X[:9], y[:9], verify=5)
    rows = influence.verification_["row"].to_numpy()
    assert rows[:3].tolist() == np.argsort(-np.abs(scores))[:3].tolist()
    assert len(set(rows)) == 5
    influence.score_rows(X[:9], y[:9], verify=5)
    np.testing.assert_array_equal(influence.verification_["row"], rows)
    influence.set_params(random_state=1).score_rows(X[:9], y[:9], verify=5)
    assert set(influence.verification_["row"]) != set(rows)


def test_verification_is_kept_until_the_next():
    X, y = make_rows()
    influence = influence_of(LogisticRegression(), X, y)
    assert influence.verification_ is None
    influence.score_rows(X[:9], y[:9], verify=2)
    influence.score_rows(X[:9], y[:9])
    assert len(influence.verification_) == 2
    assert influence.fit(X, y).verification_ is None


def test_solvers_agree():
    X, y = make_rows(300, 3)
    exact = influence_of(LogisticRegression(), X, y, damping=0.05)
    expected = exact.score_rows(X[:9], y[:9])
    assert exact.n_params_ == 15
    assert exact.min_eigenvalue_ == pytest.approx(0.05)
    for params in ({"solver": "cg"}, {"solver": "nystroem", "rank": 15}):
        other = influence_of(LogisticRegression(), X, y, damping=0.05, **params)
        assert np.isnan(other.min_eigenvalue_)
        np.testing.assert_allclose(other.score_rows(X[:9], y[:9]), expected, atol=1e-5)


def test_scores_survive_pickling():
    X, y = make_rows()
    influence = influence_of(LogisticRegression(), X, y)
    again = pickle.loads(pickle.dumps(influence))
    np.testing.assert_array_equal(
        again.score_rows(X[:9], y[:9]), influence.score_rows(X[:9], y[:9])
    )


def test_input_is_not_changed():
    X, y = make_rows()
    before = X.copy()
    influence = influence_of(make_pipeline(StandardScaler(), LinearSVC()), X, y)
    influence.score_rows(X[:9], y[:9], verify=2)
    influence.feature_gradients(X[:9], y[:9], X[:9], y[:9])
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("model", [RandomForestClassifier(5), GaussianNB()], ids=str)
def test_models_without_gradients_are_refused(model):
    with pytest.raises(TypeError, match=r"estimator=.* has no gradients"):
        influence_of(model, *make_rows())


def test_hinge_loss_is_refused():
    with pytest.raises(ValueError, match="no curvature"):
        influence_of(LinearSVC(loss="hinge", C=1e-3), *make_rows())


def test_weights_of_each_output_are_refused():
    X, y = make_rows(n_classes=3)
    with pytest.raises(ValueError, match="class_weight=None, or LogisticRegression"):
        influence_of(LinearSVC(class_weight="balanced"), X, y)


def test_indefinite_curvature_warns():
    X, y = make_rows()
    network = MLPClassifier(4, solver="lbfgs", max_iter=2000, random_state=0)
    network.fit(X, y)
    with pytest.warns(UserWarning, match="indefinite"):
        influence = influence_of(
            FrozenEstimator(network), X, 1 - y, curvature="hessian", damping=1e-3
        )
    assert influence.min_eigenvalue_ < 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((np.empty((0, 4)), []), "X_target of .* has no rows"),
        (([[1, 2, 3, np.nan]], [0]), "X_target contains NaN"),
        (([[1, 2, 3, np.inf]], [0]), "X_target contains infinity"),
        (([[1, 2, 3]], [0]), "X has 3 features, but .* expecting 4"),
        (([[1, 2, 3, 4]], [2]), r"y_target .* classes .*\[0, 1\]. Got \[2\]"),
        (([[1, 2, 3, 4]], ["a"]), r"y_target .* classes .*\[0, 1\]. Got \['a'\]"),
        (([[1, 2, 3, 4]], [0, 1]), "inconsistent numbers of samples"),
        (([[1, 2, 3, 4]], None), "X_target and y_target both"),
        (([[1, 2, 3, 4]], [0], [[1, 2, 3, 4]]), "X and y both"),
        (([[1, 2, 3, 4]], [0], [[1, 2, 3, 4]], [7]), r"y of .*Got \[7\]"),
        (([[1, 2, 3, 4]], [0], np.empty((0, 4)), []), "X of .* has no rows"),
    ],
)
def test_rows_that_do_not_fit_are_refused(args, message):
    influence = influence_of(LogisticRegression(), *make_rows())
    with pytest.raises(ValueError, match=message):
        influence.score_rows(*args)


@pytest.mark.parametrize("verify", [201, -1, 2.5])
def test_verify_is_a_number_of_rows(verify):
    X, y = make_rows()
    influence = influence_of(LogisticRegression(), X, y)
    with pytest.raises(ValueError, match=r"verify of .* from 0 to the 200"):
        influence.score_rows(X[:9], y[:9], verify=verify)


def test_frozen_models_and_other_classes_are_refused():
    X, y = make_rows()
    model = FrozenEstimator(LogisticRegression().fit(X, y))
    with pytest.raises(ValueError, match=r"y of .* classes .*Got \[1, 2\]"):
        influence_of(model, X, y + 1)


def test_scores_need_a_fit():
    X, y = make_rows()
    with pytest.raises(NotFittedError):
        SubpopulationInfluence(LogisticRegression()).score_rows(X, y)


def test_models_of_one_output_against_the_rest_are_refused():
    """Up to scikit-learn 1.7 liblinear fits one model for each of several classes."""
    X, y = make_rows(n_classes=3)
    model = LogisticRegression().fit(X, y)
    model.solver = "liblinear"
    with pytest.raises(ValueError, match="each class against the rest"):
        influence_of(FrozenEstimator(model), X, y)


@pytest.mark.parametrize("labels", [[0, None], [0, "a"], [[0], [1, 1]], [0, object()]])
def test_labels_that_are_none_are_told(labels):
    X, y = np.random.RandomState(0).randn(30, 2), np.arange(30) % 2
    fitted = SubpopulationInfluence(LogisticRegression()).fit(X, y)
    with pytest.raises(ValueError, match=r"y_target|Unknown label type|Mix of label"):
        fitted.score_rows(X[:2], labels)


@pytest.mark.parametrize("verify", [None, "", [], 0.5, -1])
def test_verify_is_a_count(verify):
    X, y = np.random.RandomState(0).randn(30, 2), np.arange(30) % 2
    fitted = SubpopulationInfluence(LogisticRegression()).fit(X, y)
    with pytest.raises(ValueError, match=r"verify of .* from 0 to"):
        fitted.score_rows(X[:2], y[:2], verify=verify)
