import pickle

import numpy as np
import pytest
from imblearn.pipeline import Pipeline as ImblearnPipeline
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, PoisonedClassifier, SubpopPoisoner
from skpoison.metrics import collateral_damage_scorer, target_damage_scorer
from skpoison.metrics._clean_twin import _PREDICTIONS

SCORERS = {"target": target_damage_scorer, "collateral": collateral_damage_scorer}


class Counting(DecisionTreeClassifier):
    fits = 0

    def fit(self, X, y):
        type(self).fits += 1
        return super().fit(X, y)


@pytest.fixture
def poisoner(blobs):
    finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(blobs[0]))
    return SubpopPoisoner(finder, target=1, alpha=2, random_state=0)


def test_equals_the_pipeline_step(blobs, poisoner):
    X, y, _ = blobs
    tree = DecisionTreeClassifier(random_state=0)
    steps = [("poison", poisoner), ("clf", tree)]
    pipeline = ImblearnPipeline(steps).fit(X, y)
    classifier = PoisonedClassifier(tree, poisoner).fit(X, y)
    np.testing.assert_array_equal(classifier.predict(X), pipeline.predict(X))
    np.testing.assert_array_equal(
        classifier.predict_proba(X), pipeline.predict_proba(X)
    )
    for scorer in SCORERS.values():
        assert scorer(classifier, X, y) == scorer(pipeline, X, y)


def test_clean_estimator(blobs, poisoner):
    X, y, _ = blobs
    model = PoisonedClassifier(LogisticRegression(), poisoner).fit(X, y)
    expected = LogisticRegression().fit(X, y)
    np.testing.assert_array_equal(model.clean_estimator_.coef_, expected.coef_)
    assert model.clean_estimator_ is model.clean_estimator_
    # A new fit forgets the old twin.
    old = model.clean_estimator_
    assert model.fit(X[::2], y[::2]).clean_estimator_ is not old


def test_clean_estimator_stays_out_of_pickles(blobs, poisoner):
    X, y, _ = blobs
    model = PoisonedClassifier(LogisticRegression(), poisoner).fit(X, y)
    before = len(pickle.dumps(model))
    model.clean_estimator_.predict(X)
    assert len(pickle.dumps(model)) == before
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    with pytest.raises(ValueError, match="has been pickled or copied since"):
        _ = again.clean_estimator_


def test_memory_shares_clean_twins(blobs, poisoner, tmp_path):
    X, y, _ = blobs
    grid = {"poisoner__target": [0, 2], "poisoner__alpha": [0.5, 1]}
    scores = []
    # 4 candidates on 3 folds, and 3 twins where none is on disk.
    for memory, fits in ((None, [15, 15]), (str(tmp_path), [15, 12])):
        model = PoisonedClassifier(Counting(random_state=0), poisoner, memory)
        for expected in fits:
            # As in another process, which remembers no predictions.
            _PREDICTIONS.clear()
            Counting.fits = 0
            search = GridSearchCV(model, grid, scoring=SCORERS, refit=False, cv=3)
            scores.append(search.fit(X, y).cv_results_["mean_test_target"])
            assert Counting.fits == expected
    assert all(np.array_equal(s, scores[0]) for s in scores)


def test_in_a_plain_pipeline(blobs, poisoner):
    X, y, _ = blobs
    finder = FrozenEstimator(
        ClusterMatch(6, random_state=0).fit(StandardScaler().fit_transform(X))
    )
    poisoner.set_params(finder=finder)
    tree = DecisionTreeClassifier(random_state=0)
    plain = make_pipeline(StandardScaler(), PoisonedClassifier(tree, poisoner))
    steps = [("scale", StandardScaler()), ("poison", poisoner), ("clf", tree)]
    sampler = ImblearnPipeline(steps)
    for scorer in SCORERS.values():
        assert scorer(plain.fit(X, y), X, y) == scorer(sampler.fit(X, y), X, y)


def test_nested_pipeline_as_victim(blobs, poisoner):
    X, y, _ = blobs
    victim = Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())])
    model = PoisonedClassifier(victim, poisoner).fit(X, y)
    assert target_damage_scorer(model, X, y) > 0.3
    assert model.clean_estimator_["clf"].n_features_in_ == 3


def test_methods_follow_the_victim(poisoner):
    assert not hasattr(PoisonedClassifier(RidgeClassifier(), poisoner), "predict_proba")
    assert hasattr(PoisonedClassifier(RidgeClassifier(), poisoner), "decision_function")
    tree = PoisonedClassifier(DecisionTreeClassifier(), poisoner)
    assert hasattr(tree, "predict_proba")
    assert not hasattr(tree, "decision_function")


def test_bad_input(blobs, poisoner):
    X, y, _ = blobs
    with pytest.raises(NotFittedError):
        PoisonedClassifier(LogisticRegression(), poisoner).predict(X)
    with pytest.raises(NotFittedError):
        _ = PoisonedClassifier(LogisticRegression(), poisoner).clean_estimator_
    with pytest.raises(ValueError, match="'poisoner' parameter"):
        PoisonedClassifier(LogisticRegression(), StandardScaler()).fit(X, y)


def test_requests_no_metadata(blobs, poisoner):
    X, y, _ = blobs
    with config_context(enable_metadata_routing=True):
        asking = poisoner.set_fit_resample_request(X_aux=True, y_aux=True)
        model = PoisonedClassifier(LogisticRegression(), asking)
        search = GridSearchCV(model, {"poisoner__alpha": [1]}, cv=3, refit=False)
        assert search.fit(X, y).cv_results_["mean_test_score"] > 0.5
        with pytest.raises(TypeError, match="not routed to any object"):
            search.fit(X, y, X_aux=X, y_aux=y)


def test_memory_with_a_victim_that_it_cannot_hash(blobs, poisoner, tmp_path):
    X, y, _ = blobs
    same = FunctionTransformer(lambda X: X)
    victim = make_pipeline(same, DecisionTreeClassifier(random_state=0))
    expected = target_damage_scorer(
        PoisonedClassifier(victim, poisoner).fit(X, y), X, y
    )
    _PREDICTIONS.clear()
    model = PoisonedClassifier(victim, poisoner, str(tmp_path)).fit(X, y)
    assert target_damage_scorer(model, X, y) == expected
