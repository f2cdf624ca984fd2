"""The same question as ``attacks_oracle.py``, of the net of 10 units.

Run from the root of the repository, with the official files in the folder ``adult``
of the data home::

    SKPOISON_DATA_HOME=../shared/data python benchmarks/attacks_oracle_net.py

It writes ``benchmarks/results/attacks_oracle_net_groups.csv`` (one row for each
subpopulation), ``attacks_oracle_net.csv`` (means, with 95 % intervals over the seeds)
and ``attacks_oracle_net.json``. ``--quick`` takes a minute and writes nothing.

Nets have no optimum to search from, so the oracle tries whole poisons of alpha 0.5 on
the victim itself, trained on its own rows, and keeps the one that costs most on the
test rows. It tries label-flipped copies, single members repeated, the members on
either side of the middle along principal directions, the influence attack, and the
poison that the oracle of ``attacks_oracle.py`` finds for logistic regression. The one
that is kept is measured with other nets than those that chose it.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from _report import RESULTS, write_result
from attacks_adult import draw_targets, load
from attacks_oracle import (
    ALPHA,
    FLIP_AT_ONE,
    Errors,
    Model,
    flipped,
    search,
    summarize,
    with_ones,
)
from attacks_study import attacks, craft, net
from sklearn.exceptions import ConvergenceWarning

from skpoison.refit import refit_poisoned

N_MEMBERS, N_DIRECTIONS = 8, 4
CHOOSING, MEASURING = range(3), range(100, 104)
FLIP_AT_HALF, ORACLE = "label flip", "best of all tried"


def candidates(rows, target, victim, seed):
    """List poisons of one target, by name: rows and labels."""
    copies = flipped(rows, target, ALPHA, seed)
    n_poison, sign = len(copies.signs), copies.signs[0]
    rng = np.random.default_rng(seed)
    mine = rows.X_aux[target.finder.membership(rows.X_aux, target.number)]
    found = {FLIP_AT_ONE: flipped(rows, target, 1.0, seed), FLIP_AT_HALF: copies}
    found = {name: (p.rows[:, :-1], p.signs > 0) for name, p in found.items()}
    chosen = {
        f"member {i}": mine[[i] * n_poison]
        for i in rng.permutation(len(mine))[:N_MEMBERS]
    }
    chosen |= {
        name: mine[rng.choice(half, n_poison)] for name, half in halves(mine).items()
    }
    found |= {name: (X, np.full(n_poison, sign > 0)) for name, X in chosen.items()}
    found["logistic regression"] = for_linear(rows, target, victim, copies)
    for attack in attacks(rows.constraints):
        if attack.name == "influence" and "NN" in attack.victims:
            made = craft(rows, attack, target, ALPHA, seed)
            found["influence"] = (made.rows, made.labels)
    return {name: (X, np.asarray(y, dtype=int)) for name, (X, y) in found.items()}


def halves(members):
    """Members below and above the middle along each principal direction."""
    directions = np.linalg.svd(members - members.mean(axis=0), full_matrices=False)[2]
    found = {}
    for k, direction in enumerate(directions[:N_DIRECTIONS]):
        order = np.argsort(members @ direction)
        middle = len(order) // 2
        found[f"low {k}"], found[f"high {k}"] = order[:middle], order[middle:]
    return found


def for_linear(rows, target, victim, copies):
    """Find the poison that does most to a linear victim, in whole rows."""
    test = target.membership
    errors = Errors(with_ones(rows.X_test[test]), rows.y_test[test])
    found = search(victim, errors, copies, rows.constraints)
    n_poison = len(copies.signs)
    ends = np.cumsum(found.masses) / found.masses.sum() * n_poison
    at = np.searchsorted(ends, np.arange(n_poison) + 0.5).clip(max=len(ends) - 1)
    return found.rows[at, :-1], found.signs[at] > 0


def damages(rows, target, poisons, seeds):
    """Mean damage of each poison over nets of several seeds, and collateral."""
    is_in, nothing = target.membership, (rows.X[:0], rows.y[:0])
    total = 0
    for seed in seeds:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            models = refit_poisoned(net(seed), rows.X, rows.y, [nothing, *poisons])
        right = models.predict(rows.X_test) == rows.y_test
        parts = np.stack([right[:, is_in].mean(axis=1), right[:, ~is_in].mean(axis=1)])
        total = total + parts[:, :1] - parts[:, 1:]
    return total / len(seeds)


def attack_target(rows, target, victim, seed):
    """Damage to one target; one record each for what is compared."""
    tried = candidates(rows, target, victim, seed)
    half = [name for name in tried if name != FLIP_AT_ONE]
    chosen, _ = damages(rows, target, [tried[name] for name in half], CHOOSING)
    best = half[chosen.argmax()]
    measured = {FLIP_AT_ONE: FLIP_AT_ONE, FLIP_AT_HALF: FLIP_AT_HALF, ORACLE: best}
    poisons = [tried[name] for name in measured.values()]
    found = damages(rows, target, poisons, MEASURING).T
    for (name, kind), (damage, collateral) in zip(measured.items(), found, strict=True):
        yield {
            "seed": seed,
            "filter": target.filter,
            "group": target.name,
            "n_test": int(target.membership.sum()),
            "attacker": name,
            "poison": kind,
            "damage": damage,
            "collateral": collateral,
        }


def run_seed(seed, filters, n_groups):
    """Attack the targets of ``attacks_adult.py``."""
    data, rows = load(seed)
    victim = Model(rows.X, rows.y)
    return [
        record
        for target in draw_targets(data, seed, n_groups)
        if target.filter in filters
        for record in attack_target(rows, target, victim, seed)
    ]


def main():
    """Run the study and write its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
    parser.add_argument("--groups", type=int, default=4, help="targets of each finder")
    parser.add_argument("--filters", nargs="+", default=["FM"], help="FM, CM or both")
    parser.add_argument("--quick", action="store_true", help="one seed, one target")
    given = parser.parse_args()
    if given.quick:
        given.seeds, given.groups = 1, 1
    records, start = [], time.perf_counter()
    for seed in range(given.seeds):
        records += run_seed(seed, given.filters, given.groups)
        print(f"seed {seed}: {time.perf_counter() - start:.0f} s", flush=True)
        table = pd.DataFrame(records)
        summary = summarize(table)
        if not given.quick:
            path = RESULTS / "attacks_oracle_net_groups.csv"
            table.round(5).to_csv(path, index=False)
            summary.round(5).to_csv(RESULTS / "attacks_oracle_net.csv", index=False)
            about = {"seeds": seed + 1, "targets": given.groups, "alpha": ALPHA}
            seconds = round(time.perf_counter() - start)
            write_result("attacks_oracle_net", **about, wall_seconds=seconds)
    print(summary.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
