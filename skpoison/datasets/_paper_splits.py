"""Cut the rows of a data set into the victim's, the attacker's and the test rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np


def draw_parts(n_rows, sizes, rng):
    """Cut a permutation of the rows into parts of the given sizes, and the rest."""
    return np.split(rng.permutation(n_rows), np.cumsum(sizes))


def draw_parts_with_replacement(n_rows, sizes, rng):
    """Do the same with rows that are drawn with replacement: the authors' error."""
    return np.split(rng.choice(n_rows, n_rows), np.cumsum(sizes))


def draw_grouped_parts(groups, sizes, rng):
    """Cut as `draw_parts` does, but keep rows of one group in one part.

    Groups come in random order, and each goes into the first part that has room for
    all of it; the last part takes what is left. Parts are filled up as long as there
    are groups of one.
    """
    room = [*sizes, len(groups)]
    parts = [[] for _ in room]
    for rows in _rows_of_groups(groups, rng):
        number = next(i for i, left in enumerate(room) if left >= len(rows))
        room[number] -= len(rows)
        parts[number].extend(rows)
    return [rng.permutation(np.array(part, dtype=np.int64)) for part in parts]


def _rows_of_groups(groups, rng):
    names, number = np.unique(groups, return_inverse=True)
    number = rng.permutation(len(names))[number]
    rows = np.argsort(number, kind="stable")
    return np.split(rows, np.cumsum(np.bincount(number))[:-1])
