"""The figures of the book."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd

from ._adult import FILTERS
from ._format import only, the
from ._registry import figure
from ._times import refits_to_draw

BLUE, ORANGE, GRAY = "#0072b2", "#d55e00", "#7f7f7f"


def _axes(width=6.4, height=3.6, columns=1, rows=1, **options):
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width, height), layout="constrained")
    axes = drawn.subplots(rows, columns, **options)
    for ax in np.ravel(axes):
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.9")
        ax.set_axisbelow(True)
    return drawn, axes


@figure(
    "adult_label_flip_summary.csv",
    title="Label flipping on Adult: accuracy that the five worst subpopulations lose"
    " by budget, with 95 % intervals over 5 seeds.",
)
def adult_damage(summary):
    drawn, axes = _axes(columns=2, sharey=True)
    for ax, (finder, filter) in zip(axes, FILTERS.items(), strict=True):
        found = only(summary, protocol="corrected", filter=filter, model="NN")
        for statistic, color, name in [
            ("worst_5", BLUE, "as selected"),
            ("held_out_5", ORANGE, "on rows that did not select them"),
        ]:
            line = only(found, label="constant", statistic=statistic)
            _bars(ax, line, color, name)
        null = only(found, label="true", statistic="worst_5")
        _bars(ax, null, GRAY, "true labels (null arm)")
        ax.set(title=f"{finder}, net of 10 units", xlabel="alpha", xticks=[0.5, 1, 2])
        ax.axhline(0, color="black", linewidth=0.8)
    axes[0].set_ylabel("accuracy lost")
    axes[0].legend(loc="upper left", fontsize=8, frameon=False)
    return drawn


def _bars(ax, found, color, name):
    center = found["mean"]
    ends = [center - found["low"], found["high"] - center]
    ax.errorbar(
        found["alpha"], center, ends, fmt="o-", color=color, capsize=3, label=name
    )


@figure(
    "defenses_adult.csv",
    title="Damage left by each defense on Adult at alpha 2, to label flipping and to"
    " an attacker who rehearses the defense, with 95 % intervals over 5 seeds.",
)
def defenses_left(defenses):
    at_two = only(defenses, alpha=2.0)
    order = only(at_two, poisoner="label flip").sort_values("target_damage")["defense"]
    drawn, ax = _axes(height=6)
    for poisoner, color, shift in [
        ("label flip", BLUE, -0.15),
        ("rehearsed", ORANGE, 0.15),
    ]:
        found = only(at_two, poisoner=poisoner).set_index("defense").reindex(order)
        center = 100 * found["target_damage"]
        ends = [
            center - 100 * found["target_damage_low"],
            100 * found["target_damage_high"] - center,
        ]
        where = np.arange(len(order)) + shift
        ax.errorbar(
            center, where, xerr=ends, fmt="o", color=color, capsize=2, label=poisoner
        )
    nothing = the(at_two, defense="none")["target_damage"]
    ax.axvline(100 * nothing, color=GRAY, linestyle="--", label="no defense")
    ax.set_yticks(range(len(order)), order.replace("none", "no defense"))
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color="0.9")
    ax.set_xlabel("accuracy that the target loses, in points")
    ax.legend(fontsize=8, frameon=False)
    return drawn


@figure(
    "refit_linear.json",
    "refit_neighbors.json",
    "refit_statistics.json",
    "refit_mlp.json",
    title="How many times as long one scikit-learn fit after the other takes for 300"
    " poisoned models on Adult, in CPU time.",
)
def speed_ratios(*results):
    ratios = pd.Series(refits_to_draw(*results)).sort_values()
    drawn, ax = _axes(height=3.2)
    bars = ax.barh(ratios.index, ratios, color=BLUE)
    ax.bar_label(bars, fmt="{:.0f}", padding=3, fontsize=9)
    ax.set(xscale="log", xlabel="times as long as the engine", xlim=(1, 250))
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    return drawn


@figure(
    "influence_adult_refits.csv",
    title="Change of the loss of the target when one training row is left out, as"
    " predicted by influence and by training again: 60 rows, logistic"
    " regression.",
)
def influence_refits(refits):
    drawn, ax = _axes(width=4.2, height=3.8)
    both = refits[["predicted", "actual"]]
    ends = [both.min().min(), both.max().max()]
    ax.plot(ends, ends, color=GRAY, linewidth=1)
    ax.plot(refits["predicted"], refits["actual"], "o", color=BLUE, markersize=4)
    ax.set(xlabel="predicted", ylabel="measured")
    ax.ticklabel_format(scilimits=(0, 0))
    return drawn


@figure(
    "defenses_certificates.json",
    title="Four subpopulations of Adult: accuracy that is proven, and that is left"
    " by the strongest attack found, by number of poison rows;"
    " PartitionAggregation of 50 models, means of 5 seeds.",
)
def certificates_bracket(study):
    groups = only(pd.DataFrame(study["groups"]), n_partitions=50, spread=1)
    targets = groups["target"].unique()
    drawn, axes = _axes(8, 3, len(targets), sharey=True)
    for ax, target in zip(axes, targets, strict=True):
        found = only(groups, target=target)
        attacked, proven = found["attacked"].str[0], found["collective"].str[0]
        ax.fill_between(found["n_poison"], proven, attacked, color=BLUE, alpha=0.15)
        ax.plot(found["n_poison"], attacked, "o-", color=ORANGE, label="attacked")
        ax.plot(found["n_poison"], proven, "o-", color=BLUE, label="proven")
        members = f"{found['n_target'].iloc[0]:,} members"
        ax.set_title(f"{target}\n{members}", fontsize=8)
        ax.set(xlabel="poison rows", ylim=(0, 1))
    axes[0].set_ylabel("accuracy")
    axes[0].legend(fontsize=8, frameon=False, loc="lower left")
    return drawn
