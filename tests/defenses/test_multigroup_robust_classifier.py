"""Groups whose predictions do not depend on the labels of others."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner
from skpoison.defenses import MultigroupRobustClassifier
from skpoison.finders import SliceMatch

FINDER = FeatureMatch([0])


def draw(n, rng, n_classes=2):
    """Four groups, told by the first column, and classes that depend on the second."""
    X = np.column_stack([rng.randint(4, size=n), rng.randn(n), rng.randn(n)])
    y = np.digitize(
        X[:, 1] + 0.3 * rng.randn(n), np.linspace(-1, 1, n_classes + 1)[1:-1]
    )
    return X, y


def flip(X, y, group, share, rng):
    """Give a share of the first class of a group the second one."""
    flipped = (X[:, 0] == group) & (y == 0) & (rng.rand(len(y)) < share)
    return np.where(flipped, 1, y)


def shares(model, X, groups):
    """Mean over all rows of the probabilities in each group, and class."""
    return groups.T.astype(float) @ model.predict_proba(X) / len(X)


@pytest.mark.parametrize(
    "base",
    [LogisticRegression(), GaussianNB(), DecisionTreeClassifier(max_depth=2)],
    ids=lambda base: type(base).__name__,
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_group_moves_no_farther_than_its_own_corruption(seed, base, n_classes):
    """The theorem, on training rows: corruption inside, and twice the tolerance."""
    rng = np.random.RandomState(seed)
    X, y = draw(600, rng, n_classes)
    poisoned = flip(X, y, 2, 0.9, rng)
    poisoned = flip(X, poisoned, 3, 0.1, rng)
    groups = FINDER.fit(X).transform(X)
    model = MultigroupRobustClassifier(base, finder=FINDER, tolerance=1e-3)
    before = shares(model.fit(X, y), X, groups)
    after = shares(model.fit(X, poisoned), X, groups)
    inside = groups.T @ (y != poisoned).astype(float) / len(X)
    moved = np.abs(after - before)
    assert (moved <= inside[:, None] + 2e-3 + 1e-9).all()
    # The poisoned group itself is not protected.
    assert moved.max() > inside.max() - 2e-3 - 1e-9 > 0.02


def test_new_rows_of_innocent_groups_move_less_than_without(seed):
    rng = np.random.RandomState(seed)
    X, y = draw(2000, rng)
    X_test, _ = draw(4000, rng)
    poisoned = np.where((X[:, 0] == 2) & (y == 0), 1, y)
    base = LogisticRegression()
    robust = MultigroupRobustClassifier(base, finder=FINDER)
    innocent = X_test[:, 0] == 1
    moved = []
    for model in (base, robust):
        means = [
            model.fit(X, labels).predict_proba(X_test[innocent])[:, 1].mean()
            for labels in (y, poisoned)
        ]
        moved.append(abs(means[1] - means[0]))
    assert moved[0] > 0.08
    assert moved[1] < 0.01


def test_poison_rows_that_are_added(seed):
    rng = np.random.RandomState(seed)
    X, y = draw(1500, rng)
    poisoner = SubpopPoisoner(target=lambda X: X[:, 0] == 2, alpha=2, random_state=seed)
    poisoned = poisoner.fit_resample(X, y)
    innocent = X[:, 0] == 1
    model = MultigroupRobustClassifier(LogisticRegression(), finder=FINDER)
    means = [
        m.fit(*rows).predict_proba(X[innocent])[:, 1].mean()
        for m in (model, LogisticRegression())
        for rows in ((X, y), poisoned)
    ]
    assert abs(means[1] - means[0]) < 0.01 < 0.05 < abs(means[3] - means[2])


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("n_levels", [1, 4])
@pytest.mark.parametrize(
    "finder", [FINDER, SliceMatch(2), ClusterMatch(5), KMeans(4)], ids=str
)
def test_multiaccuracy_at_convergence(n_classes, n_levels, finder):
    rng = np.random.RandomState(0)
    X, y = draw(400, rng, n_classes)
    X = np.round(X)
    model = MultigroupRobustClassifier(
        LogisticRegression(),
        finder=finder,
        n_levels=n_levels,
        tolerance=2e-3,
        random_state=0,
    ).fit(X, y)
    proba, hits = model.predict_proba(X), y[:, None] == model.classes_
    groups = model.finder_.transform(X).astype(float)
    if isinstance(finder, KMeans):
        groups = np.eye(4)[model.finder_.predict(X)]
    levels = np.minimum((proba * n_levels).astype(int), n_levels - 1)
    residuals = [
        groups.T @ ((hits - proba) * (levels == k)) / len(X) for k in range(n_levels)
    ]
    assert np.abs(residuals).max() <= 2e-3 + 1e-9
    assert np.abs(residuals).max() == pytest.approx(model.residual_, abs=1e-9)
    assert model.n_iter_ == len(model.updates_) > 0
    np.testing.assert_allclose(proba.sum(axis=1), 1)


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=20, max_size=60
    ).filter(lambda rows: len({label for _, label in rows}) > 1)
)
def test_multiaccuracy_whatever_the_labels(rows):
    """Groups of one class, or without some class, have finite corrections."""
    group, y = np.array(rows).T
    X = np.column_stack([group, np.linspace(-1, 1, len(y))])
    model = MultigroupRobustClassifier(
        LogisticRegression(), finder=FINDER, tolerance=0.01
    ).fit(X, y)
    proba = model.predict_proba(X)
    for g in np.unique(group):
        residual = ((y[:, None] == model.classes_) - proba)[group == g].sum(axis=0)
        assert np.abs(residual / len(y)).max() <= 0.01 + 1e-9
    assert np.isfinite(proba).all()
    assert np.isfinite(model.updates_["step"]).all()


def test_log_loss_falls_with_each_correction():
    X, y = draw(500, np.random.RandomState(1), 3)
    model = MultigroupRobustClassifier(
        GaussianNB(), finder=SliceMatch(1), tolerance=0.01
    )
    X = np.round(X)
    updates = model.fit(X, y).updates_
    losses = []
    for k in range(len(updates) + 1):
        model.updates_ = updates[:k]
        losses.append(-np.log(model.predict_proba(X)[np.arange(len(y)), y]).mean())
    assert len(losses) > 3
    assert (np.diff(losses) < 0).all()


def test_nothing_to_correct():
    X, y = draw(200, np.random.RandomState(0))
    tree = DecisionTreeClassifier(random_state=0)
    model = MultigroupRobustClassifier(tree, finder=FINDER).fit(X, y)
    assert model.n_iter_ == 0
    assert model.residual_ <= 1e-4
    np.testing.assert_array_equal(model.predict(X), tree.fit(X, y).predict(X))
    np.testing.assert_allclose(model.predict_proba(X), tree.predict_proba(X), atol=1e-6)


def test_rows_of_no_group_are_left_as_they_are():
    X, y = draw(300, np.random.RandomState(0))
    base = LogisticRegression()
    model = MultigroupRobustClassifier(base, finder=FINDER).fit(X, y)
    odd = X + np.array([9, 0, 0])
    expected = base.fit(X, y).predict_proba(odd)
    np.testing.assert_allclose(model.predict_proba(odd), expected)


def test_frozen_finders_and_models_are_used_as_they_are():
    X, y = draw(300, np.random.RandomState(0))
    finder, base = FINDER.fit(X), LogisticRegression().fit(X, y)
    model = MultigroupRobustClassifier(
        FrozenEstimator(base), finder=FrozenEstimator(finder)
    )
    again = MultigroupRobustClassifier(LogisticRegression(), finder=FeatureMatch([0]))
    expected = again.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), expected)


def test_frames_string_labels_and_pickles(people):
    frame, y = people
    columns = make_column_transformer(
        (OneHotEncoder(), ["sex", "job"]), (StandardScaler(), ["age"])
    )
    model = MultigroupRobustClassifier(
        make_pipeline(columns, LogisticRegression()), finder=FeatureMatch(["job"])
    ).fit(frame, y)
    assert set(model.predict(frame)) == {"poor", "rich"}
    assert model.feature_names_in_.tolist() == list(frame.columns)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        again.predict_proba(frame), model.predict_proba(frame)
    )
    for job, rows in frame.groupby("job", dropna=False):
        mean = model.predict_proba(rows)[:, 1].mean()
        assert mean == pytest.approx((y[rows.index] == "rich").mean(), abs=2e-3), job


def test_same_seed_same_bytes():
    X, y = draw(300, np.random.RandomState(0))
    model = MultigroupRobustClassifier(LogisticRegression(), random_state=1)
    first = model.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), first)
    assert len(model.finder_.sizes_) == 10


def test_in_a_pipeline_and_a_grid_search():
    X, y = draw(300, np.random.RandomState(0))
    model = make_pipeline(
        StandardScaler(),
        MultigroupRobustClassifier(LogisticRegression(), finder=ClusterMatch(3)),
    )
    name = "multigrouprobustclassifier"
    grid = {f"{name}__n_levels": [1, 2], f"{name}__estimator__C": [0.1, 1]}
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert search.best_score_ > 0.8


def test_bad_input():
    X, y = draw(100, np.random.RandomState(0))
    with pytest.raises(ValueError, match="implementing 'fit' and 'predict_proba'"):
        MultigroupRobustClassifier(LinearSVC()).fit(X, y)
    model = MultigroupRobustClassifier(LogisticRegression(), finder=FINDER)
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(ValueError, match="'tolerance' parameter"):
        model.set_params(tolerance=0).fit(X, y)
    model.set_params(tolerance=1e-4)
    with pytest.raises(ValueError, match="one class"):
        model.fit(X, np.zeros(100))
    with pytest.raises(ValueError, match="4 features"):
        model.fit(X, y).predict(np.column_stack([X, X[:, 0]]))
    with pytest.warns(ConvergenceWarning, match="max_iter=1 corrections"):
        model.set_params(max_iter=1, tolerance=1e-6).fit(X, y)
    assert model.n_iter_ == 1
    with pytest.raises(ValueError, match="age"):
        MultigroupRobustClassifier(
            LogisticRegression(), finder=FeatureMatch(["age"])
        ).fit(pd.DataFrame(X, columns=list("abc")), y)


class Diverged(LogisticRegression):
    def predict_proba(self, X):
        return np.full((len(X), 2), np.nan)


def test_probabilities_that_are_no_numbers_are_refused():
    X, y = np.random.RandomState(0).randn(40, 2), np.arange(40) % 2
    with pytest.raises(ValueError, match="gives some that are no numbers"):
        MultigroupRobustClassifier(Diverged()).fit(X, y)
