"""Predicted changes beside those of true refits."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from numbers import Integral

import numpy as np
import pandas as pd

# Cosine of the angle between predicted and actual changes that is warned about.
AGREEMENT = 0.9


def choose_rows(scores, n_chosen, rng, owner):
    """Choose rows, half for the size of their scores and half at random."""
    if not isinstance(n_chosen, Integral) or not 0 < n_chosen <= len(scores):
        raise ValueError(
            f"verify of {owner} must be a number of rows, from 0 to the {len(scores)} "
            f"that are scored. Got {n_chosen!r}."
        )
    order = np.argsort(-np.abs(scores), kind="stable")
    n_largest = (n_chosen + 1) // 2
    drawn = rng.permutation(order[n_largest:])[: n_chosen - n_largest]
    return np.concatenate([order[:n_largest], drawn])


def verification(refits, rows, is_train, scores, chosen, owner):
    """Refit for each chosen row; tell the predicted and the actual change.

    Parameters
    ----------
    refits : Refits
        What refits.

    rows : Rows
        The rows that are scored.

    is_train : bool
        Whether they are the training rows, which are left out one at a time; others
        are added.

    scores : ndarray of shape (n_rows,)
        Their scores.

    chosen : ndarray of shape (n_chosen,)
        The rows to refit for.

    owner : str
        Who asks, for warnings.

    Returns
    -------
    table : DataFrame of shape (n_chosen, 3)
        Columns `row`, `predicted` and `actual`.
    """
    sign = -1 if is_train else 1
    predicted = sign * scores[chosen] / len(refits.y)
    actual = [
        refits.change_without(row) if is_train else refits.change_with(rows, row)
        for row in chosen
    ]
    table = pd.DataFrame({"row": chosen, "predicted": predicted, "actual": actual})
    _check_agreement(table, owner)
    _check_start(refits, table, owner)
    return table


def _check_agreement(table, owner):
    predicted, actual = table["predicted"].to_numpy(), table["actual"].to_numpy()
    length = np.linalg.norm(predicted) * np.linalg.norm(actual)
    if length > 0 and predicted @ actual < AGREEMENT * length:
        warnings.warn(
            f"The scores of {owner} do not tell what refits do: the cosine between "
            f"predicted and actual changes of {len(table)} rows is "
            f"{predicted @ actual / length:.2f}. See verification_. The model may not "
            "be at its optimum, or another damping may be needed.",
            UserWarning,
            stacklevel=5,
        )


def _check_start(refits, table, owner):
    """Warn where training on changes more than any row does."""
    drift = abs(refits.optimum_loss - refits.fitted_loss)
    if not refits.is_convex and drift > np.abs(table["actual"]).max():
        warnings.warn(
            f"The network of {owner} was not at an optimum: training it on changes the "
            f"target's mean loss by {drift:.2g}, more than leaving out any of the rows "
            "verified does. The scores are of the network as it was fitted, and the "
            "refits of another one.",
            UserWarning,
            stacklevel=5,
        )
