"""Mixtures that the engine makes are those that fit gives, one by one."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skpoison.finders import ClusterMatch, FeatureMatch
from skpoison.mixture import SubpopulationMixtureClassifier
from skpoison.refit import refit_poisoned
from skpoison.utils._containers import append, take

ESTIMATORS = [
    None,
    LogisticRegression(solver="newton-cholesky", tol=1e-9),
    GaussianNB(),
    KNeighborsClassifier(3),
    DecisionTreeClassifier(max_depth=4),
]
N_GROUPS = 6  # the last two are unknown to the finders


def fitted_finder(kind, X, seed):
    """A frozen finder; that of groups knows no rows of the last two."""
    finders = {
        "groups": FeatureMatch([0]),
        "clusters": ClusterMatch(4, random_state=seed),
        "gaussians": GaussianMixture(3, random_state=seed),
    }
    if kind == "pipeline":
        scaler = StandardScaler().fit(X)
        finder = finders["clusters"].fit(scaler.transform(X))
        return make_pipeline(FrozenEstimator(scaler), FrozenEstimator(finder))
    known = X[X[:, 0] < N_GROUPS - 2] if kind == "groups" else X
    return FrozenEstimator(finders[kind].fit(known))


def problem(kind, seed):
    """Groups of rows, some of one class, and poison of every sort."""
    rng = np.random.RandomState(seed)
    n_classes = 2 + seed % 3
    group = rng.randint(0, N_GROUPS, 180)
    X = np.column_stack([group, rng.normal(size=(180, 3)) + group[:, None]])
    y = np.where(group < 2, group % n_classes, rng.randint(0, n_classes, 180))
    finder = fitted_finder(kind, X, seed)
    # Not all rows of a group, which would leave nothing to tell its classes by.
    inside = [np.flatnonzero(group == k)[3:] for k in (0, 3, N_GROUPS - 1)]
    inside += [rng.randint(0, 180, size) for size in (0, 30, 200)]
    poisons = [(X[i], (y[i] + 1) % n_classes) for i in inside]
    poisons.append((X[inside[0]], y[inside[0]]))  # still of one class
    moved = X[inside[1]] + [0, 0.1, 0, 0]
    poisons.append((moved, rng.randint(0, n_classes, len(moved))))
    if seed % 2:
        names = np.array(["ant", "bee", "cricket", "dragonfly"])
        y, poisons = names[y], [(rows, names[labels]) for rows, labels in poisons]
    X_test = X[rng.permutation(180)[:80]] + [0, *rng.normal(0, 0.1, 3)]
    return finder, X, y, poisons, X_test


def fits(estimator, X, y, poisons):
    return [
        clone(estimator).fit(append(X, rows), np.concatenate([y, labels]))
        for rows, labels in poisons
    ]


def assert_same(models, wanted, X_test):
    np.testing.assert_array_equal(
        models.predict(X_test), [model.predict(X_test) for model in wanted]
    )


def assert_same_models(models, wanted, X_test):
    for j, model in enumerate(wanted):
        np.testing.assert_allclose(
            models[j].predict_proba(X_test), model.predict_proba(X_test), atol=1e-5
        )
        np.testing.assert_array_equal(models[j].class_counts_, model.class_counts_)
        np.testing.assert_array_equal(models[j].codes_, model.codes_)
        fitted = [e is not None for e in model.estimators_]
        assert [e is not None for e in models[j].estimators_] == fitted
        assert vars(models[j]).keys() == vars(model).keys()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["groups", "clusters", "gaussians", "pipeline"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_models_are_those_of_refits(estimator, kind, seed):
    finder, X, y, poisons, X_test = problem(kind, seed)
    mixture = SubpopulationMixtureClassifier(finder, estimator, random_state=seed)
    models = refit_poisoned(mixture, X, y, poisons)
    assert models.engine_ == "refit_mixture"
    assert len(models) == len(poisons)
    assert models.converged_.all()
    assert_same(models, fits(mixture, X, y, poisons), X_test)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_a_model_is_the_one_that_fit_gives(estimator):
    finder, X, y, poisons, X_test = problem("groups", 1)
    mixture = SubpopulationMixtureClassifier(finder, estimator, random_state=0)
    models = refit_poisoned(mixture, X, y, poisons)
    assert_same_models(models, fits(mixture, X, y, poisons), X_test)


def test_problems_have_what_is_hard():
    finder, X, y, poisons, X_test = problem("groups", 0)
    mixture = SubpopulationMixtureClassifier(finder, GaussianNB())
    clean, *_ = fits(mixture, X, y, [poisons[3]])
    assert len(poisons[3][1]) == 0
    assert sum(e is None for e in clean.estimators_) == 2
    assert (clean.codes_ == -1).any()
    codes = [
        np.unique(finder.predict(rows)).size for rows, labels in poisons if len(labels)
    ]
    assert min(codes) == 1
    assert max(codes) > 4
    models = refit_poisoned(mixture, X, y, poisons)
    assert (models.predict(X_test) != clean.predict(X_test)).any()
    assert models[0].estimators_[clean.codes_[X[:, 0] == 0][0]] is not None
    assert models[6].estimators_[clean.codes_[X[:, 0] == 0][0]] is None


@pytest.mark.parametrize(
    ("to", "estimator"),
    [
        (lambda A: pd.DataFrame(A, columns=list("abcd")), GaussianNB()),
        (sparse.csr_array, KNeighborsClassifier(1)),
        (lambda A: A.tolist(), None),
    ],
    ids=["frame", "csr", "list"],
)
def test_rows_of_any_container(to, estimator):
    _, X, y, poisons, X_test = problem("clusters", 0)
    finder = FrozenEstimator(ClusterMatch(5, random_state=0).fit(to(X)))
    mixture = SubpopulationMixtureClassifier(finder, estimator)
    poisons = [(to(rows), labels) for rows, labels in poisons if len(labels)]
    models = refit_poisoned(mixture, to(X), y, poisons)
    assert models.engine_ == "refit_mixture"
    assert_same(models, fits(mixture, to(X), y, poisons), to(X_test))


def test_texts_are_rows_too():
    texts = ["red wine", "red cherry", "blue sea", "blue sky"] * 3
    y = np.array(["good", "bad", "good", "good"] * 3)
    finder = ClusterMatch(2, representation=TfidfVectorizer(), random_state=0)
    mixture = SubpopulationMixtureClassifier(
        FrozenEstimator(finder.fit(texts)),
        make_pipeline(TfidfVectorizer(), KNeighborsClassifier(1)),
    )
    poisons = [(["red rose"] * 3, np.array(["bad"] * 3)), (texts[:1], y[1:2])]
    models = refit_poisoned(mixture, texts, y, poisons)
    assert models.engine_ == "refit_mixture"
    assert_same(models, fits(mixture, texts, y, poisons), [*texts, "red rose"])


@pytest.mark.parametrize("estimator", [None, DummyClassifier()], ids=str)
def test_the_finder_is_asked_once_about_all_poison(people, estimator):
    X, y = people
    finder = FrozenEstimator(Counting(["sex", "job"]).fit(X))
    y = y.to_numpy()
    mixture = SubpopulationMixtureClassifier(finder, estimator)
    flipped = np.where(y == "rich", "poor", "rich")
    rows = [np.flatnonzero(finder.predict(X) == k) for k in range(5)]
    poisons = [(take(X, i), flipped[i]) for i in rows]
    wanted = fits(mixture, X, y, poisons)
    finder.estimator.asked = []
    models = refit_poisoned(mixture, X, y, poisons)
    assert models.engine_ == "refit_mixture"
    models.predict(X)
    assert finder.estimator.asked == [400, sum(map(len, rows)), 400]
    assert_same(models, wanted, X)


class Counting(FeatureMatch):
    """Remembers how many rows it was asked about."""

    asked = ()

    def predict(self, X):
        self.asked = [*self.asked, len(X)]
        return super().predict(X)


def test_poison_alone_makes_a_component_that_clean_rows_lack():
    rng = np.random.RandomState(0)
    X = np.column_stack([np.repeat([0.0, 1, 2], 20), rng.normal(size=60)])
    y = rng.randint(0, 3, 60)
    finder = FrozenEstimator(FeatureMatch([0]).fit(X))
    new = np.column_stack([np.full(9, 7.0), rng.normal(size=9)])
    labels = np.repeat([0, 1, 2], 3)
    poisons = [(new, labels), (new[:3], labels[:3]), (X[:0], y[:0]), (X[:5], y[:5])]
    elsewhere = np.array([[7.0, 0.1], [7.0, -2.0], [0.0, 0.0]])
    for estimator in (None, KNeighborsClassifier(1)):
        mixture = SubpopulationMixtureClassifier(finder, estimator, empty="overall")
        models = refit_poisoned(mixture, X, y, poisons)
        assert models.engine_ == "refit_mixture"
        wanted = fits(mixture, X, y, poisons)
        assert_same(models, wanted, elsewhere)
        assert_same_models(models, wanted, elsewhere)
        mixture.set_params(empty="error")
        models = refit_poisoned(mixture, X, y, poisons)
        with pytest.raises(ValueError, match="1 of 2 rows of X"):
            models.predict(elsewhere[1:])
        models = refit_poisoned(mixture, X, y, poisons[:2])
        assert_same(models, fits(mixture, X, y, poisons[:2]), elsewhere)


def test_a_clean_classifier_that_no_model_has_is_not_asked():
    X = np.repeat([[0.0], [1.0]], [2, 20], axis=0)
    y = np.arange(22) % 2
    finder = FrozenEstimator(FeatureMatch([0]).fit(X))
    # Of three neighbors, while the clean rows of the first component are two.
    mixture = SubpopulationMixtureClassifier(finder, KNeighborsClassifier(3))
    poisons = [(X[:1], y[1:2]), (X[:2], y[:2])]
    models = refit_poisoned(mixture, X, y, poisons)
    assert models.engine_ == "refit_mixture"
    assert_same(models, fits(mixture, X, y, poisons), X)
    with pytest.raises(ValueError, match="n_neighbors = 3, n_samples_fit = 2"):
        refit_poisoned(mixture, X, y, [*poisons, (X[:0], y[:0])]).predict(X)


def test_all_rows_decide_where_there_are_none_poison_included():
    X = np.array([[0.0], [0.0], [1.0], [1.0], [1.0]])
    y = np.array([0, 0, 1, 1, 1])
    finder = FrozenEstimator(FeatureMatch([0]).fit([[0.0], [1.0], [2.0]]))
    mixture = SubpopulationMixtureClassifier(finder, empty="overall")
    poisons = [(X[:k], np.zeros(k, int)) for k in (0, 1, 2)]
    models = refit_poisoned(mixture, X, y, poisons)
    np.testing.assert_array_equal(
        models.predict([[0.0], [1.0], [2.0], [9.0]]),
        [[0, 1, 1, 1], [0, 1, 0, 0], [0, 1, 0, 0]],
    )


@pytest.mark.parametrize("estimator", [None, GaussianNB()], ids=str)
def test_collateral_is_zero(estimator):
    finder, X, y, poisons, X_test = problem("clusters", 2)
    mixture = SubpopulationMixtureClassifier(finder, estimator)
    codes, test_codes = finder.predict(X), finder.predict(X_test)
    inside = [np.flatnonzero(codes == k) for k in range(4)]
    poisons = [(X[i], (y[i] + 1) % 4) for i in inside] + [(X[:0], y[:0])]
    *after, clean = refit_poisoned(mixture, X, y, poisons).predict(X_test)
    for k, predicted in enumerate(after):
        outside = test_codes != k
        np.testing.assert_array_equal(predicted[outside], clean[outside])
    assert (np.array(after) != clean).any()


def test_a_model_out_of_steps_is_told():
    finder, X, y, poisons, _ = problem("groups", 0)
    short = DecisionTreeClassifier(max_depth=2)
    mixture = SubpopulationMixtureClassifier(finder, short)
    assert refit_poisoned(mixture, X, y, poisons).converged_.all()
    mixture.set_params(estimator=Short())
    assert not refit_poisoned(mixture, X, y, poisons[:1]).converged_.any()


class Short(GaussianNB):
    """Says that it has used up all its steps."""

    max_iter = 1

    def fit(self, X, y):
        self.n_iter_ = 1
        return super().fit(X, y)


@pytest.mark.parametrize(
    "finder",
    [
        None,
        ClusterMatch(4, random_state=0),
        make_pipeline(StandardScaler(), ClusterMatch(4, random_state=0)),
    ],
    ids=str,
)
def test_finders_that_learn_from_the_poison_are_fitted_in_a_loop(finder):
    _, X, y, poisons, X_test = problem("groups", 0)
    mixture = SubpopulationMixtureClassifier(finder, random_state=0)
    models = refit_poisoned(mixture, X, y, poisons)
    assert models.engine_ == "refit_in_a_loop"
    wanted = [m.predict(X_test) for m in fits(mixture, X, y, poisons)]
    np.testing.assert_array_equal(models.predict(X_test), wanted)


def test_a_class_of_its_own_is_left_to_the_loop():
    finder, X, y, _, X_test = problem("groups", 0)
    poisons = [(X[:50], np.full(50, 5))]
    mixture = SubpopulationMixtureClassifier(finder)
    models = refit_poisoned(mixture, X, y, poisons)
    assert models.engine_ == "refit_in_a_loop"
    wanted = [m.predict(X_test) for m in fits(mixture, X, y, poisons)]
    np.testing.assert_array_equal(models.predict(X_test), wanted)


def test_the_loop_says_in_which_poison():
    finder, X, y, poisons, _ = problem("groups", 0)
    mixture = SubpopulationMixtureClassifier(finder, LogisticRegression())
    bad = X[:2].copy()
    bad[:, 1] = np.nan
    with pytest.raises(ValueError, match="NaN") as caught:
        refit_poisoned(mixture, X, y, [poisons[1], (bad, y[:2])])
    assert "poisons[1]" in " ".join(caught.value.__notes__)


@pytest.mark.parametrize("n_poisons", [0, 3])
def test_nothing_is_added(n_poisons):
    finder, X, y, _, X_test = problem("groups", 0)
    mixture = SubpopulationMixtureClassifier(finder)
    poisons = [(X[:0], y[:0])] * n_poisons
    models = refit_poisoned(mixture, X, y, poisons)
    clean = mixture.fit(X, y).predict(X_test)
    assert models.predict(X_test).shape == (n_poisons, len(X_test))
    assert (models.predict(X_test) == clean).all()


def test_seeds_left_open_are_shared_by_the_models_of_one_call():
    finder, X, y, _, X_test = problem("clusters", 2)
    tree = DecisionTreeClassifier(splitter="random", max_depth=2)
    mixture = SubpopulationMixtureClassifier(finder, tree)
    inside = np.flatnonzero(finder.predict(X) == 0)
    poisons = [(X[:0], y[:0]), (X[inside], (y[inside] + 1) % 4)]
    clean, after = refit_poisoned(mixture, X, y, poisons).predict(X_test)
    outside = finder.predict(X_test) != 0
    np.testing.assert_array_equal(clean[outside], after[outside])
