"""The training problem of a linear surrogate of two classes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from copy import deepcopy

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from sklearn.utils import check_consistent_length

from skpoison.attacks._model_targeting._hinge_refits import HingeRefits
from skpoison.attacks._model_targeting._linear_refits import SmoothRefits
from skpoison.attacks._model_targeting._margin_losses import MARGIN_LOSSES
from skpoison.attacks._model_targeting._solver_tolerance import SolverTolerance
from skpoison.attacks._numeric_rows import numeric_rows
from skpoison.influence._losses import loss_of
from skpoison.influence._pipeline_loss import PipelineLoss
from skpoison.utils._containers import as_rows
from skpoison.utils._inner_model import thaw
from skpoison.utils._magnitudes import check_squares
from skpoison.utils._random import seeded_clone
from skpoison.utils._row_sampler import flat_labels

NEEDED = (
    "LogisticRegression or LinearSVC with the L2 penalty and no class_weight, or a "
    "pipeline of affine steps, such as StandardScaler, that ends in one"
)


class LinearModel:
    """A linear classifier of two classes, behind steps that are affine.

    Parameters are the coefficients of what the last step sees, and then the intercept,
    if there is one.

    Parameters
    ----------
    model : classifier
        Fitted.

    X : ndarray of shape (n_samples, n_features)
        Rows on which steps are tested.

    owner : str
        Who asks, for errors.

    parameter : str, default="surrogate"
        The owner's parameter that holds the model.
    """

    def __init__(self, model, X, owner, parameter="surrogate"):
        self.model, self.owner, self.parameter = thaw(model), owner, parameter
        loss = loss_of(model, X, owner, parameter)
        self.slope, self.shift = np.ones(X.shape[1]), np.zeros(X.shape[1])
        if isinstance(loss, PipelineLoss):
            self.slope, self.shift, loss = loss.slope, loss.shift, loss.loss
        last, link = last_step(model), type(getattr(loss, "link", None))
        if link not in MARGIN_LOSSES or _is_odd(last):
            raise TypeError(
                f"{parameter}={model!r} of {owner} must be {NEEDED}. For other models "
                "use InfluencePoisoner, GradientPoisoner or SubpopPoisoner."
            )
        self.loss, self.stop = MARGIN_LOSSES[link], SolverTolerance.of(last)
        self.classes, self.has_intercept = loss.classes, loss.has_intercept
        has_penalty = getattr(last, "penalty", "l2") is not None
        self.decay = np.full(loss.n_params, loss.weight_decay * has_penalty)
        if self.has_intercept:
            self.decay[-1] = loss.intercept_decay
        self.start = loss.parameters()

    def design(self, X):
        """Give the rows that parameters multiply, of shape (n_samples, n_params)."""
        T = (X * self.slope if self.slope.ndim == 1 else X @ self.slope) + self.shift
        return np.column_stack([T, np.ones(len(T))]) if self.has_intercept else T

    def longest(self, lower, upper):
        """Give a length that no row in a box has more than, as parameters see it."""
        wide = np.maximum(np.abs(lower), np.abs(upper))
        slope = np.abs(self.slope)
        size = wide * slope if slope.ndim == 1 else wide @ slope
        return float(np.hypot(np.linalg.norm(size + np.abs(self.shift)), 1))

    def in_input_units(self, theta):
        """Give coefficients and intercept, of the features of X, with equal outputs."""
        coef, intercept = (
            (theta[:-1], theta[-1]) if self.has_intercept else (theta, 0.0)
        )
        moved = self.slope * coef if self.slope.ndim == 1 else self.slope @ coef
        return moved, float(intercept + self.shift @ coef)

    def parameters_of(self, coef, intercept):
        """Give the parameters of given coefficients of the features of X, or None.

        There are none where the steps before the model lose features, or where an
        intercept is needed that the model does not have.
        """
        matrix = np.diag(self.slope) if self.slope.ndim == 1 else self.slope
        own = np.linalg.lstsq(matrix, coef)[0]
        rest = intercept - self.shift @ own
        theta = np.append(own, rest) if self.has_intercept else own
        again = self.in_input_units(theta)
        scale = 1 + np.abs(coef).max(initial=0) + abs(intercept)
        error = np.abs(np.append(again[0] - coef, again[1] - intercept)).max()
        return theta if error <= 1e-8 * scale else None

    def read(self, last):
        """Give the parameters of a fitted last step."""
        coef = np.ravel(last.coef_).astype(float)
        return np.append(coef, last.intercept_) if self.has_intercept else coef

    def estimator(self, theta):
        """Give the model with other parameters."""
        model = deepcopy(self.model)
        last, coef = last_step(model), theta
        if self.has_intercept:
            coef, last.intercept_ = theta[:-1], theta[-1:].copy()
        last.coef_ = coef[np.newaxis].copy()
        return model


class LinearProblem(LinearModel):
    """Objective of a surrogate: the losses of its rows and the penalty.

    The objective is the sum of the losses, plus half the sum of `decay` times the
    squared parameters.

    Parameters
    ----------
    model : classifier
        Fitted on the rows.

    X : ndarray of shape (n_samples, n_features)
        Clean rows.

    y : ndarray of shape (n_samples,)
        Their labels, of the two classes of the model.

    owner : str
        Who asks, for errors.

    parameter : str, default="surrogate"
        The owner's parameter that holds the model.
    """

    def __init__(self, model, X, y, owner, parameter="surrogate"):
        super().__init__(model, X, owner, parameter)
        unknown = np.setdiff1d(y, self.classes).tolist()
        if unknown:
            raise ValueError(
                f"{parameter}={model!r} of {owner} must know the classes "
                f"{np.unique(y).tolist()}. It was fitted without {unknown}."
            )
        self.signs = np.where(y == self.classes[1], 1.0, -1.0)
        self.signed_rows = self.signs[:, np.newaxis] * self.design(X)
        if not self.decay.any() and (self.signed_rows @ self.start > 0).all():
            raise ValueError(
                f"{parameter}={model!r} of {owner} has no penalty and separates its "
                "training rows, so that it has no optimum. Set a finite C."
            )

    def check_converged(self, error):
        """Warn of an optimum that was not reached."""
        if error > 1e-6:
            warnings.warn(
                f"A refit of {self.parameter}={self.model!r} of {self.owner} stopped "
                f"before its optimum, {error:.1e} from it. Scale the features, or "
                "lower C.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def refits(self, theta=None, **options):
        """Give the optimum on the clean rows, to which rows can be added."""
        cls = SmoothRefits if self.loss.is_smooth else HingeRefits
        return cls(self, self.start if theta is None else theta, **options)

    def objective(self, theta):
        """Give the objective on the clean rows."""
        losses = self.loss.value(self.signed_rows @ theta)
        return losses.sum() + self.decay @ theta**2 / 2


def fit_problem(surrogate, X, y, owner, random_state, parameter="surrogate"):
    """Fit a surrogate, unless it is frozen, and give its training problem.

    Parameters
    ----------
    surrogate : classifier or None
        `None` is a LogisticRegression.

    X : ndarray of shape (n_samples, n_features)
        Rows of two classes.

    y : ndarray of shape (n_samples,)
        Their labels.

    owner : str
        Who asks, for errors.

    random_state : RandomState instance
        Seeds what the surrogate leaves open.

    parameter : str, default="surrogate"
        The owner's parameter that holds the surrogate.

    Returns
    -------
    problem : LinearProblem
        Its training problem.
    """
    check_squares(X, X.size, owner)
    if isinstance(surrogate, FrozenEstimator):
        model = thaw(surrogate)
    else:
        model = LogisticRegression() if surrogate is None else surrogate
        model = seeded_clone(model, random_state)
        with warnings.catch_warnings():
            # The refits go on from where it stopped.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)
    return LinearProblem(model, X, y, owner, parameter)


def two_class_problem(estimator, X, y, owner):
    """Fit an estimator on rows of two classes, and give its training problem.

    Parameters
    ----------
    estimator : classifier
        Linear.

    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Rows.

    y : array-like of shape (n_samples,)
        Labels.

    owner : str
        Who asks, for errors.

    Returns
    -------
    problem : LinearProblem
        The training problem.

    values : ndarray of shape (n_samples, n_features)
        The rows as numbers.

    X : {ndarray, sparse matrix, dataframe}
        The rows in their container.
    """
    values, X, y = numeric_rows(X, owner), as_rows(X, owner), flat_labels(y, owner)
    check_consistent_length(values, y)
    classes = np.unique(y)
    if len(classes) != 2:
        raise ValueError(
            f"{owner} needs two classes in y. Got {classes.tolist()}. Keep the rows of "
            "two of them."
        )
    rng = np.random.RandomState(0)
    return fit_problem(estimator, values, y, owner, rng, "estimator"), values, X


def last_step(model):
    """Give the classifier at the end of a pipeline, or the model itself."""
    model = thaw(model)
    return last_step(model[-1]) if isinstance(model, Pipeline) else model


def _is_odd(model):
    """Whether a model has settings that its objective here leaves out."""
    if not isinstance(model, (LogisticRegression, LinearSVC)):
        return True
    penalty, l1_ratio = model.penalty, getattr(model, "l1_ratio", 0)
    has_l1 = penalty in ("l1", "elasticnet") or l1_ratio not in (None, 0)
    return has_l1 or model.class_weight is not None or len(model.classes_) != 2
