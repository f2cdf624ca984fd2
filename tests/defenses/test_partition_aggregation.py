import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skpoison.defenses import PartitionAggregation

TREE = DecisionTreeClassifier(max_depth=3)


@parametrize_with_checks(
    [
        PartitionAggregation(n_partitions=3, random_state=0),
        PartitionAggregation(TREE, n_partitions=2, spread=2, random_state=0),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)


def problem(seed, n=120):
    X, y = make_blobs(n + 60, centers=3, n_features=2, cluster_std=3, random_state=seed)
    return X[:n], y[:n], X[n:], y[n:]


@pytest.mark.parametrize("spread", [1, 3])
@pytest.mark.parametrize("by", ["row", "features"])
def test_order_of_rows_does_not_matter(seed, spread, by):
    X, y, X_test, _ = problem(seed)
    model = PartitionAggregation(
        RandomForestClassifier(3),
        n_partitions=6,
        spread=spread,
        partition_by=by,
        random_state=seed,
    )
    order = np.random.RandomState(seed).permutation(len(y))
    np.testing.assert_array_equal(
        clone(model).fit(X[order], y[order]).votes(X_test),
        model.fit(X, y).votes(X_test),
    )


@pytest.mark.parametrize("spread", [1, 3])
def test_an_inserted_row_touches_the_models_that_see_it_only(seed, spread):
    X, y, X_test, _ = problem(seed)
    model = PartitionAggregation(
        TREE, n_partitions=8, spread=spread, random_state=seed
    ).fit(X, y)
    x_new, y_new = X_test[:1], np.array([1])
    other = clone(model).fit(np.vstack([x_new, X]), np.r_[y_new, y])
    changed = (other._ballots(X_test) != model._ballots(X_test)).any(axis=0)
    assert set(np.flatnonzero(changed)) <= set(model._partitions.touched(x_new, y_new))
    assert len(model._partitions.touched(x_new, y_new)) == spread
    assert len(model.estimators_) == 8 * spread
    place = model._partitions.places(x_new, y_new)
    assert (
        model._partitions.touched(x_new, y_new)
        == np.sort((place + model.offsets_) % len(model.estimators_))
    ).all()


def test_each_row_is_seen_by_as_many_models_as_it_is_spread_to(seed):
    X, y, _, _ = problem(seed)
    seen = []

    class Recorder(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            seen.append(len(X))
            return self

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    PartitionAggregation(Recorder(), n_partitions=4, spread=3, random_state=0).fit(X, y)
    assert sum(seen) == 3 * len(y)
    assert len(seen) == 12
    assert np.mean(seen) == len(y) / 4


def test_containers_give_the_same_votes():
    X, y, X_test, _ = problem(0)
    X, X_test = np.maximum(X, 0).round(), np.maximum(X_test, 0).round()
    model = PartitionAggregation(TREE, n_partitions=5, random_state=0)
    expected = clone(model).fit(X, y).votes(X_test)
    for rows, tests in [
        (X.tolist(), X_test.tolist()),
        (pd.DataFrame(X, columns=["a", "b"]), pd.DataFrame(X_test, columns=["a", "b"])),
        (sparse.csr_array(X), sparse.csr_array(X_test)),
        (sparse.csc_matrix(X), sparse.csc_matrix(X_test)),
        (X.astype(np.float32), X_test.astype(np.float32)),
        (X.astype(int), X_test.astype(int)),
    ]:
        fitted = clone(model).fit(rows, y)
        np.testing.assert_array_equal(fitted.votes(tests), expected)
    labels = np.array(["x", "y", "z"])
    named = clone(model).fit(X, labels[y])
    np.testing.assert_array_equal(
        named.predict(X_test), labels[named.votes(X_test).argmax(axis=1)]
    )


def test_texts_and_mixed_frames_are_taken(people):
    texts = ["good film", "bad film", "good book", "bad book"] * 20
    y = np.array(["good", "bad"] * 40)
    model = PartitionAggregation(
        make_pipeline(CountVectorizer(), MultinomialNB()),
        n_partitions=2,
        random_state=1,
    )
    assert model.fit(texts, y).votes(texts).shape == (80, 2)
    frame, labels = people

    class AgeAlone(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.tree_ = DecisionTreeClassifier(random_state=0).fit(X[["age"]], y)
            self.classes_ = self.tree_.classes_
            return self

        def predict(self, X):
            return self.tree_.predict(X[["age"]])

    model = PartitionAggregation(AgeAlone(), n_partitions=5, random_state=0)
    assert set(model.fit(frame, labels).predict(frame)) <= {"poor", "rich"}


def test_one_class_votes_and_no_rows_abstain():
    X = np.array([[0.0]] * 5 + [[1.0], [2.0], [3.0]])
    y = np.array([0] * 5 + [1, 1, 1])
    model = PartitionAggregation(GaussianNB(), n_partitions=8, random_state=0).fit(X, y)
    # Copies go together: at most four places are taken.
    without = [m for m in model.estimators_ if m is None]
    assert len(without) >= 4
    assert any(isinstance(m, DummyClassifier) for m in model.estimators_)
    votes = model.votes(X)
    assert (votes.sum(axis=1) == 8 - len(without)).all()
    np.testing.assert_allclose(
        model.predict_proba(X), votes / votes.sum(axis=1, keepdims=True)
    )


def test_ties_go_to_the_first_class():
    X, y = np.array([[0.0], [1.0]]), np.array(["b", "a"])
    model = PartitionAggregation(n_partitions=2)
    fits = [clone(model).set_params(random_state=s).fit(X, y) for s in range(20)]
    tied = [m for m in fits if (m.votes(X) == 1).all()]
    assert tied
    assert all((m.predict(X) == "a").all() for m in tied)
    assert all((m.certified_radius(X) == 0).all() for m in tied)


def test_jobs_do_not_change_the_votes(seed):
    X, y, X_test, _ = problem(seed)
    model = PartitionAggregation(
        RandomForestClassifier(2), n_partitions=3, spread=2, random_state=seed
    )
    one = clone(model).fit(X, y).votes(X_test)
    two = model.set_params(n_jobs=2).fit(X, y).votes(X_test)
    np.testing.assert_array_equal(one, two)


def test_certified_accuracy_is_accuracy_without_poison_and_falls(seed):
    X, y, X_test, y_test = problem(seed)
    model = PartitionAggregation(TREE, n_partitions=15, random_state=0).fit(X, y)
    accuracy = model.certified_accuracy(X_test, y_test, [0, 2, 4, 20])
    assert accuracy[0] == model.score(X_test, y_test)
    assert (np.diff(accuracy) <= 0).all()
    assert accuracy[-1] == 0
    assert model.certified_accuracy(X_test, y_test, 2) == accuracy[1]
    lost = model.collective_certificate(X_test, y_test, [2, 4])
    assert (lost <= np.round((accuracy[0] - accuracy[1:3]) * len(y_test))).all()
    everyone = np.ones(len(y_test), dtype=bool)
    assert model.collective_certificate(X_test, y_test, 2, everyone) == lost[0]
    assert model.collective_certificate(X_test, y_test, 2, ~everyone) == 0


def test_works_in_a_search():
    X, y, _, _ = problem(0)
    search = GridSearchCV(
        PartitionAggregation(GaussianNB(), random_state=0),
        {"n_partitions": [2, 5], "spread": [1, 2], "estimator__var_smoothing": [0.1]},
        cv=2,
    ).fit(X, y)
    assert search.best_score_ > 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"n_partitions": 200},
            "one row for each of its n_partitions=200",
        ),
        ({"n_partitions": 1}, "n_partitions"),
        ({"spread": 0}, "spread"),
        ({"partition_by": "label"}, "partition_by"),
        ({"estimator": 3}, "estimator"),
    ],
)
def test_bad_parameters_are_errors(change, message):
    X, y, _, _ = problem(0)
    with pytest.raises(ValueError, match=message):
        PartitionAggregation(n_partitions=3).set_params(**change).fit(X, y)


