"""Models that an attack aims at."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._linear_problem import last_step
from skpoison.refit import refit_poisoned

# Shares of the members, the least sure ones first, and how often each is added.
QUANTILES = (0.3, 0.5, 0.8, 1.0)
REPEATS = (1, 2, 3, 5, 8, 12, 20, 30, 50, 100)
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
    thetas : ndarray of shape (n_models, n_params)
        Parameters.
    """
    rows = problem.signs[:, np.newaxis] * problem.signed_rows
    rows = rows[:, :-1] if problem.has_intercept else rows
    by_margin = members[np.argsort(problem.signed_rows[members] @ clean, kind="stable")]
    labels = problem.classes[(problem.signs > 0).astype(int)]
    other = problem.classes[int(problem.signs[members[0]] < 0)]
    poisons = []
    for least in _distinct([by_margin[: _count(q, members)] for q in QUANTILES]):
        for repeat in REPEATS:
            if repeat == 1 or repeat * len(least) <= MAX_ROWS:
                added = np.tile(least, repeat)
                poisons.append((rows[added], np.full(len(added), other)))
    models = refit_poisoned(last_step(problem.model), rows, labels, poisons)
    return np.array([problem.read(models[j]) for j in range(len(poisons))])


def _count(share, members):
    return max(1, round(share * len(members)))


def _distinct(parts):
    return {len(part): part for part in parts}.values()


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
