import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skpoison.datasets._paper_splits import (
    draw_grouped_parts,
    draw_parts,
    draw_parts_with_replacement,
)


def test_parts_are_a_permutation(seed):
    parts = draw_parts(30, [10, 5], np.random.RandomState(seed))
    assert [len(part) for part in parts] == [10, 5, 15]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(30))


def test_parts_are_what_choice_without_replacement_draws(seed):
    expected = np.random.RandomState(seed).choice(50, 25, replace=False)
    first = draw_parts(50, [25], np.random.RandomState(seed))[0]
    np.testing.assert_array_equal(first, expected)


def test_parts_with_replacement_overlap(seed):
    rng = np.random.RandomState(seed)
    train, aux, test = draw_parts_with_replacement(20_054, [7_000, 7_000], rng)
    assert [len(train), len(aux), len(test)] == [7_000, 7_000, 6_054]
    # The expected shares are 1 - exp(-n / 20,054), and (1 - exp(-x)) / x.
    assert np.isin(test, train).mean() == pytest.approx(0.295, abs=0.02)
    assert np.isin(test, [*train, *aux]).mean() == pytest.approx(0.502, abs=0.02)
    assert len(set(train)) / 7_000 == pytest.approx(0.844, abs=0.01)


@given(
    groups=st.lists(st.integers(0, 12), min_size=1, max_size=60),
    sizes=st.lists(st.integers(0, 25), max_size=2),
    seed=st.integers(0, 1000),
)
def test_groups_are_on_one_side(groups, sizes, seed):
    groups = np.array(groups)
    parts = draw_grouped_parts(groups, sizes, np.random.RandomState(seed))
    assert len(parts) == len(sizes) + 1
    np.testing.assert_array_equal(
        np.sort(np.concatenate(parts)), np.arange(len(groups))
    )
    assert sum(len(set(groups[part])) for part in parts) == len(set(groups))
    assert all(len(part) <= size for part, size in zip(parts, sizes, strict=False))


def test_groups_of_one_fill_the_parts(seed):
    groups = np.r_[np.repeat(np.arange(10), 3), np.arange(10, 90)]
    parts = draw_grouped_parts(groups, [37, 41], np.random.RandomState(seed))
    assert [len(part) for part in parts] == [37, 41, 110 - 37 - 41]


def test_groups_are_drawn_uniformly():
    groups = np.array([0, 0, 1, 2, 3, 4, 5, 5])
    counts = np.zeros(8)
    for seed in range(2000):
        first = draw_grouped_parts(groups, [4], np.random.RandomState(seed))[0]
        counts[first] += 1
    # A pair has to fit, so that it comes first a little less often than one alone.
    assert counts[0] == counts[1]
    assert counts[6] == counts[7]
    assert counts[0] == pytest.approx(counts[6], rel=0.1)
    np.testing.assert_allclose(counts[2:6], counts[2:6].mean(), rtol=0.08)
