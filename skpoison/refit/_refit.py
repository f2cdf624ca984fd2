"""Refits of one estimator on many poisoned data sets."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_consistent_length

from skpoison.refit._loop import refit_in_a_loop
from skpoison.refit._registry import FIDELITIES, check_fidelity, engines_for
from skpoison.utils._containers import as_rows, as_same_kind, is_empty, n_rows, take
from skpoison.utils._row_sampler import flat_labels
from skpoison.utils._sklearn import (
    N_JOBS,
    HasMethods,
    StrOptions,
    validate_parameter_constraints,
    validate_params_of,
)

CONSTRAINTS = {
    "estimator": [HasMethods(["fit", "predict"])],
    "fidelity": [StrOptions(set(FIDELITIES))],
    "n_jobs": N_JOBS,
}


def refit_poisoned(estimator, X, y, poisons, *, fidelity="refit", n_jobs=None):
    """Train one model on each of many poisoned data sets, all at once.

    Gives the models that ``clone(estimator).fit(X + X_poison, y + y_poison)`` gives
    for each poison. Estimators with an engine share the work that their data sets
    share; any other is fitted in a loop. See :ref:`refit`.

    Parameters
    ----------
    estimator : classifier
        What to train. It is cloned and stays as it is.

    X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
        Clean training rows, which all data sets share.

    y : array-like of shape (n_samples,)
        Their class labels.

    poisons : sequence of (X_poison, y_poison)
        Rows, in the container of X, and labels that are added to the clean ones, for
        one model each. They may be empty, which gives the clean model.

    fidelity : {"refit", "influence"}, default="refit"
        - "refit": models that are trained until they converge.
        - "influence": one Newton step from the clean model. It is an estimate, which
          can be wrong by most of the scale: it ranks, it never states a risk. The
          ensemble carries the Newton decrement that is left. For linear models only.

    n_jobs : int, default=None
        Number of jobs of the loop and of engines that split their work; `None` is 1
        unless in a :func:`joblib.parallel_config` context.

    Returns
    -------
    models : RefitEnsemble
        The models: their number, each as a fitted estimator by its index, and the
        predictions of all.

    See Also
    --------
    RefitEnsemble : What is returned.
    register_engine : Adds an engine for other estimators.

    Notes
    -----
    The loop starts from the clean model where the estimator honors `warm_start` and
    its optimum does not depend on the start. Such models have the same optimum, to
    their tolerance; all others of the loop are identical.

    Examples
    --------
    Each class of the iris data, poisoned with its own rows under another label:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.refit import refit_poisoned
    >>> X, y = load_iris(return_X_y=True)
    >>> poisons = [(X[y == c], (y[y == c] + 1) % 3) for c in range(3)]
    >>> models = refit_poisoned(LogisticRegression(), X, y, poisons)
    >>> (models.predict(X) == y).mean(axis=1).round(2)
    array([0.78, 0.77, 0.68])
    """
    # Not by the decorator, which would hide whose parameter a victim complains of.
    given = {"estimator": estimator, "fidelity": fidelity, "n_jobs": n_jobs}
    validate_parameter_constraints(CONSTRAINTS, given, "refit_poisoned")
    X, y = as_rows(X, "refit_poisoned"), flat_labels(y, "refit_poisoned")
    check_consistent_length(X, y)
    known = set(y.tolist())
    poisons = [
        _check_poison(poison, X, y, known, j) for j, poison in enumerate(_all(poisons))
    ]
    check_fidelity(estimator, fidelity)
    validate_params_of(estimator)
    # Engines need not think of nothing to do.
    for engine in engines_for(estimator, fidelity) if poisons else []:
        models = engine(clone(estimator), X, y, poisons, n_jobs=n_jobs)
        if models is not NotImplemented:
            models.fidelity_, models.engine_ = fidelity, engine.__name__
            return models
    if fidelity == "influence" and poisons:
        raise ValueError(
            f'fidelity="influence" has no engine for these settings of '
            f"{estimator!r} or "
            'for these poisons. Use fidelity="refit".'
        )
    models = refit_in_a_loop(clone(estimator), X, y, poisons, n_jobs=n_jobs)
    models.engine_ = refit_in_a_loop.__name__
    return models


def _all(poisons):
    """Poisons as a list."""
    try:
        return list(poisons)
    except TypeError as error:
        raise ValueError(
            "poisons of refit_poisoned must be a sequence of pairs (X_poison, "
            f"y_poison). Got {type(poisons).__name__}."
        ) from error


def _check_poison(poison, X, y, known, j):
    """Rows and labels of one poison, so that they can be stacked under X and y."""
    name, owner = f"poisons[{j}]", "refit_poisoned"
    try:
        X_poison, y_poison = poison
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} of {owner} must be a pair (X_poison, y_poison). Got "
            f"{type(poison).__name__}."
        ) from error
    if is_empty(X_poison) and is_empty(y_poison):
        return take(X, np.empty(0, np.intp)), y[:0]
    if not _has_dtype_of(X, X_poison):
        X_poison = as_same_kind(X, as_rows(X_poison, owner), name, owner)
    if not (_is_flat(y_poison, y) and known.issuperset(y_poison.tolist())):
        y_poison = flat_labels(y_poison, owner)
    if n_rows(X_poison) != len(y_poison):
        raise ValueError(
            f"{name} of {owner} must have a label for every row. Got "
            f"{n_rows(X_poison)} rows and {len(y_poison)} labels."
        )
    if _kind(y) != _kind(y_poison):
        raise ValueError(
            f"{name} of {owner} must have labels of the kind of y, {y.dtype}. Got "
            f"{y_poison.dtype}."
        )
    return X_poison, y_poison


# Hundreds of poisons are looked at: what is as it should be passes quickly.
def _has_dtype_of(X, X_poison):
    are_arrays = type(X) is type(X_poison) is np.ndarray and X.dtype.kind in "fiub"
    return are_arrays and (X.dtype, X.shape[1:]) == (X_poison.dtype, X_poison.shape[1:])


def _is_flat(y_poison, y):
    is_array = type(y_poison) is np.ndarray and y_poison.ndim == 1
    return is_array and y_poison.dtype.kind == y.dtype.kind


def _kind(y):
    """Say what labels can be compared with."""
    kinds = dict.fromkeys("biuf", "number") | dict.fromkeys("OUS", "text")
    return kinds.get(y.dtype.kind, y.dtype.kind)
