"""A number of poison rows for any model, whatever the features."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._model_targeting._linear_problem import two_class_problem
from skpoison.attacks._model_targeting._targeted_arguments import read_model
from skpoison.utils._sklearn import HasMethods, validate_params


@validate_params(
    {
        "estimator": [HasMethods(["fit", "predict"])],
        "X": "no_validation",
        "y": "no_validation",
        "target_model": [HasMethods(["predict"]), tuple],
    },
    prefer_skip_nested_validation=True,
)
def reachability_bound(estimator, X, y, target_model):
    r"""Give a number of poison rows that a model needs whatever their features.

    It takes one product of vectors: the cheapest certificate there is. Rows of poison
    may be anywhere, so that it is no larger than that of :func:`model_lower_bound`.

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

    Returns
    -------
    bound : float
        Number of rows; infinite where the estimator cannot be the model at all, such
        as with an intercept where it fits none.

    See Also
    --------
    model_lower_bound : A larger bound, for features in a box.
    ModelTargetedPoisoner : The attack.

    Notes
    -----
    At an optimum theta of the clean objective F and m rows of poison the gradients
    cancel, and so do their products with theta. Of one row of margin v that product is
    ``-v * sigma(-v)`` with the log loss l, which is at least -W(1/e) = -0.2785, W the
    Lambert function. So

    .. math:: m \ge \langle \theta, \nabla F(\theta) \rangle / W(1/e)

    which is the bound of [1]_ with the objective of scikit-learn: F is the sum of the
    losses and ``||w||^2 / (2 C)``, the penalty does not grow with m, and theta has the
    intercept as a coefficient of a feature that is 1. Hence the bound is finite for
    every theta. The constant is 1 for the hinge and 1/2 for the squared hinge loss.
    What the estimator's `tol` leaves undone is allowed for, as in
    :func:`model_lower_bound`; liblinear's tolerance grows with the longest row, which
    is taken to be a clean one.

    References
    ----------
    .. [1] Y. Lu, G. Kamath, Y. Yu. "Exploring the Limits of Model-Targeted
       Indiscriminate Data Poisoning Attacks", ICML 2023. :arxiv:`2303.03592`

    Examples
    --------
    A model that takes three hundred rows for the other class:

    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import minmax_scale
    >>> from skpoison.attacks import reachability_bound
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, model = minmax_scale(X[:, :8]), LogisticRegression(tol=1e-8, max_iter=1000)
    >>> X_poison, y_poison = np.tile(X[y == 0][:10], (30, 1)), np.ones(300, int)
    >>> target = model.fit(np.r_[X, X_poison], np.r_[y, y_poison])
    >>> round(reachability_bound(model, X, y, target), 1)
    199.1
    """
    problem, values, _ = two_class_problem(estimator, X, y, "reachability_bound")
    theta = read_model(target_model, problem, values, required=False)
    lengths = np.linalg.norm(problem.signed_rows, axis=1)
    return np.inf if theta is None else pull_bound(problem, theta, lengths.max())


def pull_bound(problem, theta, longest):
    """Give the bound of `reachability_bound`, for rows of a largest length."""
    margins = problem.signed_rows @ theta
    # Beside a bend either slope may hold; the steeper one is better for the attacker.
    slopes = problem.loss.steepest(margins)
    pull = slopes @ margins + problem.decay @ theta**2
    slack = problem.stop.slack(theta, problem.loss, longest)
    rows = (pull - slack * len(margins)) / (problem.loss.largest_pull + slack)
    return max(float(rows), 0.0)
