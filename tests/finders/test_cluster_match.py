import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import Birch, BisectingKMeans, MeanShift
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from skpoison import ClusterMatch
from skpoison.finders import Representation

# Networks here need no training to the end.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_finds_blobs(blobs, seed):
    X, _, blob = blobs
    finder = ClusterMatch(6, random_state=seed).fit(X)
    assert adjusted_rand_score(blob, finder.labels_) > 0.6
    np.testing.assert_array_equal(finder.predict(X), finder.labels_)
    np.testing.assert_array_equal(np.bincount(finder.labels_), finder.sizes_)


def test_membership_of_new_rows_is_that_of_fit(seed):
    X = np.random.RandomState(seed).randn(3000, 40)
    finder = ClusterMatch(50, random_state=seed).fit(X)
    # In other batches, in another order, from a copy and after pickling.
    order = np.random.RandomState(seed).permutation(len(X))
    np.testing.assert_array_equal(finder.predict(X[order]), finder.labels_[order])
    parts = [finder.predict(part) for part in np.array_split(X, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), finder.labels_)
    again = pickle.loads(pickle.dumps(finder))
    np.testing.assert_array_equal(again.predict(X), finder.labels_)


def test_same_clusters_in_all_containers():
    X = np.random.RandomState(0).randn(500, 12)
    expected = ClusterMatch(20, random_state=0).fit(X).labels_
    names = [f"f{j}" for j in range(12)]
    for other in (
        np.asfortranarray(X),
        pd.DataFrame(X, columns=names),
        pl.DataFrame(X, schema=names),
        X.tolist(),
        X.reshape(500, 3, 4),
    ):
        labels = ClusterMatch(20, random_state=0).fit(other).labels_
        np.testing.assert_array_equal(labels, expected)


def test_pca_only_where_it_reduces():
    X = np.random.RandomState(0).randn(60, 12)
    assert ClusterMatch(5).fit(X).pca_.n_components_ == 10
    assert ClusterMatch(5, n_components=12).fit(X).pca_ is None
    assert ClusterMatch(5, n_components=None).fit(X).pca_ is None
    assert ClusterMatch(5).fit(X[:4]).pca_.n_components_ == 4


@pytest.mark.parametrize(
    "clusterer",
    [
        BisectingKMeans(4, random_state=0),
        Birch(n_clusters=4),
        MeanShift(),
        GaussianMixture(4, random_state=0),
    ],
    ids=lambda c: type(c).__name__,
)
def test_any_clusterer_with_predict(blobs, clusterer):
    X, _, _ = blobs
    finder = ClusterMatch(clusterer=clusterer).fit(X)
    assert (np.diff(finder.sizes_) <= 0).all()
    assert finder.sizes_.sum() == len(X)
    assert finder.clusterer_ is not clusterer


class Outliers:
    """A clusterer that gives far rows to no cluster."""

    def fit(self, X):
        return self

    def predict(self, X):
        return np.where(abs(X[:, 0]) > 1, -1, (X[:, 0] > 0) * 5)

    def get_params(self, deep=True):
        return {}


def test_rows_without_a_cluster():
    X = np.array([[0.5], [0.6], [-0.5], [3.0]])
    finder = ClusterMatch(clusterer=Outliers()).fit(X)
    assert finder.labels_.tolist() == [0, 0, 1, -1]
    assert finder.transform(X).sum(axis=1).tolist() == [1, 1, 1, 0]
    with pytest.raises(ValueError, match="gave no row of X to a cluster"):
        ClusterMatch(clusterer=Outliers()).fit(X[3:])


def test_no_more_clusters_than_distinct_rows():
    X = np.repeat(np.eye(3), [5, 3, 2], axis=0)
    assert ClusterMatch(100, random_state=0).fit(X).sizes_.tolist() == [5, 3, 2]


