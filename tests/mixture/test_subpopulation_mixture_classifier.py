"""A mixture classifies each subpopulation by its own rows, and by nothing else."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import parallel_config
from scipy import sparse
from sklearn.cluster import DBSCAN, KMeans
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags

from skpoison.datasets import make_subpopulations
from skpoison.finders import ClusterMatch, FeatureMatch, SliceMatch
from skpoison.mixture import SubpopulationMixtureClassifier

MIXED = [(0, 0), (0, 1), (1, 1), (1, 1), (2, 0)]  # (subpopulation, label)


def grouped(pairs):
    """Rows whose first column is their subpopulation."""
    group, y = np.array(pairs).T
    return np.column_stack([group, np.arange(len(y))]).astype(float), y


def by_group(X, **params):
    return SubpopulationMixtureClassifier(
        FrozenEstimator(FeatureMatch([0]).fit(X)), **params
    )


def test_majority_and_shares_are_those_of_the_subpopulation():
    pairs = [(0, 1)] * 5 + [(0, 0)] * 2 + [(1, 0)] * 3 + [(1, 2)] + [(2, 2)] * 2
    X, y = grouped(pairs)
    model = by_group(X).fit(X, y)
    assert model.names_ == ["x0=0", "x0=1", "x0=2"]
    np.testing.assert_array_equal(
        model.class_counts_, [[2, 5, 0], [3, 0, 1], [0, 0, 2], [0, 0, 0]]
    )
    np.testing.assert_array_equal(model.codes_, X[:, 0])
    asked = np.array([[0.0, 9], [1.0, 9], [2.0, 9]])
    np.testing.assert_array_equal(model.predict(asked), [1, 0, 2])
    np.testing.assert_allclose(
        model.predict_proba(asked), [[2 / 7, 5 / 7, 0], [0.75, 0, 0.25], [0, 0, 1]]
    )


def test_a_tie_goes_to_the_first_class():
    X, y = grouped([(0, 1), (0, 0), (1, 1), (1, 1)])
    np.testing.assert_array_equal(by_group(X).fit(X, y).predict(X), [0, 0, 1, 1])


def test_rows_in_no_subpopulation_are_a_component():
    X, y = grouped([(0, 0)] * 3 + [(1, 1)] * 3 + [(2, 1)] * 2 + [(3, 0)])
    finder = FrozenEstimator(FeatureMatch([0]).fit(X[:6]))
    model = SubpopulationMixtureClassifier(finder).fit(X, y)
    np.testing.assert_array_equal(model.class_counts_, [[3, 0], [0, 3], [1, 2]])
    np.testing.assert_array_equal(model.codes_[6:], -1)
    np.testing.assert_array_equal(model.predict([[7.0, 0.0]]), [1])
    tree = SubpopulationMixtureClassifier(finder, DecisionTreeClassifier())
    np.testing.assert_array_equal(tree.fit(X, y).predict(X), y)


@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(), GaussianNB(), DecisionTreeClassifier(random_state=0)],
    ids=str,
)
def test_components_are_the_models_of_their_rows_alone(estimator, blobs):
    X, y, blob = blobs
    y = np.where(blob == 1, 1, y)  # a component of one class
    X = np.column_stack([blob, X])
    names = np.array(["no", "yes"])
    model = by_group(X, estimator=estimator).fit(X, names[y])
    for k in range(6):
        rows = np.flatnonzero(model.codes_ == k)
        own = names[y[rows]]
        if len(np.unique(own)) == 1:
            assert model.estimators_[k] is None
            assert (model.predict(X[rows]) == own[0]).all()
            np.testing.assert_array_equal(model.predict_proba(X[rows]).max(axis=1), 1)
            continue
        alone = estimator.fit(X[rows], own)
        np.testing.assert_array_equal(model.predict(X[rows]), alone.predict(X[rows]))
        np.testing.assert_array_equal(
            model.predict_proba(X[rows]), alone.predict_proba(X[rows])
        )
    assert model.estimators_[-1] is None


def test_probabilities_of_classes_that_a_component_lacks_are_zero():
    X, y = grouped([(0, 0), (0, 2), (1, 1), (1, 2), (2, 0), (2, 1)])
    model = by_group(X, estimator=GaussianNB()).fit(X, y)
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(proba[[0, 1], 1], 0)
    np.testing.assert_array_equal(proba[[2, 3], 0], 0)


@pytest.mark.parametrize(
    "estimator",
    [
        None,
        LogisticRegression(),
        KNeighborsClassifier(3),
        DecisionTreeClassifier(),
    ],
    ids=str,
)
@settings(max_examples=15)
@given(data=st.data())
def test_poison_in_one_subpopulation_does_no_damage_elsewhere(estimator, data):
    seed = data.draw(st.integers(0, 1000))
    rng = np.random.RandomState(seed)
    X, y, _ = make_subpopulations(
        200, 5, weights="uniform", noise=0.3, n_classes=3, random_state=seed
    )
    finder = ClusterMatch(5, random_state=0).fit(X)
    mixture = SubpopulationMixtureClassifier(
        FrozenEstimator(finder), estimator, random_state=seed
    )
    inside = finder.predict(X) == data.draw(st.integers(0, 4))
    n_poison = data.draw(st.integers(1, 150))
    rows = X[inside][rng.randint(0, inside.sum(), n_poison)]
    X_poison = rows + rng.normal(0, 0.01, rows.shape)
    still = np.isin(finder.predict(X_poison), finder.predict(X[inside]))
    X_poison = X_poison[still]
    y_poison = rng.randint(0, 3, len(X_poison))
    clean = mixture.fit(X, y).predict_proba(X)
    after = mixture.fit(np.vstack([X, X_poison]), np.append(y, y_poison))
    np.testing.assert_array_equal(after.predict_proba(X)[~inside], clean[~inside])


def test_a_finder_that_is_not_frozen_lets_poison_move_the_supports():
    X, y, group = make_subpopulations(300, 4, noise=0.2, random_state=0)
    poison = np.vstack([X[group == 0], X[group == 0] + [0, 40.0]])
    mixture = SubpopulationMixtureClassifier(ClusterMatch(4, random_state=0))
    clean = mixture.fit(X, y).codes_
    X_all = np.vstack([X, poison])
    after = mixture.fit(X_all, np.append(y, np.zeros(len(poison), int))).codes_
    together = clean[:, None] == clean
    assert (together != (after[:300, None] == after[:300])).any()


def test_majority_turns_at_the_difference_of_its_two_classes():
    X, y = grouped([(0, 1)] * 8 + [(0, 0)] * 2 + [(1, 1)] * 12)
    for n_poison, label in [(0, 1), (5, 1), (6, 0), (7, 0)]:
        X_new = np.vstack([X, X[:n_poison]])
        y_new = np.append(y, np.zeros(n_poison, int))
        model = by_group(X).fit(X_new, y_new)
        assert (model.predict(X[:10]) == label).all()
        assert (model.predict(X[10:]) == 1).all()


@pytest.mark.parametrize("estimator", [None, LogisticRegression()], ids=str)
def test_containers_of_numbers_give_the_same(blobs, estimator):
    X, y, _ = blobs
    finder = ClusterMatch(4, random_state=0)
    model = SubpopulationMixtureClassifier(finder, estimator, random_state=0)
    expected = model.fit(X, y).predict_proba(X)
    frames = pd.DataFrame(X, index=np.arange(len(X)) + 7), pl.DataFrame(X)
    for rows in (*frames, X.tolist(), sparse.csr_array(X), sparse.csc_matrix(X)):
        own = rows.rename(columns=str) if isinstance(rows, pd.DataFrame) else rows
        found = model.fit(own, y).predict_proba(own)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_mixed_frames_are_divided_by_their_columns(people):
    X, y = people
    model = SubpopulationMixtureClassifier(FeatureMatch(["sex", "job"])).fit(X, y)
    assert model.feature_names_in_.tolist() == list(X.columns)
    assert set(model.predict(X)) <= {"poor", "rich"}
    rows = ((X["sex"] == "F") & (X["job"] == "a")).to_numpy()
    share = (y[rows] == "rich").mean()
    np.testing.assert_allclose(model.predict_proba(X[rows])[:, 1], share)


def test_texts_are_read_by_the_finder_and_the_classifiers():
    texts = ["red wine", "red cherry", "blue sea", "blue sky"] * 5
    y = np.array(["good", "bad", "good", "bad"] * 5)
    finder = ClusterMatch(2, representation=TfidfVectorizer(), random_state=0)
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100))
    model = SubpopulationMixtureClassifier(finder, pipeline).fit(texts, y)
    np.testing.assert_array_equal(model.predict(texts), y)
    shares = SubpopulationMixtureClassifier(finder).fit(texts, y).predict_proba(texts)
    np.testing.assert_allclose(shares, 0.5)


def test_images_are_rows_too():
    images = np.repeat(np.eye(4).reshape(4, 2, 2), 5, axis=0)
    y = np.repeat([0, 1, 1, 0], 5)
    model = SubpopulationMixtureClassifier(ClusterMatch(4, random_state=0))
    np.testing.assert_array_equal(model.fit(images, y).predict(images), y)


@pytest.mark.parametrize(
    "finder",
    [
        KMeans(4, n_init=1),
        GaussianMixture(4),
        make_pipeline(StandardScaler(), ClusterMatch(4)),
        FeatureMatch([0, 1], bins=3),
        None,
    ],
    ids=str,
)
def test_any_finder_that_divides_will_do(blobs, finder):
    X, y, _ = blobs
    model = SubpopulationMixtureClassifier(finder, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.7
    assert len(model.names_) == len(model.class_counts_) - 1
    again = SubpopulationMixtureClassifier(finder, random_state=0).fit(X, y)
    np.testing.assert_array_equal(again.codes_, model.codes_)
    other = SubpopulationMixtureClassifier(
        finder, DecisionTreeClassifier(), random_state=0
    )
    assert other.fit(X, y).score(X, y) == 1


def test_jobs_do_not_change_the_result(blobs):
    X, y, _ = blobs
    tree = DecisionTreeClassifier(splitter="random", max_depth=2)
    model = SubpopulationMixtureClassifier(ClusterMatch(5), tree, random_state=0)
    expected = model.fit(X, y).predict_proba(X)
    with parallel_config("threading", n_jobs=2):
        np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), expected)


def test_random_components_are_seeded_once_and_alike(blobs):
    X, y, blob = blobs
    X = np.column_stack([blob, X])
    tree = DecisionTreeClassifier(splitter="random", max_depth=2)
    models = [by_group(X, estimator=tree, random_state=s).fit(X, y) for s in (0, 0, 1)]
    first, again, other = (m.predict_proba(X) for m in models)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    seeds = {e.random_state for e in models[0].estimators_ if e is not None}
    assert len(seeds) == 1


def test_it_searches_pickles_and_ends_pipelines(blobs):
    X, y, _ = blobs
    finder = FrozenEstimator(ClusterMatch(4, random_state=0).fit(X))
    mixture = SubpopulationMixtureClassifier(finder, LogisticRegression())
    search = GridSearchCV(mixture, {"estimator__C": [1e-6, 1.0]}, cv=3).fit(X, y)
    assert search.best_params_ == {"estimator__C": 1.0}
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert scores[0] != scores[1]
    pipeline = make_pipeline(
        StandardScaler(), SubpopulationMixtureClassifier(ClusterMatch(4))
    ).fit(X, y)
    for model in (search.best_estimator_, pipeline):
        copy = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(copy.predict(X), model.predict(X))


def test_rows_must_be_readable_by_finder_and_classifier():
    tags = [
        get_tags(SubpopulationMixtureClassifier(finder, estimator))
        for finder, estimator in [
            (None, None),
            (None, LogisticRegression()),
            (FeatureMatch([0]), LogisticRegression()),
            (FeatureMatch([0]), None),
            (GaussianMixture(), None),
        ]
    ]
    inputs = [t.input_tags for t in tags]
    assert [i.sparse for i in inputs] == [True, True, True, True, False]
    assert [i.three_d_array for i in inputs] == [True, False, False, False, False]
    assert [i.categorical for i in inputs] == [False, False, False, True, False]
    assert not any(t.classifier_tags.multi_label for t in tags)


def test_probabilities_are_missing_where_the_classifier_has_none(blobs):
    X, y, _ = blobs
    model = SubpopulationMixtureClassifier(ClusterMatch(2), Perceptron())
    assert not hasattr(model, "predict_proba")
    assert model.fit(X, y).predict(X).shape == y.shape


def wasteful():
    """A mixture that leaves most of its components empty on purpose."""
    return BayesianGaussianMixture(
        n_components=8, weight_concentration_prior=1e-5, max_iter=500, random_state=0
    )


def test_empty_components_are_an_error_unless_all_rows_decide_there():
    X, y, _ = make_subpopulations(200, 2, random_state=0, labels=[0, 1])
    finder = FrozenEstimator(wasteful().fit(X))
    with pytest.raises(ValueError, match=r"(?s)each have a row.*empty='overall'"):
        SubpopulationMixtureClassifier(finder).fit(X, y)
    model = SubpopulationMixtureClassifier(finder, empty="overall").fit(X, y)
    assert len(model.names_) == 8
    empty = ~model.class_counts_.any(axis=1)
    assert empty.any()
    np.testing.assert_array_equal(model.predict(X), y)


@pytest.mark.parametrize("estimator", [None, DecisionTreeClassifier()], ids=str)
def test_rows_where_no_training_row_was(estimator):
    X, y = grouped([*MIXED, (2, 0)])
    elsewhere = [[0.0, 0.0], [9.0, 0.0]]
    model = by_group(X, estimator=estimator).fit(X, y)
    with pytest.raises(ValueError, match=r"1 of 2 rows.*row 1 is in 'no subpop"):
        model.predict(elsewhere)
    with pytest.raises(ValueError, match="empty='overall'"):
        model.predict_proba(elsewhere)
    model = by_group(X, estimator=estimator, empty="overall").fit(X, y)
    assert model.predict(elsewhere)[1] == 0
    np.testing.assert_allclose(model.predict_proba(elsewhere)[1], [0.5, 0.5])


def test_a_subpopulation_that_fit_did_not_know_is_no_training_rows_place():
    X, y = grouped(MIXED)

    class Rounding(DummyClassifier):
        def predict(self, X):
            return np.asarray(X)[:, 0].astype(int)

    finder = FrozenEstimator(Rounding().fit(X, y))
    model = SubpopulationMixtureClassifier(finder).fit(X, y)
    with pytest.raises(ValueError, match="'a new subpopulation'"):
        model.predict([[5.0, 0.0]])
    model.set_params(empty="overall").fit(X, y)
    np.testing.assert_array_equal(model.predict([[5.0, 0.0]]), [1])


def test_overlapping_supports_are_no_mixture(blobs):
    X, y, _ = blobs
    with pytest.raises(ValueError, match="disjoint supports"):
        SubpopulationMixtureClassifier(SliceMatch(2)).fit(X, y)


def test_labels_must_be_classes(blobs):
    X, y, _ = blobs
    model = SubpopulationMixtureClassifier(ClusterMatch(2))
    with pytest.raises(ValueError, match="Unknown label type"):
        model.fit(X, X[:, 0])
    with pytest.raises(ValueError, match="at least two classes"):
        model.fit(X, np.zeros(len(y)))
    with pytest.raises(ValueError, match="missing values"):
        model.fit(X, np.where(y == 0, np.nan, 1.0))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"finder": DBSCAN()}, "'finder' parameter"),
        ({"finder": 3}, "'finder' parameter"),
        ({"estimator": MaxAbsScaler()}, "'estimator' parameter"),
        ({"empty": "skip"}, "'empty' parameter"),
    ],
    ids=str,
)
def test_parameters_are_checked(blobs, params, message):
    X, y, _ = blobs
    with pytest.raises(ValueError, match=message):
        SubpopulationMixtureClassifier(**params).fit(X, y)


def test_a_transformer_of_numbers_is_no_finder(blobs):
    X, y, _ = blobs
    with pytest.raises(ValueError, match="dtype bool"):
        SubpopulationMixtureClassifier(StandardScaler()).fit(X, y)


def test_a_component_that_cannot_be_fitted_is_named():
    X, y = grouped(MIXED)
    broken = GaussianNB(priors=[0.2, 0.3, 0.5])
    with pytest.raises(ValueError, match="priors") as caught:
        by_group(X, estimator=broken).fit(X, y)
    assert "'x0=0'" in " ".join(caught.value.__notes__)
