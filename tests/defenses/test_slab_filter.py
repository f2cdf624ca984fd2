import numpy as np
import pytest

from skpoison.defenses import SlabFilter


def test_scores_are_those_of_the_paper_by_the_length_of_the_line(blobs):
    X, y, _ = blobs
    slab = SlabFilter().fit(X, y)
    middles = np.stack([X[y == label].mean(axis=0) for label in (0, 1)])
    line = middles[1] - middles[0]
    published = np.abs((X - middles[y]) @ line)
    np.testing.assert_allclose(slab.scores_ * np.linalg.norm(line), published)
    assert slab.nearest_.tolist() == [1, 0]


def test_only_the_way_to_the_nearest_class_counts():
    rng = np.random.RandomState(0)
    X = np.repeat([[0.0, 0], [4, 0], [0, 40]], 50, axis=0)
    y = np.repeat(["a", "b", "c"], 50)
    X += rng.standard_normal(X.shape) * 0.1
    X[0] += [0, 5]  # across the line from a to b
    X[1] += [3, 0]  # along it
    slab = SlabFilter(contamination=3).fit(X, y)
    assert slab.nearest_.tolist() == ["b", "a", "a"]
    assert slab.scores_[1] > 2.5
    assert slab.scores_[0] < 0.5
    assert 0 in slab.sample_indices_
    assert 1 not in slab.sample_indices_


def test_one_centroid_for_two_classes_is_an_error():
    X = np.array([[0.0, 1], [0, -1], [1, 0], [-1, 0], [0, 2], [0, -2]])
    with pytest.raises(ValueError, match=r"of the classes \['a', 'b'\] are the same"):
        SlabFilter().fit(X, list("aabbbb"))
