"""The poison of the impossibility result: what makes two worlds look the same."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

LABELS = ("flip", "constant")


def swapped_classes(labels, all_labels):
    """Two classes of a subpopulation that the other world has the other way round.

    Parameters
    ----------
    labels : ndarray of shape (n_members,)
        Labels of the subpopulation.

    all_labels : ndarray of shape (n_samples,)
        Labels of all rows, at least two classes.

    Returns
    -------
    classes : tuple of two labels
        The most frequent class of the subpopulation, and the next. Where classes are
        as frequent there, the one that more of all rows have goes first, then the
        first in order.
    """
    classes, overall = np.unique(all_labels, return_counts=True)
    inside = np.array([np.count_nonzero(labels == c) for c in classes])
    order = np.lexsort((np.arange(len(classes)), -overall, -inside))
    return classes[order[0]], classes[order[1]]


def swap(labels, classes):
    """Give labels of one of two classes the other; leave all others."""
    first, second = classes
    return np.where(
        labels == first, second, np.where(labels == second, first, labels)
    ).astype(labels.dtype)


def critical_budget(labels, classes, label):
    """Poison rows at which the two worlds look the same.

    Parameters
    ----------
    labels : ndarray of shape (n_members,)
        Labels of the subpopulation.

    classes : tuple of two labels
        The classes that the other world swaps, the more frequent first.

    label : {"flip", "constant"}
        Whether the poison repeats all rows of the two classes with swapped labels, or
        rows of the more frequent class until both are as frequent.

    Returns
    -------
    n_poison : int
        Number of rows, at most n_members.
    """
    first, second = (int(np.count_nonzero(labels == c)) for c in classes)
    return first + second if label == "flip" else first - second


def draw_poison(members, labels, classes, label, n_poison, random_state):
    """Draw the rows that the poison repeats, and its labels.

    Rows are used up before one is repeated again, and those of a smaller number of
    poison rows are the first of a larger one.

    Parameters
    ----------
    members : ndarray of shape (n_members,), dtype=int
        Rows of the subpopulation.

    labels : ndarray of shape (n_members,)
        Their labels.

    classes : tuple of two labels
        The classes that the other world swaps, the more frequent first.

    label : {"flip", "constant"}
        As in `critical_budget`.

    n_poison : int
        Number of poison rows.

    random_state : RandomState instance
        Draws the order of the rows.

    Returns
    -------
    sources : ndarray of shape (n_poison,), dtype=int
        Entries of `members`.

    poison_labels : ndarray of shape (n_poison,)
        Labels of the poison.
    """
    repeated = classes if label == "flip" else classes[:1]
    usable = np.flatnonzero(np.isin(labels, repeated))
    drawn = np.resize(random_state.permutation(usable), n_poison)
    return members[drawn], swap(labels[drawn], classes)
