"""Memory that representations of 50,000 images of CIFAR-10 take.

A net of the paper's size, untrained, as weights cost nothing here: its penultimate
layer; its first layer, pooled over the pixels; and 10 principal components of its first
layer with every pixel, 32,768 numbers a row or 6.1 GiB in all. Each runs in a process
of its own. To repeat, with the official files of CIFAR-10 in the data home::

    python benchmarks/representation_memory.py

Writes ``results/representation_memory.json``: the peak above the rows, in GiB.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import json
import resource
import subprocess
import sys
import time

import numpy as np
from _report import write_result
from sklearn.frozen import FrozenEstimator

from skpoison.datasets import fetch_cifar10
from skpoison.finders import Representation
from skpoison.nets import ConvNet, SeededNetClassifier

SETTINGS = {
    "penultimate": {},
    "first layer, pooled": {"layer": "features.0"},
    "first layer, 10 components": {
        "layer": "features.0",
        "pooling": None,
        "n_components": 10,
    },
}


def measure(name):
    """Print what one representation takes, as JSON."""
    X = fetch_cifar10(subset="train").data
    net = SeededNetClassifier(
        ConvNet, batch_size=128, n_threads=None, random_state=0
    ).initialize_for(X[:10], np.arange(10))
    before, start = peak(), time.perf_counter()
    representation = Representation(FrozenEstimator(net), **SETTINGS[name])
    shape = representation.fit(X).transform(X).shape
    seconds = time.perf_counter() - start
    print(
        json.dumps(
            {
                "columns": shape[1],
                "gib_above_the_rows": round(peak() - before, 3),
                "rows_gib": round(X.nbytes / 2**30, 3),
                "seconds": round(seconds, 1),
            }
        )
    )


def peak():
    """Give the largest memory of the process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main():
    """Run each representation in a process of its own."""
    figures = {}
    for name in SETTINGS:
        done = subprocess.run(
            [sys.executable, __file__, name], check=True, capture_output=True, text=True
        )
        figures[name] = json.loads(done.stdout)
    write_result("representation_memory", images=50_000, representations=figures)


if __name__ == "__main__":
    measure(sys.argv[1]) if len(sys.argv) > 1 else main()
