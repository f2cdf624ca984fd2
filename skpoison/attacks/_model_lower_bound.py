"""A certified number of poison rows for any model."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np

from skpoison.attacks._feature_constraints import FeatureConstraints
from skpoison.attacks._model_targeting._linear_problem import two_class_problem
from skpoison.attacks._model_targeting._model_bounds import TargetBound
from skpoison.attacks._model_targeting._stationary_poison import StationaryPoison
from skpoison.attacks._model_targeting._targeted_arguments import (
    read_model,
    table_constraints,
)
from skpoison.attacks._reachability_bound import pull_bound
from skpoison.utils._sklearn import HasMethods, Interval, validate_params

# Steps without progress after which there will be none.
PATIENCE = 5


@validate_params(
    {
        "estimator": [HasMethods(["fit", "predict"])],
        "X": "no_validation",
        "y": "no_validation",
        "target_model": [HasMethods(["predict"]), tuple],
        "constraints": [FeatureConstraints, None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def model_lower_bound(estimator, X, y, target_model, *, constraints=None, max_iter=200):
    """Give a number of poison rows below which no attack makes a model.

    It holds for every attack that adds rows within the constraints, with any labels:
    trained on X and on fewer rows of poison, the estimator is not the target model.

    Parameters
    ----------
    estimator : classifier
        LogisticRegression or LinearSVC, or a pipeline of affine steps that ends in
        one. A clone is fitted; its steps before the last stay as they are on the
        clean rows.

    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Clean training rows, of numbers.

    y : array-like of shape (n_samples,)
        Their labels, of two classes.

    target_model : classifier or tuple (coef, intercept)
        A fitted linear classifier of the same classes, or its coefficients and
        intercept in units of the features of X, where outputs above 0 are for the
        second class.

    constraints : FeatureConstraints, default=None
        What poison rows may be. Immutable features take the values of a row of X.
        `None` is :meth:`FeatureConstraints.from_data`.

    max_iter : int, default=200
        Most directions that are tried. Each gives a bound, and the largest counts.

    Returns
    -------
    bound : float
        Number of rows. Infinite where the gradient of the clean objective at the
        model has a part that no row within the constraints can cancel, or where a
        billion rows would not do.

    See Also
    --------
    reachability_bound : A bound of one product, for features without bounds.
    ModelTargetedPoisoner : The attack; its `lower_bound_` comes at no cost.

    Notes
    -----
    See :class:`ModelTargetedPoisoner` for the bound that a model theta gives. Close to
    theta_p it depends on the direction to theta alone, and the best direction is dual
    to the smallest total weight of rows, in their convex hull, that make the gradient
    vanish. Both are solved for together, by a fully corrective Frank-Wolfe method, so
    that with enough steps no larger bound holds for the convex hull and fractional
    counts. The hinge loss has kinks at which the search stops early; `lower_bound_` of
    an attack can then be the larger bound, and both hold.

    Solvers stop before the optimum, and the bound holds for the models that they stop
    at with the estimator's `tol`: LogisticRegression where no entry of the mean
    gradient is larger; LinearSVC, and LogisticRegression with liblinear, where the
    gradient is as small a share of that at 0, or margins are as far from what the dual
    variables say. A smaller `tol` gives larger bounds, for models that are trained as
    well.

    Examples
    --------
    The model of a hundred flipped labels takes nearly as many rows, however they are
    made:

    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import minmax_scale
    >>> from skpoison.attacks import model_lower_bound
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, model = minmax_scale(X[:, :8]), LogisticRegression(tol=1e-8, max_iter=1000)
    >>> X_poison, y_poison = np.tile(X[y == 0][:10], (10, 1)), np.ones(100, int)
    >>> target = model.fit(np.r_[X, X_poison], np.r_[y, y_poison])
    >>> round(model_lower_bound(model, X, y, target), 1)
    85.1
    """
    owner = "model_lower_bound"
    problem, values, X = two_class_problem(estimator, X, y, owner)
    limits = table_constraints(constraints, X, values, owner)
    theta = read_model(target_model, problem, values, required=False)
    if theta is None:
        return np.inf
    target = TargetBound(problem, theta, limits, values)
    if target.out_of_reach():
        return np.inf
    return best_bound(target, problem.refits().theta, max_iter)


def best_bound(target, clean, max_iter):
    """Try directions until neither the bound nor the gradient that is left moves."""
    bound = max(
        target.towards(clean),
        pull_bound(target.problem, target.theta, target.longest),
    )
    poison, waited = StationaryPoison(target), 0
    start = poison.size
    for _ in range(max_iter):
        better = max(bound, target.towards(poison.ahead()))
        waited = 0 if better > bound * (1 + 1e-6) else waited + 1
        bound = better
        if bound == 0 or np.isinf(bound) or waited > PATIENCE:
            break
        if poison.step(bound):
            waited = 0
        if poison.size <= 1e-6 * start:
            break
    return bound
