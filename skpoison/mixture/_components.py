"""The parts of a mixture: which rows and which labels each component has."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skpoison.utils._containers import take


def places_of(codes, n_subpopulations):
    """Component of each row.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,), dtype=int
        Subpopulation of each row, -1 where it is in none.

    n_subpopulations : int
        Number of subpopulations that were known in fit.

    Returns
    -------
    places : ndarray of shape (n_samples,), dtype=int
        The subpopulation; `n_subpopulations` for rows in none, and one more for those
        of a subpopulation that was unknown.
    """
    known = np.where(codes < n_subpopulations, codes, n_subpopulations + 1)
    return np.where(codes < 0, n_subpopulations, known)


def count_labels(places, labels, n_places, n_classes):
    """Count the labels, numbers of classes, at each place."""
    keys = places * n_classes + labels
    counts = np.bincount(keys, minlength=n_places * n_classes)
    return counts.reshape(n_places, n_classes)


def rows_by_place(places):
    """Rows at each place that has any, in their order."""
    order = np.argsort(places, kind="stable")
    found, starts = np.unique(places[order], return_index=True)
    return dict(zip(found.tolist(), np.split(order, starts[1:]), strict=True))


def fit_components(estimator, X, y, places, counts, names, n_jobs):
    """Fit a clone for each component whose rows have several classes.

    Parameters
    ----------
    estimator : classifier
        What is cloned, with its seed.

    X, y : rows and labels
        All training rows.

    places : ndarray of shape (n_samples,), dtype=int
        Component of each row.

    counts : ndarray of shape (n_components, n_classes), dtype=int
        Labels of each component.

    names : list of str
        Names of the components, for errors.

    n_jobs : int or None
        Number of components that are fitted at a time.

    Returns
    -------
    estimators : list of classifier or None
        One for each component; None where there is at most one class.
    """
    rows = rows_by_place(places)
    mixed = np.flatnonzero(np.count_nonzero(counts, axis=1) > 1)
    fitted = Parallel(n_jobs=n_jobs)(
        delayed(_fit)(clone(estimator), take(X, rows[k]), y[rows[k]], names[k])
        for k in mixed
    )
    estimators = [None] * len(counts)
    for k, model in zip(mixed, fitted, strict=True):
        estimators[k] = model
    return estimators


def _fit(estimator, X, y, name):
    try:
        return estimator.fit(X, y)
    except Exception as error:
        error.add_note(
            f"It was raised by the component {name!r} of a mixture, which has "
            f"{len(y)} rows. Fewer subpopulations have more."
        )
        raise
