"""What the attacks that move features share."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler, scale
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.attacks import (
    FeatureConstraints,
    GradientPoisoner,
    InfluencePoisoner,
)
from skpoison.metrics import target_damage

ATTACKS = [GradientPoisoner, InfluencePoisoner]
both = pytest.mark.parametrize("attack", ATTACKS)


def cancer(seed):
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def clusters(seed):
    X, y = make_classification(
        1200, 10, n_informative=5, n_clusters_per_class=3, random_state=seed
    )
    return scale(X), y


class Trial:
    """Rows of a victim, an attacker and a test, and the attacker's clusters."""

    def __init__(self, load, seed, n_clusters=5):
        X, y = load(seed)
        X, self.X_test, y, self.y_test = train_test_split(
            X, y, test_size=0.3, random_state=seed, stratify=y
        )
        half = len(X) // 2
        self.X, self.y, self.X_aux, self.y_aux = X[:half], y[:half], X[half:], y[half:]
        self.finder = ClusterMatch(n_clusters, random_state=seed).fit(self.X_aux)

    def poison(self, attack, target, **parameters):
        poisoner = attack(
            FrozenEstimator(self.finder), target=target, random_state=0, **parameters
        )
        rows = poisoner.fit_resample(self.X, self.y, X_aux=self.X_aux, y_aux=self.y_aux)
        return poisoner, *rows

    def mean_damage(self, attack, victim, **parameters):
        clean = clone(victim).fit(self.X, self.y).predict(self.X_test)
        damages = []
        for target in range(len(self.finder.sizes_)):
            membership = self.finder.membership(self.X_test, target)
            if membership.sum() < 8:
                continue
            _, X, y = self.poison(attack, target, **parameters)
            after = clone(victim).fit(X, y).predict(self.X_test)
            damages.append(target_damage(self.y_test, clean, after, membership))
        return np.mean(damages)


@both
@pytest.mark.parametrize("load", [cancer, clusters])
def test_more_damage_than_label_flipping_at_the_same_alpha(attack, load, seed):
    trial, victim = Trial(load, seed), LogisticRegression()
    flipped = trial.mean_damage(SubpopPoisoner, victim, alpha=0.5)
    crafted = trial.mean_damage(attack, victim, alpha=0.5)
    assert crafted > flipped + 0.05


