import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.svm import LinearSVC

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.attacks import (
    FeatureConstraints,
    KKTPoisoner,
    ModelTargetedPoisoner,
    OneHotGroup,
)
from skpoison.attacks._kkt_poisoner import whole_counts
from skpoison.metrics import target_damage

ATTACKS = [ModelTargetedPoisoner, KKTPoisoner]
SURROGATES = [LogisticRegression(), LinearSVC(), LinearSVC(loss="hinge", C=0.1)]
both = pytest.mark.parametrize("cls", ATTACKS)


def left(X):
    return np.asarray(X)[:, 0] < -0.5


@pytest.fixture(scope="module")
def table():
    """Numeric features in [0, 1], a code, whole numbers, and a noisy linear label."""
    rng = np.random.RandomState(0)
    n = 400
    numeric = np.clip(rng.randn(n, 3), -2, 2)
    code, count = np.eye(4)[rng.randint(4, size=n)], rng.randint(5, size=(n, 1))
    X = np.hstack([numeric, code, count])
    y = (X @ [1, 1, -1, 1, -1, 0, 0, 0.3] + 0.5 * rng.randn(n) > 0).astype(int)
    return X, y


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return train_test_split(scale(X), y, stratify=y, random_state=0)


def flipped(surrogate, X, y, members, copies=1):
    """The model of members of class 0 that are added with label 1."""
    rows = np.tile(members[y[members] == 0], copies)
    model = clone(surrogate).set_params(tol=1e-8, max_iter=10**6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(np.vstack([X, X[rows]]), np.append(y, np.ones(len(rows), int)))
    return model, len(rows)


@both
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_poison_keeps_to_the_constraints_and_the_budget(cls, surrogate, table):
    X, y = table
    for alpha in (0.1, 0.7):
        poisoner = cls(target=left, alpha=alpha, surrogate=surrogate)
        X_res, y_res = poisoner.fit_resample(X, y)
        mask = poisoner.poison_mask_
        assert poisoner.n_poison_ == mask.sum() == round(alpha * left(X).sum())
        np.testing.assert_array_equal(X_res[~mask], X)
        learned = FeatureConstraints.from_data(X)
        assert [len(g.columns) for g in learned.one_hot] == [4]
        learned.check(X_res[mask], "test")
        assert set(y_res[mask]) <= {0, 1}
        assert left(X[poisoner.sample_indices_[mask]]).all()
        assert poisoner.target_estimator_.predict(X).shape == (len(X),)
        assert type(poisoner.target_estimator_) is type(surrogate)


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_the_target_model_is_reached(surrogate, table):
    X, y = table
    target, n_flips = flipped(surrogate, X, y, np.flatnonzero(left(X)))
    poisoner = ModelTargetedPoisoner(
        target=left,
        surrogate=surrogate,
        target_model=target,
        alpha=1.6 * n_flips / left(X).sum(),
        tol=0.1,
    ).fit(X, y)
    losses, n = poisoner.loss_differences_, poisoner.n_poison_
    assert losses.shape == (n + 1,)
    assert losses[0] > 10 * poisoner.tol
    assert poisoner.lower_bound_ <= poisoner.n_reached_ <= n
    assert poisoner.lower_bound_ > 0.4 * poisoner.n_reached_
    assert losses[poisoner.n_reached_] <= poisoner.tol < losses[0]
    np.testing.assert_allclose(
        poisoner.target_estimator_.decision_function(X),
        target.decision_function(X),
        atol=1e-6,
    )
    assert 0 <= poisoner.inner_gap_ < losses[0]


def test_online_rows_are_the_same_for_a_larger_budget(table):
    X, y = table
    target, _ = flipped(LogisticRegression(), X, y, np.flatnonzero(left(X)))
    rows = []
    for alpha in (0.2, 0.4):
        poisoner = ModelTargetedPoisoner(
            target=left, alpha=alpha, target_model=target, polish=False
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "target_model of")
            X_res, y_res = poisoner.fit_resample(X, y)
        rows.append(np.column_stack([X_res, y_res])[poisoner.poison_mask_])
        first = poisoner.loss_differences_[0]
        assert poisoner.loss_differences_[-1] < 0.8 * first
    np.testing.assert_allclose(rows[0], rows[1][: len(rows[0])])


@pytest.mark.parametrize("surrogate", SURROGATES[:2], ids=str)
def test_poison_of_conditions_makes_exactly_the_target_model(surrogate, table):
    """With numeric features to make up for whole counts, the gradients cancel."""
    X, y = table
    X = X[:, :3]
    target, n_flips = flipped(surrogate, X, y, np.flatnonzero(left(X)))
    options = {"target": left, "surrogate": surrogate, "target_model": target}
    norms = []
    for share in (0.3, 1.2):
        poisoner = KKTPoisoner(alpha=share * n_flips / left(X).sum(), **options)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "target_model of")
            X_res, y_res = poisoner.fit_resample(X, y)
        norms.append(poisoner.gradient_norm_)
        assert poisoner.n_distinct_ < poisoner.n_poison_
        distinct = np.unique(np.round(X_res[poisoner.poison_mask_], 8), axis=0)
        assert len(distinct) <= poisoner.n_distinct_
    assert norms[1] < 1e-4 < norms[0]
    made = clone(surrogate).set_params(tol=1e-8, max_iter=10**6).fit(X_res, y_res)
    np.testing.assert_allclose(made.coef_, target.coef_, atol=0.02)
    np.testing.assert_allclose(made.intercept_, target.intercept_, atol=0.02)


