import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner
from skpoison.attacks import DefenseAwarePoisoner
from skpoison.attacks._poison_tactics import PoisonTactics, draw_capped
from skpoison.base import BaseSanitizer
from skpoison.datasets import make_subpopulations
from skpoison.defenses import DeepKNN, KNNSanitizer, SphereFilter, Trim
from skpoison.defenses._models import fresh_model, row_losses
from skpoison.estimator_checks import check_poisoner

OWN = {"target": 1, "alpha": 1.0}


class FirstFeatureSanitizer(BaseSanitizer):
    """Remove the second and later copies of rows with a first feature below a limit."""

    def __init__(self, limit=0.0):
        super().__init__()
        self.limit = limit

    def _sanitize(self, X, y):
        _, first = np.unique(X, axis=0, return_index=True)
        is_copy = ~np.isin(np.arange(len(X)), first)
        scores = np.where(is_copy & (X[:, 0] < self.limit), 1.0, 0.0)
        return scores == 0, scores


@pytest.fixture(scope="module")
def problem():
    X, y = make_classification(
        900, 5, n_informative=4, n_redundant=0, n_clusters_per_class=3, random_state=1
    )
    finder = FrozenEstimator(ClusterMatch(5, random_state=0).fit(X))
    return X, y, finder


def poison_of(poisoner, X, y):
    X_res, y_res = poisoner.fit_resample(X, y)
    return X_res[poisoner.poison_mask_], y_res[poisoner.poison_mask_]


def with_tactic(tactic, finder, seed, **settings):
    return DefenseAwarePoisoner(
        finder, tactics=(tactic,), n_rounds=0, random_state=seed, **(OWN | settings)
    )


def test_it_keeps_the_contract_of_poisoners():
    check_poisoner(DefenseAwarePoisoner(tactics=("clump",), n_rounds=1))


def test_draws_are_capped_and_follow_the_weights(seed):
    rng = np.random.RandomState(seed)
    weights = np.array([0.0, 1, 1, 2, 100, 6])
    counts = np.bincount(draw_capped(weights, 20, 8, rng), minlength=6)
    assert counts.sum() == 20
    assert counts[0] == 0
    assert counts[4] == 8
    # 12 draws are left for weights of 10 in all.
    assert np.abs(counts - [0, 1.2, 1.2, 2.4, 8, 7.2]).max() < 1
    everything = draw_capped(np.array([1.0, 5, 100]), 6, 2, rng)
    np.testing.assert_array_equal(np.sort(everything), [0, 0, 1, 1, 2, 2])


def test_copies_of_the_members_are_the_plain_tactic(problem, seed):
    X, y, finder = problem
    poisoner = with_tactic("copy", finder, seed, alpha=2)
    poison_of(poisoner, X, y)
    members = np.flatnonzero(poisoner.membership(X))
    sources = poisoner.sample_indices_[poisoner.poison_mask_]
    np.testing.assert_array_equal(np.sort(sources), np.repeat(members, 2))


def test_losses_of_poison_stay_below_the_cap(problem, seed):
    X, y, finder = problem
    model = fresh_model(None, np.random.RandomState(0)).fit(X, y)
    cap = np.quantile(row_losses(model, X, y, "test"), 0.95)
    above = {}
    for tactic in ("copy", "loss"):
        poisoner = with_tactic(tactic, finder, seed, alpha=0.5, max_loss=0.95)
        losses = row_losses(model, *poison_of(poisoner, X, y), "test")
        above[tactic] = np.mean(losses > cap)
    assert above["copy"] > 0.4
    assert above["loss"] == 0


def test_poison_lowers_its_own_loss_so_more_rows_are_below_the_cap(problem):
    X, y, finder = problem
    poisoner = DefenseAwarePoisoner(finder, **OWN)
    X_res, y_res = with_tactic("loss", finder, 0).fit_resample(X, y)
    members = np.flatnonzero(finder.predict(X) == 1)
    labels = np.full(len(y), y_res[-1])
    below = []
    for rows in (len(X), len(X_res)):
        model = fresh_model(None, np.random.RandomState(0))
        model.fit(X_res[:rows], y_res[:rows])
        tactics = PoisonTactics(poisoner, model, X, y, members, labels)
        weights = tactics.weights("loss", model, np.ones(len(y)))
        below.append(np.count_nonzero(weights == 1))
    assert below[1] > 2 * below[0] > 0


@pytest.mark.parametrize("share", [0.1, 0.25, 0.6])
def test_spread_places_its_share_outside_the_target(problem, seed, share):
    X, y, finder = problem
    poisoner = with_tactic("spread", finder, seed, spread=share)
    X_poison, y_poison = poison_of(poisoner, X, y)
    outside = ~poisoner.membership(X_poison)
    assert abs(outside.sum() - share * len(outside)) <= 1
    sources = poisoner.sample_indices_[poisoner.poison_mask_]
    assert (y_poison[outside] != y[sources[outside]]).all()


