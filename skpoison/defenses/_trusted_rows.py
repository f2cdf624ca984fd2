"""Rows that a defender trusts."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils import check_consistent_length

from skpoison.utils._containers import as_rows, as_same_kind, take
from skpoison.utils._row_sampler import flat_labels


def own_trusted_rows(X, X_trusted, y_trusted, classes, owner):
    """Check the trusted rows that a user brings along.

    Parameters
    ----------
    X : rows of shape (n_samples, ...)
        Training rows.

    X_trusted : rows of shape (n_trusted, ...)
        Trusted rows.

    y_trusted : array-like of shape (n_trusted,)
        Their class labels.

    classes : ndarray of shape (n_classes,)
        Classes of the training rows.

    owner : str
        The defense, which is named in errors.

    Returns
    -------
    X_trusted : rows of shape (n_trusted, ...)
        The rows, in the container of X.

    y_trusted : ndarray of shape (n_trusted,)
        Their labels.
    """
    if X_trusted is None or y_trusted is None:
        raise ValueError(
            f"{owner} needs X_trusted and y_trusted together. Got only one. Give both "
            "or neither."
        )
    X_trusted, labels = as_rows(X_trusted, owner), flat_labels(y_trusted, owner)
    check_consistent_length(X_trusted, labels)
    X_trusted = as_same_kind(X, X_trusted, "X_trusted", owner)
    known, given = set(classes.tolist()), set(labels.tolist())
    foreign, missing = sorted(given - known, key=str), sorted(known - given, key=str)
    if foreign:
        raise ValueError(
            f"y_trusted of {owner} must hold classes of y, {classes.tolist()}. Got "
            f"{foreign} as well. Leave those rows out."
        )
    if missing:
        raise ValueError(
            f"{owner} needs trusted rows of every class, or it would forget the "
            f"others. y_trusted has none of {missing}. Add some."
        )
    return X_trusted, labels.astype(classes.dtype, copy=False)


def split_trusted_rows(X, y, trusted_size, rng, owner):
    """Draw rows that stand in for trusted ones, the same share of each class.

    Parameters
    ----------
    X : rows of shape (n_samples, ...)
        Training rows.

    y : ndarray of shape (n_samples,)
        Their class labels.

    trusted_size : float
        Share to draw. Of each class it is two rows at least, where one is left then.

    rng : RandomState instance
        Draws them.

    owner : str
        The defense, which is named in errors.

    Returns
    -------
    rest : tuple of (rows, ndarray)
        The other rows and their labels.

    trusted : tuple of (rows, ndarray)
        The rows drawn, and their labels.
    """
    _check_two_rows_of_each_class(y, owner)
    drawn = draw_of_each_class(y, trusted_size, 2, rng)
    parts = (np.flatnonzero(~drawn), np.flatnonzero(drawn))
    return tuple((take(X, at), y[at]) for at in parts)


def draw_of_each_class(y, share, at_least, rng):
    """Draw a share of the rows of each class, and leave one row of it.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Class labels.

    share : float
        Share to draw, in (0, 1).

    at_least : int
        Rows of each class that are drawn, where there are more.

    rng : RandomState instance
        Draws them.

    Returns
    -------
    drawn : ndarray of shape (n_samples,), dtype=bool
        True for the rows drawn.
    """
    drawn = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        count = min(max(at_least, round(share * len(rows))), len(rows) - 1)
        drawn[rng.permutation(rows)[:count]] = True
    return drawn


def _check_two_rows_of_each_class(y, owner):
    classes, counts = np.unique(y, return_counts=True)
    if counts.min() < 2:
        raise ValueError(
            f"{owner} got no trusted rows and would split some off, which takes two "
            f"rows of each class. There is one of {classes[counts < 2].tolist()}. Give "
            "X_trusted and y_trusted."
        )
