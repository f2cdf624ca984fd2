"""Budget at which half of a target is misclassified."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from itertools import groupby

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skpoison.audit._damages import budgets, changes_by_repeat
from skpoison.audit._intervals import deviations, interval
from skpoison.utils._random import draw_seed

HALF = 0.5
# Rounding of means, far below one test row.
TOLERANCE = 1e-9


def alpha50(evidence, random_state=None):
    """Smallest budget at which half of a target's test rows are misclassified.

    Parameters
    ----------
    evidence : Evidence
        The models of one arm.

    random_state : int, RandomState instance or None, default=None
        Seeds the bootstrap. What it draws for one subpopulation does not depend on
        the others.

    Returns
    -------
    alpha50 : DataFrame
        One row for each subpopulation, in order: alpha50, and the ends alpha50_low
        and alpha50_high of its 95 % interval. Infinite where it is beyond the largest
        alpha, 0 where the clean twin is there already, NaN where all models have an
        error, those of the largest alpha where it is not reached below, or the target
        has no test rows.

    Notes
    -----
    The error on the target at alpha is that of the clean twin plus the damage, in
    the mean over repeats; between alphas it is linear, and it counts as never
    falling (the running maximum), as an attacker with a larger budget need not use
    all of it. Intervals are quantiles over the curves that
    :func:`~skpoison.audit._intervals.deviations` draws, all alphas together.
    """
    seed = draw_seed(check_random_state(random_state))
    records = []
    for k, cells in groupby(budgets(evidence), key=lambda cell: cell[0]):
        cells = [(alpha, models) for _, _, alpha, models in cells]
        usable = [(alpha, models) for alpha, models in cells if len(models)]
        rng = np.random.default_rng((seed, k))
        found = _alpha50_of(evidence, k, usable, rng)
        if np.isinf(found[0]) and usable[-1][0] < cells[-1][0]:
            # Nothing is known of the largest alpha.
            found = np.nan, np.nan, np.nan
        names = ("alpha50", "alpha50_low", "alpha50_high")
        records.append({"subpopulation": k, **dict(zip(names, found, strict=True))})
    return pd.DataFrame(records)


def _alpha50_of(evidence, k, usable, rng):
    members = evidence.members(k)
    n_rows = len(members)
    if not usable or n_rows == 0:
        return np.nan, np.nan, np.nan
    wrong = ~evidence.clean_correct[:, members]
    errors = np.array(
        [wrong.astype(float)]
        + [wrong + changes_by_repeat(evidence, m, members) for _, m in usable]
    )
    levels = errors.mean(axis=2)
    # One more row lost and one more gained, as in the intervals of the damage.
    two = np.ones((*levels.shape, 2)) * [1, -1]
    two[0] = 0
    rows = np.concatenate([errors - levels[:, :, None], two], axis=2) / n_rows
    curve = levels.mean(axis=1)
    alphas = np.array([0.0] + [alpha for alpha, _ in usable])
    value = crossings(alphas, curve[None])[0]
    drawn = crossings(alphas, curve + deviations(rows, levels, rng))
    return value, *interval(value, drawn, (0, np.inf))


def crossings(alphas, errors):
    """Budget at which each curve first reaches one half.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
        Increasing, 0 first.

    errors : ndarray of shape (n_curves, n_alphas)
        Error rates.

    Returns
    -------
    crossings : ndarray of shape (n_curves,)
        Budgets, infinite where one half is not reached.
    """
    errors = np.maximum.accumulate(errors, axis=1)
    reached = errors >= HALF - TOLERANCE
    after = np.maximum(reached.argmax(axis=1), 1)
    curve = np.arange(len(errors))
    start, end = errors[curve, after - 1], errors[curve, after]
    step = np.clip((HALF - start) / np.maximum(end - start, TOLERANCE), 0, 1)
    budget = alphas[after - 1] + step * (alphas[after] - alphas[after - 1])
    return np.where(reached[:, 0], 0.0, np.where(reached.any(axis=1), budget, np.inf))
