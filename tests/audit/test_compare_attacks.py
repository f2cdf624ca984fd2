import pickle
from inspect import signature

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import scale
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner
from skpoison.attacks import BackdoorPoisoner, FeatureTrigger, SpecificRows, everything
from skpoison.audit import compare_attacks
from skpoison.metrics import collateral_damage, target_damage


@pytest.fixture(scope="module")
def tumors():
    """Rows of the victim, the attacker and the test, and three correct test rows."""
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(scale(X), y, test_size=0.4, random_state=0)
    X, X_aux, y, y_aux = train_test_split(X, y, test_size=0.3, random_state=0)
    correct = LogisticRegression().fit(X, y).predict(X_test) == y_test
    points = np.flatnonzero(correct)[[3, 30, 60]]
    return {
        "X": X,
        "y": y,
        "X_test": X_test,
        "y_test": y_test,
        "X_aux": np.r_[X_aux, X_test[points]],
        "y_aux": np.r_[y_aux, y_test[points]],
    }, X_test[points]


def compare(attacks, estimator, data, **params):
    data = dict(data)
    X, y = data.pop("X"), data.pop("y")
    return compare_attacks(attacks, estimator, X, y, **data, random_state=0, **params)


def kinds(points):
    return {
        "availability": SubpopPoisoner(target=everything, alpha=0.2),
        "targeted": SubpopPoisoner(
            target=SpecificRows(points), alpha=10, relative_to="aux", label="flip"
        ),
        "subpopulation": SubpopPoisoner(ClusterMatch(4), target=1),
        "backdoor": BackdoorPoisoner(target=everything, alpha=0.1),
    }


def test_kinds_of_attack_differ_in_what_they_hit_and_need(tumors):
    data, points = tumors
    table = compare(kinds(points), LogisticRegression(), data).set_index("attack")
    assert table.index.tolist() == list(kinds(points))
    assert table["at_test_time"].tolist() == ["none"] * 3 + ["stamp the trigger"]
    n_test = len(data["y_test"])
    assert table["n_target_test"].tolist() == [n_test, 3, 69, n_test]
    assert table.loc["targeted", "n_poison"] == 30
    shares = table["n_poison"] / len(data["y"])
    np.testing.assert_allclose(table["poison_share"], shares)
    damage, collateral = table["target_damage"], table["collateral_damage"]
    # A few points are cheaper to take over than everybody, and so is a subpopulation.
    assert damage["availability"] < 0.1
    assert damage["targeted"] > 0.4
    assert damage["subpopulation"] > 0.15
    assert collateral["subpopulation"] < 0.5 * damage["subpopulation"]
    # A backdoor hits everybody, and nobody without the trigger.
    assert damage["backdoor"] > 0.3
    assert abs(collateral["backdoor"]) < 0.02
    assert np.isnan(collateral["availability"])
    for kind in ("target", "collateral"):
        figures = table[[f"{kind}_damage{e}" for e in ("_low", "", "_high")]].dropna()
        assert (np.diff(figures.to_numpy(), axis=1) >= 0).all()


def test_damage_is_that_of_the_metrics(tumors):
    data, _ = tumors
    finder = FrozenEstimator(ClusterMatch(4, random_state=0).fit(data["X_aux"]))
    trigger = FeatureTrigger(0, 9)
    attacks = {
        "flip": SubpopPoisoner(finder, target=1, replace=False, alpha=0.2),
        "backdoor": BackdoorPoisoner(finder, target=1, trigger=trigger, alpha=0.2),
    }
    model = DecisionTreeClassifier(random_state=3)
    table = compare(attacks, model, data, n_repeats=1)
    # Seeds of finders and bootstrap, then that of the only repeat.
    poison_seed = np.random.RandomState(0).randint(2**31 - 1, size=3)[2]
    aux = {"X_aux": data["X_aux"], "y_aux": data["y_aux"]}
    for name, row in table.set_index("attack").iterrows():
        poisoner = clone(attacks[name]).set_params(random_state=int(poison_seed))
        X_res, y_res = poisoner.fit_resample(data["X"], data["y"], **aux)
        clean = clone(model).fit(data["X"], data["y"])
        poisoned = clone(model).fit(X_res, y_res)
        target, others = poisoner.membership(data["X_test"]), data["X_test"]
        aimed, outside = others, target
        if name == "backdoor":
            aimed, outside = trigger(others), np.zeros_like(target)
        y_test = data["y_test"]
        expected = target_damage(
            y_test, clean.predict(aimed), poisoned.predict(aimed), target
        )
        assert row["target_damage"] == pytest.approx(expected)
        expected = collateral_damage(
            y_test, clean.predict(others), poisoned.predict(others), outside
        )
        assert row["collateral_damage"] == pytest.approx(expected)
        accuracy = (clean.predict(aimed) == y_test)[target].mean()
        assert row["clean_accuracy"] == pytest.approx(accuracy)
        assert row["n_poison"] == poisoner.n_poison_


