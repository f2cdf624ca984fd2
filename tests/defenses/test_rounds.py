import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    SGDClassifier,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skpoison.defenses._rounds import FullRounds, ShortRounds, goes_on


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (SGDClassifier(), True),
        (MLPClassifier(), True),
        (MLPClassifier(solver="lbfgs"), True),
        (LogisticRegression(), True),
        (make_pipeline(StandardScaler(), make_pipeline(SGDClassifier())), True),
        (SGDClassifier(early_stopping=True), False),
        (SGDClassifier(class_weight="balanced"), False),
        (MLPClassifier(early_stopping=True), False),
        (LogisticRegression(solver="liblinear"), False),
        (LogisticRegressionCV(), False),
        (GaussianNB(), False),
        (RandomForestClassifier(warm_start=True), False),
        (HistGradientBoostingClassifier(warm_start=True), False),
        (SVC(), False),
        (FrozenEstimator(SGDClassifier()), False),
    ],
    ids=str,
)
def test_models_that_can_go_on_are_known(model, expected):
    assert goes_on(model) is expected


def test_short_rounds_of_one_iteration_add_up(blobs):
    X, y, _ = blobs
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
    rounds = ShortRounds(model, X, y, n_epochs=3)
    first = rounds.early()[-1].coef_.copy()
    for _ in range(30):
        last = rounds.next(np.arange(len(y)))[-1].coef_.copy()
    expected = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, tol=1e-8))
    expected = expected.fit(X, y)[-1].coef_
    assert np.abs(first - expected).max() > np.abs(last - expected).max()
    np.testing.assert_allclose(last, expected, atol=1e-3)


def test_early_sample_has_every_class(blobs):
    X, _, _ = blobs
    y = np.repeat([0, 1, 2], [300, len(X) - 304, 4])
    rounds = FullRounds(GaussianNB(), X, y, 0.1, np.random.RandomState(0))
    assert rounds.early().class_count_.tolist() == [30, 12, 4]


def test_steps_without_fit_transform_are_fitted(blobs):
    class Halved:
        def fit(self, X, y=None):
            self.factor_ = 0.5
            return self

        def transform(self, X):
            return X * self.factor_

    X, y, _ = blobs
    model = make_pipeline(Halved(), SGDClassifier(random_state=0))
    rounds = ShortRounds(model, X, y, n_epochs=1)
    np.testing.assert_array_equal(rounds.Z, X * 0.5)
    assert rounds.early().predict(X).shape == y.shape
