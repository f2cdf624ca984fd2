import pickle

import numpy as np
import pytest
import sklearn
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import Pipeline
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, PoisonedClassifier, SubpopPoisoner
from skpoison.metrics import _clean_twin as clean_twin_module
from skpoison.metrics import (
    collateral_damage_scorer,
    target_damage_scorer,
    target_error_scorer,
)

SCORING = {
    "target": target_damage_scorer,
    "collateral": collateral_damage_scorer,
    "error": target_error_scorer,
}
CV = StratifiedKFold(3, shuffle=True, random_state=0)


class Counting(DecisionTreeClassifier):
    fits = 0

    def fit(self, X, y):
        type(self).fits += 1
        return super().fit(X, y)


@pytest.fixture(autouse=True)
def forget():
    clean_twin_module._PREDICTIONS.clear()


@pytest.fixture
def pipeline(blobs):
    scaled = StandardScaler().fit_transform(blobs[0])
    finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(scaled))
    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("poison", SubpopPoisoner(finder, random_state=0)),
            ("clf", DecisionTreeClassifier(min_samples_leaf=3, random_state=0)),
        ]
    )


def search(pipeline, X, y, grid, **params):
    return (
        GridSearchCV(
            pipeline, grid, scoring=SCORING, refit=False, cv=CV, error_score="raise"
        )
        .set_params(**params)
        .fit(X, y)
    )


def test_equals_fitting_both_models_by_hand(blobs, pipeline):
    X, y, _ = blobs
    train, test = next(CV.split(X, y))
    for alpha, target in ((0.5, 0), (2, 3)):
        pipeline.set_params(poison__alpha=alpha, poison__target=target)
        poisoned = clone(pipeline).fit(X[train], y[train])
        scale = StandardScaler().fit(X[train])
        clean = clone(pipeline["clf"]).fit(scale.transform(X[train]), y[train])
        members = pipeline["poison"].finder.predict(scale.transform(X[test])) == target
        for scorer, rows in (
            (target_damage_scorer, members),
            (collateral_damage_scorer, ~members),
        ):
            by_hand = accuracy_score(
                y[test][rows], clean.predict(scale.transform(X[test][rows]))
            ) - accuracy_score(y[test][rows], poisoned.predict(X[test][rows]))
            assert scorer(poisoned, X[test], y[test]) == pytest.approx(by_hand)


def test_no_damage_without_poison(blobs, pipeline):
    X, y, _ = blobs
    pipeline.set_params(clf=SGDClassifier(max_iter=5, tol=None))  # not seeded
    results = search(pipeline, X, y, {"poison__alpha": [1, 0]}).cv_results_
    for metric in ("target", "collateral"):
        for k in range(3):
            assert results[f"split{k}_test_{metric}"][1] == 0


@pytest.mark.parametrize("alphas", [[0.5, 1, 2], [0, 0.5, 1, 2], [2, 1, 0]])
def test_clean_twin_is_fitted_once_for_each_fold(blobs, pipeline, alphas):
    X, y, _ = blobs
    pipeline.set_params(clf=Counting(random_state=0))
    Counting.fits = 0
    grid = {"poison__alpha": alphas, "poison__target": [0, 1, 2]}
    search(pipeline, X, y, grid)
    # 3 folds: a fit for each candidate, and one twin.
    assert Counting.fits == 3 * 3 * len(alphas) + 3


def test_train_scores_take_no_further_fit_each(blobs, pipeline):
    X, y, _ = blobs
    pipeline.set_params(clf=Counting(random_state=0))
    Counting.fits = 0
    grid = {"poison__alpha": [0.5, 1, 2]}
    search(pipeline, X, y, grid, return_train_score=True)
    assert Counting.fits <= 3 * 3 + 2 * 3


