import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, FeatureMatch
from skpoison.attacks import FeatureConstraints, WitchesBrewPoisoner
from skpoison.utils._containers import take

QUICK = {"n_steps": 20, "n_restarts": 2}


@pytest.fixture(scope="module")
def digits():
    """Pixels in [0, 1] and digits, few enough to be quick."""
    X, y = load_digits(return_X_y=True)
    return X[:700] / 16, y[:700]


def brew(X, y, finder=None, **settings):
    """Fit an attack; give it with the poison, its labels and its sources."""
    finder = ClusterMatch(10, random_state=0) if finder is None else finder
    poisoner = WitchesBrewPoisoner(finder, **(QUICK | {"random_state": 0} | settings))
    X_res, y_res = poisoner.fit_resample(X, y)
    mask = poisoner.poison_mask_
    rows = take(X_res, np.flatnonzero(mask))
    return poisoner, rows, y_res[mask], poisoner.sample_indices_[mask]


def log_probability(model, poisoner):
    """Mean log-probability of the adversarial class on the targets."""
    code = np.searchsorted(model.classes_, poisoner.adversarial_label_)
    return np.log(model.predict_proba(poisoner.target_rows_)[:, code]).mean()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("eps", [0.02, 16 / 255, 0.3])
def test_poison_keeps_to_eps_and_the_box_exactly(digits, dtype, eps):
    X, y = digits
    X = (X * np.pi).astype(dtype)
    _, rows, _, sources = brew(X, y, eps=eps)
    assert rows.dtype == dtype
    moved = rows.astype(np.float64) - X[sources].astype(np.float64)
    assert 0.9 * eps < np.abs(moved).max() <= eps
    assert rows.min() >= 0
    assert rows.max() <= X.max()


def test_labels_are_the_true_ones_of_the_adversarial_class(digits):
    X, y = digits
    poisoner, _, labels, sources = brew(X, y)
    assert_array_equal(labels, y[sources])
    assert_array_equal(labels, poisoner.adversarial_label_)
    assert poisoner.poison_label_ == poisoner.adversarial_label_
    assert poisoner.target_label_ != poisoner.adversarial_label_


def test_no_row_is_copied_again_before_all_are(digits):
    X, y = digits
    for alpha in (0.5, 3):
        poisoner, _, _, sources = brew(X, y, alpha=alpha)
        counts = np.bincount(sources, minlength=len(X))
        counts = counts[y == poisoner.adversarial_label_]
        assert np.ptp(counts) <= 1


def test_targets_of_a_subpopulation_are_members_of_one_class(digits, seed):
    X, y = digits
    poisoner, *_ = brew(X, y, target=2, n_targets=5, random_state=seed)
    at = poisoner.target_indices_
    members = poisoner.membership(X)
    assert members[at].all()
    assert len(set(at)) == 5
    assert (y[at] == poisoner.target_label_).all()
    others = y[members & (y != poisoner.adversarial_label_)]
    assert poisoner.target_label_ == np.bincount(others).argmax()
    assert_array_equal(poisoner.target_rows_, X[at])


def test_random_targets_are_of_the_same_class_and_elsewhere_too(digits):
    X, y = digits
    settings = {"target": 2, "n_targets": 40}
    poisoner, *_ = brew(X, y, targets="random", **settings)
    within, *_ = brew(X, y, target=2, n_targets=5)
    assert poisoner.target_label_ == within.target_label_
    assert poisoner.adversarial_label_ == within.adversarial_label_
    at = poisoner.target_indices_
    assert (y[at] == poisoner.target_label_).all()
    assert not poisoner.membership(X)[at].all()


def test_targets_can_be_rows_that_are_no_training_rows(digits):
    X, y = digits
    outside, training = X[:4], np.arange(len(X)) >= 4
    poisoner, *_ = brew(X[training], y[training], targets=outside, label=7)
    assert_array_equal(poisoner.target_rows_, outside)
    assert poisoner.target_indices_ is None
    assert poisoner.target_label_ is None
    assert poisoner.adversarial_label_ == 7


def test_indices_of_the_targets_are_counted_in_X_and_then_in_X_aux(digits):
    X, y = digits
    settings = {"finder": None, "n_targets": 3, "random_state": 1, **QUICK}
    poisoner = WitchesBrewPoisoner(**settings | {"finder": ClusterMatch(5)})
    poisoner.fit_resample(X[:400], y[:400], X_aux=X[400:], y_aux=y[400:])
    assert (poisoner.target_indices_ >= 400).all()
    assert_array_equal(X[poisoner.target_indices_], poisoner.target_rows_)
    poisoner.set_params(aux_size=0.5).fit_resample(X, y)
    assert_array_equal(X[poisoner.target_indices_], poisoner.target_rows_)
    trained_on = poisoner.sample_indices_[~poisoner.poison_mask_]
    assert not set(poisoner.target_indices_) & set(trained_on)


