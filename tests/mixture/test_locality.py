import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, scale
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import check_random_state

from skpoison import ClusterMatch, FeatureMatch
from skpoison.datasets import make_subpopulations
from skpoison.finders import SliceMatch
from skpoison.mixture import SubpopulationMixtureClassifier, _locality, locality
from skpoison.mixture import _measuring as measuring
from skpoison.mixture._locality import draw_change, draw_changes
from skpoison.mixture._partition import fit_partition
from skpoison.refit import refit_poisoned
from skpoison.utils._containers import append, take

FIGURES = ["delta", "delta_mean", "delta_low", "delta_high", "own"]
MODELS = [
    GaussianNB(),
    KNeighborsClassifier(5),
    DecisionTreeClassifier(max_depth=3, random_state=0),
]


@pytest.fixture(scope="module")
def cancer():
    """Rows, labels, and a frozen finder of six clusters."""
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    return X, y, FrozenEstimator(KMeans(6, random_state=0).fit(X))


def grid(seed, n_classes=2, noise=0.1):
    """Blobs far from each other, of which each is a subpopulation."""
    X, y, _ = make_subpopulations(
        700, 6, n_classes=n_classes, noise=noise, random_state=seed
    )
    return X, y, FrozenEstimator(ClusterMatch(6, random_state=0).fit(X))


def changes_of(X, y, finder, *, n_changes=20, share=0.5, alpha=1.0, seed=0):
    """Draw the changes that `locality` draws with a frozen finder."""
    rng = check_random_state(seed)
    partition = fit_partition(finder, X, y, "test", rng)
    is_changed = draw_changes(len(partition.names), n_changes, share, rng)
    return (
        partition,
        is_changed,
        [draw_change(partition, y, row, alpha, rng) for row in is_changed],
    )


def naive_table(estimator, X, y, finder, X_test, **params):
    """Clone and fit, one change after the other."""
    partition, is_changed, changes = changes_of(X, y, finder, **params)
    codes = finder.predict(X_test)
    clean = clone(estimator).fit(X, y).predict(X_test)
    moved = []
    for rows, labels in changes:
        X_new, y_new = append(X, take(X, rows)), np.concatenate([y, labels])
        moved.append(clone(estimator).fit(X_new, y_new).predict(X_test) != clean)
    records = []
    for k in range(len(partition.names)):
        shares = np.array([np.mean(m[codes == k]) for m in moved])
        outside, own = shares[~is_changed[:, k]], shares[is_changed[:, k]]
        records.append(
            {"delta": outside.max(), "delta_mean": outside.mean(), "own": own.mean()}
        )
    return pd.DataFrame(records)


