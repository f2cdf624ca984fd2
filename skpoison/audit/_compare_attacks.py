"""One table of attacks of different kinds."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_random_state

from skpoison.audit._arguments import check_left_out
from skpoison.audit._outcomes import damage_figures
from skpoison.audit._trials import (
    check_victim,
    craft_all,
    outcomes,
    set_apart,
    with_frozen_finder,
    with_names,
)
from skpoison.base import BaseSubpopPoisoner
from skpoison.utils._random import LARGEST_SEED, draw_seed
from skpoison.utils._sklearn import N_JOBS, Interval, validate_parameter_constraints

OWNER = "compare_attacks"
CONSTRAINTS = {
    "attacks": [dict, list, tuple],
    "n_repeats": [Interval(Integral, 1, None, closed="left")],
    "n_jobs": N_JOBS,
    "random_state": ["random_state"],
}


def compare_attacks(
    attacks,
    estimator,
    X,
    y,
    *,
    X_test,
    y_test,
    X_aux=None,
    y_aux=None,
    n_repeats=5,
    n_jobs=None,
    random_state=None,
):
    """Compare attacks of different kinds against one victim.

    All attacks face the same victim on the same rows, and are told apart by what they
    aim at, what they cost, what they do, and what they need at test time.

    Parameters
    ----------
    attacks : dict of str to poisoner, or list of poisoners
        The attacks, by name; those of a list have the names of their classes. Their
        `random_state` is set here, and their finders are fitted once and frozen.

    estimator : classifier
        The victim: any classifier, or a pipeline that ends in one.

    X : {array-like, sparse matrix, dataframe, list of str} of shape (n_samples, ...)
        Training rows.

    y : array-like of shape (n_samples,)
        Their class labels.

    X_test : {array-like, sparse matrix, dataframe, list of str} of shape \
            (n_test, ...)
        Rows of the test, of the same kind as X.

    y_test : array-like of shape (n_test,)
        Their class labels.

    X_aux : {array-like, sparse matrix, dataframe, list of str}, default=None
        The attacker's rows, of the same kind as X. `None` splits off the `aux_size`
        of the attacks, once for all; where that is None, attackers see X.

    y_aux : array-like of shape (n_aux,), default=None
        Class labels of `X_aux`.

    n_repeats : int, default=5
        How often each attack is repeated, with other poison and another seed of a
        victim whose `random_state` is None. The rows and the targets stay.

    n_jobs : int, default=None
        Number of attacks that are crafted, and of repeats that are trained, at a
        time; `None` is 1 unless in a :func:`joblib.parallel_config` context. It does
        not change the results.

    random_state : int, RandomState instance or None, default=None
        Seeds the split, the finders, the attacks and the victims.

    Returns
    -------
    table : DataFrame
        One row for each attack, in the order given:

        - `attack` and the name of its `target`;
        - `n_poison` and `poison_share`: poison rows, as a number and as a fraction of
          the clean training rows;
        - `at_test_time`: what the attacker has to do to the rows of the test;
        - `n_target_test`: test rows of the target;
        - `clean_accuracy`: of the clean twin on these rows, as the attacker leaves
          them, in [0, 1];
        - `target_damage`: accuracy that is lost there, in [-1, 1], with the ends
          `target_damage_low` and `target_damage_high` of its 95 % interval. NaN, with
          a warning, where the target has no test rows;
        - `collateral_damage`, `collateral_damage_low`, `collateral_damage_high`: the
          same on the rows that the attack does not aim at. NaN where it aims at all.

    See Also
    --------
    transfer_matrix : Compares surrogates of one attack.
    skpoison.attacks.everything : The target of an availability attack.
    skpoison.attacks.SpecificRows : That of a targeted attack.
    skpoison.attacks.BackdoorPoisoner : An attack with a trigger.

    Notes
    -----
    The table has the kinds of table 1 of [1]_. Damage is the accuracy of the clean
    twin less that of the poisoned victim on the same rows. Where an attack stamps a
    trigger, target damage is measured on rows of the target with the trigger, for the
    twin as well, so that a trigger which confuses any model is no damage. All test
    rows without it count as collateral, those of the target included.

    Intervals tell how far the means would move with other test rows and, from two
    repeats on, other poison and other seeds. They are conditional on the training
    rows, the attacker's rows and the targets. The rows of
    :class:`~skpoison.attacks.SpecificRows` are no sample of anything: the interval of
    what they lose is over the repeats alone, and one repeat tells nothing.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.preprocessing import scale
    >>> from skpoison import ClusterMatch, SubpopPoisoner
    >>> from skpoison.attacks import BackdoorPoisoner, everything
    >>> from skpoison.audit import compare_attacks
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(scale(X), y, random_state=0)
    >>> attacks = {
    ...     "availability": SubpopPoisoner(target=everything, alpha=0.2),
    ...     "subpopulation": SubpopPoisoner(ClusterMatch(4), target=1),
    ...     "backdoor": BackdoorPoisoner(target=everything, alpha=0.2),
    ... }
    >>> table = compare_attacks(
    ...     attacks,
    ...     LogisticRegression(),
    ...     X,
    ...     y,
    ...     X_test=X_test,
    ...     y_test=y_test,
    ...     random_state=0,
    ... )
    >>> columns = ["attack", "n_poison", "target_damage", "at_test_time"]
    >>> table[columns].round(2)
              attack  n_poison  target_damage       at_test_time
    0   availability        85           0.04               none
    1  subpopulation        85           0.38               none
    2       backdoor        85           0.42  stamp the trigger
    """
    given = {"attacks": attacks, "n_repeats": n_repeats, "n_jobs": n_jobs}
    given["random_state"] = random_state
    validate_parameter_constraints(CONSTRAINTS, given, OWNER)
    attacks = _check_attacks(attacks)
    check_victim(estimator, "estimator", OWNER)
    rng = check_random_state(random_state)
    aux_size = _common_aux_size(attacks)
    data = set_apart(X, y, (X_aux, y_aux), (X_test, y_test), aux_size, rng, OWNER)
    finder_seed, bootstrap_seed = draw_seed(rng), draw_seed(rng)
    poison_seeds, victim_seeds = rng.randint(LARGEST_SEED, size=(2, int(n_repeats)))
    frozen = {
        name: with_frozen_finder(poisoner, [poisoner.target], data, finder_seed)
        for name, poisoner in attacks.items()
    }
    seeds = np.tile(poison_seeds, (len(attacks), 1))
    crafted = craft_all(list(frozen.items()), data, seeds, n_jobs)
    found = outcomes([estimator], crafted, data, victim_seeds, n_jobs)[0]
    records = []
    for i, (name, poisoner) in enumerate(frozen.items()):
        about = _about(name, poisoner, crafted[i][0], data)
        records.append(about | damage_figures([found[i]], bootstrap_seed))
    return pd.DataFrame(records)


def _check_attacks(attacks):
    attacks = with_names(attacks, "attacks", OWNER)
    for name, poisoner in attacks.items():
        if not isinstance(poisoner, BaseSubpopPoisoner):
            raise ValueError(
                f"attacks of {OWNER} must be poisoners, for example SubpopPoisoner(). "
                f"Got {poisoner!r} for {name!r}."
            )
        check_left_out(poisoner, ["random_state"], OWNER)
    return attacks


def _common_aux_size(attacks):
    sizes = {name: poisoner.aux_size for name, poisoner in attacks.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(
            f"attacks of {OWNER} must have one aux_size, so that all face the same "
            f"victim. Got {sizes}."
        )
    return next(iter(sizes.values()))


def _about(name, poisoner, crafted, data):
    """Tell what is known of an attack before any victim is trained."""
    n_poison, n_target = len(crafted.poison[1]), int(crafted.aimed.sum())
    if n_target == 0:
        warnings.warn(
            f"target_damage of attack {name!r} is NaN: no row of the "
            f"{len(data.test)} of X_test is in the target.",
            UndefinedMetricWarning,
            stacklevel=3,
        )
    return {
        "attack": name,
        "target": crafted.target_name,
        "n_poison": n_poison,
        "poison_share": n_poison / len(data.train),
        "at_test_time": poisoner.test_time_requirement,
        "n_target_test": n_target,
    }
