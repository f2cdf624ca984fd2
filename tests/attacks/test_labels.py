import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skpoison import SubpopPoisoner


class Fixed:
    """A surrogate with given probabilities."""

    def __init__(self, proba=None, classes=None):
        self.proba, self.classes = proba, classes

    def get_params(self, deep=True):
        return {"proba": self.proba, "classes": self.classes}

    def fit(self, X, y):
        self.classes_ = np.asarray(self.classes)
        return self

    def predict_proba(self, X):
        return np.asarray(self.proba)[: len(X)]


def first_four(X):
    return np.arange(len(X)) < 4


def poison_labels(y, **params):
    X = np.random.RandomState(0).randn(len(y), 2)
    poisoner = SubpopPoisoner(target=first_four, alpha=5, **params)
    _, y_res = poisoner.fit_resample(X, np.asarray(y))
    labels = y_res[poisoner.poison_mask_]
    constant = len(set(labels)) == 1
    assert poisoner.poison_label_ == (labels[0] if constant else None)
    return poisoner, labels


def test_constant_is_the_least_frequent_class(seed):
    y = ["a", "a", "a", "b"] + ["a", "b"] * 3
    assert set(poison_labels(y, random_state=seed)[1]) == {"b"}
    # A class that the target lacks is the least frequent.
    y = ["a", "a", "b", "b", "a", "b", "c"]
    assert set(poison_labels(y, random_state=seed)[1]) == {"c"}
    # However often a class occurs elsewhere.
    y = ["b"] * 4 + ["b"] * 20 + ["a"] * 5
    assert set(poison_labels(y, random_state=seed)[1]) == {"a"}


def test_ties_are_drawn():
    y = [0, 0, 0, 0, 1, 2, 3]
    drawn = [poison_labels(y, random_state=s)[0].poison_label_ for s in range(40)]
    assert set(drawn) == {1, 2, 3}


def test_flip_never_keeps_the_label(seed):
    y = [0, 1, 2, 0] + [0, 1, 2] * 3
    poisoner, labels = poison_labels(y, label="flip", random_state=seed)
    sources = poisoner.sample_indices_[poisoner.poison_mask_]
    assert (labels != np.asarray(y)[sources]).all()
    assert set(labels) == {0, 1, 2}


def test_flip_of_two_classes_is_the_other(seed):
    y = np.array([-1, 1, 1, -1] + [1, -1] * 3)
    poisoner, labels = poison_labels(y, label="flip", random_state=seed)
    sources = poisoner.sample_indices_[poisoner.poison_mask_]
    np.testing.assert_array_equal(labels, -y[sources])


def test_least_likely_and_max_loss_differ():
    # Class 1 is seldom likely, class 2 is once all but impossible.
    proba = [[0.6, 0.1, 0.3]] * 3 + [[0.9, 0.1 - 1e-9, 1e-9]]
    y = [0, 0, 1, 2, 0, 1, 2]
    surrogate = Fixed(proba, [0, 1, 2])
    params = {"surrogate": surrogate, "random_state": 0}
    assert set(poison_labels(y, label="least_likely", **params)[1]) == {1}
    assert set(poison_labels(y, label="max_loss", **params)[1]) == {2}


@pytest.mark.parametrize("label", ["least_likely", "max_loss"])
def test_surrogate_labels_are_wrong_labels(label, seed):
    # Even a surrogate that is wrong about a pure target.
    surrogate = Fixed([[0.1, 0.9]] * 4, [0, 1])
    y = [0] * 4 + [0, 1, 1]
    labels = poison_labels(y, label=label, surrogate=surrogate, random_state=seed)[1]
    assert set(labels) == {1}


def test_class_that_the_surrogate_never_saw():
    surrogate = Fixed([[0.5, 0.5]] * 4, [0, 1])
    y = [0, 1, 0, 1, 0, 1, 2]
    params = {"label": "least_likely", "surrogate": surrogate, "random_state": 0}
    assert set(poison_labels(y, **params)[1]) == {2}


def test_surrogate_sees_the_attackers_rows_only(blobs):
    X, y, _ = blobs
    seen = []

    class Spy(LogisticRegression):
        def fit(self, X, y):
            seen.append(len(X))
            return super().fit(X, y)

    poisoner = SubpopPoisoner(
        aux_size=0.25, label="max_loss", surrogate=Spy(), random_state=0
    )
    poisoner.fit_resample(X, y)
    assert seen == [round(0.25 * len(X))]


@pytest.mark.parametrize("label", [True, np.True_, 1])
def test_given_label(label):
    y = np.array([True, False, True, False, True, False])
    assert set(poison_labels(y, label=label, random_state=0)[1]) == {True}