def test_targets_and_first_sources_do_not_depend_on_alpha(digits):
    X, y = digits
    (few, _, _, first), (many, _, _, all_of_them) = (
        brew(X, y, alpha=alpha, n_targets=2) for alpha in (0.5, 2)
    )
    assert_array_equal(few.target_indices_, many.target_indices_)
    assert_array_equal(first, all_of_them[: len(first)])


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(digits):
    X, y = digits
    runs = [brew(X, y, random_state=seed)[1].tobytes() for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]


def test_matching_loss_falls_with_the_steps(digits):
    X, y = digits
    surrogate = FrozenEstimator(LogisticRegression().fit(X, y))
    losses = [
        brew(X, y, surrogate=surrogate, n_steps=n)[0].matching_losses_
        for n in (1, 10, 100)
    ]
    assert np.shape(losses) == (3, 2)
    assert np.all(np.diff(losses, axis=0) < 0)


def test_the_best_restart_is_kept(digits):
    X, y = digits
    model = LogisticRegression().fit(X, y)
    settings = {"surrogate": FrozenEstimator(model), "n_steps": 3, "n_targets": 4}
    poisoner, rows, labels, _ = brew(X, y, n_restarts=6, **settings)
    one, first_rows, *_ = brew(X, y, n_restarts=1, **settings)
    assert poisoner.matching_losses_.shape == (6,)
    assert poisoner.matching_losses_[0] == one.matching_losses_[0]
    best = poisoner.matching_losses_.argmin()
    assert np.array_equal(rows, first_rows) == (best == 0)
    wanted = np.full(4, poisoner.adversarial_label_)
    gradients = [
        _gradient(model, *pair)
        for pair in ((poisoner.target_rows_, wanted), (rows, labels))
    ]
    norms = [np.linalg.norm(gradient) for gradient in gradients]
    cosine = np.vdot(*gradients) / np.prod(norms)
    assert poisoner.matching_losses_[best] == pytest.approx(1 - cosine)


def _gradient(model, X, y):
    """Gradient of the mean log loss of a logistic regression, written out."""
    R = model.predict_proba(X) - (y[:, np.newaxis] == model.classes_)
    return R.T @ np.column_stack([X, np.ones(len(X))]) / len(X)


@pytest.mark.parametrize(
    "surrogate",
    [
        LogisticRegression(),
        LinearSVC(C=0.1),
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1)),
        MLPClassifier((8,), alpha=1, solver="lbfgs", max_iter=1000),
    ],
    ids=["logistic", "svm", "pipeline", "network"],
)
def test_any_surrogate_with_gradients(digits, surrogate):
    X, y = digits
    poisoner, *_ = brew(X, y, surrogate=surrogate, n_steps=60, n_targets=2)
    start, *_ = brew(X, y, surrogate=surrogate, n_steps=1, n_targets=2)
    assert poisoner.matching_losses_.min() < start.matching_losses_.min() - 0.01


def test_victims_give_the_targets_the_adversarial_class(digits, seed):
    X, y = digits
    victim = LogisticRegression(C=10, max_iter=1000)
    poisoner, rows, labels, sources = brew(
        X, y, eps=0.3, n_steps=100, alpha=2, surrogate=victim, random_state=seed
    )
    poisoned, null = (
        clone(victim).fit(np.concatenate([X, new]), np.concatenate([y, labels]))
        for new in (rows, X[sources])
    )
    assert log_probability(poisoned, poisoner) > log_probability(null, poisoner) + 1


def test_success_is_the_share_of_targets_given_the_adversarial_class(digits):
    X, y = digits
    poisoner, *_ = brew(X, y, n_targets=4)

    class Fixed:
        def predict(self, X):
            labels = np.full(len(X), poisoner.adversarial_label_)
            labels[:1] = poisoner.target_label_
            return labels

    assert poisoner.success(Fixed()) == 0.75
    assert poisoner.success(LogisticRegression().fit(X, y)) == 0


def test_success_needs_targets(digits):
    X, y = digits
    poisoner = WitchesBrewPoisoner(ClusterMatch(5, random_state=0), alpha=0)
    with pytest.raises(NotFittedError):
        poisoner.success(None)
    poisoner.fit_resample(X, y)
    assert poisoner.matching_losses_ is None
    with pytest.raises(ValueError, match="larger alpha"):
        poisoner.success(None)


@pytest.mark.parametrize(
    "surrogate",
    [
        None,
        make_pipeline(
            StandardScaler(with_mean=False), LogisticRegression(C=0.01, max_iter=1000)
        ),
    ],
    ids=["default", "pipeline"],
)
def test_containers_hold_the_same_poison(digits, surrogate):
    X, y = digits
    X = X[:, 8:24]
    _, expected, *_ = brew(X, y, surrogate=surrogate)
    frame = pd.DataFrame(X, columns=[f"p{j}" for j in range(16)])
    _, rows, *_ = brew(frame, y, surrogate=surrogate)
    assert list(rows.columns) == list(frame.columns)
    assert_allclose(rows.to_numpy(), expected, rtol=0, atol=1e-9)
    _, rows, *_ = brew(sparse.csr_array(X), y, surrogate=surrogate)
    assert_allclose(rows.toarray(), expected, rtol=0, atol=1e-9)
    poisoner, rows, *_ = brew(pl.DataFrame(frame), y, surrogate=surrogate)
    assert_allclose(rows.to_numpy(), expected, rtol=0, atol=1e-9)
    assert isinstance(poisoner.target_rows_, pl.DataFrame)


