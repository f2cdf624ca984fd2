import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skpoison.mixture._two_worlds import (
    critical_budget,
    draw_poison,
    swap,
    swapped_classes,
)


def test_classes_are_the_two_most_frequent_inside():
    inside = np.array(["c", "c", "c", "b", "b", "a"])
    overall = np.r_[inside, ["a"] * 10]
    assert swapped_classes(inside, overall) == ("c", "b")


def test_ties_inside_go_by_frequency_overall_and_then_by_order():
    inside = np.array([2, 1, 0])
    assert swapped_classes(inside, np.r_[inside, 2, 2, 1]) == (2, 1)
    assert swapped_classes(inside, inside) == (0, 1)


def test_second_class_of_one_is_the_most_frequent_elsewhere():
    inside = np.array([1, 1, 1])
    assert swapped_classes(inside, np.r_[inside, 0, 2, 2]) == (1, 2)
    assert swapped_classes(inside, np.r_[inside, 0, 2]) == (1, 0)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1, 2, 1, 0]),
        np.array(["no", "yes", "perhaps", "yes", "no"]),
        np.array(["no", "yes", "perhaps", "yes", "no"], dtype=object),
        np.array([0.5, 1.5, 2.5, 1.5, 0.5], dtype=np.float32),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_swap_changes_two_classes_and_is_its_own_inverse(labels):
    classes = labels[0], labels[1]
    swapped = swap(labels, classes)
    assert swapped.dtype == labels.dtype
    np.testing.assert_array_equal(swapped, labels[[1, 0, 2, 0, 1]])
    np.testing.assert_array_equal(swap(swapped, classes), labels)
    np.testing.assert_array_equal(swap(labels, classes[::-1]), swapped)


def test_swap_of_booleans_and_of_nothing():
    labels = np.array([True, False, False])
    np.testing.assert_array_equal(swap(labels, (False, True)), ~labels)
    assert swap(labels[:0], (False, True)).shape == (0,)
    assert swap(labels[:0], (False, True)).dtype == bool


def test_budgets():
    labels = np.array([0] * 5 + [1] * 3 + [2] * 2)
    assert critical_budget(labels, (0, 1), "flip") == 8
    assert critical_budget(labels, (0, 1), "constant") == 2
    assert critical_budget(labels[:5], (0, 1), "flip") == 5
    assert critical_budget(labels[:5], (0, 1), "constant") == 5


@given(
    counts=st.tuples(st.integers(1, 12), st.integers(0, 12), st.integers(0, 12)),
    label=st.sampled_from(["flip", "constant"]),
    n_poison=st.integers(0, 60),
    seed=st.integers(0, 2**16),
)
def test_poison_uses_up_rows_and_contains_the_smaller(counts, label, n_poison, seed):
    labels = np.repeat([0, 1, 2], counts)
    members = 100 + 3 * np.arange(len(labels))
    classes = swapped_classes(labels, np.r_[labels, 0, 1, 2])

    def drawn(n):
        rng = np.random.RandomState(seed)
        return draw_poison(members, labels, classes, label, n, rng)

    sources, poison_labels = drawn(n_poison)
    at = np.searchsorted(members, sources)
    np.testing.assert_array_equal(members[at], sources)
    np.testing.assert_array_equal(poison_labels, swap(labels[at], classes))
    usable = np.isin(labels, classes if label == "flip" else classes[:1])
    assert usable[at].all()
    uses = np.bincount(at, minlength=len(labels))[usable]
    assert uses.max() - uses.min() <= 1
    smaller = drawn(n_poison // 2)
    np.testing.assert_array_equal(smaller[0], sources[: n_poison // 2])
    np.testing.assert_array_equal(smaller[1], poison_labels[: n_poison // 2])


@given(
    counts=st.tuples(st.integers(1, 12), st.integers(0, 12)), seed=st.integers(0, 2**16)
)
def test_critical_poison_evens_out_the_classes(counts, seed):
    labels = np.repeat([0, 1], counts)
    members, classes = np.arange(len(labels)), swapped_classes(labels, [0, 1, 1])
    for label in ("flip", "constant"):
        budget = critical_budget(labels, classes, label)
        sources, poison_labels = draw_poison(
            members, labels, classes, label, budget, np.random.RandomState(seed)
        )
        assert len(set(sources)) == budget <= len(labels)
        after = np.bincount(np.r_[labels, poison_labels].astype(int), minlength=2)
        assert after[0] == after[1]


@given(
    labels=st.lists(st.integers(0, 1), min_size=1, max_size=30),
    label=st.sampled_from(["flip", "constant"]),
    n_poison=st.integers(0, 40),
    seed=st.integers(0, 2**16),
)
def test_attack_commutes_with_the_swap(labels, label, n_poison, seed):
    labels = np.array(labels)
    members = np.arange(len(labels))
    if 2 * labels.sum() == len(labels) and label == "constant":
        return  # whichever class is called the majority
    drawn = []
    for world in (labels, 1 - labels):
        classes = swapped_classes(world, np.array([0, 1]))
        rng = np.random.RandomState(seed)
        drawn.append(draw_poison(members, world, classes, label, n_poison, rng))
    np.testing.assert_array_equal(drawn[0][0], drawn[1][0])
    np.testing.assert_array_equal(drawn[0][1], 1 - drawn[1][1])


def test_every_row_is_as_likely_to_be_drawn(seed):
    labels, rng = np.array([0] * 6 + [1] * 4), np.random.RandomState(seed)
    draws = [
        draw_poison(np.arange(10), labels, (0, 1), "constant", 2, rng)[0]
        for _ in range(900)
    ]
    counts = np.bincount(np.concatenate(draws), minlength=10)
    np.testing.assert_array_equal(counts[6:], 0)
    # Binomial of mean 300: five standard deviations.
    assert np.abs(counts[:6] - 300).max() < 5 * np.sqrt(200)
