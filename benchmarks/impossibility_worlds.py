"""Two worlds that look the same: the law of the poisoned sample, and what learners do.

Run from the root of the repository::

    python benchmarks/impossibility_worlds.py --seeds 20

It writes ``benchmarks/results/impossibility_laws.csv``, ``impossibility_worlds.csv``
and ``impossibility_worlds.json``. The other world has the labels of the target swapped.

Laws: 1,000 samples of each world, drawn independently from one mixture of 20 blobs (50
rows of the target on average, a fifth of the labels flipped) and poisoned. Each becomes
eight numbers: rows of the target with class 1 less those with class 0; points that have
both labels; the difference of both classes in mean and variance of each feature; rows
of the target, and of class 1 outside. ``p_energy`` is of the energy test of both sets
of 1,000, scaled, with 1,999 permutations; ``p_imbalance`` of the chi-square test of the
first number alone. The arms with "one label changed" change one label of the poison in
every draw; those with "labels depend on features" have more noise in one half of the
target, which FLIP does not need to be otherwise and BALANCE does.

Worlds: FLIP on the smallest blob of 2,000 rows with a tenth of the labels flipped. Rows
of both worlds are put into a canonical order, and each learner is fitted in both with
one seed. ``sums_to_one`` counts the seeds in which errors on 1,000 new rows of the
target sum to 1 exactly. For BALANCE that holds in expectation: the mean over seeds, of
independent draws of both worlds, with its interval. ``outside_changed`` is the largest
share, over seeds and poisons (FLIP at its critical budget and twice that, BALANCE), of
rows outside the target whose prediction is not that of the clean model with that seed.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
from _report import RESULTS, write_result
from impossibility_study import make_mixture, mean_interval
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import ImpossibilityPoisoner
from skpoison.mixture import SubpopulationMixtureClassifier

N_SEEDS = 20
N_DRAWS, N_PERMUTATIONS = 1000, 1999
N_TEST = 1000
NAMES = {"flip": "FLIP", "constant": "BALANCE"}
ARMS = ("as stated", "one label changed", "labels depend on features")
LOCAL = "local"  # decides locally, so that nothing may change outside


def learners(finder):
    """Give the learners by name, and those that decide locally."""
    local = {
        "majority": SubpopulationMixtureClassifier(finder),
        "mixture of logistic regressions": SubpopulationMixtureClassifier(
            finder, LogisticRegression()
        ),
        "mixture of trees": SubpopulationMixtureClassifier(
            finder, DecisionTreeClassifier()
        ),
        "1-NN": KNeighborsClassifier(1),
        "5-NN": KNeighborsClassifier(5),
        "15-NN": KNeighborsClassifier(15),
    }
    others = {
        "decision tree": DecisionTreeClassifier(),
        "random forest": RandomForestClassifier(50),
        "extra trees": ExtraTreesClassifier(50),
        "gradient boosting": GradientBoostingClassifier(n_estimators=50),
        "histogram boosting": HistGradientBoostingClassifier(max_iter=50),
        "AdaBoost": AdaBoostClassifier(),
        "MLP (64, 64)": MLPClassifier((64, 64), max_iter=100),
        "logistic regression": LogisticRegression(),
        "SVC": SVC(),
        "GaussianNB": GaussianNB(),
        "LDA": LinearDiscriminantAnalysis(),
    }
    return local | others, set(local)


def swapped(mixture):
    """Give the other world, which goes on with the same random numbers."""
    labels = mixture.labels.copy()
    labels[mixture.target] = 1 - labels[mixture.target]
    return replace(mixture, labels=labels)


def attack(mixture, X, y, label, seed, alpha="critical"):
    """Give a sample with the poison at its end."""
    poisoner = ImpossibilityPoisoner(
        mixture.finder,
        target=mixture.target,
        alpha=alpha,
        label=label,
        random_state=seed,
    )
    X, y = poisoner.fit_resample(X, y)
    return X, y, poisoner.n_poison_


def canonical(X, y):
    """Sort rows by features, and by label where these are the same."""
    order = np.lexsort((y, *X.T))
    return X[order], y[order]


def draw_sample(world, label, arm, seed):
    """Draw a poisoned sample of a world, the target's rows apart from the others."""
    X, y, codes = world.draw(1000)
    if arm == ARMS[2]:
        y = noise_by_place(world, X, y, codes)
    X, y, n_poison = attack(world, X, y, label, seed)
    if arm == ARMS[1] and n_poison:
        y[-1] = 1 - y[-1]
    inside = np.concatenate([codes == world.target, np.ones(n_poison, dtype=bool)])
    return X, y, inside


