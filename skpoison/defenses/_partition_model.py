"""One model of many that vote."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.dummy import DummyClassifier

from skpoison.defenses._models import fresh_model
from skpoison.defenses._vote_certificates import ABSTAINS
from skpoison.utils._random import LARGEST_SEED


def fit_model(estimator, X, y, number, seed):
    """Train a model on its rows, which alone decide what it is.

    Parameters
    ----------
    estimator : classifier or None
        What is trained.

    X, y : rows and labels
        Those that the model sees, in an order that their values give.

    number : int
        Number of the model, for errors.

    seed : int
        Seeds the model.

    Returns
    -------
    model : classifier or None
        None where there are no rows.
    """
    if len(y) == 0:
        return None
    if (y == y[0]).all():
        return DummyClassifier().fit(X, y)
    rng = np.random.RandomState(int(seed) % LARGEST_SEED)
    try:
        return fresh_model(estimator, rng).fit(X, y)
    except Exception as error:
        error.add_note(
            f"It was raised by model {number} of PartitionAggregation, which sees "
            f"{len(y)} rows. Fewer partitions give it more."
        )
        raise


def ballots_of(models, X, classes):
    """Ask models for the number of the class that they vote for.

    Parameters
    ----------
    models : list of classifier or None
        Models; None abstains.

    X : rows of shape (n_samples, ...)
        Rows to classify.

    classes : ndarray of shape (n_classes,)
        Class labels, sorted.

    Returns
    -------
    ballots : ndarray of shape (n_samples, n_models), dtype=int16
        Numbers of classes, -1 where the model abstains.
    """
    columns = [_ballot(model, X, classes) for model in models]
    return np.stack(columns, axis=1).astype(np.int16)


def _ballot(model, X, classes):
    if model is None:
        return np.full(X.shape[0], ABSTAINS)
    return np.searchsorted(classes, model.predict(X))
