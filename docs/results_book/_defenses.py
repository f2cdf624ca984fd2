"""Defenses: on the cases they were made for, on clean rows, on Adult, certified."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import pandas as pd

from ._format import bracketed, interval, number, only, seconds, share, the
from ._registry import table

CASES = {
    "many_outliers": "a tenth of the rows far out, on the side of the other class",
    "outliers": "3 % of the rows far out, on the side of the other class",
    "few_outliers": "1 % of the rows far out, on the side of the other class",
    "backdoor": "a trigger in images of digits",
    "scattered_flips": "a hundredth of the labels of digits flipped",
    "noisy_labels": "a fifth of the labels of digits flipped, no limit",
    "flips": "a tenth of the labels flipped where classes overlap",
}
FOREIGN = "chosen, not its paper's case"


@table(
    "defenses_easy_cases.csv",
    title="Recall on the case that each sanitizer was made for, mean of 5 seeds;"
    " Sever on the larger of its two cases.",
)
def easy_cases_recall(cases):
    own = cases[(cases["source"] != FOREIGN) & (cases["case"] != "few_outliers")]
    rows = []
    for (case, defense), found in own.groupby(["case", "defense"], sort=False):
        recall = found.set_index("count")["recall"].map(number)
        rows.append(
            {
                "case": CASES[case],
                "sanitizer": defense,
                "aim": number(found["aimed_at"].iloc[0]),
                "recall, defaults": recall["auto"],
                "recall, told": recall.get("told", "never told"),
            }
        )
    return pd.DataFrame(rows)


@table(
    "defenses_easy_cases.csv",
    title="All the easy cases: share of poison, recall, precision, AUC, and recall"
    " of as many rows removed at random; 95 % intervals over 5 seeds. Cases"
    " that are not a sanitizer's own are marked by a star.",
)
def easy_cases_all(cases):
    foreign = (cases["source"] == FOREIGN).map({True: " \\*", False: ""})
    return pd.DataFrame(
        {
            "case": cases["case"].map(CASES),
            "sanitizer": cases["defense"] + foreign,
            "amount": cases["count"].replace({"auto": "defaults"}),
            "poison": cases["poison"].map(lambda x: share(x, 1)),
            "recall": cases.apply(interval, axis=1, name="recall"),
            "precision": cases.apply(interval, axis=1, name="precision"),
            "AUC": cases["auc"].map(number),
            "random removal": cases["random_recall"].map(number),
        }
    )


@table(
    "defenses_clean_data.csv",
    title="What each sanitizer removes from 3,000 clean rows of Adult, from all and"
    " from the cluster that it takes most of, with 95 % intervals over 5 seeds.",
)
def clean_data(clean):
    return pd.DataFrame(
        {
            "sanitizer": clean["defense"],
            "documented share": clean["documented"].map(share),
            "removed": clean["removed"].map(lambda x: share(x, 1)),
            "of the worst cluster": clean.apply(
                interval, axis=1, name="worst_subpopulation"
            ),
            "ratio of the two": clean["worst_to_mean"].map(lambda x: number(x, 1)),
            "seconds": clean["seconds"].map(seconds),
        }
    )


@table(
    "defenses_adult.csv",
    title="Four clusters of Adult, logistic regression, alpha 2: damage left in"
    " points of accuracy on the target, change from no defense with 95 %"
    " intervals over 5 seeds, and the share of the poison that is removed.",
)
def defenses_adult(defenses):
    at_two = only(defenses, alpha=2.0)
    flip, rehearsed = (
        only(at_two, poisoner=name).set_index("defense")
        for name in ("label flip", "rehearsed")
    )
    rehearsed = rehearsed.reindex(flip.index)
    return pd.DataFrame(
        {
            "Adult, alpha 2": flip.index.str.replace("none", "no defense"),
            "damage left": _points(flip["target_damage"]),
            "change": flip.apply(interval, axis=1, name="change", digits=1, scale=100),
            "as many at random": _points(flip["random_damage"]),
            "rehearsed": _points(rehearsed["target_damage"]),
            "poison removed": flip["recall"].map(share),
            "poison removed, rehearsed": rehearsed["recall"].map(share),
        }
    )


def _points(column):
    return column.map(lambda value: number(100 * value, 1))


@table(
    "defenses_adult.csv",
    title="The same at three budgets: damage left in points, with 95 % intervals"
    " over 5 seeds.",
)
def defenses_adult_budgets(defenses):
    left = defenses.apply(interval, axis=1, name="target_damage", digits=1, scale=100)
    table = defenses.assign(left=left).pivot(
        index=["defense", "poisoner"], columns="alpha", values="left"
    )
    order = defenses[["defense", "poisoner"]].drop_duplicates()
    table = table.loc[list(order.itertuples(index=False, name=None))]
    return table.rename(columns="alpha {:g}".format).reset_index()


@table(
    "defenses_adult_costs.csv",
    title="Where nobody attacks Adult: rows removed, of all and of the cluster that"
    " loses most, and accuracy that it costs, beside the cost of as many rows"
    " removed at random; points, with 95 % intervals over 5 seeds.",
)
def defenses_adult_costs(costs):
    return pd.DataFrame(
        {
            "defense": costs["defense"],
            "removed, %": _points(costs["removed"]),
            "of the worst cluster, %": _scaled(costs, "most_removed"),
            "cost in accuracy": _scaled(costs, "accuracy_cost"),
            "at random": _scaled(costs, "random_cost"),
        }
    )


def _scaled(frame, name):
    return frame.apply(interval, axis=1, name=name, digits=1, scale=100)


PEERS = {
    "spectral": ("Spectral Signatures", "art"),
    "roni": ("RONI", "art"),
    "confident_learning": ("confident learning", "cleanlab"),
}


@table(
    "defenses_peers.json",
    title="The same defense here and in ART 1.20.1 or cleanlab, on poisoned Adult"
    " (RONI: flipped labels), means over 5 seeds and CPU seconds.",
)
def defenses_peers(peers):
    rows = []
    for key, (name, peer) in PEERS.items():
        found = peers["results"][key]
        for side, label in {
            "ours": "skpoison",
            peer: peer.replace("art", "ART"),
        }.items():
            rows.append(_side(name, label, found[side], found["n_problems"]))
    for case, found in peers["activation_clustering"].items():
        name, n = f"Activation Clustering, {case}", found["n_problems"]
        rows.append(_side(name, "skpoison", found["ours"]["clusters, default"], n))
        best = found["art"][found["best_of_art"]]
        rows.append(_side(name, f"ART, {found['best_of_art']}", best, n))
    return pd.DataFrame(rows)


def _side(defense, side, found, n_problems):
    return {
        "defense": defense,
        "by": side,
        "problems": n_problems,
        "AUC": number(found.get("auc", float("nan"))),
        "recall": number(found["recall"]),
        "clean removed": number(found["clean_removed"]),
        "time": seconds(found["cpu_s"]) if "cpu_s" in found else "",
    }


@table(
    "defenses_certificates.json",
    title="Subpopulations of Adult, PartitionAggregation of 50, 250 and 1,000"
    " models: accuracy without poison, and what is left of it to 10 and to 50"
    " poison rows, proven and under the strongest attack found; means of 5"
    " seeds with 95 % intervals.",
)
def certificates(study):
    groups = pd.DataFrame(study["groups"])
    rows = []
    for key, found in groups.groupby(["target", "n_partitions", "spread"], sort=False):
        row = dict(zip(["target", "models", "spread"], key, strict=True))
        clean = the(found, n_poison=0)
        row |= {"members": clean["n_target"], "clean": bracketed(*clean["clean"])}
        for n_poison in (10, 50):
            at = the(found, n_poison=n_poison)
            row[f"proven, {n_poison} rows"] = bracketed(*at["collective"])
            row[f"attacked, {n_poison} rows"] = bracketed(*at["attacked"])
        rows.append(row)
    return pd.DataFrame(rows)


@table(
    "defenses_certificates.json",
    title="Accuracy on all rows with so many partitions, and what it costs against"
    " one model of all rows; means of 5 seeds with 95 % intervals.",
)
def certificates_price(study):
    return pd.DataFrame(
        {
            "models": row["n_partitions"],
            "spread": row["spread"],
            "accuracy": bracketed(*row["accuracy"], digits=3),
            "cost": bracketed(*row["paid"], digits=3),
        }
        for row in study["clean_accuracy"]
    )
