"""Attacks that are repeated, the victims trained on their poison, and the damage."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length, check_random_state

from skpoison.attacks import SpecificRows
from skpoison.audit._outcomes import Outcome
from skpoison.audit._splits import Part, check_part
from skpoison.audit._tasks import correct_by_model
from skpoison.finders import ClusterMatch
from skpoison.refit import refit_poisoned
from skpoison.utils._aux_rows import split_rows
from skpoison.utils._containers import as_rows, take
from skpoison.utils._inner_model import other_type
from skpoison.utils._parallel import in_parallel, scattered
from skpoison.utils._random import seeded_clone
from skpoison.utils._row_sampler import flat_labels
from skpoison.utils._sklearn import validate_params_of


@dataclass(frozen=True)
class Data:
    """Rows of the victim, of the attacker and of the test.

    Parameters
    ----------
    train, test : Part
        The victim's rows, and those of the test.

    aux : Part or None
        The attacker's rows; None where the attacker sees the victim's.
    """

    train: Part
    aux: Part | None
    test: Part

    @property
    def attacker(self):
        """The rows that the attacker sees."""
        return self.train if self.aux is None else self.aux

    def true_rows(self, sources):
        """Rows that poison was crafted from, as they were, with their labels."""
        at = sources if self.aux is None else sources - len(self.train)
        return take(self.attacker.X, at), self.attacker.y[at]


def set_apart(X, y, aux, test, aux_size, rng, owner):
    """Rows of all three, those of the attacker split off X where they are not given.

    Parameters
    ----------
    X, y : rows and labels
        Those of the victim, and of the attacker where ``aux`` does not give them.

    aux, test : tuple of (X, y)
        What was given; None for nothing.

    aux_size : float or None
        Share of X that goes to the attacker; None for none.

    rng : RandomState instance
        Draws.

    owner : str
        Who complains.

    Returns
    -------
    data : Data
        The rows.
    """
    X, y = as_rows(X, owner), flat_labels(y, owner)
    check_consistent_length(X, y)
    test = check_part(X, y, *test, "test", owner)
    if aux[0] is not None or aux[1] is not None:
        if aux_size is not None:
            raise ValueError(
                f"{owner} got X_aux, and aux_size={aux_size} of a poisoner as well. "
                "The attacker's rows come from one place: leave out either."
            )
        return Data(Part(X, y), check_part(X, y, *aux, "aux", owner), test)
    if aux_size is None:
        return Data(Part(X, y), None, test)
    victim, attacker = split_rows(X, y, aux_size, rng, owner)
    return Data(Part(victim.X, victim.labels), Part(attacker.X, attacker.labels), test)


def with_names(items, what, owner):
    """Return a dict as it is, and a list as one with names of classes."""
    if isinstance(items, dict) and not all(isinstance(name, str) for name in items):
        raise ValueError(
            f"{what} of {owner} must have texts as names. Got {list(items)[:9]}."
        )
    if not isinstance(items, dict):
        names = [type(item).__name__ for item in items]
        counts = [names[:i].count(name) + 1 for i, name in enumerate(names)]
        items = {
            name if count == 1 else f"{name} {count}": item
            for name, count, item in zip(names, counts, items, strict=True)
        }
    if not items:
        raise ValueError(f"{what} of {owner} must hold at least one. Got {items!r}.")
    return items


def check_victim(estimator, what, owner):
    """Make sure that a victim can be trained before any poison is crafted."""
    is_model = hasattr(estimator, "fit") and hasattr(estimator, "predict")
    if isinstance(estimator, type) or not is_model or other_type(estimator):
        raise ValueError(f"{what} of {owner} must be a classifier. Got {estimator!r}.")
    validate_params_of(estimator)


def with_frozen_finder(poisoner, targets, data, seed):
    """Give a poisoner rows of its own, and the same targets in each repeat.

    Its finder is fitted on the attacker's rows and then frozen; finders with equal
    parameters find the same for all poisoners.
    """
    poisoner = clone(poisoner).set_params(aux_size=None)
    validate_params_of(poisoner)
    if all(callable(target) for target in targets):
        return poisoner
    finder = ClusterMatch() if poisoner.finder is None else poisoner.finder
    finder = seeded_clone(finder, check_random_state(seed))
    finder.fit(data.attacker.X, data.attacker.y)
    return poisoner.set_params(finder=FrozenEstimator(finder))


@dataclass(frozen=True)
class Crafted:
    """What one attack adds in one repeat, and the test rows that it aims at.

    Parameters
    ----------
    poison : tuple of (X, y)
        The poison.

    truth : tuple of (X, y)
        The rows that it was crafted from, as they were.

    target_name : str
        Name of the target.

    aimed : ndarray of shape (n_test,), dtype=bool
        Test rows of the target.

    is_sample : bool
        Whether these are a sample of the target, and not all that there is of it.

    X_test : rows or None
        Test rows as the attacker leaves them; None where they stay as they are, and
        in all repeats but the first.
    """

    poison: tuple
    truth: tuple
    target_name: str
    aimed: np.ndarray
    is_sample: bool
    X_test: object


def craft_all(attacks, data, seeds, n_jobs):
    """Craft the poison of each attack in each repeat.

    Parameters
    ----------
    attacks : list of (name, poisoner)
        The attacks, with frozen finders.

    data : Data
        The rows.

    seeds : ndarray of shape (n_attacks, n_repeats)
        Seeds of the poisoners.

    n_jobs : int or None
        How many are crafted at a time.

    Returns
    -------
    crafted : list of list of Crafted
        The repeats of each attack.
    """
    tasks = (
        (name, poisoner, data, seed, r == 0)
        for (name, poisoner), row in zip(attacks, seeds, strict=True)
        for r, seed in enumerate(row)
    )
    with scattered(data):
        crafted = in_parallel(_craft, tasks, n_jobs)
    n_repeats = seeds.shape[1]
    return [crafted[i : i + n_repeats] for i in range(0, len(crafted), n_repeats)]


def _craft(name, poisoner, data, seed, is_first):
    poisoner = clone(poisoner).set_params(random_state=int(seed))
    aux = {"X_aux": None, "y_aux": None}
    if data.aux is not None:
        aux = {"X_aux": data.aux.X, "y_aux": data.aux.y}
    try:
        X, y = poisoner.fit_resample(data.train.X, data.train.y, **aux)
        poison = np.flatnonzero(poisoner.poison_mask_)
        stamps = is_first and poisoner.test_time_requirement != "none"
        return Crafted(
            poison=(take(X, poison), y[poison]),
            truth=data.true_rows(poisoner.sample_indices_[poison]),
            target_name=poisoner.target_name_,
            aimed=poisoner.membership(data.test.X),
            is_sample=not isinstance(poisoner.target, SpecificRows),
            X_test=poisoner.apply_trigger(data.test.X) if stamps else None,
        )
    except Exception as error:
        error.add_note(f"It was raised while {name!r} was crafted.")
        raise


def outcomes(victims, attacks, data, seeds, n_jobs):
    """Train victims on the poison of all attacks, and compare them with their twins.

    Parameters
    ----------
    victims : list of classifier
        What is trained.

    attacks : list of list of Crafted
        The repeats of each attack.

    data : Data
        The rows.

    seeds : ndarray of shape (n_repeats,)
        Seed of the victims in each repeat.

    n_jobs : int or None
        How many repeats are trained at a time.

    Returns
    -------
    outcomes : list of list of Outcome
        For each victim, that of each attack.
    """
    stamped = [attack[0].X_test for attack in attacks]
    views = [data.test.X, *(X for X in stamped if X is not None)]
    view_of = np.cumsum([X is not None for X in stamped])
    tasks = (
        (victim, data, [attack[r].poison for attack in attacks], views, s)
        for victim in victims
        for r, s in enumerate(seeds)
    )
    with scattered(data):
        correct = in_parallel(_train, tasks, n_jobs)
    found = []
    for start in range(0, len(correct), len(seeds)):
        of_victim = np.array(correct[start : start + len(seeds)])
        found.append([])
        for i, attack in enumerate(attacks):
            is_stamped = stamped[i] is not None
            pair = of_victim[:, :, [0, i + 1]]
            outcome = Outcome(
                target=attack[0].aimed,
                is_sample=attack[0].is_sample,
                is_stamped=is_stamped,
                aimed=pair[:, view_of[i] if is_stamped else 0],
                plain=pair[:, 0],
            )
            found[-1].append(outcome)
    return found


def _train(victim, data, poisons, views, seed):
    """Where the clean twin and the poisoned victims are right, in each view."""
    victim = seeded_clone(victim, check_random_state(int(seed)))
    X, y = data.train.X, data.train.y
    nothing = take(X, np.empty(0, np.intp)), y[:0]
    models = refit_poisoned(victim, X, y, [nothing, *poisons])
    correct = np.empty((len(views), len(models), len(data.test)), dtype=bool)
    for i, rows in enumerate(views):
        correct[i], errors = correct_by_model(models, Part(rows, data.test.y))
        if any(errors):
            raise ValueError(
                f"{type(victim).__name__} cannot be measured: "
                f"{next(filter(None, errors))}."
            )
    return correct
