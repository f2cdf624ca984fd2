"""Defenses on Adult: what each leaves of an attack, and of one that knows it.

On the paper's encoding, balanced, half of whose rows train the victim, a logistic
regression, and half are the attacker's. Four of 100 clusters of different sizes are
attacked by label flipping and, for most sanitizers, by an attacker who rehearses that
sanitizer on rows of her own (`DefenseAwarePoisoner`). Each defense is one
`DefenseAudit` a seed, with its control of as many rows removed at random, and with the
clean rows, where it can only harm. Other seeds draw other rows, clusters, poison and
test rows; intervals are Student's over seeds. Representations are those of a network of
ten units trained on the poisoned rows.

To repeat, with the official files of Adult in the data home::

    python benchmarks/defenses_adult.py [--seeds 5] [--jobs 2]

Writes ``results/defenses_adult.csv`` (means over targets and seeds), ``..._costs.csv``
(without poison) and ``....json``.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from _report import RESULTS, write_result
from joblib import Parallel, delayed
from scipy import stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison import ClusterMatch, DefenseAudit, SubpopPoisoner
from skpoison import defenses as d
from skpoison.attacks import DefenseAwarePoisoner
from skpoison.datasets import fetch_adult
from skpoison.finders import Representation

N_CLUSTERS = 100
# Places of the targets among the clusters, in the order of their sizes.
TARGETS = (2, 10, 20, 40)
ALPHAS = (0.5, 1.0, 2.0)
FLIP, AWARE = "label flip", "rehearsed"
# It takes trusted rows, which no attacker has.
NOT_REHEARSED = "GroupRoni (trusted)"
MEANS = [
    "target_damage",
    "change",
    "random_damage",
    "worst_damage",
    "collateral_damage",
    "recall",
    "precision",
    "auc",
    "clean_removed",
    "target_removed",
]


def victim():
    """Give the model that is attacked."""
    return make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky"))


def hidden():
    """Give the representation: hidden units of a net trained on the same rows."""
    net = MLPClassifier((10,), max_iter=20, batch_size=64)
    return Representation(make_pipeline(StandardScaler(), net))


def all_defenses():
    """Give each defense, at its defaults where it has any."""
    return {
        "Trim": d.Trim(victim()),
        "IterativeTrimmedLoss": d.IterativeTrimmedLoss(victim()),
        "Sever": d.Sever(victim()),
        "Sever (paper)": d.Sever(victim(), variant="paper"),
        "LossFilter": d.LossFilter(victim()),
        "SphereFilter": d.SphereFilter(),
        "SlabFilter": d.SlabFilter(),
        "SpectralSignatures": d.SpectralSignatures(hidden()),
        "ActivationClustering": d.ActivationClustering(hidden()),
        "DeepKNN": d.DeepKNN(hidden()),
        "KNNSanitizer": d.KNNSanitizer(),
        "ConfidentLearning": d.ConfidentLearning(victim()),
        "Roni": d.Roni(),
        "GroupRoni": d.GroupRoni(estimator=victim()),
        "GroupRoni (trusted)": d.GroupRoni(estimator=victim()),
        "PartitionAggregation": d.PartitionAggregation(victim()),
        "MultigroupRobustClassifier": d.MultigroupRobustClassifier(victim()),
        "TrustedFineTuning": d.TrustedFineTuning(victim()),
    }


def audited(name, seed):
    """Audit one defense with one seed; its tables, with the seed and the seconds."""
    data = fetch_adult(
        encoding="paper", balance="undersample", as_frame=False, random_state=seed
    )
    X, y = data.data, data.target
    X_test, y_test = fetch_adult(
        encoding="paper",
        balance="undersample",
        subset="test",
        as_frame=False,
        return_X_y=True,
        random_state=seed,
    )
    order = np.random.RandomState(seed).permutation(len(y))
    train, aux = np.array_split(order, 2)
    defense = all_defenses()[name]
    poisoners = {FLIP: SubpopPoisoner()}
    if hasattr(defense, "fit_resample") and name != NOT_REHEARSED:
        poisoners[AWARE] = DefenseAwarePoisoner(
            defense=defense, surrogate=victim(), n_rounds=2
        )
    asks = name == "TrustedFineTuning" or name.endswith("(trusted)")
    start = time.perf_counter()
    audit = DefenseAudit(
        victim(),
        defenses={name: defense},
        poisoners=poisoners,
        finder=make_pipeline(StandardScaler(), ClusterMatch(N_CLUSTERS)),
        targets=list(TARGETS),
        alphas=ALPHAS,
        trusted_size=0.05 if asks else None,
        min_test=20,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        audit.fit(
            X[train],
            y[train],
            X_aux=X[aux],
            y_aux=y[aux],
            X_test=X_test,
            y_test=y_test,
        )
    seconds = time.perf_counter() - start
    told = {"seed": seed, "clean_accuracy": audit.clean_accuracy_, "seconds": seconds}
    summary = audit.summary_.assign(audit=name, **told)
    costs = audit.costs_.assign(audit=name, **told)
    return summary, costs


def over_seeds(table, keys, columns):
    """Means over seeds with the ends of 95 % intervals."""
    records = []
    for key, rows in table.groupby(keys, sort=False):
        record = dict(zip(keys, key, strict=True)) | {"n_seeds": rows["seed"].nunique()}
        for column in columns:
            values = rows.groupby("seed")[column].mean().dropna().to_numpy(float)
            record |= dict(
                zip(
                    [column, f"{column}_low", f"{column}_high"],
                    ends(values),
                    strict=True,
                )
            )
        records.append(record)
    return pd.DataFrame(records).round(4)


def ends(values):
    """Mean, and Student's interval."""
    if len(values) == 0:
        return np.nan, np.nan, np.nan
    mean = values.mean()
    if len(values) == 1:
        return mean, np.nan, np.nan
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return mean, mean - half, mean + half