@both
@pytest.mark.parametrize(
    "victim",
    [
        LinearSVC(random_state=0),
        RidgeClassifier(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(StandardScaler(), PCA(8), LogisticRegression()),
    ],
    ids=["svm", "ridge", "scaled", "components"],
)
def test_other_linear_models_lose_more_than_to_label_flipping(attack, victim):
    trials = [Trial(clusters, seed) for seed in (0, 1)]
    flipped, crafted = (
        np.mean([t.mean_damage(cls, victim, alpha=0.5, **own) for t in trials])
        for cls, own in ((SubpopPoisoner, {}), (attack, {"surrogate": victim}))
    )
    assert crafted > flipped + 0.05


@both
def test_networks_are_refitted_from_their_first_weights(attack, seed):
    net = MLPClassifier((5,), solver="lbfgs", alpha=10, max_iter=1000, random_state=0)
    trial = Trial(clusters, seed, n_clusters=3)
    trial.X, trial.y = trial.X_aux, trial.y_aux
    own = {"damping": 0.01} if attack is InfluencePoisoner else {}
    poisoner, X, y = trial.poison(
        attack,
        1,
        alpha=0.5,
        surrogate=net,
        n_steps=6,
        refit_every=3,
        step_size=0.02,
        **own,
    )
    members = trial.finder.membership(trial.X_aux, 1)

    def error(X, y):
        proba = clone(net).fit(X, y).predict_proba(trial.X_aux[members])
        return 1 - proba[np.arange(members.sum()), trial.y_aux[members]].mean()

    _, X_flipped, _ = trial.poison(SubpopPoisoner, 1, alpha=0.5)
    assert error(X_flipped, y) == pytest.approx(poisoner.objectives_[0])
    assert error(X, y) == pytest.approx(poisoner.objectives_.max())
    assert error(X, y) >= error(X_flipped, y)


@both
def test_classes_of_three(attack):
    X, y = load_iris(return_X_y=True)
    labels = np.array(["a", "b", "c"])[y]
    trial = Trial(lambda seed: (scale(X), labels), 0, n_clusters=3)
    victim = LogisticRegression()
    flipped = trial.mean_damage(SubpopPoisoner, victim, alpha=0.6)
    assert trial.mean_damage(attack, victim, alpha=0.6) > flipped


@both
def test_more_poison_does_more_damage(attack):
    trial, victim = Trial(clusters, 1), LogisticRegression()
    damages = [
        trial.mean_damage(attack, victim, alpha=alpha) for alpha in (0.1, 0.5, 2)
    ]
    assert damages == sorted(damages)
    assert damages[2] > damages[0] + 0.2


@both
def test_poison_starts_from_the_rows_of_label_flipping(attack, seed):
    trial = Trial(clusters, seed)
    for rule in ({}, {"label": "flip"}, {"label": "max_loss"}, {"replace": False}):
        own = {"alpha": 0.3, "n_steps": 2, **rule}
        crafted, X, y = trial.poison(attack, 1, **own)
        flipped, X_flipped, y_flipped = trial.poison(
            SubpopPoisoner,
            1,
            alpha=0.3,
            surrogate=LogisticRegression(),
            **rule,
        )
        np.testing.assert_array_equal(crafted.sample_indices_, flipped.sample_indices_)
        np.testing.assert_array_equal(y, y_flipped)
        assert X.shape == X_flipped.shape


@both
def test_kept_poison_is_that_of_the_best_refit(attack):
    trial = Trial(clusters, 0)
    # The victim's rows are the attacker's, so that refits use all of the poison.
    trial.X, trial.y = trial.X_aux, trial.y_aux
    poisoner, X, y = trial.poison(attack, 1, alpha=0.5, objective="loss", n_steps=7)
    assert poisoner.objectives_.shape == (8,)
    assert poisoner.objectives_.max() > poisoner.objectives_[0]
    members = trial.finder.membership(trial.X_aux, 1)

    def target_loss(X, y):
        model = LogisticRegression(tol=1e-8).fit(X, y)
        proba = model.predict_proba(trial.X_aux[members])
        return -np.log(proba[np.arange(members.sum()), trial.y_aux[members]]).mean()

    assert target_loss(X, y) == pytest.approx(poisoner.objectives_.max(), rel=1e-2)
    _, X, y = trial.poison(SubpopPoisoner, 1, alpha=0.5)
    assert target_loss(X, y) == pytest.approx(poisoner.objectives_[0], rel=1e-2)


@both
def test_refits_are_every_so_many_steps_and_after_the_last(attack):
    trial = Trial(clusters, 0)
    for every, n_refits in ((0, 1), (1, 6), (2, 4), (5, 2), (9, 2)):
        own = {"n_steps": 5, "refit_every": every}
        poisoner, _, _ = trial.poison(attack, 1, alpha=0.3, **own)
        assert poisoner.objectives_.shape == (n_refits,)


@both
def test_frozen_surrogate_is_used_as_it_is(attack):
    trial = Trial(clusters, 0)
    model = LogisticRegression().fit(trial.X_aux, trial.y_aux)
    before = model.coef_.copy()
    own = {"alpha": 0.3, "n_steps": 5}
    frozen, X, _ = trial.poison(attack, 1, surrogate=FrozenEstimator(model), **own)
    np.testing.assert_array_equal(model.coef_, before)
    assert frozen.objectives_.shape == (1,)
    _, X_once, _ = trial.poison(attack, 1, refit_every=0, **own)
    np.testing.assert_allclose(X, X_once)


@both
def test_units_of_features_do_not_matter_to_a_scaled_model(attack):
    X, y = clusters(0)
    units = 10.0 ** np.arange(-5, 5)
    target = ClusterMatch(5, random_state=0).fit(X).labels_ == 1
    poison = []
    for scaling in (1.0, units):
        poisoner = attack(
            target=lambda rows: target[: len(rows)],
            alpha=0.3,
            n_steps=5,
            surrogate=make_pipeline(StandardScaler(), LogisticRegression()),
            random_state=0,
        )
        X_res, _ = poisoner.fit_resample(X * scaling, y)
        poison.append(X_res[poisoner.poison_mask_] / scaling)
    np.testing.assert_allclose(*poison, rtol=1e-6)


def people(seed, n=600):
    """Rows of whole numbers, two categorical features and a feature not to touch."""
    rng = np.random.RandomState(seed)
    job, city = rng.randint(4, size=n), rng.randint(3, size=n)
    X = pd.DataFrame(
        {
            "age": rng.randint(18, 70, n),
            "income": rng.normal(size=n).astype(np.float32),
            "children": rng.poisson(1.5, n).astype(float),
            "born": rng.normal(size=n),
            **{f"job {j}": job == j for j in range(4)},
            **{f"city {j}": (city == j).astype(float) for j in range(1, 3)},
        }
    )
    score = X["age"] / 20 + 2 * X["income"] + (job == 1) - 2 * (city == 1)
    return X, np.where(score + rng.normal(size=n) > 2, "high", "low")


@both
def test_poison_keeps_to_all_constraints_of_a_table(attack, seed):
    X, y = people(seed)
    limits = FeatureConstraints.from_data(
        X, immutable=["born"], eps=[20, 9, 2, 9] + 6 * [1]
    )
    poisoner = attack(
        ClusterMatch(4), alpha=1, aux_size=0.5, constraints=limits, random_state=seed
    )
    poisoner.set_params(surrogate=make_pipeline(StandardScaler(), LogisticRegression()))
    X_res, _ = poisoner.fit_resample(X, y)
    pd.testing.assert_series_equal(X_res.dtypes, X.dtypes)
    poison = X_res[poisoner.poison_mask_]
    sources = X.iloc[poisoner.sample_indices_[poisoner.poison_mask_]]
    values, originals = (frame.to_numpy(float) for frame in (poison, sources))
    poisoner.constraints_.check(values, "test", originals)
    assert (np.abs(poison["age"].to_numpy() - sources["age"].to_numpy()) <= 20).all()
    assert (poison["children"] == poison["children"].round()).all()
    assert (poison.filter(like="job").sum(axis=1) == 1).all()
    assert (poison.filter(like="city").sum(axis=1) <= 1).all()
    np.testing.assert_array_equal(poison["born"], sources["born"])
    # They move all the same, categorical features too.
    for names in (["age"], ["income"], ["children"], [f"job {j}" for j in range(4)]):
        moved = poison[names].to_numpy() != sources[names].to_numpy()
        assert moved.any()


@both
def test_constraints_are_learned_from_the_rows_of_the_attacker(attack):
    X, y = people(0)
    poisoner = attack(ClusterMatch(4), aux_size=0.5, n_steps=3, random_state=0)
    poisoner.set_params(surrogate=RidgeClassifier())
    poisoner.fit_resample(X, y)
    kept = poisoner.sample_indices_[~poisoner.poison_mask_]
    learned = FeatureConstraints.from_data(X.drop(index=kept))
    np.testing.assert_array_equal(poisoner.constraints_.lower, learned.lower)
    np.testing.assert_array_equal(poisoner.constraints_.upper, learned.upper)
    assert len(poisoner.constraints_.one_hot) == 2


@both
def test_containers_give_the_same_poison(attack):
    X, y = people(0)
    X = X.astype(float)
    own = {"n_steps": 2, "surrogate": LinearSVC(random_state=0), "random_state": 0}

    def poison(rows):
        poisoner = attack(ClusterMatch(4), alpha=0.5, **own)
        res, _ = poisoner.fit_resample(rows, y)
        assert type(res) is type(rows)
        part = (
            res[np.flatnonzero(poisoner.poison_mask_)] if sparse.issparse(res) else res
        )
        return part

    expected = poison(X.to_numpy())
    for rows in (X.to_numpy().tolist(), X.to_numpy().astype(object)):
        np.testing.assert_array_equal(np.asarray(poison(rows), float), expected)
    frame = poison(X)
    np.testing.assert_array_equal(frame.to_numpy(), expected)
    n_poison = len(expected) - len(X)
    for container in (sparse.csr_array, sparse.csc_matrix):
        other = poison(container(X.to_numpy())).toarray()
        np.testing.assert_allclose(other, expected[-n_poison:], atol=1e-8)


@both
def test_images_stay_in_the_ball_and_the_box(attack):
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")
    rng = np.random.RandomState(0)
    X = rng.rand(120, 2, 3, 3).astype(np.float32)
    y = (X.mean(axis=(1, 2, 3)) > 0.5).astype(int)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(18, 2))
    net = skorch.NeuralNetClassifier(
        module,
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=20,
        lr=0.5,
        train_split=None,
        verbose=0,
    )
    poisoner = attack(
        target=lambda rows: rows[:, 0, 0, 0] > 0.5,
        alpha=0.5,
        surrogate=net,
        constraints=FeatureConstraints(0, 1, eps=0.1),
        n_steps=6,
        refit_every=3,
        random_state=0,
    )
    if attack is InfluencePoisoner:
        poisoner.set_params(damping=0.01)
    X_res, _ = poisoner.fit_resample(X, y)
    poison = X_res[poisoner.poison_mask_]
    sources = X[poisoner.sample_indices_[poisoner.poison_mask_]]
    assert poison.dtype == np.float32
    assert 0 <= poison.min() <= poison.max() <= 1
    assert 0.09 < np.abs(poison - sources).max() < 0.1 + 1e-6
    assert poisoner.objectives_.argmax() > 0
    again, _ = clone(poisoner).fit_resample(X, y)
    np.testing.assert_array_equal(again, X_res)


