"""Who holds which rows: the victim and the attacker."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_consistent_length

from skpoison.utils._containers import as_rows, as_same_kind, n_rows, take
from skpoison.utils._row_sampler import flat_labels


@dataclass
class Rows:
    """Rows, their labels, and their numbers in X and then `X_aux`."""

    X: object
    labels: np.ndarray
    indices: np.ndarray


def all_rows(X, labels):
    """Every row of X."""
    return Rows(X, labels, np.arange(n_rows(X)))


def split_rows(X, labels, aux_size, rng, owner):
    """Rows of the victim and rows of the attacker, drawn at random, each in order."""
    n = n_rows(X)
    n_aux = round(aux_size * n)
    if not 0 < n_aux < n:
        raise ValueError(
            f"aux_size={aux_size} of {owner} leaves {n_aux} of {n} rows to the "
            f"attacker and {n - n_aux} to the victim; both need at least one."
        )
    order = rng.permutation(n)
    parts = (np.sort(order[n_aux:]), np.sort(order[:n_aux]))
    return tuple(Rows(take(X, at), labels[at], at) for at in parts)


def own_rows(X, X_aux, y_aux, aux_size, classes, owner):
    """Rows that the attacker brings along, checked against X."""
    if X_aux is None or y_aux is None:
        raise ValueError(f"{owner} needs X_aux and y_aux together. Got only one.")
    if aux_size is not None:
        raise ValueError(
            f"{owner} got aux_size={aux_size} and X_aux as well. The attacker's rows "
            "come from one place: leave out either."
        )
    X_aux, labels = as_rows(X_aux, owner), flat_labels(y_aux, owner)
    check_consistent_length(X_aux, labels)
    X_aux = as_same_kind(X, X_aux, "X_aux", owner)
    foreign = sorted(set(labels.tolist()) - set(classes.tolist()), key=str)
    if foreign:
        raise ValueError(
            f"y_aux of {owner} must hold classes of y, {classes.tolist()}. Got "
            f"{foreign} as well."
        )
    return Rows(X_aux, labels, n_rows(X) + np.arange(n_rows(X_aux)))


@dataclass
class CleanRows:
    """What the victim trains on, less the poison, in the caller's containers."""

    X: object
    y: object


def clean_rows(X, y, rows, victim):
    """Rows and labels that the victim trains on, in the containers they came in."""
    if victim.X is rows:
        return CleanRows(X if isinstance(X, list) else rows, y)
    X = take(X, victim.indices) if isinstance(X, list) else victim.X
    return CleanRows(X, take(y, victim.indices))


def rows_with(labels, wanted):
    """Find a row that carries each wanted label, so that dtypes are kept."""
    classes, first = np.unique(labels, return_index=True)
    return first[np.searchsorted(classes, wanted)]
