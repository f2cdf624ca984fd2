"""What the scripts on the impossibility result share: the mixture and its figures.

The mixture is that of the demonstration in our notes on the paper: 20 Gaussian blobs on
a 5 x 4 grid, weights from a Dirichlet distribution, one true label each, and labels
that are flipped at a rate of `noise`. Supports are known: the finder is frozen.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator

from skpoison.datasets import make_subpopulations

N_SUBPOPULATIONS, COLUMNS, SPACING = 20, 5, 2.0


@dataclass
class Mixture:
    """Draws from one mixture, of which the smallest subpopulation is the target."""

    X: np.ndarray
    y: np.ndarray
    codes: np.ndarray  # the subpopulation of each row
    finder: FrozenEstimator
    weights: np.ndarray
    labels: np.ndarray  # the true label of each subpopulation
    target: int
    noise: float
    random_state: np.random.RandomState

    @property
    def size(self):
        """Rows of the target."""
        return int(np.count_nonzero(self.codes == self.target))

    def draw(self, n_samples, noise=None):
        """Rows, labels and subpopulations of a new draw."""
        return make_subpopulations(
            n_samples,
            len(self.labels),
            noise=self.noise if noise is None else noise,
            weights=self.weights,
            labels=self.labels,
            spacing=SPACING,
            random_state=self.random_state,
        )

    def draw_target(self, n_samples, noise=None):
        """Rows and labels of a new draw that has the target only."""
        X, y, _ = make_subpopulations(
            n_samples + len(self.labels) - 1,
            len(self.labels),
            noise=self.noise if noise is None else noise,
            weights=np.eye(len(self.labels))[self.target],
            labels=self.labels,
            spacing=SPACING,
            random_state=self.random_state,
        )
        inside = self.finder.predict(X) == self.target
        return X[inside], y[inside]


def make_mixture(seed, *, noise=0.0, n_samples=2000, weights=None):
    """Draw a mixture and the training rows; those of a seed differ by noise alone."""
    rng = np.random.RandomState(seed)
    if weights is None:
        weights = rng.dirichlet(np.full(N_SUBPOPULATIONS, 5.0))
    labels = rng.randint(2, size=N_SUBPOPULATIONS)
    mixture = Mixture(
        None, None, None, known_supports(), weights, labels, None, noise, rng
    )
    mixture.X, mixture.y, mixture.codes = mixture.draw(n_samples)
    if not np.array_equal(mixture.finder.predict(mixture.X), mixture.codes):
        raise RuntimeError("The supports of the mixture are not those of the finder.")
    mixture.target = int(np.bincount(mixture.codes).argmin())
    return mixture


def known_supports():
    """Finder that knows the centers."""
    row, column = np.divmod(np.arange(N_SUBPOPULATIONS), COLUMNS)
    centers = SPACING * np.column_stack([column, row]).astype(float)
    nearest = KMeans(N_SUBPOPULATIONS, init=centers, n_init=1)
    return FrozenEstimator(nearest.fit(centers))


def mean_interval(values):
    """Mean over seeds, with the ends of its 95 % interval of Student's t."""
    values = np.asarray(values, dtype=float)
    mean, half = values.mean(), 0.0
    if len(values) > 1:
        sem = values.std(ddof=1) / np.sqrt(len(values))
        half = stats.t.ppf(0.975, len(values) - 1) * sem
    return [float(v) for v in (mean, mean - half, mean + half)]
