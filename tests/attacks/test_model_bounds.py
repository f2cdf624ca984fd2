"""Lower bounds never exceed what an attack needed."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import lambertw
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skpoison import SubpopPoisoner
from skpoison.attacks import (
    FeatureConstraints,
    KKTPoisoner,
    ModelTargetedPoisoner,
    OneHotGroup,
    model_lower_bound,
    reachability_bound,
)
from skpoison.attacks._model_targeting._margin_losses import LogisticMargin

ESTIMATORS = [
    LogisticRegression(tol=1e-7, max_iter=10_000),
    LogisticRegression(C=0.02, tol=1e-7, max_iter=10_000),
    LogisticRegression(C=30, fit_intercept=False, tol=1e-7, max_iter=10_000),
    LinearSVC(tol=1e-9, max_iter=10**6, random_state=0),
    LinearSVC(C=0.02, loss="hinge", tol=1e-9, max_iter=10**6, random_state=0),
]


def random_table(rng, n=80):
    """Two numeric features, a code of three categories and one that may be none."""
    numeric = rng.randn(n, 2) * [1, 3]
    codes = np.eye(3)[rng.randint(3, size=n)]
    flag = np.eye(3)[rng.randint(3, size=n)][:, :2]
    X = np.hstack([numeric, codes, flag])
    y = (X @ rng.randn(7) + 0.7 * rng.randn(n) > 0).astype(int)
    y[:2] = 0, 1
    groups = [OneHotGroup(np.arange(2, 5)), OneHotGroup(np.array([5, 6]), False)]
    lower = np.append(numeric.min(axis=0), np.zeros(5))
    upper = np.append(numeric.max(axis=0), np.ones(5))
    return X, y, FeatureConstraints(lower, upper, one_hot=groups)


def random_rows(rng, constraints, n):
    resolved = constraints.resolve(7)
    rows = rng.uniform(resolved.lower, resolved.upper, (n, 7))
    return resolved.project(rows)


def poison_of(kind, rng, X, y, constraints, estimator):
    """Poison rows and labels of an attack on the rows with a first feature above 0."""
    n = rng.randint(1, 25)
    if kind == "random":
        return random_rows(rng, constraints, n), rng.randint(2, size=n)
    options = {"target": first_is_positive, "alpha": n / first_is_positive(X).sum()}
    if kind == "flip":
        poisoner = SubpopPoisoner(random_state=0, **options)
    else:
        cls = {"online": ModelTargetedPoisoner, "kkt": KKTPoisoner}[kind]
        poisoner = cls(surrogate=estimator, constraints=constraints, **options)
    X_res, y_res = poisoner.fit_resample(X, y)
    return X_res[poisoner.poison_mask_], y_res[poisoner.poison_mask_]


def first_is_positive(X):
    return X[:, 0] > 0


def fit_quietly(estimator, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(estimator).fit(X, y)


@pytest.mark.parametrize("block", range(4))
@pytest.mark.filterwarnings("ignore:target_model=.auto.")
def test_no_attack_is_smaller_than_the_bound_of_the_model_it_makes(block):
    """Over 200 problems, with four attacks and five kinds of models."""
    ratios = []
    for number in range(50 * block, 50 * (block + 1)):
        rng = np.random.RandomState(number)
        estimator = ESTIMATORS[number % 5]
        kind = ("random", "flip", "online", "kkt")[number // 5 % 4]
        X, y, constraints = random_table(rng)
        X_poison, y_poison = poison_of(kind, rng, X, y, constraints, estimator)
        made = fit_quietly(estimator, np.vstack([X, X_poison]), np.r_[y, y_poison])
        m, given = len(y_poison), (estimator, X, y, made)
        bound = model_lower_bound(*given, constraints=constraints, max_iter=40)
        assert 0 <= bound <= m * (1 + 1e-6), (number, kind, bound, m)
        at_any_features = reachability_bound(*given)
        assert 0 <= at_any_features <= bound * (1 + 1e-5)
        ratios.append(bound / m)
    # It is not the bound that asks for nothing.
    assert np.median(ratios) > 0.2
    assert max(ratios) > 0.8


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_bounds_of_attacks_hold_for_the_models_they_reach(estimator, seed):
    """A target model of m flipped labels needs m rows at most."""
    X, y, constraints = random_table(np.random.RandomState(seed), n=200)
    members = np.flatnonzero(first_is_positive(X) & (y == 0))
    X_flipped, y_flipped = X[members], np.ones(len(members), dtype=int)
    target = fit_quietly(estimator, np.vstack([X, X_flipped]), np.r_[y, y_flipped])
    bound = model_lower_bound(estimator, X, y, target, constraints=constraints)
    for cls in (ModelTargetedPoisoner, KKTPoisoner):
        attack = cls(
            target=first_is_positive,
            surrogate=estimator,
            constraints=constraints,
            target_model=target,
            alpha=len(members) / first_is_positive(X).sum(),
        ).fit(X, y)
        assert attack.n_poison_ == len(members)
        assert 0 < attack.lower_bound_ <= len(members)
        assert attack.lower_bound_ <= bound * 1.01
    assert bound <= len(members)
    assert bound >= 0.5 * len(members)


def test_bounds_grow_with_the_distance_and_shrink_with_the_box(seed):
    X, y, constraints = random_table(np.random.RandomState(seed), n=200)
    model = ESTIMATORS[0]
    flips = np.flatnonzero(first_is_positive(X) & (y == 0))
    bounds = []
    for copies in (1, 2, 4):
        added = np.tile(flips, copies)
        poisoned = np.vstack([X, X[added]]), np.r_[y, np.ones(len(added), int)]
        target = clone(model).fit(*poisoned)
        bounds.append(model_lower_bound(model, X, y, target, constraints=constraints))
        wide = model_lower_bound(
            model, X, y, target, constraints=FeatureConstraints(-9.0, 9.0)
        )
        assert wide <= bounds[-1] * (1 + 1e-3)
    assert (np.diff(bounds) > 0).all()


def test_the_clean_model_needs_nothing():
    X, y, _ = random_table(np.random.RandomState(0))
    for model in ESTIMATORS:
        clean = fit_quietly(model, X, y)
        assert model_lower_bound(model, X, y, clean) == pytest.approx(0, abs=0.01)
        assert reachability_bound(model, X, y, clean) == pytest.approx(0, abs=0.01)


def test_models_of_the_default_tolerance_are_bounded_as_well(seed):
    """What a loose fit leaves of the gradient is allowed for."""
    rng = np.random.RandomState(seed)
    for _ in range(10):
        X, y, constraints = random_table(rng)
        model, m = LogisticRegression(tol=1e-2), rng.randint(1, 10)
        X_poison, y_poison = random_rows(rng, constraints, m), rng.randint(2, size=m)
        made = clone(model).fit(np.vstack([X, X_poison]), np.r_[y, y_poison])
        assert model_lower_bound(model, X, y, made, constraints=constraints) <= m


def test_unreachable_models_have_an_infinite_bound():
    X, y, constraints = random_table(np.random.RandomState(0))
    model = LogisticRegression()
    clean = clone(model).fit(X, y)
    coef = clean.coef_[0]
    # The columns of the code sum to 1 in every row, so only the penalty tells their
    # coefficients apart from the intercept: they sum to 0 at every optimum.
    shifted = coef + np.array([0, 0, 1, 1, 1, 0, 0])
    assert model_lower_bound(model, X, y, (shifted, 0.0), constraints=constraints) == (
        np.inf
    )
    # A feature that is 0 in every row.
    X0 = np.column_stack([X, np.zeros(len(X))])
    assert model_lower_bound(model, X0, y, (np.append(coef, 1.0), 0.0)) == np.inf
    moved = np.append(coef, 0.0), clean.intercept_ + 0.3
    assert 0 < model_lower_bound(model, X0, y, moved) < np.inf
    # An intercept where the estimator has none.
    plain = LogisticRegression(fit_intercept=False)
    assert reachability_bound(plain, X, y, (coef, 1.0)) == np.inf
    assert model_lower_bound(plain, X, y, (coef, 1.0)) == np.inf


def test_immutable_features_only_raise_the_bound():
    X, y, constraints = random_table(np.random.RandomState(3), n=200)
    flips = np.flatnonzero(first_is_positive(X) & (y == 0))
    model = ESTIMATORS[0]
    target = clone(model).fit(
        np.vstack([X, X[flips]]), np.r_[y, np.ones(len(flips), int)]
    )
    free = model_lower_bound(model, X, y, target, constraints=constraints)
    fixed = FeatureConstraints(
        constraints.lower,
        constraints.upper,
        one_hot=constraints.one_hot,
        immutable=[0, 2, 3, 4],
    )
    held = model_lower_bound(model, X, y, target, constraints=fixed)
    assert free * (1 - 1e-3) <= held <= len(flips)


def test_the_constants_of_the_losses():
    """The largest product of a margin and the slope there, with the sign turned."""
    margins = np.linspace(-20, 20, 400_001)
    for estimator in ESTIMATORS:
        X, y, _ = random_table(np.random.RandomState(0))
        from skpoison.attacks._model_targeting._linear_problem import LinearProblem

        loss = LinearProblem(fit_quietly(estimator, X, y), X, y, "test").loss
        pulls = -margins * loss.slope(margins)
        assert pulls.max() == pytest.approx(loss.largest_pull, abs=1e-6)
    assert pytest.approx(lambertw(1 / np.e).real) == LogisticMargin.largest_pull


def test_frames_pipelines_and_string_labels():
    X, y, _ = random_table(np.random.RandomState(1), n=200)
    frame = pd.DataFrame(X, columns=list("abcdefg"))
    labels = np.where(y == 1, "yes", "no")
    flips = np.flatnonzero((X[:, 0] > 0) & (y == 0))
    steps = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-7, max_iter=999))
    X_poisoned = np.vstack([X, X[flips]])
    y_poisoned = np.r_[labels, np.full(len(flips), "yes")]
    scaled = StandardScaler().fit(X)
    last = clone(steps[-1]).fit(scaled.transform(X_poisoned), y_poisoned)
    coef = last.coef_[0] / scaled.scale_
    target = coef, last.intercept_[0] - coef @ scaled.mean_
    bound = model_lower_bound(steps, frame, labels, target)
    assert bound == model_lower_bound(steps, X, labels, target)
    assert 0.3 * len(flips) < bound <= len(flips)
    assert reachability_bound(steps, frame, labels, target) <= bound


@pytest.mark.parametrize("function", [model_lower_bound, reachability_bound])
@pytest.mark.parametrize(
    ("target_model", "error", "message"),
    [
        ((np.ones(3), 0.0), ValueError, r"7 finite coefficients"),
        ((np.full(7, np.nan), 0.0), ValueError, r"finite"),
        ((np.ones(7),), ValueError, r"pair \(coef, intercept\)"),
        ("auto", ValueError, r"'target_model' parameter"),
        (LogisticRegression(), NotFittedError, "not fitted"),
    ],
    ids=["shape", "NaN", "no pair", "word", "not fitted"],
)
def test_bad_target_models(function, target_model, error, message):
    X, y, _ = random_table(np.random.RandomState(0))
    with pytest.raises(error, match=message):
        function(LogisticRegression(), X, y, target_model)


@pytest.mark.parametrize("function", [model_lower_bound, reachability_bound])
def test_bad_rows_and_labels(function):
    X, y, _ = random_table(np.random.RandomState(0))
    model, target = LogisticRegression(), (np.ones(7), 0.0)
    with pytest.raises(ValueError, match=r"two classes in y. Got \[0, 1, 2\]"):
        function(model, X, np.arange(len(y)) % 3, target)
    with pytest.raises(ValueError, match="contains NaN"):
        function(model, np.where(X > 1, np.nan, X), y, target)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        function(model, X[1:], y, target)
    other = LogisticRegression().fit(X, np.where(y == 1, "b", "a"))
    with pytest.raises(ValueError, match=r"two classes of the attack, \[0, 1\]"):
        function(model, X, y, other)
    other = LogisticRegression().fit(X[:, :3], y)
    with pytest.raises(ValueError, match=r"the 7 features of X. Got 3"):
        function(model, X, y, other)


def test_constraints_without_bounds():
    X, y, _ = random_table(np.random.RandomState(0))
    for constraints, message in (
        (FeatureConstraints(0.0), "bound every feature"),
        (FeatureConstraints(-9.0, 9.0, eps=1.0), "must not have eps"),
        (
            FeatureConstraints(-9.0, 9.0, one_hot=[[2, 3, 4]], immutable=[3]),
            r"not split a one-hot group.*\[3\] are immutable",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            model_lower_bound(
                LogisticRegression(), X, y, (np.ones(7), 0.0), constraints=constraints
            )
