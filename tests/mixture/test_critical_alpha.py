import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline as make_sampler_pipeline
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, scale
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import check_random_state

from skpoison import ClusterMatch, FeatureMatch
from skpoison.datasets import make_subpopulations
from skpoison.finders import SliceMatch
from skpoison.mixture import (
    SubpopulationMixtureClassifier,
    _critical_alpha,
    critical_alpha,
)
from skpoison.mixture import _measuring as measuring
from skpoison.mixture._critical_alpha import crossing
from skpoison.mixture._two_worlds import draw_poison, swapped_classes
from skpoison.refit import refit_poisoned
from skpoison.utils._containers import append, take

COLUMNS = [
    "name",
    "size",
    "n_test",
    "noise",
    "clean_error",
    "predicted",
    "measured",
    "measured_from",
    "measured_to",
]
FEW = [0.5, 1, 1.5, 2]


def grid(seed, n_samples=2400, n_subpopulations=4, **params):
    """Blobs far from each other: half for training, half for the test."""
    X, y, _ = make_subpopulations(
        n_samples, n_subpopulations, weights="uniform", random_state=seed, **params
    )
    finder = FrozenEstimator(ClusterMatch(n_subpopulations, random_state=0).fit(X))
    n = n_samples // 2
    return {
        "X": X[:n],
        "y": y[:n],
        "finder": finder,
        "X_test": X[n:],
        "y_test": y[n:],
        "random_state": seed,
    }


@pytest.fixture(scope="module")
def cancer():
    """Rows of the breast cancer data, and a frozen finder of four clusters."""
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    return {
        "X": X[:350],
        "y": y[:350],
        "finder": FrozenEstimator(KMeans(4, random_state=0).fit(X)),
        "X_test": X[350:],
        "y_test": y[350:],
        "random_state": 0,
    }


@pytest.mark.parametrize("noise", [0, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("label", ["flip", "constant"])
def test_local_majorities_turn_where_predicted(seed, noise, label):
    given = grid(seed, noise=noise)
    model = SubpopulationMixtureClassifier(given["finder"])
    table = critical_alpha(model, **given, label=label)
    assert (table["size"] > 200).all()
    assert ((table["measured"] - table["predicted"]).abs() <= 0.1 + 1e-9).all()
    expected = 1 if label == "flip" else 1 - 2 * table["noise"]
    np.testing.assert_allclose(table["predicted"], expected)
    np.testing.assert_allclose(table["noise"], noise, atol=0.08)


def test_neighbors_turn_at_as_many_rows_as_there_are(seed):
    table = critical_alpha(KNeighborsClassifier(15), **grid(seed))
    assert ((table["measured"] - 1).abs() < 0.1).all()


def test_one_neighbor_wastes_rows_that_it_has_seen(seed):
    given = grid(seed, 2400, 8)
    X, y = given["X"], given["y"]
    given |= {"X": X[:400], "y": y[:400], "alphas": np.arange(6, 21) / 10}
    # Without a tree the first of equally near rows decides, and that is the clean one.
    model = KNeighborsClassifier(1, algorithm="brute")
    copies = critical_alpha(model, **given)["measured"]
    fresh = critical_alpha(model, **given, X_aux=X[400:], y_aux=y[400:])["measured"]
    assert abs(fresh.mean() - 1) < 0.15
    assert (copies == np.inf).all()


def test_model_that_never_turns_has_no_budget(seed):
    given = grid(seed, labels=[0, 1, 0, 1])
    true = pd.Series(given["y"]).groupby(given["finder"].predict(given["X"])).first()
    model = DummyClassifier(strategy="constant", constant=0)
    table = critical_alpha(model, **given, alphas=FEW)
    never, already = table[true == 0], table[true == 1]
    assert len(never) == len(already) == 2
    assert (never["measured"] == np.inf).all()
    assert (never["measured_from"] == 2).all()
    assert (never["measured_to"] == np.inf).all()
    assert (never["clean_error"] == 0).all()
    assert (already["clean_error"] == 1).all()
    budgets = ["measured", "measured_from", "measured_to"]
    assert (already[budgets] == 0).all(axis=None)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([0, 0.4, 0.6, 1], (1.5, 1, 2)),
        ([0, 0.5, 0.6, 1], (1, 0, 1)),
        ([0.2, 0.2, 0.2, 0.5], (3, 2, 3)),
        # The error counts as never falling: 0.4 at 2 as well.
        ([0, 0.4, 0.1, 0.6], (2.5, 2, 3)),
        ([0, 0.7, 0.1, 0.2], (5 / 7, 0, 1)),
        ([0, 0.1, 0.2, 0.49], (np.inf, 3, np.inf)),
        ([0.5, 0.1, 0.1, 0.1], (0, 0, 0)),
        ([0.9, 1, 1, 1], (0, 0, 0)),
    ],
)
def test_crossing_is_where_the_running_maximum_reaches_one_half(errors, expected):
    found = crossing(np.arange(4.0), np.array(errors, dtype=float))
    np.testing.assert_allclose(found, expected)


