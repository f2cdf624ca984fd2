"""How local models are, against what poison does to them.

Run from the root of the repository, with the official files in the folder ``adult`` of
the data home::

    export SKPOISON_DATA_HOME=../shared/data
    python benchmarks/impossibility_locality.py --seeds 20

It writes ``benchmarks/results/impossibility_locality.csv`` (one row for each data set
and model family, as a mean over subpopulations and seeds),
``impossibility_correlations.csv`` and ``impossibility_locality.json``.

A seed is a split, the clusters of the training rows, the changes and the poison.
Training rows are 1,000 of Adult in the paper's encoding, 600 of the digits of
scikit-learn with their ten classes, and 200 of its breast cancer data, scaled; the
attacker has as many other rows, or 150 of the last, and the test the rest, or 3,000
rows of Adult. `locality` is told the test rows. Damage is the accuracy that a cluster
loses in the test to the default of `SubpopPoisoner`: wrongly labeled rows of the
attacker, as many as the cluster has in training (alpha 1). They are not copies of
training rows, which 1-NN and trees would not notice. Clusters with fewer than 10 test
rows, or none of the attacker's, are left out.

Rank correlations of damage are Spearman's, over families (means over clusters and
seeds), and over pairs of a family and a cluster. Intervals are of 2,000 bootstrap
samples of families, with all their pairs: families are what the statement is about, and
there are 16 of them. ``own_share`` is own / (own + delta_mean), which is high for a
model that listens to the subpopulation itself and low for one that listens to all
others.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from _report import RESULTS, write_result
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.parallel import Parallel, delayed

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.datasets import fetch_adult
from skpoison.mixture import SubpopulationMixtureClassifier, locality
from skpoison.refit import refit_poisoned

N_SEEDS = 20
MIN_TEST = 10
N_BOOTSTRAP = 2000
# Data set; rows of training, of the attacker and of the test; clusters.
SETTINGS = {
    "Adult": (1000, 1000, 3000, 12),
    "digits": (600, 600, 597, 12),
    "breast cancer": (200, 150, 219, 6),
}
MEASURES = ("delta_mean", "delta", "own", "own_share")


def families(finder):
    """Models of common families, with the settings that most people start from."""
    return {
        "majority of the cluster": SubpopulationMixtureClassifier(finder),
        "1-NN": KNeighborsClassifier(1),
        "5-NN": KNeighborsClassifier(5),
        "15-NN": KNeighborsClassifier(15),
        "decision tree": DecisionTreeClassifier(),
        "random forest": RandomForestClassifier(50),
        "extra trees": ExtraTreesClassifier(50),
        "histogram boosting": HistGradientBoostingClassifier(
            max_iter=10, learning_rate=0.3
        ),
        "AdaBoost": AdaBoostClassifier(n_estimators=30),
        "MLP (32)": MLPClassifier((32,), max_iter=60),
        "SVC": SVC(),
        "logistic regression": LogisticRegression(max_iter=300),
        "ridge": RidgeClassifier(),
        "LDA": LinearDiscriminantAnalysis(),
        "GaussianNB": GaussianNB(var_smoothing=1e-3),
        "nearest centroid": NearestCentroid(),
    }


def load(name):
    """Rows and labels of a data set."""
    if name == "Adult":
        X, y = fetch_adult(encoding="paper", return_X_y=True)
        return X.to_numpy(float), y.to_numpy()
    of_name = {"digits": load_digits, "breast cancer": load_breast_cancer}
    return of_name[name](return_X_y=True)


def split(name, data, seed):
    """Scaled rows of training, attacker and test with labels, and the clusters."""
    n_train, n_aux, n_test, n_clusters = SETTINGS[name]
    X, y = data
    X, X_test, y, y_test = train_test_split(
        X, y, train_size=n_train + n_aux, test_size=n_test, random_state=seed
    )
    scaler = StandardScaler().fit(X[:n_train])
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    finder = ClusterMatch(n_clusters, random_state=seed).fit(X[:n_train])
    train, aux = (X[:n_train], y[:n_train]), (X[n_train:], y[n_train:])
    return train, aux, (X_test, y_test), FrozenEstimator(finder)


def run(name, data, seed):
    """Locality and damage of every family on the clusters of one split."""
    (X, y), aux, test, finder = split(name, data, seed)
    poisons = draw_poisons(X, y, aux, finder, seed)
    tables = []
    for family, model in families(finder).items():
        if "random_state" in model.get_params():
            model = clone(model).set_params(random_state=seed)
        table = locality(model, X, y, finder, X_test=test[0], random_state=seed)
        table["own_share"] = table["own"] / (table["own"] + table["delta_mean"])
        told = {"data": name, "family": family, "seed": seed}
        told |= {"n_poison": [len(labels) for _, labels in poisons[1:]]}
        told |= damage(model, X, y, poisons, *test, finder)
        tables.append(table.assign(**told))
    table = pd.concat(tables)
    return table[(table["n_test"] >= MIN_TEST) & (table["n_poison"] > 0)]


def draw_poisons(X, y, aux, finder, seed):
    """Label flipping on each cluster at alpha 1, after no poison."""
    X_aux, y_aux = aux
    poisons, nothing = [], (X[:0], y[:0])
    for target in range(len(finder.sizes_)):
        if not np.any(finder.predict(X_aux) == target):
            poisons.append(nothing)
            continue
        poisoner = SubpopPoisoner(finder, target=target, random_state=seed)
        X_res, y_res = poisoner.fit_resample(X, y, X_aux=X_aux, y_aux=y_aux)
        poisons.append((X_res[len(y) :], y_res[len(y) :]))
    return [nothing, *poisons]


def damage(model, X, y, poisons, X_test, y_test, finder):
    """Accuracy that each cluster and all others lose."""
    codes = finder.predict(X_test)
    predictions = refit_poisoned(model, X, y, poisons).predict(X_test)
    right = (predictions == y_test).astype(float)
    lost = right[0] - right[1:]
    inside = codes == np.arange(len(lost))[:, np.newaxis]
    with np.errstate(invalid="ignore"):
        target = np.sum(lost * inside, axis=1) / inside.sum(axis=1)
    collateral = np.sum(lost * ~inside, axis=1) / (~inside).sum(axis=1)
    return {
        "accuracy": right[0].mean(),
        "damage": target,
        "collateral": collateral,
    }


def correlations(pairs):
    """Rank correlations of damage with each measure, by data set."""
    records = []
    for name, table in pairs.groupby("data", sort=False):
        means = table.groupby("family")[[*MEASURES, "damage"]].mean()
        for measure in MEASURES:
            for over, rows in (("families", means), ("pairs", table)):
                rows = rows.dropna(subset=[measure]).reset_index()
                low, high = bootstrap(rows, measure)
                records.append(
                    {"data": name, "measure": measure, "over": over, "n": len(rows)}
                    | {"rank_correlation": rank_correlation(rows, measure)}
                    | {"low": low, "high": high}
                )
    return pd.DataFrame(records)


def rank_correlation(rows, measure):
    """Spearman's correlation of a measure and damage."""
    return spearmanr(rows[measure], rows["damage"]).statistic


