"""Witches' Brew with targets of one subpopulation against random targets.

    python benchmarks/attacks_witches_brew.py --size smoke
    python benchmarks/attacks_witches_brew.py --size small --cifar cifar.npz
    python benchmarks/attacks_witches_brew.py --size paper --cifar ... --device cuda

The question of the paper's section on targeted attacks: is it easier to turn several
targets over at once if they are alike? For each pair of a seed and a cluster, 2, 5 and
10 test images are the targets: of one class and one cluster, or of the same class and
anywhere. All arms of a pair have the same adversarial class, the same training rows and
poison made from the same rows; the null arm is a victim that is trained on those rows
as they were. Clusters are those of the surrogate's last pooling layer. `success` is the
share of targets to which the victim, another draw of the same net, gives the
adversarial class; `gain` is that less the null arm's, and `log_gain` the same for the
mean log-probability of that class, in nats.

The attacker sees the victim's training rows and knows the targets, as in Witches' Brew.
The poison is added to the training rows, and not exchanged for them.

``--cifar`` is a file of NumPy with the arrays ``x_train`` of shape (50000, 32, 32, 3),
dtype uint8, ``y_train``, and ``x_test``, ``y_test``. ``small`` is three classes of
CIFAR-10 at 16 x 16 pixels for a CPU, with twice the `eps`, so that perturbations have
the same Euclidean norm; ``paper`` is all of it, with the authors' net and
augmentation, and has not been run. ``smoke`` is noise, or the file, for a minute.

A row of results is written for each arm as soon as a pair is done, and a run that is
started again goes on after the last pair. ``--minutes`` starts no pair after that.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import time
import zlib
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch
from _report import RESULTS, installed, write_result
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.frozen import FrozenEstimator
from skorch import NeuralNetClassifier
from torch import nn

from skpoison import ClusterMatch
from skpoison.attacks import WitchesBrewPoisoner
from skpoison.nets._augmentations import shift_and_flip

N_TARGETS = (2, 5, 10)
ARMS = ("one cluster", "random")
MEASURES = ["success", "null_success", "gain", "log_gain"]
RATIOS = ("success", "log_gain")
PAPER_CLAIM = "86 % more effective, a ratio of 1.86; its set-up is not known [paper]"
N_BOOTSTRAPS = 10_000


@dataclass
class Size:
    """How much work a run is."""

    classes: tuple
    shrink: int
    n_train: int
    width: int
    n_blocks: int
    n_epochs: int
    batch_size: int
    lr: float
    n_clusters: int
    pairs_per_seed: int
    n_seeds: int
    budget: float
    n_steps: int
    n_restarts: int
    eps: float
    augment: bool


SIZES = {
    "smoke": Size(
        classes=(0, 1, 6),
        shrink=4,
        n_train=300,
        width=4,
        n_blocks=1,
        n_epochs=3,
        batch_size=32,
        lr=2e-3,
        n_clusters=3,
        pairs_per_seed=2,
        n_seeds=2,
        budget=0.05,
        n_steps=5,
        n_restarts=1,
        eps=32 / 255,
        augment=False,
    ),
    "small": Size(
        classes=(0, 1, 6),
        shrink=2,
        n_train=2000,
        width=8,
        n_blocks=2,
        n_epochs=12,
        batch_size=64,
        lr=2e-3,
        n_clusters=10,
        pairs_per_seed=2,
        n_seeds=30,
        budget=0.05,
        n_steps=40,
        n_restarts=1,
        eps=32 / 255,
        augment=False,
    ),
    "paper": Size(
        classes=tuple(range(10)),
        shrink=1,
        n_train=25_000,
        width=32,
        n_blocks=3,
        n_epochs=12,
        batch_size=32,
        lr=1e-3,
        n_clusters=100,
        pairs_per_seed=5,
        n_seeds=20,
        budget=0.01,
        n_steps=250,
        n_restarts=8,
        eps=16 / 255,
        augment=True,
    ),
}


class ConvNet(nn.Module):
    """The authors' net for CIFAR-10, or a smaller one of its kind, from a seed."""

    def __init__(self, side, n_classes, width, n_blocks, augment=False, seed=0):
        super().__init__()
        self.augment = augment
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            blocks = [*_convolution(3, width)]
            for block in range(n_blocks):
                wide = width << block
                blocks += _convolution(wide, wide) + _convolution(wide, 2 * wide)
                blocks += [nn.AvgPool2d(2)]
            self.pooled = nn.Sequential(*blocks)
            self.last = nn.Sequential(
                nn.Conv2d(width << n_blocks, n_classes, 3, padding=1),
                nn.Flatten(),
                nn.Linear(n_classes * (side >> n_blocks) ** 2, n_classes),
            )

    def forward(self, X):
        """Logits of the classes; images of the training are shifted and flipped."""
        if self.augment and self.training:
            X = shift_and_flip(X)
        return self.last(self.pooled(X - 0.5))


