"""Nearest centroids from the sums, or the sorted columns, of classes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestCentroid
from sklearn.utils.validation import validate_data

from skpoison.refit._registry import register_engine
from skpoison.refit._statistics import (
    ClassStatistics,
    ScoresEnsemble,
    is_clear,
    prepare,
)

# Share of the largest term by which distances may differ from those of scikit-learn.
ROUNDING = 1e-10


@register_engine(NearestCentroid)
def refit_nearest_centroid(estimator, X, y, poisons, *, n_jobs):
    """Update the centroid of each poisoned class."""
    clean, data = prepare(estimator, X, y, poisons, accept_sparse="csr")
    if clean is None:
        return NotImplemented
    if not sparse.issparse(data[0]):
        ensemble = CentroidsEnsemble(estimator, X, y, poisons, clean=clean, data=data)
        return ensemble if ensemble.is_covered else NotImplemented
    if estimator.shrink_threshold or (estimator.metric, estimator.priors) != (
        "euclidean",
        "uniform",
    ):
        return NotImplemented
    return SparseCentroidsEnsemble(
        estimator, X, y, poisons, clean=clean, centroids=_sparse_means(*data)
    )


class CentroidsEnsemble(ScoresEnsemble):
    """Nearest centroids of dense rows."""

    def __init__(self, *args, clean, data):
        super().__init__(*args, clean=clean)
        statistics = ClassStatistics(*data)
        self.is_covered = statistics.is_finite()
        if not self.is_covered:
            return
        self._center = statistics.clean_means.mean(axis=0)
        # Centroids and rows are counted from the center.
        means = (statistics.clean_means - self._center) + statistics.shifts
        if self._estimator.metric == "manhattan":
            self._centroids = _medians(*data) - self._center
        else:
            self._centroids = means
        counts = statistics.counts / statistics.n_samples[:, np.newaxis]
        is_empirical = isinstance(self._estimator.priors, str) and (
            self._estimator.priors == "empirical"
        )
        self._priors = counts if is_empirical else clean.class_prior_ + 0 * counts
        # scikit-learn leaves the units of features alone where priors are equal.
        is_equal = np.isclose(self._priors, 1 / counts.shape[1])
        self._is_uniform = is_equal.all(axis=1)
        if self._estimator.shrink_threshold or not self._is_uniform.all():
            self._std = self._deviation(statistics, means)
        if self._estimator.shrink_threshold:
            self._shrink(statistics, means)

    def _deviation(self, statistics, means):
        """Take standard deviations within classes, as scikit-learn does."""
        apart = statistics.counts[..., np.newaxis] * (self._centroids - means) ** 2
        total = (statistics.squares + apart).sum(axis=1)
        free = statistics.n_samples - means.shape[1]
        std = np.sqrt(total / free[:, np.newaxis])
        means = statistics.clean_means + statistics.shifts
        self.is_covered &= bool(is_clear(std, means).all())
        return std

    def _shrink(self, statistics, means):
        n_samples = statistics.n_samples[:, np.newaxis]
        weights = statistics.counts / n_samples
        overall = np.einsum("mc,mcf->mf", weights, means)[:, np.newaxis]
        spread = self._std + np.median(self._std, axis=1, keepdims=True)
        unit = np.sqrt(1 / statistics.counts - 1 / n_samples)[..., np.newaxis]
        unit = unit * spread[:, np.newaxis]
        if not np.all(unit > 0):
            self.is_covered = False
            return
        deviations = (self._centroids - overall) / unit
        left = np.maximum(np.abs(deviations) - self._estimator.shrink_threshold, 0)
        self._centroids = overall + unit * left * np.sign(deviations)

    def _prepare(self, X):
        return X - self._center

    def _scores(self, prepared, models):
        X, centroids = prepared, self._centroids[models]
        if self._is_uniform[models].all():
            return self._distances(X, centroids, np.zeros(centroids.shape[1]))
        scores, slacks = [], []
        for j in range(*models.indices(len(self))):
            std, prior = 1.0, np.zeros(centroids.shape[1])
            if not self._is_uniform[j]:
                std = np.where(self._std[j] == 0, 1.0, self._std[j])
                with np.errstate(divide="ignore"):
                    prior = 2 * np.log(self._priors[j])
            scores_j, slack = self._distances(
                X / std, self._centroids[j : j + 1] / std, prior, power=2
            )
            scores.append(np.concatenate(scores_j))
            slacks.append(slack)
        return np.stack(scores, axis=1), np.concatenate(slacks)

    def _distances(self, X, centroids, prior, power=1):
        """Negative distances of shape (n_classes, n_models, n_samples), and slack."""
        if self._estimator.metric == "manhattan":
            scores = [
                -(cdist(centroids[:, c], X, "cityblock") ** power)
                for c in range(len(prior))
            ]
            scale = np.abs(X).sum(axis=1) + np.abs(centroids).sum(axis=2).max()
            scale = scale**power
        else:
            norms = np.einsum("ij,ij->i", X, X)
            squares = np.einsum("mcf,mcf->mc", centroids, centroids)
            scores = [
                2 * centroids[:, c] @ X.T - norms - squares[:, c, np.newaxis]
                for c in range(len(prior))
            ]
            scale = norms + squares.max()
        scores = [score + p for score, p in zip(scores, prior, strict=True)]
        slack = ROUNDING * (scale + np.abs(prior[np.isfinite(prior)]).max(initial=0))
        # scikit-learn multiplies rows that are not centered.
        slack = slack + 1e-14 * self._offset()
        return scores, np.broadcast_to(slack, scores[0].shape)

    def _offset(self):
        return float(self._center @ self._center)


class SparseCentroidsEnsemble(ScoresEnsemble):
    """Nearest centroids of sparse rows."""

    takes_sparse = True

    def __init__(self, *args, clean, centroids):
        super().__init__(*args, clean=clean)
        self._centroids = centroids

    def _check(self, X):
        return validate_data(self._clean, X, reset=False, accept_sparse="csr")

    def _scores(self, prepared, models):
        X, centroids = prepared, self._centroids[models]
        squares = np.einsum("mcf,mcf->mc", centroids, centroids)
        scores = [
            2 * (X @ centroids[:, c].T).T - squares[:, c, np.newaxis]
            for c in range(centroids.shape[1])
        ]
        norms = X.multiply(X).sum(axis=1) if sparse.issparse(X) else (X**2).sum(axis=1)
        slack = ROUNDING * (np.asarray(norms, float).ravel() + squares.max())
        return scores, np.broadcast_to(slack, scores[0].shape)


def _sparse_means(X, codes, poisons, n_classes):
    """Mean of each class under each poison."""
    clean = np.array([_sum(X[codes == c]) for c in range(n_classes)])
    sums = np.tile(clean, (len(poisons), 1, 1))
    counts = np.tile(np.bincount(codes), (len(poisons), 1))
    for j, (rows, poison_codes) in enumerate(poisons):
        for c in np.unique(poison_codes):
            sums[j, c] += _sum(rows[poison_codes == c])
            counts[j, c] += np.sum(poison_codes == c)
    return sums / counts[..., np.newaxis]


def _sum(X):
    return np.asarray(X.sum(axis=0), dtype=float).ravel()


def _medians(X, codes, poisons, n_classes):
    """Median of each class and feature under each poison."""
    columns = [np.sort(X[codes == c], axis=0) for c in range(n_classes)]
    clean = np.array([np.median(column, axis=0) for column in columns])
    medians = np.tile(clean, (len(poisons), 1, 1))
    for j, (rows, poison_codes) in enumerate(poisons):
        for c in np.unique(poison_codes):
            medians[j, c] = _median_with(columns[c], rows[poison_codes == c])
    return medians


def _median_with(column, poison):
    """Median of sorted columns and a few more rows."""
    n = len(column) + len(poison)
    low, high = (n - 1) // 2, n // 2
    # Rows that lie before or behind the middle wherever the others are.
    skipped = max(0, low - len(poison))
    near = np.concatenate([column[skipped : high + 1], poison])
    near = np.partition(near, [low - skipped, high - skipped], axis=0)
    return near[[low - skipped, high - skipped]].mean(axis=0)
