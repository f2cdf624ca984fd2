"""Refits of a model with one training row less or more."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from copy import deepcopy

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from skpoison.influence._class_weights import last_step
from skpoison.influence._curvature import AUTO_EXACT
from skpoison.influence._losses import loss_of
from skpoison.utils._containers import stack, take
from skpoison.utils._inner_model import thaw

# Gradients that a refit stops at: effects of one row among 100,000 stay visible.
TOL = 1e-10
MAX_ITER = 10_000


class Refits:
    """The last step of a model, refitted to its optimum on changed training rows.

    Steps before it stay as they are.

    Parameters
    ----------
    model : classifier
        A fitted classifier, or a pipeline that ends in one.

    classes : ndarray of shape (n_classes,)
        Class labels.

    train : Rows
        Training rows.

    target : Rows
        Rows whose mean loss is asked for.

    owner : str
        Who asks, for errors.

    Attributes
    ----------
    fitted_loss : float
        Mean loss of the target under the model as it is.

    optimum_loss : float
        The same under the model refitted on all training rows.

    is_convex : bool
        Whether the model has one optimum only.
    """

    def __init__(self, model, classes, train, target, owner):
        self.model, self.classes, self.owner = model, classes, owner
        self.target = target
        self.X, self.X_target = self._seen(train), self._seen(target)
        self.y = classes[train.codes]
        last = last_step(model)
        self.is_convex = not isinstance(last, MLPClassifier)
        self.fitted_loss = self._target_loss(last)
        self.start = _tightened(last, len(self.y), owner).fit(self.X, self.y)
        self.optimum_loss = self._target_loss(self.start)

    def change_without(self, row):
        """Give what leaving out a row does to the mean loss of the target."""
        if np.count_nonzero(self.y == self.y[row]) == 1:
            raise ValueError(
                f"verify of {self.owner} cannot leave out row {row}, the only one of "
                f"class {self.y[row]!r}. Verify fewer rows, or drop the class."
            )
        others = np.flatnonzero(np.arange(len(self.y)) != row)
        return self._change(take(self.X, others), self.y[others])

    def change_with(self, rows, row):
        """Give what adding a row of others does to the mean loss of the target."""
        X = take(self._seen(rows), [row])
        y = self.classes[rows.codes[[row]]]
        return self._change(stack([self.X, X]), np.concatenate([self.y, y]))

    def _change(self, X, y):
        return self._target_loss(deepcopy(self.start).fit(X, y)) - self.optimum_loss

    def _target_loss(self, model):
        loss = loss_of(model, self.X_target, self.owner, "estimator")
        return loss.losses(self.X_target, self.target.codes).mean()

    def _seen(self, rows):
        """Give rows as the last step sees them."""
        model, X = thaw(self.model), rows.given
        while isinstance(model, Pipeline):
            X = model[:-1].transform(X) if len(model) > 1 else X
            model = thaw(model[-1])
        return X if sparse.issparse(X) else np.asarray(X)


def _tightened(model, n_samples, owner):
    """Unfitted model, or one to go on from, that stops at its optimum only."""
    for cls, tighten in TIGHTEN.items():
        if isinstance(model, cls):
            return tighten(model, n_samples)
    raise ValueError(
        f"verify of {owner} refits scikit-learn's models. Got {type(model).__name__}, "
        "whose refits differ by their random draws more than by one row. Use verify=0."
    )


def _logistic_regression(model, n_samples):
    solver = model.solver
    if solver != "liblinear":
        # The same optimum; the fastest of them where the matrix is small.
        solver = "newton-cholesky" if model.coef_.size <= AUTO_EXACT else "lbfgs"
    return clone(model).set_params(
        solver=solver, tol=TOL, max_iter=MAX_ITER, warm_start=solver != "liblinear"
    )


def _linear_svc(model, n_samples):
    return clone(model).set_params(dual=False, tol=TOL, max_iter=MAX_ITER)


def _ridge_classifier(model, n_samples):
    return clone(model).set_params(tol=TOL, max_iter=MAX_ITER)


def _mlp_classifier(model, n_samples):
    # The penalty of solvers with batches is of a batch, that of lbfgs of all rows.
    alpha = model.alpha
    if model.solver != "lbfgs":
        batch = 200 if model.batch_size == "auto" else model.batch_size
        alpha *= n_samples / min(batch, n_samples)
    model = deepcopy(model)
    vars(model).pop("feature_names_in_", None)  # rows come as arrays from here on
    return model.set_params(
        solver="lbfgs", alpha=alpha, warm_start=True, tol=1e-8, max_iter=MAX_ITER
    )


TIGHTEN = {
    LogisticRegression: _logistic_regression,
    LinearSVC: _linear_svc,
    RidgeClassifier: _ridge_classifier,
    MLPClassifier: _mlp_classifier,
}
