"""Class weights of a fitted model, as influence sees them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_sample_weight

from skpoison.utils._inner_model import thaw


class ClassWeights:
    """Weights that a model gives to classes, learned from its training rows.

    Parameters
    ----------
    model : classifier
        A fitted classifier, or a pipeline that ends in one.

    classes : ndarray of shape (n_classes,)
        Class labels.

    codes : ndarray of shape (n_samples,)
        Codes of the classes of the training rows.

    owner : str
        Who asks, for the error.

    Attributes
    ----------
    of_class : ndarray of shape (n_classes,) or None
        Weight of each class; `None` where all rows weigh the same.

    is_balanced : bool
        Whether one row more or less changes the weights of all.
    """

    def __init__(self, model, classes, codes, owner):
        self.codes, model = codes, last_step(model)
        given = getattr(model, "class_weight", None)
        self.is_balanced, self.of_class = given == "balanced", None
        if given is None:
            return
        if isinstance(model, LinearSVC) and len(classes) > 2:
            raise ValueError(
                f"estimator={model!r} of {owner} weighs a row differently for each of "
                "its outputs, which has no closed form here. Use class_weight=None, or "
                "LogisticRegression."
            )
        weights = compute_sample_weight(given, classes[codes])
        self.of_class = np.ones(len(classes))
        self.of_class[codes] = weights

    def of_rows(self, codes):
        """Give the weights of rows; None where all weigh the same."""
        return None if self.of_class is None else self.of_class[codes]

    def weighted(self, values, codes):
        """Give values of rows, of shape (n_rows, ...), times their weights."""
        if self.of_class is None:
            return values
        return values * self.of_class[codes].reshape(-1, *[1] * (values.ndim - 1))

    def rebalanced(self, scores, codes, train_scores):
        """Add to scores what one row more changes by the weights of all others.

        A class that gets one row more gives each of its rows less weight, and all
        others get more.
        """
        if not self.is_balanced:
            return scores
        sums = np.bincount(self.codes, train_scores, minlength=len(self.of_class))
        counts = np.bincount(self.codes, minlength=len(self.of_class))
        means = sums / np.maximum(counts, 1)
        return scores - means[codes] + train_scores.mean()


def last_step(model):
    """Give the classifier at the end of a pipeline, or the classifier itself."""
    model = thaw(model)
    while isinstance(model, Pipeline):
        model = thaw(model[-1])
    return model
