"""Accuracy of the paper's ConvNet at its full size, on 25,000 images of CIFAR-10.

The net of ``paper_cifar10.py --size paper``, trained once without poison on the
victim's rows; a quarter of an hour on two CPU cores. To repeat, with the official files
in the data home::

    python benchmarks/paper_clean_accuracy.py

Writes ``results/paper_clean_accuracy.json``.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from dataclasses import replace

from _report import write_result
from paper_cifar10 import SIZES, net

from skpoison.datasets import fetch_cifar10
from skpoison.nets import ConvNet


def main(seed=0):
    """Train the net and print its accuracy."""
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


if __name__ == "__main__":
    main()