def naive_curve(estimator, given, k, alphas, rng, label="flip", n_repeats=3):
    """Mean error at each budget, by a loop of fits."""
    X, y, X_test, y_test = (given[n] for n in ("X", "y", "X_test", "y_test"))
    members = np.flatnonzero(given["finder"].predict(X) == k)
    tested = given["finder"].predict(X_test) == k
    classes = swapped_classes(y[members], y)
    errors = np.zeros((n_repeats, len(alphas)))
    for r in range(n_repeats):
        n_most = round(alphas[-1] * len(members))
        rows, labels = draw_poison(members, y[members], classes, label, n_most, rng)
        for i, alpha in enumerate(alphas):
            n = round(alpha * len(members))
            model = clone(estimator).fit(
                append(X, take(X, rows[:n])), np.concatenate([y, labels[:n]])
            )
            errors[r, i] = np.mean(model.predict(X_test)[tested] != y_test[tested])
    return errors.mean(axis=0)


@pytest.mark.parametrize("label", ["flip", "constant"])
@pytest.mark.parametrize(
    "estimator",
    [GaussianNB(), KNeighborsClassifier(5), DecisionTreeClassifier(random_state=0)],
    ids=lambda model: type(model).__name__,
)
def test_budgets_are_those_of_a_loop_of_fits(cancer, estimator, label):
    table = critical_alpha(estimator, **cancer, label=label, alphas=FEW)
    rng, alphas = check_random_state(0), np.array([0, *FEW])
    for k, row in table.iterrows():
        curve = naive_curve(estimator, cancer, k, alphas, rng, label)
        found = row[["measured", "measured_from", "measured_to"]].to_numpy(float)
        np.testing.assert_allclose(found, crossing(alphas, curve))
        assert row["clean_error"] == pytest.approx(curve[0])


def test_table_tells_names_and_sizes(cancer):
    table = critical_alpha(GaussianNB(), **cancer, alphas=[1])
    assert list(table) == COLUMNS
    assert list(table["name"]) == [f"kmeans{k}" for k in range(4)]
    for part, column in [("X", "size"), ("X_test", "n_test")]:
        sizes = np.bincount(cancer["finder"].predict(cancer[part]))
        np.testing.assert_array_equal(table[column], sizes)


def test_budget_is_between_neighbors_on_the_grid(cancer):
    table = critical_alpha(GaussianNB(), **cancer)
    budgets = np.arange(21) / 10
    for row in table[np.isfinite(table["measured"])].itertuples():
        assert row.measured_from <= row.measured <= row.measured_to
        i = np.flatnonzero(budgets == row.measured_from)[0]
        assert row.measured_to in budgets[[0, i + 1]]


def test_budgets_are_sorted_and_have_the_clean_model():
    given = grid(0)
    model = SubpopulationMixtureClassifier(given["finder"])
    table = critical_alpha(model, **given, alphas=[1.5, 0, 0.5, 0.5])
    assert (table["measured_from"] == 0.5).all()
    assert (table["measured_to"] == 1.5).all()
    censored = critical_alpha(model, **given, alphas=[0.5])
    assert (censored["measured"] == np.inf).all()
    assert (censored["measured_from"] == 0.5).all()


def test_targets_are_numbers_or_names(cancer):
    table = critical_alpha(GaussianNB(), **cancer, alphas=[1], targets=["kmeans2", 0])
    assert list(table["name"]) == ["kmeans2", "kmeans0"]


