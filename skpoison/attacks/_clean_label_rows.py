"""Rows of an attack that changes no labels: its targets, and what it starts from."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._labels import choose_labels


def adversarial_class(poisoner, X, y, members, random_state, surrogate):
    """Choose the class that targets are to be given, by the poisoner's `label`.

    Parameters
    ----------
    poisoner : BaseSubpopPoisoner
        Its `label` and `classes_` are used.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows that the attacker sees.

    y : ndarray of shape (n_samples,)
        Their class labels.

    members : ndarray of shape (n_members,), dtype=int
        Rows of X in the target.

    random_state : RandomState instance
        Breaks ties.

    surrogate : classifier
        The attacker's model.

    Returns
    -------
    label : object
        A class of which there are rows in X, and other ones among the members.
    """
    name = type(poisoner).__name__
    if isinstance(poisoner.label, str) and poisoner.label == "flip":
        raise ValueError(
            f"label='flip' of {name} gives each row a class of its own, and this "
            "attack has one adversarial class. Use 'constant', 'least_likely', "
            f"'max_loss' or one of {poisoner.classes_.tolist()}."
        )
    label = choose_labels(
        poisoner, X, y, members, members[:1], random_state, surrogate
    )[0]
    if not np.any(y == label):
        raise ValueError(
            f"The adversarial class {label} of {name} has no rows among those that the "
            "attacker sees, and the poison is made from them. Choose another label of "
            f"{np.unique(y).tolist()}, or give the attacker more rows."
        )
    return label


def draw_targets(poisoner, y, members, adversarial, random_state):
    """Draw target rows of the members' most frequent class but the adversarial one.

    Parameters
    ----------
    poisoner : BaseSubpopPoisoner
        Its `targets` and `n_targets` are used.

    y : ndarray of shape (n_samples,)
        Class labels of the rows that the attacker sees.

    members : ndarray of shape (n_members,), dtype=int
        Rows in the target.

    adversarial : object
        The adversarial class.

    random_state : RandomState instance
        Source of the draw.

    Returns
    -------
    targets : ndarray of shape (n_targets,), dtype=int
        Members, or any rows, of that class.
    """
    others = members[y[members] != adversarial]
    labels, counts = np.unique(y[others], return_counts=True)
    own = labels[counts.argmax()]
    is_within = poisoner.targets == "subpopulation"
    candidates = others[y[others] == own] if is_within else np.flatnonzero(y == own)
    if poisoner.n_targets > len(candidates):
        raise ValueError(
            f"n_targets={poisoner.n_targets} of {type(poisoner).__name__} is more than "
            f"the {len(candidates)} rows of class {own} that there are to draw from "
            f"with targets={poisoner.targets!r}. Lower n_targets, or choose another "
            "target."
        )
    return random_state.choice(candidates, int(poisoner.n_targets), replace=False)


def draw_rows_of_class(poisoner, y, label, n_poison, random_state):
    """Draw rows of one class, none again before all.

    Parameters
    ----------
    poisoner : BaseSubpopPoisoner
        Its `replace` and `alpha` are used.

    y : ndarray of shape (n_samples,)
        Class labels of the rows that the attacker sees.

    label : object
        The class.

    n_poison : int
        Number of rows.

    random_state : RandomState instance
        Source of the draw.

    Returns
    -------
    sources : ndarray of shape (n_poison,), dtype=int
        Numbers of the rows.
    """
    candidates = np.flatnonzero(y == label)
    if not poisoner.replace and n_poison > len(candidates):
        raise ValueError(
            f"alpha={poisoner.alpha} of {type(poisoner).__name__} asks for {n_poison} "
            f"poison rows, and the attacker has {len(candidates)} rows of the "
            f"adversarial class {label}. Set replace=True, or lower alpha."
        )
    return np.resize(random_state.permutation(candidates), n_poison)
