import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.cluster import DBSCAN, KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison import ClusterMatch, FeatureMatch
from skpoison.finders import SliceMatch
from skpoison.mixture._partition import fit_partition, partition_codes


class Masks(BaseEstimator):
    """Give the memberships that it was made with, whatever the rows."""

    def __init__(self, masks):
        self.masks = masks

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return self.masks


def divide(finder, X, y, seed=0):
    return fit_partition(finder, X, y, "Tester", np.random.RandomState(seed))


@pytest.mark.parametrize(
    "finder",
    [
        ClusterMatch(6),
        ClusterMatch(6, sparse_output=True),
        KMeans(6, n_init=1),
        GaussianMixture(6),
        make_pipeline(StandardScaler(), ClusterMatch(6)),
        make_pipeline(StandardScaler(), KMeans(6, n_init=1)),
        make_pipeline(StandardScaler(), GaussianMixture(6)),
    ],
    ids=lambda finder: type(getattr(finder, "steps", [[finder]])[-1][-1]).__name__,
)
def test_any_finder_of_disjoint_supports(finder, blobs, seed):
    X, y, _ = blobs
    partition = divide(finder, X, y, seed)
    np.testing.assert_array_equal(partition.codes, partition.finder.predict(X))
    assert len(partition.names) == len(set(partition.names)) == 6
    assert partition.sizes.sum() == len(X)
    for k in range(6):
        members = partition.members(k)
        assert len(members) == partition.sizes[k] > 0
        assert (partition.codes[members] == k).all()
    again = divide(finder, X, y, seed)
    np.testing.assert_array_equal(partition.codes, again.codes)


def test_default_is_cluster_match(blobs):
    X, y, _ = blobs
    partition = divide(None, X, y)
    assert isinstance(partition.finder, ClusterMatch)
    assert len(partition.names) == 100


def test_frozen_finder_stays_as_it_is(blobs):
    X, y, _ = blobs
    finder = ClusterMatch(6, random_state=0).fit(X)
    partition = divide(FrozenEstimator(finder), X[::2], y[::2])
    np.testing.assert_array_equal(partition.codes, finder.predict(X[::2]))
    assert partition.names == list(finder.get_feature_names_out())


def test_finder_that_is_given_stays_unfitted(blobs):
    X, y, _ = blobs
    finder = ClusterMatch(6)
    divide(finder, X, y)
    assert not hasattr(finder, "sizes_")
    assert finder.random_state is None


def test_rows_of_no_subpopulation_have_no_number(people):
    frame, y = people
    partition = divide(FeatureMatch(["sex", "job"], min_size=50), frame, y)
    outside = partition.codes == -1
    assert 0 < outside.sum() < len(frame)
    assert partition.sizes.sum() == len(frame) - outside.sum()
    assert (partition.sizes >= 50).all()


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_masks_of_any_container(container):
    masks = np.array([[0, 1], [1, 0], [0, 0], [0, 1]], dtype=bool)
    partition = divide(Masks(container(masks)), np.zeros((4, 1)), np.arange(4) % 2)
    assert partition.codes.tolist() == [1, 0, -1, 1]
    assert partition.sizes.tolist() == [1, 2]
    assert partition.names == ["subpopulation 0", "subpopulation 1"]


def test_overlap_is_an_error_that_names_a_row():
    masks = np.array([[0, 1, 0], [1, 0, 0], [1, 1, 1]], dtype=bool)
    message = r"finder of Tester .* Masks overlap: row 2 is in 3 of them"
    with pytest.raises(ValueError, match=message):
        partition_codes(Masks(masks), np.zeros((3, 1)), "Tester")


def test_slices_overlap(people):
    frame, y = people
    with pytest.raises(ValueError, match="Those of SliceMatch overlap"):
        divide(SliceMatch(2), frame[["sex", "member"]], y)


def test_empty_subpopulations_are_an_error_that_names_them(blobs):
    X, y, _ = blobs
    finder = ClusterMatch(6, random_state=0).fit(X)
    some = finder.predict(X) >= 4
    message = (
        r"4 of the 6 of FrozenEstimator have none: 'cluster 0', 'cluster 1', .*2',"
    )
    with pytest.raises(ValueError, match=message):
        divide(FrozenEstimator(finder), X[some], y[some])


def test_empty_subpopulations_where_they_are_not_checked(blobs):
    X, y, _ = blobs
    finder = ClusterMatch(6, random_state=0).fit(X)
    some, rng = finder.predict(X) >= 4, np.random.RandomState(0)
    frozen = FrozenEstimator(finder)
    partition = fit_partition(frozen, X[some], y[some], "Tester", rng, check=False)
    assert partition.sizes.tolist() == [0, 0, 0, 0, *finder.sizes_[4:]]


def test_empty_components_of_a_mixture_are_an_error(blobs):
    X, y, _ = blobs
    mixture = BayesianGaussianMixture(
        n_components=12,
        weight_concentration_prior=1e-3,
        max_iter=1000,
        random_state=0,
    )
    n_empty = 12 - len(np.unique(mixture.fit(X).predict(X)))
    assert n_empty > 0
    with pytest.raises(ValueError, match=f"{n_empty} of the 12"):
        divide(mixture, X, y)
    with pytest.raises(ValueError, match=f"{n_empty} of the 12"):
        divide(FrozenEstimator(mixture), X, y)


def test_finder_of_other_than_masks_is_an_error(blobs):
    X, y, _ = blobs
    with pytest.raises(ValueError, match="must have dtype bool"):
        divide(StandardScaler(), X, y)


def test_rows_that_a_clusterer_gives_to_none():
    class Clusterer(DBSCAN):
        def predict(self, X):
            return self.fit_predict(X)

    X = np.array([[0.0], [0.1], [9.0], [5.0], [5.1]])
    partition = divide(Clusterer(eps=1, min_samples=2), X, np.arange(5) % 2)
    assert partition.codes.tolist() == [0, 0, -1, 1, 1]
    assert partition.sizes.tolist() == [2, 2]
