"""What a defense audit found, in plain words."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import pandas as pd

from skpoison.audit._defense_tasks import NO_DEFENSE
from skpoison.audit._html_text import name, percent, plural, points, points_between


@dataclass(frozen=True)
class Findings:
    """The headline of the report.

    Parameters
    ----------
    alpha : float
        Largest budget, which the headline is about.

    rows : DataFrame
        For each defense the row of `summary_`, under the attack that leaves most.

    statement : str
        How many defenses help, as HTML.

    sentences : list of str
        Which one helps most, and whom one harms, as HTML.
    """

    alpha: float
    rows: pd.DataFrame
    statement: str
    sentences: list


def findings(audit):
    """Tell which defense helps whom, and which harms whom.

    Parameters
    ----------
    audit : DefenseAudit
        A fitted audit.

    Returns
    -------
    findings : Findings
        Words and figures.
    """
    alpha = audit.summary_["alpha"].max()
    every = audit.summary_[audit.summary_["alpha"] == alpha]
    hardest = every.fillna({"target_damage": -2.0}).groupby("defense", sort=False)
    rows = every.loc[hardest["target_damage"].idxmax()].reset_index(drop=True)
    return Findings(
        alpha=alpha,
        rows=rows,
        statement=_statement(every),
        sentences=[*_help(rows, alpha), *_harm(audit.costs_)],
    )


def helps(row):
    """Whether rows of `summary_` are sure to leave less than no defense does."""
    return row["change_high"] < 0


def _statement(rows):
    defenses = rows[rows["defense"] != NO_DEFENSE].groupby("defense")
    helped = [helps(attacks).all() for _, attacks in defenses]
    n_all, n_help = len(helped), sum(helped)
    if n_all == 1:
        return "The defense helps" if n_help else "The defense is not sure to help"
    if n_help == 0:
        return f"None of {plural(n_all, 'defense')} is sure to help"
    verb = "helps" if n_help == 1 else "help"
    return f"{n_help:,} of {plural(n_all, 'defense')} {verb} against every attack"


def _help(rows, alpha):
    """Say what there is to lose, and what the best defense leaves of it."""
    bare = rows[rows["defense"] == NO_DEFENSE].iloc[0]
    yield (
        f"At alpha = {alpha:g}, and without a defense, {name(bare['poisoner'], 40)} "
        f"costs its targets {_figure(bare, 'target_damage')} points of accuracy; the "
        f"one that is hit hardest, chosen and measured on different test rows, loses "
        f"{_figure(bare, 'worst_damage')}."
    )
    known = rows[(rows["defense"] != NO_DEFENSE) & rows["target_damage"].notna()]
    if known.empty:
        yield "No victim with a defense could be trained; see the reasons below."
        return
    best = known.loc[known["target_damage"].idxmin()]
    control = (
        ""
        if pd.isna(best["random_damage"])
        else f" As many rows removed at random leave {_figure(best, 'random_damage')}."
    )
    yield (
        f"<strong>{name(best['defense'], 40)}</strong> leaves the least to the attack "
        f"that does most against it, {name(best['poisoner'], 40)}: "
        f"<strong>{_figure(best, 'target_damage')} points</strong>, and "
        f"{_figure(best, 'worst_damage')} to the worst-off.{control} Brackets are 95% "
        "intervals."
    )


def _harm(costs):
    """Say whom a sanitizer deletes, and who pays, where there is no poison."""
    groups = costs[costs["subpopulation"] >= 0]
    removed = groups[groups["removed"].notna()]
    if len(removed) and removed["removed"].max() > 0:
        most = removed.loc[removed["removed"].idxmax()]
        share = costs[(costs["subpopulation"] < 0)].set_index("defense")["removed"]
        yield (
            f"Where there is no poison, {name(most['defense'], 40)} removes "
            f"<strong>{percent(most['removed'])}</strong> of the rows of "
            f"{name(most['name'], 60)}, and {percent(share[most['defense']])} of all "
            "rows."
        )
    sure = groups[groups["accuracy_cost_low"] > 0]
    if len(sure):
        most = sure.loc[sure["accuracy_cost"].idxmax()]
        yield (
            f"Of accuracy, {name(most['defense'], 40)} then costs "
            f"{name(most['name'], 60)} {_figure(most, 'accuracy_cost')} points."
        )


def _figure(row, column):
    between = points_between(row[f"{column}_low"], row[f"{column}_high"])
    return f"{points(row[column])} {between}".strip()
