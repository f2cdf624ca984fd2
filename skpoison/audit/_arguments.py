"""Arguments of an audit, checked before any work."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from inspect import signature
from numbers import Integral

import numpy as np

from skpoison.attacks import SubpopPoisoner
from skpoison.audit._checkpoint import Checkpoint
from skpoison.audit._defense_tasks import NO_DEFENSE, is_sanitizer
from skpoison.audit._identity import describe, digest, version_of
from skpoison.audit._memory import Memory
from skpoison.audit._trials import with_names
from skpoison.base import BaseSubpopPoisoner
from skpoison.utils._sklearn import validate_params_of


def check_alphas(audit):
    """Budgets in increasing order, each once."""
    is_masked = isinstance(audit.alphas, np.ma.MaskedArray)
    try:
        alphas = np.array([] if is_masked else audit.alphas)
    except ValueError:  # lists of different lengths
        alphas = np.array([])
    is_budget = alphas.ndim == 1 and alphas.size and alphas.dtype.kind in "iuf"
    if not is_budget or not (np.isfinite(alphas) & (alphas > 0)).all():
        raise ValueError(
            f"alphas of {type(audit).__name__} must be a list of numbers above 0; the "
            f"clean model, alpha 0, is part of every audit. Got {audit.alphas!r}."
        )
    return tuple(np.unique(alphas.astype(float)).tolist())


def check_poisoner(audit, poisoner):
    """Take an attack, or the default one, if the audit can set the rest of it."""
    poisoner = SubpopPoisoner() if poisoner is None else poisoner
    if audit.finder is not None and poisoner.finder is not None:
        raise ValueError(
            f"{type(audit).__name__} got a finder, and a poisoner with a finder of "
            "its own. Leave out either."
        )
    validate_params_of(poisoner)
    names = ("target", "alpha", "aux_size", "random_state")
    check_left_out(poisoner, names, type(audit).__name__)
    if poisoner.test_time_requirement != "none":
        raise ValueError(
            f"{type(audit).__name__} measures test rows as they are, where the attack "
            f"of {type(poisoner).__name__} does nothing: it has to "
            f"{poisoner.test_time_requirement}. Use "
            "skpoison.audit.compare_attacks, which does so."
        )
    return poisoner


def check_left_out(poisoner, names, owner):
    """Make sure that parameters that ``owner`` sets have their defaults."""
    defaults = signature(type(poisoner)).parameters
    for name in names:
        value, default = getattr(poisoner, name), defaults[name].default
        if value is not default and value != default:
            raise ValueError(
                f"{owner} sets {name} of its poisoner itself. Got "
                f"{type(poisoner).__name__}({name}={value!r}): leave it out."
            )


def open_checkpoint(audit, schema, X, y, given, told):
    """Make sure that what is done can be kept, before any work.

    Parameters
    ----------
    audit : audit
        Its parameters are part of what makes it this audit.

    schema : Schema
        What a row holds.

    X, y : rows and labels
        Those of `fit`.

    given : dict of str to (X, y)
        Parts that were given; (None, None) for none.

    told : dict
        Parameters in the form in which they are told, in place of those of the audit.

    Returns
    -------
    checkpoint : Checkpoint or Memory
        A file where the audit has one.
    """
    if audit.checkpoint is None:
        return Memory(schema)
    if not isinstance(audit.random_state, Integral):
        raise ValueError(
            f"checkpoint= of {type(audit).__name__} needs an integer random_state, so "
            "that the same audit can go on later. Got "
            f"random_state={audit.random_state!r}."
        )
    key = {
        name: describe(value)
        for name, value in audit.get_params(deep=False).items()
        if name not in {"n_jobs", "checkpoint", *told}
    }
    key |= {name: describe(value) for name, value in told.items()}
    for name, part in ({"data": (X, y)} | given).items():
        key[name] = describe(None) if part[0] is None else digest(*part)
    # Others may round otherwise, or draw other numbers.
    key |= {name: version_of(name) for name in ("skpoison", "sklearn", "numpy")}
    return Checkpoint.open(audit.checkpoint, key, schema)


def check_defenses(audit):
    """Take the defenses by name, checked before any work."""
    owner = type(audit).__name__
    defenses = with_names(audit.defenses, "defenses", owner)
    if NO_DEFENSE in defenses:
        raise ValueError(
            f"defenses of {owner} must not have the name {NO_DEFENSE!r}, which is that "
            "of the victim as it is. Choose another."
        )
    for name, defense in defenses.items():
        is_classifier = hasattr(defense, "fit") and hasattr(defense, "predict")
        is_poisoner = isinstance(defense, BaseSubpopPoisoner)
        known = is_sanitizer(defense) or is_classifier
        if isinstance(defense, type) or is_poisoner or not known:
            raise ValueError(
                f"defenses of {owner} must be sanitizers, for example Trim(), or "
                "classifiers that take the place of the victim, for example "
                f"PartitionAggregation(LogisticRegression()). Got {defense!r} for "
                f"{name!r}."
            )
        validate_params_of(defense)
    return defenses
