"""Damage of a poisoned model, against its clean twin."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_array, check_consistent_length

from skpoison.utils._row_sampler import flat_labels


def target_damage(y_true, y_clean, y_poisoned, membership, *, sample_weight=None):
    """Accuracy that the target loses to the poison.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True class labels.

    y_clean : array-like of shape (n_samples,)
        Predictions of the clean twin: the same estimator, fitted on the same
        rows without the poison.

    y_poisoned : array-like of shape (n_samples,)
        Predictions of the poisoned model.

    membership : array-like of shape (n_samples,), dtype=bool
        True for the rows that belong to the target.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, from 0.

    Returns
    -------
    damage : float
        Accuracy of the clean twin less that of the poisoned model on the
        target, in [-1, 1]; positive is damage. NaN, with a warning, where no row
        belongs to the target.

    See Also
    --------
    collateral_damage : The same on all other rows.
    target_error : Error rate of the poisoned model on the target.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from skpoison.metrics import target_damage
    >>> y_true, y_clean = [0, 1, 1, 0], [0, 1, 1, 1]
    >>> target_damage(y_true, y_clean, [0, 0, 1, 1], [False, True, True, False])
    0.5
    """
    mask = _check_membership(membership, y_true)
    return _damage(y_true, y_clean, y_poisoned, mask, sample_weight, "target_damage")


def collateral_damage(y_true, y_clean, y_poisoned, membership, *, sample_weight=None):
    """Accuracy that all rows outside the target lose to the poison.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True class labels.

    y_clean : array-like of shape (n_samples,)
        Predictions of the clean twin: the same estimator, fitted on the same
        rows without the poison.

    y_poisoned : array-like of shape (n_samples,)
        Predictions of the poisoned model.

    membership : array-like of shape (n_samples,), dtype=bool
        True for the rows that belong to the target.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, from 0.

    Returns
    -------
    damage : float
        Accuracy of the clean twin less that of the poisoned model outside the
        target, in [-1, 1]; positive is damage. NaN, with a warning, where every
        row belongs to the target.

    See Also
    --------
    target_damage : The same on the target.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from skpoison.metrics import collateral_damage
    >>> y_true, y_clean = [0, 1, 1, 0], [0, 1, 1, 0]
    >>> collateral_damage(y_true, y_clean, [0, 0, 1, 1], [False, True, True, False])
    0.5
    """
    mask = ~_check_membership(membership, y_true)
    return _damage(
        y_true, y_clean, y_poisoned, mask, sample_weight, "collateral_damage"
    )


def target_error(y_true, y_poisoned, membership, *, sample_weight=None):
    """Error rate of a model on the target.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True class labels.

    y_poisoned : array-like of shape (n_samples,)
        Predictions of the model.

    membership : array-like of shape (n_samples,), dtype=bool
        True for the rows that belong to the target.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, from 0.

    Returns
    -------
    error : float
        Share of the target that is misclassified, in [0, 1]. NaN, with a
        warning, where no row belongs to the target.

    See Also
    --------
    target_damage : How much of it is due to the poison.

    Examples
    --------
    >>> from skpoison.metrics import target_error
    >>> target_error([0, 1, 1, 0], [0, 0, 1, 1], [False, True, True, False])
    0.5
    """
    mask = _check_membership(membership, y_true)
    given = _check_labels({"y_true": y_true, "y_poisoned": y_poisoned}, "target_error")
    weight = _check_weight(sample_weight, mask, "target_error")
    return 1.0 - _accuracy(given["y_true"], given["y_poisoned"], weight)


def _damage(y_true, y_clean, y_poisoned, mask, sample_weight, metric):
    given = {"y_true": y_true, "y_clean": y_clean, "y_poisoned": y_poisoned}
    given = _check_labels(given, metric)
    weight = _check_weight(sample_weight, mask, metric)
    before = _accuracy(given["y_true"], given["y_clean"], weight)
    return before - _accuracy(given["y_true"], given["y_poisoned"], weight)


def _accuracy(y_true, y_pred, weight):
    """Share of the weight that is on right predictions; NaN where there is none."""
    right, total = weight @ (y_true == y_pred), weight.sum()
    # Rounding may leave a little more than all.
    return min(1.0, float(right / total)) if total else float("nan")


def _check_labels(given, metric):
    """Labels by their names, flat, of one kind and of one length."""
    flat = {name: flat_labels(y, f"{name} of {metric}") for name, y in given.items()}
    check_consistent_length(*flat.values())
    kinds = {name: y.dtype.kind in "OUS" for name, y in flat.items()}
    if len(set(kinds.values())) > 1:
        dtypes = {name: str(y.dtype) for name, y in flat.items()}
        raise ValueError(
            f"{metric} compares labels, which must be of one kind. Got {dtypes}."
        )
    return flat


def _check_weight(sample_weight, mask, metric):
    """Weights of the rows of a mask, and none of others."""
    n_samples = len(mask)
    weight = np.ones(n_samples) if sample_weight is None else sample_weight
    weight = _flat_array(weight, "sample_weight", n_samples, "numeric")
    weight = check_array(
        weight, dtype=float, ensure_2d=False, input_name="sample_weight"
    )
    if (weight < 0).any():
        raise ValueError(
            f"sample_weight of {metric} must hold numbers from 0. Got {weight.min():g}."
        )
    if not weight[mask].any():
        side = "outside" if metric == "collateral_damage" else "in"
        warnings.warn(
            f"{metric} is NaN: no row of the {n_samples} given is {side} the target.",
            UndefinedMetricWarning,
            stacklevel=4,
        )
        return np.zeros(n_samples)
    # The largest is 1, so that sums neither overflow nor underflow.
    return np.where(mask, weight, 0.0) / weight[mask].max()


def _check_membership(membership, y_true):
    mask = _flat_array(membership, "membership", None, "boolean")
    if mask.dtype != bool:
        raise ValueError(
            "membership must be a boolean array of shape (n_samples,), True for the "
            f"rows of the target. Got dtype {mask.dtype} and shape {mask.shape}."
        )
    check_consistent_length(mask, y_true)
    return mask


def _flat_array(values, name, n, what):
    """Values as an array of one dimension, and of ``n`` where that is given."""
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        array = np.empty((), dtype=object)
    is_masked = isinstance(values, np.ma.MaskedArray)
    if is_masked or array.ndim != 1 or len(array) != (len(array) if n is None else n):
        kind = "a masked array" if is_masked else f"dtype {array.dtype}"
        wanted = "n_samples" if n is None else n
        raise ValueError(
            f"{name} must be a {what} array of shape ({wanted},), one for each row. "
            f"Got {kind} and shape {array.shape}."
        )
    return array
