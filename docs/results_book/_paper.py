"""Label flipping on the paper's other data sets."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import pandas as pd

from ._format import number, the, with_spread
from ._registry import table

STUDIES = [
    "paper_cifar10_small.json",
    "paper_utkface_small_transfer.json",
    "paper_imdb_small_transfer.json",
]
VICTIMS = {
    "ConvNet, last layer": "CIFAR-10, last layer of a small ConvNet, 200 clusters",
    "ConvNet": "CIFAR-10, a ConvNet of half the width end to end, one cluster a seed",
    "MobileFaceNet, last layer": "UTKFace, last layer of MobileFaceNet, 200 clusters",
    "MobileFaceNet, last layer, race x age": "the same, race by age",
    "MiniLM, last layer": "IMDB, last layer of MiniLM, 100 clusters",
}


def _worst(studies):
    for study in studies:
        for victim, found in study["victims"].items():
            yield VICTIMS[victim], found


@table(
    *STUDIES,
    title="Accuracy that the five worst subpopulations lose at alpha 2, mean of 3"
    " seeds (IMDB: 1 seed).",
)
def paper_worst_five(*studies):
    rows = []
    for victim, found in _worst(studies):
        worst = pd.DataFrame(found["worst"])
        if (worst["k"] == 5).any():
            row = the(worst, k=5, alpha=2.0)
            rows.append(
                {
                    "victim": victim,
                    "clean accuracy": number(found["clean_accuracy"]["mean"], 3),
                    "as selected": number(row["damage"]["mean"], 3),
                    "held out": number(row["held_out_damage"]["mean"], 3),
                    "null arm, as selected": number(row["null_damage"]["mean"], 3),
                }
            )
    return pd.DataFrame(rows)


@table(
    *STUDIES,
    title="The same by budget and number of subpopulations: mean over seeds, with"
    " the standard deviation in parentheses.",
)
def paper_budgets(*studies):
    rows = []
    for victim, found in _worst(studies):
        for row in found["worst"]:
            rows.append(
                {
                    "victim": victim,
                    "worst": row["k"],
                    "alpha": f"{row['alpha']:g}",
                    "as selected": with_spread(row["damage"]),
                    "held out": with_spread(row["held_out_damage"]),
                    "null arm": with_spread(row["null_damage"]),
                }
            )
    return pd.DataFrame(rows)


@table(
    "paper_clean_accuracy.json",
    "paper_clean_accuracy_imdb.json",
    title="Accuracy without poison, one seed on two CPU cores.",
)
def paper_clean_accuracy(cifar, imdb):
    names = {
        "the paper's ConvNet at its full width, CIFAR-10": cifar,
        "a transformer of one block from scratch, IMDB": imdb,
    }
    return pd.DataFrame(
        {
            "network": name,
            "training rows": f"{found['n_train']:,}",
            "epochs": found["epochs"],
            "accuracy": number(found["accuracy"], 3),
            "minutes": number(found["seconds"] / 60, 0),
        }
        for name, found in names.items()
    )
