"""Fine-pruning of scikit-learn's network."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import BackdoorPoisoner, FeatureTrigger, everything
from skpoison.defenses import FinePruning

QUICK = {"learning_rate_init": 0.02, "tol": 1e-2, "n_iter_no_change": 3}
NETWORK = MLPClassifier((16, 8), random_state=0, **QUICK)
ACTIVATIONS = ["identity", "logistic", "relu", "tanh"]


@pytest.fixture(scope="module")
def rows():
    """Training rows and trusted rows of three blobs."""
    rng = np.random.RandomState(0)
    y = np.arange(360) % 3
    X = rng.randn(360, 4)
    X[np.arange(360), y] += 3
    return X[:240], y[:240], {"X_trusted": X[240:], "y_trusted": y[240:]}


def backdoored(seed):
    """Digits of which a twentieth has a trigger, trusted and test rows, the attack."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, random_state=seed)
    X, X_trusted, y, y_trusted = train_test_split(X, y, test_size=0.2, random_state=0)
    poisoner = BackdoorPoisoner(
        target=everything,
        alpha=0.05,
        label=0,
        trigger=FeatureTrigger(7, 1),
        random_state=seed,
    )
    poisoned = poisoner.fit_resample(X, y)
    trusted = {"X_trusted": X_trusted, "y_trusted": y_trusted}
    stamped = poisoner.apply_trigger(X_test[y_test != 0])
    return *poisoned, trusted, X_test, y_test, stamped


def test_backdoor_is_lost_by_tuning_and_not_without(seed):
    X, y, trusted, X_test, y_test, stamped = backdoored(seed)
    network = MLPClassifier((64,), random_state=seed, learning_rate_init=0.01, tol=1e-3)
    pruning = FinePruning(network, n_epochs=300, random_state=0).fit(X, y, **trusted)
    alone = clone(pruning).set_params(n_epochs=0).fit(X, y, **trusted)
    plain = network.fit(X, y)
    success = [np.mean(m.predict(stamped) == 0) for m in (plain, alone, pruning)]
    assert min(success[:2]) > 0.6 > 0.2 > success[2]
    assert pruning.score(X_test, y_test) > plain.score(X_test, y_test) - 0.03
    assert len(pruning.pruned_units_) > 5
    np.testing.assert_array_equal(pruning.pruned_units_, alone.pruned_units_)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("layer", [0, -1, "penultimate"])
def test_pruned_units_have_no_effect(rows, activation, layer):
    X, y, trusted = rows
    network = clone(NETWORK).set_params(activation=activation).fit(X, y)
    pruning = FinePruning(
        FrozenEstimator(network), layer=layer, tolerance=1, max_pruned=0.5, n_epochs=0
    ).fit(X, y, **trusted)
    number = 0 if layer == 0 else 1
    sizes = [16, 8]
    sizes[number] //= 2
    assert pruning.estimator_.hidden_layer_sizes == tuple(sizes)
    # The trained network is as it was, and equals the pruned one with units cut off.
    assert network.hidden_layer_sizes == (16, 8)
    before = network.coefs_[number + 1].copy()
    network.coefs_[number + 1][pruning.pruned_units_] = 0
    np.testing.assert_allclose(pruning.predict_proba(X), network.predict_proba(X))
    network.coefs_[number + 1] = before


def test_dormant_units_go_first(rows):
    X, y, trusted = rows
    network = clone(NETWORK).set_params(hidden_layer_sizes=(12,)).fit(X, y)
    asleep = [2, 7, 9]
    network.coefs_[0][:, asleep] = 0
    network.intercepts_[0][asleep] = -1
    pruning = FinePruning(FrozenEstimator(network), tolerance=0, n_epochs=0)
    pruning.fit(X, y, **trusted)
    dormant = np.flatnonzero(pruning.activations_ == 0)
    assert set(asleep) <= set(dormant)
    first = pruning.pruned_units_[: len(dormant)]
    np.testing.assert_array_equal(first, dormant)
    assert (np.diff(pruning.activations_[pruning.pruned_units_]) >= 0).all()
    path = pruning.accuracy_path_[: len(dormant) + 1]
    np.testing.assert_array_equal(path, path[0])


