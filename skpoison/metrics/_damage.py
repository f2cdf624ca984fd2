"""Damage of a poisoned model, against its clean twin."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_consistent_length, column_or_1d


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
        Weights of the rows.

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
        Weights of the rows.

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
        Weights of the rows.

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
    return 1.0 - _accuracy(y_true, y_poisoned, mask, sample_weight, "target_error")


def _damage(y_true, y_clean, y_poisoned, mask, sample_weight, metric):
    before = _accuracy(y_true, y_clean, mask, sample_weight, metric)
    if np.isnan(before):
        return before
    return before - _accuracy(y_true, y_poisoned, mask, sample_weight, metric)


def _accuracy(y_true, y_pred, mask, sample_weight, metric):
    y_true, y_pred = column_or_1d(y_true), column_or_1d(y_pred)
    check_consistent_length(y_true, y_pred, mask, sample_weight)
    weight = np.ones(len(mask)) if sample_weight is None else np.asarray(sample_weight)
    total = weight[mask].sum()
    if total == 0:
        side = "outside" if metric == "collateral_damage" else "in"
        warnings.warn(
            f"{metric} is NaN: no row of the {len(mask)} given is {side} the target.",
            UndefinedMetricWarning,
            stacklevel=4,
        )
        return float("nan")
    return float(weight[mask] @ (y_true == y_pred)[mask] / total)


def _check_membership(membership, y_true):
    mask = np.asarray(membership)
    if mask.dtype != bool or mask.ndim != 1:
        raise ValueError(
            "membership must be a boolean array of shape (n_samples,), True for the "
            f"rows of the target. Got dtype {mask.dtype} and shape {mask.shape}."
        )
    check_consistent_length(mask, y_true)
    return mask
