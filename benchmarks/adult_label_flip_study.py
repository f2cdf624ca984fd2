"""The experiment of ``adult_label_flip.py``: data, subpopulations, attacks."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from dataclasses import dataclass, replace

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner
from skpoison.datasets import fetch_adult
from skpoison.metrics import collateral_damage, target_damage

NUMERIC = slice(0, 4)
FEATURE_MATCH_KEY = [*range(12, 27), *range(52, 57)]
SIZES = ("n_aux", "n_train", "n_test")
TRUE = "true"


class TrueLabelPoisoner(SubpopPoisoner):
    """The null arm: the rows that `SubpopPoisoner` adds, with their true labels."""

    def _craft(self, X, y, members, n_poison, random_state):
        X_poison, _, sources = super()._craft(X, y, members, n_poison, random_state)
        return X_poison, y[sources], sources


@dataclass
class Victim:
    """A model under attack; `clean` is its twin, the same estimator but for one."""

    poisoned: object
    clean: object


@dataclass
class Protocol:
    """What distinguishes the authors' experiment from the corrected one."""

    name: str
    balance: str
    standardize: bool
    n_components: int | None
    min_train: int
    min_test: int
    attacks: list
    victims: dict
    n_repeats: int
    n_clean: int = 5
    n_init: int = 1
    data_seed: int | None = None


@dataclass
class Data:
    """The victim's rows, the attacker's and the test rows."""

    X: np.ndarray
    y: np.ndarray
    X_aux: np.ndarray
    y_aux: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    names: list


@dataclass
class Group:
    """One subpopulation of a fitted finder, with a seed of its own."""

    filter: str
    finder: object
    number: int
    name: str
    sizes: list
    entropy: tuple


def _same(estimator):
    return Victim(estimator, estimator)


PROTOCOLS = {
    "faithful": Protocol(
        name="faithful",
        balance="paper",
        standardize=False,
        n_components=None,
        min_train=1,
        min_test=1,
        attacks=[("flip", 0.5), ("flip", 1.0), ("flip", 2.0), (TRUE, 2.0)],
        victims={
            # The authors allow clean nets 200 iterations. Of our 25 clean nets 24 end
            # sooner by themselves, and one at 201: the limit makes no difference.
            "NN": _same(MLPClassifier((10,), max_iter=3000)),
            # The optimum that lbfgs does not reach on unscaled features.
            "LR": _same(LogisticRegression(solver="newton-cholesky")),
            "LR-authors": Victim(
                poisoned=LogisticRegression(solver="liblinear", max_iter=5000),
                clean=LogisticRegression(max_iter=5000),
            ),
        },
        n_repeats=3,
    ),
    "corrected": Protocol(
        name="corrected",
        balance="undersample",
        standardize=True,
        n_components=10,
        min_train=5,
        min_test=10,
        attacks=[
            ("constant", 0.5),
            ("constant", 1.0),
            ("constant", 2.0),
            ("flip", 2.0),
            (TRUE, 2.0),
        ],
        victims={
            "NN": _same(MLPClassifier((10,), max_iter=60)),
            "LR": _same(LogisticRegression(solver="newton-cholesky")),
        },
        n_repeats=2,
    ),
}
# The authors' rows, their one clean net, and ten starts of k-means, the default of
# their day. The published figures are one draw of this.
PROTOCOLS["authors"] = replace(
    PROTOCOLS["faithful"],
    name="authors",
    attacks=[("flip", 2.0)],
    victims={"NN": PROTOCOLS["faithful"].victims["NN"]},
    n_clean=1,
    n_init=10,
    data_seed=0,
)


def quick_version(protocol):
    """Alpha 2 and logistic regression only."""
    attacks = [(label, alpha) for label, alpha in protocol.attacks if alpha == 2]
    victims = {"LR": PROTOCOLS["faithful"].victims["LR"]}
    return replace(protocol, attacks=attacks, victims=victims, n_repeats=1)


def run_seed(protocol, seed):
    """Attack every subpopulation once; a list of measurements."""
    data = load_data(protocol, seed)
    clean = fit_clean(protocol, data, seed)
    records = Parallel()(
        delayed(attack_group)(protocol, data, clean, group)
        for group in find_groups(protocol, data, seed)
    )
    return [{"seed": seed, **row} for rows in records for row in rows]


def load_data(protocol, seed):
    """Split Adult into D, D_aux and test rows, all with their own arrays."""
    seed = seed if protocol.data_seed is None else protocol.data_seed
    X, y, names = _load_subset(protocol, "train", seed)
    X_test, y_test, _ = _load_subset(protocol, "test", seed)
    n = len(X) // 2
    if protocol.standardize:
        mean, std = X[:n, NUMERIC].mean(axis=0), X[:n, NUMERIC].std(axis=0)
        for rows in (X, X_test):
            rows[:, NUMERIC] = (rows[:, NUMERIC] - mean) / std
    return Data(X[:n].copy(), y[:n], X[n:].copy(), y[n:], X_test, y_test, names)


def _load_subset(protocol, subset, seed):
    adult = fetch_adult(
        subset=subset,
        encoding="paper",
        balance=protocol.balance,
        as_frame=False,
        random_state=seed,
    )
    return adult.data, (adult.target == ">50K").astype(int), adult.feature_names


