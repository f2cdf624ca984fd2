"""Sufficient statistics of classes, with and without each poison."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgWarning
from sklearn.base import clone
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_array, validate_data

from skpoison.refit._ensemble import RefitEnsemble
from skpoison.refit._poison_rows import encode
from skpoison.refit._tiles import one_blas_thread

# Numbers in a block of scores; so few that it stays in the cache.
MOST_NUMBERS = 2**17
# Deviations below this share of the largest, or of the mean, may be rounding errors.
SMALL = 1e-7


class ClassStatistics:
    """Counts, means and scatters of each class under each poison.

    All is counted from the means of the clean classes, so that no digits are lost where
    the data are far from zero.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Clean rows, in double precision.

    codes : ndarray of shape (n_samples,)
        Their classes, numbers below `n_classes`.

    poisons : list of (X_poison, codes)
        Rows and classes of each poison, in the same form.

    n_classes : int
        Number of classes.
    """

    def __init__(self, X, codes, poisons, n_classes):
        self.n_clean = len(X)
        self.n_samples = len(X) + np.array([len(rows) for rows, _ in poisons], int)
        clean = [X[codes == c] for c in range(n_classes)]
        self.clean_means = np.array([rows.mean(axis=0) for rows in clean])
        for rows, mean in zip(clean, self.clean_means, strict=True):
            rows -= mean
        self._clean = clean
        shape = (len(poisons), n_classes, X.shape[1])
        sums = np.tile([rows.sum(axis=0) for rows in clean], (shape[0], 1, 1))
        self._squares = np.tile([_squared(rows) for rows in clean], (shape[0], 1, 1))
        self.counts = np.tile([len(rows) for rows in clean], (shape[0], 1))
        self._deviations = [{} for _ in poisons]
        for j, (rows, poison_codes) in enumerate(poisons):
            for c in np.unique(poison_codes):
                rows_of_class = rows[poison_codes == c] - self.clean_means[c]
                sums[j, c] += rows_of_class.sum(axis=0)
                self._squares[j, c] += _squared(rows_of_class)
                self.counts[j, c] += len(rows_of_class)
                self._deviations[j][c] = rows_of_class
        self.shifts = sums / self.counts[..., np.newaxis]

    @cached_property
    def squares(self):
        """Sum of squared deviations from the mean of each class, for each feature."""
        moved = self.counts[..., np.newaxis] * self.shifts**2
        return np.maximum(self._squares - moved, 0)

    @cached_property
    def clean_scatters(self):
        """Sum of products of deviations in each clean class."""
        return np.array([rows.T @ rows for rows in self._clean])

    @cached_property
    def clean_scatter(self):
        """Sum of products of deviations within the clean classes."""
        return self.clean_scatters.sum(axis=0)

    def is_finite(self):
        """Whether all rows are free of NaN and infinity."""
        return bool(np.isfinite(self.shifts).all())

    def scatter(self, j):
        """Sum over the classes of products of deviations, for model ``j``."""
        shifts = np.sqrt(self.counts[j])[:, np.newaxis] * self.shifts[j]
        total = self.clean_scatter - shifts.T @ shifts
        for rows in self._deviations[j].values():
            total += rows.T @ rows
        return total

    def class_scatter(self, j, c):
        """Sum of products of deviations in one class, for model ``j``."""
        shift = self.shifts[j, c]
        total = self.clean_scatters[c] - self.counts[j, c] * np.outer(shift, shift)
        rows = self._deviations[j].get(c)
        return total if rows is None else total + rows.T @ rows


def _squared(rows):
    return np.einsum("ij,ij->j", rows, rows)


def is_clear(std, means):
    """Tell where no deviation of a feature is made of rounding errors alone.

    The mean of a constant column is rounded, so that the deviation is 0 here and 1e-16
    there, unless the constant is a whole number.

    Parameters
    ----------
    std : ndarray of shape (..., n_features)
        Standard deviations within the classes.

    means : ndarray of shape (..., n_classes, n_features)
        Means of the classes.

    Returns
    -------
    clear : ndarray of shape (...)
        Whether all features are clear.
    """
    size = np.abs(means).max(axis=-2)
    least = SMALL * np.maximum(size, std.max(axis=-1, keepdims=True, initial=0))
    is_whole = (std == 0) & (size < 2**31) & (means == np.rint(means)).all(axis=-2)
    return ((std > least) | is_whole).all(axis=-1)


def prepare(estimator, X, y, poisons, *, accept_sparse=False):
    """Fit the clean model and bring all rows into double precision.

    Returns
    -------
    clean : estimator or None
        The fitted clean model; `None` where there is none, the rows are not for
        sufficient statistics, or a poison brings a class of its own.

    data : tuple
        ``(X, codes, poisons, n_classes)``, as :class:`ClassStatistics` takes them.
    """
    if len(X.shape) != 2:
        return None, None
    clean = fit_clean(estimator, X, y)
    if clean is None:
        return None, None
    classes = clean.classes_
    try:
        rows = _as_numbers(X, accept_sparse)
        if rows is None:
            return None, None
        coded = [
            (_as_numbers(X_new, accept_sparse), encode(y_new, classes))
            if len(y_new)
            else (rows[:0], np.empty(0, np.intp))
            for X_new, y_new in poisons
        ]
    except ValueError:  # the loop says in which poison
        return None, None
    if any(codes is None for _, codes in coded):
        return None, None
    return clean, (rows, encode(y, classes), coded, len(classes))


def fit_clean(estimator, X, y):
    """Fit the clean model; None where only poisoned rows may be enough for a fit."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with one_blas_thread():
                clean = clone(estimator).fit(X, y)
        except Exception:  # the loop says in which poison, if in any
            return None
    # Older versions warn of what is a LinAlgError in newer ones.
    if any(issubclass(w.category, LinAlgWarning) for w in caught):
        return None
    for w in caught:
        warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    return clean


