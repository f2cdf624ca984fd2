"""Training that ends on trusted rows."""

import pickle

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import Pipeline as ImblearnPipeline
from imblearn.under_sampling import RandomUnderSampler
from scipy import sparse
from sklearn import config_context
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skpoison import SubpopPoisoner
from skpoison.defenses import TrustedFineTuning

NETWORK = MLPClassifier(
    (16,), learning_rate_init=0.02, tol=1e-3, max_iter=500, random_state=0
)
CLASSIFIERS = {
    "network": NETWORK,
    "SGD": SGDClassifier(random_state=0),
    "logistic": LogisticRegression(),
    "forest": RandomForestClassifier(20, max_depth=6, random_state=0),
    "naive Bayes": GaussianNB(),
}


def is_target(X):
    return X[:, 2] > 1


def draw(n, rng):
    """Two classes, and a target of a seventh of the rows, most of them of one class."""
    aside = rng.rand(n) < 1 / 7
    y = (rng.rand(n) < np.where(aside, 0.1, 0.5)).astype(int)
    X = rng.randn(n, 3) * 0.7
    X[:, 0] += 3 * y
    X[:, 2] = np.where(aside, 3, -1) + 0.1 * rng.randn(n)
    return X, y


@pytest.fixture
def poisoned(seed):
    return make_poisoned(1, seed)


def make_poisoned(alpha, seed):
    """Rows of which a target is poisoned, trusted rows, and test rows."""
    rng = np.random.RandomState(seed)
    poisoner = SubpopPoisoner(target=is_target, alpha=alpha, random_state=seed)
    X, y = poisoner.fit_resample(*draw(700, rng))
    return X, y, *draw(400, rng), *draw(2000, rng)


# With alpha 1 about half of the rows of the target are wrong, a draw for the last two.
@pytest.mark.parametrize(
    ("name", "alpha"), [("logistic", 1), ("network", 2), ("forest", 2)]
)
def test_target_recovers_as_trusted_rows_grow(seed, name, alpha):
    X, y, X_trusted, y_trusted, X_test, y_test = make_poisoned(alpha, seed)
    target = is_target(X_test)
    model = CLASSIFIERS[name]
    accuracy = [model.fit(X, y).score(X_test[target], y_test[target])]
    for n in (40, 400):
        tuning = TrustedFineTuning(model, random_state=0)
        tuning.fit(X, y, X_trusted=X_trusted[:n], y_trusted=y_trusted[:n])
        accuracy.append(tuning.score(X_test[target], y_test[target]))
    assert accuracy[0] < 0.75
    assert accuracy[0] < accuracy[1] + 0.05
    assert accuracy[2] > max(0.85, accuracy[0] + 0.15)
    assert tuning.score(X_test, y_test) > 0.9


def test_split_off_rows_are_no_help_against_poison(poisoned):
    """They are poisoned like all others."""
    X, y, X_trusted, y_trusted, X_test, y_test = poisoned
    at = X_test[is_target(X_test)], y_test[is_target(X_test)]
    tuning = TrustedFineTuning(LogisticRegression(), random_state=0)
    alone = tuning.fit(X, y).score(*at)
    assert tuning.n_trusted_ == round(0.1 * np.sum(y == 0)) + round(0.1 * np.sum(y))
    tuning.fit(X, y, X_trusted=X_trusted, y_trusted=y_trusted)
    assert alone < tuning.score(*at) - 0.1


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_is_trained_on_and_what_is_fitted_again(poisoned, name):
    X, y, X_trusted, y_trusted = poisoned[:4]
    model = CLASSIFIERS[name]
    tuning = TrustedFineTuning(model, n_epochs=3, weight=4, random_state=0)
    tuning.fit(X, y, X_trusted=X_trusted, y_trusted=y_trusted)
    expected = type(model)(**model.get_params()).fit(X, y)
    if hasattr(model, "partial_fit"):
        if name == "network":
            del expected._optimizer
        for _ in range(3):
            expected.partial_fit(X_trusted, y_trusted)
    else:
        weights = np.r_[np.ones(len(X)), np.full(len(X_trusted), 4)]
        rows = np.r_[X, X_trusted], np.r_[y, y_trusted]
        expected.fit(*rows, sample_weight=weights)
    np.testing.assert_array_equal(tuning.predict(X), expected.predict(X))
    for method in ("predict_proba", "decision_function"):
        assert hasattr(tuning, method) == hasattr(expected, method)
        if hasattr(expected, method):
            values = getattr(tuning, method)(X), getattr(expected, method)(X)
            np.testing.assert_array_equal(*values)


def test_frozen_models_are_copied(poisoned):
    X, y, X_trusted, y_trusted = poisoned[:4]
    trained = LogisticRegression().fit(X, y)
    coef = trained.coef_.copy()
    for model in (FrozenEstimator(trained), make_pipeline(FrozenEstimator(trained))):
        tuning = TrustedFineTuning(model)
        tuning.fit(X, y, X_trusted=X_trusted, y_trusted=y_trusted)
        assert not np.allclose(
            tuning.decision_function(X), trained.decision_function(X)
        )
        np.testing.assert_array_equal(trained.coef_, coef)


