"""Pipelines whose scalers learn from the poison."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from copy import deepcopy

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from skpoison.refit._affine_changes import Stacked, change_of_chain
from skpoison.refit._ensemble import RefitEnsemble
from skpoison.refit._influence import estimate_scaled_logistic
from skpoison.refit._logistic import refit_scaled_logistic
from skpoison.refit._poison_rows import stack_poisons
from skpoison.refit._registry import register_engine
from skpoison.refit._steps import learns_nothing, works_in_place


class ScaledPipelineEnsemble(RefitEnsemble):
    """Logistic regressions behind transformers that differ in scale.

    Predictions are those of models of the clean transformers' outputs, in which the
    factors and shifts of the others are made up for.
    """

    def __init__(self, estimator, X, y, poisons, *, transform, models, change):
        super().__init__(
            estimator,
            X,
            y,
            poisons,
            converged=models.converged_,
            gradient_norms=models.gradient_norms_,
        )
        self.newton_decrements_ = models.newton_decrements_
        self._transform, self._models, self._change = transform, models, change
        self._fitted = {}

    def predict(self, X):
        """Predict with every model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        y_pred : ndarray of shape (n_poisons, n_samples)
            Class labels, one row for each model.
        """
        return self._models.predict(self._transform.transform(X))

    def fit_unconverged(self):
        """Fit those models one by one that did not get to their optimum.

        So are those whose scaled features are rounding errors for the clean scaler.
        """
        change = self._change
        for j in np.flatnonzero(~self.converged_):
            self._fitted[j] = model = super()._model(j)
            last = model[-1]
            intercept = last.intercept_ + last.coef_ @ change.shift[j]
            self._models.replace(j, last, last.coef_ * change.factor[j], intercept)
        return self

    def _model(self, j):
        if j in self._fitted:
            return deepcopy(self._fitted[j])
        model, last = clone(self._estimator), self._models[j]
        steps = Pipeline(model.steps[:-1]).fit(*self._training_data(j)).steps
        coef, dtype = last.coef_ / self._change.factor[j], last.coef_.dtype
        last.coef_ = coef.astype(dtype)
        if last.fit_intercept:
            intercept = last.intercept_ - coef @ self._change.shift[j]
            last.intercept_ = intercept.astype(last.intercept_.dtype)
        model.steps = [*steps, (model.steps[-1][0], last)]
        return model


@register_engine(Pipeline)
def refit_scaled_pipeline(estimator, X, y, poisons, *, n_jobs):
    """Solve logistic regressions at once, whose features differ by factor and shift.

    A scaler that is fitted on poisoned rows gives other features than the clean one,
    and each of them is a factor times the clean one, plus a shift. The intercept takes
    up the shift, and factors make a penalty with weights. Covered are StandardScaler,
    MinMaxScaler, MaxAbsScaler; OneHotEncoder and OrdinalEncoder as long as poison
    brings no new category, SimpleImputer as long as it fills in the same; stateless
    transformers; and ColumnTransformer and Pipeline of these.
    """
    models = _solve(estimator, X, y, poisons, refit_scaled_logistic)
    return models if models is NotImplemented else models.fit_unconverged()


@register_engine(Pipeline, fidelity="influence")
def estimate_scaled_pipeline(estimator, X, y, poisons, *, n_jobs):
    """Estimate such logistic regressions by one Newton step from the clean one."""
    return _solve(estimator, X, y, poisons, estimate_scaled_logistic)


def _solve(estimator, X, y, poisons, solve):
    *before, (_, last) = estimator.steps
    is_plain = estimator.memory is None and estimator.transform_input is None
    if not is_plain or type(last) is not LogisticRegression:
        return NotImplemented
    if all(learns_nothing(step) for _, step in before) or works_in_place(estimator):
        return NotImplemented
    transform = Pipeline(before).fit(X, y)
    rows, labels, sizes = stack_poisons(X, y, poisons)
    if len(labels) == 0:
        return NotImplemented
    stacked = Stacked(rows, np.concatenate([[0], np.cumsum(sizes)]))
    change = change_of_chain([step for _, step in before], X, stacked)
    if change is None or not _is_absorbed(last, change):
        return NotImplemented
    X_seen, poison = transform.transform(X), stacked.map(transform.transform)
    seen = [(poison.of(j), labels) for j, (_, labels) in enumerate(poisons)]
    change = change.of_shape((len(poisons), X_seen.shape[1]))
    models = solve(clone(last), X_seen, y, seen, change=change)
    if models is NotImplemented:
        return models
    models.converged_ &= change.is_clear(X_seen)
    return ScaledPipelineEnsemble(
        estimator,
        X,
        y,
        poisons,
        transform=transform,
        models=models,
        change=change,
    )


def _is_absorbed(last, change):
    """Whether the intercept can take up the shifts, free of any penalty."""
    if change.is_none:
        return True
    free = last.fit_intercept and last.solver != "liblinear"
    return free or (np.all(change.shift == 0) and not last.fit_intercept)
