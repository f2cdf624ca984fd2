"""Damage that poison does to models other than the one it was crafted with."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from dataclasses import replace
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_random_state

from skpoison.attacks import BackdoorPoisoner, SubpopPoisoner
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
from skpoison.utils._sklearn import (
    N_JOBS,
    Interval,
    validate_parameter_constraints,
    validate_params_of,
)

OWNER = "transfer_matrix"
CONSTRAINTS = {
    "surrogates": [dict, list, tuple],
    "victims": [dict, list, tuple],
    "poisoner": [BaseSubpopPoisoner],
    "targets": [list, tuple, None],
    "n_repeats": [Interval(Integral, 1, None, closed="left")],
    "n_jobs": N_JOBS,
    "random_state": ["random_state"],
}
REFERENCE = "label flipping"
# Attacks that copy rows ask the surrogate about labels alone, by two of the rules.
COPYING = (SubpopPoisoner, BackdoorPoisoner)
ASKING = ("least_likely", "max_loss")


def transfer_matrix(
    surrogates,
    victims,
    X,
    y,
    *,
    poisoner,
    X_test,
    y_test,
    X_aux=None,
    y_aux=None,
    targets=None,
    n_repeats=5,
    n_jobs=None,
    random_state=None,
):
    """Measure poison crafted with each surrogate on each victim.

    An attacker who does not know the victim's model crafts the poison with another.
    The poison of a surrogate is crafted once for each target and repeat, from the
    attacker's rows alone, and then given to all victims.

    Parameters
    ----------
    surrogates : dict of str to classifier, or list of classifiers
        The attacker's models, by name; those of a list have the names of their
        classes.

    victims : dict of str to classifier, or list of classifiers
        The models that are trained on the poison: any classifiers, or pipelines that
        end in one.

    X : {array-like, sparse matrix, dataframe, list of str} of shape (n_samples, ...)
        Training rows.

    y : array-like of shape (n_samples,)
        Their class labels.

    poisoner : poisoner
        The attack. Its `surrogate` and `random_state` are set here, and its finder is
        fitted once and frozen.

    X_test : {array-like, sparse matrix, dataframe, list of str} of shape \
            (n_test, ...)
        Rows of the test, of the same kind as X.

    y_test : array-like of shape (n_test,)
        Their class labels.

    X_aux : {array-like, sparse matrix, dataframe, list of str}, default=None
        The attacker's rows, of the same kind as X. `None` splits off the `aux_size`
        of the poisoner, or else half of X.

    y_aux : array-like of shape (n_aux,), default=None
        Class labels of `X_aux`.

    targets : list of int, str or callable, default=None
        The targets over which damage is averaged. `None` is that of the poisoner.

    n_repeats : int, default=5
        How often each attack is repeated, with other poison and other seeds of
        surrogates and victims whose `random_state` is None. The rows and the targets
        stay.

    n_jobs : int, default=None
        Number of poisons that are crafted, and of victims that are trained, at a
        time; `None` is 1 unless in a :func:`joblib.parallel_config` context. It does
        not change the results.

    random_state : int, RandomState instance or None, default=None
        Seeds the split, the finder, the attacks and the victims.

    Returns
    -------
    table : DataFrame
        One row for each surrogate and victim, in the order given, after those of the
        surrogate "label flipping": the reference, :class:`~skpoison.SubpopPoisoner`
        on the same targets with as many poison rows and no surrogate.

        - `surrogate` and `victim`;
        - `n_poison`: poison rows, as a mean over targets;
        - `clean_accuracy`: of the clean twin on the targets, in [0, 1];
        - `target_damage`: accuracy that the targets lose, in [-1, 1], with the ends
          `target_damage_low` and `target_damage_high` of its 95 % interval;
        - `collateral_damage`, `collateral_damage_low`, `collateral_damage_high`: what
          all other rows lose;
        - `null_damage`: what the targets lose to the rows of the reference with their
          true labels;
        - `n_targets` and `n_repeats`: what the means are over. Targets without test
          rows are left out, with a warning.

    See Also
    --------
    compare_attacks : Compares attacks on one victim.
    skpoison.refit.refit_poisoned : Trains the victims.

    Notes
    -----
    Damage is the accuracy of the clean twin, the same victim with the same seed on
    the same rows without the poison, less that of the poisoned victim.

    Intervals tell how far the means would move with other test rows and, from two
    repeats on, other poison and other seeds. They are conditional on the training
    rows, the attacker's rows and the targets: they do not tell of other targets.

    The reference labels its poison by the `label` of the poisoner, or "constant" where
    that is a rule that asks a surrogate.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    .. [2] A. Demontis et al. "Why Do Adversarial Attacks Transfer? Explaining
       Transferability of Evasion and Poisoning Attacks", USENIX Security 2019.
       :arxiv:`1809.02861`

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skpoison import ClusterMatch, SubpopPoisoner
    >>> from skpoison.audit import transfer_matrix
    >>> X, y = load_iris(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> table = transfer_matrix(
    ...     {"LR": LogisticRegression(), "NB": GaussianNB()},
    ...     {"LR": LogisticRegression(), "NB": GaussianNB()},
    ...     X,
    ...     y,
    ...     poisoner=SubpopPoisoner(ClusterMatch(3), label="max_loss"),
    ...     X_test=X_test,
    ...     y_test=y_test,
    ...     targets=[0, 1, 2],
    ...     random_state=0,
    ... )
    >>> table.pivot(
    ...     index="surrogate", columns="victim", values="target_damage"
    ... ).round(2)
    victim            LR    NB
    surrogate
    LR              0.35  0.02
    NB              0.35  0.02
    label flipping  0.43  0.07
    """
    given = {"surrogates": surrogates, "victims": victims, "poisoner": poisoner}
    given |= {"targets": targets, "n_repeats": n_repeats, "n_jobs": n_jobs}
    given |= {"random_state": random_state}
    validate_parameter_constraints(CONSTRAINTS, given, OWNER)
    surrogates, victims = _check_models(surrogates, victims, poisoner)
    targets = _check_targets(targets, poisoner)
    rng = check_random_state(random_state)
    aux_size = poisoner.aux_size
    if aux_size is None and X_aux is None and y_aux is None:
        aux_size = 0.5
    data = set_apart(X, y, (X_aux, y_aux), (X_test, y_test), aux_size, rng, OWNER)
    finder_seed, bootstrap_seed = draw_seed(rng), draw_seed(rng)
    victim_seeds = rng.randint(LARGEST_SEED, size=int(n_repeats))
    seeds = rng.randint(LARGEST_SEED, size=(len(targets), int(n_repeats)))
    poisoner = with_frozen_finder(poisoner, targets, data, finder_seed)
    rows = {REFERENCE: _reference(poisoner)}
    for name, surrogate in surrogates.items():
        rows[name] = clone(poisoner).set_params(surrogate=surrogate)
    attacks = [
        (name, clone(attack).set_params(target=target))
        for name, attack in rows.items()
        for target in targets
    ]
    crafted = craft_all(attacks, data, np.tile(seeds, (len(rows), 1)), n_jobs)
    _warn_of_empty_targets(crafted[: len(targets)])
    crafted += [
        [replace(c, poison=c.truth) for c in crafted[t]] for t in range(len(targets))
    ]
    found = outcomes(list(victims.values()), crafted, data, victim_seeds, n_jobs)
    return _table(
        list(rows), list(victims), crafted, found, len(targets), bootstrap_seed
    )


def _check_models(surrogates, victims, poisoner):
    """Surrogates and victims by name, checked before any work."""
    surrogates = with_names(surrogates, "surrogates", OWNER)
    victims = with_names(victims, "victims", OWNER)
    if "surrogate" not in poisoner.get_params(deep=False):
        raise ValueError(
            f"poisoner of {OWNER} must have a surrogate. {type(poisoner).__name__} "
            "has none, so that its poison is the same for all: use compare_attacks."
        )
    check_left_out(poisoner, ["surrogate", "random_state"], OWNER)
    if isinstance(poisoner, COPYING) and not _asks_surrogate(poisoner):
        raise ValueError(
            f"poisoner of {OWNER} must use its surrogate. {type(poisoner).__name__} "
            f"does so with the labels {list(ASKING)} only. Got "
            f"label={poisoner.label!r}."
        )
    if REFERENCE in surrogates:
        raise ValueError(
            f"surrogates of {OWNER} must not have the name {REFERENCE!r}, which is "
            "that of the reference. Choose another."
        )
    for name, surrogate in surrogates.items():
        try:
            validate_params_of(clone(poisoner).set_params(surrogate=surrogate))
        except ValueError as error:
            error.add_note(f"The surrogate is {name!r}.")
            raise
    for name, victim in victims.items():
        check_victim(victim, f"victims[{name!r}]", OWNER)
    return surrogates, victims


def _asks_surrogate(poisoner):
    return isinstance(poisoner.label, str) and poisoner.label in ASKING


def _check_targets(targets, poisoner):
    if targets is None:
        return [poisoner.target]
    check_left_out(poisoner, ["target"], OWNER)
    if not targets:
        raise ValueError(f"targets of {OWNER} must name at least one. Got {targets!r}.")
    return list(targets)


def _reference(poisoner):
    """Label flipping on the same targets, with as many rows."""
    label = "constant" if _asks_surrogate(poisoner) else poisoner.label
    return SubpopPoisoner(
        poisoner.finder,
        alpha=poisoner.alpha,
        relative_to=poisoner.relative_to,
        label=label,
        replace=poisoner.replace,
    )


def _warn_of_empty_targets(crafted):
    names = [
        repeats[0].target_name for repeats in crafted if not repeats[0].aimed.any()
    ]
    if names:
        warnings.warn(
            f"{OWNER} leaves out targets that have no row in X_test: {names}. Damage "
            "is NaN where none is left.",
            UndefinedMetricWarning,
            stacklevel=3,
        )


def _table(surrogates, victims, crafted, found, n_targets, seed):
    """One row for each surrogate and victim."""
    records = []
    for i, surrogate in enumerate(surrogates):
        own = slice(i * n_targets, (i + 1) * n_targets)
        n_poison = np.mean([len(repeats[0].poison[1]) for repeats in crafted[own]])
        measured = sum(repeats[0].aimed.any() for repeats in crafted[own])
        for j, victim in enumerate(victims):
            null = damage_figures(found[j][-n_targets:], seed)
            records.append(
                {"surrogate": surrogate, "victim": victim, "n_poison": n_poison}
                | damage_figures(found[j][own], seed)
                | {
                    "null_damage": null["target_damage"],
                    "n_targets": int(measured),
                    "n_repeats": len(crafted[0]),
                }
            )
    return pd.DataFrame(records)
