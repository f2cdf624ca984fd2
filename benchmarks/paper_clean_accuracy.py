"""Accuracy of the paper's ConvNet at its full size, and of a transformer, clean.

The net of ``paper_cifar10.py --size paper``, trained once without poison on the
25,000 images of the victim; a quarter of an hour on two CPU cores. And a transformer of
one block, trained from scratch on the victim's 12,500 reviews of IMDB, the first 400
words of each; ten minutes. To repeat, with the official files in the data home::

    python benchmarks/paper_clean_accuracy.py
    python benchmarks/paper_clean_accuracy.py imdb

Writes ``results/paper_clean_accuracy.json`` and ``..._imdb.json``.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
import time
from dataclasses import replace

from _report import write_result
from paper_cifar10 import SIZES, net

from skpoison.datasets import fetch_cifar10, fetch_imdb
from skpoison.nets import (
    ConvNet,
    SeededNetClassifier,
    TextTokenizer,
    TextTransformer,
)


def images(seed=0):
    """Train the ConvNet and print its accuracy."""
    cifar = fetch_cifar10(random_state=seed)
    size = replace(SIZES["paper"], mixed_precision=True)
    model, start = net(ConvNet, size, size.conv, seed), time.perf_counter()
    model.fit(cifar.data[cifar.train], cifar.target[cifar.train])
    seconds = time.perf_counter() - start
    write_result(
        "paper_clean_accuracy",
        seed=seed,
        n_train=len(cifar.train),
        epochs=size.conv["max_epochs"],
        accuracy=model.score(cifar.data[cifar.test], cifar.target[cifar.test]),
        train_loss=model.history[-1, "train_loss"],
        seconds=round(seconds),
    )


def reviews(seed=0):
    """Train the transformer and print its accuracy."""
    imdb = fetch_imdb(as_frame=False, random_state=seed)
    texts = [text.replace("<br />", " ") for text in imdb.data]
    parts = {name: [texts[i] for i in imdb[name]] for name in ("train", "aux", "test")}
    tokenizer = TextTokenizer(max_length=400).fit(parts["aux"])
    model = SeededNetClassifier(
        TextTransformer,
        module__n_tokens=tokenizer.max_tokens,
        module__max_length=tokenizer.max_length,
        module__d_model=64,
        module__dropout=0.3,
        batch_size=32,
        lr=0.002,
        schedule="linear",
        max_epochs=2,
        mixed_precision=True,
        n_threads=None,
        random_state=seed,
    )
    start = time.perf_counter()
    model.fit(tokenizer.transform(parts["train"]), imdb.target[imdb.train])
    seconds = time.perf_counter() - start
    tokens = tokenizer.transform(parts["test"])
    write_result(
        "paper_clean_accuracy_imdb",
        options="imdb",
        seed=seed,
        n_train=len(imdb.train),
        n_test=len(imdb.test),
        epochs=2,
        accuracy=model.score(tokens, imdb.target[imdb.test]),
        train_loss=model.history[-1, "train_loss"],
        seconds=round(seconds),
    )


if __name__ == "__main__":
    reviews() if "imdb" in sys.argv else images()
