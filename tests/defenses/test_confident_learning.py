import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from skpoison.defenses import ConfidentLearning

cleanlab = pytest.importorskip("cleanlab")
FILTERS = ["prune_by_noise_rate", "both", "confident_learning", "low_self_confidence"]


@pytest.fixture
def flipped(seed):
    X, y = make_blobs(300, centers=3, cluster_std=2, random_state=seed)
    bad = np.random.RandomState(seed).choice(300, 20, replace=False)
    y[bad] = (y[bad] + 1) % 3
    return X, np.array(["ant", "bee", "cow"])[y]


@pytest.mark.parametrize("filter_by", FILTERS)
def test_scores_and_issues_are_those_of_cleanlab(filter_by, flipped):
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    X, y = flipped
    confident = ConfidentLearning(filter_by=filter_by, max_share=0.5, random_state=0)
    confident.fit(X, y)
    codes = np.unique(y, return_inverse=True)[1]
    issues = find_label_issues(codes, confident.pred_probs_, filter_by=filter_by)
    np.testing.assert_array_equal(confident.issues_, issues)
    assert issues.any()
    np.testing.assert_array_equal(confident.sample_indices_, np.flatnonzero(~issues))
    quality = get_label_quality_scores(codes, confident.pred_probs_)
    np.testing.assert_allclose(confident.scores_, 1 - quality)


def test_the_least_likely_labels_go_first_where_there_are_too_many(flipped):
    X, y = flipped
    confident = ConfidentLearning(max_share=0.02, random_state=0).fit(X, y)
    removed = np.setdiff1d(np.arange(300), confident.sample_indices_)
    assert len(removed) == 6 < confident.issues_.sum()
    assert confident.issues_[removed].all()
    left = np.setdiff1d(np.flatnonzero(confident.issues_), removed)
    assert confident.scores_[removed].min() >= confident.scores_[left].max()


def test_a_count_goes_by_the_scores_alone(flipped):
    X, y = flipped
    confident = ConfidentLearning(contamination=50, random_state=0).fit(X, y)
    removed = np.setdiff1d(np.arange(300), confident.sample_indices_)
    assert len(removed) == 50
    kept_scores = confident.scores_[confident.sample_indices_]
    assert confident.scores_[removed].min() >= kept_scores.max()


def test_probabilities_are_out_of_sample(flipped):
    X, y = flipped

    class Memory(LogisticRegression):
        """Says of rows that it has seen what their label is."""

        def fit(self, X, y):
            self.seen_ = {tuple(row) for row in X}
            return super().fit(X, y)

        def predict_proba(self, X):
            assert not self.seen_ & {tuple(row) for row in X}
            return super().predict_proba(X)

    confident = ConfidentLearning(Memory(), cv=3, random_state=0).fit(X, y)
    np.testing.assert_allclose(confident.pred_probs_.sum(axis=1), 1)


def test_jobs_do_not_change_a_bit():
    X, y = load_iris(return_X_y=True)
    one, two = (
        ConfidentLearning(n_jobs=n, random_state=0).fit(X, y).scores_ for n in (1, 2)
    )
    assert one.tobytes() == two.tobytes()


def test_a_class_smaller_than_the_folds_is_named():
    X, y = load_iris(return_X_y=True)
    y = np.where(np.arange(len(y)) < 3, "rare", np.array(["a", "b", "c"])[y])
    with pytest.raises(ValueError, match=r"cv=5.*\['rare'\] have \[3\]"):
        ConfidentLearning().fit(X, y)
    confident = ConfidentLearning(cv=3, random_state=0).fit(X, y)
    assert confident.pred_probs_.shape == (150, 4)


def test_a_model_without_probabilities_is_told_what_works():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=r"predict_proba. Got LinearSVC.*Trim"):
        ConfidentLearning(LinearSVC()).fit(X, y)


def test_without_cleanlab_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ImportError, match=r"skpoison\[cleanlab\]"):
        ConfidentLearning().fit(X, y)


@pytest.mark.parametrize("params", [{"cv": 1}, {"filter_by": "best"}])
def test_bad_parameters_are_named(params):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=f"'{next(iter(params))}' parameter of Conf"):
        ConfidentLearning(**params).fit(X, y)