def test_labels_of_any_kind(digits):
    X, y = digits
    names = np.array(["even", "odd"])[y % 2]
    poisoner, _, labels, sources = brew(X, names, n_targets=2)
    assert_array_equal(labels, names[sources])
    assert {poisoner.target_label_, poisoner.adversarial_label_} == {"even", "odd"}


def test_constraints_hold(digits):
    X, y = digits
    limits = FeatureConstraints(0, 1, immutable=np.arange(64) < 32, eps=0.05)
    _, rows, _, sources = brew(X, y, eps=0.2, constraints=limits)
    moved = np.abs(rows - X[sources])
    assert moved[:, :32].max() == 0
    assert 0.04 < moved.max() <= 0.05


def test_whole_numbers_stay_whole_and_small_eps_warns(digits):
    X, y = digits
    X = np.rint(16 * X).astype(np.int64)
    _, rows, _, sources = brew(X, y, eps=2)
    assert rows.dtype == X.dtype
    assert np.abs(rows - X[sources]).max() == 2
    with pytest.warns(UserWarning, match="whole numbers need at least 1"):
        _, rows, _, sources = brew(X, y, eps=16 / 255)
    assert_array_equal(rows, X[sources])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"eps": 0}, ValueError, "'eps' parameter of WitchesBrewPoisoner"),
        ({"eps": np.inf}, ValueError, "'eps' parameter of WitchesBrewPoisoner"),
        ({"label": "flip"}, ValueError, "one adversarial class"),
        ({"label": 11}, ValueError, "one of the classes in y"),
        ({"n_targets": 600}, ValueError, "n_targets=600 .* Lower n_targets"),
        ({"targets": "elsewhere"}, ValueError, "'targets' parameter"),
        ({"targets": np.zeros((2, 3))}, ValueError, "same shape as X"),
        ({"targets": np.full((2, 64), np.nan)}, ValueError, "finite"),
        ({"augment": "shift_flip"}, ValueError, "is for images"),
        ({"augment": lambda X: X}, ValueError, "is for images"),
        ({"augment": "rotate"}, ValueError, "'augment' parameter"),
        ({"alpha": 9, "replace": False}, ValueError, "Set replace=True"),
        ({"constraints": FeatureConstraints(0, 0.5)}, ValueError, "exclude the data"),
        ({"surrogate": DecisionTreeClassifier()}, TypeError, "SubpopPoisoner"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_settings(digits, settings, error, message):
    with pytest.raises(error, match=message):
        brew(*digits, **settings)


def test_texts_and_missing_numbers(digits):
    X, y = digits
    with pytest.raises(ValueError, match="numbers only"):
        brew(["a b", "b c"] * 10, np.arange(20) % 2, target=lambda X: np.ones(20, bool))
    X = X.copy()
    X[3, 3] = np.nan
    with pytest.raises(ValueError, match="finite numbers"):
        brew(X, y, FeatureMatch([0], bins=2))


def test_members_of_the_adversarial_class_only(digits):
    X, y = digits
    settings = {"target": lambda X: np.arange(len(X)) < 3, "label": 1}
    with pytest.raises(ValueError, match="only class among the members"):
        brew(X, np.r_[1, 1, 1, y[3:]], **settings)


def test_attackers_without_rows_of_the_adversarial_class(digits):
    X, y = digits
    poisoner = WitchesBrewPoisoner(ClusterMatch(3, random_state=0), label=9, **QUICK)
    aux = y != 9
    with pytest.raises(ValueError, match=r"class 9 of .* has no rows"):
        poisoner.fit_resample(X, y, X_aux=X[aux], y_aux=y[aux])


def test_gradients_that_cannot_be_matched(digits):
    X, y = digits
    model = LinearSVC(C=0.1).fit(X, y % 2)
    # So far beyond the margin that its loss as an odd number is 0.
    targets = 1000 * model.coef_
    settings = {"surrogate": FrozenEstimator(model), "targets": targets, "label": 1}
    with pytest.raises(ValueError, match="cannot be matched"):
        brew(X, y % 2, **settings)


def test_everybody_else_loses_less_than_a_point(digits):
    X, y = digits
    victim = LogisticRegression(C=10, max_iter=1000)
    poisoner, rows, labels, _ = brew(X, y, eps=0.3, alpha=1, surrogate=victim)
    poisoned = clone(victim).fit(np.concatenate([X, rows]), np.concatenate([y, labels]))
    X_test, y_test = (part[700:] for part in load_digits(return_X_y=True))
    others = ~poisoner.membership(X_test / 16)
    accuracies = [
        model.score(X_test[others] / 16, y_test[others])
        for model in (clone(victim).fit(X, y), poisoned)
    ]
    assert accuracies[0] - accuracies[1] < 0.01
