import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.pipeline import Pipeline
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import OneHotEncoder, StandardScaler, scale

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.defenses import KNNSanitizer
from skpoison.estimator_checks import check_sanitizer

CONTAINERS = [
    lambda y: y.tolist(),
    np.array,
    lambda y: pd.Series(y, index=[f"row {i}" for i in range(len(y))], name="label"),
    lambda y: pd.Series(y, dtype="category"),
    lambda y: pl.Series("label", y),
]


def removed_by(defense, n):
    removed = np.ones(n, dtype=bool)
    removed[defense.sample_indices_] = False
    return removed


def flipped(seed, share=0.05):
    """Tumors of which some have the wrong label: rows, labels, truth."""
    X, y = load_breast_cancer(return_X_y=True)
    flips = np.random.RandomState(seed).rand(len(y)) < share
    return scale(X), y ^ flips, y


def test_contract():
    check_sanitizer(KNNSanitizer())


def test_scattered_flips_are_removed(seed):
    X, y, truth = flipped(seed)
    defense = KNNSanitizer(random_state=seed).fit(X, y)
    removed, flips = removed_by(defense, len(y)), y != truth
    assert removed[flips].mean() > 0.9
    assert removed[~flips].mean() < 0.04
    assert roc_auc_score(flips, defense.scores_) > 0.97
    assert len(defense.relabeled_indices_) == len(defense.new_labels_) == 0


def test_scattered_flips_are_relabeled(seed):
    X, y, truth = flipped(seed)
    defense = KNNSanitizer(action="relabel", random_state=seed)
    X_res, y_res = defense.fit_resample(X, y)
    np.testing.assert_array_equal(X_res, X)
    assert (y_res != truth).sum() < 0.7 * (y != truth).sum()
    np.testing.assert_array_equal(
        np.flatnonzero(y_res != y), defense.relabeled_indices_
    )
    np.testing.assert_array_equal(y_res[y_res != y], defense.new_labels_)
    removing = KNNSanitizer(random_state=seed).fit(X, y)
    np.testing.assert_array_equal(
        defense.relabeled_indices_, np.flatnonzero(removed_by(removing, len(y)))
    )
    np.testing.assert_array_equal(defense.sample_indices_, np.arange(len(y)))


def test_rows_are_suspect_by_a_share_of_one_other_label_over_the_threshold(seed):
    rng = np.random.RandomState(seed)
    X, y = rng.standard_normal((120, 2)), rng.randint(3, size=120)
    for threshold in (0.5, 0.6, 0.8):
        defense = KNNSanitizer(
            n_neighbors=5, threshold=threshold, max_share=0.99, random_state=0
        ).fit(X, y)
        np.testing.assert_array_equal(
            removed_by(defense, 120), defense.scores_ > threshold
        )
    near = np.argsort(np.linalg.norm(X[:, np.newaxis] - X, axis=2), axis=1)[:, 1:6]
    for row in range(120):
        votes = np.bincount(y[near[row]], minlength=3) / 5
        assert defense.scores_[row] == np.delete(votes, y[row]).max()


def test_subpopulation_poison_relabels_the_clean_members(seed):
    X, blob = make_blobs(600, n_features=3, centers=6, random_state=3)
    right = {}
    for alpha in (0.5, 2):
        poisoner = SubpopPoisoner(
            ClusterMatch(6, random_state=0), alpha=alpha, random_state=seed
        )
        X_res, y = poisoner.fit_resample(X, blob % 2)
        members = poisoner.membership(X_res) & ~poisoner.poison_mask_
        defense = KNNSanitizer(action="relabel", max_share=0.5, random_state=seed)
        y_res = defense.fit_resample(X_res, y)[1]
        right[alpha] = np.mean(y_res[members] == y[members])
    assert right[0.5] > 0.85
    assert right[2] < 0.15


