"""What every task of one audit needs."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from imblearn.pipeline import Pipeline as ResamplingPipeline
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from skpoison.audit._splits import Part
from skpoison.finders._base import all_memberships
from skpoison.refit._loop import refit_in_a_loop
from skpoison.refit._registry import check_fidelity
from skpoison.utils._containers import n_bytes
from skpoison.utils._poison_count import count_poison
from skpoison.utils._random import LARGEST_SEED, seeded_clone

# Models that an engine is given at once, and the rows of poison that they may have
# together, as a multiple of the training rows and in bytes of one of the two arms.
LARGEST_BLOCK = 300
LARGEST_POISON = 4
LARGEST_POISON_BYTES = 2**27
# Test rows times models, of which it is told at once where a model is right.
LARGEST_ANSWERS = 2**30
# Tasks of one repeat without an engine; after each the checkpoint is written.
MOST_TASKS = 256


@dataclass(frozen=True)
class Setting:
    """What every task of one audit needs.

    Parameters
    ----------
    victim : classifier
        What is trained, from the step on before which the poison enters.

    before : transformer or None
        The fitted steps before it.

    train, aux, test : Part
        The victim's rows, the attacker's, and those of the test. Rows of `train` and
        `test` are as the victim sees them; those of `aux` are as they came.

    poisoner : poisoner
        The attack.

    memberships : dict of csc_array
        Subpopulations of the rows of "train", "aux" and "test".

    alphas : tuple of float
        Budgets.

    fidelity : {"refit", "influence"}
        What to ask of the engine.

    victim_seeds : ndarray of shape (n_repeats,)
        Seed of the victim in each repeat.

    poison_seeds : ndarray of shape (n_repeats, n_subpopulations)
        Seed of the attack on each subpopulation in each repeat.
    """

    victim: object
    before: object
    train: Part
    aux: Part
    test: Part
    poisoner: object
    memberships: dict
    alphas: tuple
    fidelity: str
    victim_seeds: np.ndarray
    poison_seeds: np.ndarray

    @cached_property
    def classes(self):
        """Classes of the training rows."""
        return np.unique(self.train.y)

    def members(self, part, subpopulation):
        """Rows of a part that belong to a subpopulation."""
        matrix = self.memberships[part]
        start, end = matrix.indptr[subpopulation : subpopulation + 2]
        return np.sort(matrix.indices[start:end])

    def sizes(self, part):
        """Size of each subpopulation in a part."""
        return np.diff(self.memberships[part].indptr)

    def seen(self, X):
        """Rows as the victim sees them."""
        return X if self.before is None else self.before.transform(X)

    def seeded_victim(self, repeat):
        """Clone the victim with the seed of one repeat."""
        return seeded_clone(self.victim, check_random_state(self.victim_seeds[repeat]))

    def n_poison(self, subpopulation, alpha):
        """Count the poison rows of one budget."""
        base = "aux" if self.poisoner.relative_to == "aux" else "train"
        size = int(self.sizes(base)[subpopulation])
        return count_poison(alpha, size, "alphas", "the audit")

    def blocks(self, subpopulations, engine):
        """Subpopulations, cut into the lists whose models are trained together."""
        if engine == refit_in_a_loop.__name__:
            size = -(-len(subpopulations) // MOST_TASKS)
            starts = range(0, len(subpopulations), size)
            return [subpopulations[at : at + size] for at in starts]
        blocks, rows = [[]], 0
        most, most_rows = self._most_in_a_block()
        for k in subpopulations:
            new = sum(self.n_poison(k, alpha) for alpha in self.alphas)
            is_full = len(blocks[-1]) == most
            if is_full or (rows and rows + new > most_rows):
                blocks.append([])
                rows = 0
            blocks[-1].append(k)
            rows += new
        return blocks

    def _most_in_a_block(self):
        """Subpopulations, and rows of poison of one arm, that memory is meant for."""
        models = min(LARGEST_BLOCK, LARGEST_ANSWERS // max(1, len(self.test)))
        row = max(1, n_bytes(self.train.X) // len(self.train))
        most_rows = min(LARGEST_POISON * len(self.train), LARGEST_POISON_BYTES // row)
        return max(1, models // (2 * len(self.alphas))), most_rows


def cut_pipeline(audit):
    """Cut the estimator where the poison enters: the steps before, and the victim."""
    before, victim = None, audit.estimator
    if audit.poison_before is not None:
        before, victim = _cut(audit)
    if audit.defense is not None:
        victim = _defended(victim, audit.defense)
    check_fidelity(victim, audit.fidelity)
    return before, victim


def _cut(audit):
    steps = getattr(audit.estimator, "steps", [])
    names = [name for name, _ in steps]
    if audit.poison_before not in names:
        raise ValueError(
            f"poison_before={audit.poison_before!r} of {type(audit).__name__} must be "
            f"a step of a pipeline. The steps of its estimator, "
            f"{type(audit.estimator).__name__}, are {names}."
        )
    at = names.index(audit.poison_before)
    samplers = [name for name, step in steps[:at] if hasattr(step, "fit_resample")]
    if samplers:
        raise ValueError(
            f"poison_before={audit.poison_before!r} of {type(audit).__name__} must "
            f"come before the samplers of its estimator. Got {samplers} before it."
        )
    victim = audit.estimator[at:] if at < len(steps) - 1 else steps[-1][1]
    return (audit.estimator[:at] if at else None), victim


def _defended(victim, defense):
    """Put the defense before the steps of the victim."""
    is_pipeline = isinstance(victim, Pipeline)
    steps = victim.steps if is_pipeline else [("victim", victim)]
    name = "defense"
    while name in dict(steps):
        name += "_"
    memory = victim.memory if is_pipeline else None
    return ResamplingPipeline([(name, defense), *steps], memory=memory)


def make_setting(
    finder, before, victim, parts, alphas, poisoner, rng, *, fidelity, n_repeats
):
    """Fit what all tasks share, and draw their seeds."""
    of_parts = all_memberships(finder, *(part.X for part in parts.values()))
    memberships = dict(zip(parts, of_parts, strict=True))
    n_subpopulations = memberships["aux"].shape[1]
    train, test = parts["train"], parts["test"]
    if before is not None:
        before = seeded_clone(before, rng)
        # As a pipeline does: some transformers treat the rows they learn from apart.
        train = Part(before.fit_transform(train.X, train.y), train.y)
        test = Part(before.transform(test.X), test.y)
    setting = Setting(
        victim=clone(victim),
        before=before,
        train=train,
        aux=parts["aux"],
        test=test,
        poisoner=poisoner,
        memberships=memberships,
        alphas=alphas,
        fidelity=fidelity,
        victim_seeds=rng.randint(LARGEST_SEED, size=int(n_repeats)),
        poison_seeds=rng.randint(LARGEST_SEED, size=(int(n_repeats), n_subpopulations)),
    )
    for k in range(n_subpopulations):
        setting.n_poison(k, max(alphas))  # or the largest budget is too large
    return setting