@pytest.mark.parametrize("tolerance", [0, 0.05, 0.3])
def test_pruning_stops_where_accuracy_falls(rows, tolerance):
    X, y, trusted = rows
    pruning = FinePruning(NETWORK, tolerance=tolerance, max_pruned=1, random_state=0)
    path = pruning.fit(X, y, **trusted).accuracy_path_
    n_pruned, lowest = len(pruning.pruned_units_), path[0] - tolerance - 1e-9
    assert (path[: n_pruned + 1] >= lowest).all()
    if n_pruned < 7:  # of 8, one of which is left always
        assert len(path) == n_pruned + 2
        assert path[-1] < lowest


def test_shares_and_no_pruning(rows):
    X, y, trusted = rows
    for share, n_pruned in ((0, 0), (0.25, 2), (0.9, 7), (1, 7)):
        pruning = FinePruning(NETWORK, tolerance=1, max_pruned=share)
        pruning.fit(X, y, **trusted)
        assert len(pruning.pruned_units_) == n_pruned
        assert pruning.estimator_.hidden_layer_sizes == (16, 8 - n_pruned)
        assert len(pruning.activations_) == 8


def test_only_trusted_rows_tell_what_is_dormant(rows):
    """A unit that wakes for other rows only is dormant."""
    X, y, trusted = rows
    network = clone(NETWORK).set_params(hidden_layer_sizes=(6,)).fit(X, y)
    odd = X + np.array([0, 0, 0, 100])
    network.coefs_[0][:, 3] = [0, 0, 0, 1]
    network.intercepts_[0][3] = -50
    pruning = FinePruning(FrozenEstimator(network), n_epochs=0, tolerance=0)
    assert pruning.fit(odd, y, **trusted).pruned_units_[0] == 3


def test_without_trusted_rows_a_share_of_each_class_is_split_off(rows):
    X, y, _ = rows

    class Remembering(MLPClassifier):
        def fit(self, X, y):
            self.n_seen_ = len(y)
            return super().fit(X, y)

    network = Remembering((16, 8), random_state=0, **QUICK)
    pruning = FinePruning(network, trusted_size=0.25, random_state=0).fit(X, y)
    assert (pruning.n_trusted_, pruning.estimator_.n_seen_) == (60, 180)
    assert pruning.score(X, y) > 0.9


def test_pipeline_within(rows):
    X, y, trusted = rows
    model = make_pipeline(StandardScaler(), NETWORK)
    pruning = FinePruning(model, n_epochs=5, random_state=0).fit(X, y, **trusted)
    scaler = StandardScaler().fit(X)
    scaled = {**trusted, "X_trusted": scaler.transform(trusted["X_trusted"])}
    alone = FinePruning(NETWORK, n_epochs=5, random_state=0)
    alone.fit(scaler.transform(X), y, **scaled)
    np.testing.assert_array_equal(
        pruning.predict_proba(X), alone.predict_proba(scaler.transform(X))
    )


def test_trusted_rows_reach_the_last_step_of_a_pipeline(rows):
    X, y, trusted = rows
    with config_context(enable_metadata_routing=True):
        pruning = FinePruning(NETWORK, n_epochs=5, random_state=0)
        pruning.set_fit_request(X_trusted=True, y_trusted=True)
        model = Pipeline(
            [("scale", StandardScaler()), ("clf", pruning)],
            transform_input=["X_trusted"],
        ).fit(X, y, **trusted)
    assert model["clf"].n_trusted_ == 120
    within = FinePruning(make_pipeline(StandardScaler(), NETWORK), n_epochs=5)
    within.set_params(random_state=0).fit(X, y, **trusted)
    np.testing.assert_array_equal(model.predict_proba(X), within.predict_proba(X))