def noise_by_place(world, X, y, codes):
    """Flip few labels in one half of the target, and many in the other."""
    inside = np.flatnonzero(codes == world.target)
    right = X[inside, 0] > world.finder.estimator.cluster_centers_[world.target, 0]
    flipped = world.random_state.uniform(size=len(inside)) < np.where(right, 0.05, 0.4)
    y = y.copy()
    y[inside] = np.where(
        flipped, 1 - world.labels[world.target], world.labels[world.target]
    )
    return y


def describe(X, y, inside):
    """Eight numbers of a sample."""
    labels, rows = y[inside], X[inside]
    of_class = [rows[labels == c] for c in (0, 1)]
    both = len(set(of_class[0][:, 0]) & set(of_class[1][:, 0]))
    differences = [
        np.subtract(*(figure(part) for part in of_class))
        for figure in (lambda part: part.mean(axis=0), lambda part: part.var(axis=0))
    ]
    imbalance = len(of_class[1]) - len(of_class[0])
    return [imbalance, both, *np.ravel(differences), len(labels), y[~inside].sum()]


def compare_laws(label, arm):
    """Test whether poisoned samples of both worlds have one law."""
    mixture = make_mixture(0, noise=0.2, n_samples=1000, weights="uniform")
    samples = [
        np.array([describe(*draw_sample(w, label, arm, i)) for i in range(N_DRAWS)])
        for w in (mixture, swapped(mixture))
    ]
    return {
        "poison": NAMES[label],
        "arm": arm,
        "draws": N_DRAWS,
        "p_energy": energy_test(*samples),
        "p_imbalance": chi_square(*(sample[:, 0] for sample in samples)),
        "identical_coupled": same_samples(mixture, arm) if label == "flip" else np.nan,
    }


def energy_test(first, second):
    """P-value of the energy test of two samples, by permutation."""
    rows = np.concatenate([first, second])
    # FLIP leaves differences of the order of rounding errors, which are none.
    rows = np.round(rows, 9)
    spread = rows.std(axis=0)
    rows = rows[:, spread > 0] / spread[spread > 0]
    distances = cdist(rows, rows)
    rng = np.random.RandomState(0)
    sides = np.repeat([1.0, -1.0], len(first))
    all_sides = np.column_stack(
        [sides, *(rng.permutation(sides) for _ in range(N_PERMUTATIONS))]
    )
    energies = -np.sum(all_sides * (distances @ all_sides), axis=0)
    as_large = np.sum(energies[1:] >= energies[0] - 1e-9 * abs(energies[0]))
    return (1 + as_large) / (1 + N_PERMUTATIONS)