def test_spread_takes_the_nearest_rows_outside(problem):
    X, y, finder = problem
    poisoner = with_tactic("spread", finder, 0)
    X_poison, _ = poison_of(poisoner, X, y)
    outside = X_poison[~poisoner.membership(X_poison)]
    members = NearestNeighbors(n_neighbors=1).fit(X[poisoner.membership(X)])
    others = X[~poisoner.membership(X) & (y != poisoner.poison_label_)]
    distances = [members.kneighbors(rows)[0].mean() for rows in (outside, others)]
    assert distances[0] < 0.6 * distances[1]


def energy_distance(A, B):
    def mean_distance(P, Q):
        return np.linalg.norm(P[:, None] - Q[None], axis=2).mean()

    return 2 * mean_distance(A, B) - mean_distance(A, A) - mean_distance(B, B)


def test_density_follows_clean_rows_of_the_label(problem, seed):
    X, y, finder = problem
    distance = {}
    for tactic in ("copy", "density"):
        X_poison, y_poison = poison_of(with_tactic(tactic, finder, seed), X, y)
        distance[tactic] = energy_distance(X_poison, X[y == y_poison[0]])
    assert distance["density"] < 0.9 * distance["copy"]


def test_neighbors_of_a_clump_agree_with_its_label(problem, seed):
    X, y, finder = problem
    agreement = {}
    for tactic in ("copy", "clump"):
        poisoner = with_tactic(tactic, finder, seed)
        X_res, y_res = poisoner.fit_resample(X, y)
        search = NearestNeighbors(n_neighbors=10).fit(X_res)
        near = search.kneighbors(X_res[poisoner.poison_mask_], return_distance=False)
        agreement[tactic] = np.mean(y_res[near] == poisoner.poison_label_)
    assert agreement["clump"] > agreement["copy"] + 0.1


@pytest.mark.parametrize("tactic", ["loss", "density", "spread", "clump"])
def test_no_row_is_copied_more_often_than_asked(problem, tactic):
    X, y, finder = problem
    for max_copies in (1, 2, 4):
        poisoner = with_tactic(tactic, finder, 0, max_copies=max_copies)
        poison_of(poisoner, X, y)
        sources = poisoner.sample_indices_[poisoner.poison_mask_]
        assert np.bincount(sources).max() <= max_copies
    once = with_tactic(tactic, finder, 0, alpha=0.5, replace=False)
    poison_of(once, X, y)
    assert np.bincount(once.sample_indices_[once.poison_mask_]).max() == 1


def test_redraws_turn_to_rows_that_survive(problem, seed):
    X, y, finder = problem
    poisoner = DefenseAwarePoisoner(
        finder,
        defense=FirstFeatureSanitizer(np.median(X[:, 0])),
        tactics=("copy",),
        n_rounds=5,
        random_state=seed,
        **OWN,
    )
    X_res, y_res = poisoner.fit_resample(X, y)
    rounds = poisoner.rounds_
    assert rounds.survival[5] > rounds.survival[0] + 0.15
    assert poisoner.survival_ > rounds.survival[0]
    kept = poisoner.defense.fit(X_res, y_res).sample_indices_
    assert poisoner.poison_mask_[kept].sum() == round(
        poisoner.survival_ * poisoner.n_poison_
    )


def test_rounds_are_recorded_and_the_best_is_kept(problem):
    X, y, finder = problem
    poisoner = DefenseAwarePoisoner(finder, n_rounds=2, random_state=0).fit(X, y)
    rounds = poisoner.rounds_
    assert list(rounds.columns) == ["tactic", "survival", "error"]
    tactics = ["copy", "loss", "density", "spread", "clump"]
    assert list(rounds.tactic[:5]) == tactics
    assert rounds.tactic[5:].eq(rounds.tactic[rounds.error[:5].idxmax()]).all()
    best = rounds[rounds.error.round(4) == rounds.error.round(4).max()]
    assert poisoner.survival_ == best.survival.max()
    assert poisoner.tactic_ in set(best.tactic)


def test_a_defense_that_removes_all_poison_leaves_the_best_guess(problem):
    X, y, finder = problem
    defense = FirstFeatureSanitizer(np.inf)
    poisoner = DefenseAwarePoisoner(finder, defense=defense, random_state=0, **OWN)
    X_poison, _ = poison_of(poisoner, X, y)
    assert poisoner.survival_ == 0
    assert len(X_poison) == poisoner.membership(X).sum()


def test_without_poison_there_is_no_rehearsal(problem):
    X, y, finder = problem
    poisoner = DefenseAwarePoisoner(finder, n_rounds=0, random_state=0).fit(X, y)
    assert poisoner.survival_ is not None
    X_res, _ = poisoner.set_params(alpha=0).fit_resample(X, y)
    assert X_res is X
    assert poisoner.rounds_ is poisoner.survival_ is poisoner.tactic_ is None


def mixture(seed):
    X, y, _ = make_subpopulations(
        3200, 8, n_features=5, noise=0.05, cluster_std=0.5, random_state=seed
    )
    finder = ClusterMatch(8, random_state=seed).fit(X)
    return X, y, FrozenEstimator(finder)