def test_counts_are_whole_and_keep_the_sum(seed):
    rng = np.random.RandomState(seed)
    for total in (1, 5, 37):
        counts = whole_counts(rng.rand(6), total)
        assert counts.sum() == total
        assert (counts >= 0).all()
    np.testing.assert_array_equal(
        whole_counts(np.array([1.0, 2.0, 3.0]), 12), [2, 4, 6]
    )


def mean_damage(cancer, poisoners, victim, targets=(0, 1, 2, 3)):
    """Accuracy that targets lose in the mean, with half of the rows the attacker's."""
    X, X_test, y, y_test = cancer
    finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(X))
    damages = {name: [] for name in poisoners}
    for seed in range(2):
        for target in targets:
            for name, poisoner in poisoners.items():
                poisoner = clone(poisoner).set_params(
                    finder=finder, target=target, aux_size=0.5, random_state=seed
                )
                X_res, y_res = poisoner.fit_resample(X, y)
                clean = ~poisoner.poison_mask_
                models = [
                    clone(victim).fit(*data)
                    for data in ((X_res[clean], y_res[clean]), (X_res, y_res))
                ]
                predictions = [model.predict(X_test) for model in models]
                inside = poisoner.membership(X_test)
                damages[name].append(target_damage(y_test, *predictions, inside))
    return {name: np.mean(values) for name, values in damages.items()}


def test_half_the_poison_does_more_than_label_flipping(cancer):
    victim = LogisticRegression(max_iter=2000)
    damages = mean_damage(
        cancer,
        {
            "flip": SubpopPoisoner(alpha=1.0),
            "half": SubpopPoisoner(alpha=0.5),
            "targeted": ModelTargetedPoisoner(alpha=0.5),
            "kkt": KKTPoisoner(alpha=0.5),
        },
        victim,
    )
    assert damages["targeted"] >= damages["flip"] > 0.1
    assert damages["kkt"] > 1.3 * damages["half"]


def test_polishing_does_no_less_on_the_members_of_the_attacker(cancer):
    X, _, y, _ = cancer
    finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(X))
    for target in (1, 2):
        errors = []
        for polish in (False, True):
            poisoner = ModelTargetedPoisoner(
                finder, target=target, alpha=0.3, polish=polish
            )
            X_res, y_res = poisoner.fit_resample(X, y)
            inside = poisoner.membership(X)
            victim = LogisticRegression(max_iter=2000, tol=1e-6).fit(X_res, y_res)
            errors.append(1 - victim.score(X[inside], y[inside]))
        assert errors[1] >= errors[0]
        assert errors[1] > 0.1