@both
def test_bytes_stay_whole_numbers(attack):
    X, y = clusters(0)
    X = (40 * X + 120).clip(0, 255).astype(np.uint8)
    poisoner = attack(
        surrogate=make_pipeline(StandardScaler(), LogisticRegression()),
        constraints=FeatureConstraints(eps=12),
        n_steps=4,
        random_state=0,
    )
    X_res, _ = poisoner.fit_resample(X, y)
    sources = X[poisoner.sample_indices_].astype(int)
    assert X_res.dtype == np.uint8
    assert np.abs(X_res.astype(int) - sources).max() == 12


@both
def test_larger_victim_leaves_the_share_of_poison_in_refits(attack):
    X, y = clusters(0)
    own = {"random_state": 0, "n_steps": 6, "alpha": 1.0}
    finder = FrozenEstimator(ClusterMatch(5, random_state=0).fit(X))
    once, five = attack(finder, **own), attack(finder, **own)
    once.fit_resample(X, y, X_aux=X, y_aux=y)
    with pytest.warns(UserWarning, match="more than the 1200 rows"):
        five.fit_resample(np.tile(X, (5, 1)), np.tile(y, 5), X_aux=X, y_aux=y)
    assert five.n_poison_ == 5 * once.n_poison_
    np.testing.assert_allclose(five.objectives_, once.objectives_)


