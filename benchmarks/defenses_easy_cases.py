"""Every sanitizer on the easy case that it was made for, and on clean data.

A case is a kind of poison that is spread over the data, or stands out; subpopulation
poison is neither. Each sanitizer is given the number of poison rows, or its largest
share in a class where its paper assumes that (an oracle, as in most of the papers), and
neither in a second run, with default settings in all else.
Beside its recall is that of as many rows removed at random. The null arm removes from
clean Adult with all settings at their defaults, and looks at whose rows go.

    SKPOISON_DATA_HOME=<folder with adult/> python benchmarks/defenses_easy_cases.py
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from _report import RESULTS, write_result
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from skpoison import ClusterMatch
from skpoison.attacks import BackdoorPoisoner, FeatureTrigger, everything
from skpoison.datasets import fetch_adult
from skpoison.defenses import (
    ActivationClustering,
    ConfidentLearning,
    DeepKNN,
    GroupRoni,
    IterativeTrimmedLoss,
    KNNSanitizer,
    LossFilter,
    Roni,
    Sever,
    SlabFilter,
    SpectralSignatures,
    SphereFilter,
    Trim,
)
from skpoison.finders import Representation

N_SEEDS = 5
SHARE = 0.1
ADULT_ROWS = 3000
N_CLUSTERS = 20


def flips(seed):
    """Breast cancer with a tenth of the labels flipped at random."""
    X, y = load_breast_cancer(return_X_y=True)
    X, bad = StandardScaler().fit_transform(X), spread(len(y), seed)
    return X, np.where(bad, 1 - y, y), bad


def availability(seed):
    """Two classes, and rows far out on the side of the other class."""
    X, y = make_classification(
        600, 10, n_informative=5, class_sep=1.5, flip_y=0.01, random_state=seed
    )
    rng, n = np.random.RandomState(seed), round(SHARE * len(y))
    labels = rng.randint(2, size=n)
    towards = X[y == 1].mean(axis=0) - X[y == 0].mean(axis=0)
    away = np.where(labels == 1, -3.0, 3.0)[:, np.newaxis] * towards
    X_poison = X.mean(axis=0) + away + rng.randn(n, X.shape[1])
    bad = np.arange(len(y) + n) >= len(y)
    return np.concatenate([X, X_poison]), np.concatenate([y, labels]), bad


def backdoor(seed):
    """Digits with a bright corner that makes them zeros, a tenth of that class."""
    X, y = load_digits(return_X_y=True)
    poisoner = BackdoorPoisoner(
        target=everything,
        alpha=SHARE * np.mean(y == 0),
        label=0,
        trigger=FeatureTrigger([0, 7], 64),
        random_state=seed,
    )
    X_res, y_res = poisoner.fit_resample(X, y)
    return X_res / 16, y_res, poisoner.poison_mask_


def spread(n, seed):
    """Draw a tenth of the rows."""
    bad = np.zeros(n, dtype=bool)
    drawn = np.random.RandomState(seed).choice(n, round(SHARE * n), replace=False)
    bad[drawn] = True
    return bad


def network():
    """Last hidden layer of a network that is trained on the poisoned rows."""
    return Representation(MLPClassifier((64,), max_iter=60))


# Case, sanitizer, and the recall aimed at: of the order that the papers report on cases
# like these, as we remember them; nothing here is quoted.
CASES = [
    (availability, Trim(), 0.9),
    (availability, IterativeTrimmedLoss(), 0.9),
    (availability, Sever(LogisticRegression()), 0.9),
    (availability, LossFilter(), 0.9),
    (availability, SphereFilter(), 0.9),
    (availability, SlabFilter(), 0.9),
    (backdoor, SpectralSignatures(network()), 0.9),
    (backdoor, ActivationClustering(network()), 0.9),
    (flips, DeepKNN(), 0.9),
    (flips, KNNSanitizer(), 0.9),
    (flips, ConfidentLearning(), 0.9),
    (flips, Roni(), 0.7),
]
AT_DEFAULTS = [
    Trim(),
    IterativeTrimmedLoss(),
    Sever(),
    LossFilter(),
    SphereFilter(),
    SlabFilter(),
    SpectralSignatures(),
    ActivationClustering(),
    DeepKNN(),
    KNNSanitizer(),
    ConfidentLearning(),
    Roni(),
    GroupRoni(),
]


def measure(case, sanitizer, aim, seed, oracle):
    """Let a sanitizer judge the rows of a case."""
    X, y, bad = case(seed)
    settings = {"random_state": seed}
    if oracle and "contamination" in sanitizer.get_params():
        settings["contamination"] = known(sanitizer, y, bad)
    sanitizer = clone(sanitizer).set_params(**settings)
    start = time.perf_counter()
    sanitizer.fit(X, y)
    removed = ~np.isin(np.arange(len(y)), sanitizer.sample_indices_)
    return {
        "case": case.__name__,
        "defense": type(sanitizer).__name__,
        "count": "oracle" if "contamination" in settings else "auto",
        "aimed_at": aim,
        "seed": seed,
        "recall": removed[bad].mean(),
        "precision": bad[removed].mean() if removed.any() else np.nan,
        "auc": roc_auc_score(bad, sanitizer.scores_),
        "removed": removed.mean(),
        "random_recall": random_recall(bad, removed.sum(), seed),
        "seconds": time.perf_counter() - start,
    }


def known(sanitizer, y, bad):
    """Tell how much poison there is, as the paper of the sanitizer is told."""
    if isinstance(sanitizer, SpectralSignatures):  # the share of the worst class
        return max(float(bad[y == label].mean()) for label in np.unique(y))
    return int(bad.sum())


def random_recall(bad, count, seed):
    """Remove as many rows at random."""
    drawn = np.random.RandomState(1000 + seed).permutation(len(bad))[:count]
    return bad[drawn].sum() / bad.sum()


def clean_adult(sanitizer, seed):
    """Let a sanitizer at its defaults judge clean rows, and see whose rows go."""
    X, y = fetch_adult(encoding="paper", return_X_y=True)
    rng = np.random.RandomState(seed)
    rows = rng.permutation(len(y))[:ADULT_ROWS]
    X = StandardScaler().fit_transform(np.asarray(X, dtype=float)[rows])
    y = np.asarray(y)[rows]
    codes = ClusterMatch(N_CLUSTERS, random_state=seed).fit(X).labels_
    start = time.perf_counter()
    sanitizer = clone(sanitizer).set_params(random_state=seed).fit(X, y)
    removed = ~np.isin(np.arange(len(y)), sanitizer.sample_indices_)
    shares = [removed[codes == k].mean() for k in range(codes.max() + 1)]
    return {
        "defense": type(sanitizer).__name__,
        "seed": seed,
        "removed": removed.mean(),
        "documented": sanitizer.get_params()["max_share"],
        "worst_subpopulation": np.max(shares),
        "worst_to_mean": np.max(shares) / removed.mean() if removed.any() else np.nan,
        "seconds": time.perf_counter() - start,
    }


def summarize(table, by):
    """Means over seeds, with 95 % intervals of Student's t."""
    grouped = table.drop(columns="seed").groupby(by, sort=False, dropna=False)
    mean, n = grouped.mean(), grouped.size().to_numpy()[:, np.newaxis]
    half = grouped.sem() * stats.t.ppf(0.975, n - 1)
    bounds = (mean - half).add_suffix("_low").join((mean + half).add_suffix("_high"))
    columns = [c + end for c in mean for end in ("", "_low", "_high")]
    return mean.join(bounds)[columns].reset_index()


def main():
    """Run all cases and the null arm, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    seeds = range(parser.parse_args().seeds)
    warnings.simplefilter("ignore", ConvergenceWarning)
    cases = pd.DataFrame(
        measure(*setting, seed, oracle)
        for setting in CASES
        for oracle in (True, False)
        for seed in seeds
    )
    null = pd.DataFrame(clean_adult(d, seed) for d in AT_DEFAULTS for seed in seeds)
    by = ["case", "defense", "count", "aimed_at"]
    tables = {
        "defenses_easy_cases": summarize(cases, by),
        "defenses_clean_data": summarize(null, ["defense", "documented"]),
    }
    for name, table in tables.items():
        table.round(4).to_csv(RESULTS / f"{name}.csv", index=False)
        print(table.filter(regex="^(?!.*_(low|high)$)").round(3).to_string())
    write_result("defenses_easy_cases", seeds=list(seeds), n_adult=ADULT_ROWS)


if __name__ == "__main__":
    main()
