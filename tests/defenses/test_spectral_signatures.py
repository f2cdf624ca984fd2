import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.attacks import BackdoorPoisoner, FeatureTrigger, everything
from skpoison.defenses import SpectralSignatures
from skpoison.defenses._top_components import top_components
from skpoison.estimator_checks import check_sanitizer
from skpoison.finders import Representation


def removed_by(defense, n):
    removed = np.ones(n, dtype=bool)
    removed[defense.sample_indices_] = False
    return removed


def naive_scores(Z, y):
    scores = np.empty(len(y))
    for label in np.unique(y):
        centered = Z[y == label] - Z[y == label].mean(axis=0)
        direction = np.linalg.svd(centered, full_matrices=False)[2][0]
        scores[y == label] = np.abs(centered @ direction)
    return scores


def backdoored(seed, alpha=0.02):
    X, y = load_digits(return_X_y=True)
    trigger = FeatureTrigger([0, 7, 56, 63], 2.0)
    poisoner = BackdoorPoisoner(
        target=everything, alpha=alpha, label=3, trigger=trigger, random_state=seed
    )
    X, y = poisoner.fit_resample(X / 16, y)
    network = MLPClassifier(64, early_stopping=True, random_state=seed).fit(X, y)
    return X, y, poisoner.poison_mask_, Representation(FrozenEstimator(network))


def test_contract():
    check_sanitizer(SpectralSignatures())


@pytest.mark.parametrize("shape", [(300, 12), (40, 90), (700, 300), (300, 700)])
def test_scores_are_those_of_the_full_decomposition(shape, seed):
    rng = np.random.RandomState(seed)
    Z = rng.standard_normal(shape) * np.linspace(3, 1, shape[1]) + 5
    y = rng.randint(2, size=len(Z))
    defense = SpectralSignatures(random_state=seed).fit(Z, y)
    np.testing.assert_allclose(defense.scores_, naive_scores(Z, y), atol=1e-6)


def test_components_have_the_singular_values_and_no_more_than_the_rank():
    rng = np.random.RandomState(0)
    Z = rng.standard_normal((50, 3)) @ rng.standard_normal((3, 8))
    projections, values = top_components(Z, 5, rng)
    assert projections.shape == (50, 3)
    exact = np.linalg.svd(Z - Z.mean(axis=0), compute_uv=False)[:3]
    np.testing.assert_allclose(values, exact)
    np.testing.assert_allclose(np.linalg.norm(projections, axis=0), values)


def test_a_backdoor_is_found(seed):
    X, y, poison, representation = backdoored(seed)
    n_poison = int(poison.sum())
    defense = SpectralSignatures(representation, contamination=n_poison).fit(X, y)
    removed = removed_by(defense, len(y))
    attacked = y == 3
    assert roc_auc_score(poison[attacked], defense.scores_[attacked]) > 0.95
    assert roc_auc_score(poison, defense.scores_) > 0.95
    assert removed[poison].mean() > 0.95
    assert (np.bincount(y[removed]) == round(1.5 * n_poison)).all()


def test_subpopulation_poison_has_no_direction_of_its_own(seed):
    X, y = load_digits(return_X_y=True)
    finder = ClusterMatch(20, random_state=0)
    poisoner = SubpopPoisoner(finder, target=5, alpha=2, random_state=seed)
    X, y = poisoner.fit_resample(X / 16, y)
    network = MLPClassifier(64, early_stopping=True, random_state=seed).fit(X, y)
    representation = Representation(FrozenEstimator(network))
    defense = SpectralSignatures(representation, contamination=0.15, factor=1)
    removed = removed_by(defense.fit(X, y), len(y))
    poison = poisoner.poison_mask_
    # No better than the 15 % that a random choice of rows would catch.
    assert removed[poison].mean() < 0.25


def test_uncentered_scores_would_miss_what_is_near_the_origin(seed):
    rng = np.random.RandomState(seed)
    X, y = rng.standard_normal((400, 4)), np.repeat([0, 1], 200)
    X[:, 0] += 20
    poison = np.arange(400) < 20
    X[poison, 0] -= 15
    scores = SpectralSignatures().fit(X, y).scores_[y == 0]
    class_rows = X[y == 0]
    centered = class_rows - class_rows.mean(axis=0)
    direction = np.linalg.svd(centered, full_matrices=False)[2][0]
    assert roc_auc_score(poison[y == 0], scores) > 0.99
    assert roc_auc_score(poison[y == 0], np.abs(class_rows @ direction)) < 0.01


