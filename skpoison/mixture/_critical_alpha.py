"""The budget at which a subpopulation turns, as predicted and as measured."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils import check_random_state

from skpoison.finders._base import subpopulation_index
from skpoison.mixture._budgets import draw_poisons, find_attack, find_source
from skpoison.mixture._measuring import (
    check_classifier,
    check_test_labels,
    check_training,
    differ,
    place,
)
from skpoison.mixture._noise import check_noise
from skpoison.mixture._partition import fit_partition
from skpoison.mixture._two_worlds import LABELS
from skpoison.refit import refit_poisoned
from skpoison.utils._containers import take
from skpoison.utils._random import seeded_clone
from skpoison.utils._sklearn import (
    N_JOBS,
    HasMethods,
    Interval,
    StrOptions,
    validate_parameter_constraints,
)

OWNER = "critical_alpha"
CONSTRAINTS = {
    "estimator": [HasMethods(["fit", "predict"])],
    "finder": [HasMethods(["fit", "predict"]), HasMethods(["fit", "transform"]), None],
    "label": [StrOptions(set(LABELS))],
    "alphas": ["array-like", None],
    "targets": [list, tuple, None],
    "noise": "no_validation",
    "n_repeats": [Interval(Integral, 1, None, closed="left")],
    "n_jobs": N_JOBS,
    "random_state": ["random_state"],
}
HALF = 0.5
# Rounding of means, far below one test row.
TOLERANCE = 1e-9


def critical_alpha(
    estimator,
    X,
    y,
    finder=None,
    *,
    X_test,
    y_test,
    label="flip",
    alphas=None,
    targets=None,
    noise=None,
    X_aux=None,
    y_aux=None,
    n_repeats=3,
    n_jobs=None,
    random_state=None,
):
    r"""Find the budget at which subpopulations turn, predicted and measured.

    The poison of the impossibility result turns a learner that decides locally at a
    budget that the labels of a subpopulation tell beforehand. It is carried out here,
    with increasing budgets, on any model.

    Parameters
    ----------
    estimator : classifier
        The model, or a pipeline that ends in one. A clone is trained for each target,
        budget and repeat.

    X : {array-like, sparse matrix, dataframe, list of str} of shape (n_samples, ...)
        Training rows.

    y : array-like of shape (n_samples,)
        Their class labels.

    finder : finder, default=None
        What finds the subpopulations, with disjoint supports: a partition finder, a
        clusterer, or a mixture with `predict`. A clone is fitted on X. `None` is
        :class:`~skpoison.finders.ClusterMatch` with its defaults.

    X_test : {array-like, sparse matrix, dataframe, list of str} of shape (n_test, ...)
        Rows of the test, of the same kind as X.

    y_test : array-like of shape (n_test,)
        Their class labels.

    label : {"flip", "constant"}, default="flip"
        - "flip": the poison repeats rows of the two most frequent classes of the
          target with their labels swapped.
        - "constant": it repeats rows of its most frequent class with the label of the
          next.

    alphas : array-like of shape (n_alphas,), default=None
        Budgets, poison rows for each training row of the target, at least 0 and one
        above. `None` is 0.1 to 2 in steps of 0.1. The clean model, alpha 0, is always
        among them.

    targets : list of int or str, default=None
        Numbers or names of the subpopulations that are attacked, each once. `None` is
        all.

    noise : float or array-like of shape (n_subpopulations,), default=None
        Share of the less frequent of a target's two swapped classes among the rows
        of both, in [0, 0.5), for all subpopulations or for each: what is predicted is
        then for labels yet to be drawn. `None` is what the training labels show.

    X_aux : {array-like, sparse matrix, dataframe, list of str}, default=None
        The attacker's rows, of the same kind as X. The poison then repeats those of
        the target, which are new to the model, and none of X. They stay new up to the
        budget at which all have been used.

    y_aux : array-like of shape (n_aux,), default=None
        Class labels of `X_aux`.

    n_repeats : int, default=3
        How often each attack is repeated, with other rows drawn. The seed of the
        estimator is the same.

    n_jobs : int, default=None
        Number of models that are trained at a time; `None` is 1 unless in a
        :func:`joblib.parallel_config` context. It does not change the results.

    random_state : int, RandomState instance or None, default=None
        Seeds the finder, the rows that are drawn and the estimator.

    Returns
    -------
    table : DataFrame
        One row for each target, in the order of `targets`:

        - `name`; `size`, its rows in X; `n_test`, in `X_test`;
        - `noise`: share of the less frequent of its two swapped classes among the rows
          of both, in [0, 0.5]; or as given;
        - `clean_error`: of the clean model on its test rows, in [0, 1];
        - `predicted`: budget at which the two worlds of the impossibility result look
          the same, in [0, 1]. With two classes 1 for "flip", and 1 - 2 `noise` for
          "constant";
        - `measured`: budget at which the error on its test rows reaches one half.
          Infinite where it is beyond the grid, 0 where the clean model is there
          already;
        - `measured_from`, `measured_to`: the budgets of the grid around it, which are
          all that the models tell.

    Raises
    ------
    ValueError
        If `noise` is at or above one half; if the model is k-nearest neighbors, or a
        pipeline that ends in them, with `n_neighbors` larger than the smallest
        target; if y is continuous; if subpopulations overlap or have no row in X; if
        a target has no test rows, or none in `X_aux` that the poison could repeat.

    See Also
    --------
    impossibility_bound : The prediction, for all subpopulations at once.
    locality : How local the decisions of a model are.
    SubpopulationMixtureClassifier : The learner that the prediction is for.
    skpoison.SubpopulationAudit : Damage and its intervals, for all subpopulations.

    Notes
    -----
    The prediction is for a learner that predicts the majority label of each
    subpopulation. With a and b the two most frequent classes of a target of n rows,
    the poison balances them after

    .. math:: m = n_a + n_b \quad \text{or} \quad m = n_a - n_b

    rows, for "flip" and "constant", and from there on b is the majority. There the
    poisoned data says nothing about which class is the true one, to any learner
    without other knowledge of it; one with such knowledge, say from the neighborhood,
    can hold out for longer. One that fits single rows has an error in between, and
    may not reach one half: 1-nearest neighbors decide by which copy of a row is nearer,
    and rows that they have seen already are wasted on them. Compare with `X_aux`.

    The error is the mean over repeats, linear between budgets, and counts as never
    falling (the running maximum), as an attacker with a larger budget need not use all
    of it. With more than two classes, or noisy test labels, a model may be wrong on
    half of a target without poison.

    Rows are drawn without replacement until all have been used, and the poison of a
    smaller budget is part of that of a larger one. Number of models: targets times
    repeats times budgets, trained by one call of
    :func:`~skpoison.refit.refit_poisoned`; choose `targets` where an estimator without
    an engine is slow, or large.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    A learner of local majorities turns where it was predicted to:

    >>> from sklearn.cluster import KMeans
    >>> from sklearn.frozen import FrozenEstimator
    >>> from skpoison.datasets import make_subpopulations
    >>> from skpoison.mixture import SubpopulationMixtureClassifier, critical_alpha
    >>> X, y, _ = make_subpopulations(2000, 4, noise=0.2, random_state=0)
    >>> finder = FrozenEstimator(KMeans(4, random_state=0).fit(X[:1000]))
    >>> table = critical_alpha(
    ...     SubpopulationMixtureClassifier(finder),
    ...     X[:1000],
    ...     y[:1000],
    ...     finder,
    ...     X_test=X[1000:],
    ...     y_test=y[1000:],
    ...     label="constant",
    ...     random_state=0,
    ... )
    >>> columns = ["name", "size", "noise", "clean_error", "predicted", "measured"]
    >>> table[columns].round(2)
          name  size  noise  clean_error  predicted  measured
    0  kmeans0   213   0.22         0.20       0.56      0.55
    1  kmeans1   365   0.24         0.18       0.53      0.55
    2  kmeans2   321   0.18         0.22       0.63      0.65
    3  kmeans3   101   0.26         0.16       0.49      0.45
    """
    given = {"estimator": estimator, "finder": finder, "label": label}
    given |= {"alphas": alphas, "targets": targets, "noise": noise}
    given |= {"n_repeats": n_repeats, "n_jobs": n_jobs, "random_state": random_state}
    validate_parameter_constraints(CONSTRAINTS, given, OWNER)
    check_classifier(estimator, OWNER)
    alphas = _check_alphas(alphas)
    X, y = check_training(X, y, OWNER)
    rng = check_random_state(random_state)
    partition = fit_partition(finder, X, y, OWNER, rng)
    targets = _check_targets(targets, partition)
    _check_neighbors(estimator, partition, targets)
    noise = check_noise(noise, len(partition.names), OWNER)
    X_test, codes = place(partition, X, X_test, "X_test", OWNER)
    y_test = check_test_labels(y, X_test, y_test, OWNER)
    source = find_source(partition, X, y, X_aux, y_aux, OWNER)
    attacks = [
        find_attack(partition, y, k, codes, source, label, noise[k], OWNER)
        for k in targets
    ]
    poisons = [
        poison
        for attack in attacks
        for _ in range(n_repeats)
        for poison in draw_poisons(attack, source, label, alphas[1:], rng, OWNER)
    ]
    nothing = take(X, np.empty(0, np.intp)), y[:0]
    models = refit_poisoned(
        seeded_clone(estimator, rng), X, y, [nothing, *poisons], n_jobs=n_jobs
    )
    is_wrong = differ(models, X_test, y_test)
    shape = len(attacks), int(n_repeats), len(alphas) - 1
    models_of = 1 + np.arange(len(poisons)).reshape(shape)
    return pd.DataFrame(
        [
            _record(attack, is_wrong[:, attack.tested], own, alphas)
            for attack, own in zip(attacks, models_of, strict=True)
        ]
    )


def _check_alphas(alphas):
    """Budgets in increasing order, each once, 0 first."""
    if alphas is None:
        return np.arange(21) / 10
    try:
        checked = np.asarray(alphas)
    except ValueError:  # of lists of different lengths
        checked = np.asarray(alphas, dtype=object)
    is_budget = checked.ndim == 1 and checked.dtype.kind in "iuf"
    if not is_budget or not (np.isfinite(checked) & (checked >= 0)).all():
        raise ValueError(
            f"alphas of {OWNER} must be a list of numbers of at least 0. Got "
            f"{alphas!r}."
        )
    checked = np.unique(np.append(checked.astype(float), 0))
    if len(checked) < 2:
        raise ValueError(
            f"alphas of {OWNER} must have a budget above 0, as the clean model alone "
            f"tells no budget. Got {alphas!r}."
        )
    return checked


def _check_targets(targets, partition):
    """Numbers of the subpopulations that are attacked."""
    if targets is None:
        return list(range(len(partition.names)))
    if not targets:
        raise ValueError(f"targets of {OWNER} must name at least one. Got {targets!r}.")
    if any(isinstance(target, bool) for target in targets):
        raise ValueError(
            f"targets of {OWNER} must be numbers or names of subpopulations. Got "
            f"{targets!r}, of which one is a bool."
        )
    numbers = [subpopulation_index(partition.finder, target) for target in targets]
    if len(set(numbers)) < len(numbers):
        raise ValueError(
            f"targets of {OWNER} must name each subpopulation once. Got {targets!r}."
        )
    if max(numbers) >= len(partition.names):
        raise ValueError(
            f"targets of {OWNER} must be subpopulations of "
            f"{type(partition.finder).__name__}, in [0, {len(partition.names) - 1}]. "
            f"Got {targets!r}."
        )
    return numbers


def _check_neighbors(estimator, partition, targets):
    """Make sure that neighbors of a row can all be in its subpopulation."""
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    smallest = min(targets, key=lambda k: partition.sizes[k])
    size = partition.sizes[smallest]
    if isinstance(estimator, KNeighborsClassifier) and estimator.n_neighbors > size:
        raise ValueError(
            f"{OWNER} predicts for decisions that are local: n_neighbors of "
            f"{type(estimator).__name__} must not exceed the number of rows of the "
            f"smallest target, {size} in {partition.names[smallest]!r}. Got "
            f"n_neighbors={estimator.n_neighbors}. Lower it, or choose larger targets."
        )


def _record(attack, is_wrong, models, alphas):
    """One row of the table."""
    errors = is_wrong.mean(axis=1)
    curve = np.append(errors[0], errors[models].mean(axis=0))
    measured, below, above = crossing(alphas, curve)
    return {
        "name": attack.name,
        "size": attack.size,
        "n_test": len(attack.tested),
        "noise": attack.noise,
        "clean_error": errors[0],
        "predicted": attack.predicted,
        "measured": measured,
        "measured_from": below,
        "measured_to": above,
    }


def crossing(alphas, errors):
    """Budget at which the error first reaches one half.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
        Budgets, increasing, 0 first.

    errors : ndarray of shape (n_alphas,)
        Error rates, which count as never falling.

    Returns
    -------
    budget, below, above : float
        The budget, and those of the grid around it.
    """
    errors = np.maximum.accumulate(errors)
    reached = np.flatnonzero(errors >= HALF - TOLERANCE)
    if not len(reached):
        return np.inf, alphas[-1], np.inf
    if reached[0] == 0:
        return 0.0, 0.0, 0.0
    below, above = alphas[reached[0] - 1 : reached[0] + 1]
    start, end = errors[reached[0] - 1 : reached[0] + 1]
    step = min((HALF - start) / (end - start), 1)
    return below + step * (above - below), below, above
