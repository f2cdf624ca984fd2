"""The models that defenses train, and what these say of the rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.defenses._last_step import split_pipeline
from skpoison.utils._inner_model import ask
from skpoison.utils._random import seeded_clone


def fresh_model(estimator, random_state):
    """Clone a classifier, seeded; None is logistic regression on scaled features.

    Parameters
    ----------
    estimator : classifier or None
        What to clone.

    random_state : RandomState instance
        Seeds each `random_state` that the estimator leaves open.

    Returns
    -------
    model : classifier
        The clone, not fitted.
    """
    if estimator is None:
        scaler = StandardScaler(with_mean=False)  # which sparse rows have, too
        estimator = make_pipeline(scaler, LogisticRegression(max_iter=1000))
    return seeded_clone(estimator, random_state)


def row_losses(model, X, y, owner):
    """Loss of each row: how little a model believes in its label.

    Parameters
    ----------
    model : classifier
        Fitted; its `predict_proba` is asked, or else its `decision_function`.

    X : rows of shape (n_samples, ...)
        Rows.

    y : ndarray of shape (n_samples,)
        Their class labels. The model may not know all of them.

    owner : str
        The defense, which is named in the error.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        Minus the logarithm of the probability of the label; for models without
        probabilities, the largest score of another class less that of the label.
    """
    losses = _losses(model, X, y, owner)
    n_unknown = np.count_nonzero(np.isnan(losses))
    if n_unknown:
        raise ValueError(
            f"{owner} compares losses, and {type(model).__name__} gives NaN for "
            f"{n_unknown} of {len(losses)} rows. Scale the features, or use an "
            "estimator that does not diverge on them."
        )
    return losses


def _losses(model, X, y, owner):
    if hasattr(model, "predict_proba"):
        proba = np.asarray(ask(model, "predict_proba", X, owner), float)
        proba = _of_labels(proba, model, y, 0.0)
        return -np.log(np.maximum(proba, np.finfo(float).tiny))
    if not hasattr(model, "decision_function"):
        raise ValueError(
            f"{owner} needs an estimator with predict_proba or decision_function, and "
            f"{type(model).__name__} has neither. Use another, for example "
            "LogisticRegression(), or wrap it in CalibratedClassifierCV."
        )
    _check_one_score_a_class(model, owner)
    scores = np.asarray(ask(model, "decision_function", X, owner), float)
    if scores.ndim == 1:
        scores = np.column_stack([-scores, scores])
    own = _of_labels(scores, model, y, -np.inf)
    others = np.where(y[:, None] == model.classes_, -np.inf, scores)
    return others.max(axis=1) - own


def _check_one_score_a_class(model, owner):
    last = split_pipeline(model)[1]
    shape = getattr(last, "decision_function_shape", None)
    if shape == "ovo" and len(model.classes_) > 2:
        raise ValueError(
            f"{owner} needs a score for each class, and decision_function_shape='ovo' "
            f"of {type(last).__name__} gives one for each pair. Use 'ovr'."
        )


def _of_labels(values, model, y, missing):
    """Value of each row's own class."""
    place = np.searchsorted(model.classes_, y).clip(max=len(model.classes_) - 1)
    known = model.classes_[place] == y
    return np.where(known, values[np.arange(len(y)), place], missing)