def test_a_trigger_that_confuses_the_clean_twin_is_no_damage(tumors):
    data, _ = tumors
    # Everything is of the first class with this value, poison or not.
    attack = BackdoorPoisoner(
        target=everything, alpha=0.05, label=0, trigger=FeatureTrigger([0, 2], 500)
    )
    row = compare([attack], LogisticRegression(), data, n_repeats=2).iloc[0]
    assert row["attack"] == "BackdoorPoisoner"
    assert row["clean_accuracy"] == pytest.approx((data["y_test"] == 0).mean())
    assert row["target_damage"] == 0


def test_results_do_not_depend_on_n_jobs_and_repeat(tumors):
    data, points = tumors
    victim = DecisionTreeClassifier(max_features=3)
    tables = [
        compare(kinds(points), victim, data, n_repeats=2, n_jobs=n_jobs)
        for n_jobs in (None, 2)
    ]
    pd.testing.assert_frame_equal(*tables)
    assert pickle.loads(pickle.dumps(tables[0])).equals(tables[1])


def test_attacks_of_one_kind_share_target_and_victim(tumors):
    data, _ = tumors
    attacks = [SubpopPoisoner(ClusterMatch(5)), SubpopPoisoner(ClusterMatch(5))]
    table = compare(attacks, DecisionTreeClassifier(max_features=2), data)
    assert table["attack"].tolist() == ["SubpopPoisoner", "SubpopPoisoner 2"]
    figures = table.drop(columns="attack")
    pd.testing.assert_series_equal(figures.iloc[0], figures.iloc[1], check_names=False)


def test_the_attacker_gets_rows_that_the_victim_has_not(tumors):
    data, _ = tumors
    given = {k: v for k, v in data.items() if not k.endswith("aux")}
    attack = SubpopPoisoner(target=everything, alpha=1, aux_size=0.25)
    row = compare([attack], LogisticRegression(), given, n_repeats=1).iloc[0]
    assert row["n_poison"] == len(data["y"]) - round(0.25 * len(data["y"]))
    assert row["poison_share"] == 1
    attack.set_params(aux_size=None)
    row = compare([attack], LogisticRegression(), given, n_repeats=1).iloc[0]
    assert row["n_poison"] == len(data["y"])


CONVERT = {
    "lists": (lambda X: X.tolist(), LogisticRegression()),
    "pandas": (
        lambda X: pd.DataFrame(X, columns=[f"f{j}" for j in range(X.shape[1])]),
        LogisticRegression(),
    ),
    "polars": (
        lambda X: pl.DataFrame(X, schema=[f"f{j}" for j in range(X.shape[1])]),
        LogisticRegression(),
    ),
    "csr": (sparse.csr_array, LogisticRegression()),
}


@pytest.mark.parametrize("name", CONVERT)
def test_containers_give_the_same_table(tumors, name):
    data, points = tumors
    convert, victim = CONVERT[name]
    given = {k: convert(v) if k.startswith("X") else v for k, v in data.items()}
    attacks = kinds(points)
    expected = compare(attacks, victim, data, n_repeats=2)
    attacks["targeted"].set_params(target=SpecificRows(convert(points)))
    found = compare(attacks, victim, given, n_repeats=2)
    pd.testing.assert_frame_equal(found, expected, atol=0.03)


def prepend(texts):
    return np.array(["cf " * 5 + text for text in texts], object)


def test_texts():
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=400)
    words = np.array(
        [["bad", "dull", "film", "plot"], ["good", "fine", "film", "plot"]]
    )
    texts = [" ".join(rng.choice(words[c], 5)) for c in y]
    attacks = {
        "backdoor": BackdoorPoisoner(
            target=everything, alpha=0.2, label=1, trigger=prepend
        ),
        "film": SubpopPoisoner(target=about_film, alpha=3),
    }
    table = compare_attacks(
        attacks,
        make_pipeline(CountVectorizer(), MultinomialNB()),
        texts[:250],
        y[:250],
        X_test=texts[250:],
        y_test=y[250:],
        n_repeats=2,
        random_state=0,
    )
    assert table["target"].tolist() == ["everything", "about_film"]
    assert (table["target_damage"] > 0.1).all()