def bootstrap(rows, measure):
    """Give the ends of the 95 % interval over samples of families."""
    rng = np.random.RandomState(0)
    parts = [part[[measure, "damage"]].to_numpy() for _, part in rows.groupby("family")]
    found = []
    for _ in range(N_BOOTSTRAP):
        drawn = np.concatenate(
            [parts[i] for i in rng.randint(len(parts), size=len(parts))]
        )
        if len(np.unique(drawn[:, 0])) > 1 and len(np.unique(drawn[:, 1])) > 1:
            found.append(spearmanr(*drawn.T).statistic)
    return np.percentile(found, [2.5, 97.5])


def main():
    """Measure all families on all data sets, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="writes nothing")
    given = parser.parse_args()
    for category in (ConvergenceWarning, UndefinedMetricWarning):
        warnings.simplefilter("ignore", category)
    warnings.filterwarnings("ignore", message="self.within_class_std_dev_")
    start, tables = time.perf_counter(), []
    for name in SETTINGS:
        data = load(name)
        tables += Parallel(n_jobs=given.n_jobs)(
            delayed(run)(name, data, seed) for seed in range(given.seeds)
        )
    pairs = pd.concat(tables, ignore_index=True)
    figures = ["accuracy", *MEASURES, "damage", "collateral"]
    means = pairs.groupby(["data", "family"], sort=False)[figures].mean().reset_index()
    found = correlations(pairs)
    print(means.round(3).to_string(), found.round(3).to_string(), sep="\n")
    if given.quick:
        return
    means.round(4).to_csv(RESULTS / "impossibility_locality.csv", index=False)
    found.round(4).to_csv(RESULTS / "impossibility_correlations.csv", index=False)
    write_result(
        "impossibility_locality",
        options=f"--seeds {given.seeds}",
        seeds=list(range(given.seeds)),
        families=int(pairs["family"].nunique()),
        pairs=len(pairs),
        seconds=round(time.perf_counter() - start),
        correlations=found.round(3).to_dict("records"),
    )


if __name__ == "__main__":
    main()
