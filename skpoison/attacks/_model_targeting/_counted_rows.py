"""Added rows with counts, of which equal ones are one."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

ROOM = 16


class CountedRows:
    """Distinct rows, and how often each was added.

    Parameters
    ----------
    n_params : int
        Length of a row.
    """

    def __init__(self, n_params):
        self._rows, self._counts = np.empty((ROOM, n_params)), np.zeros(ROOM)
        self._numbers = {}

    def __len__(self):
        return len(self._numbers)

    @property
    def rows(self):
        """The distinct rows, of shape (n_distinct, n_params)."""
        return self._rows[: len(self)]

    @property
    def counts(self):
        """How often each was added, of shape (n_distinct,)."""
        return self._counts[: len(self)]

    def add(self, row, count):
        """Add copies of a row, and give its number."""
        # 0 and -0 are equal numbers, of different bytes.
        number = self._numbers.setdefault((row + 0.0).tobytes(), len(self))
        if number == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._counts = np.concatenate([self._counts, np.zeros(number)])
        self._rows[number] = row
        self._counts[number] += count
        return number

    def copy(self):
        """Give one that can be added to by itself."""
        new = CountedRows(self._rows.shape[1])
        new._rows, new._counts = self._rows.copy(), self._counts.copy()
        new._numbers = self._numbers.copy()
        return new