def test_representations_of_texts_frames_and_networks(people, blobs):
    texts = ["good film", "bad film", "dull plot", "good plot"] * 10
    words = make_pipeline(TfidfVectorizer(), TruncatedSVD(3, random_state=0))
    finder = ClusterMatch(4, representation=words, random_state=0).fit(texts)
    assert finder.sizes_.tolist() == [10, 10, 10, 10]
    assert finder.predict(texts[:4]).tolist() == finder.labels_[:4].tolist()

    frame, _ = people
    encoder = make_column_transformer((OneHotEncoder(), ["sex", "job"]))
    finder = ClusterMatch(8, representation=encoder, random_state=0).fit(frame)
    assert finder.sizes_.sum() == len(frame)

    X, y, _ = blobs
    network = MLPClassifier((8,), max_iter=20, solver="lbfgs", random_state=0)
    network.fit(X, y)
    frozen = Representation(FrozenEstimator(network))
    finder = ClusterMatch(5, representation=frozen, random_state=0).fit(X)
    refitted = ClusterMatch(5, representation=Representation(network), random_state=0)
    np.testing.assert_array_equal(finder.labels_, refitted.fit(X, y).labels_)


def test_sparse_features():
    X = np.random.RandomState(0).rand(200, 30)
    X = sparse.csr_array(np.where(X < 0.2, X, 0))
    finder = ClusterMatch(5, random_state=0).fit(X)
    np.testing.assert_array_equal(finder.predict(X[:50]), finder.labels_[:50])


def test_bad_input(people):
    frame, _ = people
    with pytest.raises(ValueError, match=r"\['sex', 'job'\] are not.*FeatureMatch"):
        ClusterMatch().fit(frame.drop(columns="income"))
    polars = pl.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    with pytest.raises(ValueError, match=r"\['b'\] are not"):
        ClusterMatch().fit(polars)
    with pytest.raises(ValueError, match="cannot compare raw texts"):
        ClusterMatch().fit(["a", "b"])
    with pytest.raises(ValueError, match="contains NaN"):
        ClusterMatch().fit(frame[["income"]])


def test_parameters_are_left_alone(blobs):
    X, y, _ = blobs
    network = MLPClassifier((4,), max_iter=20, solver="lbfgs", random_state=0)
    finder = ClusterMatch(3, representation=Representation(network))
    before = clone(finder).get_params()
    finder.fit(X, y)
    assert not hasattr(network, "coefs_")
    assert repr(finder.get_params()) == repr(before)


@pytest.mark.parametrize("dtypes", [("f4", "f8"), ("f8", "f4"), ("i8", "f4")])
def test_other_precision_than_in_fit(blobs, dtypes):
    X, _, _ = blobs
    X = np.round(X * 4)
    for representation in (None, FunctionTransformer()):
        finder = ClusterMatch(5, representation=representation, random_state=0)
        finder.fit(X.astype(dtypes[0]))
        np.testing.assert_array_equal(
            finder.predict(X.astype(dtypes[1])), finder.labels_
        )


def test_few_or_constant_rows():
    wide = sparse.csr_array(np.eye(5, 30))
    assert ClusterMatch(random_state=0).fit(wide).sizes_.tolist() == [1] * 5
    for X in (np.ones((6, 30)), np.ones((1, 30))):
        assert ClusterMatch(random_state=0).fit(X).sizes_.tolist() == [len(X)]
    words = ClusterMatch(2, representation=TfidfVectorizer(), random_state=0)
    assert words.fit(["one two", "two three", "three four"]).sizes_.sum() == 3


def test_under_another_output_container(blobs):
    X, y, _ = blobs
    network = MLPClassifier((12,), max_iter=20, solver="lbfgs", random_state=0)
    finder = ClusterMatch(5, representation=Representation(network), random_state=0)
    expected = clone(finder).fit(X, y).labels_
    with config_context(transform_output="pandas"):
        np.testing.assert_array_equal(clone(finder).fit(X, y).labels_, expected)
        out = Representation(network).fit(X, y).transform(X)
    assert list(out)[:2] == ["representation0", "representation1"]
