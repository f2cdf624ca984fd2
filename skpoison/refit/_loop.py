"""The fallback for estimators without an engine: one fit after the other."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from copy import deepcopy
from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from skpoison.refit._ensemble import RefitEnsemble
from skpoison.refit._steps import works_in_place
from skpoison.utils._containers import append, copy_rows
from skpoison.utils._parallel import in_parallel, scattered


class LoopEnsemble(RefitEnsemble):
    """Models that were fitted one by one."""

    def __init__(self, *args, models):
        super().__init__(*args, converged=np.array([_ended(m) for m in models], bool))
        self._models = models

    def predict(self, X):
        """Predict with every model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Rows to classify.

        Returns
        -------
        y_pred : ndarray of shape (n_poisons, n_samples)
            Class labels, one row for each model.
        """
        if not works_in_place(self._estimator):
            return super().predict(X)
        predictions = [np.asarray(model.predict(copy_rows(X))) for model in self]
        return np.array(predictions) if predictions else self._no_predictions(X)

    def _model(self, j):
        return self._models[j]


def refit_in_a_loop(estimator, X, y, poisons, *, n_jobs):
    """Fit the estimator on each poisoned data set."""
    start = _clean_start(estimator, X, y)
    tasks = (
        (clone(estimator), start, X, y, *poison, j) for j, poison in enumerate(poisons)
    )
    with scattered(X, y):
        models = in_parallel(_fit, tasks, n_jobs)
    return LoopEnsemble(estimator, X, y, poisons, models=models)


def _ended(model):
    """Whether a model, or every step of a pipeline, stopped before its `max_iter`."""
    if hasattr(model, "steps"):
        return all(_ended(step) for _, step in model.steps)
    most, taken = getattr(model, "max_iter", None), getattr(model, "n_iter_", None)
    if taken is None or not isinstance(most, Integral) or most < 1:
        return True
    return bool(np.max(taken) < most)


def _clean_start(estimator, X, y):
    """Clean model to start from, or None where that would change the result.

    The objective must be convex, so that its optimum does not depend on the start.
    """
    is_convex = type(estimator) is LogisticRegression
    if not is_convex or estimator.solver == "liblinear" or estimator.warm_start:
        return None
    try:
        return clone(estimator).set_params(warm_start=True).fit(X, y)
    except ValueError:  # rows of one class, to which the poison adds another
        return None


def _fit(estimator, start, X, y, X_poison, y_poison, j):
    if start is not None and np.isin(y_poison, start.classes_).all():
        model = deepcopy(start)
    else:
        model = estimator
    X = append(X, X_poison) if len(y_poison) else copy_rows(X)
    y = np.concatenate([y, y_poison])
    try:
        model.fit(X, y)
        if model is not estimator and not _ended(model):
            # Out of steps: how far it has come does depend on the start.
            model = estimator.fit(X, y)
    except Exception as error:
        error.add_note(f"{type(estimator).__name__} was fitted on poisons[{j}].")
        raise
    return model.set_params(warm_start=False) if model is not estimator else model
