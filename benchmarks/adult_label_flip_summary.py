"""Statistics over the measurements of ``adult_label_flip.py``."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
from adult_label_flip_reference import COLAB, OWN
from scipy import stats

CELL = ["protocol", "filter", "model", "label", "arm", "alpha"]
WORST = (1, 5, 10)
N_HALVINGS = 10
N_BOOTSTRAP = 500
BANDS = {"FM": (0.25, 0.35), "CM": (0.37, 0.47)}
SHOWN = ["worst_1", "worst_5", "worst_10", "held_out_5", "mean", "collateral_median"]


def add_halves(groups):
    """Add the damage on the two halves of the first of the random halvings."""
    halves = np.array([halve(rows, 0) for rows in groups["row_damage"]])
    return groups.assign(damage_a=halves[:, 0], damage_b=halves[:, 1])


def halve(rows, seed):
    """Mean damage on two random halves of the test rows; NaN for an empty one."""
    order = np.random.default_rng(seed).permutation(len(rows))
    first, second = np.array_split(rows[order], 2)
    return first.mean(), second.mean() if len(second) else np.nan


def summarize(groups):
    """One row for each cell and statistic: mean and intervals over the seeds."""
    table = []
    for cell, rows in groups.groupby(CELL, sort=False):
        seeds = [seed_rows for _, seed_rows in rows.groupby("seed")]
        values = pd.DataFrame([statistics(seed_rows) for seed_rows in seeds])
        bootstrap = sum(bootstrap_statistics(seed_rows) for seed_rows in seeds)
        shared = {**dict(zip(CELL, cell, strict=True)), "n_seeds": len(seeds)}
        shared["n_groups"] = len(rows) / len(seeds)
        table += [
            {
                **shared,
                "statistic": name,
                **interval(values[name]),
                **bootstrap_interval(bootstrap, name, len(seeds)),
                "seed_0": values[name].iloc[0],
                **published(cell, name),
            }
            for name in values
        ]
    return pd.DataFrame(table)


def statistics(rows):
    """Statistics of one seed over its subpopulations."""
    ranked = rows.sort_values("damage", ascending=False, kind="stable")
    collateral = ranked["collateral"]
    return {
        **{f"worst_{k}": ranked["damage"].head(k).mean() for k in WORST},
        **{f"held_out_{k}": held_out(rows["row_damage"], k) for k in WORST},
        "mean": rows["damage"].mean(),
        "collateral_mean": collateral.mean(),
        "collateral_median": collateral.median(),
        "collateral_max": collateral.max(),
        "collateral_worst_5": collateral.head(5).mean(),
    }


def held_out(row_damage, k):
    """Damage of the k worst by one half of the test rows, measured on the other half.

    Averaged over both directions and several halvings. Subpopulations with a single
    test row are left out.
    """
    row_damage = [rows for rows in row_damage if len(rows) > 1]
    scores = []
    for seed in range(N_HALVINGS):
        halves = np.array([halve(rows, seed) for rows in row_damage])
        for chooses, measures in (halves.T, halves.T[::-1]):
            worst = np.argsort(-chooses, kind="stable")[:k]
            scores.append(measures[worst].mean())
    return np.mean(scores)


def bootstrap_statistics(rows):
    """Resample the test rows of each subpopulation, paired over the models.

    The worst k stay those of all test rows, so the intervals do not tell of their
    selection.
    """
    ranked = rows.sort_values("damage", ascending=False, kind="stable")
    rng = np.random.default_rng(0)
    damage = np.array(
        [
            row[rng.integers(len(row), size=(N_BOOTSTRAP, len(row)))].mean(axis=1)
            for row in ranked["row_damage"]
        ]
    )
    worst = {f"worst_{k}": damage[:k].mean(axis=0) for k in WORST}
    return pd.DataFrame({**worst, "mean": damage.mean(axis=0)})


def bootstrap_interval(bootstrap, name, n_seeds):
    """95 % interval of the mean over these seeds, for new test rows."""
    if name not in bootstrap:
        return {"bootstrap_low": np.nan, "bootstrap_high": np.nan}
    low, high = np.quantile(bootstrap[name] / n_seeds, [0.025, 0.975])
    return {"bootstrap_low": low, "bootstrap_high": high}


def interval(values):
    """Mean over the seeds and its 95 % t interval."""
    n, mean = len(values), values.mean()
    if n == 1:
        return {"mean": mean, "low": np.nan, "high": np.nan}
    half = stats.t.ppf(0.975, n - 1) * values.std() / np.sqrt(n)
    return {"mean": mean, "low": mean - half, "high": mean + half}


def published(cell, name):
    """Look up the authors' figure and the earlier re-measurement, if any."""
    protocol, filter_name, model, label, _, alpha = cell
    key = (protocol, filter_name, model, label, alpha, name)
    return {"colab": COLAB.get(key), "own": OWN.get(key)}


def readable(summary):
    """Lay out the main statistics, and worst-5 with its interval, as text."""
    wide = summary.pivot(index=CELL, columns="statistic", values="mean")[SHOWN]
    worst = summary[summary["statistic"] == "worst_5"].set_index(CELL)
    worst = worst[["low", "high", "seed_0", "colab", "own"]]
    table = wide.join(worst.add_prefix("w5_"))
    return table.to_string(float_format="{:.3f}".format, na_rep="")


def acceptance(summary):
    """Whether the authors' experiment gives their worst-5 of NN at alpha 2."""
    cells = summary.query(
        "protocol == 'authors' and model == 'NN' and alpha == 2"
        " and statistic == 'worst_5'"
    )
    return "\n".join(_verdict(row) for row in cells.itertuples())


def _verdict(row):
    low, high = BANDS[row.filter]
    passed = "PASS" if low <= row.mean <= high else "FAIL"
    return (
        f"{passed}: {row.protocol}, {row.filter} NN worst-5 at alpha 2, {row.n_seeds} "
        f"seeds: {row.mean:.3f}, wanted {low} to {high}; seed 0: {row.seed_0:.3f}"
    )
