from itertools import combinations, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from skpoison.defenses._collective_certificate import most_changed
from skpoison.defenses._vote_certificates import count_votes, vote_radius


def winners(ballots, n_classes):
    return count_votes(ballots, n_classes).argmax(axis=1)


def after(ballots, partitions, offsets, n_classes):
    """All ballots where the models that see these partitions vote at will."""
    n_models = ballots.shape[1]
    seen = sorted({(i + r) % n_models for i in partitions for r in offsets})
    for choice in product(range(-1, n_classes), repeat=len(seen)):
        changed = ballots.copy()
        changed[:, seen] = choice
        yield changed


def changeable(ballots, n_classes, offsets, n_poison):
    """For each choice of partitions, the points that some votes of theirs change."""
    before = winners(ballots, n_classes)
    for partitions in combinations(range(ballots.shape[1]), n_poison):
        changes = [
            winners(other, n_classes) != before
            for other in after(ballots, partitions, offsets, n_classes)
        ]
        yield np.any(changes, axis=0)


@st.composite
def elections(draw, n_points=1):
    n_classes = draw(st.integers(2, 3))
    n_models = draw(st.integers(2, 5))
    votes = st.integers(-1, n_classes - 1)
    size = n_points * n_models
    flat = draw(st.lists(votes, min_size=size, max_size=size))
    ballots = np.array(flat, dtype=np.int16).reshape(n_points, n_models)
    # Some model has rows.
    ballots[:, 0] = np.maximum(ballots[:, 0], 0)
    spread = draw(st.integers(1, min(3, n_models)))
    return ballots, n_classes, np.arange(n_models)[:spread]


@given(elections())
@settings(max_examples=200)
def test_the_radius_of_partitions_is_exact_over_all_votes(election):
    ballots, n_classes, _ = election
    radius = vote_radius(ballots, n_classes, np.array([0]))[0]
    assert 0 <= radius < ballots.shape[1]
    assert not any(m.any() for m in changeable(ballots, n_classes, [0], radius))
    assert any(m.any() for m in changeable(ballots, n_classes, [0], radius + 1))


@given(elections())
@settings(max_examples=150)
def test_no_votes_break_the_radius_of_finite_aggregation(election):
    ballots, n_classes, offsets = election
    radius = vote_radius(ballots, n_classes, offsets)[0]
    for n_poison in range(1, radius + 1):
        fallen = changeable(ballots, n_classes, offsets, n_poison)
        assert not any(m.any() for m in fallen)


def test_finite_aggregation_adds_up_the_worst_partitions():
    # Each partition is seen by two of six models: 5 votes to 1 leave a lead of 4,
    # and two winners' votes lost cost 4.
    ballots = np.array([[0, 0, 0, 0, 0, 1]])
    assert vote_radius(ballots, 2, np.array([0, 1])) == [1]
    # The tie is the first class's.
    assert vote_radius(1 - ballots, 2, np.array([0, 1])) == [0]
    assert vote_radius(ballots, 2, np.array([0])) == [2]
    assert vote_radius(1 - ballots, 2, np.array([0])) == [1]


@given(elections(n_points=4), st.integers(1, 2))
@settings(max_examples=100)
def test_the_collective_bound_holds_against_all_votes(election, n_poison):
    ballots, n_classes, offsets = election
    n_poison = min(n_poison, ballots.shape[1])
    bound = most_changed(ballots, n_classes, offsets, n_poison, 10.0)
    worst = max(m.sum() for m in changeable(ballots, n_classes, offsets, n_poison))
    assert worst <= bound <= (vote_radius(ballots, n_classes, offsets) < n_poison).sum()
    # What points share is all that is relaxed: each votes on its own.
    assert bound == worst


def test_the_collective_bound_is_below_the_single_ones():
    # Each point falls with the one model that is wavering on it.
    ballots = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]])
    assert (vote_radius(ballots, 2, np.array([0])) == 0).all()
    assert most_changed(ballots, 2, np.array([0]), 1, 10.0) == 2
    weak = np.repeat(ballots, 5, axis=0)
    assert most_changed(weak, 2, np.array([0]), 1, 10.0) == 10


def test_a_bound_that_was_cut_short_holds():
    rng = np.random.RandomState(0)
    ballots = (rng.rand(200, 60) < 0.35).astype(np.int16)
    cut = most_changed(ballots, 2, np.array([0]), 5, 1e-3)
    solved = most_changed(ballots, 2, np.array([0]), 5, 3.0)
    alone = np.count_nonzero(vote_radius(ballots, 2, np.array([0])) < 5)
    assert solved <= cut <= alone
    # What some partitions do is below both.
    attacked = rng.permutation(60)[:5]
    poisoned = ballots.copy()
    poisoned[:, attacked] = 1
    assert np.count_nonzero(winners(poisoned, 2) != winners(ballots, 2)) <= solved


def test_nothing_changes_without_poison_or_points():
    ballots = np.zeros((3, 4), dtype=np.int16)
    assert most_changed(ballots, 2, np.array([0]), 0, 1.0) == 0
    assert most_changed(ballots[:0], 2, np.array([0]), 2, 1.0) == 0
    assert most_changed(ballots, 2, np.array([0]), 4, 1.0) == 3