def fit_clean(protocol, data, seed):
    """Test predictions of the clean twins, fitted once: several nets, one LR."""
    jobs = [
        (name, with_seed(victim.clean, 1000 * seed + i))
        for name, victim in protocol.victims.items()
        for i in range(protocol.n_clean if is_net(victim.clean) else 1)
    ]
    predictions = Parallel()(
        delayed(fit_predict)(estimator, data.X, data.y, data.X_test)
        for _, estimator in jobs
    )
    return {
        name: [p for (n, _), p in zip(jobs, predictions, strict=True) if n == name]
        for name in protocol.victims
    }


def is_net(estimator):
    """Whether a refit with another seed gives another model."""
    return isinstance(estimator, MLPClassifier)


def with_seed(estimator, seed):
    """Clone an estimator and seed it."""
    return clone(estimator).set_params(random_state=seed)


def fit_predict(estimator, X, y, X_test):
    """Fit a model and predict the test rows."""
    with warnings.catch_warnings():
        # Limits of iterations are part of the protocol.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y).predict(X_test)


def find_groups(protocol, data, seed):
    """Subpopulations of both filters that are large enough, and not too large."""
    kmeans = KMeans(100, n_init=protocol.n_init, random_state=seed)
    finders = {
        "FM": FeatureMatch(FEATURE_MATCH_KEY),
        "CM": ClusterMatch(
            100,
            n_components=protocol.n_components,
            clusterer=None if protocol.n_init == 1 else kmeans,
            random_state=seed,
        ),
    }
    for at, (filter_name, finder) in enumerate(finders.items()):
        names = finder.fit(data.X_aux).get_feature_names_out()
        sizes = [group_sizes(finder, X) for X in (data.X, data.X_test)]
        table = np.column_stack([finder.sizes_, *sizes]).tolist()
        for number, counts in enumerate(table):
            if is_measured(protocol, *counts):
                name = short_name(names[number], data.names)
                yield Group(
                    filter_name, finder, number, name, counts, (seed, at, number)
                )


def group_sizes(finder, X):
    """Rows of X in each subpopulation."""
    codes = finder.predict(X)
    return np.bincount(codes[codes >= 0], minlength=len(finder.sizes_))


def is_measured(protocol, n_aux, n_train, n_test):
    """Whether a subpopulation passes the protocol's limits of size."""
    return (
        10 < n_aux < 100
        and n_train >= protocol.min_train
        and n_test >= protocol.min_test
    )


def short_name(name, columns):
    """Name a FeatureMatch group by the indicators that are on."""
    if "=" not in name:
        return name
    on = [part[1:-2] for part in name.split(" & ") if part.endswith("=1")]
    return " & ".join(columns[int(column)] for column in on)


def attack_group(protocol, data, clean, group):
    """Damage of every attack on one subpopulation to every victim."""
    membership = group.finder.membership(data.X_test, group.number)
    rows = []
    for label, alpha in protocol.attacks:
        poisoned, n_poison = poisoned_predictions(protocol, data, group, label, alpha)
        for name in protocol.victims:
            key = {
                "protocol": protocol.name,
                "filter": group.filter,
                "model": name,
                "label": label,
                "arm": "null" if label == TRUE else "poison",
                "alpha": alpha,
                "group": group.name,
                **dict(zip(SIZES, group.sizes, strict=True)),
                "n_poison": n_poison,
            }
            measured = measure(data.y_test, clean[name], poisoned[name], membership)
            rows.append({**key, **measured})
    return rows


def poisoned_predictions(protocol, data, group, label, alpha):
    """Test predictions of the victims, and the number of poison rows.

    Each repeat draws its own poison and initial weights; they do not depend on the
    label, so that the arms are paired.
    """
    predictions = {name: [] for name in protocol.victims}
    states = np.random.default_rng(group.entropy).integers(
        2**31, size=protocol.n_repeats
    )
    for state in map(int, states):
        poisoner = make_poisoner(group, label, alpha, state)
        X, y = poisoner.fit_resample(data.X, data.y, X_aux=data.X_aux, y_aux=data.y_aux)
        for name, victim in protocol.victims.items():
            model = with_seed(victim.poisoned, state)
            predictions[name].append(fit_predict(model, X, y, data.X_test))
    return predictions, poisoner.n_poison_


def make_poisoner(group, label, alpha, seed):
    """Set up the attack on a group, or its null arm."""
    finder = FrozenEstimator(group.finder)
    shared = {"target": group.number, "alpha": alpha, "random_state": seed}
    if label == TRUE:
        return TrueLabelPoisoner(finder, **shared)
    return SubpopPoisoner(finder, label=label, **shared)


def measure(y_true, clean, poisoned, membership):
    """Damage, averaged over clean and poisoned models; and by test row of the target.

    `row_damage` is the share of clean models that are right about a row, less that of
    the poisoned ones. Its mean is the target damage.
    """
    pairs = [(c, p) for c in clean for p in poisoned]
    right_before, right_after = (
        np.mean([p[membership] == y_true[membership] for p in predictions], axis=0)
        for predictions in (clean, poisoned)
    )
    return {
        "clean_accuracy": right_before.mean(),
        "damage": np.mean([target_damage(y_true, c, p, membership) for c, p in pairs]),
        "collateral": np.mean(
            [collateral_damage(y_true, c, p, membership) for c, p in pairs]
        ),
        "row_damage": right_before - right_after,
    }
