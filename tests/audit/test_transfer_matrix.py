import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, make_blobs
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.attacks import (
    BackdoorPoisoner,
    ImpossibilityPoisoner,
    InfluencePoisoner,
    SpecificRows,
    everything,
)
from skpoison.audit import transfer_matrix
from skpoison.base import BaseSubpopPoisoner
from skpoison.utils._containers import take

MODELS = {
    "LR": LogisticRegression(),
    "KNN": KNeighborsClassifier(5),
    "NB": GaussianNB(),
}


class WorstRowsPoisoner(BaseSubpopPoisoner):
    """Copies the members that the surrogate is most certain of, mislabeled."""

    def _craft(self, X, y, members, n_poison, random_state):
        surrogate = clone(self.surrogate).fit(X, y)
        certain = surrogate.predict_proba(take(X, members)).max(axis=1)
        worst = members[np.argsort(-certain, kind="stable")]
        sources = np.resize(worst[: max(1, len(worst) // 4)], n_poison)
        codes = np.searchsorted(self.classes_, y[sources])
        return take(X, sources), np.roll(self.classes_, -1)[codes], sources


@pytest.fixture(scope="module")
def data():
    """Rows in five blobs of three classes."""
    X, blob = make_blobs(900, n_features=4, centers=5, cluster_std=2, random_state=3)
    y = np.array(["a", "b", "c"])[blob % 3]
    return {"X": X[:600], "y": y[:600], "X_test": X[600:], "y_test": y[600:]}


def matrix(data, surrogates=MODELS, victims=MODELS, **params):
    params = {
        "poisoner": SubpopPoisoner(ClusterMatch(5), label="max_loss"),
        "random_state": 0,
        **data,
        **params,
    }
    X, y = params.pop("X"), params.pop("y")
    return transfer_matrix(surrogates, victims, X, y, **params)


def test_one_row_for_each_pair_after_the_reference(data):
    table = matrix(data, targets=[0, 1, 2], n_repeats=2)
    names = ["label flipping", *MODELS]
    pairs = list(zip(table["surrogate"], table["victim"], strict=True))
    assert pairs == [(s, v) for s in names for v in MODELS]
    assert (table["n_targets"] == 3).all()
    assert (table["n_repeats"] == 2).all()
    # All have the same budget, and a victim has one twin and one null arm.
    assert table["n_poison"].nunique() == 1
    for column in ("clean_accuracy", "null_damage"):
        assert (table.groupby("victim")[column].nunique() == 1).all()
    for kind in ("target", "collateral"):
        figures = table[[f"{kind}_damage{e}" for e in ("_low", "", "_high")]]
        assert (np.diff(figures.to_numpy(), axis=1) >= 0).all()
    assert (table["target_damage"] > table["null_damage"]).all()
    square = table.pivot(index="surrogate", columns="victim", values="target_damage")
    assert square.shape == (4, 3)


def test_damage_is_that_of_poison_crafted_once_and_given_to_all(data):
    """By hand, for one repeat of deterministic models and rows of the attacker."""
    X_aux, y_aux = data["X"][:250], data["y"][:250]
    given = data | {"X": data["X"][250:], "y": data["y"][250:]}
    finder = FrozenEstimator(ClusterMatch(4, random_state=0).fit(X_aux))
    attack = WorstRowsPoisoner(finder, alpha=0.5)
    table = matrix(
        given,
        poisoner=attack,
        X_aux=X_aux,
        y_aux=y_aux,
        targets=[0, 2],
        n_repeats=1,
    ).set_index(["surrogate", "victim"])
    X_test, y_test = data["X_test"], data["y_test"]
    for surrogate, model in MODELS.items():
        crafted = []
        for target in (0, 2):
            poisoner = clone(attack).set_params(target=target, surrogate=model)
            rows = poisoner.fit_resample(
                given["X"], given["y"], X_aux=X_aux, y_aux=y_aux
            )
            crafted.append((poisoner.membership(X_test), *rows))
        for victim, model_2 in MODELS.items():
            clean = clone(model_2).fit(given["X"], given["y"]).predict(X_test) == y_test
            lost = []
            for members, X_res, y_res in crafted:
                poisoned = clone(model_2).fit(X_res, y_res).predict(X_test) == y_test
                lost.append(clean[members].mean() - poisoned[members].mean())
            found = table.loc[(surrogate, victim), "target_damage"]
            assert found == pytest.approx(np.mean(lost), abs=0.01)


def test_surrogates_matter_to_a_poisoner_that_uses_them(data):
    attack = WorstRowsPoisoner(ClusterMatch(4), alpha=0.5)
    table = matrix(data, poisoner=attack, targets=[0, 1], n_repeats=2)
    square = table.pivot(index="surrogate", columns="victim", values="target_damage")
    assert (square.nunique() > 1).all()


def test_crafted_poison_does_more_than_label_flipping_to_its_own_model():
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(scale(X), y, test_size=0.4, random_state=0)
    models = {"loose": LogisticRegression(), "tight": LogisticRegression(C=0.01)}
    table = transfer_matrix(
        models,
        models,
        X,
        y,
        poisoner=InfluencePoisoner(ClusterMatch(3)),
        X_test=X_test,
        y_test=y_test,
        targets=[0, 1],
        n_repeats=2,
        random_state=0,
    )
    square = table.pivot(index="surrogate", columns="victim", values="target_damage")
    for name in models:
        assert square.loc[name, name] > square.loc["label flipping", name] + 0.05


def test_results_do_not_depend_on_n_jobs(data):
    victims = {"tree": DecisionTreeClassifier(max_features=2)}
    expected = matrix(data, victims=victims, n_repeats=3)
    with parallel_config("threading"):
        found = matrix(data, victims=victims, n_repeats=3, n_jobs=2)
    pd.testing.assert_frame_equal(found, expected)
    pd.testing.assert_frame_equal(matrix(data, victims=victims, n_repeats=3), expected)


def test_half_of_the_rows_are_split_off_or_the_share_of_the_poisoner(data):
    for aux_size, n_train in ((None, 300), (0.2, 480)):
        attack = SubpopPoisoner(
            target=everything, label="max_loss", aux_size=aux_size, alpha=0.1
        )
        table = matrix(data, poisoner=attack, n_repeats=1)
        assert (table["n_poison"] == round(0.1 * n_train)).all()


def test_lists_have_the_names_of_classes(data):
    surrogates = [LogisticRegression(), LogisticRegression(C=0.1)]
    table = matrix(data, surrogates, [GaussianNB()], n_repeats=1)
    assert table["surrogate"].tolist() == [
        "label flipping",
        "LogisticRegression",
        "LogisticRegression 2",
    ]
    assert set(table["victim"]) == {"GaussianNB"}


def test_targets_by_name_and_callable(data):
    attack = SubpopPoisoner(ClusterMatch(4), label="max_loss")
    by_number = matrix(data, poisoner=attack, targets=[1, 3], n_repeats=1)
    by_name = matrix(
        data, poisoner=attack, targets=["cluster 1", "cluster 3"], n_repeats=1
    )
    pd.testing.assert_frame_equal(by_number, by_name)
    mixed = matrix(data, poisoner=attack, targets=[1, everything], n_repeats=1)
    assert (mixed["n_targets"] == 2).all()


def test_frames_and_a_poisoner_with_a_trigger(data):
    given = {
        k: pd.DataFrame(v, columns=list("abcd")) if k.startswith("X") else v
        for k, v in data.items()
    }
    attack = BackdoorPoisoner(target=everything, label="max_loss", alpha=0.2)
    expected = matrix(data, poisoner=attack, n_repeats=2)
    table = matrix(given, poisoner=attack, n_repeats=2)
    pd.testing.assert_frame_equal(table, expected, atol=0.02)
    # Without a trigger nobody is hit; flipping has no rows that are not aimed at.
    own = table[table["surrogate"] != "label flipping"]
    assert own["collateral_damage"].notna().all()
    assert table["collateral_damage"].isna().sum() == len(MODELS)


def test_targets_without_test_rows_are_left_out(data):
    first = SpecificRows(data["X"][:300:30])
    attack = SubpopPoisoner(
        ClusterMatch(4), label="max_loss", relative_to="aux", alpha=2
    )
    given = data | {"X_aux": data["X"][:300], "y_aux": data["y"][:300]}
    with pytest.warns(UndefinedMetricWarning, match=r"SpecificRows\(<10 rows>\)"):
        table = matrix(given, poisoner=attack, targets=[0, first], n_repeats=1)
    assert (table["n_targets"] == 1).all()
    assert table["target_damage"].notna().all()
    with pytest.warns(UndefinedMetricWarning, match="NaN where none is left"):
        table = matrix(given, poisoner=attack, targets=[first], n_repeats=1)
    assert (
        table[["target_damage", "null_damage", "clean_accuracy"]].isna().all(axis=None)
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"poisoner": ImpossibilityPoisoner()},
            "must have a surrogate. ImpossibilityPoisoner has none",
        ),
        (
            {"poisoner": SubpopPoisoner()},
            r"must use its surrogate.*\['least_likely', 'max_loss'\].*'constant'",
        ),
        ({"poisoner": BackdoorPoisoner(label="flip")}, "Got label='flip'"),
        ({"poisoner": KNeighborsClassifier()}, "'poisoner' parameter of transfer_ma"),
        (
            {"poisoner": SubpopPoisoner(label="max_loss", surrogate=GaussianNB())},
            "sets surrogate of its poisoner itself",
        ),
        (
            {"poisoner": SubpopPoisoner(label="max_loss", random_state=1)},
            "sets random_state of its poisoner itself",
        ),
        (
            {
                "poisoner": SubpopPoisoner(label="max_loss", target=1),
                "targets": [0],
            },
            "sets target of its poisoner itself",
        ),
        ({"targets": []}, "targets of transfer_matrix must name at least one"),
        ({"targets": [99]}, "target=99 is out of range"),
        ({"targets": [0.5]}, "'target' parameter of SubpopPoisoner"),
        ({"surrogates": {}}, "surrogates of transfer_matrix must hold at least one"),
        ({"victims": []}, "victims of transfer_matrix must hold at least one"),
        ({"surrogates": {"a": LinearSVC()}}, "'fit' and 'predict_proba'"),
        (
            {"surrogates": {"label flipping": GaussianNB()}},
            "must not have the name 'label flipping'",
        ),
        ({"victims": {"v": LinearRegression()}}, r"victims\['v'\] .* be a classifier"),
        ({"n_repeats": 0}, "'n_repeats' parameter of transfer_matrix"),
        ({"y_test": None}, "needs X_test and y_test together"),
        ({"y_aux": [0]}, "needs X_aux and y_aux together"),
    ],
)
def test_bad_arguments(data, params, message):
    with pytest.raises(ValueError, match=message):
        matrix(data, **params)


def test_a_surrogate_that_cannot_be_used_is_named(data):
    with pytest.raises(ValueError, match="predict_proba") as caught:
        matrix(data, {"good": GaussianNB(), "bad": LinearSVC()})
    assert caught.value.__notes__ == ["The surrogate is 'bad'."]
