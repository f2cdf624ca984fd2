"""What poison changes in transformers: a factor and a shift of each output, or more."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections import UserList
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from skpoison.refit._steps import learns_nothing
from skpoison.utils._containers import append, one_column, take
from skpoison.utils._sklearn import _safe_indexing

# Largest rounding errors of outputs whose clean ones may stand for a model's, in double
# and in single precision.
CLEAR = 1e-9, 1e-4


@dataclass
class Stacked:
    """Rows of all poisons, one under the other, and where each begins."""

    rows: object
    starts: np.ndarray

    def of(self, j):
        """Rows of poison ``j``."""
        return take(self.rows, np.arange(self.starts[j], self.starts[j + 1]))

    def map(self, function):
        """Give the same with other rows."""
        return Stacked(function(self.rows), self.starts)

    @property
    def filled(self):
        """Numbers of the poisons that have rows."""
        return np.flatnonzero(np.diff(self.starts))


@dataclass
class Change:
    """Outputs of each model's transformer: factor times the clean one's, plus shift.

    All are of shape (n_poisons, n_outputs), or numbers.

    Attributes
    ----------
    factor, shift : ndarray or float
        Of the clean outputs.

    offset : ndarray or float
        What the clean transformer adds or subtracts, in units of the model's outputs.
        Clean outputs are rounded to this many units in the last place.
    """

    factor: object = 1.0
    shift: object = 0.0
    offset: object = 0.0

    @property
    def is_none(self):
        """Whether the poison changes nothing."""
        return np.all(self.factor == 1) and np.all(self.shift == 0)

    def of_shape(self, shape):
        """Give the same with arrays of one shape."""
        parts = self.factor, self.shift, self.offset
        return Change(*(np.broadcast_to(part, shape) for part in parts))

    def is_clear(self, X):
        """Tell of which models the outputs are made of more than rounding errors.

        ``X`` are the outputs of the clean transformer.
        """
        is_single = X.dtype == np.float32
        most = CLEAR[is_single] / np.finfo(np.float32 if is_single else float).eps
        size = np.asarray(abs(X).mean(axis=0)).ravel() * np.abs(self.factor)
        return (size + np.abs(self.offset) <= most).all(axis=1)


def change_of(step, X, poison):
    """How the transformers differ that are fitted on X and the rows of each poison.

    Parameters
    ----------
    step : transformer
        Fitted on X alone.

    X : {ndarray, sparse matrix, dataframe}
        Clean rows.

    poison : Stacked
        Rows that each poison adds.

    Returns
    -------
    change : Change or None
        `None` where it is no matter of factors and shifts, or not known.
    """
    if learns_nothing(step):
        return Change()
    function = CHANGES.get(type(step))
    return None if function is None else function(step, X, poison)


def change_of_chain(steps, X, poison):
    """Tell the same of transformers one after the other, of which one may change."""
    change = Change()
    for step in steps:
        if step is None or isinstance(step, str):
            continue
        if not change.is_none:
            # Whatever follows sees other rows than the clean one did.
            return None
        change = change_of(step, X, poison)
        if change is None:
            return None
        X, poison = step.transform(X), poison.map(step.transform)
    return change


def _of_pipeline(pipeline, X, poison):
    return change_of_chain([step for _, step in pipeline.steps], X, poison)


def _of_columns(transformer, X, poison):
    if transformer.transformer_weights is not None:
        return None
    slices = transformer.output_indices_
    shape = len(poison.starts) - 1, max(s.stop for s in slices.values())
    change = Change(np.ones(shape), np.zeros(shape), np.zeros(shape))
    for name, step, columns in transformer.transformers_:
        if isinstance(step, str) or slices[name].start == slices[name].stop:
            continue
        # Those of the remainder warn when they are looked at, until scikit-learn 1.7.
        columns = columns.data if isinstance(columns, UserList) else columns
        own = poison.map(lambda rows: _columns_of(rows, columns))  # noqa: B023
        part = change_of(step, _columns_of(X, columns), own)
        if part is None:
            return None
        change.factor[:, slices[name]] = part.factor
        change.shift[:, slices[name]] = part.shift
        change.offset[:, slices[name]] = part.offset
    return change


def _columns_of(X, columns):
    return _safe_indexing(X, columns, axis=1)


def _of_standard_scaler(step, X, poison):
    refitted = _fit_on_more(step, poison)
    means = _attribute(refitted, "mean_", 0.0)
    scales = _attribute(refitted, "scale_", 1.0)
    mean = 0.0 if step.mean_ is None or not step.with_mean else step.mean_
    scale = 1.0 if step.scale_ is None else step.scale_
    means = means if step.with_mean else 0.0
    return Change(scale / scales, (mean - means) / scales, mean / scales)


def _of_min_max_scaler(step, X, poison):
    if step.clip:
        return None
    refitted = _fit_on_more(step, poison)
    factor = _attribute(refitted, "scale_", 1.0) / step.scale_
    offset = factor * step.min_
    return Change(factor, _attribute(refitted, "min_", 0.0) - offset, offset)


def _of_max_abs_scaler(step, X, poison):
    if getattr(step, "clip", False):
        return None
    return Change(step.scale_ / _attribute(_fit_on_more(step, poison), "scale_", 1.0))


def _fit_on_more(step, poison):
    """Update a copy of the clean transformer for each poison."""
    steps = [step] * (len(poison.starts) - 1)
    for j in poison.filled:
        steps[j] = deepcopy(step).partial_fit(poison.of(j))
    return steps


def _attribute(steps, name, default):
    values = [getattr(step, name) for step in steps]
    return default if not values or values[0] is None else np.array(values)


def _of_encoder(step, X, poison):
    """Compare categories, which are what it learns."""
    limits = getattr(step, "min_frequency", None), getattr(step, "max_categories", None)
    if limits != (None, None):
        return None
    for i, known in enumerate(step.categories_):
        values = pd.unique(pd.Series(np.asarray(one_column(poison.rows, i))))
        if not _are_known(values, known):
            return None
    return Change()


def _are_known(values, known):
    missing = pd.isna(values)
    known_missing = pd.isna(known)
    if missing.any() and not known_missing.any():
        return False
    return set(values[~missing].tolist()) <= set(known[~known_missing].tolist())


def _of_imputer(step, X, poison):
    """Refit, to see whether it fills in the same."""
    for j in poison.filled if step.strategy != "constant" or step.add_indicator else ():
        other = clone(step).fit(append(X, poison.of(j)))
        if not _same(step.statistics_, other.statistics_):
            return None
        if step.add_indicator and not np.array_equal(
            step.indicator_.features_, other.indicator_.features_
        ):
            return None
    return Change()


def _same(a, b):
    return len(a) == len(b) and all(
        x == y or (pd.isna(x) and pd.isna(y)) for x, y in zip(a, b, strict=True)
    )


CHANGES = {
    Pipeline: _of_pipeline,
    ColumnTransformer: _of_columns,
    StandardScaler: _of_standard_scaler,
    MinMaxScaler: _of_min_max_scaler,
    MaxAbsScaler: _of_max_abs_scaler,
    OneHotEncoder: _of_encoder,
    OrdinalEncoder: _of_encoder,
    SimpleImputer: _of_imputer,
}
