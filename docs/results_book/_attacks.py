"""Attacks at equal budgets, attackers who know too much, certified budgets."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import pandas as pd

from ._format import bracketed, interval, number, only, the
from ._registry import table

ATTACKS = ["label flip", "influence", "gradient", "model-targeted"]
ALPHAS = [0.5, 1.0, 2.0]
FACES = "128 continuous features of faces"
VICTIMS = {"LR": "logistic regression", "NN": "net of 10 units"}


@table(
    "attacks_adult.csv",
    "attacks_faces.csv",
    title="Mean accuracy that subpopulations lose at alpha 1, with 95 % intervals"
    " over 5 splits (embeddings of faces: 3).",
)
def attacks_at_equal_budget(adult, faces):
    rows = []
    for victim, data, found in _settings(adult, faces):
        at_one = only(found, alpha=1.0)
        rows.append(
            {"victim": victim, "data": data}
            | {
                attack: interval(the(at_one, attack=attack), "damage")
                for attack in ATTACKS
            }
        )
    return pd.DataFrame(rows)


@table(
    "attacks_adult.csv",
    "attacks_faces.csv",
    title="Mean accuracy that subpopulations lose at alpha 0.5 / 1 / 2, over 5"
    " splits (embeddings of faces: 3).",
)
def attacks_by_budget(adult, faces):
    rows = []
    for victim, data, found in _settings(adult, faces):
        rows.append(
            {"victim": victim, "data": data}
            | {attack: _budgets(only(found, attack=attack)) for attack in ATTACKS}
        )
    return pd.DataFrame(rows)


def _settings(adult, faces):
    for model, victim in VICTIMS.items():
        for filter, finder in {"FM": "FeatureMatch", "CM": "ClusterMatch"}.items():
            yield victim, f"Adult, {finder}", only(adult, model=model, filter=filter)
        yield victim, f"{FACES}, ClusterMatch", only(faces, model=model)


def _budgets(found):
    return " / ".join(number(the(found, alpha=alpha)["damage"]) for alpha in ALPHAS)


@table(
    "attacks_adult.csv",
    "attacks_faces.csv",
    title="The same attacks in full at alpha 1: damage of the five worst, collateral"
    " damage, what each adds to label flipping, and seconds to craft the"
    " poison.",
)
def attacks_costs(adult, faces):
    rows = []
    for victim, data, found in _settings(adult, faces):
        for attack in ["true labels", *ATTACKS]:
            row = the(found, attack=attack, alpha=1.0)
            rows.append(
                {
                    "victim": victim,
                    "data": data,
                    "attack": attack,
                    "damage": interval(row, "damage"),
                    "five worst": number(row["worst_5"]),
                    "over label flip": interval(row, "gain"),
                    "collateral": number(row["collateral"], 3),
                    "seconds": number(row["craft_seconds"]),
                }
            )
    return pd.DataFrame(rows)


@table(
    "attacks_oracle.csv",
    "attacks_oracle_net.csv",
    title="FeatureMatch groups of Adult: what attackers with half of the budget"
    " (alpha 0.5) reach by what they are shown, and the difference from label"
    " flipping at alpha 1, with 95 % intervals over 5 seeds.",
)
def attacks_oracle(linear, net):
    frames = {"logistic regression": linear, "net of 10 units": net}
    return pd.concat(
        pd.DataFrame(
            {
                "victim": victim,
                "attacker": frame["attacker"],
                "damage": frame.apply(interval, axis=1, name="damage", digits=3),
                "over label flip, alpha 1": frame.apply(
                    interval, axis=1, name="gain_over_flip_at_1", digits=3
                ),
            }
        )
        for victim, frame in frames.items()
    )


@table(
    "attacks_model_targeted.csv",
    title="The model-targeted attack on twelve clusters of Adult: rows used against"
    " the certified minimum for the target model, and for the model that came"
    " out.",
)
def attacks_model_targeted(attacks):
    return pd.DataFrame(
        {
            "victim": attacks["model"].replace({"svm": "SVM", "lr": "LR"}),
            "seed": attacks["seed"],
            "cluster": attacks["cluster"],
            "members": attacks["members"],
            "rows used": attacks["used"].map("{:,}".format),
            "minimum, target model": attacks["bound_of_target"].map("{:,.0f}".format),
            "minimum, model made": attacks["bound_of_induced"].map("{:,.0f}".format),
            "used / minimum": attacks["used_by_induced_bound"].map("{:.3f}".format),
            "seconds": attacks["seconds"].map("{:.0f}".format),
        }
    )


MEASURES = {
    "gain": "success, less that without poison",
    "log_gain": "log-probability of the wanted class, less that without poison",
}


@table(
    "attacks_witches_brew_summary.csv",
    title="Witches' Brew, three classes of CIFAR-10 at 16 x 16 pixels, small"
    " networks: 10 pairs of a seed and a cluster, with 95 % intervals of a"
    " bootstrap over pairs.",
)
def attacks_witches_brew(summary):
    rows = []
    for (targets, measure), found in summary.groupby(
        ["n_targets", "measure"], sort=False
    ):
        if measure in MEASURES:
            found = found.set_index("what")[["estimate", "low", "high"]]
            arms = {
                name: bracketed(*found.loc[arm])
                for arm, name in {
                    "one cluster": "targets of one cluster",
                    "random": "random targets",
                    "difference": "difference",
                }.items()
            }
            rows.append({"targets": targets, "measure": MEASURES[measure]} | arms)
    return pd.DataFrame(rows)
