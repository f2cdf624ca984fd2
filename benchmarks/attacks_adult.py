"""Attacks side by side on Adult: label flip, influence, gradient, model-targeted.

Run from the root of the repository, with the official files in the folder ``adult``
of the data home::

    SKPOISON_DATA_HOME=../shared/data python benchmarks/attacks_adult.py

It writes ``benchmarks/results/attacks_adult_groups.csv`` (one row for each model and
subpopulation), ``attacks_adult.csv`` (means over subpopulations, with intervals over
the seeds) and ``attacks_adult.json``. ``--quick`` takes a minute and writes nothing.

The data are those of the protocol ``corrected`` of ``adult_label_flip.py``: balanced
classes, standardized numeric columns, half of the rows for the attacker, clusters of
ten principal components. All attacks add the same number of rows with the same label
rule; surrogates are fitted on the attacker's rows. Poison keeps to the box of her rows,
and to one level of each categorical column.

A seed is a split, a clustering, a draw of subpopulations and of poison, and the initial
weights of the nets. ``true labels`` is the null arm: the rows of the label flip with
the labels that they had.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from adult_label_flip_study import PROTOCOLS, find_groups, load_data
from attacks_study import Rows, Target, arguments_of, run_study

from skpoison.attacks import FeatureConstraints, OneHotGroup


def load(seed):
    """Rows of one seed, and what the columns may hold."""
    data = load_data(PROTOCOLS["corrected"], seed)
    prefixes = np.array([name.partition("=")[0] for name in data.names])
    is_level = np.array(["=" in name for name in data.names])
    constraints = FeatureConstraints(
        lower=np.where(is_level, 0, data.X_aux.min(axis=0)),
        upper=np.where(is_level, 1, data.X_aux.max(axis=0)),
        # The first level of each column has no indicator.
        one_hot=[
            OneHotGroup(np.flatnonzero(prefixes == prefix), exactly_one=False)
            for prefix in dict.fromkeys(prefixes[is_level])
        ],
    )
    return data, Rows(
        data.X,
        data.y,
        data.X_aux,
        data.y_aux,
        data.X_test,
        data.y_test,
        constraints,
    )


def draw_targets(data, seed, n_groups):
    """Draw so many of the subpopulations of each finder that are large enough."""
    found = list(find_groups(PROTOCOLS["corrected"], data, seed))
    rng = np.random.default_rng(seed)
    for name in ("FM", "CM"):
        mine = [group for group in found if group.filter == name]
        chosen = rng.permutation(len(mine))[:n_groups]
        for group in (mine[i] for i in sorted(chosen)):
            yield Target(
                group.filter,
                group.finder,
                group.number,
                group.name,
                group.sizes[0],
                group.sizes[1],
                group.finder.membership(data.X_test, group.number),
            )


def main():
    """Run the study and write its tables."""
    settings = arguments_of(__doc__.splitlines()[0], {"LR": 12, "NN": 4})
    run_study("attacks_adult", load, draw_targets, **settings)


if __name__ == "__main__":
    main()
