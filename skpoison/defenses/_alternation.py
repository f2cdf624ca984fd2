"""Fits on the rows that are kept, until they are the same twice."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.utils._containers import take


def until_settled(sanitizer, model, X, y):
    """Fit on the rows that are kept and judge all of them, again and again.

    Parameters
    ----------
    sanitizer : ScoreSanitizer
        Its `_score` judges rows by its `estimator_`. It has `max_iter`, and learns
        `estimator_` and `n_iter_`.

    model : classifier
        Model to fit.

    X : rows of shape (n_samples, ...)
        Training rows.

    y : ndarray of shape (n_samples,)
        Their class labels.

    Returns
    -------
    kept : ndarray of shape (n_samples,), dtype=bool
        False for the rows to remove.

    scores : ndarray of shape (n_samples,)
        Their scores under the last model.
    """
    kept, before, sanitizer.n_iter_ = np.ones(len(y), dtype=bool), None, 0
    while sanitizer.n_iter_ < sanitizer.max_iter and not np.array_equal(kept, before):
        sanitizer._check_classes_left(y[kept])
        rows = np.flatnonzero(kept)
        sanitizer.estimator_ = model.fit(take(X, rows), y[rows])
        sanitizer.n_iter_ += 1
        scores = sanitizer._score(X, y)
        before, kept = kept, ~sanitizer._suspects(scores, y)
    return kept, scores
