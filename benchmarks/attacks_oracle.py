"""How far half of the budget gets attackers who know more than they may.

Run from the root of the repository, with the official files in the folder ``adult``
of the data home::

    SKPOISON_DATA_HOME=../shared/data python benchmarks/attacks_oracle.py

It writes ``benchmarks/results/attacks_oracle_groups.csv`` (one row for each
subpopulation), ``attacks_oracle.csv`` (means, with 95 % intervals over the seeds) and
``attacks_oracle.json``. ``--quick`` takes a minute and writes nothing.

Data, subpopulations and limits of rows are those of ``attacks_adult.py``, the victim
is its logistic regression. The question is whether any poison of alpha 0.5 does what
label flipping does at alpha 1. One search is made for attackers who differ in what
they know only: on which rows the model is fitted that the search refits, and on which
rows of the target it counts errors.

The search is wider than those of the library, which move copies of one label. Poison is
a measure on rows within the limits, of both labels. It moves mass from the rows that do
least harm to the row that does most, of all corners of the limits, and keeps a move
where the expected error rises after a true refit. It starts from label-flipped copies.
Masses need not be whole numbers: no rounding holds it back. What it finds is a lower
bound of what is possible, not a proof that no more is.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from _report import RESULTS, write_result
from attacks_adult import draw_targets, load
from attacks_study import FLIP, Attack, craft, interval
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from skpoison import SubpopPoisoner

ALPHA = 0.5
N_STEPS = 30
SHARES = (1.0, 0.5, 0.25, 0.1, 0.03)
# Slopes between harm and margin at which the corners of the limits are tried.
ANGLES = np.linspace(0, np.pi, 90)
FLIP_AT_ONE = "label flip, alpha 1"


@dataclass
class Errors:
    """Rows of the target, with the probability that their label is 1."""

    rows: np.ndarray
    positive: np.ndarray

    def value(self, theta):
        """Give the mean probability of a wrong class."""
        p = expit(self.rows @ theta)
        return np.mean(self.positive * (1 - p) + (1 - self.positive) * p)

    def gradient(self, theta):
        """Give the derivative of the value in the parameters."""
        p = expit(self.rows @ theta)
        return self.rows.T @ ((1 - 2 * self.positive) * p * (1 - p)) / len(p)


@dataclass
class Poison:
    """Rows with a last column of ones, signs of their labels, and their masses."""

    rows: np.ndarray
    signs: np.ndarray
    masses: np.ndarray

    def scaled(self, factor):
        """Give the same poison with other masses."""
        return Poison(self.rows, self.signs, self.masses * factor)

    def pulls(self, theta, change):
        """Give how much each row, for its mass, moves the parameters that way."""
        return self.signs * (self.rows @ change) * expit(-self.margins(theta))

    def margins(self, theta):
        """Give how surely each row has its label."""
        return self.signs * (self.rows @ theta)


class Model:
    """Logistic regression with C=1, as in scikit-learn, refitted with poison."""

    def __init__(self, X, y):
        self.rows, self.signs = with_ones(X), 2.0 * y - 1
        self.penalty = np.append(np.ones(X.shape[1]), 0.0)
        self.theta = self.fit(nothing(X.shape[1]), np.zeros(X.shape[1] + 1))

    def fit(self, poison, theta=None):
        """Give the parameters at the optimum, by damped Newton steps."""
        theta = self.theta if theta is None else theta
        value, factor, last = self._value(theta, poison), None, np.inf
        while True:
            gradient = self._gradient(theta, poison)
            size = np.abs(gradient).max()
            if size < 1e-4:
                return theta
            # The curvature of an earlier step will do while it converges fast.
            if factor is None or size > 0.3 * last:
                factor = cho_factor(self.hessian(theta, poison))
            step, last = -cho_solve(factor, gradient), size
            share = 1.0
            while self._value(theta + share * step, poison) > value + 1e-9:
                share, last = share / 2, 0.0
            theta = theta + share * step
            value = self._value(theta, poison)

    def _value(self, theta, poison):
        losses = np.logaddexp(0, -self.signs * (self.rows @ theta)).sum()
        losses += poison.masses @ np.logaddexp(0, -poison.margins(theta))
        return losses + self.penalty @ theta**2 / 2

    def _gradient(self, theta, poison):
        wrong = self.signs * expit(-self.signs * (self.rows @ theta))
        more = poison.masses * poison.signs * expit(-poison.margins(theta))
        return self.penalty * theta - wrong @ self.rows - more @ poison.rows

    def hessian(self, theta, poison):
        """Give the curvature of the objective."""
        H = np.diag(self.penalty + 1e-9)
        for rows, masses in ((self.rows, 1.0), (poison.rows, poison.masses)):
            p = expit(rows @ theta)
            H += (rows * (masses * p * (1 - p))[:, np.newaxis]).T @ rows
        return H


def with_ones(X):
    """Add the column of the intercept."""
    return np.hstack([X, np.ones((len(X), 1))])


def nothing(n_features):
    """Give no poison."""
    return Poison(np.empty((0, n_features + 1)), np.empty(0), np.empty(0))


def search(model, errors, poison, constraints):
    """Move mass to the most harmful rows while the expected error rises."""
    theta = model.fit(poison)
    value = errors.value(theta)
    for _ in range(N_STEPS):
        factor = cho_factor(model.hessian(theta, poison))
        change = cho_solve(factor, errors.gradient(theta))
        order = np.argsort(poison.pulls(theta, change))
        row, sign = most_harmful(theta, change, constraints)
        for share in SHARES:
            moved = move(poison, order, share, row, sign)
            new = model.fit(moved, theta)
            if errors.value(new) > value + 1e-6:
                break
        else:
            return poison
        poison, theta, value = moved, new, errors.value(new)
    return poison


def most_harmful(theta, change, constraints):
    """Give the row, of those at corners of the limits, that pulls most, and its label.

    What a row does depends on its margin and on its output under the change alone, so
    the best one is on the boundary of their image in the plane.
    """
    corners = [
        (row, sign)
        for sign in (-1.0, 1.0)
        for row in _corners(sign * unit(theta), sign * unit(change), constraints)
    ]
    rows, signs = (np.array(part) for part in zip(*corners, strict=True))
    candidates = Poison(with_ones(rows), signs, np.ones(len(rows)))
    best = candidates.pulls(theta, change).argmax()
    return candidates.rows[best], signs[best]


def unit(direction):
    """Scale the part of the features to length 1."""
    return direction[:-1] / max(np.linalg.norm(direction[:-1]), 1e-300)


def _corners(margin, harm, constraints):
    """Feasible rows that go furthest in each direction of the plane."""
    goals = (
        np.cos(ANGLES)[:, np.newaxis] * harm - np.sin(ANGLES)[:, np.newaxis] * margin
    )
    rows = np.where(goals > 0, constraints.upper, constraints.lower)
    for group in constraints.one_hot:
        at = group.columns
        best = goals[:, at].argmax(axis=1)
        is_on = goals[np.arange(len(goals)), at[best]] > 0
        rows[:, at] = 0
        rows[is_on, at[best[is_on]]] = 1
    return rows


def move(poison, order, share, row, sign):
    """Take a share of all mass from the first rows of an order, for a new row."""
    masses = poison.masses[order]
    wanted = share * masses.sum()
    taken = np.clip(wanted - (np.cumsum(masses) - masses), 0, masses)
    left = np.empty_like(masses)
    left[order] = masses - taken
    kept = left > 1e-9
    return Poison(
        np.vstack([poison.rows[kept], row]),
        np.append(poison.signs[kept], sign),
        np.append(left[kept], taken.sum()),
    )


def attackers(rows, target, victim, own):
    """List attackers: a name, the model that is refitted, and where errors count."""
    mine = target.finder.membership(rows.X_aux, target.number)
    theirs = target.finder.membership(rows.X, target.number)
    test = target.membership
    of_mine = Errors(with_ones(rows.X_aux[mine]), rows.y_aux[mine])
    of_test = Errors(with_ones(rows.X_test[test]), rows.y_test[test])
    of_both = Errors(
        np.vstack([of_mine.rows, with_ones(rows.X[theirs])]),
        np.append(rows.y_aux[mine], rows.y[theirs]),
    )
    believed = expit(of_mine.rows @ own.theta)
    # Labels of few rows are noise in part: half of what the model makes of them.
    smooth = Errors(of_mine.rows, (of_mine.positive + believed) / 2)
    return [
        ("own model, own rows", own, of_mine),
        ("own model, own rows, smooth labels", own, smooth),
        ("victim's model, own rows", victim, of_mine),
        ("victim's model, own and victim's rows", victim, of_both),
        ("own model, test rows", own, of_test),
        ("victim's model, test rows", victim, of_test),
    ]


def flipped(rows, target, alpha, seed):
    """Label-flipped copies, as in ``attacks_adult.py``."""
    attack = Attack(FLIP, SubpopPoisoner, {}, ())
    made = craft(rows, attack, target, alpha, seed)
    signs = 2.0 * made.labels - 1
    return Poison(with_ones(made.rows), signs, np.ones(len(signs)))


def attack_target(rows, target, victim, own, seed):
    """Damage of each attacker to one target; one record each."""
    is_in, A, s = target.membership, with_ones(rows.X_test), 2 * rows.y_test - 1
    clean = s * (A @ victim.theta) > 0
    copies = flipped(rows, target, ALPHA, seed)
    poisons = {
        FLIP_AT_ONE: flipped(rows, target, 1.0, seed),
        "label flip": copies,
    }
    for name, model, errors in attackers(rows, target, victim, own):
        # The attacker's copy of the target may be of another size than the victim's.
        scale = 1.0 if model is victim else target.n_aux / target.n_train
        found = search(model, errors, copies.scaled(scale), rows.constraints)
        poisons[name] = found.scaled(1 / scale)
    for name, poison in poisons.items():
        lost = clean.astype(float) - (s * (A @ victim.fit(poison)) > 0)
        yield {
            "seed": seed,
            "filter": target.filter,
            "group": target.name,
            "n_aux": target.n_aux,
            "n_train": target.n_train,
            "n_test": int(is_in.sum()),
            "attacker": name,
            "damage": lost[is_in].mean(),
            "collateral": lost[~is_in].mean(),
        }


def run_seed(seed, filters, n_groups):
    """Attack the targets of ``attacks_adult.py``."""
    data, rows = load(seed)
    victim, own = Model(rows.X, rows.y), Model(rows.X_aux, rows.y_aux)
    return [
        record
        for target in draw_targets(data, seed, n_groups)
        if target.filter in filters
        for record in attack_target(rows, target, victim, own, seed)
    ]


def summarize(records):
    """Means over the groups of each seed, and 95 % intervals over the seeds."""
    at = ["filter", "attacker", "seed"]
    by_seed = records.groupby(at, sort=False)[["damage", "collateral"]].mean()
    by_seed = by_seed.reset_index()
    one = by_seed[by_seed["attacker"] == FLIP_AT_ONE].set_index(["filter", "seed"])
    pairs = pd.MultiIndex.from_frame(by_seed[["filter", "seed"]])
    by_seed["gain_over_flip_at_1"] = (
        by_seed["damage"] - one["damage"].reindex(pairs).to_numpy()
    )
    table = []
    for (name, attacker), seeds in by_seed.groupby(at[:2], sort=False):
        row = {"filter": name, "attacker": attacker, "n_seeds": len(seeds)}
        for column in ("damage", "gain_over_flip_at_1"):
            ends = interval(seeds[column])
            row |= dict(
                zip((column, f"{column}_low", f"{column}_high"), ends, strict=True)
            )
        table.append(row | {"collateral": seeds["collateral"].mean()})
    return pd.DataFrame(table)


def main():
    """Run the study and write its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
    parser.add_argument("--groups", type=int, default=12, help="targets of each finder")
    parser.add_argument("--filters", nargs="+", default=["FM"], help="FM, CM or both")
    parser.add_argument("--quick", action="store_true", help="one seed, two targets")
    given = parser.parse_args()
    if given.quick:
        given.seeds, given.groups = 1, 2
    records, start = [], time.perf_counter()
    for seed in range(given.seeds):
        records += run_seed(seed, given.filters, given.groups)
        print(f"seed {seed}: {time.perf_counter() - start:.0f} s", flush=True)
        table = pd.DataFrame(records)
        summary = summarize(table)
        if not given.quick:
            table.round(5).to_csv(RESULTS / "attacks_oracle_groups.csv", index=False)
            summary.round(5).to_csv(RESULTS / "attacks_oracle.csv", index=False)
            about = {"seeds": seed + 1, "targets": given.groups, "alpha": ALPHA}
            seconds = round(time.perf_counter() - start)
            write_result("attacks_oracle", **about, wall_seconds=seconds)
    print(summary.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