@pytest.mark.parametrize("action", ["remove", "relabel"])
def test_without_poison_no_more_than_the_share_is_touched(action, seed):
    rng = np.random.RandomState(seed)
    X, y = rng.standard_normal((300, 3)), rng.randint(2, size=300)
    for max_share in (0.02, 0.1):
        defense = KNNSanitizer(action=action, max_share=max_share, random_state=seed)
        defense.fit(X, y)
        touched = removed_by(defense, 300).sum() + len(defense.relabeled_indices_)
        assert touched == int(max_share * 300)


@pytest.mark.parametrize("container", CONTAINERS)
def test_relabeled_labels_come_in_the_container_of_y(container):
    X, y, _ = flipped(0)
    names = np.array(["benign", "malignant"])
    y_in = container(names[y])
    defense = KNNSanitizer(action="relabel", random_state=0)
    _, y_res = defense.fit_resample(X, y_in)
    assert type(y_res) is type(y_in)
    expected = names[
        KNNSanitizer(action="relabel", random_state=0).fit_resample(X, y)[1]
    ]
    np.testing.assert_array_equal(np.asarray(y_res), expected)
    assert len(defense.relabeled_indices_) > 10
    assert list(container(names[y])) == list(y_in)
    if isinstance(y_in, pd.Series):
        pd.testing.assert_index_equal(y_res.index, y_in.index)
        assert y_res.dtype == y_in.dtype
        assert y_res.name == y_in.name


def test_frames_of_mixed_columns(people):
    frame, y = people
    encoder = make_column_transformer(
        (OneHotEncoder(), ["sex", "job"]), (StandardScaler(), ["age"])
    )
    defense = KNNSanitizer(encoder, action="relabel", random_state=0)
    X_res, y_res = defense.fit_resample(frame, y)
    pd.testing.assert_frame_equal(X_res, frame)
    assert y_res.index.equals(y.index)
    assert (y_res != y).sum() == len(defense.relabeled_indices_) > 0


@pytest.mark.parametrize("action", ["remove", "relabel"])
def test_in_a_pipeline_and_a_search(action):
    X, y, _ = flipped(0, share=0)
    search = GridSearchCV(
        Pipeline(
            [
                ("poison", SubpopPoisoner(ClusterMatch(4), random_state=0)),
                ("defend", KNNSanitizer(action=action, random_state=0)),
                ("clf", LogisticRegression()),
            ]
        ),
        {"poison__alpha": [0, 0.5], "defend__n_neighbors": [5, 15]},
    ).fit(X, y)
    assert (search.cv_results_["mean_test_score"] > 0.8).all()
    poisoner, defense = (search.best_estimator_[name] for name in ("poison", "defend"))
    kept = poisoner.poison_mask_[defense.sample_indices_]
    assert len(kept) == len(defense.sample_indices_)


def test_relabeling_to_one_label_is_an_error():
    X = np.arange(40.0)[:, np.newaxis]
    y = np.r_[1, np.zeros(39, dtype=int)]
    with pytest.raises(ValueError, match=r"every row of class \[1\]"):
        KNNSanitizer(action="relabel").fit(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"threshold": 0.4}, "'threshold' parameter of KNNSanitizer"),
        ({"threshold": 1.0}, "'threshold' parameter of KNNSanitizer"),
        ({"action": "flip"}, "'action' parameter of KNNSanitizer"),
        ({"n_neighbors": None}, "'n_neighbors' parameter of KNNSanitizer"),
        ({"contamination": 30}, "would delete every row of class"),
    ],
)
def test_bad_parameters(params, message):
    X, y = np.random.RandomState(0).standard_normal((30, 3)), np.arange(30) % 2
    with pytest.raises(ValueError, match=message):
        KNNSanitizer(**params).fit(X, y)


def test_one_representation_for_all_rows_is_an_error():
    with pytest.raises(ValueError, match="all 20 have the same representation"):
        KNNSanitizer().fit(np.ones((20, 3)), np.arange(20) % 2)
