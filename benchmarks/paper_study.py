"""The experiment of ``paper_cifar10.py``, ``paper_utkface.py`` and ``paper_imdb.py``.

The attacker has rows of her own (aux). A surrogate, or a representation, of those rows
gives 100 clusters; each attacked cluster gets copies of its aux members with a constant
wrong label, as many as `alpha` times its training rows. The victims are trained on
other rows and measured on a third part, each against its clean twin, beside the null
arm: the same rows with their true labels. All of it is one `SubpopulationAudit` for
each seed and victim, whose checkpoint (``--work``) lets a killed study go on.

Nets that take minutes to train are attacked on a few clusters only, which the attacker
chooses without any test row: those where her own rows, halved, show the largest error
of a linear model on the surrogate's features, within the budget of the paper.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import time
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from _report import RESULTS, write_result
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.linear_model import LogisticRegression

from skpoison import ClusterMatch, SubpopulationAudit
from skpoison.nets import VGG, ConvNet

ALPHAS = (0.5, 1.0, 2.0)


@dataclass(kw_only=True)
class Size:
    """How much of a study is done.

    Parameters
    ----------
    n_clusters : int
        Clusters of the attacker's rows.

    n_targets : int
        Those attacked where a victim takes minutes to train.

    n_repeats : int
        Poison draws and victim seeds.

    max_poison : int
        Most poison rows that may be spent on a cluster at `alpha_of_max`, for the
        attacker to choose it.

    alpha_of_max : float
        Poison rows for each training row there.

    mixed_precision : {"auto"} or bool
        Precision of nets.
    """

    n_clusters: int = 100
    n_targets: int = 1
    n_repeats: int = 1
    max_poison: int = 400
    alpha_of_max: float = 2.0
    mixed_precision: object = "auto"


@dataclass
class Rows:
    """The victim's rows, the attacker's, and those of the test."""

    X: np.ndarray
    y: np.ndarray
    X_aux: np.ndarray
    y_aux: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @classmethod
    def taken(cls, X, y, parts):
        """Take the rows of three lists of indices."""
        return cls(*(array[part] for part in parts for array in (X, y)))

    def in_parts(self):
        """Give the rows of each part."""
        return self.X, self.X_aux, self.X_test

    def seen_by(self, transform):
        """Give the same rows, transformed."""
        X, X_aux, X_test = (transform(part) for part in self.in_parts())
        return Rows(X, self.y, X_aux, self.y_aux, X_test, self.y_test)


@dataclass
class Victim:
    """A model under attack, and what the attacker knows of its subpopulations.

    Parameters
    ----------
    name : str
        Name in the tables.

    estimator : classifier
        The victim.

    rows : Rows
        Rows as the victim sees them.

    groups : list of ndarray
        Number of the subpopulation of each row of the three parts; -1 is none.

    names : list of str
        Names of the subpopulations.

    choice : list of int
        Those that the attacker expects most of, the best first.

    only_choice : bool, default=False
        Whether to attack no others.

    alphas : tuple of float
        Budgets.

    n_repeats : int
        Poison draws and victim seeds.

    min_test : int
        Fewest test rows of a subpopulation.
    """

    name: str
    estimator: object
    rows: Rows
    groups: list
    names: list
    choice: list
    only_choice: bool = False
    alphas: tuple = ALPHAS
    n_repeats: int = 1
    min_test: int = 30


class KnownGroups(ClusterMixin, BaseEstimator):
    """Finder that looks up the subpopulation of each row."""

    def __init__(self, groups, names):
        self.groups = groups
        self.names = names

    def fit(self, X, y=None):
        """Learn nothing."""
        self.fitted_ = True
        return self

    def predict(self, X):
        """Give the number of the subpopulation of each row."""
        return np.array([self.groups.get(key_of(row), -1) for row in X])

    def get_feature_names_out(self, input_features=None):
        """Give the names of the subpopulations."""
        return np.array(self.names, dtype=object)


def key_of(row):
    """Give what tells a row from others."""
    return row if isinstance(row, str) else np.ascontiguousarray(row).tobytes()


def clusters_of(rows, seed, n_clusters=100, n_components=10):
    """Cluster all rows by a finder that is fitted on the attacker's.

    Parameters
    ----------
    rows : Rows
        Rows as the surrogate sees them: activations or embeddings.

    Returns
    -------
    groups : list of ndarray
        Cluster of each row of the three parts.

    names : list of str
        Names of the clusters.
    """
    finder = ClusterMatch(n_clusters, n_components=n_components, random_state=seed)
    finder.fit(rows.X_aux)
    groups = [finder.predict(part) for part in rows.in_parts()]
    return groups, list(finder.get_feature_names_out())


def most_susceptible(
    rows, groups, seed, *, k, max_poison, alpha=2.0, min_rows=5, min_test=30
):
    """Choose the clusters whose error the attacker expects to be largest.

    Parameters
    ----------
    rows : Rows
        Rows as the surrogate sees them. Only those of the attacker are looked at: one
        half trains linear models, the other crafts the poison and measures them.

    groups : list of ndarray
        Cluster of each row of the three parts.

    k : int
        Number of clusters to choose.

    max_poison : int
        Most poison rows at `alpha`, for as many training as aux rows.

    alpha : float, default=2.0
        Budget.

    min_rows : int, default=5
        Fewest rows of the attacker that measure a cluster.

    min_test : int, default=30
        Clusters with fewer test rows are left out, as they could not be measured; no
        more is known of the test.

    Returns
    -------
    targets : list of int
        Their numbers, the largest expected error first.
    """
    of_aux = groups[1]
    keys = {key_of(row): int(g) for row, g in zip(rows.X_aux, of_aux, strict=True)}
    audit = SubpopulationAudit(
        linear_model(),
        finder=KnownGroups(keys, [str(g) for g in range(of_aux.max() + 1)]),
        alphas=[alpha],
        min_test=min_rows,
        random_state=seed,
    ).fit(rows.X_aux, rows.y_aux)
    table = audit.summary_.set_index("subpopulation")
    error = 1 - table["clean_accuracy"] + table["target_damage"]
    n_aux = np.bincount(of_aux, minlength=len(error))[error.index]
    n_test = (groups[2][:, np.newaxis] == error.index.to_numpy()).sum(axis=0)
    affordable = error[(alpha * n_aux <= max_poison) & (n_test >= min_test)]
    if affordable.empty:
        raise ValueError(
            f"No cluster with {min_test} test rows is attacked with {max_poison} rows "
            f"at alpha={alpha}."
        )
    return affordable.nlargest(k).index.tolist()


def attacked(
    name, estimator, rows, seen, size, seed, *, known=None, k=None, **settings
):
    """Give a victim, and the clusters on which the attacker expects most.

    Parameters
    ----------
    name : str
        Name in the tables.

    estimator : classifier
        The victim.

    rows : Rows
        Rows as it sees them.

    seen : Rows
        Rows as the surrogate sees them.

    size : Size
        How much is done.

    seed : int
        Seed of the clusters and of the attacker's trial.

    known : tuple, default=None
        Numbers and names of subpopulations; None is the clusters of `seen`.

    k : int, default=None
        Number of clusters to choose; None is that of `size`.

    **settings : dict
        More of the victim's.

    Returns
    -------
    victim : Victim
        The victim.
    """
    groups, names = known or clusters_of(seen, seed, size.n_clusters)
    choice = most_susceptible(
        seen,
        groups,
        seed,
        k=k or size.n_targets,
        max_poison=size.max_poison,
        alpha=size.alpha_of_max,
        min_test=settings.get("min_test", 30),
    )
    settings = {"n_repeats": size.n_repeats} | settings
    return Victim(name, estimator, rows, groups, names, choice, **settings)


def end_to_end(name, make_net, rows, size, seed, folder, **settings):
    """Give a net that is trained from its start, with clusters of a surrogate's."""
    surrogate = fitted(
        make_net(seed), rows.X_aux, rows.y_aux, folder / f"{name.replace(' ', '_')}.pt"
    )
    return attacked(
        name,
        make_net(None),
        rows,
        features_of(surrogate, rows),
        size,
        seed,
        only_choice=True,
        **settings,
    )


