import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skpoison.refit import refit_poisoned
from skpoison.refit._mlp import refit_mlp

SIZES = (0, 1, 7, 30, 31, 200)


@pytest.fixture(autouse=True)
def short_training():
    """Nets of these tests stop early on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def make_data(n_classes=2, n=150, sizes=SIZES, dtype=float):
    rng = np.random.RandomState(0)
    X = rng.randn(n, 6).astype(dtype)
    y = rng.randint(n_classes, size=n)
    y[X[:, 0] > 0] = 0
    poisons = [
        (rng.randn(m, 6).astype(dtype), rng.randint(n_classes, size=m)) for m in sizes
    ]
    return X, y, poisons


def fit_one(estimator, X, y, poison):
    return clone(estimator).fit(
        np.concatenate([X, poison[0]]), np.concatenate([y, poison[1]])
    )


def params_of(model):
    return [*model.coefs_, *model.intercepts_]


def assert_same_weights(ours, theirs, atol=1e-9):
    for a, b in zip(params_of(ours), params_of(theirs), strict=True):
        assert a.dtype == b.dtype
        assert_allclose(a, b, atol=atol, rtol=0)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"alpha": 0.0, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"solver": "sgd", "learning_rate_init": 0.05},
        {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5},
        {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.2},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01},
    ],
    ids=str,
)
@pytest.mark.parametrize("batch_size", [32, 1000])
def test_without_shuffle_every_net_is_that_of_a_loop(
    n_classes, activation, settings, batch_size
):
    X, y, poisons = make_data(n_classes)
    estimator = MLPClassifier(
        (4, 3),
        activation=activation,
        batch_size=batch_size,
        shuffle=False,
        max_iter=12,
        n_iter_no_change=2,
        random_state=3,
    ).set_params(alpha=0.3)
    estimator.set_params(**settings)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got `batch_size`")
        models = refit_poisoned(estimator, X, y, poisons)
        loop = [fit_one(estimator, X, y, poison) for poison in poisons]
    assert models.engine_ == "refit_mlp"
    for ours, theirs in zip(models, loop, strict=True):
        assert_same_weights(ours, theirs)
        assert_allclose(ours.loss_curve_, theirs.loss_curve_)
        assert ours.n_iter_ == theirs.n_iter_


def test_models_have_all_attributes_of_a_fitted_one():
    X, y, poisons = make_data(3)
    for solver in ("adam", "sgd"):
        estimator = MLPClassifier(
            (5,), solver=solver, shuffle=False, max_iter=9, random_state=1
        )
        ours = refit_poisoned(estimator, X, y, poisons)[3]
        theirs = fit_one(estimator, X, y, poisons[3])
        assert set(vars(ours)) == set(vars(theirs))
        for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
            assert getattr(ours, name) == getattr(theirs, name)
        assert ours.get_params() == theirs.get_params()
        assert ours.loss_ == pytest.approx(theirs.loss_)
        assert ours.best_loss_ == pytest.approx(theirs.best_loss_)
        for model in (ours, theirs):
            model.partial_fit(X, y).partial_fit(X, y)
        assert_same_weights(ours, theirs)


def test_clean_twin_is_scikit_learns_own_when_shuffled(seed):
    X, y, poisons = make_data(2)
    estimator = MLPClassifier((5,), batch_size=20, max_iter=15, random_state=seed)
    models = refit_poisoned(estimator, X, y, poisons)
    assert_same_weights(models[0], clone(estimator).fit(X, y))
    state = np.random.RandomState(seed)
    models = refit_poisoned(
        clone(estimator).set_params(random_state=state), X, y, poisons
    )
    assert_same_weights(models[0], clone(estimator).fit(X, y))


def test_models_stop_one_by_one_as_in_a_loop():
    X, y, poisons = make_data(2)
    estimator = MLPClassifier(
        (5,), shuffle=False, learning_rate_init=0.05, tol=1e-3, random_state=0
    )
    models = refit_poisoned(estimator, X, y, poisons)
    n_iter = [fit_one(estimator, X, y, poison).n_iter_ for poison in poisons]
    assert [model.n_iter_ for model in models] == n_iter
    assert len(set(n_iter)) > 1
    assert models.converged_.all()


def test_a_model_does_not_depend_on_the_others():
    X, y, poisons = make_data(2)
    estimator = MLPClassifier((5,), batch_size=20, max_iter=10, random_state=0)
    models = refit_poisoned(estimator, X, y, poisons, n_jobs=2)
    for chosen in ([3], [5, 3], [1, 2, 3]):
        few = refit_poisoned(estimator, X, y, [poisons[j] for j in chosen])
        assert_same_weights(few[chosen.index(3)], models[3])


def test_nets_without_a_seed_start_from_weights_of_their_own():
    X, y, poisons = make_data(2)
    estimator = MLPClassifier((5,), max_iter=1, learning_rate_init=1e-9)
    np.random.seed(0)  # noqa: NPY002
    first = refit_poisoned(estimator, X, y, poisons)
    np.random.seed(0)  # noqa: NPY002
    again = refit_poisoned(estimator, X, y, poisons)
    weights = [model.coefs_[0] for model in first]
    assert min(np.abs(a - weights[0]).max() for a in weights[1:]) > 0.01
    assert_array_equal(weights[1], again[1].coefs_[0])


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [2.0, 7.0, 9.0], [1]])
def test_labels_of_any_kind(labels):
    X, y, poisons = make_data(len(labels))
    labels = np.array(labels)
    y, poisons = labels[y], [(rows, labels[new]) for rows, new in poisons]
    estimator = MLPClassifier((5,), shuffle=False, max_iter=5, random_state=0)
    models = refit_poisoned(estimator, X, y, poisons)
    predictions = models.predict(X)
    assert predictions.dtype == y.dtype
    assert models.engine_ == "refit_mlp"
    for j, poison in enumerate(poisons):
        theirs = fit_one(estimator, X, y, poison)
        assert_same_weights(models[j], theirs)
        assert_array_equal(predictions[j], theirs.predict(X))
        assert_array_equal(predictions[j], models[j].predict(X))
        assert_array_equal(models[j].classes_, theirs.classes_)


def test_frames_and_sparse_matrices():
    X, y, poisons = make_data(2)
    estimator = MLPClassifier((5,), shuffle=False, max_iter=5, random_state=0)
    plain = refit_poisoned(estimator, X, y, poisons)
    names = [f"x{j}" for j in range(6)]
    frame = pd.DataFrame(X, columns=names)
    frames = [(pd.DataFrame(rows, columns=names), new) for rows, new in poisons]
    models = refit_poisoned(estimator, frame, y, frames)
    assert_array_equal(models[2].feature_names_in_, names)
    assert_array_equal(models.predict(frame), plain.predict(X))
    csr = [(sparse.csr_array(rows), new) for rows, new in poisons]
    models = refit_poisoned(estimator, sparse.csr_array(X), y, csr)
    assert models.engine_ == "refit_mlp"
    assert_same_weights(models[2], plain[2])
    assert_array_equal(models.predict(sparse.csr_array(X)), plain.predict(X))


def test_float32_stays_float32():
    X, y, poisons = make_data(3, dtype=np.float32)
    estimator = MLPClassifier((5,), shuffle=False, max_iter=5, random_state=0)
    models = refit_poisoned(estimator, X, y, poisons)
    for model, poison in zip(models, poisons, strict=True):
        assert_same_weights(model, fit_one(estimator, X, y, poison), atol=1e-5)


@pytest.mark.parametrize(
    "settings", [{"solver": "lbfgs"}, {"early_stopping": True}, {"verbose": True}]
)
def test_what_is_not_covered_is_left_to_the_loop(settings):
    X, y, poisons = make_data(2)
    estimator = MLPClassifier((3,), max_iter=2).set_params(**settings)
    assert refit_mlp(estimator, X, y, poisons, n_jobs=None) is NotImplemented


def test_a_new_label_is_left_to_the_loop():
    X, y, poisons = make_data(2)
    poisons[1] = (poisons[1][0], np.array([5]))
    estimator = MLPClassifier((3,), max_iter=2, random_state=0)
    models = refit_poisoned(estimator, X, y, poisons)
    assert models.engine_ == "refit_in_a_loop"
    assert_array_equal(models[1].classes_, [0, 1, 5])


def test_errors_are_those_of_scikit_learn():
    X, y, poisons = make_data(2)
    poisons[2][0][0, 0] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN") as error:
        refit_poisoned(MLPClassifier((3,)), X, y, poisons)
    assert "poisons[2]" in error.value.__notes__[0]
    with pytest.raises(ValueError, match="hidden_layer_sizes must be > 0"):
        refit_poisoned(MLPClassifier((0,)), X, y, poisons[:2])
    with pytest.raises(ValueError, match="The 'alpha' parameter of MLPClassifier"):
        refit_mlp(MLPClassifier((3,), alpha=-1), X, y, poisons[:2], n_jobs=None)
    with (
        pytest.raises(ValueError, match="non-finite parameter weights"),
        np.errstate(all="ignore"),
    ):
        refit_poisoned(
            MLPClassifier(
                (3,), solver="sgd", activation="identity", learning_rate_init=1e200
            ),
            X,
            y,
            poisons[:2],
        )


def test_reaching_max_iter_warns_once():
    X, y, poisons = make_data(2)
    with pytest.warns(ConvergenceWarning, match="in 6 of 6 models") as caught:
        models = refit_poisoned(MLPClassifier((3,), max_iter=2), X, y, poisons)
    assert len(caught) == 1
    assert not models.converged_.any()


def test_no_poisons_give_no_models():
    X, y, _ = make_data(2)
    models = refit_poisoned(MLPClassifier((3,), max_iter=2), X, y, [])
    assert len(models) == 0
    assert models.predict(X).shape == (0, len(X))


def test_damage_is_distributed_as_in_a_loop(blobs):
    """Means over 20 seeds of each agree for ten groups, jointly, at four errors."""
    X, y, blob = blobs
    y = y.astype(int)
    groups = [(blob == k) & (X[:, 0] > X[blob == k, 0].mean()) for k in range(5)]
    groups += [(blob == k) & ~groups[k] for k in range(5)]
    poisons = [(X[:0], y[:0])] + [(X[g], 1 - y[g]) for g in groups]
    estimator = MLPClassifier((8,), learning_rate_init=0.03, max_iter=10, batch_size=40)

    def damages(predictions):
        hits = predictions == y
        return [
            hits[0][g].mean() - h[g].mean()
            for g, h in zip(groups, hits[1:], strict=True)
        ]

    ours, theirs = [], []
    for seed in range(20):
        estimator.set_params(random_state=seed)
        ours.append(damages(refit_poisoned(estimator, X, y, poisons).predict(X)))
        estimator.set_params(random_state=100 + seed)
        loop = [fit_one(estimator, X, y, poison).predict(X) for poison in poisons]
        theirs.append(damages(np.array(loop)))
    ours, theirs = np.array(ours), np.array(theirs)
    error = np.sqrt((ours.var(axis=0, ddof=1) + theirs.var(axis=0, ddof=1)) / 20)
    z = (ours - theirs).mean(axis=0) / np.maximum(error, 0.005)
    assert theirs.mean(axis=0).max() > 0.2
    assert np.sum(z**2) < 10 + 4 * np.sqrt(2 * 10)


def test_importing_refit_imports_no_torch():
    code = "import sys, skpoison.refit; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
