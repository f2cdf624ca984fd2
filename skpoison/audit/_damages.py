"""Damage of each model, counted on the test rows that changed."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd


def damages(evidence):
    """Measure each model on its target and on all other test rows.

    Parameters
    ----------
    evidence : Evidence
        The models of one arm.

    Returns
    -------
    damages : DataFrame
        In the order of the models: target_damage, collateral_damage, clean_accuracy
        (of the twin on the target) and n_test (test rows of the target). Damage is
        NaN for models with an error, and where there are no rows to measure it on.
    """
    subpopulation = evidence.table["subpopulation"].to_numpy(int)
    repeat = evidence.table["repeat"].to_numpy(int)
    n_test = np.diff(evidence.membership.indptr)[subpopulation]
    n_others = evidence.changes.shape[1] - n_test
    in_target, in_all = changed_rows(evidence)
    failed = ~is_valid(evidence)
    right = evidence.membership.T.astype(np.int64) @ evidence.clean_correct.T
    return pd.DataFrame(
        {
            "target_damage": share(in_target, n_test, failed),
            "collateral_damage": share(in_all - in_target, n_others, failed),
            "clean_accuracy": share(right[subpopulation, repeat], n_test),
            "n_test": n_test.astype(int),
        }
    )


def changed_rows(evidence, among=None):
    """Rows lost less rows gained of each model: in its target, and in all.

    Parameters
    ----------
    evidence : Evidence
        The models of one arm.

    among : ndarray of shape (n_test,), dtype=bool, default=None
        The test rows that count. `None` is all of them.

    Returns
    -------
    in_target, in_all : ndarray of shape (n_models,), dtype=int
        Counts, 0 for models with an error.
    """
    changes, n_models = evidence.changes, len(evidence.table)
    counted = np.ones(changes.shape[1], bool) if among is None else among
    in_target, in_all = np.zeros((2, n_models), dtype=np.int64)
    for k, models in evidence.table.groupby("subpopulation").indices.items():
        # One subpopulation at a time, so that memory is bounded.
        of_models = changes[models]
        owner = owners(of_models)
        value = of_models.data * counted[of_models.indices]
        is_member = np.zeros(changes.shape[1], dtype=bool)
        is_member[evidence.members(k)] = True
        in_all[models] = np.bincount(owner, value, len(models))
        value = value * is_member[of_models.indices]
        in_target[models] = np.bincount(owner, value, len(models))
    return in_target, in_all


def owners(changes):
    """Place of the model that each stored change belongs to."""
    return np.repeat(np.arange(changes.shape[0]), np.diff(changes.indptr))


def is_valid(evidence):
    """Models without an error."""
    return evidence.table["error"].isna().to_numpy()


def budgets(evidence):
    """List (subpopulation, place of alpha, alpha, models), in order.

    The models are those without an error, by repeat. The place is among all alphas.
    """
    table = evidence.table.reset_index(drop=True)
    table = table.sort_values(["subpopulation", "alpha", "repeat"])
    valid = is_valid(evidence)
    places = {alpha: i for i, alpha in enumerate(np.unique(table["alpha"]))}
    return [
        (int(k), places[alpha], float(alpha), of_cell.index[valid[of_cell.index]])
        for (k, alpha), of_cell in table.groupby(["subpopulation", "alpha"])
    ]


def changes_by_repeat(evidence, models, rows):
    """Look up the changes of some test rows, (n_repeats, n_rows).

    A repeat without a valid model is filled with the mean of the others.
    """
    of_models = evidence.changes[models]
    place = np.full(evidence.changes.shape[1], -1)
    place[rows] = np.arange(len(rows))
    changed = np.zeros((len(models), len(rows)))
    owner, column = owners(of_models), place[of_models.indices]
    changed[owner[column >= 0], column[column >= 0]] = of_models.data[column >= 0]
    filled = np.tile(changed.mean(axis=0), (len(evidence.clean_correct), 1))
    filled[evidence.table["repeat"].to_numpy(int)[models]] = changed
    return filled


def share(count, total, missing=False):
    """Count over total; NaN where the total is 0 or the figure is missing."""
    known = (total > 0) & ~np.asarray(missing)
    return np.divide(count, total, out=np.full(len(total), np.nan), where=known)