@both
def test_without_poison_nothing_is_learned(attack):
    X, y = clusters(0)
    poisoner = attack(alpha=0, surrogate=GaussianNB()).fit(X, y)
    assert poisoner.constraints_ is None
    assert poisoner.objectives_ is None


class Untouched(DecisionTreeClassifier):
    def fit(self, X, y):
        raise AssertionError("The error comes before anything is fitted.")


@both
@pytest.mark.parametrize(
    "surrogate",
    [Untouched(), make_pipeline(StandardScaler(), Untouched()), GaussianNB()],
)
def test_surrogates_without_gradients_name_attacks_that_need_none(attack, surrogate):
    X, y = clusters(0)
    with pytest.raises(TypeError, match=r"SubpopPoisoner.* work with any model"):
        attack(surrogate=surrogate).fit_resample(X, y)


@both
def test_surrogates_with_bent_steps_are_refused(attack):
    X, y = clusters(0)
    surrogate = make_pipeline(PolynomialFeatures(), LogisticRegression(max_iter=1000))
    with pytest.raises(TypeError, match="not an affine function"):
        attack(surrogate=surrogate).fit_resample(X, y)


@both
def test_rules_of_labels_that_need_probabilities(attack):
    X, y = clusters(0)
    poisoner = attack(label="max_loss", surrogate=LinearSVC())
    with pytest.raises(ValueError, match=r"'max_loss' .* surrogate with predict_proba"):
        poisoner.fit_resample(X, y)


