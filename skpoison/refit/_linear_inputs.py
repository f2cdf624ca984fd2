"""Rows and labels of linear classifiers, checked as scikit-learn checks them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from sklearn.utils import compute_class_weight
from sklearn.utils.validation import validate_data

from skpoison.refit._poison_rows import encode, stack_poisons


@dataclass
class LinearInputs:
    """Checked rows, and the numbers of the classes of their labels.

    Attributes
    ----------
    X, X_poison : {ndarray, CSR matrix}
        Clean rows, and the rows of all poisons.

    codes, poison_codes : ndarray of shape (n_rows,)
        Numbers of their classes.

    model : ndarray of shape (n_poison_rows,)
        Number of the poison that each row belongs to.

    classes : ndarray of shape (n_classes,)
        Class labels.

    n_models : int
        Number of poisons.
    """

    X: object
    codes: np.ndarray
    X_poison: object
    poison_codes: np.ndarray
    model: np.ndarray
    classes: np.ndarray
    n_models: int

    def counts(self):
        """Rows of each class, clean and in the training data of each model."""
        k, m = len(self.classes), self.n_models
        clean = np.bincount(self.codes, minlength=k)[:, np.newaxis]
        own = np.bincount(self.poison_codes * m + self.model, minlength=k * m)
        return clean, clean + own.reshape(k, m)

    def class_weights(self, class_weight):
        """Weights of the classes, of the clean model and of each; `None` if all 1."""
        if class_weight is None:
            return None, None
        clean, every = self.counts()
        if isinstance(class_weight, str):
            return _balanced(clean), _balanced(every)
        weights = compute_class_weight(
            class_weight, classes=self.classes, y=self.classes[self.codes]
        )[:, np.newaxis]
        return weights, np.repeat(weights, self.n_models, axis=1)


def _balanced(counts):
    return counts.sum(axis=0) / (len(counts) * counts)


def read_inputs(estimator, X, y, poisons, **checks):
    """Check rows and labels; None where a label is new, or y has one class only.

    The estimator learns the number and the names of the features.
    """
    classes, codes = np.unique(y, return_inverse=True)
    rows, labels, sizes = stack_poisons(X, y, poisons)
    poison_codes = encode(labels, classes)
    if poison_codes is None or len(classes) < 2:
        return None
    X, _ = validate_data(estimator, X, y, accept_sparse="csr", **checks)
    if len(labels):
        try:
            rows = _check(estimator, rows, X.dtype, checks)
        except ValueError:
            _name_the_culprit(estimator, poisons, X.dtype, checks)
            raise
    else:
        rows = X[:0]
    model = np.repeat(np.arange(len(sizes)), sizes)
    return LinearInputs(X, codes, rows, poison_codes, model, classes, len(sizes))


def _check(estimator, X, dtype, checks):
    checks = checks | {"dtype": dtype}
    return validate_data(estimator, X, reset=False, accept_sparse="csr", **checks)


def _name_the_culprit(estimator, poisons, dtype, checks):
    """Raise the error of the first poison whose rows are refused."""
    for j, (X, y) in enumerate(poisons):
        try:
            if len(y):
                _check(estimator, X, dtype, checks)
        except ValueError as error:
            error.add_note(f"{type(estimator).__name__} was fitted on poisons[{j}].")
            raise
