"""Rows with counts, to which more are added."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

ROOM = 64


class CountedRows:
    """Rows that count once, and added ones, of which equal ones are one.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_params)
        The rows to start with.
    """

    def __init__(self, rows):
        self.n_first = self._size = len(rows)
        self._rows, self._counts = self._with_room(rows, np.ones(len(rows)), ROOM)
        self._numbers = {}

    @staticmethod
    def _with_room(rows, counts, room):
        more = np.zeros((room, rows.shape[1]))
        return np.concatenate([rows, more]), np.concatenate([counts, np.zeros(room)])

    @property
    def rows(self):
        """The distinct rows, of shape (n_distinct, n_params)."""
        return self._rows[: self._size]

    @property
    def counts(self):
        """How often each counts, of shape (n_distinct,)."""
        return self._counts[: self._size]

    def add(self, row, count):
        """Add copies of a row, and give its number."""
        # 0 and -0 are equal numbers, of different bytes.
        number = self._numbers.setdefault((row + 0.0).tobytes(), self._size)
        if number == self._size:
            if number == len(self._rows):
                room = 2 * (number - self.n_first)
                self._rows, self._counts = self._with_room(
                    self._rows, self._counts, room
                )
            self._rows[number] = row
            self._size += 1
        self._counts[number] += count
        return number
