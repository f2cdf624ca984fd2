"""Callables for `target` that make other kinds of attack."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._row_keys import row_keys
from skpoison.utils._containers import as_rows, as_same_kind, is_frame, is_texts, n_rows
from skpoison.utils._plain_state import PlainState


def everything(X):
    """Select all rows: `target` of an availability attack.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows.

    Returns
    -------
    membership : ndarray of shape (n_samples,), dtype=bool
        True for all of them.

    See Also
    --------
    SpecificRows : Selects a few rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skpoison import SubpopPoisoner
    >>> from skpoison.attacks import everything
    >>> X, y = load_iris(return_X_y=True)
    >>> poisoner = SubpopPoisoner(target=everything, alpha=0.1, random_state=0)
    >>> poisoner.fit(X, y).n_poison_
    15
    """
    return np.ones(n_rows(as_rows(X, "everything")), dtype=bool)


class SpecificRows(PlainState):
    """Select the rows that are equal to given ones: `target` of a targeted attack.

    Parameters
    ----------
    rows : {array-like, sparse matrix, dataframe, list of str} of shape (n_rows, ...)
        The rows under attack, in the form that the poisoner sees.

    See Also
    --------
    everything : Selects all rows.
    skpoison.audit.compare_attacks : Compares attacks of different kinds.

    Notes
    -----
    Rows are equal where all their values are, and missing values are equal to each
    other. Numbers are compared in the dtype of the rows that are asked about, columns
    of frames by name and value.

    A targeted attack aims at rows that the victim will be asked about, which need not
    be in its training data. The attacker has to hold them: put them into `X_aux` with
    their labels, and count `alpha` in them with ``relative_to="aux"``.

    Examples
    --------
    Ten wrongly labeled copies of each of three flowers:

    >>> from sklearn.datasets import load_iris
    >>> from skpoison import SubpopPoisoner
    >>> from skpoison.attacks import SpecificRows
    >>> X, y = load_iris(return_X_y=True)
    >>> target = SpecificRows(X[[60, 70, 80]])
    >>> target
    SpecificRows(<3 rows>)
    >>> poisoner = SubpopPoisoner(target=target, alpha=10, random_state=0).fit(X, y)
    >>> poisoner.membership(X).nonzero()[0], poisoner.n_poison_
    (array([60, 70, 80]), 30)
    """

    def __init__(self, rows):
        self.rows = rows

    def __call__(self, X):
        """Tell which rows of X are equal to one of the given.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows, of the same kind as the given.

        Returns
        -------
        membership : ndarray of shape (n_samples,), dtype=bool
            True for the rows that are equal to one of the given.
        """
        X = as_rows(X, type(self).__name__)
        known = set(row_keys(self._rows_like(X)))
        return np.array([key in known for key in row_keys(X)], dtype=bool)

    def __repr__(self):
        return f"{type(self).__name__}(<{n_rows(self.rows)} rows>)"

    def _rows_like(self, X):
        """Return the given rows in a form whose keys compare with those of X."""
        owner = type(self).__name__
        rows = as_rows(self.rows, owner)
        if is_texts(rows) and is_texts(X):
            return rows
        if not (is_frame(rows) and type(rows) is type(X)):
            return as_same_kind(X, rows, "rows", owner)
        if list(rows.columns) != list(X.columns):
            odd = sorted(map(str, set(rows.columns) ^ set(X.columns)))
            raise ValueError(
                f"rows of {owner} must have the columns of X in their order. They "
                f"differ in {odd or 'their order'}."
            )
        return rows
