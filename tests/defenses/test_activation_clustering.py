import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA, FastICA
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score, roc_auc_score, silhouette_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.attacks import BackdoorPoisoner, FeatureTrigger, everything
from skpoison.defenses import ActivationClustering
from skpoison.defenses._two_clusters import (
    distance_ratio,
    reclassification_ratio,
    silhouette,
)
from skpoison.estimator_checks import check_sanitizer
from skpoison.finders import Representation

# Of evidence, low enough for two of the classes in a test, where one is less clear.
THRESHOLDS = {"distance": 0.4, "silhouette": 0.3}
ANALYSES = ["relative_size", "smaller", "silhouette", "distance", "reclassification"]


def removed_by(defense, n):
    removed = np.ones(n, dtype=bool)
    removed[defense.sample_indices_] = False
    return removed


def backdoored(seed, alpha=0.02):
    X, y = load_digits(return_X_y=True)
    trigger = FeatureTrigger([0, 7, 56, 63], 2.0)
    poisoner = BackdoorPoisoner(
        target=everything, alpha=alpha, label=3, trigger=trigger, random_state=seed
    )
    X, y = poisoner.fit_resample(X / 16, y)
    network = MLPClassifier(64, early_stopping=True, random_state=seed).fit(X, y)
    return X, y, poisoner.poison_mask_, Representation(FrozenEstimator(network))


def two_groups(seed, share=0.2, shift=12.0):
    """Two classes, one of which holds a foreign group where the other is."""
    rng = np.random.RandomState(seed)
    n_foreign = round(200 * share)
    X = rng.standard_normal((400, 5))
    y = np.repeat([0, 1], 200)
    X[y == 1, 0] += shift
    X[:n_foreign, 0] += shift
    return X, y, np.arange(400) < n_foreign


@pytest.mark.parametrize("analysis", ["relative_size", "reclassification"])
def test_contract(analysis):
    check_sanitizer(ActivationClustering(analysis=analysis))


@pytest.mark.parametrize(
    "analysis", ["relative_size", "silhouette", "reclassification"]
)
def test_a_backdoor_is_found(analysis, seed):
    X, y, poison, representation = backdoored(seed)
    defense = ActivationClustering(
        representation,
        analysis=analysis,
        estimator=KNeighborsClassifier(),
        random_state=seed,
    ).fit(X, y)
    removed, attacked = removed_by(defense, len(y)), y == 3
    assert defense.removed_[3]
    assert removed[poison].mean() > 0.95
    assert roc_auc_score(poison[attacked], defense.scores_[attacked]) > 0.95
    assert roc_auc_score(poison, defense.scores_) > 0.9


def test_subpopulation_poison_is_the_larger_cluster(seed):
    X, y = load_digits(return_X_y=True)
    finder = ClusterMatch(20, random_state=0)
    poisoner = SubpopPoisoner(finder, target=5, alpha=2, random_state=seed)
    X, y = poisoner.fit_resample(X / 16, y)
    network = MLPClassifier(64, early_stopping=True, random_state=seed).fit(X, y)
    representation = Representation(FrozenEstimator(network))
    defense = ActivationClustering(representation, random_state=seed)
    removed = removed_by(defense.fit(X, y), len(y))
    poison = poisoner.poison_mask_
    assert removed[poison].mean() < 0.05
    assert removed[~poison].mean() > 0.05


@pytest.mark.parametrize("analysis", ["distance", "reclassification"])
def test_a_group_of_its_own_is_condemned_by_size_and_cleared(analysis, seed):
    X, y, _ = two_groups(seed, share=0, shift=30)
    X[:40, 1] += 10
    by_size = ActivationClustering(random_state=seed).fit(X, y)
    np.testing.assert_array_equal(removed_by(by_size, 400)[y == 0], np.arange(200) < 40)
    cleared = ActivationClustering(
        analysis=analysis, estimator=KNeighborsClassifier(), random_state=seed
    ).fit(X, y)
    assert cleared.cluster_shares_[0] == by_size.cluster_shares_[0] == 0.2
    assert not cleared.removed_[0]


