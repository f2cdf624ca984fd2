"""Gaussian naive Bayes from the means and variances of classes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.naive_bayes import GaussianNB

from skpoison.refit._registry import register_engine
from skpoison.refit._statistics import ClassStatistics, ScoresEnsemble, prepare

# Share of the largest term by which sums may differ from those of scikit-learn.
ROUNDING = 1e-11


@register_engine(GaussianNB)
def refit_gaussian_nb(estimator, X, y, poisons, *, n_jobs):
    """Update counts, means and variances of the classes."""
    clean, data = prepare(estimator, X, y, poisons)
    if clean is None or estimator.var_smoothing == 0:
        return NotImplemented
    statistics = ClassStatistics(*data)
    if not statistics.is_finite():
        return NotImplemented
    return GaussianNBEnsemble(
        estimator, X, y, poisons, clean=clean, statistics=statistics
    )


class GaussianNBEnsemble(ScoresEnsemble):
    """Gaussian naive Bayes models."""

    def __init__(self, *args, clean, statistics):
        super().__init__(*args, clean=clean)
        counts, shifts = statistics.counts, statistics.shifts
        n_samples = statistics.n_samples
        # Means are counted from the mean of all clean rows, as are rows to classify.
        clean_counts = clean.class_count_[:, np.newaxis]
        self._center = (clean_counts * statistics.clean_means).sum(axis=0)
        self._center /= clean_counts.sum()
        self._means = (statistics.clean_means - self._center) + shifts
        weights = counts / n_samples[:, np.newaxis]
        overall = np.einsum("mc,mcf->mf", weights, self._means)
        between = (self._means - overall[:, np.newaxis]) ** 2
        variance = np.einsum("mc,mcf->mf", weights, between)
        variance += statistics.squares.sum(axis=1) / n_samples[:, np.newaxis]
        self._epsilon = self._estimator.var_smoothing * variance.max(axis=1)
        self._variances = statistics.squares / counts[..., np.newaxis]
        self._variances += self._epsilon[:, np.newaxis, np.newaxis]
        given = self._estimator.priors
        self._priors = weights if given is None else np.asarray(given) + 0 * weights

    def _prepare(self, X):
        X = X - self._center
        return X.T, (X**2).T

    def _scores(self, prepared, models):
        X, squares = prepared
        inverse = 1 / self._variances[models]
        means = self._means[models]
        linear = means * inverse
        constant = (means * linear).sum(axis=2)
        with np.errstate(divide="ignore"):
            offset = np.log(self._priors[models])
        offset = offset - 0.5 * np.log(2 * np.pi * self._variances[models]).sum(axis=2)
        scores, slack = [], 0
        for c in range(inverse.shape[1]):
            size = inverse[:, c] @ squares
            size += constant[:, c, np.newaxis]
            score = linear[:, c] @ X
            score -= 0.5 * size
            score += offset[:, c, np.newaxis]
            scores.append(score)
            slack = np.maximum(slack, size, out=size)
        slack *= ROUNDING
        slack += ROUNDING * np.abs(offset[np.isfinite(offset)]).max(initial=1)
        return scores, slack