@both
def test_immutable_features_are_those_of_the_source(cls, table):
    X, y = table
    learned = FeatureConstraints.from_data(X, immutable=[0, 3, 4, 5, 6])
    poisoner = cls(target=left, alpha=0.3, constraints=learned)
    X_res, _ = poisoner.fit_resample(X, y)
    mask = poisoner.poison_mask_
    sources = X[poisoner.sample_indices_[mask]]
    fixed = [0, 3, 4, 5, 6]
    np.testing.assert_array_equal(X_res[mask][:, fixed], sources[:, fixed])
    assert (X_res[mask] != sources).any()
    assert left(sources).all()


@both
def test_surrogates_that_are_pipelines_see_the_features_as_they_are(cls, table):
    X, y = table
    X = X[:, :3] * [1, 10, 100]
    steps = make_pipeline(StandardScaler(), PCA(2), LogisticRegression())
    poisoner = cls(target=left, alpha=0.3, surrogate=steps)
    X_res, _ = poisoner.fit_resample(X, y)
    poison = X_res[poisoner.poison_mask_]
    assert (poison.min(axis=0) >= X.min(axis=0) - 1e-9).all()
    assert (poison.max(axis=0) <= X.max(axis=0) + 1e-9).all()
    assert len(poisoner.target_estimator_.steps) == 3
    # A frozen surrogate keeps its steps, and the attack trains its last one.
    frozen = FrozenEstimator(clone(steps).fit(X, y))
    same = cls(target=left, alpha=0.3, surrogate=frozen)
    np.testing.assert_array_equal(same.fit_resample(X, y)[0], X_res)


@both
def test_more_classes_than_two(cls):
    X, blob = make_blobs(300, centers=4, n_features=2, random_state=3)
    names = np.array(["a", "b", "c", "d"])
    y = names[blob]
    poisoner = cls(target=lambda X: blob == 2, label="a", alpha=0.5)
    _, y_res = poisoner.fit_resample(X, y)
    assert set(y_res[poisoner.poison_mask_]) <= {"a", "c"}
    assert poisoner.target_estimator_.classes_.tolist() == ["a", "c"]
    with pytest.raises(ValueError, match=r"two classes of the attack, \['a', 'c'\]"):
        cls(
            target=lambda X: blob == 2,
            label="a",
            target_model=LogisticRegression().fit(X, y),
        ).fit(X, y)


def test_frames_keep_their_dtypes(table):
    X, y = table
    frame = pd.DataFrame(X[:, :3].astype(np.float32), columns=list("abc"))
    frame["count"] = X[:, 7].astype(np.int8)
    poisoner = ModelTargetedPoisoner(target=lambda F: left(F.to_numpy()), alpha=0.2)
    X_res, _ = poisoner.fit_resample(frame, pd.Series(y))
    assert X_res.dtypes.equals(frame.dtypes)
    assert X_res["count"].between(0, 4).all()


def test_poison_counts_for_its_share_of_the_rows_of_the_victim(table):
    """A tenth of the rows is the attacker's: the poison is not nine times as strong."""
    X, y = table
    parts = {}
    for relative_to in ("train", "aux"):
        poisoner = ModelTargetedPoisoner(
            target=left,
            alpha=0.5,
            aux_size=0.2,
            relative_to=relative_to,
            polish=False,
            random_state=0,
        ).fit(X, y)
        parts[relative_to] = poisoner.loss_differences_
    # Both add as much weight to the same rows, in steps of other sizes.
    assert len(parts["train"]) > 3 * len(parts["aux"])
    assert parts["train"][0] == pytest.approx(parts["aux"][0])
    assert parts["train"][-1] == pytest.approx(parts["aux"][-1], rel=0.5)


@both
def test_attributes_without_poison(cls, table):
    X, y = table
    poisoner = cls(target=left, alpha=0.2).fit(X, y)
    assert poisoner.target_estimator_ is not None
    poisoner.set_params(alpha=0).fit(X, y)
    assert poisoner.target_estimator_ is None
    assert poisoner.lower_bound_ is None


