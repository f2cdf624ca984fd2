import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer

from skpoison.defenses import SphereFilter


def test_scores_are_distances_to_the_centroid_of_the_class(blobs):
    X, _, blob = blobs
    sphere = SphereFilter().fit(X, blob)
    for label in range(6):
        rows = X[blob == label]
        expected = np.linalg.norm(rows - rows.mean(axis=0), axis=1)
        np.testing.assert_allclose(sphere.scores_[blob == label], expected)
        np.testing.assert_allclose(sphere.centroids_[label], rows.mean(axis=0))


def test_the_filter_turns_with_the_rows(blobs):
    X, y, _ = blobs
    turn = np.linalg.qr(np.random.RandomState(0).standard_normal((3, 3)))[0]
    one, other = SphereFilter().fit(X, y), SphereFilter().fit(X @ turn + 5, y)
    np.testing.assert_allclose(one.scores_, other.scores_)
    np.testing.assert_array_equal(one.sample_indices_, other.sample_indices_)


def test_distances_are_those_of_the_representation(blobs):
    X, y, _ = blobs
    sphere = SphereFilter(PCA(2), random_state=0).fit(X, y)
    Z = PCA(2, random_state=0).fit_transform(X)
    np.testing.assert_allclose(sphere.scores_, SphereFilter().fit(Z, y).scores_)
    assert sphere.representation_.n_components_ == 2


def test_images_and_texts_have_distances():
    rng = np.random.RandomState(0)
    images = rng.rand(20, 1, 4, 4)
    flat = SphereFilter().fit(images.reshape(20, -1), [0, 1] * 10)
    whole = SphereFilter().fit(images, [0, 1] * 10)
    np.testing.assert_allclose(whole.scores_, flat.scores_)
    texts = ["a poem", "a poem again", "spam", "more spam"] * 5
    kept, _ = SphereFilter(TfidfVectorizer()).fit_resample(texts, [0, 0, 1, 1] * 5)
    assert isinstance(kept, list)


def test_equal_rows_are_an_error():
    with pytest.raises(ValueError, match="SphereFilter compares rows, and all 10 have"):
        SphereFilter().fit(np.ones((10, 2)), [0, 1] * 5)
