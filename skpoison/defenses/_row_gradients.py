"""Gradients of the loss of each row, and their top direction."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.utils import check_array

from skpoison.defenses._last_step import seen_by_last, split_pipeline
from skpoison.influence._class_weights import ClassWeights
from skpoison.influence._losses import has_gradients, is_skorch, loss_of
from skpoison.influence._threads import one_thread


class RowGradients:
    """Matrix of the gradients of rows, of which products are known and no entries.

    The loss is that of the last step of a pipeline, in its parameters, so that the
    steps before may be of any kind.

    Parameters
    ----------
    model : classifier
        Fitted, with gradients that this library knows.

    X : rows of shape (n_samples, ...)
        Rows as the model takes them.

    y : ndarray of shape (n_samples,)
        Their class labels.

    owner : str
        The defense, which is named in errors.
    """

    def __init__(self, model, X, y, owner):
        last = split_pipeline(model)[1]
        self.X = _numbers(last, seen_by_last(model, X))
        self.loss = loss_of(last, self.X, owner, "estimator")
        self.codes = self.loss.codes(y)
        weights = ClassWeights(last, self.loss.classes, self.codes, owner)
        self.weights = weights.of_rows(self.codes)

    def times(self, v):
        """Give the product of each row's gradient with v, of shape (n_samples,)."""
        products = self.loss.products(self.X, self.codes, v)
        return products if self.weights is None else products * self.weights

    def sum(self, weights):
        """Give the weighted sum of the gradients, of shape (n_params,)."""
        weights = weights if self.weights is None else weights * self.weights
        return self.loss.gradient(self.X, self.codes, weights)


def check_gradients(model, owner):
    """Raise for a model, fitted or not, whose gradients are not known."""
    if not has_gradients(model):
        raise TypeError(
            f"estimator={model!r} of {owner} has no gradients that this library knows. "
            "Use LogisticRegression, LinearSVC, RidgeClassifier, MLPClassifier, a "
            "skorch NeuralNetClassifier, or a pipeline that ends in one. Without "
            "gradients work variant='paper' and ConfidentLearning, which need "
            "predict_proba, Trim, IterativeTrimmedLoss and LossFilter, which take "
            "decision_function as well, and SphereFilter and SlabFilter, which need no "
            "model."
        )


def outlier_scores(gradients, n_samples, random_state):
    """Squared projections of centred gradients on their top right singular vector.

    Parameters
    ----------
    gradients : RowGradients
        Gradients of the rows.

    n_samples : int
        Number of rows.

    random_state : RandomState instance
        Draws the vector that the iteration starts from.

    Returns
    -------
    scores : ndarray of shape (n_samples,)
        Outlier scores of Sever.

    Notes
    -----
    For centred gradients G with G v = s u, the scores are the squares of s u, and u is
    the top eigenvector of G G', which Lanczos iterations find by products alone.
    """

    def multiply(u):
        # G' first, of weights that sum to 0, which are the same as centred rows.
        product = gradients.times(gradients.sum(u - u.mean()))
        return product - product.mean()

    start = random_state.standard_normal(n_samples)
    start -= start.mean()
    with one_thread():
        if not np.any(multiply(start)):
            return np.zeros(n_samples)
        shape = (n_samples, n_samples)
        gram = LinearOperator(shape, matvec=lambda u: multiply(u.ravel()), dtype=float)
        values, vectors = eigsh(gram, k=1, v0=start)
    return values[0] * vectors[:, 0] ** 2


def _numbers(last, X):
    """Rows as numbers that the loss of a classifier reads."""
    if is_skorch(last):
        from skpoison.nets._inputs import module_rows

        return module_rows(last, X)
    # Frozen or not, scikit-learn's models have read these very rows.
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    return X if sparse.issparse(X) else np.asarray(X)