def test_twin_follows_the_victims_parameters(blobs, pipeline):
    X, y, _ = blobs
    grid = {"clf__max_depth": [1, None], "poison__alpha": [2]}
    shallow, deep = search(pipeline, X, y, grid).cv_results_["mean_test_target"]
    alone = search(pipeline, X, y, {"clf__max_depth": [None], "poison__alpha": [2]})
    assert alone.cv_results_["mean_test_target"][0] == deep
    assert shallow != deep


def test_twin_follows_the_steps_before(blobs, pipeline):
    X, y, _ = blobs
    grid = {"scale__with_mean": [False, True], "poison__alpha": [1]}
    both = search(pipeline, X, y, grid).cv_results_["mean_test_target"]
    for value, score in zip([False, True], both, strict=True):
        grid = {"scale__with_mean": [value], "poison__alpha": [1]}
        assert search(pipeline, X, y, grid).cv_results_["mean_test_target"][0] == score


def test_steps_after_the_poisoner_belong_to_the_victim(blobs, pipeline):
    X, y, _ = blobs
    steps = [*pipeline.steps[:2], ("over", RandomOverSampler(random_state=0))]
    steps += [("none", "passthrough"), pipeline.steps[-1]]
    model = Pipeline(steps).set_params(poison__alpha=2).fit(X, y)
    twin = Pipeline(steps[:1] + steps[2:]).fit(X, y)
    members = model["poison"].membership(model["scale"].transform(X))
    by_hand = twin.score(X[members], y[members]) - model.score(X[members], y[members])
    assert target_damage_scorer(model, X, y) == pytest.approx(by_hand)


def test_samplers_before_the_poisoner(blobs, pipeline):
    X, y, _ = blobs
    steps = [("over", RandomOverSampler(random_state=0)), *pipeline.steps]
    model = Pipeline(steps).set_params(poison__alpha=2).fit(X, y)
    assert target_damage_scorer(model, X, y) > 0.1


def test_twin_stays_out_of_pickles(blobs, pipeline):
    X, y, _ = blobs
    model = pipeline.fit(X, y)
    before = pickle.dumps(model)
    target_damage_scorer(model, X, y)
    assert len(pickle.dumps(model)) == len(before)
    for scorer in SCORING.values():
        assert len(pickle.dumps(scorer)) < 1000
        assert repr(pickle.loads(pickle.dumps(scorer))) == repr(scorer)
    restored = pickle.loads(before)
    assert target_error_scorer(restored, X, y) == target_error_scorer(model, X, y)
    with pytest.raises(ValueError, match="has been pickled or copied since"):
        target_damage_scorer(restored, X, y)


def test_pipeline_with_memory_says_what_is_wrong(blobs, pipeline, tmp_path):
    X, y, _ = blobs
    pipeline.set_params(memory=str(tmp_path))
    first = target_damage_scorer(clone(pipeline).fit(X, y), X, y)
    assert first > 0
    with pytest.raises(ValueError, match="memory= of a Pipeline"):
        target_damage_scorer(clone(pipeline).fit(X, y), X, y)


def test_victim_with_a_lambda_shares_its_twin(blobs, pipeline):
    X, y, _ = blobs
    expected = target_damage_scorer(clone(pipeline).fit(X, y), X, y)
    steps = [*pipeline.steps[:2], ("same", FunctionTransformer(lambda X: X))]
    model = Pipeline([*steps, ("clf", Counting(random_state=0, min_samples_leaf=3))])
    Counting.fits = 0
    for _ in range(3):
        assert target_damage_scorer(clone(model).fit(X, y), X, y) == expected
    assert Counting.fits == 3 + 1


def test_empty_target_in_a_fold_is_nan(blobs):
    X, y, _ = blobs
    only = X[0, 0]
    poisoner = SubpopPoisoner(target=lambda X: X[:, 0] == only, random_state=0)
    model = Pipeline([("poison", poisoner), ("clf", DecisionTreeClassifier())])
    model.fit(X, y)
    with pytest.warns(UndefinedMetricWarning, match="target_damage is NaN"):
        assert np.isnan(target_damage_scorer(model, X[1:], y[1:]))
    assert abs(collateral_damage_scorer(model, X[1:], y[1:])) < 0.1


