"""What an audit without a checkpoint has done so far."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.audit._checkpoint_format import as_frame, as_row, row_key


class Memory:
    """Rows of an audit, with the interface of a checkpoint and no file."""

    def __init__(self):
        self._rows = {}

    @property
    def rows(self):
        """What is done: a DataFrame sorted by arm, repeat, subpopulation and alpha."""
        return as_frame([self._rows[k] for k in sorted(self._rows)])

    def add(self, rows):
        """Add rows.

        Parameters
        ----------
        rows : list of dict
            New rows.
        """
        new = [as_row(row) for row in rows]
        self._rows |= {row_key(row): row for row in new}

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass
