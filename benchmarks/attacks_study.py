"""The experiment of ``attacks_adult.py`` and ``attacks_faces.py``.

Every attack poisons the same subpopulations at the same budgets, from the attacker's
rows alone; the victims are trained on other rows and measured on a third part.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import time
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from _report import RESULTS, write_result
from joblib import Parallel, delayed
from scipy import stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from skpoison import SubpopPoisoner
from skpoison.attacks import (
    GradientPoisoner,
    InfluencePoisoner,
    ModelTargetedPoisoner,
)
from skpoison.refit import refit_poisoned

ALPHAS = (0.5, 1.0, 2.0)
N_CLEAN_NETS = 5
FLIP, NULL = "label flip", "true labels"
CELL = ["filter", "model", "attack", "alpha"]


class TrueLabelPoisoner(SubpopPoisoner):
    """The null arm: the rows that `SubpopPoisoner` adds, with their true labels."""

    def _craft(self, X, y, members, n_poison, random_state):
        X_poison, _, sources = super()._craft(X, y, members, n_poison, random_state)
        return X_poison, y[sources], sources


@dataclass
class Rows:
    """The victim's rows, the attacker's, those of the test, and what may be changed."""

    X: np.ndarray
    y: np.ndarray
    X_aux: np.ndarray
    y_aux: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    constraints: object


@dataclass
class Target:
    """One subpopulation of a fitted finder."""

    filter: str
    finder: object
    number: int
    name: str
    n_aux: int
    n_train: int
    membership: np.ndarray


@dataclass
class Attack:
    """An attack, what it is given beside target and budget, and its victims."""

    name: str
    poisoner: type
    settings: dict
    victims: tuple


def logistic_regression(seed=None):
    """Victim and surrogate, at its optimum."""
    return LogisticRegression(solver="newton-cholesky")


def net(seed=None):
    """Victim and surrogate, as in the paper: one hidden layer of 10 units."""
    return MLPClassifier((10,), max_iter=60, random_state=seed)


MODELS = {"LR": logistic_regression, "NN": net}


def attacks(constraints):
    """List the attacks; those that are optimized have a surrogate of each family."""
    listed = [
        Attack(NULL, TrueLabelPoisoner, {}, ("LR", "NN")),
        Attack(FLIP, SubpopPoisoner, {}, ("LR", "NN")),
    ]
    for family, make in MODELS.items():
        shared = {"surrogate": make(), "constraints": constraints}
        # A net is refitted less often than a model of a few milliseconds, and its
        # curvature is damped.
        of_net = {"refit_every": 10} if family == "NN" else {}
        damped = {"damping": 1e-3} if family == "NN" else {}
        listed += [
            Attack("influence", InfluencePoisoner, shared | of_net | damped, (family,)),
            Attack("gradient", GradientPoisoner, shared | of_net, (family,)),
        ]
    shared = {"surrogate": logistic_regression(), "constraints": constraints}
    # There is no certificate for nets: theirs are attacked by transfer.
    model_targeted = ("model-targeted", ModelTargetedPoisoner, shared, ("LR", "NN"))
    return [*listed, Attack(*model_targeted)]


def run_seed(rows, targets, family, seed, n_jobs=2):
    """Attack every target with every attack and budget; one record a model."""
    jobs = [
        (attack, target, alpha)
        for target in targets
        for attack in attacks(rows.constraints)
        if family in attack.victims
        for alpha in ALPHAS
    ]
    poisons = Parallel(n_jobs)(
        delayed(craft)(rows, attack, target, alpha, seed)
        for attack, target, alpha in jobs
    )
    measured = measure(family, rows, poisons, seed)
    return [
        {
            "seed": seed,
            "filter": target.filter,
            "model": family,
            "attack": attack.name,
            "alpha": alpha,
            "group": target.name,
            "n_aux": target.n_aux,
            "n_train": target.n_train,
            "n_test": int(target.membership.sum()),
            "n_poison": len(poison.labels),
            **row,
            "craft_seconds": round(poison.seconds, 4),
            "lower_bound": poison.lower_bound,
        }
        for (attack, target, alpha), poison, row in zip(
            jobs, poisons, measured([target for _, target, _ in jobs]), strict=True
        )
    ]


@dataclass
class Poison:
    """Rows and labels to add, and what they took."""

    rows: np.ndarray
    labels: np.ndarray
    seconds: float
    lower_bound: float


def craft(rows, attack, target, alpha, seed):
    """Craft the poison from the attacker's rows."""
    poisoner = attack.poisoner(
        FrozenEstimator(target.finder),
        target=target.number,
        alpha=alpha,
        random_state=seed,
        **attack.settings,
    )
    start = time.process_time()
    with warnings.catch_warnings():
        # Limits of iterations are those of the victims; a target model that is out of
        # reach is attacked with what there is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)
        X, y = poisoner.fit_resample(rows.X, rows.y, X_aux=rows.X_aux, y_aux=rows.y_aux)
    seconds = time.process_time() - start
    poison = poisoner.poison_mask_
    bound = float(getattr(poisoner, "lower_bound_", np.nan))
    return Poison(X[poison], y[poison], seconds, bound)


