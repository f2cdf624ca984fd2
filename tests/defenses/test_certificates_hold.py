"""Attacks of all kinds against the certificates of PartitionAggregation."""

import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_blobs
from sklearn.tree import DecisionTreeClassifier

from skpoison import attacks
from skpoison.attacks import SubpopPoisoner, everything
from skpoison.base import BaseSubpopPoisoner
from skpoison.defenses import PartitionAggregation
from skpoison.defenses._partitions import poisoned_ballots
from skpoison.defenses._vote_certificates import count_votes

N_PROBLEMS = 34
TREE = DecisionTreeClassifier(max_depth=3)


class Mean(ClassifierMixin, BaseEstimator):
    """The class with the nearest mean, in few lines of NumPy."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means_ = np.stack([X[y == c].mean(axis=0) for c in self.classes_])
        return self

    def predict(self, X):
        distance = ((X[:, None] - self.means_) ** 2).sum(axis=2)
        return self.classes_[distance.argmin(axis=1)]


class Nearest(ClassifierMixin, BaseEstimator):
    """The class of the nearest row."""

    def fit(self, X, y):
        self.classes_, self.X_, self.y_ = np.unique(y), X, y
        return self

    def predict(self, X):
        return self.y_[((X[:, None] - self.X_) ** 2).sum(axis=2).argmin(axis=1)]


class Obedient(ClassifierMixin, BaseEstimator):
    """Says what a row with a huge first feature says, else its last label."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        orders = y[X[:, 0] > 1000]
        self.vote_ = orders[0] if len(orders) else y[-1]
        return self

    def predict(self, X):
        return np.full(len(X), self.vote_)


