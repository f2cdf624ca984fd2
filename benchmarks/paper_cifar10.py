"""The paper's study on CIFAR-10: nets trained end to end, and by transfer.

Victims, on the paper's split (25,000 images train the victim, 25,000 are the
attacker's, 10,000 test): the paper's ConvNet and VGG-16, end to end. There are no
weights trained on ImageNet here, so transfer starts from a ConvNet that the study
itself trains on 10,000 images that are nobody else's; the other 40,000 training images
are then halved between victim and attacker. "last layer" trains a linear model on its
penultimate activations, "fine-tuned" all of its weights. Clusters are 200, so that some
are small enough to be attacked at alpha 2 with the 126 rows of the paper's headline.

VGG and the fine-tuned net are left out of ``--size small``.

Needs the official files, see `skpoison.datasets.fetch_cifar10`. To repeat::

    python benchmarks/paper_cifar10.py --size smoke    # a minute or two
    python benchmarks/paper_cifar10.py --size small    # two hours on two CPU cores
    python benchmarks/paper_cifar10.py --size paper    # one GPU

Writes ``results/paper_cifar10_<size>.csv``, ``..._worst.csv`` and ``....json``.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from paper_study import (
    ALPHAS,
    Rows,
    Size,
    attacked,
    features_of,
    fitted,
    image_nets,
    linear_model,
    run,
)

from skpoison.datasets import fetch_cifar10
from skpoison.nets import ConvNet, SeededNetClassifier


@dataclass(kw_only=True)
class SizeOfCifar10(Size):
    """How much is done; `max_poison` is that of the paper's headline."""

    n_train: int
    n_pretrain: int
    n_test: int
    conv: dict
    vgg: dict | None = None
    alphas: tuple = ALPHAS
    finetune_epochs: int | None = None
    max_poison: int = 126


SIZES = {
    "smoke": SizeOfCifar10(
        n_train=500,
        n_pretrain=400,
        n_test=1000,
        n_clusters=8,
        conv={"module__width": 4, "max_epochs": 2},
        vgg={"module__width": 4, "module__n_layers": 11, "max_epochs": 1},
        finetune_epochs=1,
        max_poison=300,
    ),
    "small": SizeOfCifar10(
        n_train=25_000,
        n_pretrain=10_000,
        n_test=10_000,
        n_clusters=200,
        conv={"module__width": 16, "max_epochs": 8},
        alphas=(1.0, 2.0),
        mixed_precision=True,
    ),
    "paper": SizeOfCifar10(
        n_train=25_000,
        n_pretrain=10_000,
        n_test=10_000,
        n_clusters=200,
        conv={"module__width": 32, "max_epochs": 12},
        vgg={"module__width": 64, "module__n_layers": 16, "max_epochs": 12},
        n_targets=10,
        n_repeats=3,
        finetune_epochs=6,
    ),
}


def net(module, size, settings, seed=None):
    """Give a net with the paper's training; the rate falls to zero."""
    shared = {
        "batch_size": 64,
        "lr": 0.002,
        "schedule": "linear",
        "augmentation": "shift_and_flip",
        "mixed_precision": size.mixed_precision,
        "random_state": seed,
        "n_threads": None,
    }
    return SeededNetClassifier(module, **(shared | settings))


def make_victims(size, seed, folder):
    """Yield the victims of one seed."""
    cifar = fetch_cifar10(random_state=seed)
    rng = np.random.RandomState(seed)
    test = rng.permutation(cifar.test)[: size.n_test]
    yield from transfer_victims(cifar, size, seed, folder, rng, test)

    parts = cifar.train[: size.n_train], cifar.aux[: size.n_train], test
    rows = Rows.taken(cifar.data, cifar.target, parts)
    few_targets = {"alphas": size.alphas, "min_test": 20}
    yield from image_nets(net, rows, size, seed, folder, **few_targets)


def transfer_victims(cifar, size, seed, folder, rng, test):
    """Yield the victims that start from a trained backbone."""
    others = rng.permutation(np.concatenate([cifar.train, cifar.aux]))
    own, others = others[: size.n_pretrain], others[size.n_pretrain :]
    half = min(len(others) // 2, size.n_train)
    parts = others[:half], others[half : 2 * half], test
    rows = Rows.taken(cifar.data, cifar.target, parts)
    backbone = fitted(
        net(ConvNet, size, size.conv, seed),
        cifar.data[own],
        cifar.target[own],
        folder / "backbone.pt",
    )
    seen = features_of(backbone, rows)
    yield attacked("ConvNet, last layer", linear_model(), seen, seen, size, seed, k=5)
    if size.finetune_epochs is None:
        return
    settings = size.conv | {"max_epochs": size.finetune_epochs, "lr": 0.0005}
    state = {k: w.clone() for k, w in backbone.module_.state_dict().items()}
    yield attacked(
        "ConvNet, fine-tuned",
        net(ConvNet, size, settings | {"pretrained": state}),
        rows,
        seen,
        size,
        seed,
        only_choice=True,
        alphas=size.alphas,
        min_test=20,
    )


if __name__ == "__main__":
    run(
        "paper_cifar10",
        SIZES,
        make_victims,
        seeds={"smoke": 1, "small": 3, "paper": 5},
        n_transfer=1,
    )