@pytest.mark.parametrize("estimator", MODELS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("params", [{}, {"n_changes": 6, "share": 0.3, "alpha": 0.4}])
def test_figures_are_those_of_a_loop_of_fits(cancer, estimator, params):
    X, y, finder = cancer
    X, X_test, y = X[:400], X[300:], y[:400]
    table = locality(estimator, X, y, finder, X_test=X_test, random_state=0, **params)
    expected = naive_table(estimator, X, y, finder, X_test, **params)
    pd.testing.assert_frame_equal(table[list(expected)], expected)
    assert (expected["delta"] > 0).any()


def test_table_tells_names_and_sizes(cancer):
    X, y, finder = cancer
    table = locality(GaussianNB(), X, y, finder, X_test=X[:200], random_state=0)
    assert list(table) == ["name", "size", "n_test", *FIGURES]
    assert list(table["name"]) == [f"kmeans{k}" for k in range(6)]
    np.testing.assert_array_equal(table["size"], np.bincount(finder.predict(X)))
    np.testing.assert_array_equal(table["n_test"], np.bincount(finder.predict(X[:200])))


def test_training_rows_are_tested_by_default(cancer):
    X, y, finder = cancer
    pd.testing.assert_frame_equal(
        locality(GaussianNB(), X, y, finder, random_state=0),
        locality(GaussianNB(), X, y, finder, X_test=X, random_state=0),
    )


def test_learner_of_local_majorities_is_exactly_local(seed):
    X, y, finder = grid(seed)
    model = SubpopulationMixtureClassifier(finder)
    table = locality(model, X, y, finder, alpha=2, random_state=seed)
    assert (table["delta"] == 0).all()
    assert (table["delta_high"] == 0).all()
    assert (table["own"] == 1).all()


def test_local_learner_of_models_is_exactly_local(seed):
    X, y, finder = grid(seed)
    model = SubpopulationMixtureClassifier(finder, GaussianNB())
    table = locality(model, X, y, finder, alpha=2, random_state=seed)
    assert (table["delta"] == 0).all()
    assert (table["own"] > 0).all()


def test_constant_learner_moves_nowhere(seed):
    X, y, finder = grid(seed)
    model = DummyClassifier(strategy="constant", constant=1)
    table = locality(model, X, y, finder, alpha=2, random_state=seed)
    assert (table[FIGURES] == 0).all(axis=None)


def test_neighbors_are_local_where_subpopulations_are_apart(seed):
    X, y, finder = grid(seed)
    table = locality(KNeighborsClassifier(15), X, y, finder, alpha=2, random_state=seed)
    assert (table["delta"] == 0).all()
    assert (table["own"] > 0.8).all()


def test_linear_model_is_less_local_than_neighbors(seed):
    X, y, finder = grid(seed, noise=0)
    linear, near = (
        locality(model, X, y, finder, random_state=seed)["delta"]
        for model in (LogisticRegression(), KNeighborsClassifier(15))
    )
    assert (near == 0).all()
    assert linear.mean() > 0.1


def test_most_frequent_class_of_all_rows_moves_everywhere_at_once():
    X, y, finder = grid(0)
    table = locality(
        DummyClassifier(strategy="most_frequent"), X, y, finder, alpha=3, random_state=0
    )
    assert set(table["delta"]) <= {0.0, 1.0}
    assert (table["delta"] == 1).any()


def test_damage_of_a_change_elsewhere_is_at_most_delta(cancer):
    X, y, finder = cancer
    X, X_test, y, y_test = X[:400], X[400:], y[:400], y[400:]
    model, codes = GaussianNB(), finder.predict(X_test)
    table = locality(model, X, y, finder, X_test=X_test, random_state=0)
    partition, is_changed, changes = changes_of(X, y, finder)
    clean = clone(model).fit(X, y).predict(X_test) == y_test
    largest = np.zeros(len(partition.names))
    for (rows, labels), row in zip(changes, is_changed, strict=True):
        poisoned = clone(model).fit(np.r_[X, X[rows]], np.r_[y, labels])
        right = poisoned.predict(X_test) == y_test
        for k in np.flatnonzero(~row):
            damage = abs(clean[codes == k].mean() - right[codes == k].mean())
            assert damage <= table["delta"][k] + 1e-12
            largest[k] = max(largest[k], damage)
    assert (largest > 0).any()


@pytest.mark.parametrize(("share", "n_first"), [(0.5, 4), (0.01, 1), (0.99, 6)])
def test_changes_come_in_complementary_pairs(seed, share, n_first):
    is_changed = draw_changes(7, 10, share, check_random_state(seed))
    np.testing.assert_array_equal(is_changed[::2], ~is_changed[1::2])
    assert (is_changed[::2].sum(axis=1) == n_first).all()
    assert (is_changed.sum(axis=0) == 5).all()
    assert len(np.unique(is_changed[::2], axis=0)) > 1


def test_change_with_alpha_1_gives_each_row_the_other_label_as_well(seed):
    X, y, finder = grid(seed)
    partition, is_changed, changes = changes_of(X, y, finder, seed=seed)
    for (rows, labels), row in zip(changes, is_changed, strict=True):
        changed = np.flatnonzero(row[partition.codes])
        np.testing.assert_array_equal(np.sort(rows), changed)
        np.testing.assert_array_equal(labels, 1 - y[rows])


def test_smallest_change_is_one_row(seed):
    X, y, finder = grid(seed)
    _, is_changed, changes = changes_of(X, y, finder, alpha=1e-6, seed=seed)
    for (rows, _), row in zip(changes, is_changed, strict=True):
        assert len(rows) == row.sum()


def test_interval_is_that_of_student(cancer):
    X, y, finder = cancer
    _, is_changed, changes = changes_of(X, y, finder)
    poisons = [(X[rows], labels) for rows, labels in [(np.arange(0), y[:0]), *changes]]
    predictions = refit_poisoned(GaussianNB(), X, y, poisons).predict(X)
    moved = predictions[1:] != predictions[0]
    table = locality(GaussianNB(), X, y, finder, random_state=0)
    widths = []
    for k in range(6):
        shares = moved[:, finder.predict(X) == k].mean(axis=1)[~is_changed[:, k]]
        assert len(shares) == 10
        expected = np.repeat(shares.mean(), 2)
        if shares.std():
            expected = stats.t.interval(0.95, 9, shares.mean(), stats.sem(shares))
        got = table.loc[k, ["delta_low", "delta_high"]].to_numpy(float)
        np.testing.assert_allclose(got, np.clip(expected, 0, 1), atol=1e-12)
        widths.append(np.ptp(got))
    assert max(widths) > 0


def test_two_changes_give_no_interval(cancer):
    table = locality(GaussianNB(), *cancer, n_changes=2, random_state=0)
    assert table[["delta_low", "delta_high"]].isna().all(axis=None)
    np.testing.assert_array_equal(table["delta"], table["delta_mean"])


def test_figures_are_shares_in_order(cancer):
    model = DecisionTreeClassifier(max_depth=3)
    table = locality(model, *cancer, random_state=0)
    assert ((table[FIGURES] >= 0) & (table[FIGURES] <= 1)).all(axis=None)
    assert (table["delta_low"] <= table["delta_mean"]).all()
    assert (table["delta_mean"] <= table["delta_high"]).all()
    assert (table["delta_mean"] <= table["delta"]).all()


def test_rows_of_no_subpopulation_are_left_alone_and_out(people):
    X, y = people
    finder = FeatureMatch(["sex", "job"], min_size=48)
    codes = clone(finder).fit(X).predict(X)
    assert (codes == -1).any()
    labels = y.to_numpy()
    partition, _, changes = changes_of(X, labels, finder)
    for rows, _ in changes:
        assert (partition.codes[rows] >= 0).all()
    table = locality(tree_of_frames(), X, y, finder, random_state=0)
    assert table["n_test"].sum() == (codes >= 0).sum()
    np.testing.assert_array_equal(table["n_test"], table["size"])


def test_subpopulation_without_test_rows_is_nan_with_a_warning(cancer):
    X, y, finder = cancer
    X_test = X[finder.predict(X) != 2]
    with pytest.warns(UndefinedMetricWarning, match=r"X_test: \['kmeans2'\]"):
        table = locality(GaussianNB(), X, y, finder, X_test=X_test, random_state=0)
    assert table.loc[2, FIGURES].isna().all()
    assert table.loc[2, "n_test"] == 0
    full = locality(GaussianNB(), X, y, finder, random_state=0)
    others = [0, 1, 3, 4, 5]
    pd.testing.assert_frame_equal(table.loc[others], full.loc[others])


def test_no_test_row_in_any_subpopulation_is_nan_everywhere(people):
    X, y = people
    X_test = X.assign(job="unseen")
    with pytest.warns(UndefinedMetricWarning):
        table = locality(
            tree_of_frames(), X, y, FeatureMatch(["job"]), X_test=X_test, random_state=0
        )
    assert table[FIGURES].isna().all(axis=None)


def tree_of_frames():
    one_hot = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer((one_hot, ["sex", "job"]))
    return make_pipeline(columns, DecisionTreeClassifier(random_state=0))


def test_frames_and_text_labels(people):
    X, y = people
    finder = FeatureMatch(["sex", "job"])
    table = locality(tree_of_frames(), X, y, finder, random_state=0)
    assert table["name"].str.contains("sex=F").any()
    # The tree sees nothing but the subpopulation, and so decides locally.
    assert (table["delta"] == 0).all()
    assert (table["own"] > 0).any()


def test_text_rows():
    rng = np.random.RandomState(0)
    topic = np.repeat(["sun rain", "cat dog", "red blue"], 30)
    words = rng.choice(["good", "bad"], 90)
    X = [f"{t} {w}" for t, w in zip(topic, words, strict=True)]
    finder = make_pipeline(
        CountVectorizer(vocabulary=["sun", "cat", "red"]), KMeans(3, random_state=0)
    )
    model = make_pipeline(CountVectorizer(), MultinomialNB())
    table = locality(model, X, words, finder, alpha=2, random_state=0)
    assert list(table["size"]) == [30, 30, 30]
    # What words mean is learned from all topics.
    assert (table["delta"] > 0).any()


def test_sparse_rows_give_what_dense_rows_give(cancer):
    X, y, finder = cancer
    X = X[:, :5].round(1)
    finder = FrozenEstimator(KMeans(4, random_state=0).fit(X))
    dense, csr = (
        locality(LogisticRegression(), rows, y, finder, random_state=0)
        for rows in (X, sparse.csr_matrix(X))
    )
    pd.testing.assert_frame_equal(dense, csr)


def test_names_of_classes_are_no_matter(cancer):
    X, y, finder = cancer
    numbers = locality(GaussianNB(), X, y, finder, random_state=0)
    texts = locality(
        GaussianNB(), X, np.array(["benign", "malign"])[y], finder, random_state=0
    )
    pd.testing.assert_frame_equal(numbers, texts)


def test_many_classes(seed):
    X, y, finder = grid(seed, n_classes=4)
    table = locality(
        SubpopulationMixtureClassifier(finder), X, y, finder, alpha=2, random_state=0
    )
    assert (table["delta"] == 0).all()
    assert (table["own"] == 1).all()


@pytest.mark.parametrize(
    "finder", [None, GaussianMixture(4), KMeans(4), ClusterMatch(4)], ids=str
)
def test_finders(cancer, finder):
    X, y, _ = cancer
    table = locality(GaussianNB(), X, y, finder, n_changes=4, random_state=0)
    assert len(table) == (100 if finder is None else 4)
    assert table["size"].sum() == len(X)


def test_seed_settles_everything(cancer):
    X, y, _ = cancer
    model = RandomForestClassifier(3, max_depth=3)
    first, again, parallel, other = (
        locality(model, X, y, KMeans(5), n_changes=4, random_state=s, n_jobs=jobs)
        for s, jobs in [(1, None), (1, None), (1, 2), (2, None)]
    )
    pd.testing.assert_frame_equal(first, again)
    pd.testing.assert_frame_equal(first, parallel)
    assert not first.equals(other)


def test_batches_of_test_rows_change_nothing(cancer, monkeypatch):
    whole = locality(GaussianNB(), *cancer, random_state=0)
    monkeypatch.setattr(measuring, "LARGEST_BATCH", 21 * 50)
    pd.testing.assert_frame_equal(
        whole, locality(GaussianNB(), *cancer, random_state=0)
    )


def test_models_are_trained_by_one_call(cancer, monkeypatch):
    calls = []

    def spy(estimator, X, y, poisons, **params):
        calls.append([len(labels) for _, labels in poisons])
        return refit_poisoned(estimator, X, y, poisons, **params)

    monkeypatch.setattr(_locality, "refit_poisoned", spy)
    model = GaussianNB()
    locality(model, *cancer, n_changes=8, random_state=0)
    ((nothing, *sizes),) = calls
    assert nothing == 0
    assert len(sizes) == 8
    assert sum(sizes) == 4 * len(cancer[1])
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_changes": 3}, "n_changes of locality must be even.*Got 3"),
        ({"n_changes": 0}, "'n_changes' parameter"),
        ({"share": 1.0}, "'share' parameter"),
        ({"share": 0}, "'share' parameter"),
        ({"alpha": 0}, "'alpha' parameter"),
        ({"finder": KMeans(1)}, "finder of locality must give at least two.*gave 1"),
        ({"finder": SliceMatch()}, "finder of locality must give .*disjoint"),
        ({"finder": "kmeans"}, "'finder' parameter"),
        ({"estimator": LinearRegression()}, "estimator of locality.*classifier"),
        ({"estimator": GaussianNB}, "'estimator' parameter of locality"),
        ({"estimator": KNeighborsClassifier(0)}, "n_neighbors"),
        ({"y": np.linspace(0, 1, 60)}, "Unknown label type"),
        ({"y": np.zeros(60, int)}, "at least two classes in y"),
        ({"y": np.zeros(59, int)}, "inconsistent numbers of samples"),
        ({"X_test": np.zeros((3, 4))}, "X_test of locality must have rows of the same"),
        ({"X_test": pd.DataFrame(np.zeros((3, 2)))}, "X_test of locality.*same kind"),
        ({"random_state": "0"}, "'random_state' parameter"),
    ],
)
def test_bad_input_is_named(params, message):
    rng = np.random.RandomState(0)
    X = rng.randint(3, size=(60, 2)).astype(float)
    given = {"estimator": GaussianNB(), "X": X, "y": rng.randint(2, size=60)}
    given |= {"finder": KMeans(2), "random_state": 0, **params}
    with pytest.raises(ValueError, match=message):
        locality(**given)


def test_empty_component_is_an_error(cancer):
    X, y, finder = cancer
    kept = finder.predict(X) != 3
    with pytest.raises(ValueError, match=r"(?s)finder of locality.*'kmeans3'"):
        locality(GaussianNB(), X[kept], y[kept], finder)


class FirstColumn(KMeans):
    """Numbers as the first column has them, of which it does not tell how many."""

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        return X[:, 0].astype(int)

    def get_feature_names_out(self):
        raise AttributeError


def test_test_rows_of_a_subpopulation_that_training_lacks_are_an_error():
    X = np.arange(40).reshape(20, 2) % 3.0
    y = np.arange(20) % 2
    with pytest.raises(ValueError, match="X_test of locality must have rows of subpop"):
        locality(GaussianNB(), X, y, FirstColumn(), X_test=np.full((2, 2), 7.0))