def test_noise_that_is_given_predicts_labels_to_come():
    given = grid(0, noise=0.1)
    model = SubpopulationMixtureClassifier(given["finder"])

    def table(**params):
        return critical_alpha(model, **given, alphas=[1], **params)

    np.testing.assert_allclose(
        table(noise=0.1, label="constant")[["noise", "predicted"]], [[0.1, 0.8]] * 4
    )
    levels = [0, 0.1, 0.2, 0.3]
    some = table(noise=levels, label="constant", targets=[3, 1])
    np.testing.assert_allclose(some["noise"], [0.3, 0.1])
    np.testing.assert_allclose(some["predicted"], [0.4, 0.8])
    assert (table(noise=levels)["predicted"] == 1).all()


def test_two_classes_of_many_are_swapped():
    given = grid(1, n_classes=4, noise=0.3)
    table = critical_alpha(
        SubpopulationMixtureClassifier(given["finder"]), **given, label="constant"
    )
    codes = given["finder"].predict(given["X"])
    for k, row in table.iterrows():
        n = np.sort(np.bincount(given["y"][codes == k]))[::-1]
        assert row["predicted"] == pytest.approx((n[0] - n[1]) / n.sum())
        assert row["noise"] == pytest.approx(n[1] / (n[0] + n[1]))
        assert abs(row["measured"] - row["predicted"]) <= 0.1 + 1e-9


