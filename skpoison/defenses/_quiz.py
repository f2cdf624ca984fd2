"""Base sets that models are trained on, and the quiz that they are put to."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.special import expit

from skpoison.defenses._models import row_losses


def draw_split(judged, codes, base_share, quiz_share, random_state):
    """Draw a base set and a quiz, of each class alike.

    Rows that were judged most often come first, so that all are judged in turn.

    Parameters
    ----------
    judged : ndarray of shape (n_samples,)
        How often each row was left to judge.

    codes : ndarray of shape (n_samples,)
        Numbers of their classes.

    base_share, quiz_share : float
        Shares of the rows of each class. The base set has a row of every class, and
        of a class of more than one row it leaves one at least.

    random_state : RandomState instance
        Draws among rows that were judged as often.

    Returns
    -------
    base, quiz : ndarray of shape (n_rows,), dtype=int
        Rows, none in both.
    """
    order = np.lexsort((random_state.random_sample(len(codes)), -judged))
    base, quiz = [], []
    for c in range(codes.max() + 1):
        rows = order[codes[order] == c]
        end = max(1, round(base_share * len(rows)))
        base.append(rows[:end])
        quiz.append(rows[end : end + round(quiz_share * len(rows))])
    return np.concatenate(base), np.concatenate(quiz)


def quiz_losses(models, X, y, metric, owner):
    """Loss of each model on each row of a quiz.

    Parameters
    ----------
    models : RefitEnsemble
        Fitted models.

    X : rows of shape (n_samples, ...)
        Quiz.

    y : ndarray of shape (n_samples,)
        Its class labels.

    metric : {"accuracy", "log_loss"}
        Whether the loss is 1 for a wrong answer, or that of :func:`row_losses`.

    owner : str
        The defense, which is named in errors.

    Returns
    -------
    losses : ndarray of shape (n_models, n_samples)
        The losses.
    """
    if metric == "accuracy":
        return (models.predict(X) != y).astype(float)
    return np.array([row_losses(model, X, y, owner) for model in models])


def brier_losses(model, X, y, owner):
    """Half the squared distance of a model's probabilities from the answers.

    It is proper, as the logarithm is, and no sure answer outweighs all others.

    Parameters
    ----------
    model : classifier
        Fitted on all classes; its `predict_proba` is asked, or else the logistic
        function of its margins taken.

    X : rows of shape (n_samples, ...)
        Quiz.

    y : ndarray of shape (n_samples,)
        Its class labels.

    owner : str
        The defense, which is named in errors.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        Losses in [0, 1].
    """
    if not hasattr(model, "predict_proba"):
        return expit(row_losses(model, X, y, owner)) ** 2
    proba = np.asarray(model.predict_proba(X), dtype=float)
    return ((proba - (y[:, np.newaxis] == model.classes_)) ** 2).sum(axis=1) / 2
