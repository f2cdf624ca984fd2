"""The attack of the impossibility result on one target, at many budgets."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np

from skpoison.mixture._measuring import place
from skpoison.mixture._two_worlds import critical_budget, draw_poison, swapped_classes
from skpoison.utils._aux_rows import own_rows
from skpoison.utils._containers import take
from skpoison.utils._poison_count import count_poison


@dataclass(frozen=True)
class Source:
    """Rows that poison repeats, and the subpopulation of each.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows.

    y : ndarray of shape (n_samples,)
        Their class labels.

    codes : ndarray of shape (n_samples,), dtype=int
        Their subpopulations.

    name : str
        What they are called.
    """

    X: object
    y: np.ndarray
    codes: np.ndarray
    name: str


def find_source(partition, X, y, X_aux, y_aux, owner):
    """Take the rows of the attacker where there are any, or else those of training."""
    if X_aux is None and y_aux is None:
        return Source(X, y, partition.codes, "X")
    aux = own_rows(X, X_aux, y_aux, None, np.unique(y), owner)
    X_aux, codes = place(partition, X, aux.X, "X_aux", owner)
    return Source(X_aux, aux.labels, codes, "X_aux")


@dataclass(frozen=True)
class Attack:
    """A target, what poison repeats of it, and where it is tested.

    Parameters
    ----------
    name : str
        Its name.

    size : int
        Its rows in training.

    classes : tuple of two labels
        The classes that are swapped, the more frequent first.

    members, tested : ndarray of int
        Its rows at the source, and in the test.

    noise : float
        Share of the less frequent class among the rows of both.

    predicted : float
        Poison rows for each of its rows at which the two worlds look the same.
    """

    name: str
    size: int
    classes: tuple
    members: np.ndarray
    tested: np.ndarray
    noise: float
    predicted: float


def find_attack(partition, y, k, codes, source, label, noise, owner):
    """Find a target in training, at the source and in the test.

    Parameters
    ----------
    partition : Partition
        The subpopulations, and those of the training rows.

    y : ndarray of shape (n_samples,)
        Labels of the training rows.

    k : int
        Number of the target.

    codes : ndarray of shape (n_test,), dtype=int
        Subpopulations of the test rows.

    source : Source
        What poison repeats.

    label : {"flip", "constant"}
        Which poison.

    noise : float or None
        That of the target; None is what the labels show.

    owner : str
        Who asks, for error messages.

    Returns
    -------
    attack : Attack
        The target.
    """
    name, labels = partition.names[k], y[partition.members(k)]
    classes = swapped_classes(labels, y)
    members, tested = np.flatnonzero(source.codes == k), np.flatnonzero(codes == k)
    usable = classes if label == "flip" else classes[:1]
    if not np.isin(source.y[members], usable).any():
        raise ValueError(
            f"{source.name} of {owner} must have rows of each target that the poison "
            f"can repeat, of the classes {np.array(usable).tolist()}. It has none of "
            f"{name!r}. Leave it out of targets, or pass more rows."
        )
    if not len(tested):
        raise ValueError(
            f"X_test of {owner} must have rows of each target. None of the "
            f"{len(codes)} is in {name!r}. Leave it out of targets."
        )
    noise, predicted = predict(labels, classes, label, noise)
    return Attack(name, len(labels), classes, members, tested, noise, predicted)


def predict(labels, classes, label, noise):
    """Noise, as shown or as given, and the budget for each row that it predicts."""
    both = critical_budget(labels, classes, "flip")
    surplus = critical_budget(labels, classes, "constant")
    if noise is None:
        noise = (both - surplus) / (2 * both)
    else:
        surplus = (1 - 2 * noise) * both
    return noise, (both if label == "flip" else surplus) / len(labels)


def draw_poisons(attack, source, label, alphas, random_state, owner):
    """Draw rows and labels of the poison of each budget, from those of the largest."""
    count_poison(float(max(alphas)), attack.size, "alphas", owner)
    sizes = np.round(alphas * attack.size).astype(int)
    labels = source.y[attack.members]
    rows, labels = draw_poison(
        attack.members, labels, attack.classes, label, sizes.max(), random_state
    )
    return [(take(source.X, rows[:size]), labels[:size]) for size in sizes]