@pytest.mark.parametrize("analysis", ANALYSES)
def test_a_foreign_group_is_the_smaller_cluster(analysis, seed):
    X, y, foreign = two_groups(seed)
    defense = ActivationClustering(analysis=analysis, random_state=seed).fit(X, y)
    np.testing.assert_array_equal(defense.scores_[y == 0] > 0, foreign[y == 0])
    assert defense.cluster_shares_[0] == 0.2
    assert defense.removed_[0]
    assert removed_by(defense, 400)[foreign].all()
    assert not removed_by(defense, 400)[(y == 0) & ~foreign].any()


@pytest.mark.parametrize("analysis", ANALYSES)
def test_without_poison_no_more_than_the_share_of_each_class_is_removed(analysis, seed):
    rng = np.random.RandomState(seed)
    X, y = rng.standard_normal((500, 4)), rng.choice(2, 500, p=[0.2, 0.8])
    for max_share in (None, 0.1, 0.49):
        defense = ActivationClustering(
            analysis=analysis, max_share=max_share, random_state=seed
        ).fit(X, y)
        limit = max_share or (0.5 if analysis == "smaller" else 0.35)
        removed = np.bincount(y[removed_by(defense, 500)], minlength=2)
        assert (removed <= limit * np.bincount(y)).all()
        assert (np.isnan(defense.evidence_) == (defense.cluster_shares_ > limit)).all()
        assert not (defense.removed_ & np.isnan(defense.evidence_)).any()


def test_independent_components_are_whitened_ones_turned(seed):
    rng = np.random.RandomState(seed)
    Z = rng.exponential(size=(400, 8)) @ rng.standard_normal((8, 8))
    sources = FastICA(3, random_state=seed, whiten="unit-variance", max_iter=1000)
    ours = ActivationClustering(reduction="ica", n_components=3)._components(Z, rng)
    np.testing.assert_allclose(pdist(ours), pdist(sources.fit_transform(Z)))


def test_clusters_of_principal_components_are_those_of_scikit_learn(seed):
    X, y = load_breast_cancer(return_X_y=True)
    defense = ActivationClustering(n_components=4, random_state=seed).fit(X, y)
    for k in (0, 1):
        Z = PCA(4).fit_transform(X[y == k])
        clusters = KMeans(2, n_init=10, random_state=seed).fit_predict(Z)
        ours = defense.scores_[y == k] + 2 * ~defense.removed_[k] > 0
        assert adjusted_rand_score(clusters, ours) == 1
        assert defense.cluster_shares_[k] == pytest.approx(
            np.bincount(clusters).min() / len(Z)
        )


def test_scores_over_0_are_the_rows_removed(seed):
    X, y, _ = two_groups(seed)
    for analysis in ANALYSES:
        defense = ActivationClustering(analysis=analysis, random_state=seed).fit(X, y)
        np.testing.assert_array_equal(defense.scores_ > 0, removed_by(defense, len(y)))
        assert (np.abs(defense.scores_ + 0.5) <= 2.5).all()


@pytest.mark.parametrize("analysis", ANALYSES)
def test_scores_follow_the_evidence_of_classes(analysis, seed):
    """A clear class comes before a doubtful one, and one without evidence last."""
    X, y, _ = two_groups(seed, share=0.1, shift=20)
    rng = np.random.RandomState(seed)
    doubtful, whole = rng.standard_normal((2, 200, 5))
    doubtful[:, 1] += 20
    doubtful[:60, 0] += 11
    whole[:, 1] -= 20
    X, y = np.concatenate([X, doubtful, whole]), np.append(y, np.repeat([2, 3], 200))
    defense = ActivationClustering(
        analysis=analysis, threshold=THRESHOLDS.get(analysis), random_state=seed
    ).fit(X, y)
    scores, removed = defense.scores_, removed_by(defense, len(y))
    suspect = defense.removed_[y]
    assert defense.removed_[0]
    assert scores[removed & (y == 0)].min() > scores[~removed].max()
    if not suspect.all():
        assert scores[~suspect].max() < scores[suspect].min()
    if defense.removed_[2]:
        clear, other = (np.median(scores[removed & (y == k)]) for k in (0, 2))
        assert clear > other