def image_nets(make, rows, size, seed, folder, **settings):
    """Give the paper's nets for images that a size has, trained from their start."""
    for name, module in {"ConvNet": ConvNet, "VGG": VGG}.items():
        options = {"ConvNet": size.conv, "VGG": size.vgg}[name]
        if options is not None:
            make_net = partial(make, module, size, options)
            yield end_to_end(name, make_net, rows, size, seed, folder, **settings)


def linear_model():
    """Give the last layer of transfer learning, at its optimum."""
    return LogisticRegression(C=0.1, max_iter=2000)


def fitted(net, X, y, path):
    """Fit a net, or load what an earlier run has fitted."""
    net = clone(net)
    if path.is_file():
        return net.initialize_for(X, y).load_params(f_params=path) or net
    net.fit(X, y)
    path.parent.mkdir(parents=True, exist_ok=True)
    net.save_params(f_params=path)
    return net


def features_of(net, rows):
    """Give rows as the last layer of a fitted net sees them."""
    return rows.seen_by(net.transform)


def audit(victim, seed, checkpoint):
    """Attack a victim; its audit."""
    wanted = set(victim.choice if victim.only_choice else range(len(victim.names)))
    groups = {
        key_of(row): int(group)
        for part, of_part in zip(victim.rows.in_parts(), victim.groups, strict=True)
        for row, group in zip(part, of_part, strict=True)
        if group in wanted
    }
    rows = victim.rows
    return SubpopulationAudit(
        victim.estimator,
        finder=KnownGroups(groups, victim.names),
        alphas=victim.alphas,
        n_repeats=victim.n_repeats,
        min_test=victim.min_test,
        checkpoint=checkpoint,
        random_state=seed,
    ).fit(
        rows.X,
        rows.y,
        X_aux=rows.X_aux,
        y_aux=rows.y_aux,
        X_test=rows.X_test,
        y_test=rows.y_test,
    )