def _convolution(n_in, n_out):
    return [nn.Conv2d(n_in, n_out, 3, padding=1), nn.LeakyReLU(0.1)]


class Pooled(TransformerMixin, BaseEstimator):
    """Activations of the last pooling layer of a fitted net."""

    def __init__(self, net=None):
        self.net = net

    def __sklearn_is_fitted__(self):
        """Tell that the net is fitted."""
        return True

    def fit(self, X, y=None):
        """Do nothing."""
        return self

    def transform(self, X):
        """Give the activations, flattened."""
        module = self.net.module_.eval()
        with torch.no_grad():
            parts = [
                module.pooled(torch.from_numpy(part).to(self.net.device) - 0.5)
                for part in np.array_split(X, 1 + len(X) // 1000)
            ]
        return torch.cat(parts).flatten(1).cpu().numpy()


def load(path, size):
    """Training and test images in [0, 1] of shape (n, 3, side, side), and classes."""
    if path is None:
        rng, side = np.random.RandomState(0), 32 // size.shrink
        means = rng.rand(len(size.classes), 3, side, side)
        y = np.arange(4 * size.n_train) % len(means)
        X = 0.3 * means[y] + 0.7 * rng.rand(len(y), 3, side, side)
        X, half = X.astype(np.float32), len(y) // 2
        return X[:half], y[:half], X[half:], y[half:]
    with np.load(path) as arrays:
        return tuple(
            part
            for name in ("train", "test")
            for part in _images(arrays[f"x_{name}"], arrays[f"y_{name}"].ravel(), size)
        )


def _images(X, y, size):
    kept = np.isin(y, size.classes)
    X, codes = X[kept], np.searchsorted(size.classes, y[kept]).astype(np.int64)
    side = X.shape[1] // size.shrink
    X = X.reshape(len(X), side, size.shrink, side, size.shrink, 3).mean(axis=(2, 4))
    X = np.ascontiguousarray(X.transpose(0, 3, 1, 2)) / 255
    return X.astype(np.float32), codes


class SeededNet(NeuralNetClassifier):
    """A net whose batches and augmentation are drawn from the seed of its module."""

    def fit(self, X, y=None, **fit_params):
        """Train, and leave torch's generators as they were."""
        with torch.random.fork_rng():
            torch.manual_seed(self.module__seed)
            return super().fit(X, y, **fit_params)


def make_net(size, seed, device):
    """Net that has not been trained."""
    return SeededNet(
        ConvNet,
        module__side=32 // size.shrink,
        module__n_classes=len(size.classes),
        module__width=size.width,
        module__n_blocks=size.n_blocks,
        module__augment=size.augment,
        module__seed=seed,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=size.lr,
        batch_size=size.batch_size,
        iterator_train__shuffle=True,
        max_epochs=size.n_epochs,
        train_split=None,
        verbose=0,
        device=device,
    )


@dataclass
class Scene:
    """What all pairs of one seed share."""

    seed: int
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    surrogate: object
    clusters: np.ndarray


def set_scene(data, size, seed, device):
    """Draw the training rows, train the surrogate, and cluster the test rows."""
    X, y, X_test, y_test = data
    at = np.random.RandomState(seed).permutation(len(X))[: size.n_train]
    surrogate = make_net(size, 2 * seed, device).fit(X[at], y[at])
    representation = FrozenEstimator(Pooled(surrogate))
    finder = ClusterMatch(
        size.n_clusters, representation=representation, random_state=0
    ).fit(X[at])
    clusters = finder.predict(X_test)
    return Scene(seed, X[at], y[at], X_test, y_test, surrogate, clusters)


def choose_pairs(scene, size):
    """Draw clusters with enough test rows of their first class, and other classes."""
    rng, pairs = np.random.RandomState(1000 + scene.seed), []
    n_classes = len(size.classes)
    for cluster in rng.permutation(size.n_clusters):
        counts = np.bincount(
            scene.y_test[scene.clusters == cluster], minlength=n_classes
        )
        own = counts.argmax()
        adversarial = (own + rng.randint(1, n_classes)) % n_classes
        if counts[own] >= max(N_TARGETS):
            pairs.append((int(cluster), int(own), int(adversarial)))
    return pairs[: size.pairs_per_seed]


def choose_targets(scene, cluster, own, arm, n_targets):
    """Test images of one class, of one cluster or not."""
    candidates = scene.y_test == own
    if arm == "one cluster":
        candidates &= scene.clusters == cluster
    rng = np.random.RandomState([scene.seed, cluster])
    # The targets of a smaller number are among those of a larger one.
    at = rng.permutation(np.flatnonzero(candidates))[:n_targets]
    return scene.X_test[at]


def everything(X):
    """Membership of an attack that is aimed at rows, and not at a subpopulation."""
    return np.ones(len(X), dtype=bool)


def brew(scene, size, targets, adversarial):
    """Attack with its poison: the poisoner, rows and labels."""
    poisoner = WitchesBrewPoisoner(
        target=everything,
        alpha=size.budget,
        label=adversarial,
        surrogate=FrozenEstimator(scene.surrogate),
        targets=targets,
        eps=size.eps,
        n_steps=size.n_steps,
        n_restarts=size.n_restarts,
        augment="shift_flip" if size.augment else None,
        random_state=scene.seed,
    )
    return poisoner, *poisoner.fit_resample(scene.X, scene.y)


def run_pair(scene, size, pair, device):
    """Rows of results of all arms of a pair."""
    cluster, own, adversarial = pair
    rows, null = [], None
    for n_targets in N_TARGETS:
        for arm in ARMS:
            targets = choose_targets(scene, cluster, own, arm, n_targets)
            poisoner, X, y = brew(scene, size, targets, adversarial)
            null = null or train(
                scene.X[poisoner.sample_indices_], y, scene, size, device
            )
            victim = train(X, y, scene, size, device)
            rows.append(
                {
                    "seed": scene.seed,
                    "cluster": cluster,
                    "own_class": size.classes[own],
                    "adversarial_class": size.classes[adversarial],
                    "n_targets": n_targets,
                    "arm": arm,
                    "n_poison": poisoner.n_poison_,
                    "matching_loss": round(poisoner.matching_losses_.min(), 4),
                    "accuracy": round(victim.score(scene.X_test, scene.y_test), 4),
                    **outcome(poisoner, victim, ""),
                    **outcome(poisoner, null, "null_"),
                }
            )
    return rows


def train(X, y, scene, size, device):
    """Train the victim; its weights and batches are others than the surrogate's."""
    return make_net(size, 2 * scene.seed + 1, device).fit(X, y)


def outcome(poisoner, victim, prefix):
    """Success, and mean log-probability of the adversarial class on the targets."""
    proba = victim.predict_proba(poisoner.target_rows_)
    logs = np.log(np.maximum(proba[:, poisoner.adversarial_label_], 1e-12))
    return {
        f"{prefix}success": poisoner.success(victim),
        f"{prefix}log_probability": round(float(logs.mean()), 4),
    }


def run(data, size, path, device, minutes):
    """Go through the pairs that are not in the file yet, and add them to it."""
    start, done = time.monotonic(), read_done(path, size)
    for seed in range(size.n_seeds):
        n_done = done.loc[done.seed == seed, "cluster"].nunique()
        if n_done == size.pairs_per_seed:
            continue
        if time.monotonic() - start > 60 * minutes:
            break
        scene = set_scene(data, size, seed, device)
        for pair in choose_pairs(scene, size)[n_done:]:
            if time.monotonic() - start > 60 * minutes:
                break
            rows = pd.DataFrame(run_pair(scene, size, pair, device))
            rows["setting"] = setting_of(size)
            done = pd.concat([done, rows])[list(rows)].astype(rows.dtypes)
            temporary = path.with_suffix(".part")
            done.to_csv(temporary, index=False)
            temporary.replace(path)
    return done


def read_done(path, size):
    """Rows of the pairs that are done, which must be of the same setting."""
    if not path.exists():
        return pd.DataFrame({"seed": [], "cluster": []})
    done = pd.read_csv(path)
    if (done.setting != setting_of(size)).any():
        raise SystemExit(f"{path} has results of another setting. Move it away first.")
    return done


def setting_of(size):
    """Give a number that tells settings apart."""
    return zlib.crc32(repr(size).encode())


def summarize(table):
    """Estimates with intervals, for each number of targets and over all."""
    table = table.assign(
        gain=table.success - table.null_success,
        log_gain=table.log_probability - table.null_log_probability,
    )
    rows = []
    for n_targets in (*N_TARGETS, "all"):
        part = table if n_targets == "all" else table[table.n_targets == n_targets]
        rows += [{"n_targets": n_targets, **row} for row in compare_arms(part)]
    return pd.DataFrame(rows)


def compare_arms(part):
    """Means over pairs, with intervals from drawing pairs with replacement."""
    by_pair = part.groupby(["seed", "cluster", "arm"])[MEASURES].mean().unstack("arm")
    n = len(by_pair)
    draws = np.random.RandomState(0).randint(n, size=(N_BOOTSTRAPS, n))
    for measure in MEASURES:
        values = [by_pair[measure, arm].to_numpy() for arm in ARMS]
        one, other = (np.append(v.mean(), v[draws].mean(axis=1)) for v in values)
        results = {ARMS[0]: one, ARMS[1]: other, "difference": one - other}
        if measure in RATIOS:
            with np.errstate(divide="ignore", invalid="ignore"):
                results["ratio"] = one / other
        for what, numbers in results.items():
            yield {"measure": measure, "what": what, "pairs": n, **_interval(numbers)}


def _interval(numbers):
    """Estimate and 95 % interval; NaN is a ratio of nothing to nothing."""
    drawn = numbers[1:][~np.isnan(numbers[1:])]
    low = high = np.nan
    if len(drawn):
        low, high = np.percentile(drawn, [2.5, 97.5], method="nearest")
    return {"estimate": numbers[0], "low": low, "high": high}


def main():
    """Run all pairs and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="smoke")
    parser.add_argument("--cifar", help="NumPy file with CIFAR-10; else noise")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    arguments = parser.parse_args()
    if arguments.cifar is None and arguments.size != "smoke":
        parser.error(f"--size {arguments.size} needs --cifar")
    size = SIZES[arguments.size]
    name = "attacks_witches_brew"
    name += "" if arguments.size == "small" else f"_{arguments.size}"
    path = RESULTS / f"{name}.csv"
    data = load(arguments.cifar, size)
    table = run(data, size, path, arguments.device, arguments.minutes)
    summary = summarize(table).round(3)
    summary.to_csv(RESULTS / f"{name}_summary.csv", index=False)
    print(summary.to_string(index=False))
    write_result(
        name,
        size=asdict(size) | {"name": arguments.size},
        data="noise" if arguments.cifar is None else "CIFAR-10",
        device=arguments.device,
        torch=installed("torch"),
        skorch=installed("skorch"),
        pairs=len(table.groupby(["seed", "cluster"])),
        mean_accuracy=round(float(table.accuracy.mean()), 4),
        paper_claim=PAPER_CLAIM,
    )


if __name__ == "__main__":
    main()
