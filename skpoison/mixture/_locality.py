"""How far predictions inside a subpopulation move when data outside changes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy.special import stdtrit
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_random_state

from skpoison.mixture._measuring import (
    check_classifier,
    check_training,
    differ,
    place,
)
from skpoison.mixture._partition import fit_partition
from skpoison.mixture._two_worlds import draw_poison, swapped_classes
from skpoison.refit import refit_poisoned
from skpoison.utils._containers import take
from skpoison.utils._poison_count import count_poison
from skpoison.utils._random import seeded_clone
from skpoison.utils._sklearn import (
    N_JOBS,
    HasMethods,
    Interval,
    validate_parameter_constraints,
)

OWNER = "locality"
CONSTRAINTS = {
    "estimator": [HasMethods(["fit", "predict"])],
    "finder": [HasMethods(["fit", "predict"]), HasMethods(["fit", "transform"]), None],
    "n_changes": [Interval(Integral, 2, None, closed="left")],
    "share": [Interval(Real, 0, 1, closed="neither")],
    "alpha": [Interval(Real, 0, None, closed="neither")],
    "n_jobs": N_JOBS,
    "random_state": ["random_state"],
}


def locality(
    estimator,
    X,
    y,
    finder=None,
    *,
    X_test=None,
    n_changes=20,
    share=0.5,
    alpha=1.0,
    n_jobs=None,
    random_state=None,
):
    """Estimate how local the decisions of a model are, subpopulation by subpopulation.

    A learner is delta-local where no change of the data outside of a subpopulation
    moves its predictions inside by more than delta. Here the data of randomly drawn
    subpopulations is changed, and predictions are compared in those that were left
    alone: `delta` is small where a model decides locally, as the learners of the
    impossibility result do.

    Parameters
    ----------
    estimator : classifier
        The model, or a pipeline that ends in one. A clone is trained for each change.

    X : {array-like, sparse matrix, dataframe, list of str} of shape (n_samples, ...)
        Training rows.

    y : array-like of shape (n_samples,)
        Their class labels.

    finder : finder, default=None
        What finds the subpopulations, at least two with disjoint supports: a
        partition finder, a clusterer, or a mixture with `predict`. A clone is fitted
        on X. `None` is :class:`~skpoison.finders.ClusterMatch` with its defaults.

    X_test : {array-like, sparse matrix, dataframe, list of str} of shape \
            (n_test, ...), default=None
        Rows whose predictions are compared, of the same kind as X. `None` is X.

    n_changes : int, default=20
        Number of changes, even and at least 2. Each subpopulation is left alone by
        half of them.

    share : float, default=0.5
        Share of the subpopulations, in (0, 1), whose data every other change changes,
        at least one and not all; the next change is that of all others.

    alpha : float, default=1.0
        Size of a change: rows added for each row of a changed subpopulation, above 0.
        One row is added at least.

    n_jobs : int, default=None
        Number of models that are trained at a time; `None` is 1 unless in a
        :func:`joblib.parallel_config` context. It does not change the results.

    random_state : int, RandomState instance or None, default=None
        Seeds the finder, the changes and the estimator.

    Returns
    -------
    table : DataFrame
        One row for each subpopulation, in the order of the finder:

        - `name`; `size`, its rows in X; `n_test`, in `X_test`;
        - `delta`: share of its test rows whose prediction changed, in [0, 1], in the
          one of the changes outside that did most;
        - `delta_mean`: the same as a mean over the changes outside, with the ends
          `delta_low` and `delta_high` of its 95 % interval;
        - `own`: share of its test rows whose prediction changed, as a mean over the
          changes in which its own data was among what changed.

        NaN, with a warning, where a subpopulation has no test rows.

    Raises
    ------
    ValueError
        If there are fewer than two subpopulations, if they overlap, or if one has no
        row in X.

    Warns
    -----
    UndefinedMetricWarning
        If a subpopulation has no test rows.

    See Also
    --------
    critical_alpha : The budget at which a model gives up a subpopulation.
    SubpopulationMixtureClassifier : A learner that decides locally, so that its
        `delta` is 0.
    skpoison.refit.refit_poisoned : Trains the models, all at once.

    Notes
    -----
    A change adds to each changed subpopulation rows of its two most frequent classes
    with their labels swapped, `alpha` times as many as it has rows: with two classes
    and `alpha` 1, each row once more with the other label. Rows that are in no
    subpopulation are never changed, and not compared.

    `delta` is a lower bound of the delta of a delta-local learner [2]_, which is over
    all changes of the data outside and over the worst row: other changes may do more.
    No change that was tried damages a subpopulation that it left alone by more than
    its `delta`, in accuracy on these rows. Attacks that were not tried may.

    The interval is that of Student's t over the changes that left the subpopulation
    alone, which are drawn independently. They share the training rows, the test rows
    and the clean model, so that it tells how far the mean would move with other
    changes, and nothing about other data. It is cut off at 0 and 1, is a point where
    all changes did the same, and is NaN for two changes, one of which is inside.

    All models have the same seed. A learner that draws, such as a forest, draws
    otherwise when the number of rows is another, and what that does to its predictions
    is part of all figures.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    .. [2] I. Gupta et al. "Fragile Giants: Understanding the Susceptibility of Models
       to Subpopulation Attacks", 2024. :arxiv:`2410.08872`

    Examples
    --------
    Neighbors decide locally, and a linear model does not. Two wrong labels for each
    row turn the data that they are added to:

    >>> from sklearn.cluster import KMeans
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skpoison.datasets import make_subpopulations
    >>> from skpoison.mixture import locality
    >>> X, y, _ = make_subpopulations(800, 6, random_state=0)
    >>> setting = {"finder": KMeans(6, random_state=0), "alpha": 2, "random_state": 0}
    >>> columns = ["name", "size", "delta", "own"]
    >>> locality(KNeighborsClassifier(15), X, y, **setting)[columns].round(2)
          name  size  delta  own
    0  kmeans0   186    0.0  1.0
    1  kmeans1   204    0.0  1.0
    2  kmeans2   109    0.0  1.0
    3  kmeans3    99    0.0  1.0
    4  kmeans4   124    0.0  1.0
    5  kmeans5    78    0.0  1.0
    >>> locality(LogisticRegression(), X, y, **setting)[columns].round(2)
          name  size  delta   own
    0  kmeans0   186   0.07  1.00
    1  kmeans1   204   0.00  1.00
    2  kmeans2   109   1.00  0.00
    3  kmeans3    99   1.00  1.00
    4  kmeans4   124   1.00  0.70
    5  kmeans5    78   1.00  0.05
    """
    given = {"estimator": estimator, "finder": finder, "n_changes": n_changes}
    given |= {"share": share, "alpha": alpha}
    given |= {"n_jobs": n_jobs, "random_state": random_state}
    validate_parameter_constraints(CONSTRAINTS, given, OWNER)
    _check_even(n_changes)
    check_classifier(estimator, OWNER)
    X, y = check_training(X, y, OWNER)
    rng = check_random_state(random_state)
    partition = fit_partition(finder, X, y, OWNER, rng)
    _check_two(partition)
    X_test, codes = (
        (X, partition.codes)
        if X_test is None
        else place(partition, X, X_test, "X_test", OWNER)
    )
    is_changed = draw_changes(len(partition.names), n_changes, share, rng)
    changes = [draw_change(partition, y, row, alpha, rng) for row in is_changed]
    poisons = [(take(X, rows), labels) for rows, labels in changes]
    nothing = take(X, np.empty(0, np.intp)), y[:0]
    models = refit_poisoned(
        seeded_clone(estimator, rng), X, y, [nothing, *poisons], n_jobs=n_jobs
    )
    inside = np.flatnonzero(codes >= 0)
    moved = differ(models, take(X_test, inside)) if len(inside) else np.empty((1, 0))
    return _table(partition, codes[inside], moved[1:], is_changed)


def _check_even(n_changes):
    if n_changes % 2:
        raise ValueError(
            f"n_changes of {OWNER} must be even: changes come in pairs, and each "
            f"subpopulation is in one of the two. Got {n_changes}."
        )


def _check_two(partition):
    if len(partition.names) < 2:
        raise ValueError(
            f"finder of {OWNER} must give at least two subpopulations, one to change "
            f"and one to leave alone. {type(partition.finder).__name__} gave "
            f"{len(partition.names)}."
        )


def draw_changes(count, n_changes, share, random_state):
    """Draw which subpopulations each change is of, in complementary pairs.

    Parameters
    ----------
    count : int
        Number of subpopulations.

    n_changes : int
        Number of changes, even.

    share : float
        Share of the subpopulations in the first change of each pair.

    random_state : RandomState instance
        Draws.

    Returns
    -------
    is_changed : ndarray of shape (n_changes, count), dtype=bool
        True in one change of each pair.
    """
    n_first = min(max(1, round(share * count)), count - 1)
    is_changed = np.zeros((n_changes, count), dtype=bool)
    for pair in range(0, n_changes, 2):
        is_changed[pair, random_state.permutation(count)[:n_first]] = True
        is_changed[pair + 1] = ~is_changed[pair]
    return is_changed


def draw_change(partition, y, is_changed, alpha, random_state):
    """Draw the rows that a change repeats, and their new labels."""
    sources, new_labels = [], []
    for k in np.flatnonzero(is_changed):
        members = partition.members(k)
        labels = y[members]
        n_added = max(1, count_poison(alpha, len(members), "alpha", OWNER))
        classes = swapped_classes(labels, y)
        drawn = draw_poison(members, labels, classes, "flip", n_added, random_state)
        sources.append(drawn[0])
        new_labels.append(drawn[1])
    return np.concatenate(sources), np.concatenate(new_labels)


def _table(partition, codes, moved, is_changed):
    records, n_tests = [], np.bincount(codes, minlength=len(partition.names))
    _warn_of_empty([partition.names[k] for k in np.flatnonzero(n_tests == 0)])
    for k, name in enumerate(partition.names):
        record = {"name": name, "size": partition.sizes[k], "n_test": n_tests[k]}
        names = ["delta", "delta_mean", "delta_low", "delta_high", "own"]
        figures = [np.nan] * len(names)
        if n_tests[k]:
            shares = moved[:, codes == k].mean(axis=1)
            outside = shares[~is_changed[:, k]]
            own = shares[is_changed[:, k]].mean()
            figures = [outside.max(), outside.mean(), *_interval(outside), own]
        records.append(record | dict(zip(names, figures, strict=True)))
    return pd.DataFrame(records)


def _warn_of_empty(names):
    if names:
        warnings.warn(
            f"{OWNER} is NaN for subpopulations that have no row in X_test: {names}.",
            UndefinedMetricWarning,
            stacklevel=4,
        )


def _interval(shares):
    """Student's 95 % interval of a mean of shares, NaN for one."""
    if len(shares) < 2:
        return np.nan, np.nan
    error = np.std(shares, ddof=1) / np.sqrt(len(shares))
    reach = stdtrit(len(shares) - 1, 0.975) * error
    return tuple(np.clip([shares.mean() - reach, shares.mean() + reach], 0, 1))
