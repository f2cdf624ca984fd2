"""Accuracy under attack, from both sides."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import check_random_state

from skpoison.attacks import SubpopPoisoner
from skpoison.audit._arguments import check_left_out
from skpoison.audit._trials import (
    craft_all,
    set_apart,
    with_frozen_finder,
    with_names,
)
from skpoison.base import BaseSubpopPoisoner
from skpoison.defenses import PartitionAggregation
from skpoison.defenses._budgets import check_budgets
from skpoison.defenses._partitions import poisoned_ballots
from skpoison.defenses._vote_certificates import count_votes
from skpoison.utils._containers import take
from skpoison.utils._parallel import in_parallel, scattered
from skpoison.utils._random import LARGEST_SEED, draw_seed
from skpoison.utils._sklearn import (
    N_JOBS,
    HasMethods,
    Interval,
    validate_parameter_constraints,
)

OWNER = "accuracy_bracket"
CONSTRAINTS = {
    "attacks": [dict, list, tuple],
    "estimator": [PartitionAggregation],
    "finder": [HasMethods(["fit", "predict"]), HasMethods(["fit", "transform"]), None],
    "targets": [list, tuple],
    "collective": ["boolean"],
    "time_limit": [Interval(Real, 0, None, closed="neither")],
    "n_repeats": [Interval(Integral, 1, None, closed="left")],
    "n_jobs": N_JOBS,
    "random_state": ["random_state"],
}
SET_HERE = ("finder", "target", "alpha", "relative_to", "aux_size", "random_state")


def accuracy_bracket(
    attacks,
    estimator,
    X,
    y,
    *,
    X_test,
    y_test,
    n_poison,
    X_aux=None,
    y_aux=None,
    finder=None,
    targets=(0,),
    collective=True,
    time_limit=10.0,
    n_repeats=5,
    n_jobs=None,
    random_state=None,
):
    """Bracket the accuracy of subpopulations under attack from both sides.

    No attack leaves less than the certified accuracy; the attacks given leave no more
    than the attacked one. What the best attack does lies between.

    Parameters
    ----------
    attacks : dict of str to poisoner, or list of poisoners
        The attacks, by name; those of a list have the names of their classes. What
        they aim at and with how many rows is set here.

    estimator : PartitionAggregation
        The victim.

    X : {array-like, sparse matrix, dataframe, list of str} of shape (n_samples, ...)
        Training rows.

    y : array-like of shape (n_samples,)
        Their class labels.

    X_test : {array-like, sparse matrix, dataframe, list of str} of shape \
            (n_test, ...)
        Rows of the test, of the same kind as X.

    y_test : array-like of shape (n_test,)
        Their class labels.

    n_poison : int or array-like of shape (n_budgets,)
        Numbers of rows that are inserted.

    X_aux : {array-like, sparse matrix, dataframe, list of str}, default=None
        The attacker's rows, of the same kind as X. `None` lets attackers see X.

    y_aux : array-like of shape (n_aux,), default=None
        Class labels of `X_aux`.

    finder : finder, default=None
        What finds the subpopulations, on the attacker's rows. `None` is
        :class:`~skpoison.finders.ClusterMatch` with its defaults.

    targets : list of int, str or callable, default=(0,)
        Subpopulations, as the `target` of a poisoner.

    collective : bool, default=True
        Whether to certify the rows of a target together as well, by an integer program
        for each budget.

    time_limit : float, default=10.0
        Seconds, above 0, that each of the programs may take.

    n_repeats : int, default=5
        How often each attack is tried, with other poison. The victim is the same.

    n_jobs : int, default=None
        Number of poisons that are crafted, and of victims that are trained, at a time;
        `None` is 1 unless in a :func:`joblib.parallel_config` context.

    random_state : int, RandomState instance or None, default=None
        Seeds the finder, the attacks and the victim.

    Returns
    -------
    table : DataFrame
        One row for each target and budget, budgets increasing:

        - `target`, its name; `n_target`, its rows in training; `n_test`, in the test;
        - `n_poison`: the budget;
        - `clean_accuracy`: of the victim without poison, in [0, 1];
        - `certified_accuracy`: what is left whatever the rows are, by the certificates
          of single predictions;
        - `collective_accuracy`: the same for all rows of the target together; never
          less. NaN without `collective`;
        - `attacked_accuracy`: what the strongest attack found leaves, among those with
          no more rows than the budget;
        - `attack`: its name, "none" where nothing is worse than no poison.

    Raises
    ------
    ValueError
        If a target has no row in the test, or if an attack changes rows of the test.

    See Also
    --------
    BracketDisplay : Draws the table.
    skpoison.defenses.PartitionAggregation : The victim, and its certificates.
    skpoison.attacks.model_lower_bound : A bound for one model that is aimed at.

    Notes
    -----
    Certificates are those of this fitted victim on these test rows: no interval is
    needed, as nothing is estimated. The strongest attack is the lowest accuracy over
    attacks and repeats; that it was selected is no bias, as each of them is an attack
    that was carried out.

    An attack that copies rows puts all copies of a row into one partition, where they
    are worth one: poison that is spread over many rows does more.

    References
    ----------
    .. [1] A. Levine, S. Feizi. "Deep Partition Aggregation: Provable Defense against
       General Poisoning Attacks", ICLR 2021. :arxiv:`2006.14768`

    .. [2] R. Chen, Z. Li, J. Li, C. Wu, J. Yan. "On Collective Robustness of Bagging
       Against Data Poisoning", ICML 2022. :arxiv:`2205.13176`

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.preprocessing import scale
    >>> from skpoison import ClusterMatch, SubpopPoisoner
    >>> from skpoison.audit import accuracy_bracket
    >>> from skpoison.defenses import PartitionAggregation
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(scale(X), y, random_state=0)
    >>> table = accuracy_bracket(
    ...     {"label flipping": SubpopPoisoner(replace=False)},
    ...     PartitionAggregation(n_partitions=20),
    ...     X,
    ...     y,
    ...     X_test=X_test,
    ...     y_test=y_test,
    ...     n_poison=[0, 5, 10, 20],
    ...     finder=ClusterMatch(4),
    ...     targets=[1],
    ...     random_state=0,
    ... )
    >>> columns = ["n_poison", "collective_accuracy", "attacked_accuracy", "attack"]
    >>> table[columns].round(2)
       n_poison  collective_accuracy  attacked_accuracy          attack
    0         0                  1.0               1.00            none
    1         5                  1.0               1.00            none
    2        10                  0.7               1.00            none
    3        20                  0.0               0.96  label flipping
    """
    given = {"attacks": attacks, "estimator": estimator, "finder": finder}
    given |= {"targets": targets, "collective": collective, "time_limit": time_limit}
    given |= {"n_repeats": n_repeats, "n_jobs": n_jobs, "random_state": random_state}
    validate_parameter_constraints(CONSTRAINTS, given, OWNER)
    attacks = _check_attacks(attacks)
    budgets = np.unique(check_budgets(n_poison, "n_poison", OWNER))
    if not targets:
        raise ValueError(f"targets of {OWNER} must name at least one. Got {targets!r}.")
    rng = check_random_state(random_state)
    data = set_apart(X, y, (X_aux, y_aux), (X_test, y_test), None, rng, OWNER)
    finder_seed, victim_seed = draw_seed(rng), draw_seed(rng)
    seeds = rng.randint(LARGEST_SEED, size=int(n_repeats))
    victim = clone(estimator)
    if victim.random_state is None:
        victim.set_params(random_state=victim_seed)
    victim.fit(data.train.X, data.train.y)
    finder = with_frozen_finder(
        SubpopPoisoner(finder), targets, data, finder_seed
    ).finder
    found = [_find(finder, target, data, victim) for target in targets]
    setting = _Setting(data, victim, attacks, budgets, seeds, n_jobs)
    return pd.concat(
        [_bracket(target, setting, collective, time_limit) for target in found],
        ignore_index=True,
    )


def _check_attacks(attacks):
    attacks = with_names(attacks, "attacks", OWNER)
    for name, poisoner in attacks.items():
        if not isinstance(poisoner, BaseSubpopPoisoner):
            raise ValueError(
                f"attacks of {OWNER} must be poisoners, for example SubpopPoisoner(). "
                f"Got {poisoner!r} for {name!r}."
            )
        check_left_out(poisoner, SET_HERE, OWNER)
        if poisoner.test_time_requirement != "none":
            raise ValueError(
                f"{OWNER} certifies test rows as they are, and {name!r} has to "
                f"{poisoner.test_time_requirement}. Leave it out."
            )
    return attacks


@dataclass(frozen=True)
class _Setting:
    """What all targets share."""

    data: object
    victim: PartitionAggregation
    attacks: dict
    budgets: np.ndarray
    seeds: np.ndarray
    n_jobs: int | None


@dataclass(frozen=True)
class _Target:
    """A subpopulation, its test rows, and how the clean victim votes on them."""

    poisoner: SubpopPoisoner
    n_train: int
    X: object
    y: np.ndarray
    ballots: np.ndarray


def _find(finder, target, data, victim):
    probe = SubpopPoisoner(finder, target=target, alpha=0)
    if data.aux is None:
        probe.fit_resample(data.train.X, data.train.y)
    else:
        aux = {"X_aux": data.aux.X, "y_aux": data.aux.y}
        probe.fit_resample(data.train.X, data.train.y, **aux)
    rows = np.flatnonzero(probe.membership(data.test.X))
    if not len(rows):
        raise ValueError(
            f"targets of {OWNER} must have rows in X_test. None of the "
            f"{len(data.test)} is in {probe.target_name_!r}."
        )
    X, n_train = take(data.test.X, rows), probe.membership(data.train.X).sum()
    return _Target(probe, int(n_train), X, data.test.y[rows], victim._ballots(X))


def _bracket(target, setting, collective, time_limit):
    """Rows of the table for one target."""
    victim, budgets = setting.victim, setting.budgets
    certified = victim.certified_accuracy(target.X, target.y, budgets)
    together = np.full(len(budgets), np.nan)
    accuracy = _accuracy(target.ballots, target.y, victim)
    if collective:
        lost = victim.collective_certificate(
            target.X, target.y, budgets, time_limit=time_limit
        )
        together = accuracy - lost / len(target.y)
    attacked = _attack(target, setting)
    attacked.loc[-1] = [0, accuracy, "none"]
    records = []
    for i, budget in enumerate(budgets):
        able = attacked[attacked["n_poison"] <= budget]
        strongest = able.sort_values(["accuracy", "n_poison"], kind="stable").iloc[0]
        records.append(
            {
                "target": target.poisoner.target_name_,
                "n_target": target.n_train,
                "n_test": len(target.y),
                "n_poison": int(budget),
                "clean_accuracy": accuracy,
                "certified_accuracy": certified[i],
                "collective_accuracy": together[i],
                "attacked_accuracy": strongest["accuracy"],
                "attack": strongest["attack"],
            }
        )
    return pd.DataFrame(records)


def _attack(target, setting):
    """Accuracy that each attack leaves in each repeat with each budget."""
    jobs = [
        (name, int(budget))
        for name in setting.attacks
        for budget in setting.budgets
        if budget > 0
    ]
    poisoners = [
        (name, _aimed(setting.attacks[name], target, budget)) for name, budget in jobs
    ]
    seeds = np.tile(setting.seeds, (len(jobs), 1))
    crafted = craft_all(poisoners, setting.data, seeds, setting.n_jobs)
    tasks = (
        (target, setting, attack.poison) for repeats in crafted for attack in repeats
    )
    with scattered(target, setting):
        accuracies = in_parallel(_carry_out, tasks, setting.n_jobs)
    names, budgets = zip(*jobs, strict=True) if jobs else ((), ())
    n_repeats = len(setting.seeds)
    return pd.DataFrame(
        {
            "n_poison": np.repeat(np.array(budgets, dtype=int), n_repeats),
            "accuracy": np.array(accuracies, dtype=float),
            "attack": np.repeat(np.array(names, dtype=object), n_repeats),
        }
    )


def _aimed(poisoner, target, n_poison):
    probe = target.poisoner
    alpha = n_poison / max(1, target.n_train)
    return clone(poisoner).set_params(
        finder=probe.finder, target=probe.target, alpha=alpha
    )


def _carry_out(target, setting, poison):
    victim, clean = setting.victim, (setting.data.train.X, setting.data.train.y)
    ballots = poisoned_ballots(victim, clean, poison, target.X, target.ballots)
    return _accuracy(ballots, target.y, victim)


def _accuracy(ballots, y, victim):
    winner = count_votes(ballots, len(victim.classes_)).argmax(axis=1)
    return float(np.mean(victim.classes_[winner] == y))
