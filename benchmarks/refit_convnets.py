"""300 poisoned convolutional networks on a CIFAR-10 subset, at once and in a loop.

    python benchmarks/refit_convnets.py --size smoke
    python benchmarks/refit_convnets.py --size paper --device cuda --data cifar10.npz

``paper`` is 300 nets (100 clusters, 3 budgets) on 10,000 images, on a GPU; the loop
over skorch nets runs on the same device, on 6 of the 300, and is scaled. It has not
been measured on a GPU yet. ``smoke`` is 12 nets on 400 images of noise, to see that all
of it runs. On a CPU it is slower than a loop, which is what `refit_poisoned` takes for
convolutions there; ``smoke`` insists.

``--data`` is a file of NumPy with the arrays ``x_train`` of shape (50000, 32, 32, 3),
dtype uint8, and ``y_train``; without it the images are noise with a class mean.

Agreement: the nets do not shuffle here and start from the same weights, so that those
of the loop must be found again; `labels_agreeing` is the share of equal predictions on
the clean images, after few epochs of float32.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch
from _report import installed, write_result
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from skorch import NeuralNetClassifier
from torch import nn

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.refit import _torch, refit_poisoned

ALPHAS = (0.5, 1.0, 2.0)


@dataclass
class Size:
    """How much work a run is."""

    n_images: int
    n_clusters: int
    n_epochs: int
    n_looped: int


SIZES = {"smoke": Size(400, 4, 1, 3), "paper": Size(10_000, 100, 5, 6)}


class ConvNet(nn.Module):
    """Two convolutions and a linear layer, from the same weights each time."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layers = nn.Sequential(
                nn.Conv2d(3, 16, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(16, 32, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(4),
                nn.Flatten(),
                nn.Linear(32 * 16, 10),
            )

    def forward(self, X):
        """Logits of the ten classes."""
        return self.layers(X)


def load(path, n_images):
    """Images as float32 of shape (n, 3, 32, 32), and labels."""
    rng = np.random.RandomState(0)
    if path is None:
        y = rng.randint(10, size=n_images)
        X = rng.randn(n_images, 3, 32, 32) + rng.randn(10, 3, 32, 32)[y]
        return X.astype(np.float32), y
    with np.load(path) as arrays:
        chosen = rng.choice(len(arrays["y_train"]), n_images, replace=False)
        X, y = arrays["x_train"][chosen], arrays["y_train"][chosen]
    X = X.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
    return np.ascontiguousarray(X), y.ravel().astype(np.int64)


def make_poisons(X, y, n_clusters):
    """Poison of every cluster of pixels and every budget."""
    pixels = X.reshape(len(X), -1)
    finder = ClusterMatch(n_clusters, random_state=0).fit(pixels)
    poisons = []
    for target in range(n_clusters):
        for alpha in ALPHAS:
            poisoner = SubpopPoisoner(
                FrozenEstimator(finder), target=target, alpha=alpha, random_state=0
            )
            rows, labels = poisoner.fit_resample(pixels, y)
            rows = rows[len(X) :].reshape(-1, *X.shape[1:])
            poisons.append((rows.copy(), labels[len(y) :].copy()))
    return poisons


def timed(function, device):
    """Give the result and the seconds until the device has done all work."""
    start = time.perf_counter()
    result = function()
    if device != "cpu":
        torch.cuda.synchronize()
    return result, time.perf_counter() - start


def fit_one(net, X, y, poison):
    """Train one network as everybody does."""
    return clone(net).fit(
        np.concatenate([X, poison[0]]), np.concatenate([y, poison[1]])
    )


def main():
    """Time both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="smoke")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data", help="NumPy file with x_train and y_train")
    arguments = parser.parse_args()
    size, device = SIZES[arguments.size], arguments.device
    _torch.CONVOLUTIONS_ON_CPU = True
    X, y = load(arguments.data, size.n_images)
    poisons = make_poisons(X, y, size.n_clusters)
    net = NeuralNetClassifier(
        ConvNet,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=128,
        max_epochs=size.n_epochs,
        train_split=None,
        verbose=0,
        device=device,
    )
    # The first call of each kind pays for starting the device.
    timed(lambda: fit_one(net, X[:128], y[:128], poisons[0]), device)
    timed(lambda: refit_poisoned(net, X[:128], y[:128], poisons[:2]), device)
    models, refit_seconds = timed(lambda: refit_poisoned(net, X, y, poisons), device)
    sample = np.linspace(0, len(poisons) - 1, size.n_looped).astype(int)
    loop, loop_seconds = timed(
        lambda: [fit_one(net, X, y, poisons[j]) for j in sample], device
    )
    loop_seconds *= len(poisons) / len(sample)
    predictions = models.predict(X)
    agreeing = [
        np.mean(predictions[j] == m.predict(X))
        for j, m in zip(sample, loop, strict=True)
    ]
    is_cpu = device == "cpu"
    write_result(
        f"refit_convnets_{arguments.size}",
        size=arguments.size,
        images=len(X),
        data="noise" if arguments.data is None else "CIFAR-10",
        models=len(models),
        engine=models.engine_,
        epochs=size.n_epochs,
        looped_models=len(sample),
        device="cpu" if is_cpu else torch.cuda.get_device_name(device),
        torch=installed("torch"),
        skorch=installed("skorch"),
        refit_seconds=round(refit_seconds, 2),
        loop_seconds=round(loop_seconds, 2),
        ratio=round(loop_seconds / refit_seconds, 2),
        labels_agreeing=round(float(np.mean(agreeing)), 5),
    )


if __name__ == "__main__":
    main()
