"""Is a larger network easier to poison? Capacity against damage, on three data sets.

For tables (Adult), images (CIFAR-10) and texts (IMDB), networks of one family and
growing width are attacked on the same subpopulations of the same rows: clusters of a
representation that none of them made, drawn at random among those with 30 test rows.
So the width of the victim is all that differs within a seed.

Needs the official files, see `skpoison.datasets`. To repeat::

    python benchmarks/paper_capacity.py --size smoke    # a minute or two
    python benchmarks/paper_capacity.py --size small    # half an hour on two CPU cores
    python benchmarks/paper_capacity.py --size paper    # one GPU

Writes ``results/paper_capacity_<size>.csv``, ``..._worst.csv`` and ``....json``.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from paper_study import Rows, Victim, clusters_of, run
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import StandardScaler

from skpoison.datasets import fetch_adult, fetch_cifar10, fetch_imdb
from skpoison.nets import (
    ConvNet,
    SeededNetClassifier,
    TabularNet,
    TextTokenizer,
    TextTransformer,
)

ALPHAS = (1.0, 2.0)


@dataclass
class Size:
    """How much is done: rows of each part, widths, epochs and targets."""

    n_rows: dict
    n_test: int
    widths: dict
    epochs: dict
    n_clusters: int
    n_targets: dict
    mixed_precision: object = "auto"


SIZES = {
    "smoke": Size(
        n_rows={"table": 600, "image": 300, "text": 200},
        n_test=600,
        widths={"table": (2, 8), "image": (2, 4), "text": (4, 8)},
        epochs={"table": 2, "image": 1, "text": 1},
        n_clusters=6,
        n_targets={"table": 2, "image": 1, "text": 1},
    ),
    "small": Size(
        n_rows={"table": 7_841, "image": 2_500, "text": 2_500},
        n_test=7_692,
        widths={"table": (2, 10, 50, 250), "image": (2, 4, 8), "text": (4, 16, 64)},
        epochs={"table": 20, "image": 6, "text": 4},
        n_clusters=30,
        n_targets={"table": 12, "image": 2, "text": 2},
        mixed_precision=True,
    ),
    "paper": Size(
        n_rows={"table": 7_841, "image": 25_000, "text": 12_500},
        n_test=10_000,
        widths={
            "table": (2, 10, 50, 250, 1000),
            "image": (4, 8, 16, 32, 64),
            "text": (8, 32, 128, 512),
        },
        epochs={"table": 60, "image": 12, "text": 6},
        n_clusters=100,
        n_targets={"table": 40, "image": 20, "text": 20},
    ),
}


def make_victims(size, seed, folder):
    """Yield the victims of one seed, the narrowest first."""
    for kind, load in LOADERS.items():
        rows, seen, make = load(size, seed)
        groups, names = clusters_of(seen, seed, size.n_clusters)
        choice = drawn(groups, size.n_targets[kind], seed)
        for width in size.widths[kind]:
            yield Victim(
                f"{kind}, width {width}",
                make(width).set_params(
                    max_epochs=size.epochs[kind], mixed_precision=precision(size, kind)
                ),
                rows,
                groups,
                names,
                choice,
                only_choice=True,
                alphas=ALPHAS,
            )


def precision(size, kind):
    """Tables are small: they run at full precision, many nets at a time."""
    return False if kind == "table" else size.mixed_precision


def drawn(groups, k, seed, min_rows=30):
    """Draw clusters that have enough rows in every part."""
    n = max(of_part.max() for of_part in groups) + 1
    sizes = [np.bincount(of_part[of_part >= 0], minlength=n) for of_part in groups]
    enough = np.flatnonzero(np.min(sizes, axis=0) >= min_rows)
    return np.random.RandomState(seed).permutation(enough)[:k].tolist()


def adult(size, seed):
    """Give Adult in the paper's encoding, standardized."""
    n = size.n_rows["table"]
    settings = {"encoding": "paper", "balance": "undersample", "as_frame": False}
    X, y = fetch_adult(**settings, return_X_y=True, random_state=seed)
    X_test, y_test = fetch_adult(
        **settings, subset="test", return_X_y=True, random_state=seed
    )
    order = np.random.RandomState(seed).permutation(len(X))
    train, aux = order[:n], order[n : 2 * n]
    scale = StandardScaler().fit(X[train])
    rows = Rows(
        X[train], y[train], X[aux], y[aux], X_test[: size.n_test], y_test[: size.n_test]
    ).seen_by(lambda X: scale.transform(X).astype(np.float32))

    def make(width):
        return SeededNetClassifier(
            TabularNet, module__hidden_layer_sizes=(width,), batch_size=64
        )

    return rows, rows, make


def cifar10(size, seed):
    """Give images, and the principal components of their pixels."""
    n = size.n_rows["image"]
    cifar = fetch_cifar10(random_state=seed)
    test = np.random.RandomState(seed).permutation(cifar.test)[: size.n_test]
    parts = cifar.train[:n], cifar.aux[:n], test
    rows = Rows.taken(cifar.data, cifar.target, parts)

    def make(width):
        return SeededNetClassifier(
            ConvNet,
            module__width=width,
            batch_size=64,
            lr=0.002,
            schedule="linear",
            augmentation="shift_and_flip",
        )

    return rows, components(rows.seen_by(lambda X: X.reshape(len(X), -1) / 255.0)), make


def imdb(size, seed):
    """Give token numbers, and the principal components of the words' weights."""
    n = size.n_rows["text"]
    reviews = fetch_imdb(as_frame=False, random_state=seed)
    test = np.random.RandomState(seed).permutation(reviews.test)[: size.n_test]
    parts = reviews.train[:n], reviews.aux[:n], test
    texts = Rows.taken(reviews.data, reviews.target, parts)
    tokenizer = TextTokenizer(max_length=128, max_tokens=8000).fit(texts.X_aux)
    words = TfidfVectorizer(max_features=2000, stop_words="english").fit(texts.X_aux)

    def make(width):
        return SeededNetClassifier(
            TextTransformer,
            module__n_tokens=tokenizer.max_tokens,
            module__max_length=tokenizer.max_length,
            module__d_model=width,
            module__d_feedforward=2 * width,
            schedule="linear",
        )

    seen = components(texts.seen_by(lambda X: words.transform(X).toarray()))
    return texts.seen_by(tokenizer.transform), seen, make


def components(rows, n_components=20):
    """Give principal components that are fitted on the attacker's rows."""
    pca = PCA(n_components, random_state=0).fit(rows.X_aux)
    return rows.seen_by(pca.transform)


LOADERS = {"table": adult, "image": cifar10, "text": imdb}

if __name__ == "__main__":
    run(
        "paper_capacity",
        SIZES,
        make_victims,
        seeds={"smoke": 1, "small": 3, "paper": 5},
    )
