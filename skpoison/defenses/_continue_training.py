"""Training that goes on."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from contextlib import contextmanager
from numbers import Integral

import numpy as np
from sklearn.neural_network import MLPClassifier

from skpoison.finders._net_activations import is_skorch


def continue_training(model, X, y, n_epochs):
    """Train a fitted model on, in place, on some rows.

    Parameters
    ----------
    model : classifier
        Fitted, with `partial_fit`. Networks start with a new optimizer.

    X : rows of shape (n_samples, ...)
        Rows that it takes.

    y : ndarray of shape (n_samples,)
        Their class labels.

    n_epochs : int
        Passes over the rows.

    Returns
    -------
    model : classifier
        The model.
    """
    if n_epochs == 0:
        return model
    if is_skorch(model):
        from skpoison.nets._pruning import train_on

        return train_on(model, X, y, n_epochs)
    if isinstance(model, MLPClassifier):
        # Its momentum is that of training on all rows, as is the loss to compare with,
        # which early stopping does not have.
        vars(model).pop("_optimizer", None)
        model.best_loss_ = np.inf
    with _fit_for_few_rows(model, len(y)):
        for _ in range(n_epochs):
            model.partial_fit(X, y)
    return model


@contextmanager
def _fit_for_few_rows(model, n_rows):
    """Set apart no rows for early stopping, and take no more rows than there are."""
    before = model.get_params(deep=False)
    now = {}
    if before.get("early_stopping") is True:
        now["early_stopping"] = False
    batch_size = before.get("batch_size")
    if isinstance(batch_size, Integral) and batch_size > n_rows:
        now["batch_size"] = n_rows
    try:
        yield model.set_params(**now)
    finally:
        model.set_params(**{name: before[name] for name in now})