def unevenness(costs):
    """Largest share that a cluster of 30 training rows loses, beside that of all."""
    groups = costs[(costs["subpopulation"] >= 0) & (costs["n_train"] >= 30)]
    return (
        groups.groupby(["defense", "seed"], sort=False)["removed"]
        .max()
        .rename("most_removed")
    )


def main():
    """Audit all defenses with all seeds, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=None)
    args = parser.parse_args()
    names = args.only or list(all_defenses())
    start = time.perf_counter()
    done = Parallel(n_jobs=args.jobs, verbose=5)(
        delayed(audited)(name, seed) for seed in range(args.seeds) for name in names
    )
    summary = pd.concat([part[0] for part in done])
    costs = pd.concat([part[1] for part in done])
    # The victim as it is was measured beside each defense; once is enough.
    first = summary["audit"] == names[0]
    bare = (summary["defense"] == "none") & (summary["poisoner"] == FLIP) & first
    kept = summary[bare | (summary["defense"] != "none")]
    order = {name: i for i, name in enumerate(["none", *names])}
    table = over_seeds(kept, ["poisoner", "defense", "alpha"], MEANS)
    table = table.sort_values(
        ["alpha", "defense"], key=lambda c: c.map(order) if c.name == "defense" else c
    )
    table.to_csv(RESULTS / "defenses_adult.csv", index=False)
    everybody = costs[costs["subpopulation"] < 0]
    everybody = everybody.join(unevenness(costs), on=["defense", "seed"])
    columns = ["removed", "most_removed", "accuracy_cost", "random_cost"]
    clean = over_seeds(everybody, ["defense"], columns)
    clean.to_csv(RESULTS / "defenses_adult_costs.csv", index=False)
    print(table.to_string(), clean.to_string(), sep="\n")
    write_result(
        "defenses_adult",
        options=f"--seeds {args.seeds}",
        seeds=args.seeds,
        targets=TARGETS,
        clusters=N_CLUSTERS,
        clean_accuracy=round(float(summary["clean_accuracy"].mean()), 4),
        seconds=round(time.perf_counter() - start),
        seconds_of={
            name: round(float(summary.loc[summary["audit"] == name, "seconds"].mean()))
            for name in names
        },
    )


if __name__ == "__main__":
    main()
