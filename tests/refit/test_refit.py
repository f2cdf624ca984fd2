"""What any engine, the loop among them, gives; and who is asked."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler, scale
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.fixes import parse_version

from skpoison.refit import RefitEnsemble, _registry, refit_poisoned, register_engine
from skpoison.utils._containers import append

# From then on penalty= is deprecated.
OF_1_8 = parse_version(sklearn.__version__) >= parse_version("1.8")


@pytest.fixture
def registrations(monkeypatch):
    monkeypatch.setattr(_registry, "_registrations", list(_registry._registrations))


@pytest.fixture
def poisons(blobs):
    X, y, blob = blobs
    rows = [np.flatnonzero(blob == k) for k in range(4)]
    return [(X[at], 1 - y[at]) for at in rows] + [(X[:0], y[:0])]


def refits(estimator, X, y, poisons):
    for X_new, y_new in poisons:
        model = type(estimator)(**estimator.get_params(deep=False))
        rows = append(X, X_new) if len(y_new) else X
        yield model.fit(rows, np.concatenate([y, y_new]))


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_loop_gives_what_fits_give(blobs, poisons, n_jobs):
    X, y, _ = blobs
    tree = DecisionTreeClassifier(max_depth=4, random_state=0)
    models = refit_poisoned(tree, X, y, poisons, n_jobs=n_jobs)
    wanted = [model.predict(X) for model in refits(tree, X, y, poisons)]
    np.testing.assert_array_equal(models.predict(X), wanted)
    assert len(models) == len(list(models)) == len(poisons)
    np.testing.assert_array_equal(models[-1].predict(X), wanted[-1])
    assert models.engine_ == "refit_in_a_loop"
    assert models.fidelity_ == "refit"
    assert models.converged_.all()
    assert np.isnan(models.gradient_norms_).all()


def test_the_caller_keeps_what_was_passed(blobs, poisons):
    X, y, _ = blobs
    forest = RandomForestClassifier(3, random_state=0)
    X_before, y_before = X.copy(), y.copy()
    refit_poisoned(forest, X, y, poisons)
    assert not hasattr(forest, "estimators_")
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(y, y_before)


def test_no_poisons_give_no_models(blobs):
    X, y, _ = blobs
    for estimator in (DecisionTreeClassifier(), LogisticRegression(), GaussianNB()):
        models = refit_poisoned(estimator, X, y, [])
        assert len(models) == 0
        assert models.predict(X).shape == (0, len(X))


@pytest.mark.parametrize(
    "container", [pd.DataFrame, sparse.csr_matrix, sparse.csc_array, pl.DataFrame]
)
def test_every_container_is_taken(blobs, poisons, container):
    X, y, _ = blobs
    names = y.astype(str)
    wanted = refit_poisoned(
        DecisionTreeClassifier(random_state=0),
        X,
        names,
        [(X_new, y_new.astype(str)) for X_new, y_new in poisons],
    )
    models = refit_poisoned(
        DecisionTreeClassifier(random_state=0),
        container(X),
        names.tolist(),
        [(container(X_new), y_new.astype(str)) for X_new, y_new in poisons[:-1]],
    )
    np.testing.assert_array_equal(
        models.predict(container(X)), wanted.predict(X)[: len(models)]
    )


def test_texts_and_their_vectorizers_are_taken():
    X = ["a good film", "a bad film", "good", "bad bad", "so good", "so bad"]
    y = np.array(["+", "-"] * 3)
    poisons = [(X[:3], np.array(["-", "-", "-"])), ([], np.array([]))]
    for vectorizer in (HashingVectorizer(n_features=64), TfidfVectorizer()):
        model = make_pipeline(vectorizer, DecisionTreeClassifier(random_state=0))
        models = refit_poisoned(model, X, y, poisons)
        assert models.predict(X).shape == (2, 6)
        assert (models.predict(X)[1] == y).all()


def test_warm_starts_reach_the_same_optimum(blobs, poisons):
    X, y, _ = blobs
    l1 = {"l1_ratio": 1.0} if OF_1_8 else {"penalty": "l1"}
    lasso = LogisticRegression(
        **l1, solver="saga", tol=1e-8, max_iter=10_000, random_state=0
    )
    models = refit_poisoned(lasso, X, y, poisons)
    for model, wanted in zip(models, refits(lasso, X, y, poisons), strict=True):
        np.testing.assert_allclose(model.coef_, wanted.coef_, atol=1e-4)
        assert model.get_params() == wanted.get_params()


def test_a_fit_that_raises_says_which_poison_it_was(blobs, poisons):
    X, y, _ = blobs

    class Picky(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            if len(y) > 500:
                raise RuntimeError("too many rows")
            return self

        def predict(self, X):
            return np.zeros(len(X))

    with pytest.raises(RuntimeError, match="too many rows") as caught:
        refit_poisoned(Picky(), X, y, poisons)
    assert "poisons[0]" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("poison", "message"),
    [
        (np.zeros((3, 3)), r"poisons\[0\] of refit_poisoned must be a pair"),
        ((np.zeros((2, 4)), np.zeros(2, int)), "rows of the same shape as X"),
        ((np.zeros((2, 3)), np.zeros(3, int)), "2 rows and 3 labels"),
        ((np.zeros((2, 3)), np.array(["a", "b"])), "labels of the kind of y"),
        ((sparse.csr_matrix((2, 3)), np.zeros(2, int)), "of the same kind as X"),
        ((np.zeros((2, 3)), np.array([0.0, np.nan])), "has missing values"),
    ],
)
def test_bad_poisons_are_told(blobs, poison, message):
    X, y, _ = blobs
    with pytest.raises(ValueError, match=message):
        refit_poisoned(DecisionTreeClassifier(), X, y, [poison])


def test_bad_arguments_are_told(blobs):
    X, y, _ = blobs
    with pytest.raises(ValueError, match="'fidelity' parameter of refit_poisoned"):
        refit_poisoned(DecisionTreeClassifier(), X, y, [], fidelity="exact")
    with pytest.raises(ValueError, match="no engine for DecisionTreeClassifier"):
        refit_poisoned(DecisionTreeClassifier(), X, y, [], fidelity="influence")
    with pytest.raises(ValueError, match="'estimator' parameter of refit_poisoned"):
        refit_poisoned(StandardScaler(), X, y, [])


def test_an_ensemble_is_a_sequence(blobs, poisons):
    X, y, _ = blobs
    models = refit_poisoned(GaussianNB(), X, y, poisons)
    assert isinstance(models[np.int64(1)], GaussianNB)
    with pytest.raises(IndexError, match="holds 5 models"):
        models[5]
    with pytest.raises(TypeError, match="one at a time"):
        models[1:2]
    assert "5 GaussianNB models" in repr(models)


class Constant(DecisionTreeClassifier):
    pass


class ZeroEnsemble(RefitEnsemble):
    def predict(self, X):
        return np.zeros((len(self), len(X)), int)


def test_the_engine_registered_last_is_asked_first(blobs, poisons, registrations):
    X, y, _ = blobs
    asked = []

    @register_engine(Constant)
    def gives_zero(estimator, X, y, poisons, *, n_jobs):
        asked.append("first")
        return ZeroEnsemble(estimator, X, y, poisons)

    @register_engine(Constant)
    def declines(estimator, X, y, poisons, *, n_jobs):
        asked.append("second")
        return NotImplemented

    models = refit_poisoned(Constant(), X, y, poisons)
    assert asked == ["second", "first"]
    assert models.engine_ == "gives_zero"
    assert (models.predict(X) == 0).all()
    assert isinstance(models[0], Constant)  # fitted by the base class
    assert models[0].tree_.node_count > 1


def test_subclasses_have_an_engine_only_where_it_is_for_them(
    blobs, poisons, registrations
):
    X, y, _ = blobs

    class OtherTree(Constant):
        pass

    register_engine(Constant)(lambda *args, n_jobs: ZeroEnsemble(*args))
    assert refit_poisoned(OtherTree(), X, y, poisons).engine_ == "refit_in_a_loop"
    name = f"{Constant.__module__}.{Constant.__qualname__}"
    register_engine(name, subclasses=True)(lambda *args, n_jobs: ZeroEnsemble(*args))
    assert refit_poisoned(OtherTree(), X, y, poisons).engine_ == "<lambda>"


def test_register_engine_tells_of_bad_arguments():
    with pytest.raises(ValueError, match="must be one of"):
        register_engine(Constant, fidelity="exact")
    with pytest.raises(TypeError, match="a class or its full name"):
        register_engine(Constant())


def test_steps_that_learn_nothing_are_shared(blobs, poisons):
    X, y, _ = blobs
    scaler = FrozenEstimator(StandardScaler().fit(X))
    steps = [
        ("frozen", scaler),
        ("function", FunctionTransformer(np.tanh)),
        ("normalizer", Normalizer()),
        ("nothing", "passthrough"),
        ("model", GaussianNB()),
    ]
    models = refit_poisoned(Pipeline(steps), X, y, poisons)
    assert models.engine_ == "refit_pipeline"
    for j, model in enumerate(refits(Pipeline(steps), X, y, poisons)):
        np.testing.assert_array_equal(models.predict(X)[j], model.predict(X))
        np.testing.assert_array_equal(models[j].predict(X), model.predict(X))
        assert list(models[j].named_steps) == list(model.named_steps)


def test_steps_that_learn_are_trained_on_the_poison(blobs, poisons):
    X, y, _ = blobs
    far = [(X_new + 100, y_new) for X_new, y_new in poisons[:2]]
    model = make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0))
    models = refit_poisoned(model, X, y, far)
    assert models.engine_ == "refit_in_a_loop"
    assert models[0][0].mean_[0] > X[:, 0].mean() + 10


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(copy=False), LogisticRegression()),
        make_pipeline(StandardScaler(copy=False), DecisionTreeClassifier()),
        make_pipeline(Normalizer(copy=False), GaussianNB()),
    ],
    ids=lambda model: f"{type(model[0]).__name__}-{type(model[1]).__name__}",
)
def test_steps_that_work_in_place_leave_the_rows_of_the_caller(blobs, poisons, model):
    X, y, _ = blobs
    X, before = 3 * X + 1, 3 * X + 1
    models = refit_poisoned(model, X, y, poisons[::-1])
    predictions = models.predict(X)
    np.testing.assert_array_equal(X, before)
    safe = clone(model).set_params(**{f"{model.steps[0][0]}__copy": True})
    wanted = refit_poisoned(safe, X, y, poisons[::-1]).predict(X)
    np.testing.assert_array_equal(predictions, wanted)


def test_functions_that_look_at_all_rows_see_the_poison(blobs, poisons):
    X, y, _ = blobs
    far = [(X_new + 50, y_new) for X_new, y_new in poisons[:2]]
    model = make_pipeline(FunctionTransformer(scale), LogisticRegression())
    models = refit_poisoned(model, X, y, far)
    frozen = FrozenEstimator(FunctionTransformer(scale).fit(X))
    within = make_pipeline(frozen, LogisticRegression())
    assert refit_poisoned(within, X, y, far).engine_ == "refit_in_a_loop"
    for j, (X_new, y_new) in enumerate(far):
        wanted = clone(model).fit(np.r_[X, X_new], np.r_[y, y_new])
        np.testing.assert_array_equal(models.predict(X)[j], wanted.predict(X))


def test_poison_may_bring_the_second_class(blobs):
    X, y, _ = blobs
    ones = X[y == 1]
    for estimator in (LogisticRegression(C=np.inf), GaussianNB()):
        models = refit_poisoned(
            estimator, ones, np.ones(len(ones)), [(ones[:9], np.zeros(9))]
        )
        assert set(models[0].classes_) == {0, 1}


def test_models_that_run_out_of_steps_are_those_of_fits(blobs, poisons):
    X, y, _ = blobs
    model = LogisticRegression(C=np.inf, max_iter=3)
    with pytest.warns(ConvergenceWarning):
        models = refit_poisoned(model, X, y, poisons)
    assert not models.converged_.any()
    with pytest.warns(ConvergenceWarning):
        wanted = [m.coef_ for m in refits(model, X, y, poisons)]
    np.testing.assert_allclose([m.coef_ for m in models], wanted)


@pytest.mark.parametrize("poisons", [None, 3, len])
def test_poisons_that_are_no_sequence_are_told(poisons):
    X, y = np.eye(6), np.arange(6) % 2
    with pytest.raises(ValueError, match="poisons of refit_poisoned must be a seq"):
        refit_poisoned(LogisticRegression(), X, y, poisons)


@pytest.mark.parametrize("labels", [None, 1, {1}, [[0], [1, 1]]])
def test_labels_of_a_poison_that_are_none_are_told(labels):
    X, y = np.eye(6), np.arange(6) % 2
    with pytest.raises((ValueError, TypeError), match=r"label|array-like|y"):
        refit_poisoned(LogisticRegression(), X, y, [(X[:2], labels)])


def test_labels_of_another_kind_are_told():
    X, y = np.eye(6), np.arange(6) % 2
    with pytest.raises(ValueError, match="must have labels of the kind of y"):
        refit_poisoned(
            LogisticRegression(), X, y, [(X[:2], np.array([0, 1], dtype="M8[s]"))]
        )


@pytest.mark.parametrize("n_jobs", [0, 10**6, -0.5])
def test_numbers_of_jobs_that_joblib_does_not_know(n_jobs):
    X, y = np.eye(6), np.arange(6) % 2
    with pytest.raises(ValueError, match="'n_jobs' parameter of refit_poisoned must"):
        refit_poisoned(LogisticRegression(), X, y, [], n_jobs=n_jobs)


@pytest.mark.parametrize("model", [LogisticRegression(), DecisionTreeClassifier()])
def test_ensembles_refuse_sparse_rows_that_point_outside(model):
    X, y = sparse.csr_matrix(np.eye(6)), np.arange(6) % 2
    models = refit_poisoned(model, X, y, [(X[:2], 1 - y[:2])])
    rows = X.copy()
    rows.indices[0] = 10**6
    with pytest.raises(ValueError, match="indices that point outside"):
        models.predict(rows)