def test_bad_input_is_an_error():
    X, y, X_test, y_test = problem(0)
    with pytest.raises(ValueError, match="at least two classes"):
        PartitionAggregation(n_partitions=3).fit(X, np.zeros(len(y)))
    model = PartitionAggregation(n_partitions=3, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="n_poison of PartitionAggregation must be"):
        model.certified_accuracy(X_test, y_test, 1.5)
    with pytest.raises(ValueError, match="n_poison of PartitionAggregation must be"):
        model.collective_certificate(X_test, y_test, [-1])
    with pytest.raises(ValueError, match="time_limit"):
        model.collective_certificate(X_test, y_test, 1, time_limit=0)
    with pytest.raises(ValueError, match="must have shape"):
        model.collective_certificate(X_test, y_test, 1, [True])
    with pytest.raises(ValueError, match="NaN"):
        PartitionAggregation(n_partitions=3).fit(np.full_like(X, np.nan), y)


def test_what_a_model_raises_says_whose_it_is():
    X, y, _, _ = problem(0)

    class Fails(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            raise ValueError("no")

        def predict(self, X):
            return X

    with pytest.raises(ValueError, match="no") as caught:
        PartitionAggregation(Fails(), n_partitions=3, random_state=0).fit(X, y)
    assert "model 0 of PartitionAggregation, which sees" in caught.value.__notes__[0]


def test_more_partitions_certify_more():
    X, y, X_test, y_test = problem(0, n=3000)
    few, many = (
        PartitionAggregation(LogisticRegression(), n_partitions=k, random_state=0).fit(
            X, y
        )
        for k in (10, 100)
    )
    assert few.certified_accuracy(X_test, y_test, 6) == 0
    assert many.certified_accuracy(X_test, y_test, 6) > 0.3


def test_a_row_goes_to_no_more_models_than_there_are_rows():
    X, y = np.random.RandomState(0).randn(30, 2), np.arange(30) % 2
    with pytest.raises(ValueError, match="spread=1000000 of PartitionAggregation must"):
        PartitionAggregation(n_partitions=3, spread=10**6).fit(X, y)


@pytest.mark.parametrize("X", [{"a": 1}, [], None])
def test_what_is_no_table_is_told(X):
    with pytest.raises(ValueError, match="PartitionAggregation"):
        PartitionAggregation(n_partitions=3).fit(X, [0, 1])


def test_a_clusterer_takes_no_part_in_a_vote():
    from sklearn.cluster import KMeans

    with pytest.raises(ValueError, match=r"must be a classifier. Got KMeans"):
        PartitionAggregation(KMeans(2), n_partitions=2).fit(np.eye(6), np.arange(6) % 2)