def tables_of(done, victim, seed):
    """Give the models of an audit, and its worst subpopulations, as tables."""
    about = {"seed": seed, "victim": victim.name}
    clean = done.summary_.set_index("subpopulation")["clean_accuracy"]
    arms = {"flipped": done.results_, "true labels": done.null_}
    models = pd.concat(
        [arm.assign(arm=name) for name, arm in arms.items()], ignore_index=True
    )
    models["poisoned_error"] = (
        1 - models["subpopulation"].map(clean) + models["target_damage"]
    )
    ranks = {k: rank for rank, k in enumerate(victim.choice, start=1)}
    models["choice"] = models["subpopulation"].map(ranks).astype("Int64")
    columns = ["arm", "name", "choice", "alpha", "repeat"]
    columns += ["n_train", "n_test", "n_poison"]
    columns += ["target_damage", "collateral_damage", "poisoned_error"]
    return (
        models[columns].assign(**about),
        done.worst_k_.assign(**about, clean_accuracy=done.clean_accuracy_),
    )


def run(name, sizes, make_victims, seeds, n_transfer=0):
    """Run a study from the command line.

    Parameters
    ----------
    name : str
        Name of the study, and of its results.

    sizes : dict of str to object
        What `make_victims` is given for each ``--size``.

    make_victims : callable
        ``make_victims(size, seed, folder)`` yields the victims of a seed; `folder` is
        for what an earlier run has made.

    seeds : dict of str to int
        Number of seeds of each size.

    n_transfer : int, default=0
        How many victims come first that are linear models on frozen features.
    """
    args = arguments(name, list(sizes))
    n_seeds = seeds[args.size] if args.seeds is None else args.seeds
    work = Path(args.work) / name / args.size
    start, models, worst = time.time(), [], []
    for seed in range(n_seeds):
        folder = work / f"seed{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        victims = make_victims(sizes[args.size], seed, folder)
        for victim in islice(victims, n_transfer) if args.transfer else victims:
            file = victim.name.replace(" ", "_").replace(",", "") + ".csv"
            done = audit(victim, seed, folder / file)
            of_models, of_worst = tables_of(done, victim, seed)
            models.append(of_models)
            worst.append(of_worst)
            tell(victim, seed, done, time.time() - start)
    models, worst = pd.concat(models), pd.concat(worst)
    stem = f"{name}_{args.size}" + "_transfer" * args.transfer
    results = Path(args.results)
    results.mkdir(parents=True, exist_ok=True)
    models.round(4).to_csv(results / f"{stem}.csv", index=False)
    worst.round(4).to_csv(results / f"{stem}_worst.csv", index=False)
    write_result(
        stem,
        folder=results,
        options=f"--size {args.size} --seeds {n_seeds}" + " --transfer" * args.transfer,
        seeds=n_seeds,
        wall_seconds=round(time.time() - start),
        victims=summary(models, worst),
    )