def chi_square(first, second):
    """P-value of the chi-square test of two samples of integers."""
    values, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    counts = [
        np.bincount(part, minlength=len(values))
        for part in np.split(codes, [len(first)])
    ]
    # Values in the tails are counted together, five or more to a cell and sample.
    total = np.cumsum(np.sum(counts, axis=0))
    cells = np.minimum((total - 1) // 20, (total[-1] - 1) // 20)
    table = np.array([np.bincount(cells, weights=c) for c in counts])
    table = table[:, table.sum(axis=0) > 0]
    return stats.chi2_contingency(table).pvalue if table.shape[1] > 1 else 1.0


def same_samples(mixture, arm):
    """Share of draws that are the same rows in both worlds, when swapped and not."""
    same = 0
    for i in range(N_DRAWS):
        X, y, codes = mixture.draw(1000)
        if arm == ARMS[2]:
            y = noise_by_place(mixture, X, y, codes)
        samples = []
        for labels in (y, np.where(codes == mixture.target, 1 - y, y)):
            X_res, y_res, _ = attack(mixture, X, labels, "flip", i)
            if arm == ARMS[1]:
                y_res[-1] = 1 - y_res[-1]
            samples.append(canonical(X_res, y_res))
        same += all(np.array_equal(*pair) for pair in zip(*samples, strict=True))
    return same / N_DRAWS


def run_worlds(seed):
    """Errors of every learner in both worlds, and what changes outside, of one seed."""
    mixture = make_mixture(seed, noise=0.1)
    other = swapped(mixture)
    X_test, y_test = mixture.draw_target(N_TEST, noise=0.0)
    X_out, _, codes = mixture.draw(2000)
    tests = X_test, y_test, X_out[codes != mixture.target]
    y_other = np.where(mixture.codes == mixture.target, 1 - mixture.y, mixture.y)
    flip = [
        canonical(*attack(mixture, mixture.X, labels, "flip", seed)[:2])
        for labels in (mixture.y, y_other)
    ]
    balance = [
        canonical(*attack(w, *w.draw(2000)[:2], "constant", seed)[:2])
        for w in (mixture, other)
    ]
    more = [
        canonical(*attack(mixture, mixture.X, mixture.y, label, seed, alpha)[:2])
        for label, alpha in (("flip", 2.0), ("constant", "critical"))
    ]
    clean = canonical(mixture.X, mixture.y)
    records, (models, local) = [], learners(mixture.finder)
    for name, model in models.items():
        model = with_seed(model, seed)
        figures = measure(model, clean, flip, balance, more, tests)
        records.append({"learner": name, "local": name in local, "seed": seed})
        records[-1] |= figures
    return records


def measure(model, clean, flip, balance, more, tests):
    """Figures of one learner."""
    X_test, y_test, X_out = tests
    fitted = [clone(model).fit(*sample) for sample in (clean, *flip, *balance, *more)]
    wrong = [np.count_nonzero(m.predict(X_test) != y_test) for m in fitted]
    outside = [m.predict(X_out) for m in (fitted[0], fitted[1], *fitted[5:])]
    n = len(y_test)
    return {
        "clean_error": wrong[0] / n,
        "error": wrong[1] / n,
        "error_other_world": (n - wrong[2]) / n,
        "sums_to_one": wrong[1] + (n - wrong[2]) == n,
        "balance_sum": (wrong[3] + n - wrong[4]) / n,
        "outside_changed": max(np.mean(p != outside[0]) for p in outside[1:]),
    }


def with_seed(model, seed):
    """Give a learner its seed, where it takes one."""
    model = clone(model)
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    return model


def worlds_table(table):
    """Figures of each learner over seeds."""
    records = []
    for name, rows in table.groupby("learner", sort=False):
        sums = dict(
            zip(
                ("balance_sum", "balance_sum_low", "balance_sum_high"),
                mean_interval(rows["balance_sum"]),
                strict=True,
            )
        )
        records.append(
            {"learner": name, "local": rows["local"].iloc[0], "seeds": len(rows)}
            | rows[["clean_error", "error", "error_other_world"]].mean().to_dict()
            | {"sums_to_one": int(rows["sums_to_one"].sum())}
            | sums
            | {"outside_changed": rows["outside_changed"].max()}
        )
    return pd.DataFrame(records)


def main():
    """Run both parts and write their tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--quick", action="store_true", help="writes nothing")
    given = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    laws = pd.DataFrame(compare_laws(label, arm) for arm in ARMS for label in NAMES)
    print(laws.to_string())
    worlds = pd.DataFrame(r for seed in range(given.seeds) for r in run_worlds(seed))
    worlds = worlds_table(worlds)
    print(worlds.round(3).to_string())
    if given.quick:
        return
    laws.to_csv(RESULTS / "impossibility_laws.csv", index=False, float_format="%.4g")
    worlds.round(5).to_csv(RESULTS / "impossibility_worlds.csv", index=False)
    local = worlds["local"]
    write_result(
        "impossibility_worlds",
        options=f"--seeds {given.seeds}",
        seeds=list(range(given.seeds)),
        learners=len(worlds),
        all_sums_are_one=bool((worlds["sums_to_one"] == worlds["seeds"]).all()),
        local_outside_changed=float(worlds.loc[local, "outside_changed"].max()),
        laws=[row.dropna().to_dict() for _, row in laws.iterrows()],
    )


if __name__ == "__main__":
    main()