class Oracle(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_no_poisoner(blobs):
    X, y, _ = blobs
    model = Pipeline([("scale", StandardScaler()), ("clf", Oracle())]).fit(X, y)
    for scorer in SCORING.values():
        with pytest.raises(ValueError, match=r"Pipeline holds no poisoner.*alpha=0"):
            scorer(model, X, y)
    with pytest.raises(ValueError, match="LogisticRegression holds no poisoner"):
        target_damage_scorer(LogisticRegression().fit(X, y), X, y)


def test_two_poisoners(blobs, pipeline):
    X, y, _ = blobs
    steps = [*pipeline.steps[:2], ("again", pipeline["poison"]), pipeline.steps[-1]]
    model = Pipeline(steps).fit(X, y)
    with pytest.raises(ValueError, match=r"holds 2 poisoners.*ambiguous"):
        target_damage_scorer(model, X, y)


def test_membership_given_directly(blobs, pipeline):
    X, y, blob = blobs
    model = pipeline.set_params(poison__alpha=2).fit(X, y)
    mask = model["poison"].membership(model["scale"].transform(X))
    for scorer in SCORING.values():
        assert scorer(model, X, y, membership=mask) == scorer(model, X, y)
    # The error on annotated rows needs no poisoner at all.
    plain = Oracle().fit(X, y)
    expected = np.mean(y[blob == 2] != 0)
    assert target_error_scorer(plain, X, y, membership=blob == 2) == pytest.approx(
        expected
    )


def test_membership_routed_through_a_search(blobs, pipeline):
    X, y, blob = blobs
    grid = {"poison__alpha": [0, 2], "poison__target": [1]}
    annotated = blob == 4
    with sklearn.config_context(enable_metadata_routing=True):
        routed = GridSearchCV(
            pipeline, grid, scoring=SCORING, refit=False, cv=CV, error_score="raise"
        ).fit(X, y, membership=annotated)
        plain = GridSearchCV(
            pipeline, grid, scoring=SCORING, refit=False, cv=CV, error_score="raise"
        ).fit(X, y)
    scores = cross_validate(
        pipeline.set_params(poison__alpha=2, poison__target=1),
        X,
        y,
        cv=CV,
        return_estimator=True,
        return_indices=True,
    )
    by_hand = [
        target_damage_scorer(model, X[test], y[test], membership=annotated[test])
        for model, test in zip(
            scores["estimator"], scores["indices"]["test"], strict=True
        )
    ]
    assert routed.cv_results_["mean_test_target"][1] == pytest.approx(np.mean(by_hand))
    assert not np.allclose(
        routed.cv_results_["mean_test_target"], plain.cv_results_["mean_test_target"]
    )


def test_request_can_be_turned_off():
    scorer = pickle.loads(pickle.dumps(target_error_scorer))
    with sklearn.config_context(enable_metadata_routing=True):
        scorer.set_score_request(membership="group")
        request = scorer.get_metadata_routing()
    assert request.score.requests["membership"] == "group"


def test_aux_rows_are_not_in_the_twin(blobs, pipeline):
    X, y, _ = blobs
    model = pipeline.set_params(poison__aux_size=0.5, poison__alpha=2).fit(X, y)
    poisoner = model["poison"]
    rows = poisoner.sample_indices_[~poisoner.poison_mask_]
    assert len(rows) == len(X) // 2
    scaled = model["scale"].transform(X)
    twin = clone(model["clf"]).fit(scaled[rows], y[rows])
    mask = poisoner.membership(scaled)
    by_hand = twin.score(scaled[mask], y[mask]) - model.score(X[mask], y[mask])
    assert target_damage_scorer(model, X, y) == pytest.approx(by_hand)


def test_parameters_set_after_the_fit_of_a_clean_model(blobs, pipeline):
    X, y, _ = blobs
    stump = clone(pipeline).set_params(poison__alpha=0, clf__max_depth=1).fit(X, y)
    target_damage_scorer(stump.set_params(clf__max_depth=None), X, y)
    model = clone(pipeline).set_params(poison__alpha=2, clf__max_depth=None).fit(X, y)
    score = target_damage_scorer(model, X, y)
    clean_twin_module._PREDICTIONS.clear()
    assert score == target_damage_scorer(model, X, y)


@pytest.mark.parametrize("alpha", [0, 2])
def test_victims_that_work_in_place(blobs, pipeline, alpha):
    X, y, _ = blobs
    X = X * 7 + 3
    scores = []
    for copy in (True, False):
        steps = [
            ("poison", SubpopPoisoner(ClusterMatch(6), alpha=alpha, random_state=0)),
            ("scale", StandardScaler(copy=copy)),
            ("clf", LogisticRegression()),
        ]
        given = X.copy()
        model = Pipeline(steps).fit(given.copy(), y)
        scores.append([scorer(model, given, y) for scorer in SCORING.values()])
        np.testing.assert_array_equal(given, X)
    assert scores[0] == scores[1]
    if alpha == 0:
        assert scores[0][:2] == [0, 0]


def test_poisoners_within(blobs, pipeline):
    X, y, _ = blobs
    poisoner = SubpopPoisoner(ClusterMatch(6), random_state=0)
    inner = PoisonedClassifier(DecisionTreeClassifier(), poisoner)
    for double in (
        PoisonedClassifier(inner, poisoner),
        Pipeline([("poison", poisoner), ("clf", VotingClassifier([("a", inner)]))]),
    ):
        with pytest.raises(ValueError, match="holds 2 poisoners"):
            target_damage_scorer(double.fit(X, y), X, y)
    voting = VotingClassifier([("a", inner)]).fit(X, y)
    with pytest.raises(ValueError, match="in a place that cannot be asked"):
        target_damage_scorer(voting, X, y)


def test_frozen_and_searched_models(blobs, pipeline):
    X, y, _ = blobs
    model = clone(pipeline).set_params(poison__alpha=2).fit(X, y)
    expected = target_damage_scorer(model, X, y)
    frozen = FrozenEstimator(FrozenEstimator(model))
    assert target_damage_scorer(frozen, X, y) == expected
    found = GridSearchCV(pipeline, {"poison__alpha": [2]}, cv=CV).fit(X, y)
    assert target_damage_scorer(found, X, y) == expected


class Unpicklable(DecisionTreeClassifier):
    def __getstate__(self):
        raise NotImplementedError


def test_victim_whose_pickling_raises(blobs, pipeline):
    X, y, _ = blobs
    pipeline.set_params(poison__alpha=2, clf=Unpicklable(random_state=0))
    assert target_damage_scorer(pipeline.fit(X, y), X, y) > 0


def test_predictions_are_bounded():
    known = clean_twin_module._Predictions(max_bytes=8 * 250)
    for i in range(10):
        known.get(i, lambda: np.zeros(100))
    assert list(known._known) == [8, 9]
    calls = []
    known.get(9, lambda: calls.append(1))
    assert calls == []


@pytest.mark.parametrize("estimator", [None, 3, "LogisticRegression", dict])
def test_what_does_not_predict_is_told(estimator):
    with pytest.raises(TypeError, match="target_damage_scorer scores fitted classif"):
        target_damage_scorer(estimator, np.eye(4), [0, 1, 0, 1])


def test_sparse_rows_that_point_outside_are_refused():
    rows = sparse.csr_matrix(np.eye(4))
    rows.indices[0] = 10**6
    model = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="indices that point outside"):
        target_error_scorer(model, rows, [0, 1, 0, 1], membership=[True] * 4)