def test_silhouettes_are_those_of_scikit_learn(seed):
    rng = np.random.RandomState(seed)
    Z = rng.standard_normal((800, 3))
    inside = Z[:, 0] > 1
    assert silhouette(Z, inside, rng) == pytest.approx(silhouette_score(Z, inside))
    alone = np.arange(800) == 5
    assert silhouette(Z, alone, rng) == pytest.approx(silhouette_score(Z, alone))
    Z = rng.standard_normal((4000, 3))
    inside = Z[:, 0] > 1
    exact = silhouette_score(Z, inside)
    assert silhouette(Z, inside, rng) == pytest.approx(exact, abs=0.03)


def test_silhouette_threshold(seed):
    X, y, _ = two_groups(seed)
    params = {"analysis": "silhouette", "random_state": seed}
    evidence = ActivationClustering(**params).fit(X, y).evidence_[0]
    for threshold in (evidence - 0.01, evidence + 0.01):
        defense = ActivationClustering(threshold=threshold, **params).fit(X, y)
        assert defense.removed_[0] == (evidence >= threshold)


def test_distance_ratio_by_hand():
    Z = np.array([[0.0, 0], [0, 2], [6, 1], [10, 1], [12, 1]])
    y = np.array([0, 0, 0, 1, 1])
    inside = np.array([False, False, True])
    # From (6, 1) to (0, 1) and to (11, 1).
    assert distance_ratio(Z, y, np.arange(3), inside) == pytest.approx(6 / 5)


def test_reclassification_ratio_by_hand():
    X, y, foreign = two_groups(0)
    rows = np.flatnonzero(foreign)
    assert reclassification_ratio(GaussianNB(), X, y, rows) == 0
    clean = np.arange(100, 150)
    assert reclassification_ratio(GaussianNB(), X, y, clean) == np.inf
    mixed = np.r_[rows[:10], clean[:30]]
    model = GaussianNB().fit(np.delete(X, mixed, 0), np.delete(y, mixed))
    kept = (model.predict(X[mixed]) == 0).sum()
    expected = kept / (40 - kept)
    assert reclassification_ratio(GaussianNB(), X, y, mixed) == expected


def test_any_classifier_reclassifies_also_one_without_probabilities():
    X, y, foreign = two_groups(0)
    defense = ActivationClustering(
        analysis="reclassification", estimator=LinearSVC(), random_state=0
    ).fit(X, y)
    assert defense.evidence_[0] == 0
    assert removed_by(defense, 400)[foreign].all()


def test_classes_without_two_different_rows_are_kept():
    X, y, _ = two_groups(0)
    X, y = np.r_[X, np.full((7, 5), 3.0), X[:1]], np.r_[y, np.repeat([2, 3], [7, 1])]
    defense = ActivationClustering(random_state=0).fit(X, y)
    assert defense.cluster_shares_[2:].tolist() == [0, 0]
    assert np.isnan(defense.evidence_[2:]).all()
    assert not removed_by(defense, 408)[400:].any()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"threshold": 0.2},
            r"analysis='relative_size' of ActivationClustering has no threshold. "
            r"Got threshold=0.2. Set max_share",
        ),
        ({"analysis": "smaller", "threshold": 1}, "has no threshold"),
        ({"analysis": "size"}, "'analysis' parameter of ActivationClustering"),
        ({"max_share": 0.6}, "'max_share' parameter of ActivationClustering"),
        ({"n_components": 0}, "'n_components' parameter of ActivationClustering"),
        ({"reduction": "tsne"}, "'reduction' parameter of ActivationClustering"),
        ({"estimator": "LR"}, "'estimator' parameter of ActivationClustering"),
        ({"representation": "pca"}, "'representation' parameter"),
    ],
)
def test_bad_parameters(params, message):
    X, y, _ = two_groups(0)
    with pytest.raises(ValueError, match=message):
        ActivationClustering(**params).fit(X, y)


def test_one_representation_for_all_rows_is_an_error():
    with pytest.raises(ValueError, match="all 20 have the same representation"):
        ActivationClustering().fit(np.ones((20, 3)), np.arange(20) % 2)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_a_class_of_one_representation_has_no_clusters(analysis):
    # The mean of 0.1 over 30 rows is another number than 0.1.
    X, y, _ = two_groups(0)
    X[y == 0] = 0.1
    defense = ActivationClustering(analysis=analysis, random_state=0).fit(X, y)
    assert defense.cluster_shares_[0] == 0
    assert np.isnan(defense.evidence_[0])
    assert np.isin(np.flatnonzero(y == 0), defense.sample_indices_).all()
