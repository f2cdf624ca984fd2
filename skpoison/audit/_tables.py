"""The tables of an audit, from the evidence of its two arms."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skpoison.audit._alpha50 import alpha50
from skpoison.audit._damages import damages, is_valid
from skpoison.audit._intervals import curves
from skpoison.audit._worst_k import worst_k

RESULTS = [
    "subpopulation",
    "name",
    "alpha",
    "repeat",
    "n_train",
    "n_test",
    "n_poison",
    "poison_label",
    "clean_accuracy",
    "target_damage",
    "collateral_damage",
    "converged",
    "gradient_norm",
    "newton_decrement",
    "engine",
    "fidelity",
    "error",
]
INTERVALS = [
    f"{kind}_damage{end}"
    for kind in ("target", "collateral")
    for end in ("", "_low", "_high")
]
CURVES = ["subpopulation", "name", "alpha", *INTERVALS, "p_value", "q_value"]
SUMMARY = [
    "subpopulation",
    "name",
    "n_train",
    "n_aux",
    "n_test",
    "clean_accuracy",
    *INTERVALS,
    "null_damage",
    "p_value",
    "q_value",
    "alpha50",
    "alpha50_low",
    "alpha50_high",
    "selection_rank",
    "held_out_damage",
    "ambient_share",
    "margin",
    "loss_difference",
    "n_failed",
]


def results_table(evidence, names, train_sizes, fidelity="refit"):
    """List the models of one arm, by subpopulation, alpha and repeat.

    Parameters
    ----------
    evidence : Evidence
        The models of one arm. Columns that its table lacks are NaN.

    names : list of str
        Names of all subpopulations.

    train_sizes : ndarray of shape (n_subpopulations,)
        Training rows of all subpopulations.

    fidelity : str, default="refit"
        How the models were made.

    Returns
    -------
    results : DataFrame
        One row for each model.
    """
    table = evidence.table.reset_index(drop=True)
    table = table.assign(**damages(evidence), fidelity=fidelity)
    table = table.sort_values(["subpopulation", "alpha", "repeat"], ignore_index=True)
    table = _with_names(table, names)
    table["n_train"] = np.asarray(train_sizes)[table["subpopulation"]]
    return table.reindex(columns=RESULTS)


def curves_table(evidence, names, random_state=None):
    """Average damage of each subpopulation and alpha, with intervals.

    Parameters
    ----------
    evidence : Evidence
        The models of the poison arm.

    names : list of str
        Names of all subpopulations.

    random_state : int, RandomState instance or None, default=None
        Seeds the bootstrap.

    Returns
    -------
    curves : DataFrame
        One row for each subpopulation and alpha.
    """
    return _with_names(curves(evidence, random_state), names).reindex(columns=CURVES)


def summary_table(
    evidence,
    null_evidence,
    curves,
    names,
    train_sizes,
    aux_sizes,
    susceptibility=None,
    random_state=None,
):
    """One row for each subpopulation, the most damaged at the largest alpha first.

    Parameters
    ----------
    evidence, null_evidence : Evidence
        The models of the two arms; the latter may be None.

    curves : DataFrame
        The :func:`curves_table` of the poison arm.

    names : list of str
        Names of all subpopulations.

    train_sizes, aux_sizes : ndarray of shape (n_subpopulations,)
        Training and attacker's rows of all subpopulations.

    susceptibility : DataFrame, default=None
        Columns ambient_share, margin and loss_difference, with the numbers of the
        subpopulations as index.

    random_state : int, RandomState instance or None, default=None
        Splits the test rows, and seeds the bootstrap.

    Returns
    -------
    summary : DataFrame
        Damage is that at the largest alpha. Ties are in the order of numbers, and NaN
        comes last.

    worst : DataFrame
        The table of :func:`~skpoison.audit._worst_k.worst_k`.
    """
    random_state = check_random_state(random_state)
    worst, ranks = worst_k(evidence, null_evidence, random_state)
    largest = curves["alpha"].max()
    at_largest = curves[curves["alpha"] == largest].set_index("subpopulation")
    number = np.unique(evidence.table["subpopulation"])
    of_models = evidence.table[["subpopulation"]].assign(
        clean_accuracy=damages(evidence)["clean_accuracy"].to_numpy(),
        n_failed=~is_valid(evidence),
    )
    of_models = of_models.groupby("subpopulation").agg(
        {"clean_accuracy": "mean", "n_failed": "sum"}
    )
    parts = [
        at_largest.drop(columns=["name", "alpha"]),
        of_models,
        ranks.set_index("subpopulation"),
        alpha50(evidence, random_state).set_index("subpopulation"),
        _mean_damage(null_evidence, largest),
        pd.DataFrame() if susceptibility is None else susceptibility,
    ]
    sizes = {
        "n_train": np.asarray(train_sizes),
        "n_aux": np.asarray(aux_sizes),
        "n_test": np.diff(evidence.membership.indptr),
    }
    summary = pd.DataFrame(
        {"subpopulation": number}
        | {name: size[number] for name, size in sizes.items()}
        | {name: part[name].reindex(number).array for part in parts for name in part}
    )
    order = summary["target_damage"].sort_values(ascending=False, kind="stable").index
    summary = _with_names(summary.loc[order].reset_index(drop=True), names)
    return summary.reindex(columns=SUMMARY), worst


def _mean_damage(evidence, alpha):
    """Target damage of each subpopulation at one alpha."""
    if evidence is None:
        return pd.DataFrame({"null_damage": pd.Series(dtype=float)})
    damage = damages(evidence)["target_damage"].to_numpy()
    table = evidence.table[["subpopulation", "alpha"]].assign(null_damage=damage)
    table = table[table["alpha"] == alpha]
    return table.groupby("subpopulation")[["null_damage"]].mean()


def _with_names(table, names):
    """Names from the data are taken as text, whatever is in them."""
    named = np.asarray([str(name) for name in names], dtype=object)
    return table.assign(name=named[table["subpopulation"]])