def arguments(name, sizes):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=f"The paper's study: {name}.")
    parser.add_argument("--size", choices=sizes, default="smoke")
    parser.add_argument(
        "--transfer",
        action="store_true",
        help="only linear models on frozen features, which take a minute a seed",
    )
    parser.add_argument("--seeds", type=int, default=None, help="number of seeds")
    parser.add_argument(
        "--work", default="benchmarks/work", help="folder of the checkpoints"
    )
    parser.add_argument("--results", default=RESULTS, help="folder of the tables")
    return parser.parse_args()


def tell(victim, seed, done, seconds):
    """Print what is known of a victim."""
    print(
        f"seed {seed}, {victim.name}: clean accuracy {done.clean_accuracy_:.3f}, "
        f"{len(done.summary_)} subpopulations, {seconds:.0f} s\n"
        f"{done.worst_k_.round(3).to_string(index=False)}",
        flush=True,
    )


def summary(models, worst):
    """Give means over seeds, with the standard deviation between them."""
    return {
        victim: {
            "clean_accuracy": spread(rows.groupby("seed")["clean_accuracy"].first()),
            "worst": [
                {
                    "k": int(k),
                    "alpha": float(alpha),
                    **{
                        column: spread(cell[column])
                        for column in ("damage", "held_out_damage", "null_damage")
                    },
                }
                for (k, alpha), cell in rows.groupby(["k", "alpha"])
            ],
            "mean_damage": mean_damage(models[models["victim"] == victim]),
            "first_choice": first_choice(models[models["victim"] == victim]),
            "collateral": collateral(models[models["victim"] == victim]),
        }
        for victim, rows in worst.groupby("victim", sort=False)
    }


def mean_damage(models):
    """Give the mean damage of all subpopulations that were attacked, in both arms."""
    return [
        {
            "alpha": float(alpha),
            "n_subpopulations": int(rows.groupby("seed")["name"].nunique().sum()),
            **{
                arm: spread(cell.groupby("seed")["target_damage"].mean())
                for arm, cell in rows.groupby("arm")
            },
        }
        for alpha, rows in models.groupby("alpha")
    ]


def first_choice(models):
    """Give the attack on the cluster that the attacker chose without any test row."""
    chosen = models[(models["choice"] == 1) & (models["arm"] == "flipped")]
    columns = ["poisoned_error", "target_damage", "collateral_damage"]
    return [
        {
            "alpha": float(alpha),
            "n_poison": rows["n_poison"].astype(int).unique().tolist(),
            "n_test": rows["n_test"].astype(int).unique().tolist(),
            **{
                column: spread(rows.groupby("seed")[column].mean())
                for column in columns
            },
        }
        for alpha, rows in chosen.groupby("alpha")
    ]


def collateral(models):
    """Give the median and the largest collateral damage of the flipped arm."""
    damage = models.loc[models["arm"] == "flipped", "collateral_damage"]
    return {"median": round(damage.median(), 4), "max": round(damage.max(), 4)}


def spread(values):
    """Give the mean and the standard deviation."""
    values = np.asarray(values, dtype=float)
    deviation = values.std(ddof=1) if len(values) > 1 else np.nan
    return {
        "mean": round(float(values.mean()), 4),
        "sd": None if np.isnan(deviation) else round(float(deviation), 4),
    }