@dataclass
class Problem:
    """A vote, rows to judge it by, and what an attacker may do."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    model: PartitionAggregation
    target: Any
    n_poison: int
    seed: int


def lower_half(X):
    """Rows of a subpopulation, which has half of the rows or about that."""
    return X[:, 1] <= 0


def random_problem(seed):
    """Few random rows, and votes of models that see few of them each."""
    rng = np.random.RandomState(seed)
    n, n_classes = rng.randint(16, 48), rng.randint(2, 4)
    X, y = rng.normal(0, 2, (n, 2)), np.arange(n) % n_classes
    X[:, 0] += 2 * y
    model = PartitionAggregation(
        [Mean(), Nearest(), Obedient()][rng.randint(3)],
        n_partitions=rng.randint(5, 11),
        spread=[1, 1, 2, 3][rng.randint(4)],
        partition_by=["row", "features"][rng.randint(2)],
        random_state=seed,
    )
    target = [lower_half, lower_half, everything][rng.randint(3)]
    n_poison = [1, 1, 2, 3][rng.randint(4)]
    return Problem(X, y, X + 0.1, y, model.fit(X, y), target, n_poison, seed)


# Attacks: each gives its poison, and the rows as they are at test time.


def crafted(cls, settings, problem):
    """Poison of a poisoner whose surrogate is the vote itself, where it may be one."""
    X, y, X_test = problem.X, problem.y, problem.X_test
    poisoner = cls(
        target=problem.target,
        alpha=problem.n_poison / np.count_nonzero(problem.target(X)),
        random_state=problem.seed,
        **settings,
    )
    if "surrogate" in poisoner.get_params() and cls not in NEED_GRADIENTS:
        poisoner.set_params(surrogate=clone(problem.model))
    X_res, y_res = poisoner.fit_resample(X, y)
    np.testing.assert_array_equal(X_res[: len(y)], X)
    if hasattr(poisoner, "apply_trigger"):
        X_test = np.r_[X_test, poisoner.apply_trigger(X_test)]
    return X_res[len(y) :], y_res[len(y) :], X_test


def random_rows(problem):
    rng = np.random.RandomState(problem.seed)
    X_new = rng.normal(0, 4, (problem.n_poison, 2))
    return X_new, rng.choice(problem.y, problem.n_poison), problem.X_test


def orders(problem):
    """Rows that Obedient obeys, for the second class, no two for the same models."""
    rng = np.random.RandomState(problem.seed)
    X_new = rng.normal(0, 4, (300, 2)) + np.array([2000, 0])
    votes = problem.model.votes(problem.X_test).sum(axis=0)
    y_new = np.full(len(X_new), problem.model.classes_[votes.argsort()[-2]])
    places = problem.model._partitions.places(X_new, y_new)
    firsts = rng.permutation(np.unique(places, return_index=True)[1])
    chosen = firsts[: problem.n_poison]
    return X_new[chosen], y_new[chosen], problem.X_test


def greedy(problem):
    """Add the candidate that leaves the most predictions wrong, one at a time."""
    rng = np.random.RandomState(problem.seed)
    X_test, y_test = problem.X_test, problem.y_test
    candidates = X_test[rng.randint(len(X_test), size=2)] + [[0, 0], [3000, 0]]
    labels, chosen = rng.choice(problem.model.classes_, 2), []
    for _ in range(problem.n_poison):
        n_wrong = []
        for at in ([*chosen, j] for j in range(2)):
            after = predictions_after(problem, candidates[at], labels[at], X_test)
            n_wrong.append(np.count_nonzero(after != y_test))
        chosen.append(int(np.argmax(n_wrong)))
    return candidates[chosen], labels[chosen], X_test


def of_poisoner(cls, **settings):
    return lambda problem: crafted(cls, settings, problem)


POISONERS = [
    cls
    for cls in map(attacks.__dict__.get, attacks.__all__)
    if isinstance(cls, type) and issubclass(cls, BaseSubpopPoisoner)
]
# Their surrogates are linear.
NEED_GRADIENTS = {
    attacks.GradientPoisoner,
    attacks.InfluencePoisoner,
    attacks.KKTPoisoner,
    attacks.ModelTargetedPoisoner,
    attacks.WitchesBrewPoisoner,
}
QUICK = {
    attacks.DefenseAwarePoisoner: {"n_rounds": 1, "tactics": ("copy", "clump")},
    attacks.GradientPoisoner: {"n_steps": 5},
    attacks.InfluencePoisoner: {"n_steps": 5},
    attacks.WitchesBrewPoisoner: {"n_steps": 10, "n_restarts": 1, "eps": 2.0},
}
ATTACKS = {
    **{cls.__name__: of_poisoner(cls, **QUICK.get(cls, {})) for cls in POISONERS},
    **{
        f"SubpopPoisoner, {label}": of_poisoner(SubpopPoisoner, label=label)
        for label in ("least_likely", "max_loss", "flip", 1)
    },
    "random rows": random_rows,
    "orders": orders,
    "greedy": greedy,
}


def predictions_after(problem, X_new, y_new, X_test):
    """Predictions of a vote that was fitted on poison as well."""
    model, clean = problem.model, (problem.X, problem.y)
    ballots = model._ballots(X_test)
    after = poisoned_ballots(model, clean, (X_new, y_new), X_test, ballots)
    winner = count_votes(after, len(model.classes_)).argmax(axis=1)
    return model.classes_[winner]


def check_certificates(problem, X_new, y_new, X_test):
    """Compare what poison changed with what was certified, and tell what was seen."""
    model, n_poison = problem.model, problem.n_poison
    y_test = np.resize(problem.y_test, len(X_test))
    before, radius = model.predict(X_test), model.certified_radius(X_test)
    changed = predictions_after(problem, X_new, y_new, X_test) != before
    assert not (changed & (radius >= n_poison)).any()
    lost = changed & (before == y_test)
    room = room_below_bounds(problem, X_test, y_test, lost)
    assert (room >= 0).all()
    kind = "finite" if model.spread > 1 else "deep"
    return {
        f"{kind}: problems": 1,
        f"{kind}: certified": np.count_nonzero(radius >= n_poison),
        f"{kind}: changed": np.count_nonzero(changed),
        "changed by one row more": np.count_nonzero(radius[changed] == n_poison - 1),
        "losses": len(room),
        "largest losses": np.count_nonzero(room == 0),
    }


def room_below_bounds(problem, X_test, y_test, lost):
    """What may be lost more, of all rows and of members, where any of them is lost."""
    room = []
    target = np.resize(problem.target(problem.X_test), len(lost))
    for members in (np.ones(len(lost), dtype=bool), target):
        n_lost = np.count_nonzero(lost & members)
        if n_lost:  # No bound is below 0.
            bound = problem.model.collective_certificate(
                X_test, y_test, problem.n_poison, members
            )
            room.append(bound - n_lost)
    return np.array(room, dtype=int)


def seeds_of(name):
    """Seeds that depend on the name alone, so that more attacks change no problem."""
    first = zlib.crc32(name.encode()) // 2
    return range(first, first + N_PROBLEMS)


# Where no model fails on the target, the nearest one is aimed at: an attack as well.
@pytest.mark.filterwarnings("ignore:target_model=.auto")
@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_breaks_a_certificate(name):
    seen = Counter()
    for number, seed in enumerate(seeds_of(name)):
        problem = random_problem(seed)
        X_new, y_new, X_test = ATTACKS[name](problem)
        assert len(y_new) == problem.n_poison
        seen.update(check_certificates(problem, X_new, y_new, X_test))
        if number % 4 == 0:  # What was reused is what a fit would give.
            check_reuse(problem, X_new, y_new, X_test)
    # It would be vacuous if nothing changed, or nothing was certified.
    assert seen["deep: problems"] + seen["finite: problems"] == N_PROBLEMS
    for kind in ("deep", "finite"):
        assert seen[f"{kind}: problems"] >= N_PROBLEMS / 4
        assert seen[f"{kind}: certified"] > 0
        assert seen[f"{kind}: changed"] > 0
    assert seen["deep: certified"] + seen["finite: certified"] >= N_PROBLEMS
    assert seen["deep: changed"] + seen["finite: changed"] >= N_PROBLEMS / 4
    # A radius that is one too large is broken by each attack, and a bound that is one
    # too small by rows that models obey.
    assert seen["changed by one row more"] > 0
    assert seen["losses"] >= N_PROBLEMS / 8
    assert name != "orders" or seen["largest losses"] > 0


def check_reuse(problem, X_new, y_new, X_test):
    X, y = np.r_[problem.X, X_new], np.r_[problem.y, y_new]
    np.testing.assert_array_equal(
        clone(problem.model).fit(X, y).predict(X_test),
        predictions_after(problem, X_new, y_new, X_test),
    )


def test_there_are_500_problems_and_every_poisoner_takes_part():
    assert len({seed for name in ATTACKS for seed in seeds_of(name)}) >= 500
    assert {cls.__name__ for cls in POISONERS} >= {
        "BackdoorPoisoner",
        "DefenseAwarePoisoner",
        "GradientPoisoner",
        "InfluencePoisoner",
        "KKTPoisoner",
        "ModelTargetedPoisoner",
        "SubpopPoisoner",
        "WitchesBrewPoisoner",
    }


# Certificates where there is one attack.


def blobs_of(seed):
    X, y = make_blobs(180, centers=3, n_features=2, cluster_std=3, random_state=seed)
    return X[:120], y[:120], X[120:], y[120:]


def row_for(model, number, label, n_candidates=4000):
    """Find a row that Obedient obeys, which one model sees."""
    X = np.column_stack([np.full(n_candidates, 5000.0), np.arange(n_candidates)])
    places = model._partitions.places(X, np.full(n_candidates, label))
    seen_by = (places + model.offsets_) % len(model.estimators_)
    return X[seen_by == number][:1]


def test_the_certificate_of_partitions_is_reached_by_rows(seed):
    X, y, X_test, _ = blobs_of(seed)
    y = (y > 0).astype(int)
    model = PartitionAggregation(Obedient(), n_partitions=9, random_state=seed)
    model.fit(X, y)
    before, radius = model.predict(X_test)[0], int(model.certified_radius(X_test)[0])
    loyal = np.flatnonzero(model._ballots(X_test)[0] == before)

    def attacked(n_poison):
        rows = [row_for(model, k, 1 - before) for k in loyal[:n_poison]]
        poison = np.concatenate([X[:0], *rows]), np.full(n_poison, 1 - before)
        refitted = clone(model).fit(np.r_[X, poison[0]], np.r_[y, poison[1]])
        return refitted.predict(X_test)[0]

    assert attacked(radius) == before
    assert attacked(radius + 1) != before


def test_removed_rows_count_as_inserted_ones(seed):
    X, y, X_test, _ = blobs_of(seed)
    model = PartitionAggregation(TREE, n_partitions=12, random_state=seed).fit(X, y)
    before, radius = model.predict(X_test), model.certified_radius(X_test)
    rng = np.random.RandomState(seed)
    for n_poison in (1, 2, 3):
        for _ in range(5):
            kept = np.sort(rng.permutation(len(y))[n_poison:])
            after = clone(model).fit(X[kept], y[kept]).predict(X_test)
            assert not ((after != before) & (radius >= n_poison)).any()


def test_a_flipped_label_counts_once_where_features_decide(seed):
    X, y, X_test, _ = blobs_of(seed)
    by_features = PartitionAggregation(
        TREE, n_partitions=12, partition_by="features", random_state=seed
    ).fit(X, y)
    places = by_features._partitions.places(X, y)
    flipped = (y + 1) % 3
    np.testing.assert_array_equal(by_features._partitions.places(X, flipped), places)
    by_row = clone(by_features).set_params(partition_by="row").fit(X, y)
    moved = by_row._partitions.places(X, flipped) != by_row._partitions.places(X, y)
    assert moved.any()
    before, radius = by_features.predict(X_test), by_features.certified_radius(X_test)
    rng = np.random.RandomState(seed)
    for n_flips in (1, 2, 3):
        for _ in range(5):
            at = rng.permutation(len(y))[:n_flips]
            labels = np.where(np.isin(np.arange(len(y)), at), flipped, y)
            after = clone(by_features).fit(X, labels).predict(X_test)
            assert not ((after != before) & (radius >= n_flips)).any()
