"""The paper's study on UTKFace: gender of faces, by transfer and end to end.

On the paper's split without its error (faces of persons of 15 years and older; 7,000
train the victim, 7,000 are the attacker's, the other 6,054 test; copies of one face are
on one side). Clusters are 200, so that some are small enough for the 29 points of the
paper's headline. "MobileFaceNet, last layer" is a linear model on the embeddings of a
frozen MobileFaceNet, which stands in for the paper's VGG-LL; its subpopulations are
clusters of the embeddings (ClusterMatch), and race by age in decades (FeatureMatch).
"ConvNet" is the paper's network for small images, end to end on faces of 32 x 32
pixels, and "VGG" its VGG-16, which is left out of ``--size small``.

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
from paper_study import ALPHAS, Rows, Size, attacked, image_nets, linear_model, run

from skpoison.datasets import fetch_utkface, get_data_home
from skpoison.nets import SeededNetClassifier

EMBEDDINGS = "utkface_mobilefacenet_128_f16.npy"


@dataclass(kw_only=True)
class SizeOfUtkface(Size):
    """How much is done; `max_poison`, a copy of each row, is the paper's headline's."""

    n_rows: int
    image_size: int
    conv: dict
    vgg: dict | None = None
    alphas: tuple = ALPHAS
    max_poison: int = 29
    alpha_of_max: float = 1.0


SIZES = {
    "smoke": SizeOfUtkface(
        n_rows=500,
        image_size=32,
        n_clusters=20,
        conv={"module__width": 4, "max_epochs": 2},
        vgg={"module__width": 4, "module__n_layers": 11, "max_epochs": 1},
        max_poison=80,
    ),
    "small": SizeOfUtkface(
        n_rows=7_000,
        image_size=32,
        n_clusters=200,
        conv={"module__width": 16, "max_epochs": 6, "lr": 0.002},
        alphas=(1.0, 2.0),
        mixed_precision=True,
    ),
    "paper": SizeOfUtkface(
        n_rows=7_000,
        image_size=64,
        n_clusters=200,
        conv={"module__width": 32, "max_epochs": 12},
        vgg={"module__width": 64, "module__n_layers": 16, "max_epochs": 12},
        n_targets=10,
        n_repeats=3,
    ),
}


def net(module, size, settings, seed=None):
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
    seen = Rows.taken(embeddings_of(faces), faces.target, parts)
    name, few_rows = "MobileFaceNet, last layer", {"min_test": 10}
    yield attacked(name, linear_model(), seen, seen, size, seed, **few_rows)
    yield attacked(
        f"{name}, race x age",
        linear_model(),
        seen,
        seen,
        size,
        seed,
        known=race_by_decade(faces.attributes, parts),
        **few_rows,
    )
    rows = Rows.taken(faces.data, faces.target, parts)
    few_rows["alphas"] = size.alphas
    yield from image_nets(net, rows, size, seed, folder, **few_rows)


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


if __name__ == "__main__":
    run(
        "paper_utkface",
        SIZES,
        make_victims,
        seeds={"smoke": 1, "small": 3, "paper": 5},
        n_transfer=2,
    )
