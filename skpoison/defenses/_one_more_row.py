"""What one more row does to a logistic regression of a few rows, in closed form.

The refit engine takes milliseconds to start, which is long beside the hundreds of
models of a dozen rows that are wanted here.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.utils.extmath import row_norms, safe_sparse_dot

MAX_ITER = 50
TOL = 1e-8
# Least curvature of a row's loss: what is below is as good as flat.
FLAT = 1e-12


def has_closed_form(model, n_classes):
    """Whether a classifier is a binary logistic regression with an L2 penalty."""
    if type(model) is not LogisticRegression or n_classes != 2:
        return False
    # Until scikit-learn 1.8 the L2 penalty was asked for by name.
    by_name = model.penalty == "l2" and model.l1_ratio in (None, 0)
    is_l2 = by_name or (model.penalty == "deprecated" and model.l1_ratio == 0)
    is_plain = model.class_weight is None and model.solver != "liblinear"
    return is_l2 and is_plain and np.isfinite(model.C)


@dataclass
class FewRows:
    """A logistic regression of a few rows, at its optimum, in products of rows.

    Attributes
    ----------
    dual : ndarray of shape (n_base,)
        Coefficients of the base rows, whose sum of products gives margins.

    intercept : float
        Intercept.

    root, inverse : ndarray of shape (n_base,) and (n_base, n_base)
        Root of the curvature of each row's loss, and the inverse of the matrix of
        products scaled by the roots, plus the identity.

    flat : ndarray of shape (n_base,) or None
        What the free intercept adds to the inverse; None where there is none.
    """

    dual: np.ndarray
    intercept: float
    root: np.ndarray
    inverse: np.ndarray
    flat: np.ndarray


def fit_few(K, y, fit_intercept):
    """Fit a logistic regression by Newton's method.

    Parameters
    ----------
    K : ndarray of shape (n_base, n_base)
        Products of the rows, times C of the model.

    y : ndarray of shape (n_base,)
        1 for the rows of the positive class, else 0.

    fit_intercept : bool
        Whether there is an intercept, free of the penalty.

    Returns
    -------
    model : FewRows
        The model.
    """
    signs, value = 1 - 2 * y, len(y) * np.log(2)
    now = FewRows(np.zeros(len(y)), 0.0, None, None, None)
    for _ in range(MAX_ITER):
        margins = K @ now.dual + now.intercept
        p = expit(margins)
        goal = _newton_point(K, margins, p, y, fit_intercept)
        now.root, now.inverse, now.flat = goal.root, goal.inverse, goal.flat
        if np.abs(y - p - now.dual).max() < TOL:
            break
        value = _descend(K, signs, now, goal, value)
    return now


def _newton_point(K, margins, p, y, fit_intercept):
    """Minimum of the objective's second-order expansion."""
    root = np.sqrt(np.maximum(p * (1 - p), FLAT))
    try:
        inverse = np.linalg.inv(np.eye(len(y)) + root[:, np.newaxis] * K * root)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "Some rows are so large that a model of a few of them has no closed form. "
            'Scale the features, or use fidelity="refit".'
        ) from error
    dual = root * (inverse @ (root * margins + (y - p) / root))
    if not fit_intercept:
        return FewRows(dual, 0.0, root, inverse, None)
    flat = root * (inverse @ root)
    intercept = dual.sum() / flat.sum()
    return FewRows(dual - intercept * flat, intercept, root, inverse, flat)


def _descend(K, signs, now, goal, value):
    """Go to the goal, or so far that the objective does not grow; give its value."""
    start, step = (now.dual, now.intercept), 1.0
    while True:
        now.dual = start[0] + step * (goal.dual - start[0])
        now.intercept = start[1] + step * (goal.intercept - start[1])
        products = K @ now.dual
        losses = np.logaddexp(0, signs * (products + now.intercept))
        new = products @ now.dual / 2 + losses.sum()
        if new <= value + TOL or step < TOL:
            return new
        step /= 2


def quiz_margins(model, X_base, y_base, X_quiz, X, y):
    """Margins of a quiz by a model, and by those with one more row, one step away.

    Parameters
    ----------
    model : LogisticRegression
        Its C and `fit_intercept` are honored.

    X_base, X_quiz, X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        Rows of the base set, of the quiz, and those to add.

    y_base, y : ndarray of shape (n_rows,)
        1 for the rows of the positive class, else 0.

    Returns
    -------
    before : ndarray of shape (n_quiz,)
        Margins by the model of the base set.

    after : ndarray of shape (n_quiz, n_rows)
        Margins by estimates of the models with one row of X more: one Newton step,
        whose second derivatives are those of the base set and of the row itself.
    """
    base_with_base = model.C * _products(X_base, X_base)
    base_with_quiz = model.C * _products(X_base, X_quiz)
    base_with_rows = model.C * _products(X_base, X)
    few = fit_few(base_with_base, y_base, model.fit_intercept)
    before = few.dual @ base_with_quiz + few.intercept
    p = expit(few.dual @ base_with_rows + few.intercept)
    left, right = few.root[:, None] * base_with_quiz, few.root[:, None] * base_with_rows
    solved = few.inverse @ right
    bend = model.C * row_norms(X, squared=True) - np.einsum("ij,ij->j", right, solved)
    reach = model.C * _products(X_quiz, X) - left.T @ solved
    if few.flat is not None:
        own = 1 - few.flat @ base_with_rows
        bend += own**2 / few.flat.sum()
        reach += np.outer(1 - few.flat @ base_with_quiz, own / few.flat.sum())
    return before, before[:, None] + reach * ((y - p) / (1 + p * (1 - p) * bend))


def _products(X, X_other):
    return safe_sparse_dot(X, X_other.T, dense_output=True)