def test_poison_repeats_rows_of_the_attacker_alone(monkeypatch):
    given, calls = grid(0), []
    X, y = given["X"], given["y"]
    given |= {"X": X[:600], "y": y[:600]}

    def spy(estimator, X, y, poisons, **params):
        calls.append(poisons)
        return refit_poisoned(estimator, X, y, poisons, **params)

    monkeypatch.setattr(_critical_alpha, "refit_poisoned", spy)
    model = SubpopulationMixtureClassifier(given["finder"])
    aux = {"X_aux": X[600:], "y_aux": y[600:]}
    table = critical_alpha(model, **given, **aux, alphas=FEW, n_repeats=2)
    ((nothing, *poisons),) = calls
    assert len(nothing[1]) == 0
    assert len(poisons) == 4 * 2 * len(FEW)
    label_of = {tuple(row): label for row, label in zip(*aux.values(), strict=True)}
    for i, (rows, labels) in enumerate(poisons):
        true = np.array([label_of[tuple(row)] for row in rows])
        np.testing.assert_array_equal(labels, 1 - true)
        size = table["size"][i // (2 * len(FEW))]
        assert len(labels) == round(FEW[i % len(FEW)] * size)
        # That of a smaller budget is a part of it.
        if i % len(FEW):
            smaller = poisons[i - 1][0]
            np.testing.assert_array_equal(rows[: len(smaller)], smaller)


def test_repeats_draw_other_rows(cancer):
    one, three = (
        critical_alpha(KNeighborsClassifier(5), **cancer, n_repeats=n)["measured"]
        for n in (1, 3)
    )
    assert not one.equals(three)


def test_seed_settles_everything(cancer):
    model = RandomForestClassifier(5, max_depth=3)
    cancer = {k: v for k, v in cancer.items() if k not in ("finder", "random_state")}
    params = {"finder": KMeans(3), "alphas": FEW, "n_repeats": 1}
    first, again, parallel, other = (
        critical_alpha(model, **cancer, **params, random_state=s, n_jobs=jobs)
        for s, jobs in [(1, None), (1, None), (1, 2), (2, None)]
    )
    pd.testing.assert_frame_equal(first, again)
    pd.testing.assert_frame_equal(first, parallel)
    assert not first.equals(other)


def test_batches_of_test_rows_change_nothing(cancer, monkeypatch):
    whole = critical_alpha(GaussianNB(), **cancer, alphas=FEW)
    monkeypatch.setattr(measuring, "LARGEST_BATCH", 49 * 30)
    pd.testing.assert_frame_equal(
        whole, critical_alpha(GaussianNB(), **cancer, alphas=FEW)
    )


def test_names_of_classes_are_no_matter(cancer):
    names = np.array(["benign", "malign"])
    texts = {n: names[cancer[n]] for n in ("y", "y_test")}
    pd.testing.assert_frame_equal(
        critical_alpha(GaussianNB(), **cancer, alphas=FEW),
        critical_alpha(GaussianNB(), **(cancer | texts), alphas=FEW),
    )


def test_sparse_rows_give_what_dense_rows_give(cancer):
    X, X_test = cancer["X"][:, :5].round(1), cancer["X_test"][:, :5].round(1)
    given = cancer | {"finder": FrozenEstimator(KMeans(3, random_state=0).fit(X))}
    dense, csr = (
        critical_alpha(
            LogisticRegression(),
            **(given | {"X": matrix(X), "X_test": matrix(X_test)}),
            alphas=FEW,
        )
        for matrix in (np.asarray, sparse.csr_matrix)
    )
    pd.testing.assert_frame_equal(dense, csr)


def test_frames(people):
    X, _ = people
    y = X["sex"].astype(str).rename("class")
    one_hot = OneHotEncoder(handle_unknown="ignore")
    model = make_pipeline(
        make_column_transformer((one_hot, ["sex"])),
        DecisionTreeClassifier(random_state=0),
    )
    rest = {"X_test": X[250:], "y_test": y[250:], "X_aux": X[250:], "y_aux": y[250:]}
    finder = FeatureMatch(["sex"])
    table = critical_alpha(model, X[:250], y[:250], finder, **rest, random_state=0)
    assert sorted(table["name"]) == ["sex=F", "sex=M"]
    # A leaf for each subpopulation is its majority.
    assert ((table["measured"] - 1).abs() <= 0.1 + 1e-9).all()


def test_texts():
    topic = np.repeat(["sun", "cat", "red"], 40)
    X = [f"{t} {w}" for t, w in zip(topic, ["a1", "b2"] * 60, strict=True)]
    y = np.repeat(["x", "y", "x"], 40)
    finder = make_pipeline(
        CountVectorizer(vocabulary=["sun", "cat", "red"]), KMeans(3, random_state=0)
    )
    model = make_pipeline(CountVectorizer(), DecisionTreeClassifier(random_state=0))
    table = critical_alpha(model, X, y, finder, X_test=X, y_test=y, random_state=0)
    assert list(table["size"]) == [40, 40, 40]
    assert (table["clean_error"] == 0).all()
    assert ((table["measured"] - 1).abs() <= 0.1 + 1e-9).all()


@pytest.mark.parametrize("finder", [GaussianMixture(3), KMeans(3)], ids=str)
def test_clusterers_and_mixtures_are_finders(cancer, finder):
    table = critical_alpha(
        GaussianNB(), **(cancer | {"finder": finder}), alphas=[1], targets=[2, 0]
    )
    assert len(table) == 2


NEIGHBORS = KNeighborsClassifier(70)


@pytest.mark.parametrize(
    "model",
    [
        NEIGHBORS,
        make_pipeline(StandardScaler(), NEIGHBORS),
        make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), NEIGHBORS)),
        make_sampler_pipeline(StandardScaler(), NEIGHBORS),
    ],
    ids=["alone", "pipeline", "nested", "imblearn"],
)
def test_more_neighbors_than_the_smallest_target_has_rows_is_an_error(cancer, model):
    sizes = np.bincount(cancer["finder"].predict(cancer["X"]))
    small = int(sizes.argmin())
    assert sizes[small] < 70 < sizes.max()
    message = rf"(?s)n_neighbors.*{sizes[small]} in 'kmeans{small}'.*n_neighbors=70"
    with pytest.raises(ValueError, match=message):
        critical_alpha(model, **cancer, alphas=[1])
    large = [int(sizes.argmax())]
    assert len(critical_alpha(model, **cancer, alphas=[1], targets=large)) == 1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"noise": 0.5}, r"noise of critical_alpha must be in \[0, 0.5\)"),
        ({"noise": [0.1, 0.7]}, r"noise of critical_alpha must be in \[0, 0.5\)"),
        ({"noise": np.nan}, r"noise of critical_alpha must be in \[0, 0.5\)"),
        ({"noise": -0.1}, r"noise of critical_alpha must be in \[0, 0.5\)"),
        ({"noise": [0.1] * 3}, "noise of critical_alpha must be .*each of the 2"),
        ({"noise": "much"}, "noise of critical_alpha must be"),
        ({"y": np.linspace(0, 1, 60)}, "Unknown label type"),
        ({"y": np.zeros(60, int)}, "at least two classes in y"),
        ({"finder": SliceMatch()}, "finder of critical_alpha must give .*disjoint"),
        ({"finder": 3}, "'finder' parameter"),
        ({"label": "wrong"}, "'label' parameter"),
        ({"alphas": [-1, 1]}, "alphas of critical_alpha must be a list"),
        ({"alphas": [np.nan]}, "alphas of critical_alpha must be a list"),
        ({"alphas": [[1]]}, "alphas of critical_alpha must be a list"),
        ({"alphas": [0]}, "alphas of critical_alpha must have a budget above 0"),
        ({"alphas": []}, "alphas of critical_alpha"),
        ({"alphas": 1.0}, "'alphas' parameter"),
        ({"targets": []}, "targets of critical_alpha must name at least one"),
        ({"targets": [0, True]}, r"targets of critical_alpha must be numbers or names"),
        ({"targets": [2]}, r"target=2 is out of range.*\[0, 1\]"),
        ({"targets": ["kmeans7"]}, "target='kmeans7' is not a subpopulation"),
        (
            {"targets": [2], "finder": GaussianMixture(2)},
            r"targets of critical_alpha must be subpopulations.*\[0, 1\]",
        ),
        ({"n_repeats": 0}, "'n_repeats' parameter"),
        ({"estimator": LinearRegression()}, "estimator of critical_alpha.*classifier"),
        ({"X_test": None}, "critical_alpha needs X as"),
        ({"X_test": np.zeros((60, 3))}, "X_test of critical_alpha.*same shape"),
        ({"y_test": np.zeros(3, int)}, "inconsistent numbers of samples"),
        ({"y_test": np.full(60, 9)}, "y_test of critical_alpha must hold classes"),
        ({"y_test": np.full(60, "0")}, "y_test of critical_alpha must hold classes"),
        ({"X_aux": np.zeros((3, 2))}, "needs X_aux and y_aux together"),
        (
            {"X_aux": np.zeros((3, 2)), "y_aux": [0, 1, 7]},
            "y_aux of critical_alpha must hold classes",
        ),
        (
            {"X_aux": np.zeros((3, 2)), "y_aux": [0, 1, 1]},
            "X_aux of critical_alpha must have rows of each target",
        ),
        ({"X_test": np.zeros((60, 2))}, "X_test of critical_alpha must have rows of"),
    ],
)
def test_bad_input_is_named(params, message):
    rng = np.random.RandomState(0)
    X = np.repeat([[0.0, 0.0], [9.0, 9.0]], 30, axis=0) + rng.randint(3, size=(60, 2))
    y = rng.randint(2, size=60)
    given = {"estimator": GaussianNB(), "X": X, "y": y, "X_test": X, "y_test": y}
    given |= {"finder": KMeans(2), "random_state": 0, **params}
    with pytest.raises(ValueError, match=f"(?s){message}"):
        critical_alpha(**given)


def test_attacker_without_rows_of_the_majority_cannot_use_one_label():
    given = grid(0, labels=[0, 1, 0, 1], noise=0.1)
    codes = given["finder"].predict(given["X"])
    true = pd.Series(given["y"]).groupby(codes).agg(lambda y: y.mode()[0])
    wrong = given["y"] != true.to_numpy()[codes]
    aux = {"X_aux": given["X"][wrong], "y_aux": given["y"][wrong]}
    model = SubpopulationMixtureClassifier(given["finder"])
    with pytest.raises(ValueError, match=r"X_aux of critical_alpha.*classes \[[01]\]"):
        critical_alpha(model, **given, **aux, alphas=[1], label="constant")
    assert len(critical_alpha(model, **given, **aux, alphas=[1])) == 4


def test_empty_component_is_an_error(cancer):
    kept = cancer["finder"].predict(cancer["X"]) != 3
    given = cancer | {"X": cancer["X"][kept], "y": cancer["y"][kept]}
    with pytest.raises(ValueError, match=r"(?s)finder of critical_alpha.*'kmeans3'"):
        critical_alpha(GaussianNB(), **given)
