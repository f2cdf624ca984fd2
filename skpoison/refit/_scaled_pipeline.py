"""Pipelines whose scalers learn from the poison."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from skpoison.refit._affine_changes import Stacked, change_of_chain, learns_nothing
from skpoison.refit._ensemble import RefitEnsemble
from skpoison.refit._influence import estimate_scaled_logistic
from skpoison.refit._logistic import refit_scaled_logistic
from skpoison.refit._poison_rows import stack_poisons
from skpoison.refit._registry import register_engine


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

    def _model(self, j):
        model, last = clone(self._estimator), self._models[j]
        steps = Pipeline(model.steps[:-1]).fit(*self._training_data(j)).steps
        last.coef_ = last.coef_ / _row(self._change.factor, j)
        shift = np.broadcast_to(_row(self._change.shift, j), last.coef_.shape[1])
        last.intercept_ = last.intercept_ - last.coef_ @ shift
        model.steps = [*steps, (model.steps[-1][0], last)]
        return model


def _row(values, j):
    return values[j] if np.ndim(values) == 2 else values


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
    return _solve(estimator, X, y, poisons, refit_scaled_logistic)


@register_engine(Pipeline, fidelity="influence")
def estimate_scaled_pipeline(estimator, X, y, poisons, *, n_jobs):
    """Estimate such logistic regressions by one Newton step from the clean one."""
    return _solve(estimator, X, y, poisons, estimate_scaled_logistic)


def _solve(estimator, X, y, poisons, solve):
    *before, (_, last) = estimator.steps
    is_plain = estimator.memory is None and estimator.transform_input is None
    if not is_plain or type(last) is not LogisticRegression:
        return NotImplemented
    if all(learns_nothing(step) for _, step in before):
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
    factor = np.broadcast_to(change.factor, (len(poisons), X_seen.shape[1]))
    models = solve(clone(last), X_seen, y, seen, feature_scale=factor)
    if models is NotImplemented:
        return models
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
