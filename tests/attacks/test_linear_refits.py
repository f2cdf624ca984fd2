import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC

from skpoison.attacks._model_targeting._box_quadratic import minimize_in_box
from skpoison.attacks._model_targeting._linear_problem import fit_problem, last_step
from skpoison.attacks._model_targeting._linear_refits import SmoothRefits

SURROGATES = [
    LogisticRegression(),
    LogisticRegression(C=0.03),
    LogisticRegression(C=300, fit_intercept=False),
    LogisticRegression(solver="liblinear", intercept_scaling=3.0),
    LinearSVC(),
    LinearSVC(C=0.05, intercept_scaling=2.0),
    LinearSVC(fit_intercept=False),
    LinearSVC(loss="hinge", C=0.01),
    LinearSVC(loss="hinge", C=1.0, intercept_scaling=2.0),
    LinearSVC(loss="hinge", fit_intercept=False),
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(MinMaxScaler(), PCA(4), LinearSVC(loss="hinge")),
]


@pytest.fixture(scope="module")
def rows():
    X, y = make_classification(300, 6, flip_y=0.1, class_sep=0.7, random_state=0)
    return X, y


def make_problem(surrogate, X, y):
    return fit_problem(surrogate, X, y, "test", np.random.RandomState(0))


def fit_tightly(problem, X, y):
    """The optimum of scikit-learn's last step, as parameters."""
    D = problem.design(X)
    D = D[:, :-1] if problem.has_intercept else D
    tight = clone(last_step(problem.model)).set_params(tol=1e-10, max_iter=10**6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return problem.read(tight.fit(D, y))


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_refits_have_the_optimum_of_scikit_learn(surrogate, rows, seed):
    X, y = rows
    rng = np.random.RandomState(seed)
    problem = make_problem(surrogate, X, y)
    refits = problem.refits()
    np.testing.assert_allclose(refits.theta, fit_tightly(problem, X, y), atol=1e-5)
    poison = 3 * rng.randn(12, X.shape[1])
    order = rng.randint(12, size=40)
    signs = rng.choice([-1.0, 1.0], 12)
    for j in order:
        refits.add(problem.design(poison[[j]])[0], signs[j])
    X_all = np.vstack([X, poison[order]])
    y_all = np.concatenate([y, (signs[order] > 0).astype(int)])
    expected = fit_tightly(problem, X_all, y_all)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(refits.theta, expected, atol=2e-5 * scale)
    # The margins are those of the clean rows.
    np.testing.assert_allclose(
        refits.margins, problem.signed_rows @ refits.theta, atol=1e-9
    )
    assert len(refits.added) == len(np.unique(order))


@pytest.mark.parametrize("surrogate", [SURROGATES[0], SURROGATES[7]], ids=str)
def test_counts_are_copies_and_all_at_once_is_one_after_the_other(surrogate, rows):
    X, y = rows
    problem = make_problem(surrogate, X, y)
    design = problem.design(X[:5])
    at_once, one_by_one = problem.refits(), problem.refits()
    at_once.add_all(design, np.full(5, -1.0), np.array([3, 1, 2, 1, 4]))
    for row, count in zip(design, [3, 1, 2, 1, 4], strict=True):
        for _ in range(count):
            one_by_one.add(row, -1.0)
    np.testing.assert_allclose(at_once.theta, one_by_one.theta, atol=1e-6)


def test_a_start_far_away_does_not_matter(rows):
    X, y = rows
    for surrogate in (SURROGATES[0], SURROGATES[4], SURROGATES[7]):
        problem = make_problem(surrogate, X, y)
        near = problem.refits()
        far = problem.refits(30 * np.ones(7))
        np.testing.assert_allclose(far.theta, near.theta, atol=1e-6)


def test_many_rows_make_room(rows):
    X, y = rows
    problem = make_problem(LogisticRegression(), X, y)
    refits = problem.refits()
    extra = np.random.RandomState(0).randn(150, 6)
    for row in problem.design(extra):
        refits.add(row, 1.0)
    expected = fit_tightly(
        problem, np.vstack([X, extra]), np.append(y, np.ones(150, int))
    )
    np.testing.assert_allclose(refits.theta, expected, atol=1e-5)


@pytest.mark.parametrize("surrogate", SURROGATES[-2:], ids=str)
def test_models_go_through_affine_steps_and_back(surrogate, rows):
    X, y = rows
    problem = make_problem(surrogate, X, y)
    theta = problem.start
    coef, intercept = problem.in_input_units(theta)
    outputs = problem.model.decision_function(X)
    np.testing.assert_allclose(X @ coef + intercept, outputs, atol=1e-9)
    np.testing.assert_allclose(problem.parameters_of(coef, intercept), theta)
    again = problem.estimator(theta + 0.5)
    np.testing.assert_allclose(
        again.decision_function(X), problem.design(X) @ (theta + 0.5)
    )


def test_parameters_that_a_model_cannot_have(rows):
    X, y = rows
    problem = make_problem(LogisticRegression(fit_intercept=False), X, y)
    assert problem.parameters_of(np.ones(6), 0.0) is not None
    assert problem.parameters_of(np.ones(6), 1.0) is None
    problem = make_problem(make_pipeline(PCA(2), LogisticRegression()), X, y)
    assert problem.parameters_of(np.arange(6.0), 0.0) is None


def test_quadratic_programs_in_a_box(seed):
    rng = np.random.RandomState(seed)
    for n_rows, n_params in ((5, 8), (30, 4), (60, 10)):
        rows, start = rng.randn(n_rows, n_params), rng.rand(n_rows)
        upper, linear = rng.randint(1, 4, n_rows).astype(float), rng.randn(n_rows)
        gradient = rows @ (rows.T @ start) + linear
        x = minimize_in_box(rows, gradient, start, upper, 1e-9)
        g = rows @ (rows.T @ x) + linear
        assert ((x >= 0) & (x <= upper)).all()
        assert (g[x < upper] > -1e-6).all()
        assert (g[x > 0] < 1e-6).all()


@pytest.mark.parametrize(
    ("surrogate", "message"),
    [
        (RidgeClassifier(), "must be LogisticRegression or LinearSVC"),
        (LogisticRegression(class_weight="balanced"), "no class_weight"),
        (LinearSVC(penalty="l1", dual=False), "L2 penalty"),
    ],
    ids=str,
)
def test_other_surrogates(surrogate, message, rows):
    with pytest.raises(TypeError, match=message):
        make_problem(surrogate, *rows)


def test_separable_rows_without_a_penalty_have_no_optimum():
    X = np.array([[0.0], [1.0], [2.0], [3.0]])
    y = np.array([0, 0, 1, 1])
    with pytest.raises(ValueError, match=r"separates its training rows.*finite C"):
        make_problem(LogisticRegression(C=np.inf, tol=1e-8), X, y)


def test_an_optimum_that_is_not_reached_warns(rows, monkeypatch):
    problem = make_problem(LogisticRegression(), *rows)
    monkeypatch.setattr("skpoison.attacks._model_targeting._linear_refits.MAX_ITER", 1)
    with pytest.warns(ConvergenceWarning, match="stopped before its optimum"):
        SmoothRefits(problem, 10 * np.ones(7))
