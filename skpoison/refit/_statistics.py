"""Sufficient statistics of classes, with and without each poison."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from functools import cached_property

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_array, validate_data

from skpoison.refit._ensemble import RefitEnsemble
from skpoison.refit._poison_rows import encode, stack_poisons

# Numbers in the largest block of scores, 32 MB of them.
MOST_NUMBERS = 2**22


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

    X_poison : ndarray of shape (n_poison_rows, n_features)
        Poison rows of all models, one model after the other.

    poison_codes : ndarray of shape (n_poison_rows,)
        Their classes.

    sizes : ndarray of shape (n_models,)
        Number of poison rows of each model.

    n_classes : int
        Number of classes.
    """

    def __init__(self, X, codes, X_poison, poison_codes, sizes, n_classes):
        self._n_classes = n_classes
        self.sizes = sizes
        self.n_models, self.n_clean = len(sizes), len(X)
        clean = [X[codes == c] for c in range(n_classes)]
        self.clean_means = np.array([rows.mean(axis=0) for rows in clean])
        self._clean = [
            np.subtract(rows, mean, out=rows)
            for rows, mean in zip(clean, self.clean_means, strict=True)
        ]
        self._poison = X_poison - self.clean_means[poison_codes]
        owner = np.repeat(np.arange(self.n_models), sizes)
        self._cell = owner * n_classes + poison_codes
        clean_counts = np.array([len(rows) for rows in clean])
        self.counts = clean_counts + self._sum(np.ones((len(owner), 1)))[..., 0]
        rest = np.array([rows.sum(axis=0) for rows in self._clean])
        self.shifts = (rest + self._sum(self._poison)) / self.counts[..., np.newaxis]

    @property
    def n_samples(self):
        """Training rows of each model."""
        return self.n_clean + self.sizes

    @property
    def means(self):
        """Mean of each class, of shape (n_models, n_classes, n_features)."""
        return self.clean_means + self.shifts

    @cached_property
    def squares(self):
        """Sum of squared deviations from the mean of each class, for each feature."""
        clean = np.array([np.einsum("ij,ij->j", r, r) for r in self._clean])
        total = clean + self._sum(self._poison**2)
        return np.maximum(total - self.counts[..., np.newaxis] * self.shifts**2, 0)

    def scatter(self, j):
        """Sum over the classes of products of deviations, for model ``j``."""
        shifts = np.sqrt(self.counts[j])[:, np.newaxis] * self.shifts[j]
        poison = self._poison[self._rows_of(j)]
        return self.clean_scatters.sum(axis=0) + poison.T @ poison - shifts.T @ shifts

    def class_scatter(self, j, c):
        """Sum of products of deviations in one class, for model ``j``."""
        rows = self._rows_of(j)
        here = self._cell[rows] == j * self._n_classes + c
        poison, shift = self._poison[rows][here], self.shifts[j, c]
        return (
            self.clean_scatters[c]
            + poison.T @ poison
            - self.counts[j, c] * np.outer(shift, shift)
        )

    @cached_property
    def clean_scatters(self):
        """Sum of products of deviations in each clean class."""
        return np.array([rows.T @ rows for rows in self._clean])

    def _rows_of(self, j):
        end = np.sum(self.sizes[: j + 1])
        return slice(end - self.sizes[j], end)

    def _sum(self, values):
        """Sum poison rows by model and class."""
        sums = sum_by_cell(values, self._cell, self.n_models * self._n_classes)
        return sums.reshape(self.n_models, self._n_classes, -1)


def sum_by_cell(rows, cell, n_cells):
    """Sum the rows of each cell."""
    n_rows = rows.shape[0]
    adder = sparse.csr_array(
        (np.ones(n_rows), (cell, np.arange(n_rows))), (n_cells, n_rows)
    )
    sums = adder @ rows
    return sums.toarray() if sparse.issparse(sums) else sums


def prepare(estimator, X, y, poisons, *, accept_sparse=False):
    """Fit the clean model and bring all rows into double precision.

    Returns
    -------
    clean : estimator or None
        The fitted clean model; `None` where the rows are not for sufficient statistics,
        or a poison brings a class of its own.

    data : tuple
        ``(X, codes, X_poison, poison_codes, sizes, n_classes)``.
    """
    if len(X.shape) != 2:
        return None, None
    clean = clone(estimator).fit(X, y)
    X_poison, y_poison, sizes = stack_poisons(X, y, poisons)
    poison_codes = encode(y_poison, clean.classes_)
    try:
        checked = check_array(X, accept_sparse=accept_sparse)
        if len(y_poison):
            X_poison = check_array(X_poison, accept_sparse=accept_sparse)
    except ValueError:  # the loop says in which poison
        return None, None
    if poison_codes is None or checked.dtype.kind == "f" and checked.dtype != float:
        return None, None
    if not len(y_poison):
        X_poison = checked[:0]
    codes = encode(y, clean.classes_)
    dense = [A if sparse.issparse(A) else A.astype(float, copy=False)
             for A in (checked, X_poison)]
    n_classes = len(clean.classes_)
    return clean, (dense[0], codes, dense[1], poison_codes, sizes, n_classes)


class ScoresEnsemble(RefitEnsemble):
    """Models that take the class of the highest score, all at once.

    Subclasses give scores. Where the two highest are as close as rounding, the model is
    fitted by scikit-learn and asked.
    """

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
        if not len(self):
            return self._no_predictions(X)
        checked = self._check(X)
        n_test, n_classes = checked.shape[0], len(self._clean.classes_)
        out = np.empty((len(self), n_test), np.intp)
        step = max(1, MOST_NUMBERS // (n_test * n_classes))
        for models in gen_batches(len(self), step):
            scores, slack = self._scores(checked, models)
            out[models], unsure = _best(scores, slack)
            for j in models.start + np.flatnonzero(unsure):
                out[j] = encode(self[j].predict(X), self._clean.classes_)
        return self._clean.classes_[out]

    def _check(self, X):
        X = validate_data(self._clean, X, reset=False)
        return X.astype(float, copy=False)

    def _scores(self, X, models):
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