@both
def test_constraints_that_exclude_the_data_raise_before_the_surrogate_is_fitted(attack):
    X, y = clusters(0)
    model = LogisticRegression()
    model.fit = None  # would raise another error
    poisoner = attack(
        surrogate=FrozenEstimator(model), constraints=FeatureConstraints(-1, 1)
    )
    with pytest.raises(ValueError, match=r"exclude the data: \d+ of 1200 rows"):
        poisoner.fit_resample(X, y)


@both
@pytest.mark.parametrize(
    ("constraints", "match"),
    [
        (FeatureConstraints(), "leave the size of a step open at features"),
        (FeatureConstraints(immutable=np.arange(10)), "allow no feature to change"),
        (FeatureConstraints(immutable=np.arange(9), eps=[1] * 9 + [0]), "no feature"),
    ],
)
def test_constraints_that_leave_no_way_to_move(attack, constraints, match):
    X, y = clusters(0)
    with pytest.raises(ValueError, match=match):
        attack(constraints=constraints).fit_resample(X, y)


@both
@pytest.mark.parametrize(
    "X", [["a text"] * 20 + ["another"] * 20, np.full((40, 2), np.nan)]
)
def test_rows_without_finite_numbers_are_refused(attack, X):
    poisoner = attack(target=lambda rows: np.ones(len(rows), bool))
    with pytest.raises(ValueError, match="moves the features of rows"):
        poisoner.fit_resample(X, [0, 1] * 20)


@both
def test_more_poison_than_rows_of_the_attacker_is_warned_about(attack):
    X, y = clusters(0)
    poisoner = attack(
        target=lambda rows: np.ones(len(rows), bool), alpha=1, n_steps=2, random_state=0
    )
    with pytest.warns(UserWarning, match="1200 poison rows, more than the 100 rows"):
        X_res, _ = poisoner.fit_resample(X, y, X_aux=X[:100], y_aux=y[:100])
    assert len(X_res) == 2400


@both
def test_label_that_the_attacker_has_no_rows_of(attack):
    X, y = clusters(0)
    y = np.where(np.arange(len(y)) < 5, 2, y)
    poisoner = attack(label=2)
    with pytest.raises(ValueError, match=r"labels \[2\], of which no row"):
        poisoner.fit_resample(X, y, X_aux=X[100:], y_aux=y[100:])


@both
def test_refits_do_not_repeat_the_warning_of_the_first_fit(attack):
    X, y = clusters(0)
    poisoner = attack(surrogate=LogisticRegression(max_iter=1), n_steps=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        poisoner.fit_resample(X, y)
    assert [w.category for w in caught] == [ConvergenceWarning]
