import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits, make_blobs
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.defenses import DeepKNN
from skpoison.defenses._neighbor_labels import neighbor_shares
from skpoison.estimator_checks import check_sanitizer
from skpoison.finders import Representation


def removed_by(defense, n):
    removed = np.ones(n, dtype=bool)
    removed[defense.sample_indices_] = False
    return removed


def naive_shares(Z, codes, k):
    distances = cdist(Z, Z)
    np.fill_diagonal(distances, np.inf)
    near = np.argsort(distances, axis=1)[:, :k]
    return np.array([np.bincount(codes[row], minlength=3) / k for row in near])


def flipped(seed, share=0.05):
    """Digits of which some have a random other label."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.RandomState(seed)
    flips = rng.rand(len(y)) < share
    y_flipped = (y + flips * rng.randint(1, 10, len(y))) % 10
    return X / 16, y_flipped, flips


def subpopulation_poison(alpha, seed):
    """Rows, labels, poison, and clean members of the target."""
    X, blob = make_blobs(600, n_features=3, centers=6, random_state=3)
    poisoner = SubpopPoisoner(
        ClusterMatch(6, random_state=0), alpha=alpha, random_state=seed
    )
    X, y = poisoner.fit_resample(X, blob % 2)
    poison = poisoner.poison_mask_
    return X, y, poison, poisoner.membership(X) & ~poison


@pytest.mark.parametrize(
    "params", [{}, {"class_weight": "balanced", "normalize": True}]
)
def test_contract(params):
    check_sanitizer(DeepKNN(**params))


@pytest.mark.parametrize("n_features", [2, 20])
@pytest.mark.parametrize("k", [1, 7, 30])
def test_shares_are_those_of_all_distances(n_features, k, seed, monkeypatch):
    rng = np.random.RandomState(seed)
    Z, codes = rng.standard_normal((90, n_features)), rng.randint(3, size=90)
    shares = neighbor_shares(Z, codes, 3, k)
    np.testing.assert_allclose(shares, naive_shares(Z, codes, k))
    monkeypatch.setattr("skpoison.defenses._neighbor_labels.TABLE", 8 * (k + 1))
    np.testing.assert_array_equal(neighbor_shares(Z, codes, 3, k), shares)


@pytest.mark.parametrize("n_features", [1, 9])
def test_the_row_itself_has_no_vote_and_its_copies_have(n_features):
    Z = np.repeat(np.arange(4.0), [6, 6, 6, 6])[:, np.newaxis] * np.ones(n_features)
    codes = np.tile([0, 1, 1, 1, 1, 1], 4)
    shares = neighbor_shares(Z, codes, 2, 5)
    np.testing.assert_array_equal(shares[codes == 0], [[0, 1]] * 4)
    np.testing.assert_allclose(shares[codes == 1], [[0.2, 0.8]] * 20)
    # More copies than neighbors: still none of the votes is its own.
    alone = np.r_[0, np.ones(9, dtype=int)]
    shares = neighbor_shares(np.ones((10, n_features)), alone, 2, 3)
    assert shares[0].tolist() == [0, 1]


def test_scores_are_the_lead_of_the_strongest_other_label(seed):
    rng = np.random.RandomState(seed)
    X, y = rng.standard_normal((90, 4)), rng.randint(3, size=90)
    defense = DeepKNN(n_neighbors=9, max_share=0.99, random_state=0).fit(X, y)
    shares = naive_shares(X, y, 9)
    own = shares[np.arange(90), y]
    shares[np.arange(90), y] = -1
    np.testing.assert_allclose(defense.scores_, shares.max(axis=1) - own)
    np.testing.assert_array_equal(removed_by(defense, 90), defense.scores_ > 0)


def test_scattered_flips_are_found(seed):
    X, y, flips = flipped(seed)
    network = MLPClassifier(64, early_stopping=True, random_state=seed)
    for representation in (None, Representation(network)):
        defense = DeepKNN(representation, random_state=seed).fit(X, y)
        removed = removed_by(defense, len(y))
        assert removed[flips].mean() > 0.97
        assert removed[~flips].mean() < 0.06
        assert roc_auc_score(flips, defense.scores_) > 0.98


def test_the_number_of_flips_as_an_oracle(seed):
    X, y, flips = flipped(seed)
    defense = DeepKNN(contamination=int(flips.sum()), random_state=seed).fit(X, y)
    removed = removed_by(defense, len(y))
    assert removed.sum() == flips.sum()
    assert removed[flips].mean() > 0.9


def test_subpopulation_poison_turns_the_vote_at_alpha_one(seed):
    poison_removed, members_removed = {}, {}
    for alpha in (0.5, 1, 2):
        X, y, poison, members = subpopulation_poison(alpha, seed)
        defense = DeepKNN(max_share=0.5, random_state=seed).fit(X, y)
        removed = removed_by(defense, len(y))
        poison_removed[alpha] = removed[poison].mean()
        members_removed[alpha] = removed[members].mean()
        assert removed[~poison & ~members].mean() < 0.02
    assert poison_removed[0.5] > 0.95
    assert members_removed[0.5] < 0.05
    assert 0.25 < poison_removed[1] < 0.75
    assert poison_removed[2] < 0.05
    assert members_removed[2] > 0.95


def test_without_poison_no_more_than_the_share_is_removed(seed):
    rng = np.random.RandomState(seed)
    X, y = rng.standard_normal((300, 3)), rng.randint(2, size=300)
    for max_share in (0.02, 0.1):
        defense = DeepKNN(max_share=max_share, random_state=seed).fit(X, y)
        assert removed_by(defense, 300).sum() == int(max_share * 300)
        over = defense.scores_[defense.sample_indices_].max()
        assert defense.scores_[removed_by(defense, 300)].min() >= over
    X, y, _ = flipped(seed, share=0)
    assert removed_by(DeepKNN().fit(X, y), len(y)).mean() < 0.06


def test_which_rows_of_one_score_are_removed_does_not_hang_on_their_order():
    X, y = np.repeat([[0.0], [9.0]], 100, axis=0), np.repeat([0, 1], 100)
    y[:30] = 1
    counts = np.zeros(200)
    for seed in range(40):
        defense = DeepKNN(n_neighbors=99, contamination=15, random_state=seed)
        counts += removed_by(defense.fit(X, y), 200)
    assert counts.sum() == counts[:30].sum() == 600
    assert 0.3 < counts[:15].sum() / 600 < 0.7


def test_neighbors_by_default_and_at_most():
    X, y, _ = flipped(0)
    assert DeepKNN().fit(X, y).n_neighbors_ == 50
    assert DeepKNN().fit(X[:600], y[:600]).n_neighbors_ == 30
    few = np.arange(12.0)[:, np.newaxis]
    assert DeepKNN(n_neighbors=50).fit(few, np.arange(12) % 2).n_neighbors_ == 11


def test_balanced_votes_spare_a_small_class(seed):
    X, y = make_blobs(
        [300, 60], n_features=2, centers=[[0, 0], [3, 0]], random_state=seed
    )
    defense = DeepKNN(n_neighbors=150, max_share=0.5, random_state=seed)
    with pytest.raises(ValueError, match=r"would remove every row of class \[1\]"):
        defense.fit(X, y)
    removed = removed_by(defense.set_params(class_weight="balanced").fit(X, y), 360)
    assert removed[y == 1].mean() < 0.2
    assert removed[y == 0].mean() < 0.2


def test_normalized_representations_are_compared_by_direction(seed):
    rng = np.random.RandomState(seed)
    X, y = rng.standard_normal((200, 4)), rng.randint(2, size=200)
    lengths = rng.uniform(0.01, 100, (200, 1))
    scores = [
        DeepKNN(normalize=True, random_state=0).fit(rows, y).scores_
        for rows in (X, X * lengths)
    ]
    np.testing.assert_allclose(*scores)
    plain = DeepKNN(random_state=0).fit(X * lengths, y).scores_
    assert not np.allclose(plain, scores[0])


def test_texts_and_frozen_representations():
    rng = np.random.RandomState(0)
    y = np.where(rng.rand(80) < 0.5, "bad", "good")
    words = {"bad": ["awful", "dull", "film"], "good": ["good", "fine", "film"]}
    texts = [" ".join(rng.choice(words[label], 6)) for label in y]
    y[3] = "good" if y[3] == "bad" else "bad"
    vectorizer = FrozenEstimator(CountVectorizer().fit(texts))
    defense = DeepKNN(vectorizer, n_neighbors=9, random_state=0)
    rows, labels = defense.fit_resample(texts, y)
    assert 3 not in defense.sample_indices_
    assert isinstance(rows, list)
    assert len(rows) == len(labels) < 80


@pytest.mark.parametrize(
    ("params", "X", "message"),
    [
        ({}, np.ones((20, 3)), "all 20 have the same representation"),
        ({}, [f"text {i}" for i in range(20)], "cannot compare raw texts"),
        ({"representation": StandardScaler(), "contamination": 0.99}, None, "delete"),
        ({"n_neighbors": 0}, None, "'n_neighbors' parameter of DeepKNN"),
        ({"class_weight": {0: 1}}, None, "'class_weight' parameter of DeepKNN"),
        ({"normalize": "l2"}, None, "'normalize' parameter of DeepKNN"),
        ({"representation": LinearSVC()}, None, "'representation' parameter"),
    ],
)
def test_bad_input(params, X, message):
    X = np.random.RandomState(0).standard_normal((20, 3)) if X is None else X
    with pytest.raises(ValueError, match=message):
        DeepKNN(**params).fit(X, np.arange(20) % 2)


def test_few_neighbors_of_a_small_dtype():
    X, y = np.random.RandomState(0).randn(30, 2), np.arange(30) % 2
    small = DeepKNN(n_neighbors=np.uint8(1)).fit(X, y)
    assert np.array_equal(small.scores_, DeepKNN(n_neighbors=1).fit(X, y).scores_)
