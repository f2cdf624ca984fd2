"""Models that an attack aims at."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._model_targeting._linear_problem import last_step
from skpoison.refit import refit_poisoned

# Shares of the members, the least sure ones first, and how often each is added.
QUANTILES = (0.4, 0.7, 1.0)
REPEATS = (1, 2, 4, 8, 16, 32, 64)
# Most rows that are added for one model.
MAX_ROWS = 10_000
# Targets that need this many times the budget by their bound are tried as well.
STRETCHES = (1, 2.5, 6)


def flipped_models(problem, clean, members):
    """Train models on the clean rows and on members with the other label.

    Parameters
    ----------
    problem : LinearProblem
        The clean rows and the objective.

    clean : ndarray of shape (n_params,)
        The optimum on the clean rows.

    members : ndarray of shape (n_members,), dtype=int
        Rows of the problem, all of one class.

    Returns
    -------
    thetas : list of ndarray of shape (n_params,)
        Parameters.
    """
    margins = problem.signed_rows[members] @ clean
    by_margin = members[np.argsort(margins, kind="stable")]
    parts = [by_margin[: max(1, round(q * len(members)))] for q in QUANTILES]
    parts = {len(part): part for part in parts}.values()
    train = _train_at_once if problem.loss.is_smooth else _train_in_turn
    return train(problem, clean, parts)


def _repeats(part):
    """How often some members are added, one model for each."""
    return [r for r in REPEATS if r == 1 or r * len(part) <= MAX_ROWS]


def _train_at_once(problem, clean, parts):
    """Leave all models to the engine."""
    rows = problem.signs[:, np.newaxis] * problem.signed_rows
    rows = rows[:, :-1] if problem.has_intercept else rows
    labels = problem.classes[(problem.signs > 0).astype(int)]
    poisons = []
    for part in parts:
        other = problem.classes[int(problem.signs[part[0]] < 0)]
        for repeat in _repeats(part):
            poison = np.tile(part, repeat)
            poisons.append((rows[poison], np.full(len(poison), other)))
    models = refit_poisoned(last_step(problem.model), rows, labels, poisons)
    return [problem.read(models[j]) for j in range(len(poisons))]


def _train_in_turn(problem, clean, parts):
    """Add more and more copies; there is no engine for the hinge loss."""
    thetas = []
    for part in parts:
        refits, rows = problem.refits(clean), -problem.signed_rows[part]
        for more in np.diff([0, *_repeats(part)]):
            refits.add_all(rows, np.ones(len(part)), np.full(len(part), more))
            thetas.append(refits.theta)
    return thetas


class Candidates:
    """Target models, and what the attacker knows of them.

    Parameters
    ----------
    targets : list of TargetBound
        The models.

    clean : ndarray of shape (n_params,)
        The optimum on the clean rows.

    judges : ndarray of shape (n_members, n_params)
        Signed rows of the members.
    """

    def __init__(self, targets, clean, judges):
        self.targets = targets
        problem = targets[0].problem
        self.bounds = np.array([target.towards(clean) for target in targets])
        self.losses = np.array([problem.objective(t.theta) for t in targets])
        self.errors = np.array([np.mean(judges @ t.theta <= 0) for t in targets])

    def worth_trying(self, n_poison):
        """Give the best target within reach, and those of a few stretched budgets.

        The best is that of the largest error of the members, and of equal ones of the
        smallest loss on the clean rows.
        """
        chosen = []
        for stretch in STRETCHES:
            within = np.flatnonzero(self.bounds <= stretch * n_poison)
            if not len(within):
                within = [int(self.bounds.argmin())]
            order = np.lexsort((self.losses[within], -self.errors[within]))
            chosen.append(int(within[order[0]]))
        return [self.targets[j] for j in dict.fromkeys(chosen)]
