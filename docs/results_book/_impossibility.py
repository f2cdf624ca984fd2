"""The impossibility result, measured."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import pandas as pd

from ._format import bracketed, interval, number, only, seconds
from ._registry import table

WORLDS = "impossibility_worlds.csv"


@table(
    "impossibility_laws.csv",
    title="Are the poisoned samples of the two worlds alike? p-values of two tests"
    " on 1,000 draws of each world, and whether coupled draws are identical.",
)
def impossibility_laws(laws):
    coupled = laws["identical_coupled"].map({1: "all", 0: "none"}).fillna("")
    return pd.DataFrame(
        {
            "attack": laws["poison"].str.lower(),
            "labels": laws["arm"],
            "draws": laws["draws"].map("{:,}".format),
            "energy test": laws["p_energy"].map(_p_value),
            "test of the labels' balance": laws["p_imbalance"].map(_p_value),
            "identical, coupled": coupled,
        }
    )


def _p_value(value):
    return "< 0.001" if value < 0.001 else number(value, 3)


@table(
    WORLDS,
    title="Error on the target after flip at the critical budget, in both worlds, by"
    " learner: means over 20 seeds, and in how many of them the two sum to 1"
    " exactly. After balance they do so in expectation: mean sum with a 95 %"
    " interval.",
)
def impossibility_worlds(worlds):
    return pd.DataFrame(
        {
            "learner": worlds["learner"],
            "decides locally": worlds["local"].map({True: "yes", False: "no"}),
            "no poison": worlds["clean_error"].map(number),
            "one world": worlds["error"].map(number),
            "the other": worlds["error_other_world"].map(number),
            "sum is 1": worlds["sums_to_one"].astype(str)
            + " of "
            + worlds["seeds"].astype(str),
            "sum after balance": worlds.apply(interval, axis=1, name="balance_sum"),
            "changed outside": worlds["outside_changed"].map(number),
        }
    )


@table(
    "impossibility_transition.csv",
    title="The budget at which the local majority turns, by noise: the line of the"
    " theory for the distribution, for the rows drawn, and measured, with a 95"
    " % interval over 20 seeds.",
)
def impossibility_transition(transition):
    return pd.DataFrame(
        {
            "label": transition["label"],
            "noise": transition["eta"],
            "theory": transition["theory"].map(number),
            "rows drawn": transition["predicted"].map(lambda x: number(x, 3)),
            "measured": transition.apply(interval, axis=1, name="measured", digits=3),
            "largest distance": transition["largest_off_predicted"].map(
                lambda x: number(x, 4)
            ),
        }
    )


@table(
    "impossibility_grid.csv",
    title="Error on the smallest of 20 blobs by budget, mean of 20 seeds with a 95 %"
    " interval; noise-free unless told otherwise.",
)
def impossibility_grid(grid):
    main = only(grid, reading="main")
    main = main.assign(
        text=main.apply(interval, axis=1, name="error"),
        budget=main["alpha"].map("alpha {:g}".format),
    )
    keys = ["eta", "poison", "learner"]
    order = main[keys].drop_duplicates()
    table = main[main["alpha"].isin([0.5, 0.9, 1.0, 1.1, 2.0])].pivot(
        index=keys, columns="budget", values="text"
    )
    table = table.loc[list(order.itertuples(index=False, name=None))].reset_index()
    return table.rename(columns={"eta": "noise"}).fillna("")


@table(
    "impossibility.json",
    title="The grid against our notes of the paper: cells that are within sampling"
    " error of the old figures, and within that of few test rows.",
)
def impossibility_cells(study):
    names = {"main": "poison last, rows as they are", "other": "other readings"}
    return pd.DataFrame(
        {
            "reading": names[key],
            "cells": row["all"],
            "within": row["within"],
            "within, few test rows": row["within_few_test_rows"],
        }
        for key, row in study["cells"].items()
    )


@table(
    "impossibility.json",
    title="Learners that are not local, at no poison and at alpha 2: error on the"
    " target, mean of 20 seeds with a 95 % interval.",
)
def impossibility_not_local(study):
    return pd.DataFrame(
        {"learner and budget": name, "error": bracketed(*row)}
        for name, row in study["at_alpha_two"].items()
    )


@table(
    "impossibility_locality.csv",
    title="How far predictions in a subpopulation move when data elsewhere change"
    " (delta) or its own rows do (own), and damage at alpha 1, by family of"
    " models; means over subpopulations and 20 seeds.",
)
def impossibility_locality(locality):
    columns = ["accuracy", "delta_mean", "delta", "own", "own_share", "damage"]
    table = locality[["data", "family", *columns, "collateral"]].copy()
    table[columns] = table[columns].map(number)
    return table.assign(collateral=table["collateral"].map(lambda x: number(x, 3)))


@table(
    "impossibility_correlations.csv",
    title="Rank correlations of these measures with damage, over families and over"
    " pairs of a family and a cluster, with 95 % bootstrap intervals.",
)
def impossibility_correlations(correlations):
    named = correlations.rename(
        columns={
            "low": "rank_correlation_low",
            "high": "rank_correlation_high",
        }
    )
    return named[["data", "measure", "over", "n"]].assign(
        **{"rank correlation": named.apply(interval, axis=1, name="rank_correlation")}
    )


@table(
    "impossibility_speed.json",
    title="300 poisoned models of learners that decide locally, against fitting and"
    " asking one clean model; CPU time, medians of 3 rounds.",
)
def impossibility_speed(speed):
    return pd.DataFrame(
        {
            "learner": learner,
            "poison": rows,
            "one clean model": seconds(found["clean_cpu_seconds"]),
            "300 poisoned models": seconds(found["cpu_seconds"]),
            "times as long": number(found["ratio"], 1),
            "labels that differ": found["labels_that_differ"],
        }
        for learner, runs in speed.items()
        if isinstance(runs, dict) and "audit" in runs
        for rows, found in runs.items()
        if rows != "audit"
    )
