from collections import Counter
from itertools import chain, permutations
from math import comb

import numpy as np
import pytest

from skpoison.refit._minibatches import SharedBatches, n_batches, places_of_poison


def batches_of(order, n_poison, batch_size, rngs):
    """Batches of each data set, each a sorted list of rows, in turn."""
    n_poison = np.asarray(n_poison)
    first = len(order) + np.cumsum(n_poison) - n_poison
    places = [
        places_of_poison(len(order), m, batch_size, rng)
        for m, rng in zip(n_poison, rngs, strict=True)
    ]
    sets = [[] for _ in places]
    for shared, own, mask, sizes in SharedBatches(order, places, batch_size, first):
        for j, rows in enumerate(sets):
            mine = own[j] if mask is None else own[j][mask[j]]
            rows.append(sorted([*mine.tolist(), *shared.tolist()]))
            assert len(rows[-1]) == sizes[j]
    return sets, first


def cases():
    """Sizes of clean rows, batches and poisons whose epochs are equally long."""
    rng = np.random.default_rng(0)
    while True:
        n_clean, batch_size = rng.integers(1, 50), rng.integers(1, 20)
        steps = n_batches(n_clean, batch_size) + rng.integers(3)
        low = max((steps - 1) * batch_size + 1 - n_clean, 0)
        high = steps * batch_size - n_clean
        if low <= high:
            yield n_clean, batch_size, rng.integers(low, high + 1, size=3), rng


def test_every_row_comes_once_in_batches_of_full_size():
    for (n_clean, batch_size, n_poison, rng), _ in zip(
        cases(), range(300), strict=False
    ):
        sets, first = batches_of(
            rng.permutation(n_clean), n_poison, batch_size, [rng] * 3
        )
        for rows, m, start in zip(sets, n_poison, first, strict=True):
            expected = [*range(n_clean), *range(start, start + m)]
            assert sorted(chain(*rows)) == expected
            assert {len(batch) for batch in rows[:-1]} <= {batch_size}


def test_without_a_stream_poison_comes_last():
    for (n_clean, batch_size, n_poison, rng), _ in zip(
        cases(), range(300), strict=False
    ):
        order = rng.permutation(n_clean)
        sets, first = batches_of(order, n_poison, batch_size, [None] * 3)
        for rows, m, start in zip(sets, n_poison, first, strict=True):
            plain = [*order.tolist(), *range(start, start + m)]
            cut = range(0, len(plain), batch_size)
            assert rows == [sorted(plain[i : i + batch_size]) for i in cut]


@pytest.mark.parametrize(
    ("n_clean", "n_poison", "batch_size"), [(3, 2, 2), (4, 1, 2), (2, 3, 3), (3, 1, 5)]
)
def test_each_way_to_fill_the_batches_is_equally_likely(n_clean, n_poison, batch_size):
    rng = np.random.default_rng(0)
    n_rows, counts = n_clean + n_poison, Counter()
    ways = {
        tuple(
            tuple(sorted(order[i : i + batch_size]))
            for i in range(0, n_rows, batch_size)
        )
        for order in permutations(range(n_rows))
    }
    n_draws = 300 * len(ways)
    for _ in range(n_draws):
        (rows,), _ = batches_of(rng.permutation(n_clean), [n_poison], batch_size, [rng])
        counts[tuple(map(tuple, rows))] += 1
    assert set(counts) == ways
    assert len(ways) >= comb(n_rows, min(batch_size, n_rows))
    # Five standard deviations of a count.
    assert max(abs(c - 300) for c in counts.values()) < 5 * 300**0.5


def test_batches_do_not_depend_on_the_other_data_sets():
    order = np.random.default_rng(0).permutation(50)

    def batches(n_poison, j):
        rngs = [np.random.default_rng(7) for _ in n_poison]
        sets, first = batches_of(order, n_poison, 8, rngs)
        return [[r - first[j] if r >= 50 else r for r in rows] for rows in sets[j]]

    alone = batches([9], 0)
    assert batches([13, 9, 7], 1) == alone
    assert batches([7, 9], 1) == alone


def test_most_rows_are_shared():
    places = [places_of_poison(1000, 20, 50, np.random.default_rng(j)) for j in (0, 1)]
    batches = SharedBatches(np.arange(1000), places, 50, np.array([1000, 1020]))
    n_shared = sum(len(shared) for shared, *_ in batches)
    assert n_shared > 900
