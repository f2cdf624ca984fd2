"""What the authors' Adult notebook does to the table: 57 features and a balance."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd

from skpoison.datasets._adult_schema import CATEGORIES, SPLITS

NUMERIC = ["age", "capital-gain", "capital-loss", "hours-per-week"]

# The first level of each is dropped. For workclass and occupation that is '?', a
# missing value here, which equals no level: so all of their categories stay.
LEVELS = {
    "workclass": CATEGORIES["workclass"],
    "education-num": range(2, 17),
    "marital-status": CATEGORIES["marital-status"][1:],
    "occupation": CATEGORIES["occupation"],
    "relationship": CATEGORIES["relationship"][1:],
    "race": CATEGORIES["race"][1:],
    "sex": CATEGORIES["sex"][1:],
}


def encode_paper(data):
    """Encode the raw table as the paper's 57 unscaled numeric features."""
    columns = {name: data[name] for name in NUMERIC}
    for column, levels in LEVELS.items():
        for level in levels:
            columns[f"{column}={level}"] = data[column] == level
    return pd.DataFrame(columns).astype(np.float64)


def balanced_rows(tables, balance, rng):
    """Choose the rows of each split; `tables` maps the names of splits to frames.

    Draws in the order of the authors' notebook, and for both splits whichever is
    asked for: seed 0 then gives their rows, and a split has the same rows alone and
    as a part of both.
    """
    drawn = {
        name: rng.choice(split.n_rows - split.n_positives, split.n_positives, False)
        for name, split in SPLITS.items()
    }
    order = {
        name: rng.permutation(2 * split.n_positives) for name, split in SPLITS.items()
    }
    return {
        name: _with_positives(table["income"] == ">50K", drawn[name], balance)[
            order[name]
        ]
        for name, table in tables.items()
    }


def _with_positives(positive, drawn, balance):
    if balance == "undersample":
        drawn = np.flatnonzero(~positive)[drawn]
    return np.concatenate([drawn, np.flatnonzero(positive)])