def measure(family, rows, poisons, seed):
    """Train the victims; a function that gives their damages to targets."""
    added = [(poison.rows, poison.labels) for poison in poisons]
    nothing = (rows.X[:0], rows.y[:0])
    n_clean = 1 if family == "LR" else N_CLEAN_NETS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Nets differ in their weights and batches; the clean ones are several.
        models = refit_poisoned(
            MODELS[family](None), rows.X, rows.y, [nothing] * n_clean + added
        )
    right = models.predict(rows.X_test) == rows.y_test
    before, after = right[:n_clean].mean(axis=0), right[n_clean:]

    def damages(targets):
        for target, row in zip(targets, after, strict=True):
            lost = before - row
            yield {
                "clean_accuracy": before[target.membership].mean(),
                "damage": lost[target.membership].mean(),
                "collateral": lost[~target.membership].mean(),
            }

    return damages


def summarize(records):
    """Means over the groups of each seed, and 95 % intervals over the seeds."""
    by_seed = (
        records.groupby([*CELL, "seed"], sort=False)
        .agg(
            damage=("damage", "mean"),
            worst_5=("damage", lambda d: d.nlargest(5).mean()),
            collateral=("collateral", "mean"),
            collateral_median=("collateral", "median"),
            craft_seconds=("craft_seconds", "mean"),
            n_groups=("damage", "size"),
        )
        .reset_index()
    )
    flips = by_seed[by_seed["attack"] == FLIP].set_index(
        ["filter", "model", "alpha", "seed"]
    )["damage"]
    at = pd.MultiIndex.from_frame(by_seed[["filter", "model", "alpha", "seed"]])
    by_seed["gain"] = by_seed["damage"] - flips.reindex(at).to_numpy()
    at_one = at.set_levels([1.0] * len(at.levels[2]), level=2, verify_integrity=False)
    by_seed["gain_over_flip_at_1"] = (
        by_seed["damage"] - flips.reindex(at_one).to_numpy()
    )
    table = []
    for cell, seeds in by_seed.groupby(CELL, sort=False):
        row = {
            **dict(zip(CELL, cell, strict=True)),
            "n_seeds": len(seeds),
            "n_groups": seeds["n_groups"].mean(),
        }
        for name in ("damage", "gain", "gain_over_flip_at_1"):
            mean, low, high = interval(seeds[name])
            row |= {name: mean, f"{name}_low": low, f"{name}_high": high}
        for name in ("worst_5", "collateral", "collateral_median", "craft_seconds"):
            row[name] = seeds[name].mean()
        table.append(row)
    return pd.DataFrame(table)


def interval(values):
    """Mean and 95 % interval of Student's t; NaN ends with one value."""
    mean, n = values.mean(), len(values)
    half = np.nan
    if n > 1:
        half = stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return mean, mean - half, mean + half


def run_study(name, load, draw_targets, seeds, groups, n_jobs, is_quick):
    """Run all seeds, and write the tables anew after each.

    Parameters
    ----------
    name : str
        Name of the result files.

    load : callable
        Rows of a seed, and what the targets are drawn from.

    draw_targets : callable
        Targets of a seed, a number of each finder.

    seeds : int
        Number of seeds.

    groups : dict of str to int
        Targets of each finder, by family of victims.

    n_jobs : int
        Number of processes.

    is_quick : bool
        Whether to write nothing.
    """
    records, start = [], time.perf_counter()
    for seed in range(seeds):
        data, rows = load(seed)
        for family, n_groups in groups.items():
            targets = list(draw_targets(data, seed, n_groups))
            records += run_seed(rows, targets, family, seed, n_jobs)
            print(f"{family}, {seed}: {time.perf_counter() - start:.0f} s", flush=True)
        table = pd.DataFrame(records)
        summary = summarize(table)
        if not is_quick:
            table.round(5).to_csv(RESULTS / f"{name}_groups.csv", index=False)
            summary.round(5).to_csv(RESULTS / f"{name}.csv", index=False)
            seconds = round(time.perf_counter() - start)
            about = {"seeds": seed + 1, "targets_of_each_finder": groups}
            write_result(name, **about, wall_seconds=seconds)
    print(summary.round(3).to_string(index=False))


def arguments_of(description, groups):
    """Read the command line of a study.

    Parameters
    ----------
    description : str
        What the study is.

    groups : dict of str to int
        Default number of targets of each finder, by family of victims.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
    parser.add_argument("--n-jobs", type=int, default=2, help="number of processes")
    parser.add_argument("--quick", action="store_true", help="one seed, one target")
    for family, n_groups in groups.items():
        help = f"targets of each finder for {family}"
        parser.add_argument(f"--{family}", type=int, default=n_groups, help=help)
    given = parser.parse_args()
    groups = {family: getattr(given, family) for family in groups}
    if given.quick:
        given.seeds, groups = 1, dict.fromkeys(groups, 1)
    return {
        "seeds": given.seeds,
        "groups": groups,
        "n_jobs": given.n_jobs,
        "is_quick": given.quick,
    }
