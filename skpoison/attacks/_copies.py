"""Wrongly labeled copies of rows, which attacks start from."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._labels import choose_labels
from skpoison.utils._random import draw_seed


def draw_copies(poisoner, X, y, members, n_poison, random_state, surrogate=None):
    """Draw the rows of the target to copy, and the labels of the copies.

    Parameters
    ----------
    poisoner : BaseSubpopPoisoner
        Its `label`, `replace`, `alpha`, `surrogate` and `classes_` are used.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows that the attacker sees.

    y : ndarray of shape (n_samples,)
        Their class labels.

    members : ndarray of shape (n_members,), dtype=int
        Rows of X in the target.

    n_poison : int
        Number of copies.

    random_state : RandomState instance
        Two seeds are drawn from it.

    surrogate : classifier, default=None
        Stands in for the poisoner's where that is `None`.

    Returns
    -------
    sources : ndarray of shape (n_poison,), dtype=int
        Rows of X to copy.

    labels : ndarray of shape (n_poison,)
        Class labels of the copies.
    """
    if not poisoner.replace and n_poison > len(members):
        raise ValueError(
            f"alpha={poisoner.alpha} of {type(poisoner).__name__} asks for {n_poison} "
            f"copies, and the attacker has {len(members)} rows of the target. Set "
            "replace=True, or lower alpha."
        )
    # Two streams, so that more poison rows leave the labels of the first alone.
    for_rows, for_labels = (
        np.random.RandomState(draw_seed(random_state)) for _ in range(2)
    )
    if poisoner.replace:
        sources = members[for_rows.randint(len(members), size=n_poison)]
    else:
        sources = for_rows.permutation(members)[:n_poison]
    labels = choose_labels(poisoner, X, y, members, sources, for_labels, surrogate)
    return sources, labels
