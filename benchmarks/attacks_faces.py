"""Attacks side by side on continuous features: embeddings of the faces of UTKFace.

Run from the root of the repository::

    export SKPOISON_DATA_HOME=../shared/data
    python benchmarks/attacks_faces.py --seeds 3 --LR 8 --NN 2

The data home holds ``utkface/utkface_mobilefacenet_128_f16.npy``, the activations of a
frozen MobileFaceNet, one row a face, and ``utkface/utkface.npz`` with their ``age``,
``gender`` and ``duplicate_of``. The task is the paper's: gender, of faces of 15 years
and more; duplicates are left out. 7,000 faces are the victim's, 7,000 the attacker's,
and the others are for the test. Subpopulations are 60 clusters of ten principal
components. See ``attacks_adult.py`` for the rest; results have the same form.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from pathlib import Path

import numpy as np
from attacks_study import Rows, Target, arguments_of, run_study

from skpoison import ClusterMatch
from skpoison.attacks import FeatureConstraints
from skpoison.datasets import get_data_home

N_EACH = 7000


def load(seed):
    """Rows of one seed; poison keeps to the box of the attacker's rows."""
    folder = Path(get_data_home()) / "utkface"
    X = np.load(folder / "utkface_mobilefacenet_128_f16.npy").astype(float)
    with np.load(folder / "utkface.npz") as faces:
        kept = (faces["age"] >= 15) & (faces["duplicate_of"] < 0)
        X, y = X[kept], faces["gender"][kept].astype(int)
    order = np.random.default_rng(seed).permutation(len(X))
    mine, hers, test = np.split(order, [N_EACH, 2 * N_EACH])
    X = (X - X[mine].mean(axis=0)) / X[mine].std(axis=0)
    constraints = FeatureConstraints(
        lower=X[hers].min(axis=0), upper=X[hers].max(axis=0)
    )
    parts = [part for at in (mine, hers, test) for part in (X[at], y[at])]
    rows = Rows(*parts, constraints)
    return rows, rows


def draw_targets(rows, seed, n_groups):
    """Draw so many of the clusters of 20 to 200 of the attacker's rows."""
    finder = ClusterMatch(60, n_components=10, random_state=seed).fit(rows.X_aux)
    names = finder.get_feature_names_out()
    large = np.flatnonzero((finder.sizes_ >= 20) & (finder.sizes_ <= 200))
    chosen = np.random.default_rng(seed).permutation(large)[:n_groups]
    for number in map(int, sorted(chosen)):
        yield Target(
            "CM",
            finder,
            number,
            names[number],
            int(finder.sizes_[number]),
            int(finder.membership(rows.X, number).sum()),
            finder.membership(rows.X_test, number),
        )


def main():
    """Run the study and write its tables."""
    settings = arguments_of(__doc__.splitlines()[0], {"LR": 12, "NN": 4})
    run_study("attacks_faces", load, draw_targets, **settings)


if __name__ == "__main__":
    main()
