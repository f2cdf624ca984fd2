"""Training in rounds, each on other rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.neural_network import MLPClassifier

from skpoison.defenses._last_step import split_pipeline
from skpoison.utils._containers import take

# Rows of a class of which an early model is not asked to see fewer.
LEAST_ROWS = 10


def goes_on(model):
    """Whether a model, or the last step of a pipeline, can be trained from its weights.

    It has `partial_fit`, and a number of passes, unlike learners that sum over all rows
    they ever saw; or `fit` can start where it was. Early stopping and balanced classes
    are what `partial_fit` refuses.

    Parameters
    ----------
    model : classifier
        Not fitted.

    Returns
    -------
    answer : bool
        True for `SGDClassifier`, `MLPClassifier`, nets of skorch, and logistic
        regression by any solver but liblinear.
    """
    before, last = split_pipeline(model, frozen=False)
    if not all(hasattr(step, "transform") for step in before):
        return False
    if hasattr(last, "partial_fit"):
        params = last.get_params(deep=False)
        is_refused = params.get("early_stopping") or params.get("class_weight") == (
            "balanced"
        )
        return not is_refused and ("max_iter" in params or "max_epochs" in params)
    if isinstance(last, LogisticRegression):
        is_plain = not isinstance(last, LogisticRegressionCV)
        return is_plain and last.solver != "liblinear"
    return isinstance(last, MLPClassifier)


class ShortRounds:
    """Rounds of a few epochs from the weights of the round before.

    The steps before the last are fitted once, on all rows.

    Parameters
    ----------
    model : classifier
        Not fitted; `goes_on` is true of it.

    X : rows of shape (n_samples, ...)
        All training rows.

    y : ndarray of shape (n_samples,)
        Their class labels.

    n_epochs : int
        Passes over the rows, or iterations of a solver, of a round.
    """

    def __init__(self, model, X, y, n_epochs):
        self.model, self.y, self.n_epochs = model, y, n_epochs
        self.classes = np.unique(y)
        before, self.last = split_pipeline(model, frozen=False)
        for step in before:
            X = _fit_transform(step, X, y)
        self.Z = X

    def early(self):
        """Train on all rows, for a round."""
        return self.next(np.arange(len(self.y)))

    def next(self, rows):
        """Train on some rows, for a round."""
        Z, y = take(self.Z, rows), self.y[rows]
        if not hasattr(self.last, "partial_fit"):
            self._fit_from_weights(Z, y)
        elif "max_epochs" in self.last.get_params(deep=False):
            self.last.set_params(max_epochs=self.n_epochs)
            self.last.partial_fit(Z, y, classes=self.classes)
        else:
            for _ in range(self.n_epochs):
                self.last.partial_fit(Z, y, classes=self.classes)
        return self.model

    def _fit_from_weights(self, Z, y):
        # Weights of other classes than those of y are none to start from.
        known = getattr(self.last, "classes_", None)
        same = known is not None and np.array_equal(known, np.unique(y))
        self.last.set_params(warm_start=same, max_iter=self.n_epochs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.last.fit(Z, y)


class FullRounds:
    """Rounds that fit a model anew, the early one on a small sample.

    Parameters
    ----------
    model : classifier
        Not fitted.

    X : rows of shape (n_samples, ...)
        All training rows.

    y : ndarray of shape (n_samples,)
        Their class labels.

    early_share : float
        Share of the rows of each class in the sample.

    random_state : RandomState instance
        Draws the sample.
    """

    def __init__(self, model, X, y, early_share, random_state):
        self.model, self.X, self.y = model, X, y
        self.early_share, self.random_state = early_share, random_state

    def early(self):
        """Fit on a sample of the rows of each class."""
        sample = []
        for label in np.unique(self.y):
            rows = np.flatnonzero(self.y == label)
            size = max(round(self.early_share * len(rows)), min(LEAST_ROWS, len(rows)))
            sample.append(self.random_state.choice(rows, size, replace=False))
        return self.next(np.sort(np.concatenate(sample)))

    def next(self, rows):
        """Fit on some rows."""
        self.model = clone(self.model).fit(take(self.X, rows), self.y[rows])
        return self.model


def _fit_transform(step, X, y):
    if hasattr(step, "fit_transform"):
        return step.fit_transform(X, y)
    return step.fit(X, y).transform(X)