@both
def test_label_rules(cls, table):
    X, y = table
    for label in ("least_likely", "max_loss", "flip", 1):
        options = {"target": left, "alpha": 0.1, "label": label}
        poisoner = cls(surrogate=LogisticRegression(), random_state=0, **options)
        assert poisoner.fit(X, y).n_poison_ > 0
    for label in ("least_likely", "max_loss"):
        with pytest.raises(
            ValueError, match=r"surrogate with predict_proba.*LinearSVC"
        ):
            cls(target=left, label=label, surrogate=LinearSVC()).fit(X, y)


@both
@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"surrogate": MLPClassifier()}, TypeError, "must be LogisticRegression or"),
        ({"target_model": "best"}, ValueError, "'target_model' parameter"),
        ({"target_model": (np.ones(2), 0)}, ValueError, "8 finite coefficients"),
        ({"target_model": (np.full(8, np.inf), 0)}, ValueError, "finite"),
        ({"constraints": {"lower": 0}}, ValueError, "'constraints' parameter"),
        (
            {"constraints": FeatureConstraints(5.0, 6.0)},
            ValueError,
            "exclude the data",
        ),
        ({"constraints": FeatureConstraints(-9.0)}, ValueError, "bound every feature"),
        (
            {"constraints": FeatureConstraints(-9.0, 9.0, eps=0.1)},
            ValueError,
            "must not have eps",
        ),
        (
            {
                "constraints": FeatureConstraints(
                    -9.0, 9.0, one_hot=[OneHotGroup(np.arange(3, 7))]
                )
            },
            ValueError,
            "exclude the data",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bad_parameters(cls, params, error, message, table):
    X, y = table
    with pytest.raises(error, match=message):
        cls(target=left, alpha=0.1, **params).fit(X, y)


@both
def test_target_models_out_of_reach(cls, table):
    X, y = table
    X0 = np.column_stack([X, np.zeros(len(X))])
    coef = np.append(LogisticRegression(max_iter=999).fit(X, y).coef_[0], 1.0)
    with pytest.raises(ValueError, match="not reachable with any number of poison"):
        cls(target=left, target_model=(coef, 0.0)).fit(X0, y)
    plain = LogisticRegression(fit_intercept=False, max_iter=999)
    with pytest.raises(ValueError, match="cannot have these coefficients"):
        cls(target=left, surrogate=plain, target_model=(coef[:8], 1.0)).fit(X, y)
    far, _ = flipped(LogisticRegression(), X, y, np.flatnonzero(left(X)), copies=8)
    with pytest.warns(UserWarning, match="needs at least .* will not be reached") as w:
        cls(target=left, alpha=0.1, target_model=far).fit_resample(X, y)
    assert w[0].filename == __file__


@both
def test_a_target_that_no_flipped_labels_reach_warns(cls):
    rng = np.random.RandomState(0)
    X = rng.randn(2000, 2)
    y = (X[:, 0] > 0).astype(int)
    weak = LogisticRegression(C=1e-6, fit_intercept=False)
    target = np.zeros(2000, dtype=bool)
    target[np.argmax(X[:, 0])] = True
    poisoner = cls(target=lambda X: target, surrogate=weak, alpha=3)
    with pytest.warns(UserWarning, match="no model of flipped labels"):
        poisoner.fit(X, y)
    assert poisoner.n_poison_ == 3


@both
def test_rows_that_are_no_table(cls, table):
    X, y = table
    with pytest.raises(ValueError, match="linear models of tables"):
        cls(target=lambda X: np.arange(400) < 50).fit(X.reshape(400, 2, 4), y)
    with pytest.raises(ValueError, match="must hold numbers only"):
        cls(target=lambda X: np.arange(2) < 1).fit(["a text", "another"], [0, 1])
    with pytest.raises(ValueError, match="contains NaN"):
        cls(target=lambda X: left(np.nan_to_num(X))).fit(np.where(X > 1, np.nan, X), y)


@both
def test_two_runs_give_the_same_bytes(cls, table, seed):
    X, y = table
    runs = [
        cls(ClusterMatch(4), alpha=0.3, aux_size=0.5, random_state=seed).fit_resample(
            X, y
        )
        for _ in range(2)
    ]
    for a, b in zip(*runs, strict=True):
        assert a.tobytes() == b.tobytes()
