"""Arguments of functions that train poisoned models, and what the models predict."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils import check_consistent_length, gen_batches

from skpoison.mixture._partition import partition_codes
from skpoison.utils._containers import as_rows, as_same_kind, n_rows, take
from skpoison.utils._inner_model import other_type
from skpoison.utils._row_sampler import check_classes, flat_labels
from skpoison.utils._sklearn import validate_params_of

# Predictions held at once.
LARGEST_BATCH = 2**24


def check_classifier(estimator, owner):
    """Make sure that a model can be trained before any work."""
    if isinstance(estimator, type) or other_type(estimator):
        raise ValueError(
            f"estimator of {owner} must be a classifier. Got {estimator!r}."
        )
    validate_params_of(estimator)


def check_training(X, y, owner):
    """Rows that can be taken and stacked, and flat labels of at least two classes."""
    X, y = as_rows(X, owner), flat_labels(y, owner)
    check_consistent_length(X, y)
    check_classes(y, owner)
    return X, y


def check_test_labels(y, X_test, y_test, owner):
    """Flat labels of the test rows, some of them classes of y."""
    y_test = flat_labels(y_test, owner)
    check_consistent_length(X_test, y_test)
    if not set(y_test.tolist()) & set(y.tolist()):
        raise ValueError(
            f"y_test of {owner} must hold classes of y, {np.unique(y).tolist()[:9]}. "
            f"Got {np.unique(y_test).tolist()[:9]}."
        )
    return y_test


def place(partition, X, X_other, name, owner):
    """Check rows against those of the training, and find their subpopulations.

    Parameters
    ----------
    partition : Partition
        Subpopulations of the training rows.

    X, X_other : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Training rows, and the others.

    name, owner : str
        What the others are called, and who asks.

    Returns
    -------
    X_other : {ndarray, sparse matrix, dataframe} of shape (n_others, ...)
        The others, in the container of X.

    codes : ndarray of shape (n_others,), dtype=int
        Subpopulation of each, -1 where it is in none.
    """
    X_other = as_same_kind(X, as_rows(X_other, owner), name, owner)
    codes = partition_codes(partition.finder, X_other, owner)
    if codes.max(initial=-1) >= len(partition.names):
        raise ValueError(
            f"{name} of {owner} must have rows of subpopulations that X has rows of. "
            f"{type(partition.finder).__name__} puts row {codes.argmax()} into "
            f"subpopulation {codes.max()}, and X into {len(partition.names)}, counted "
            "from 0. Leave such rows out, or pass rows of all of them in X."
        )
    return X_other, codes


def differ(models, X, y=None):
    """Tell where the predictions of each model are not the labels.

    Parameters
    ----------
    models : RefitEnsemble
        The models.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows to classify.

    y : ndarray of shape (n_samples,), default=None
        Their labels. `None` is what the first model predicts.

    Returns
    -------
    differs : ndarray of shape (n_models, n_samples), dtype=bool
        True where a prediction is another.
    """
    n = n_rows(X)
    differs = np.empty((len(models), n), dtype=bool)
    for batch in gen_batches(n, max(1, LARGEST_BATCH // len(models))):
        whole = batch == slice(0, n, None)
        predictions = models.predict(X if whole else take(X, np.arange(n)[batch]))
        labels = predictions[0] if y is None else y[batch]
        differs[:, batch] = predictions != labels
    return differs