def recall_and_error(poisoner, defense, X, y):
    """Of a defense, and of the model that is trained after it on the target."""
    half = len(X) // 2
    X_res, y_res = poisoner.fit_resample(X[:half], y[:half])
    X_left, y_left = defense.fit_resample(X_res, y_res)
    kept = poisoner.poison_mask_[defense.sample_indices_].sum()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_left, y_left)
    rows = half + np.flatnonzero(poisoner.membership(X[half:]))
    return 1 - kept / poisoner.n_poison_, 1 - model.score(X[rows], y[rows])


@pytest.mark.parametrize(
    ("defense", "alpha"),
    [
        (Trim(), 0.5),
        (DeepKNN(), 0.5),
        (KNNSanitizer(), 1),
        (SphereFilter(contamination=0.15), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_gets_past_the_defense_that_it_knows(defense, alpha):
    means = []
    for attack, settings in (
        (SubpopPoisoner, {}),
        (DefenseAwarePoisoner, {"defense": defense}),
    ):
        results = []
        for seed in range(5):
            X, y, finder = mixture(seed)
            for target in (1, 4):
                own = {"target": target, "alpha": alpha}
                own |= {"aux_size": 0.5, "random_state": seed}
                poisoner = attack(finder, **own, **settings)
                results.append(recall_and_error(poisoner, defense, X, y))
        means.append(np.mean(results, axis=0))
    (recall, error), (recall_if_known, error_if_known) = means
    assert recall_if_known < 0.8 * recall
    assert error_if_known >= error


def test_frames_of_mixed_columns_and_texts_are_poisoned(people):
    frame, labels = people
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["sex", "job"]),
        ("passthrough", ["age"]),
    )
    surrogate = make_pipeline(encoder, StandardScaler(with_mean=False))
    surrogate = make_pipeline(surrogate, LogisticRegression())
    poisoner = DefenseAwarePoisoner(
        FeatureMatch("sex"), surrogate=surrogate, n_rounds=1, random_state=0
    )
    X_res, y_res = poisoner.fit_resample(frame, labels)
    pd.testing.assert_frame_equal(X_res[: len(frame)], frame)
    assert y_res[poisoner.poison_mask_].isin(["poor", "rich"]).all()
    texts = [
        f"a {kind} film, number {i}" for i in range(40) for kind in ("good", "bad")
    ]
    poisoner = DefenseAwarePoisoner(
        target=lambda X: np.array(["1" in text for text in X]),
        surrogate=make_pipeline(TfidfVectorizer(), LogisticRegression()),
        n_rounds=1,
        random_state=0,
    )
    X_res, _ = poisoner.fit_resample(texts, ["+", "-"] * 40)
    assert set(X_res[len(texts) :]) <= set(texts)


def test_images_are_poisoned_with_tactics_that_compare_no_rows_or_do():
    rng = np.random.RandomState(0)
    X, y = rng.rand(120, 4, 4, 1), np.arange(120) % 2

    class Flat(LogisticRegression):
        def fit(self, X, y):
            return super().fit(X.reshape(len(X), -1), y)

        def predict_proba(self, X):
            return super().predict_proba(X.reshape(len(X), -1))

    poisoner = DefenseAwarePoisoner(
        target=lambda X: X[:, 0, 0, 0] < 0.5, surrogate=Flat(), random_state=0
    )
    X_res, _ = poisoner.fit_resample(X, y)
    assert X_res.shape == (120 + poisoner.n_poison_, 4, 4, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"defense": LogisticRegression()}, "pass it as surrogate="),
        ({"defense": SMOTE()}, "sample_indices_, as sanitizers"),
        ({"tactics": ("copy", "stealth")}, "must name one or more of"),
        ({"tactics": ()}, "must name one or more of"),
        ({"replace": False, "alpha": 2}, "Set replace=True"),
    ],
)
def test_errors_say_what_is_allowed(problem, settings, message):
    X, y, finder = problem
    poisoner = DefenseAwarePoisoner(finder, **(OWN | settings))
    with pytest.raises(ValueError, match=message):
        poisoner.fit_resample(X, y)


def test_errors_name_the_surrogate_that_rows_need(people):
    frame, labels = people
    poisoner = DefenseAwarePoisoner(FeatureMatch("sex"))
    with pytest.raises(ValueError, match="needs a surrogate that reads the rows"):
        poisoner.fit_resample(frame, labels)
    numbers = frame[["age", "income"]]
    forest = HistGradientBoostingClassifier(max_iter=5)
    poisoner = DefenseAwarePoisoner(FeatureMatch("age"), surrogate=forest)
    with pytest.raises(ValueError, match="compare no rows"):
        poisoner.fit_resample(numbers, labels)
    poisoner.set_params(tactics=("copy", "loss"), n_rounds=0)
    assert len(poisoner.fit_resample(numbers, labels)[0]) > len(numbers)