def _as_numbers(X, accept_sparse):
    """Rows in double precision; None for single precision, which sums otherwise."""
    if not (isinstance(X, np.ndarray) and X.dtype.kind in "biuf"):
        X = check_array(X, accept_sparse=accept_sparse)
    if X.dtype.kind == "f" and X.dtype != np.float64:
        return None
    return X if sparse.issparse(X) else X.astype(float, copy=False)


class ScoresEnsemble(RefitEnsemble):
    """Models that take the class of the highest score, all at once.

    Subclasses give scores. Where the two highest are as close as rounding, the model is
    fitted by scikit-learn and asked. So are all models for sparse rows, unless
    `takes_sparse`.
    """

    takes_sparse = False

    def __init__(self, *args, clean):
        super().__init__(*args)
        self._clean = clean

    def predict(self, X):
        """Predict with every model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        y_pred : ndarray of shape (n_poisons, n_samples)
            Class labels, one row for each model.
        """
        if not len(self) or (sparse.issparse(X) and not self.takes_sparse):
            return super().predict(X)
        checked = self._check(X)
        n_test, prepared = checked.shape[0], self._prepare(checked)
        out = np.empty((len(self), n_test), np.intp)
        for models in gen_batches(len(self), max(1, MOST_NUMBERS // n_test)):
            with one_blas_thread():  # the products are small
                scores, slack = self._scores(prepared, models)
            out[models], unsure = _best(scores, slack)
            for j in models.start + np.flatnonzero(unsure):
                out[j] = encode(self[j].predict(X), self._clean.classes_)
        return self._clean.classes_[out]

    def _check(self, X):
        X = validate_data(self._clean, X, reset=False)
        return X.astype(float, copy=False)

    def _prepare(self, X):
        """Compute what all blocks of models take from the rows."""
        return X

    def _scores(self, prepared, models):
        """Scores of shape (n_classes, n_models, n_samples), and their uncertainty."""
        raise NotImplementedError


def _best(scores, slack):
    """Class of the highest score, and the models that have close ones."""
    best, winner = scores[0].copy(), np.zeros(scores[0].shape, np.intp)
    second = np.full_like(best, -np.inf)
    for c, score in enumerate(scores[1:], start=1):
        higher = score > best
        np.maximum(second, np.where(higher, best, score), out=second)
        winner[higher] = c
        np.maximum(best, score, out=best)
    unsure = ~(best - second > slack)
    return winner, unsure.any(axis=1)