def test_without_poison_no_more_than_the_share_of_each_class_is_removed(seed):
    rng = np.random.RandomState(seed)
    X = rng.standard_t(2, size=(600, 4))
    y = rng.choice(3, 600, p=[0.1, 0.3, 0.6])
    for max_share in (0.02, 0.1):
        defense = SpectralSignatures(max_share=max_share).fit(X, y)
        removed = removed_by(defense, 600)
        assert removed.any()
        assert (
            np.bincount(y[removed], minlength=3) <= max_share * np.bincount(y)
        ).all()
    X, y = load_digits(return_X_y=True)
    assert removed_by(SpectralSignatures().fit(X, y), len(y)).mean() < 0.05


def test_the_percentile_of_the_paper(seed):
    rng = np.random.RandomState(seed)
    X, y = rng.standard_normal((500, 5)), rng.choice(2, 500, p=[0.3, 0.7])
    defense = SpectralSignatures(contamination=0.15, factor=1).fit(X, y)
    removed, scores = removed_by(defense, 500), naive_scores(X, y)
    for label in (0, 1):
        rows = y == label
        over = scores[rows] > np.percentile(scores[rows], 85)
        assert abs(int(over.sum()) - int(removed[rows].sum())) <= 1
        assert (over & removed[rows]).sum() >= min(over.sum(), removed[rows].sum())


def test_share_and_count_remove_factor_times_as_much_of_every_class():
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((200, 5)), np.repeat([0, 1], [40, 160])
    for contamination, factor, counts in (
        (0.1, 1.5, [6, 24]),
        (0.1, 2, [8, 32]),
        (10, 1.5, [15, 15]),
        (0, 1.5, [0, 0]),
    ):
        defense = SpectralSignatures(contamination=contamination, factor=factor)
        removed = removed_by(defense.fit(X, y), 200)
        assert np.bincount(y[removed], minlength=2).tolist() == counts


def test_the_only_row_of_a_class_has_score_0():
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((61, 4)), np.r_[np.arange(60) % 2, 2]
    defense = SpectralSignatures().fit(X, y)
    assert defense.scores_[60] == 0
    assert 60 in defense.sample_indices_
    constant = np.where(y[:, np.newaxis] == 0, 7.0, X)
    assert (SpectralSignatures().fit(constant, y).scores_[y == 0] == 0).all()


def test_texts_and_images():
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=60)
    words = np.array([["bad", "dull", "film"], ["good", "fine", "film"]])
    texts = [" ".join(rng.choice(words[c], 5)) for c in y]
    rows, labels = SpectralSignatures(CountVectorizer()).fit_resample(texts, y)
    assert isinstance(rows, list)
    assert len(rows) == len(labels)
    images = rng.standard_normal((60, 4, 4, 3))
    defense = SpectralSignatures().fit(images, y)
    flat = SpectralSignatures().fit(images.reshape(60, -1), y)
    np.testing.assert_array_equal(defense.scores_, flat.scores_)


def test_the_representation_is_a_clone_that_is_fitted_and_seeded():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300] / 16, y[:300] % 2
    network = MLPClassifier(8, early_stopping=True)
    representation = Representation(network)
    runs = [SpectralSignatures(representation, random_state=0).fit(X, y) for _ in "ab"]
    assert not hasattr(representation, "estimator_")
    assert isinstance(runs[0].representation_, Representation)
    np.testing.assert_array_equal(runs[0].scores_, runs[1].scores_)


@pytest.mark.parametrize(
    ("params", "X", "message"),
    [
        ({}, np.ones((20, 3)), "all 20 have the same representation"),
        ({}, [f"text {i}" for i in range(20)], "cannot compare raw texts"),
        ({"contamination": 8}, None, r"would delete every row of class \[0, 1\]"),
        ({"contamination": 0.7}, None, r"would delete every row of class \[0, 1\]"),
        ({"contamination": 1.0}, None, "'contamination' parameter"),
        ({"factor": 0.5}, None, "'factor' parameter of SpectralSignatures"),
        ({"max_share": 0}, None, "'max_share' parameter of SpectralSignatures"),
        ({"representation": "pca"}, None, "'representation' parameter"),
    ],
)
def test_bad_input(params, X, message):
    X = np.random.RandomState(0).standard_normal((20, 3)) if X is None else X
    with pytest.raises(ValueError, match=message):
        SpectralSignatures(**params).fit(X, np.arange(20) % 2)


def test_sparse_rows_are_those_of_the_array():
    X, y = load_digits(return_X_y=True)
    dense = SpectralSignatures().fit(X, y)
    rows = SpectralSignatures().fit(sparse.csr_array(X), y)
    np.testing.assert_allclose(rows.scores_, dense.scores_)
