"""What tells of a subpopulation's vulnerability without an attack."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtr
from scipy.stats import rankdata

PREDICTORS = ["n_train", "clean_accuracy", "ambient_share", "margin", "loss_difference"]
# Fewer pairs than this say nothing about a rank correlation.
MIN_PAIRS = 4


def susceptibility(y, membership, labels, *, proba=None, scores=None):
    """Predict the vulnerability of each subpopulation from the clean model.

    Parameters
    ----------
    y : ndarray of shape (n_samples,), dtype=int
        Classes of the attacker's rows, as columns of `proba` and `scores`; -1 for a
        class that the model does not know.

    membership : csc_array of shape (n_samples, n_subpopulations)
        Rows of each subpopulation.

    labels : ndarray of shape (n_subpopulations,), dtype=int
        Class of the poison, -1 where it has several, or one that is unknown.

    proba : ndarray of shape (n_samples, n_classes), default=None
        Probabilities that the clean model gives.

    scores : ndarray of shape (n_samples, n_classes) or (n_samples,), default=None
        Its decision values, signed where there are two classes. Used where there are
        no probabilities.

    Returns
    -------
    susceptibility : DataFrame
        One row for each subpopulation:

        - ambient_share: share of its rows that have the class of the poison;
        - margin: mean over its rows of the score of the own class less the best
          other one;
        - loss_difference: increase of the mean log loss over all rows if the clean
          model exchanged the probabilities of the own class and that of the poison on
          the target, and were the same everywhere else.

        NaN where there are no rows, or what is needed is not given.

    Notes
    -----
    ``loss_difference`` is what it costs a learner to be wrong on the target and
    nowhere else, were it free to. In [1]_ the model that is wrong on the target is
    trained; this one need not be within the learner's reach.

    References
    ----------
    .. [1] E. Rose, F. Suya, D. Evans. "Understanding Variation in Subpopulation
       Susceptibility to Poisoning Attacks", 2023. :arxiv:`2311.11544`
    """
    y, labels = np.asarray(y), np.asarray(labels)
    sizes = np.diff(membership.indptr)
    rows = membership.indices
    # One entry for each row of each subpopulation.
    of_entry = np.repeat(np.arange(len(sizes)), sizes)
    label = labels[of_entry]

    def mean(values):
        return _mean_by(of_entry, values, sizes)

    ambient = np.where(label < 0, np.nan, y[rows] == label)
    return pd.DataFrame(
        {
            "ambient_share": mean(ambient),
            "margin": mean(_margins(y, proba, scores)[rows]),
            "loss_difference": mean(_losses(y[rows], label, rows, proba))
            * (sizes / max(1, len(y))),
        }
    )


def _mean_by(group, values, sizes):
    """Means by group; NaN where one has no values, or one that is NaN."""
    # Models fitted on extended precision give it back, which is more than is counted.
    sums = np.bincount(group, np.asarray(values, float), minlength=len(sizes))
    return np.divide(sums, sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)


def _margins(y, proba, scores):
    """Score of the own class less the best other one."""
    if proba is None and scores is None:
        return np.full(len(y), np.nan)
    scores = np.asarray(scores if proba is None else proba, dtype=float)
    if scores.ndim == 1 or scores.shape[1] == 1:
        return np.where(y == 0, -1, 1) * np.where(y < 0, np.nan, scores.ravel())
    own = np.arange(scores.shape[1]) == y[:, None]
    other = np.where(own, -np.inf, scores).max(axis=1)
    return np.where(y < 0, np.nan, scores[np.arange(len(y)), y] - other)


def _losses(y, label, rows, proba):
    """Log loss that each row gains if the two probabilities change places."""
    if proba is None:
        return np.full(len(y), np.nan)
    tiny = np.finfo(proba.dtype).eps
    own, poison = (np.log(np.clip(proba[rows, c], tiny, 1)) for c in (y, label))
    return np.where((y < 0) | (label < 0), np.nan, own - poison)


def local_scores(model, X, y, membership, labels):
    """Margin and loss difference of each subpopulation under a fitted model.

    Parameters
    ----------
    model : classifier
        The fitted clean model.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        The attacker's rows, as the model reads them.

    y : ndarray of shape (n_samples,)
        Their class labels.

    membership : csc_array of shape (n_samples, n_subpopulations)
        Rows of each subpopulation.

    labels : dict
        Class label of the poison of each subpopulation, by its number; those that
        are poisoned with several labels are left out.

    Returns
    -------
    margins, loss_differences : ndarray of shape (n_subpopulations,)
        NaN where the model has no scores, or no probabilities or labels.
    """
    classes = np.asarray(getattr(model, "classes_", []))
    proba = scores = None
    if len(classes):
        proba = (
            np.asarray(model.predict_proba(X)) if _has(model, "predict_proba") else None
        )
    if proba is None and len(classes) and _has(model, "decision_function"):
        scores = np.asarray(model.decision_function(X))
        if scores.ndim == 2 and scores.shape[1] != len(classes):
            # One column for each pair of classes.
            scores = None
    codes = np.full(membership.shape[1], -1)
    for k, label in labels.items():
        codes[k] = _codes(np.array([label]), classes)[0]
    found = susceptibility(
        _codes(y, classes), membership, codes, proba=proba, scores=scores
    )
    return found["margin"].to_numpy(), found["loss_difference"].to_numpy()


def _has(model, method):
    return callable(getattr(model, method, None))


def _codes(labels, classes):
    """Place of each label among the sorted classes, -1 for others."""
    if len(classes) == 0:
        return np.full(len(labels), -1)
    codes = np.searchsorted(classes, labels)
    codes[codes == len(classes)] = 0
    return np.where(classes[codes] == labels, codes, -1)


def rank_correlations(summary):
    """Correlate the ranks of each predictor with those of the damage.

    Parameters
    ----------
    summary : DataFrame
        One row for each subpopulation: target_damage and the predictors n_train,
        clean_accuracy, ambient_share, margin and loss_difference.

    Returns
    -------
    correlations : DataFrame
        One row for each predictor: predictor, spearman, the ends low and high of its
        95 % interval, and a two-sided p_value. NaN where a column is constant or
        fewer than four subpopulations have both figures.

    Notes
    -----
    Intervals are those of Fisher's z with the variance (1 + r^2 / 2) / (n - 3) of
    [1]_, p-values those of Student's t. Both would be certain of a perfect order, so
    they take r as at most 1 - 6 / (n^3 - n), half of what one exchange of neighbors
    changes. Subpopulations are taken as independent.

    References
    ----------
    .. [1] D. G. Bonett, T. A. Wright. "Sample size requirements for estimating
       Pearson, Kendall and Spearman correlations", Psychometrika 65, 2000.
       :doi:`10.1007/BF02294183`
    """
    damage = summary["target_damage"].to_numpy(dtype=float)
    return pd.DataFrame(
        [(name, *_spearman(summary[name], damage)) for name in PREDICTORS],
        columns=["predictor", "spearman", "low", "high", "p_value"],
    )


def _spearman(predictor, damage):
    predictor = predictor.to_numpy(dtype=float)
    known = ~(np.isnan(predictor) | np.isnan(damage))
    x, y = predictor[known], damage[known]
    n = len(x)
    if n < MIN_PAIRS or np.ptp(x_ranks := rankdata(x)) == 0 or np.ptp(rankdata(y)) == 0:
        return np.nan, np.nan, np.nan, np.nan
    r = float(np.clip(np.corrcoef(x_ranks, rankdata(y))[0, 1], -1, 1))
    most = 1 - 6 / (n**3 - n)
    near = np.clip(r, -most, most)
    half = ndtri(0.975) * np.sqrt((1 + near**2 / 2) / (n - 3))
    low, high = np.tanh(np.arctanh(near) + half * np.array([-1, 1]))
    t = abs(near) * np.sqrt((n - 2) / (1 - near**2))
    return r, float(min(low, r)), float(max(high, r)), float(2 * stdtr(n - 2, -t))
