import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.pipeline import Pipeline
from scipy.stats import chi2_contingency
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from skpoison import (
    ClusterMatch,
    DefenseAudit,
    FeatureMatch,
    SubpopulationAudit,
)
from skpoison.attacks import ImpossibilityPoisoner
from skpoison.datasets import make_subpopulations
from skpoison.defenses import KNNSanitizer
from skpoison.estimator_checks import check_poisoner
from skpoison.finders import SliceMatch
from skpoison.metrics import target_damage_scorer
from skpoison.mixture._two_worlds import swap

LEARNERS = [
    DecisionTreeClassifier(random_state=0),
    GradientBoostingClassifier(n_estimators=20, subsample=0.5, random_state=0),
    KNeighborsClassifier(5),
    LogisticRegression(),
    MLPClassifier((8,), max_iter=20, random_state=0),
    RandomForestClassifier(10, random_state=0),
]
not_converged = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)


class LocalMajority(ClassifierMixin, BaseEstimator):
    """Predict the majority label of each subpopulation of a fitted finder."""

    def __init__(self, finder):
        self.finder = finder

    def fit(self, X, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        at = self.finder.predict(X)
        counts = np.zeros((at.max() + 1, len(self.classes_)))
        np.add.at(counts, (at, codes), 1)
        self.majority_ = self.classes_[counts.argmax(axis=1)]
        return self

    def predict(self, X):
        return self.majority_[self.finder.predict(X)]


def noisy_mixture(seed, n_classes=2, noise=0.2):
    X, y, _ = make_subpopulations(
        300, 5, noise=noise, n_classes=n_classes, random_state=seed
    )
    return X, y, FrozenEstimator(ClusterMatch(5, random_state=0).fit(X))


def canonical(X, y):
    order = np.lexsort((y, *X.T))
    return X[order], y[order]


def other_world(poisoner, X, y):
    return np.where(poisoner.membership(X), swap(y, poisoner.swapped_classes_), y)


@pytest.mark.parametrize("label", ["flip", "constant"])
def test_contract(label):
    check_poisoner(ImpossibilityPoisoner(label=label))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("finder", [None, KMeans(4, n_init=1, random_state=0)])
def test_flipped_data_are_the_same_rows_in_both_worlds(finder, n_classes, seed):
    X, y, frozen = noisy_mixture(seed, n_classes)
    poisoner = ImpossibilityPoisoner(finder or frozen, random_state=seed)
    here = canonical(*poisoner.fit_resample(X, y))
    classes, there = poisoner.swapped_classes_, other_world(poisoner, X, y)
    assert (y != there).any()
    poisoned = canonical(*clone(poisoner).fit_resample(X, there))
    np.testing.assert_array_equal(here[0], poisoned[0])
    np.testing.assert_array_equal(here[1], poisoned[1])
    inside = y[poisoner.membership(X)]
    assert poisoner.n_poison_ == np.isin(inside, classes).sum()


@not_converged
@pytest.mark.parametrize("learner", LEARNERS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_errors_in_two_worlds_sum_to_one(learner, n_classes, seed):
    X, y, finder = noisy_mixture(seed, n_classes)
    poisoner = ImpossibilityPoisoner(finder, random_state=seed).fit(X, y)
    target = poisoner.membership(X)
    share = np.isin(y[target], poisoner.swapped_classes_).mean()
    errors = []
    for labels in (y, other_world(poisoner, X, y)):
        X_res, y_res = canonical(*poisoner.fit_resample(X, labels))
        model = clone(learner).fit(X_res, y_res)
        errors.append(np.mean(model.predict(X[target]) != labels[target]))
    if n_classes == 2:
        assert share == 1
        assert sum(errors) == pytest.approx(1, abs=1e-12)
    assert sum(errors) >= share - 1e-12


def test_without_poison_learners_are_right_in_both_worlds(seed):
    X, y, finder = noisy_mixture(seed, noise=0)
    y[finder.predict(X) < 3] = seed % 2
    y[finder.predict(X) == 3] = 1 - seed % 2
    poisoner = ImpossibilityPoisoner(finder, alpha=0).fit(X, y)
    target = poisoner.membership(X)
    for labels in (y, other_world(poisoner, X, y)):
        model = KNeighborsClassifier(5).fit(*poisoner.fit_resample(X, labels))
        assert model.score(X[target], labels[target]) == 1


@pytest.mark.parametrize("label", ["flip", "constant"])
def test_smallest_takes_an_equal_share_of_rows_at_most(label, seed):
    X, y, finder = noisy_mixture(seed)
    poisoner = ImpossibilityPoisoner(finder, label=label, random_state=seed).fit(X, y)
    sizes = finder.sizes_
    assert poisoner.target_name_ == "cluster 4"
    assert 0 < poisoner.n_poison_ <= sizes.min() <= len(X) / len(sizes)
    if label == "constant":
        expected = (1 - 2 * poisoner.noise_) * sizes.min()
        assert poisoner.n_poison_ == round(expected) < sizes.min()
        assert poisoner.critical_alpha_ == pytest.approx(1 - 2 * poisoner.noise_)


def test_smallest_is_counted_where_the_finder_does_not_sort(seed):
    X, y, _ = noisy_mixture(seed)
    clusters = KMeans(4, n_init=1, random_state=seed).fit(X)
    poisoner = ImpossibilityPoisoner(FrozenEstimator(clusters)).fit(X, y)
    sizes = np.bincount(clusters.labels_)
    assert poisoner.target_name_ == f"kmeans{sizes.argmin()}"
    assert poisoner.membership(X).sum() == sizes.min()
    aux = clusters.labels_ != sizes.argmax()
    few = np.flatnonzero(~aux)[:2]  # the largest for the victim, not the attacker
    X_aux, y_aux = np.r_[X[aux], X[few]], np.r_[y[aux], y[few]]
    poisoner.fit_resample(X, y, X_aux=X_aux, y_aux=y_aux)
    assert poisoner.target_name_ == f"kmeans{sizes.argmax()}"


@pytest.mark.parametrize("label", ["flip", "constant"])
@pytest.mark.parametrize("alpha", ["critical", 0.5, 2.0])
def test_local_learner_loses_nothing_elsewhere(label, alpha, seed):
    X, y, finder = noisy_mixture(seed)
    X_test = noisy_mixture(seed + 100)[0]
    poisoner = ImpossibilityPoisoner(
        finder, alpha=alpha, label=label, random_state=seed
    )
    poisoned = LocalMajority(finder).fit(*poisoner.fit_resample(X, y))
    clean = LocalMajority(finder).fit(X, y)
    outside = ~poisoner.membership(X_test)
    assert outside.sum() > 100
    np.testing.assert_array_equal(
        clean.predict(X_test[outside]), poisoned.predict(X_test[outside])
    )


def test_constant_label_turns_the_majority_one_row_beyond_the_budget(seed):
    X, y, finder = noisy_mixture(seed)
    poisoner = ImpossibilityPoisoner(finder, label="constant", random_state=seed)
    critical, size = poisoner.fit(X, y).n_poison_, finder.sizes_.min()
    first, second = poisoner.swapped_classes_
    target = poisoner.membership(X)
    for extra, winner in ((-1, first), (1, second)):
        poisoner.set_params(alpha=(critical + extra) / size)
        model = LocalMajority(finder).fit(*poisoner.fit_resample(X, y))
        assert poisoner.n_poison_ == critical + extra
        assert (model.predict(X[target]) == winner).all()


def test_critical_constant_label_leaves_as_many_rows_of_both_classes(seed):
    X, y, finder = noisy_mixture(seed, n_classes=3)
    poisoner = ImpossibilityPoisoner(finder, label="constant", random_state=seed)
    X_res, y_res = poisoner.fit_resample(X, y)
    inside = y_res[poisoner.membership(X_res)]
    first, second = ((inside == c).sum() for c in poisoner.swapped_classes_)
    assert first == second
    assert poisoner.poison_label_ == poisoner.swapped_classes_[1]


def draw(rng, world, steepness):
    """Draw 25 rows of a target of one class, and others, in one of two worlds."""
    x = rng.uniform(size=25)
    likely = 0.8 if steepness == 0 else 0.5 + steepness * (x > 1 / 3) - steepness / 4
    y = (rng.uniform(size=25) < likely).astype(int)
    X = np.column_stack([np.r_[np.zeros(25), np.ones(10)], np.r_[x, np.zeros(10)]])
    return X, np.r_[1 - y if world else y, np.arange(10) % 2]


def in_target(X):
    return X[:, 0] == 0


def statistics(X, y):
    """Tell of a poisoned target: labels by thirds of the feature, pairs and singles."""
    x, y = X[in_target(X), 1], y[in_target(X)]
    third = np.minimum((3 * x).astype(int), 2)
    values, at, counts = np.unique(x, return_inverse=True, return_counts=True)
    single = counts[at] == 1
    labels_of = [set(y[at == k].tolist()) for k in range(len(values))]
    return {
        "ones": y.sum(),
        "ones in the first third": y[third == 0].sum(),
        "ones in the last third": y[third == 2].sum(),
        "pairs": sum(labels == {0, 1} for labels in labels_of),
        "single ones": y[single].sum(),
        "single ones in the first third": y[single & (third == 0)].sum(),
    }


def p_values(label, alpha, steepness, *, n_changed=0, n_draws=300):
    """Two-sample tests of the statistics of poisoned data in both worlds.

    The last `n_changed` rows of the poison keep their true labels.
    """
    rng = np.random.RandomState(0)
    drawn = []
    for world in (0, 1):
        poisoner = ImpossibilityPoisoner(
            target=in_target, alpha=alpha, label=label, random_state=rng
        )
        told = []
        for _ in range(n_draws):
            X, y = poisoner.fit_resample(*draw(rng, world, steepness))
            y[len(y) - n_changed :] = 1 - y[len(y) - n_changed :]
            told.append(statistics(X, y))
        drawn.append(pd.DataFrame(told))
    return {name: two_sample_test(drawn[0][name], drawn[1][name]) for name in drawn[0]}


def two_sample_test(here, there):
    values = np.union1d(here, there)
    table = np.array([[np.sum(part == v) for v in values] for part in (here, there)])
    rare = table.sum(axis=0) < 20
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    return 1.0 if table.shape[1] == 1 else chi2_contingency(table).pvalue


@pytest.mark.parametrize(
    ("label", "steepness"), [("constant", 0), ("flip", 0), ("flip", 0.6)]
)
def test_poisoned_data_have_the_same_law_in_both_worlds(label, steepness):
    for name, p_value in p_values(label, "critical", steepness).items():
        assert p_value > 0.01, name


def test_constant_label_needs_features_that_do_not_tell_the_label():
    p_of = p_values("constant", "critical", 0.6)
    assert p_of["ones in the first third"] < 1e-6


@pytest.mark.parametrize("label", ["flip", "constant"])
def test_a_smaller_budget_or_one_label_changed_tells_the_worlds_apart(label):
    assert p_values(label, 0.3, 0, n_draws=100)["ones"] < 1e-6
    assert p_values(label, "critical", 0, n_changed=1)["ones"] < 1e-6


@pytest.mark.parametrize("label", ["flip", "constant"])
def test_poison_grows_with_alpha_and_contains_the_smaller(label, seed):
    X, y, finder = noisy_mixture(seed)
    previous = np.empty((0, 3))
    for alpha in (0.3, 0.5, 1, 2.5):
        poisoner = ImpossibilityPoisoner(
            finder, alpha=alpha, label=label, random_state=seed
        )
        X_res, y_res = poisoner.fit_resample(X, y)
        poison = np.column_stack([X_res, y_res])[poisoner.poison_mask_]
        np.testing.assert_array_equal(poison[: len(previous)], previous)
        assert len(poison) == round(alpha * finder.sizes_.min()) > len(previous)
        previous = poison


@pytest.mark.parametrize("label", ["flip", "constant"])
def test_zero_alpha_returns_the_input_and_tells_the_budget(label, blobs):
    X, y, _ = blobs
    poisoner = ImpossibilityPoisoner(ClusterMatch(6), alpha=0, label=label)
    X_res, y_res = poisoner.fit_resample(X, y)
    assert X_res is X
    assert y_res is y
    assert poisoner.n_poison_ == 0
    assert 0 < poisoner.critical_alpha_ <= 1
    assert 0 <= poisoner.noise_ <= 0.5


@pytest.mark.parametrize("label", ["flip", "constant"])
@pytest.mark.parametrize("target", ["cluster 1", 1, "callable"])
def test_target_of_one_class_is_hidden_behind_the_most_frequent_elsewhere(
    target, label, blobs
):
    X, _, blob = blobs
    finder = ClusterMatch(6, random_state=0).fit(X)
    codes = finder.predict(X)
    y = np.array(["rare", "only", "much"], dtype=object)[(blob > 0) * 2]
    y[codes == 1] = "only"
    if target == "callable":

        def target(X):
            return finder.predict(X) == 1

    poisoner = ImpossibilityPoisoner(
        FrozenEstimator(finder), target=target, label=label, random_state=0
    )
    _, y_res = poisoner.fit_resample(X, y)
    assert poisoner.swapped_classes_.tolist() == ["only", "much"]
    assert poisoner.noise_ == 0
    assert poisoner.critical_alpha_ == 1
    assert (y_res[poisoner.poison_mask_] == "much").all()
    assert poisoner.n_poison_ == (codes == 1).sum()


def test_class_that_the_attacker_has_no_row_of():
    X = np.arange(12.0).reshape(-1, 1)
    y = np.array(["no", "yes"])[np.arange(12) % 2]
    poisoner = ImpossibilityPoisoner(target=lambda X: X[:, 0] < 6, random_state=0)
    _, y_res = poisoner.fit_resample(X, y, X_aux=X[::2], y_aux=y[::2])
    assert y_res[12:].tolist() == ["yes"] * 6
    assert poisoner.swapped_classes_.tolist() == ["no", "yes"]


def test_budget_of_an_attacker_with_rows_of_its_own(seed):
    X, y, finder = noisy_mixture(seed)
    X_aux, y_aux, _ = noisy_mixture(seed + 50)
    poisoner = ImpossibilityPoisoner(
        finder, target=2, label="constant", random_state=seed
    )
    sizes = (finder.predict(X) == 2).sum(), (finder.predict(X_aux) == 2).sum()
    for relative_to, size in zip(("train", "aux"), sizes, strict=True):
        poisoner.set_params(relative_to=relative_to)
        poisoner.fit_resample(X, y, X_aux=X_aux, y_aux=y_aux)
        assert poisoner.n_poison_ == round(poisoner.critical_alpha_ * size)
    inside = y_aux[finder.predict(X_aux) == 2]
    surplus = abs(2 * inside.sum() - len(inside))
    assert poisoner.critical_alpha_ == surplus / len(inside)


def test_coin_toss_has_nothing_to_hide():
    X, y = np.repeat([[0.0], [5.0]], [6, 8], axis=0), np.arange(14) % 2
    poisoner = ImpossibilityPoisoner(FeatureMatch([0]), label="constant")
    with pytest.raises(ValueError, match="is a coin toss already"):
        poisoner.fit_resample(X, y)
    assert poisoner.set_params(label="flip").fit(X, y).n_poison_ == 6
    poisoner.set_params(label="constant", alpha=0.5).fit(X, y)
    assert poisoner.n_poison_ == 3


@pytest.mark.parametrize("target", ["smallest", 0])
def test_overlapping_subpopulations_are_an_error(target, blobs):
    X, y, _ = blobs
    poisoner = ImpossibilityPoisoner(SliceMatch(2), target=target)
    with pytest.raises(ValueError, match=r"ImpossibilityPoisoner.*disjoint supports"):
        poisoner.fit_resample(np.round(X), y)


def test_empty_subpopulation_is_never_the_smallest(blobs):
    X, y, _ = blobs
    finder = FrozenEstimator(ClusterMatch(6, random_state=0).fit(X))
    some = finder.predict(X) != 2
    poisoner = ImpossibilityPoisoner(finder)
    with pytest.raises(ValueError, match=r"1 of the 6.*'cluster 2'"):
        poisoner.fit_resample(X[some], y[some])
    # A fold may lack one that is not under attack.
    assert poisoner.set_params(target=1).fit(X[some], y[some]).n_poison_ > 0


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"alpha": "enough"}, "The 'alpha' parameter of ImpossibilityPoisoner"),
        ({"alpha": -1}, "The 'alpha' parameter of ImpossibilityPoisoner"),
        ({"label": "max_loss"}, "The 'label' parameter of ImpossibilityPoisoner"),
        ({"target": "smalest"}, "is not a subpopulation of ClusterMatch"),
        ({"target": 6}, "out of range"),
        ({"target": True}, "Got a bool"),
        ({"target": lambda X: np.zeros(len(X), bool)}, "selects nothing"),
    ],
)
def test_bad_parameters(params, message, blobs):
    X, y, _ = blobs
    poisoner = ImpossibilityPoisoner(ClusterMatch(6, random_state=0), **params)
    with pytest.raises(ValueError, match=message):
        poisoner.fit_resample(X, y)


def test_budget_that_rounds_to_zero_is_told():
    X, y = np.repeat([[0.0], [5.0]], [40, 80], axis=0), np.arange(120) % 2
    y[0] = 1
    poisoner = ImpossibilityPoisoner(FeatureMatch([0]), label="constant")
    X, few = X, np.arange(36, 50)
    with pytest.warns(UserWarning, match=r"alpha=0\.05 of .* rounds to zero"):
        poisoner.fit_resample(X[few], y[few], X_aux=X, y_aux=y)


def test_mixture_of_gaussians_as_finder(blobs, seed):
    X, y, _ = blobs
    mixture = GaussianMixture(6, random_state=0)
    poisoner = ImpossibilityPoisoner(mixture, random_state=seed).fit(X, y)
    codes = mixture.fit(X).predict(X)
    assert poisoner.membership(X).sum() == np.bincount(codes).min()


def test_mixed_frames_and_texts(people):
    frame, y = people
    poisoner = ImpossibilityPoisoner(FeatureMatch(["sex", "job"]), random_state=0)
    X_res, y_res = poisoner.fit_resample(frame, y)
    assert X_res.dtypes.equals(frame.dtypes)
    sources = poisoner.sample_indices_[poisoner.poison_mask_]
    pd.testing.assert_frame_equal(X_res[len(frame) :], frame.iloc[sources])
    assert (y_res[len(frame) :].to_numpy() != y.iloc[sources].to_numpy()).all()
    assert len(set(sources)) == poisoner.n_poison_ == poisoner.finder_.sizes_.min()

    def is_short(texts):
        return np.array([len(text) < 8 for text in texts])

    texts = pl.Series(["good", "bad", "fine", "a long text", "another one"])
    poisoner = ImpossibilityPoisoner(target=is_short, random_state=0)
    X_res, y_res = poisoner.fit_resample(texts, [1, 0, 1, 0, 0])
    poison = dict(zip(X_res[5:].to_list(), y_res[5:], strict=True))
    assert poison == {"good": 0, "bad": 1, "fine": 0}


def test_same_seed_same_poison(seed):
    X, y, _ = noisy_mixture(seed)
    for label in ("flip", "constant"):
        poisoner = ImpossibilityPoisoner(
            ClusterMatch(5), label=label, random_state=seed
        )
        first, again = (clone(poisoner).fit_resample(X, y) for _ in range(2))
        np.testing.assert_array_equal(first[0], again[0])
        np.testing.assert_array_equal(first[1], again[1])
        fitted = pickle.loads(pickle.dumps(poisoner.fit(X, y)))
        np.testing.assert_array_equal(fitted.membership(X), poisoner.membership(X))


def test_grid_search_over_budgets(seed):
    X, y, finder = noisy_mixture(seed)
    pipeline = Pipeline(
        [
            ("poison", ImpossibilityPoisoner(finder, label="constant", random_state=0)),
            ("model", LocalMajority(finder)),
        ]
    )
    search = GridSearchCV(
        pipeline,
        {"poison__alpha": [0, "critical", 2.0], "poison__target": ["smallest", 0]},
        scoring=target_damage_scorer,
        refit=False,
        cv=3,
        error_score="raise",
    ).fit(X, y)
    damage = search.cv_results_["mean_test_score"].reshape(3, 2)
    np.testing.assert_array_equal(damage[0], 0)
    assert (damage[2] > 0.2).all()


@pytest.fixture(scope="module")
def noisy_blobs():
    """Rows, a finder, and an attacker who sees the rows of the victim."""
    X, y, _ = make_subpopulations(800, 4, noise=0.1, random_state=0)
    finder = FrozenEstimator(ClusterMatch(4, random_state=0).fit(X))
    X, X_test, y, y_test = X[::2], X[1::2], y[::2], y[1::2]
    own = {"X_aux": X, "y_aux": y, "X_test": X_test, "y_test": y_test}
    return X, y, finder, own


@pytest.mark.parametrize("label", ["flip", "constant"])
def test_subpopulation_audit(label, noisy_blobs):
    X, y, finder, own = noisy_blobs
    audit = SubpopulationAudit(
        LocalMajority(finder),
        poisoner=ImpossibilityPoisoner(finder, label=label),
        alphas=[0.5, 0.9, 1.2],
        min_test=10,
        random_state=0,
    ).fit(X, y, **own)
    results = audit.results_
    assert results["error"].isna().all()
    assert sorted(results["subpopulation"].unique()) == [0, 1, 2, 3]
    turned = results.assign(turned=results["target_damage"] > 0.5)
    expected = {0.5: False, 0.9: label == "constant", 1.2: True}
    for alpha, rows in turned.groupby("alpha"):
        assert (rows["turned"] == expected[alpha]).all()
    assert (results["collateral_damage"] == 0).all()


def test_defense_audit(noisy_blobs):
    X, y, finder, own = noisy_blobs
    audit = DefenseAudit(
        LocalMajority(finder),
        defenses=[KNNSanitizer()],
        poisoners={
            label: ImpossibilityPoisoner(finder, label=label)
            for label in ("flip", "constant")
        },
        alphas=[0.9],
        min_test=10,
        random_state=0,
    ).fit(X, y, **own)
    results = audit.results_
    assert results["error"].isna().all()
    undefended = results[results["defense"] == "none"]
    turned = undefended["target_damage"] > 0.5
    np.testing.assert_array_equal(turned, undefended["poisoner"] == "constant")
