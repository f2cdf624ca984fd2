"""What an audit without a checkpoint has done so far."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause


class Memory:
    """Rows of an audit, with the interface of a checkpoint and no file.

    Parameters
    ----------
    schema : Schema
        What is in a row.
    """

    def __init__(self, schema):
        self._schema, self._rows = schema, {}

    @property
    def rows(self):
        """What is done: a DataFrame, sorted by the key of the rows."""
        return self._schema.as_frame([self._rows[k] for k in sorted(self._rows)])

    def add(self, rows):
        """Add rows.

        Parameters
        ----------
        rows : list of dict
            New rows.
        """
        new = [self._schema.as_row(row) for row in rows]
        self._rows |= {self._schema.row_key(row): row for row in new}

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass
