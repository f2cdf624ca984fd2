"""The paper's study on UTKFace: gender of faces, by transfer and end to end.

On the paper's split without its error (faces of persons of 15 years and older; 7,000
train the victim, 7,000 are the attacker's, the other 6,054 test; copies of one face are
on one side). Clusters are 200, so that some are small enough for the 29 points of the
paper's headline. "MobileFaceNet, last layer" is a linear model on the embeddings of a
frozen MobileFaceNet, which stands in for the paper's VGG-LL; its subpopulations are
clusters of the embeddings (ClusterMatch), and race by age in decades (FeatureMatch).
"ConvNet" is the paper's network for small images, end to end on faces of 32 x 32
pixels, and "VGG" its VGG-16.

Needs the official files, see `skpoison.datasets.fetch_utkface`, and the embeddings of
all 23,705 faces in order of file name, of shape (23705, 128), in
``<data_home>/utkface/utkface_mobilefacenet_128_f16.npy``. To repeat::

    python benchmarks/paper_utkface.py --size smoke    # a minute or two
    python benchmarks/paper_utkface.py --size small    # under an hour on two CPU cores
    python benchmarks/paper_utkface.py --size paper    # one GPU

Writes ``results/paper_utkface_<size>.csv``, ``..._worst.csv`` and ``....json``: tables,
and no face.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from paper_study import (
    Rows,
    Victim,
    clusters_of,
    features_of,
    fitted,
    linear_model,
    most_susceptible,
    run,
)

from skpoison.datasets import fetch_utkface, get_data_home
from skpoison.nets import VGG, ConvNet, SeededNetClassifier

EMBEDDINGS = "utkface_mobilefacenet_128_f16.npy"
MAX_POISON = 29  # of the paper's headline


@dataclass
class Size:
    """How much is done."""

    n_rows: int
    image_size: int
    n_clusters: int
    conv: dict
    vgg: dict | None
    n_targets: int
    n_repeats: int
    max_poison: int = MAX_POISON
    mixed_precision: object = "auto"


SIZES = {
    "smoke": Size(
        n_rows=500,
        image_size=32,
        n_clusters=20,
        conv={"module__width": 4, "max_epochs": 2},
        vgg={"module__width": 4, "module__n_layers": 11, "max_epochs": 1},
        n_targets=1,
        n_repeats=1,
        max_poison=80,
    ),
    "small": Size(
        n_rows=7_000,
        image_size=32,
        n_clusters=200,
        conv={"module__width": 16, "max_epochs": 12},
        vgg=None,
        n_targets=1,
        n_repeats=1,
        mixed_precision=True,
    ),
    "paper": Size(
        n_rows=7_000,
        image_size=64,
        n_clusters=200,
        conv={"module__width": 32, "max_epochs": 12},
        vgg={"module__width": 64, "module__n_layers": 16, "max_epochs": 12},
        n_targets=10,
        n_repeats=3,
    ),
}


def net(module, size, seed=None, **settings):
    """Give a net with the paper's training; the rate falls to zero."""
    shared = {
        "batch_size": 64,
        "lr": 0.001,
        "schedule": "linear",
        "mixed_precision": size.mixed_precision,
        "random_state": seed,
        "n_threads": None,
    }
    return SeededNetClassifier(module, **(shared | settings))


def make_victims(size, seed, folder):
    """Yield the victims of one seed."""
    faces = fetch_utkface(size=size.image_size, random_state=seed)
    parts = [part[: size.n_rows] for part in (faces.train, faces.aux, faces.test)]
    embedded = rows_of(embeddings_of(faces), faces.target, parts)
    groups, names = clusters_of(embedded, seed, size.n_clusters)
    shared = linear_model(), embedded
    yield chosen("MobileFaceNet, last layer", *shared, groups, names, size, seed)
    groups, names = race_by_decade(faces.attributes, parts)
    yield chosen(
        "MobileFaceNet, last layer, race x age", *shared, groups, names, size, seed
    )
    rows = rows_of(faces.data, faces.target, parts)
    for name, module, settings in [
        ("ConvNet", ConvNet, size.conv),
        ("VGG", VGG, size.vgg),
    ]:
        if settings is None:
            continue
        surrogate = fitted(
            net(module, size, seed, **settings),
            rows.X_aux,
            rows.y_aux,
            folder / f"{name}.pt",
        )
        seen = features_of(surrogate, rows)
        groups, names = clusters_of(seen, seed, size.n_clusters)
        victim = net(module, size, **settings)
        yield chosen(name, victim, rows, groups, names, size, seed, seen, True)


def rows_of(X, y, parts):
    """Give the rows of the three parts."""
    train, aux, test = parts
    return Rows(X[train], y[train], X[aux], y[aux], X[test], y[test])


def embeddings_of(faces):
    """Give the embeddings of the faces that were fetched."""
    path = Path(get_data_home()) / "utkface" / EMBEDDINGS
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: the embeddings of all faces of UTKFace, in order of "
            "file name, as an array of shape (23705, 128)."
        )
    return np.load(path)[faces.sample_indices].astype(np.float32)


def race_by_decade(attributes, parts):
    """Give the groups of race and age in decades, the largest of aux first."""
    text = (
        attributes["race"].astype(str)
        + ", "
        + (attributes["age"] // 10 * 10).astype(str)
    )
    text = (text + "s").to_numpy()
    names, counts = np.unique(text[parts[1]], return_counts=True)
    names = names[np.argsort(-counts, kind="stable")].tolist()
    numbers = {name: k for k, name in enumerate(names)}
    return [
        np.array([numbers.get(name, -1) for name in text[part]]) for part in parts
    ], names


def chosen(
    name, estimator, rows, groups, names, size, seed, seen=None, only_choice=False
):
    """Give a victim, with the subpopulations that the attacker expects most of."""
    seen = rows if seen is None else seen
    # The paper's budget is that of small clusters, one copy of each row.
    choice = most_susceptible(
        seen, groups, seed, k=size.n_targets, max_poison=size.max_poison, alpha=1.0
    )
    return Victim(
        name,
        estimator,
        rows,
        groups,
        names,
        choice,
        only_choice,
        n_repeats=size.n_repeats,
        min_test=10,
    )


if __name__ == "__main__":
    run(
        "paper_utkface",
        SIZES,
        make_victims,
        seeds={"smoke": 1, "small": 3, "paper": 5},
    )
