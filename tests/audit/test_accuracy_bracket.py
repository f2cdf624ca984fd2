import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner
from skpoison.attacks import BackdoorPoisoner
from skpoison.audit import accuracy_bracket
from skpoison.datasets import make_subpopulations
from skpoison.defenses import PartitionAggregation

ATTACKS = {
    "copies": SubpopPoisoner(),
    "distinct": SubpopPoisoner(replace=False),
}


@pytest.fixture(scope="module")
def data():
    X, y, _ = make_subpopulations(1200, 4, weights="uniform", random_state=0)
    return {
        "X": X[:800],
        "y": y[:800],
        "X_test": X[800:],
        "y_test": y[800:],
    }


def bracket(data, attacks=ATTACKS, **params):
    victim = PartitionAggregation(
        KNeighborsClassifier(1), n_partitions=20, spread=params.pop("spread", 1)
    )
    params = {
        "estimator": victim,
        "finder": ClusterMatch(4, n_components=None),
        "n_poison": [0, 3, 8, 20],
        "n_repeats": 2,
        "random_state": 0,
        **data,
        **params,
    }
    return accuracy_bracket(attacks, **params)


@pytest.mark.parametrize("spread", [1, 2])
def test_bounds_are_on_their_sides(data, spread):
    table = bracket(data, targets=[0, "cluster 2"], spread=spread)
    assert table["target"].tolist() == ["cluster 0"] * 4 + ["cluster 2"] * 4
    assert table["n_poison"].tolist() == [0, 3, 8, 20] * 2
    certified, together = table["certified_accuracy"], table["collective_accuracy"]
    assert (certified <= together + 1e-12).all()
    assert (together <= table["attacked_accuracy"] + 1e-12).all()
    assert (table["attacked_accuracy"] <= table["clean_accuracy"]).all()
    for _, rows in table.groupby("target"):
        for column in ("certified", "collective", "attacked"):
            assert rows[f"{column}_accuracy"].is_monotonic_decreasing
        unpoisoned = rows.iloc[0]
        assert unpoisoned["attack"] == "none"
        assert unpoisoned["attacked_accuracy"] == unpoisoned["clean_accuracy"]
        assert unpoisoned["certified_accuracy"] == unpoisoned["clean_accuracy"]
    assert (table["n_target"] > 150).all()


def test_some_attack_succeeds_and_is_named(data):
    table = bracket(data, targets=[0], n_poison=[100])
    assert table["attacked_accuracy"][0] < table["clean_accuracy"][0]
    assert table["attack"][0] in ATTACKS


def test_figures_are_those_of_a_fit(data):
    """The victims that are half reused are those that a fit would give."""
    tree = DecisionTreeClassifier(max_depth=4, random_state=0)
    victim = PartitionAggregation(tree, n_partitions=10, random_state=3)
    finder = FeatureMatch([0], bins=3)
    params = {"finder": finder, "estimator": victim, "n_repeats": 1, "targets": [0]}
    attacks = [SubpopPoisoner()]
    table = bracket(data, attacks, n_poison=60, **params)
    clean = clone(victim).fit(data["X"], data["y"])
    target = finder.fit(data["X"]).transform(data["X_test"])[:, 0]
    X_test, y_test = data["X_test"][target], data["y_test"][target]
    row = table.iloc[0]
    assert row["n_test"] == target.sum()
    assert row["clean_accuracy"] == clean.score(X_test, y_test)
    assert row["certified_accuracy"] == clean.certified_accuracy(X_test, y_test, 60)
    # The seeds are drawn: one of the poisons of the function.
    rng = np.random.RandomState(0)
    rng.randint(2**31 - 1), rng.randint(2**31 - 1)
    poisoner = SubpopPoisoner(
        finder,
        alpha=60 / row["n_target"],
        random_state=int(rng.randint(2**31 - 1, size=1)[0]),
    )
    X_res, y_res = poisoner.fit_resample(data["X"], data["y"])
    assert poisoner.n_poison_ == 60
    poisoned = clone(victim).fit(X_res, y_res)
    expected = min(poisoned.score(X_test, y_test), row["clean_accuracy"])
    assert row["attacked_accuracy"] == expected


def test_a_callable_and_rows_of_the_attacker_are_taken(data):
    def left(X):
        return X[:, 0] < 1

    half = {"X_aux": data["X"][400:], "y_aux": data["y"][400:]}
    mine = data | {"X": data["X"][:400], "y": data["y"][:400]}
    table = bracket(mine | half, targets=[left], n_poison=5, collective=False)
    assert table["target"].tolist() == ["left"]
    assert table["collective_accuracy"].isna().all()
    assert table["n_target"][0] == left(mine["X"]).sum()


def test_frames_and_jobs_give_the_same_table(data):
    table = bracket(data, n_poison=[4, 8])
    framed = {k: pd.DataFrame(v) if k[0] == "X" else v for k, v in data.items()}
    framed = {k: v.rename(columns=str) if k[0] == "X" else v for k, v in framed.items()}
    pd.testing.assert_frame_equal(bracket(framed, n_poison=[4, 8]), table)
    parallel = bracket(data, n_poison=[8, 4], n_jobs=2)
    pd.testing.assert_frame_equal(parallel, table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimator": KNeighborsClassifier()}, "estimator"),
        ({"n_poison": [-1]}, "n_poison of accuracy_bracket"),
        ({"n_poison": []}, "n_poison of accuracy_bracket"),
        ({"targets": []}, "at least one"),
        ({"targets": [lambda X: X[:, 0] < 1e9 * (len(X) - 401)]}, "rows in X_test"),
        ({"attacks": {}}, "at least one"),
        ({"attacks": [3]}, "must be poisoners"),
        ({"attacks": [SubpopPoisoner(alpha=2)]}, "sets alpha"),
        ({"attacks": [SubpopPoisoner(ClusterMatch())]}, "sets finder"),
        ({"attacks": [BackdoorPoisoner()]}, "stamp the trigger"),
    ],
)
def test_bad_arguments_are_errors(data, change, message):
    with pytest.raises(ValueError, match=message):
        bracket(data, **change)
