"""Pipelines whose transformers learn nothing from the poison."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skpoison.refit._ensemble import RefitEnsemble
from skpoison.refit._registry import engines_for, register_engine
from skpoison.refit._steps import learns_nothing, works_in_place
from skpoison.utils._containers import take


class PipelineEnsemble(RefitEnsemble):
    """Models of the last step, behind transformers that they share."""

    def __init__(self, estimator, X, y, poisons, *, before, models):
        super().__init__(
            estimator,
            X,
            y,
            poisons,
            converged=models.converged_,
            gradient_norms=models.gradient_norms_,
        )
        self.newton_decrements_ = models.newton_decrements_
        self._before, self._models = before, models

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
        return self._models.predict(self._before.transform(X))

    def _model(self, j):
        model = clone(self._estimator)
        model.steps = [*self._before.steps, (model.steps[-1][0], self._models[j])]
        return model


@register_engine(Pipeline)
def refit_pipeline(estimator, X, y, poisons, *, n_jobs):
    """Refit the last step, where no other step learns from the rows."""
    return _refit_last_step(estimator, X, y, poisons, n_jobs, "refit")


@register_engine(Pipeline, fidelity="influence")
def estimate_pipeline(estimator, X, y, poisons, *, n_jobs):
    """Estimate the last step, where no other step learns from the rows."""
    return _refit_last_step(estimator, X, y, poisons, n_jobs, "influence")


def _refit_last_step(estimator, X, y, poisons, n_jobs, fidelity):
    *before, (_, last) = estimator.steps
    if not before or not all(learns_nothing(step) for _, step in before):
        return NotImplemented
    if works_in_place(estimator):
        return NotImplemented
    fitted = Pipeline(before).fit(X, y)
    X_seen = fitted.transform(X)
    no_rows = take(X_seen, np.empty(0, np.intp))
    seen = [
        (fitted.transform(X_new) if len(y_new) else no_rows, y_new)
        for X_new, y_new in poisons
    ]
    for engine in engines_for(last, fidelity):
        models = engine(clone(last), X_seen, y, seen, n_jobs=n_jobs)
        if models is not NotImplemented:
            return PipelineEnsemble(
                estimator, X, y, poisons, before=fitted, models=models
            )
    return NotImplemented