def test_early_stopping_of_scikit_learn(poisoned):
    X, y, X_trusted, y_trusted = poisoned[:4]
    for model in (
        SGDClassifier(early_stopping=True, random_state=0),
        MLPClassifier(early_stopping=True, max_iter=30, tol=0.1, random_state=0),
    ):
        tuning = TrustedFineTuning(model, n_epochs=2)
        tuning.fit(X, y, X_trusted=X_trusted, y_trusted=y_trusted)
        assert tuning.estimator_.early_stopping


def test_frames_in_a_pipeline_with_a_sampler_within(people):
    frame, y = people
    columns = ["sex", "job", "member"]
    model = ImblearnPipeline(
        [
            ("code", OneHotEncoder(handle_unknown="ignore")),
            ("balance", RandomUnderSampler(random_state=0)),
            ("clf", LogisticRegression()),
        ]
    )
    given = {"X_trusted": frame[columns][300:], "y_trusted": y[300:]}
    tuning = TrustedFineTuning(model, random_state=0)
    tuning.fit(frame[columns][:300], y[:300], **given)
    assert tuning.classes_.tolist() == ["poor", "rich"]
    assert tuning.feature_names_in_.tolist() == columns
    assert set(tuning.predict(frame[columns])) <= {"poor", "rich"}
    assert tuning.predict_proba(frame[columns]).shape == (400, 2)


def test_sparse_rows_and_lists(poisoned):
    X, y, X_trusted, y_trusted = poisoned[:4]
    tuning = TrustedFineTuning(LogisticRegression(), random_state=0)
    dense = tuning.fit(X, y, X_trusted=X_trusted, y_trusted=y_trusted).predict(X)
    lists = {"X_trusted": X_trusted.tolist(), "y_trusted": y_trusted.tolist()}
    of_lists = tuning.fit(X.tolist(), y.tolist(), **lists).predict(X)
    rows = {"X_trusted": sparse.csr_array(X_trusted), "y_trusted": y_trusted}
    of_sparse = tuning.fit(sparse.csc_array(X), y, **rows).predict(X)
    np.testing.assert_array_equal(dense, of_lists)
    assert np.mean(dense == of_sparse) > 0.99


def test_trusted_rows_reach_the_last_step_of_a_pipeline(poisoned):
    X, y, X_trusted, y_trusted = poisoned[:4]
    given = {"X_trusted": X_trusted, "y_trusted": y_trusted}
    within = TrustedFineTuning(make_pipeline(StandardScaler(), LogisticRegression()))
    expected = within.fit(X, y, **given).predict_proba(X)
    with config_context(enable_metadata_routing=True):
        tuning = TrustedFineTuning(LogisticRegression(), random_state=0)
        tuning.set_fit_request(X_trusted=True, y_trusted=True)
        steps = [("scale", StandardScaler()), ("clf", tuning)]
        for cls in (Pipeline, ImblearnPipeline):
            model = cls(steps, transform_input=["X_trusted"]).fit(X, y, **given)
            np.testing.assert_allclose(model.predict_proba(X), expected)


def test_grid_search_passes_trusted_rows_to_each_fold(poisoned):
    X, y, X_trusted, y_trusted = poisoned[:4]
    grid = {"weight": [1, 100], "estimator__C": [0.1, 1]}
    search = GridSearchCV(TrustedFineTuning(LogisticRegression()), grid, cv=2)
    search.fit(X, y, X_trusted=X_trusted, y_trusted=y_trusted)
    assert search.best_estimator_.n_trusted_ == 400
    assert len(np.unique(search.cv_results_["mean_test_score"])) > 1


def test_same_seed_same_bytes_and_pickles(poisoned):
    X, y = poisoned[:2]
    tuning = TrustedFineTuning(RandomForestClassifier(5), random_state=2)
    first = tuning.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(tuning.fit(X, y).predict_proba(X), first)
    again = pickle.loads(pickle.dumps(tuning))
    np.testing.assert_array_equal(again.predict_proba(X), first)


def test_bad_input(poisoned):
    X, y, X_trusted, y_trusted = poisoned[:4]
    neighbors = TrustedFineTuning(KNeighborsClassifier())
    with pytest.raises(ValueError, match="KNeighborsClassifier has neither"):
        neighbors.fit(X, y)
    with pytest.raises(ValueError, match="KNeighborsClassifier has neither"):
        TrustedFineTuning(make_pipeline(KNeighborsClassifier())).fit(X, y)
    tuning = TrustedFineTuning(LogisticRegression())
    with pytest.raises(ValueError, match="'weight' parameter"):
        tuning.set_params(weight=0).fit(X, y)
    tuning.set_params(weight=1)
    ones = y_trusted == 1
    with pytest.raises(ValueError, match=r"y_trusted has none of \[0\]"):
        tuning.fit(X, y, X_trusted=X_trusted[ones], y_trusted=y_trusted[ones])
    with pytest.raises(ValueError, match="together"):
        tuning.fit(X, y, y_trusted=y_trusted)
    with pytest.raises(ValueError, match=r"same shape as X, \(3,\)"):
        tuning.fit(X, y, X_trusted=X_trusted[:, :2], y_trusted=y_trusted)
    with pytest.raises(ValueError, match="must have the columns of X"):
        tuning.fit(
            pd.DataFrame(X, columns=list("abc")),
            y,
            X_trusted=pd.DataFrame(X_trusted, columns=list("acb")),
            y_trusted=y_trusted,
        )
    with pytest.raises(ValueError, match="one class"):
        tuning.fit(X[y == 1], y[y == 1])