def about_film(texts):
    return np.array(["film" in text for text in texts])


def test_a_target_without_test_rows_warns(tumors):
    data, _ = tumors
    attacks = {
        "no one": SubpopPoisoner(
            target=SpecificRows(data["X_aux"][:2]), alpha=5, relative_to="aux"
        ),
        "all": SubpopPoisoner(target=everything),
    }
    message = r"attack 'no one' is NaN: no row of the 228 of X_test is in the target"
    with pytest.warns(UndefinedMetricWarning, match=message) as caught:
        table = compare(attacks, LogisticRegression(), data, n_repeats=2)
    assert [w.filename for w in caught] == [__file__]
    table = table.set_index("attack")
    assert table.loc["no one", "n_target_test"] == 0
    columns = [c for c in table if c.startswith(("target_", "clean_"))]
    assert table.loc["no one", columns].isna().all()
    assert table.loc["all", columns].notna().all()
    assert table.loc["no one", "collateral_damage"] >= 0


def test_an_attack_without_poison_does_no_damage(tumors):
    data, _ = tumors
    attack = BackdoorPoisoner(alpha=0)
    row = compare([attack], KNeighborsClassifier(), data, n_repeats=2).iloc[0]
    assert row["n_poison"] == row["target_damage"] == row["collateral_damage"] == 0


def test_all_parameters_but_the_data_have_defaults():
    parameters = signature(compare_attacks).parameters
    required = [n for n, p in parameters.items() if p.default is p.empty]
    assert required == ["attacks", "estimator", "X", "y", "X_test", "y_test"]


FLIP = SubpopPoisoner(FeatureMatch([0], bins=3))


@pytest.mark.parametrize(
    ("attacks", "params", "message"),
    [
        ({}, {}, "attacks of compare_attacks must hold at least one"),
        (FLIP, {}, "'attacks' parameter of compare_attacks must be an instance"),
        ([KMeans()], {}, "must be poisoners.*Got KMeans.* for 'KMeans'"),
        ([FLIP, 3], {}, "Got 3 for 'int'"),
        (
            [SubpopPoisoner(random_state=0)],
            {},
            r"sets random_state of its poisoner itself.*random_state=0.*leave it out",
        ),
        (
            {"a": SubpopPoisoner(aux_size=0.5), "b": FLIP},
            {"X_aux": None, "y_aux": None},
            r"one aux_size.*Got {'a': 0.5, 'b': None}",
        ),
        ([SubpopPoisoner(aux_size=0.5)], {}, "got X_aux, and aux_size=0.5"),
        (
            [FLIP],
            {"estimator": LinearRegression()},
            "estimator .* must be a classifier",
        ),
        ([FLIP], {"estimator": "LR"}, "must be a classifier. Got 'LR'"),
        ([FLIP], {"estimator": LogisticRegression(C=-1)}, "'C' parameter of Logistic"),
        ([FLIP], {"n_repeats": 0}, "'n_repeats' parameter of compare_attacks"),
        ([FLIP], {"y_test": None}, "needs X_test and y_test together"),
        ([FLIP], {"y_aux": None}, "needs X_aux and y_aux together"),
        ([FLIP], {"X_test": np.ones((3, 2)), "y_test": [0, 1, 1]}, "same shape as X"),
        ([SubpopPoisoner(alpha=-1)], {}, "'alpha' parameter of SubpopPoisoner"),
    ],
)
def test_bad_arguments(tumors, attacks, params, message):
    data, _ = tumors
    params = {"estimator": LogisticRegression(), **data, **params}
    with pytest.raises(ValueError, match=message):
        compare_attacks(attacks, random_state=0, **params)


def test_an_attack_that_fails_is_named(tumors):
    data, _ = tumors
    attacks = {"mine": SubpopPoisoner(target=500), "flip": FLIP}
    with pytest.raises(ValueError, match="target=500 is out of range") as caught:
        compare(attacks, LogisticRegression(), data)
    assert caught.value.__notes__ == ["It was raised while 'mine' was crafted."]
