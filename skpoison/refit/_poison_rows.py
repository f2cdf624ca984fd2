"""Rows of all poisons together, each different one once."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy import sparse

from skpoison.utils._containers import append, is_pandas, is_polars, take


@dataclass
class PoisonRows:
    """Poison rows in the order of their models.

    `content` numbers what is in a row: a number below ``n_clean`` is the first clean
    row that it is a copy of, others are rows of `new`.
    """

    X: object
    codes: np.ndarray
    owner: np.ndarray
    start: np.ndarray
    n_clean: int
    first: np.ndarray
    content: np.ndarray
    new: object

    def __post_init__(self):
        self._order = np.argsort(self.content, kind="stable")
        n_contents = self.n_clean + self.new.shape[0]
        self._start = np.searchsorted(
            self.content[self._order], np.arange(n_contents + 1)
        )

    def with_content(self, content):
        """Poison rows with any of these contents, and which of them each has."""
        return expand(content, self._start, self._order)

    def of(self, j):
        """Poison rows of model ``j``."""
        return slice(self.start[j], self.start[j + 1])


def expand(groups, start, members):
    """Members of groups that lie in a row, and the position of the group of each."""
    counts = start[groups + 1] - start[groups]
    which = np.repeat(np.arange(len(groups)), counts)
    shift = start[groups] - np.cumsum(counts) + counts
    return members[np.arange(len(which)) + shift[which]], which


def stack(parts, like):
    """Rows of several containers in one, the container of ``like``."""
    if not parts:
        return take(like, np.empty(0, np.intp))
    if sparse.issparse(like):
        return sparse.vstack(parts, format=like.format, dtype=like.dtype)
    if is_pandas(like) or is_polars(like):
        return reduce(append, parts) if len(parts) == 1 else _concat(parts)
    return np.concatenate(parts)


def _concat(parts):
    if is_polars(parts[0]):
        import polars

        return polars.concat(parts)
    import pandas as pd

    return pd.concat(parts)


def gather(X, y, poisons):
    """Rows of all poisons, their labels, and the number of the model of each."""
    sizes = [len(y_poison) for _, y_poison in poisons]
    rows = stack([X_poison for X_poison, _ in poisons if len(X_poison_rows(X_poison))], X)
    return rows, sizes
