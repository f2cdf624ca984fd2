"""Training data of a classifier around another, which reads the rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from sklearn.utils import check_consistent_length
from sklearn.utils.validation import column_or_1d, validate_data

from skpoison.utils._containers import as_rows
from skpoison.utils._inner_model import check_classifier
from skpoison.utils._row_sampler import check_classes, flat_labels


def check_rows(classifier, X, y):
    """Check the training data of a classifier around another, which reads the rows.

    Parameters
    ----------
    classifier : classifier
        The outer one. Its `classes_` and what it knows of the features are set.

    X : array-like of shape (n_samples, ...)
        Training rows.

    y : array-like of shape (n_samples,)
        Class labels.

    Returns
    -------
    X : rows of shape (n_samples, ...)
        The rows. Lists come as arrays.

    y : ndarray of shape (n_samples,)
        The labels.
    """
    owner = type(classifier).__name__
    check_classifier(getattr(classifier, "estimator", None), owner)
    X = as_rows(X, owner)
    validate_data(classifier, X=X, y=y, skip_check_array=True)
    labels = flat_labels(y, owner)
    column_or_1d(y, warn=True)  # which tells the user where y is a column
    check_consistent_length(X, labels)
    classifier.classes_ = check_classes(labels, owner)
    return X, labels
