"""Curvature against finite differences, and solvers against the whole matrix."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skpoison.influence._curvature import Curvature
from skpoison.influence._links import Softmax
from skpoison.influence._losses import loss_of
from skpoison.influence._network_loss import NetworkLoss
from skpoison.influence._relu_curvature import ReluPatterns

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)


def mlp(hidden, activation="relu", **params):
    return MLPClassifier(
        hidden, activation=activation, max_iter=30, random_state=0, **params
    )


LINEAR = [
    LogisticRegression(),
    LogisticRegression(fit_intercept=False),
    LogisticRegression(C=np.inf),
    LinearSVC(),
    RidgeClassifier(),
    make_pipeline(StandardScaler(), LogisticRegression()),
]
ONE_LAYER = [mlp((4,), a) for a in ("relu", "tanh", "logistic", "identity")]
DEEP = [mlp((4, 3)), mlp((4, 3), "tanh"), mlp((3, 3, 3), "logistic")]


def make_rows(n_classes=2, seed=0, n_samples=90):
    return make_classification(
        n_samples,
        5,
        n_informative=4,
        n_redundant=0,
        n_classes=n_classes,
        random_state=seed,
    )


def fitted_loss(model, n_classes=2, seed=0):
    X, y = make_rows(n_classes, seed)
    loss = loss_of(model.fit(X, y), X, "the test")
    return loss, X, loss.codes(y)


def move(loss, parameters):
    """Set the parameters of a loss."""
    loss = getattr(loss, "loss", loss)
    if hasattr(loss, "coefs"):
        layers = loss.split(parameters.copy())
        loss.coefs, loss.intercepts = map(list, zip(*layers, strict=True))
    else:
        table = parameters.reshape(loss.n_outputs, -1).copy()
        loss.coef = table[:, : loss.n_features]
        loss.intercept = table[:, -1] if loss.has_intercept else None


def numerical_hessian(loss, X, codes, weights, step=1e-5):
    start = getattr(loss, "loss", loss).parameters()
    columns = []
    for e in np.eye(loss.n_params):
        ends = []
        for sign in (1, -1):
            move(loss, start + sign * step * e)
            ends.append(loss.gradient(X, codes, weights))
        columns.append((ends[0] - ends[1]) / (2 * step))
    move(loss, start)
    return np.array(columns)


def numerical_gauss_newton(loss, X, codes, weights, step=1e-5):
    """Second derivatives of the link between finite differences of the outputs."""
    start, jacobian = loss.parameters(), []
    for e in np.eye(loss.n_params):
        ends = []
        for sign in (1, -1):
            move(loss, start + sign * step * e)
            ends.append(loss.outputs(X))
        jacobian.append((ends[0] - ends[1]) / (2 * step))
    move(loss, start)
    second = loss.link.second(loss.outputs(X), codes)
    return np.einsum("pia,iab,qib,i->pq", jacobian, second, jacobian, weights)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", LINEAR + ONE_LAYER, ids=str)
def test_hessian_is_the_derivative_of_gradients(model, n_classes):
    loss, X, codes = fitted_loss(model, n_classes)
    weights = np.random.RandomState(1).rand(len(X))
    expected = numerical_hessian(loss, X, codes, weights)
    H = loss.curvature_matrix(X, codes, "hessian", weights)
    np.testing.assert_allclose(H, expected, atol=1e-7 * np.abs(H).max())


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("model", ONE_LAYER + DEEP, ids=str)
def test_gauss_newton_matrix_bends_the_loss_of_linearised_outputs(model, n_classes):
    loss, X, codes = fitted_loss(model, n_classes)
    weights = np.random.RandomState(1).rand(len(X))
    expected = numerical_gauss_newton(loss, X, codes, weights)
    G = loss.curvature_matrix(X, codes, "gauss_newton", weights)
    np.testing.assert_allclose(G, expected, atol=1e-7 * np.abs(G).max())


@pytest.mark.parametrize("model", LINEAR, ids=str)
def test_both_kinds_are_the_same_for_linear_models(model):
    loss, X, codes = fitted_loss(model, 3)
    np.testing.assert_array_equal(
        loss.curvature_matrix(X, codes, "gauss_newton"),
        loss.curvature_matrix(X, codes, "hessian"),
    )


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("model", [*ONE_LAYER, *DEEP, mlp((), "relu")], ids=str)
def test_pairs_of_units_give_the_same_matrix(model, n_classes, monkeypatch):
    loss, X, codes = fitted_loss(model, n_classes)
    weights = np.random.RandomState(1).rand(len(X))
    G = loss.curvature_matrix(X, codes, "gauss_newton", weights)
    monkeypatch.setattr("skpoison.influence._network_curvature.MIN_INPUTS", 1)
    for rows in (X, sparse.csr_array(X)):
        by_units = loss.curvature_matrix(rows, codes, "gauss_newton", weights)
        np.testing.assert_allclose(by_units, G, atol=1e-13 * np.abs(G).max())


def two_outputs(loss):
    """Give the same network of two classes with an output for each."""
    (W, W_out), (b, b_out) = loss.coefs, loss.intercepts
    halves = np.array([-0.5, 0.5])
    coefs, intercepts = [W, W_out * halves], [b, b_out * halves]
    return NetworkLoss(coefs, intercepts, "relu", Softmax(), loss.classes, 0.1, None)


@pytest.mark.parametrize("held", [1, 2**17])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_groups_of_rows_give_the_same_matrix(n_outputs, held, monkeypatch):
    monkeypatch.setattr("skpoison.influence._relu_curvature.HELD", held)
    X, y = make_rows(n_samples=2500)
    loss = loss_of(mlp((9,)).fit(X, y), X, "the test")
    loss.intercepts[0][3] = -100.0  # of a unit that is off for all rows
    loss = loss if n_outputs == 1 else two_outputs(loss)
    weights = np.random.RandomState(1).rand(len(X))
    G = loss.curvature_matrix(X, loss.codes(y), "gauss_newton", weights)
    assert ReluPatterns.suits(loss)
    for rows in (X, sparse.csr_array(X)):
        patterns = ReluPatterns(loss, rows, weights)
        assert patterns.are_few
        H = patterns.matrix()
        np.testing.assert_allclose(H, G, atol=1e-13 * np.abs(G).max())


def test_groups_are_for_two_classes_and_many_rows_of_each():
    X, y = make_rows()
    loss = loss_of(mlp((30,)).fit(X, y), X, "the test")
    assert not ReluPatterns(loss, X, np.ones(len(X))).are_few
    for model, n_classes in ((mlp((4,)), 3), (mlp((4,), "tanh"), 2), (mlp((4, 3)), 2)):
        assert not ReluPatterns.suits(fitted_loss(model, n_classes)[0])


def test_residuals_bend_a_network_beyond_gauss_newton():
    loss, X, codes = fitted_loss(mlp((4,)))
    G, H = (loss.curvature_matrix(X, codes, k) for k in ("gauss_newton", "hessian"))
    assert np.abs(G - H).max() > 0.1 * np.abs(H).max()


@pytest.mark.parametrize("kind", ["gauss_newton", "hessian"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", LINEAR + ONE_LAYER, ids=str)
def test_products_are_those_of_a_symmetric_matrix(model, n_classes, kind):
    loss, X, codes = fitted_loss(model, n_classes)
    weights = np.random.RandomState(1).rand(len(X))
    H = loss.curvature_matrix(X, codes, kind, weights)
    columns = [
        loss.curvature_product(X, codes, e, kind, weights)
        for e in np.eye(loss.n_params)
    ]
    scale = np.abs(H).max()
    np.testing.assert_allclose(H, H.T, atol=1e-14 * scale)
    np.testing.assert_allclose(np.array(columns).T, H, atol=1e-12 * scale)


@pytest.mark.parametrize("kind", ["gauss_newton", "hessian"])
@pytest.mark.parametrize(
    "model", [LogisticRegression(), LinearSVC(), mlp((4,)), mlp((4,), "tanh")], ids=str
)
def test_sparse_rows_have_the_same_curvature(model, kind):
    loss, X, codes = fitted_loss(model, 3)
    X = np.where(np.abs(X) > 1, X, 0)
    v = np.random.RandomState(0).standard_normal(loss.n_params)
    for rows in (sparse.csr_array(X), sparse.csr_matrix(X)):
        np.testing.assert_allclose(
            loss.curvature_matrix(rows, codes, kind),
            loss.curvature_matrix(X, codes, kind),
            atol=1e-12,
        )
        np.testing.assert_allclose(
            loss.curvature_product(rows, codes, v, kind),
            loss.curvature_product(X, codes, v, kind),
            atol=1e-12,
        )


def test_rows_of_more_than_one_chunk_add_up():
    X, y = make_rows(3, n_samples=2500)
    for model in (LogisticRegression(), mlp((3,))):
        loss = loss_of(model.fit(X, y), X, "the test")
        codes, ones = loss.codes(y), np.ones(len(y))
        parts = [
            loss.curvature_matrix(X[i], codes[i], "hessian", ones[i])
            for i in np.array_split(np.arange(len(y)), 3)
        ]
        whole = loss.curvature_matrix(X, codes, "hessian", ones)
        np.testing.assert_allclose(whole, sum(parts), atol=1e-9 * np.abs(whole).max())


@given(
    logits=st.lists(
        st.lists(st.floats(-700, 700), min_size=4, max_size=4), min_size=1, max_size=5
    )
)
def test_roots_of_the_softmax_are_exact_however_sure_it_is(logits):
    from skpoison.influence._links import Softmax

    Z = np.array(logits)
    L = Softmax.roots(Z)
    second = Softmax.second(Z, np.zeros(len(Z), int))
    np.testing.assert_allclose(L @ L.transpose(0, 2, 1), second, atol=1e-12)


@given(seed=st.integers(0, 2**20), damping=st.floats(1e-6, 10))
def test_solutions_solve(seed, damping):
    rng = np.random.RandomState(seed)
    X, y = rng.standard_normal((30, 3)), rng.permutation(30) % 3
    loss = loss_of(LogisticRegression().fit(X, y), X, "the test")
    curvature = Curvature(loss, X, loss.codes(y), damping=damping)
    v = rng.standard_normal(loss.n_params)
    solution = curvature.solve(v)
    np.testing.assert_allclose(curvature.product(solution), v, atol=1e-7)
    assert curvature.min_eigenvalue >= damping * (1 - 1e-9)


@pytest.mark.parametrize("model", [LogisticRegression(), mlp((4,), alpha=1)], ids=str)
def test_smallest_eigenvalue_is_that_of_the_damped_matrix(model):
    loss, X, codes = fitted_loss(model)
    curvature = Curvature(loss, X, codes, damping=0.02)
    H = loss.curvature_matrix(X, codes)
    H += np.diag(loss.penalty(len(X)) + 0.02)
    assert curvature.min_eigenvalue == pytest.approx(np.linalg.eigvalsh(H)[0])


@pytest.mark.parametrize("weights", [None, "random"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model", [LogisticRegression(), LinearSVC(), mlp((4,), alpha=1)], ids=str
)
def test_conjugate_gradients_give_the_exact_solution(model, n_classes, weights):
    loss, X, codes = fitted_loss(model, n_classes)
    weights = None if weights is None else np.random.RandomState(0).rand(len(X))
    g = loss.gradient(X[:9], codes[:9])
    exact, cg = (
        Curvature(loss, X, codes, solver=solver, weights=weights, damping=1e-2)
        for solver in ("exact", "cg")
    )
    np.testing.assert_allclose(
        cg.solve(g), exact.solve(g), atol=1e-6 * np.abs(exact.solve(g)).max()
    )
    assert np.isnan(cg.min_eigenvalue)


@pytest.mark.parametrize(("rank", "tol"), [(29, 1e-9), (100, 1e-9), (20, 0.2)])
def test_nystroem_is_near_the_exact_solution(rank, tol):
    X, y = make_classification(300, 28, n_informative=4, random_state=0)
    loss = loss_of(LogisticRegression().fit(X, y), X, "the test")
    codes = loss.codes(y)
    g = loss.gradient(X[:9], codes[:9])
    exact = Curvature(loss, X, codes, damping=0.5).solve(g)
    sketch = Curvature(
        loss, X, codes, solver="nystroem", rank=rank, damping=0.5, random_state=0
    )
    error = np.linalg.norm(sketch.solve(g) - exact) / np.linalg.norm(exact)
    assert error < tol
    # The diagonal alone, without the sketch, is far off.
    assert np.linalg.norm(g / 0.5 - exact) > 0.3 * np.linalg.norm(exact)


def test_nystroem_is_seeded():
    loss, X, codes = fitted_loss(mlp((6,)))
    g = loss.gradient(X, codes)
    first, again, other = (
        Curvature(
            loss, X, codes, solver="nystroem", rank=5, damping=0.1, random_state=seed
        ).solve(g)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_rows_that_all_lie_beyond_the_hinge_leave_the_penalty_alone():
    X = np.repeat([[-9.0, 0], [9, 0]], 5, axis=0)
    model = LinearSVC(C=1e3, random_state=0).fit(X, [0] * 5 + [1] * 5)
    model.coef_ = np.array([[1.0, 0]])
    loss = loss_of(model, X, "the test")
    codes = loss.codes([0] * 5 + [1] * 5)
    for solver in ("exact", "cg", "nystroem"):
        curvature = Curvature(loss, X, codes, solver=solver, damping=0.5)
        expected = np.ones(3) / (0.5 + loss.penalty(10))
        np.testing.assert_allclose(curvature.solve(np.ones(3)), expected)


def test_large_models_are_solved_by_conjugate_gradients(monkeypatch):
    loss, X, codes = fitted_loss(LogisticRegression())
    assert Curvature(loss, X, codes).solver == "exact"
    monkeypatch.setattr("skpoison.influence._curvature.AUTO_EXACT", 5)
    assert Curvature(loss, X, codes).solver == "cg"


def indefinite():
    """A network far from a minimum."""
    X, y = make_rows()
    loss = loss_of(mlp((4,), learning_rate_init=0.1).fit(X, y), X, "the test")
    return loss, X, 1 - loss.codes(y)


def test_indefinite_hessian_warns_and_is_solved():
    loss, X, codes = indefinite()
    g = loss.gradient(X, codes)
    with pytest.warns(UserWarning, match=r"smallest eigenvalue is -.*gauss_newton"):
        curvature = Curvature(loss, X, codes, kind="hessian", damping=1e-3)
    assert curvature.min_eigenvalue < 0
    np.testing.assert_allclose(curvature.product(curvature.solve(g)), g, atol=1e-8)


def test_indefinite_and_singular_hessian_gives_the_solution_of_least_norm():
    loss, X, codes = indefinite()
    loss.intercepts[0][0] = -1e3  # a unit that is off for all rows
    with (
        pytest.warns(UserWarning, match="is indefinite"),
        pytest.warns(UserWarning, match="is singular: 1 of"),
    ):
        curvature = Curvature(loss, X, codes, kind="hessian")
    g = loss.gradient(X, codes)
    expected = np.linalg.pinv(curvature.matrix(), rcond=1e-13, hermitian=True) @ g
    np.testing.assert_allclose(curvature.solve(g), expected, atol=1e-7)


def test_warned_damping_makes_it_definite():
    loss, X, codes = indefinite()
    with pytest.warns(UserWarning, match="indefinite"):
        first = Curvature(loss, X, codes, kind="hessian", damping=1e-3)
    damping = 1e-3 - 1.01 * first.min_eigenvalue
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = Curvature(loss, X, codes, kind="hessian", damping=damping)
        Curvature(loss, X, codes, kind="gauss_newton", damping=1e-3)
    assert again.min_eigenvalue > 0


def test_conjugate_gradients_notice_negative_curvature():
    loss, X, codes = indefinite()
    curvature = Curvature(loss, X, codes, kind="hessian", solver="cg", damping=1e-3)
    with pytest.warns(UserWarning, match="indefinite: .* is at most -"):
        curvature.solve(loss.gradient(X, codes))


def test_conjugate_gradients_that_do_not_converge_warn():
    X, y = make_classification(300, 40, random_state=0)
    X = X * np.logspace(-5, 5, 40)
    model = LogisticRegression(C=1e3, max_iter=20).fit(X, y)
    loss = loss_of(model, X, "the test")
    curvature = Curvature(loss, X, loss.codes(y), solver="cg")
    rhs = np.ones(loss.n_params)
    with pytest.warns(ConvergenceWarning, match="did not converge in .* steps"):
        curvature.solve(rhs)


def test_collinear_columns_without_penalty_give_the_solution_of_least_norm():
    X, y = make_rows()
    X = np.column_stack([X, X[:, 0]])
    model = LogisticRegression(C=np.inf, solver="newton-cg").fit(X, y)
    loss = loss_of(model, X, "the test")
    codes = loss.codes(y)
    with pytest.warns(UserWarning, match="singular: 1 of 7 directions"):
        curvature = Curvature(loss, X, codes)
    assert curvature.min_eigenvalue == pytest.approx(0, abs=1e-14)
    g = loss.gradient(X[:9], codes[:9])
    H = loss.curvature_matrix(X, codes)
    expected = np.linalg.pinv(H, rcond=1e-12, hermitian=True) @ g
    np.testing.assert_allclose(curvature.solve(g), expected, atol=1e-9)
    assert curvature.solve(g)[0] == pytest.approx(curvature.solve(g)[5])


@pytest.mark.parametrize("damping", [0, 1e-3])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        LogisticRegression(C=np.inf, max_iter=1000),
        mlp((4,), "tanh", alpha=1),
    ],
    ids=str,
)
def test_shifts_of_all_outputs_alike_are_no_singularity(model, damping):
    loss, X, codes = fitted_loss(model, 3)
    flat = loss.flat_directions()
    assert len(flat) > 0
    gradients = np.array([loss.gradient(X[[i]], codes[[i]]) for i in range(9)])
    np.testing.assert_allclose(gradients @ flat.T, 0, atol=1e-12)
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curvature = Curvature(loss, X, codes, damping=damping)
    assert curvature.min_eigenvalue > 0
    solution = curvature.solve(gradients[0])
    np.testing.assert_allclose(flat @ solution, 0, atol=1e-8)
    np.testing.assert_allclose(curvature.product(solution), gradients[0], atol=1e-8)


def test_curvature_survives_pickling():
    loss, X, codes = fitted_loss(LogisticRegression())
    g = loss.gradient(X, codes)
    for solver in ("exact", "cg", "nystroem"):
        curvature = Curvature(
            loss, X, codes, solver=solver, damping=0.1, random_state=0
        )
        again = pickle.loads(pickle.dumps(curvature))
        np.testing.assert_array_equal(again.solve(g), curvature.solve(g))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LinearSVC(loss="hinge"), "hinge loss .* no curvature.*squared_hinge"),
        (LinearSVC(penalty="l1"), "L1 penalty"),
        (LogisticRegression(l1_ratio=0.5, solver="saga"), "L1 penalty"),
    ],
    ids=str,
)
@pytest.mark.parametrize("solver", ["exact", "cg"])
def test_objectives_that_bend_at_points_are_refused(model, message, solver):
    loss, X, codes = fitted_loss(model)
    with pytest.raises(ValueError, match=message):
        Curvature(loss, X, codes, solver=solver).solve(np.zeros(loss.n_params))


@pytest.mark.parametrize("solver", ["exact", "cg"])
def test_hessian_of_a_deep_network_is_refused(solver):
    loss, X, codes = fitted_loss(mlp((3, 3)))
    with pytest.raises(ValueError, match=r"one hidden layer. This one has 2.*newton"):
        Curvature(loss, X, codes, kind="hessian", solver=solver).solve(
            np.zeros(loss.n_params)
        )


def test_solvers_say_what_they_need():
    loss, X, codes = fitted_loss(mlp((4,)))
    with pytest.raises(ValueError, match=r"needs damping > 0.*Got damping=0"):
        Curvature(loss, X, codes, solver="nystroem")
    with pytest.raises(ValueError, match="skorch nets only"):
        Curvature(loss, X, codes, solver="kfac", damping=1)
    loss, X, codes = indefinite()
    with pytest.raises(ValueError, match="without negative eigenvalues"):
        Curvature(loss, X, codes, solver="nystroem", kind="hessian", damping=1)


def test_penalties_of_logistic_regressions():
    loss, _, _ = fitted_loss(LogisticRegression(C=4))
    np.testing.assert_allclose(loss.penalty(10), [0.025] * 5 + [0])
    loss, _, _ = fitted_loss(LogisticRegression(C=np.inf))
    np.testing.assert_array_equal(loss.penalty(10), 0)