def test_grid_search(rows):
    X, y, _ = rows
    grid = {"max_pruned": [0, 0.5], "estimator__alpha": [1e-4, 1e-2]}
    search = GridSearchCV(FinePruning(NETWORK, n_epochs=2, random_state=0), grid, cv=2)
    assert search.fit(X, y).best_score_ > 0.9


def test_settings_for_many_rows(rows):
    """Neither early stopping nor large batches are in the way of few trusted rows."""
    X, y, trusted = rows
    few = {name: values[:6] for name, values in trusted.items()}
    network = clone(NETWORK).set_params(early_stopping=True, batch_size=50)
    pruning = FinePruning(network, n_epochs=2, random_state=0).fit(X, y, **few)
    assert pruning.estimator_.early_stopping
    assert pruning.estimator_.batch_size == 50


def test_same_seed_same_bytes(rows):
    X, y, trusted = rows
    network = MLPClassifier((8,), **QUICK)
    probas = [
        FinePruning(network, n_epochs=3, random_state=4)
        .fit(X, y, **trusted)
        .predict_proba(X)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*probas)


def test_frames_string_labels_and_pickles(rows):
    X, y, trusted = rows
    names = np.array(["low", "middle", "high"])
    frame = pd.DataFrame(X, columns=list("abcd"))
    of_frames = FinePruning(NETWORK, n_epochs=3, random_state=0).fit(
        frame,
        pd.Series(names[y]),
        X_trusted=pd.DataFrame(trusted["X_trusted"], columns=list("abcd")),
        y_trusted=names[trusted["y_trusted"]].tolist(),
    )
    assert of_frames.feature_names_in_.tolist() == list("abcd")
    assert of_frames.classes_.tolist() == sorted(names)
    assert np.mean(of_frames.predict(frame) == names[y]) > 0.9
    again = pickle.loads(pickle.dumps(of_frames))
    np.testing.assert_array_equal(
        again.predict_proba(frame), of_frames.predict_proba(frame)
    )


def bad(rows, match, network=NETWORK, trusted=None, **params):
    X, y, given = rows
    with pytest.raises(ValueError, match=match):
        FinePruning(network, **params).fit(X, y, **{**given, **(trusted or {})})


def test_bad_networks(rows):
    bad(rows, "LogisticRegression. Use TrustedFineTuning", LogisticRegression())
    bad(rows, "solver='lbfgs'. Use", MLPClassifier(solver="lbfgs"))
    bad(rows, "has none", MLPClassifier((), max_iter=50, tol=1))
    bad(rows, r"layer=2 of FinePruning.* are \[0, 1\]", layer=2)
    bad(rows, r"layer='first' of FinePruning.* are \[0, 1\]", layer="first")
    bad(rows, "'tolerance' parameter", tolerance=-1)


def test_bad_trusted_rows(rows):
    X, y, given = rows
    X_trusted, y_trusted = given.values()
    bad(rows, "together. Got only one", trusted={"y_trusted": None})
    bad(
        rows,
        r"must have rows of the same shape",
        trusted={"X_trusted": X_trusted[:, 1:]},
    )
    bad(rows, "inconsistent numbers", trusted={"y_trusted": y_trusted[1:]})
    bad(rows, "of the same kind as X", trusted={"X_trusted": pd.DataFrame(X_trusted)})
    bad(rows, r"Got \[7\] as well", trusted={"y_trusted": np.r_[y_trusted[1:], 7]})
    two = y_trusted < 2
    lacking = {"X_trusted": X_trusted[two], "y_trusted": y_trusted[two]}
    bad(rows, r"has none of \[2\]", trusted=lacking)
    one_each = {"X_trusted": X_trusted[:3], "y_trusted": y_trusted[:3]}
    bad(rows, "class with two trusted rows", trusted=one_each)
    with pytest.raises(ValueError, match=r"There is one of \[9\]"):
        FinePruning(NETWORK).fit(X, np.r_[y[:-1], 9])
