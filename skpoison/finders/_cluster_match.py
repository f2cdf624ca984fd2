"""Subpopulations as clusters of a representation."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import ClusterMixin, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.utils import check_random_state, gen_batches, get_tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skpoison.finders._base import BasePartitionFinder
from skpoison.finders._numeric_columns import check_numeric
from skpoison.utils._containers import as_rows
from skpoison.utils._magnitudes import check_squares
from skpoison.utils._random import draw_seed
from skpoison.utils._sklearn import HasMethods, Interval, _fit_context

# Numbers in the largest matrix that is made dense, 256 MB of them.
DENSE_LIMIT = 2**25


class ClusterMatch(ClusterMixin, BasePartitionFinder):
    """Find subpopulations as clusters of a representation.

    The representation, the principal components and the clusters are learned
    once, in `fit`, and reused for all later rows.

    Parameters
    ----------
    n_clusters : int, default=100
        Number of k-means clusters; at most one for each distinct training row.

    representation : transformer, default=None
        What turns rows into vectors, for example
        ``Representation(MLPClassifier())`` or a pipeline that ends in one of
        scikit-learn's vectorizers. A clone is fitted on the training rows;
        wrap it in :class:`~sklearn.frozen.FrozenEstimator` to use it as it is.
        `None` takes the features themselves; images are flattened.

    n_components : int, default=10
        Number of principal components that are clustered. The step is left out
        where the representation has no more columns than that, and for `None`.

    clusterer : clusterer, default=None
        Any scikit-learn clusterer with `predict`, used in place of k-means;
        `n_clusters` and `random_state` are then its own affair.

    sparse_output : bool, default=False
        Whether `transform` returns a SciPy sparse matrix instead of an array.

    random_state : int, RandomState instance or None, default=None
        Seeds the principal components and k-means.

    Attributes
    ----------
    sizes_ : ndarray of shape (n_subpopulations,)
        Training rows of each cluster, decreasing. Empty clusters are left out.

    labels_ : ndarray of shape (n_samples,)
        Subpopulation of each training row, -1 where the clusterer gives none.

    representation_ : transformer or None
        The fitted representation.

    pca_ : PCA or None
        The fitted principal components.

    clusterer_ : clusterer
        The fitted clusterer. It numbers clusters in its own order.

    n_features_in_ : int
        Number of features seen in `fit`, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in `fit`, where X has string names only.

    See Also
    --------
    FeatureMatch : Subpopulations where columns are annotated.
    Representation : Hidden activations of a fitted network.

    Notes
    -----
    The paper's ClusterMatch filter: the representation of a surrogate model,
    PCA to 10 dimensions and k-means with 100 clusters, all fitted on the
    attacker's own sample [1]_. On Adult the authors cluster the raw features
    without PCA.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skpoison.finders import ClusterMatch
    >>> X, _ = load_iris(return_X_y=True)
    >>> finder = ClusterMatch(n_clusters=3, random_state=0).fit(X)
    >>> finder.sizes_
    array([61, 50, 39])
    >>> finder.get_feature_names_out()
    array(['cluster 0', 'cluster 1', 'cluster 2'], dtype=object)
    >>> finder.predict(X[:2])
    array([1, 1])
    """

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "representation": [HasMethods(["fit", "transform"]), None],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "clusterer": [HasMethods(["fit", "predict"]), None],
        "sparse_output": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters=100,
        *,
        representation=None,
        n_components=10,
        clusterer=None,
        sparse_output=False,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.representation = representation
        self.n_components = n_components
        self.clusterer = clusterer
        self.sparse_output = sparse_output
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Learn the representation, the principal components and the clusters.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Training rows. With a representation, whatever it reads: images,
            texts, mixed frames.

        y : array-like of shape (n_samples,), default=None
            Class labels, passed on to the representation.

        Returns
        -------
        self : ClusterMatch
            The fitted finder.
        """
        rng = check_random_state(self.random_state)
        Z = self._fit_representation(X, y)
        check_squares(Z, Z.size, type(self).__name__)
        self._dtype = Z.dtype.str
        Z = self._fit_pca(Z, rng)
        with warnings.catch_warnings():
            # Fewer distinct rows than clusters: the empty ones are left out below.
            warnings.filterwarnings("ignore", "Number of distinct clusters")
            self.clusterer_ = self._make_clusterer(len(Z), rng).fit(Z)
        self._number_clusters(self.clusterer_.predict(Z))
        return self

    def predict(self, X):
        """Give the number of the subpopulation of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows to assign.

        Returns
        -------
        subpopulation : ndarray of shape (n_samples,), dtype=int
            Number of the cluster in the order of `sizes_`, -1 for a row that
            the clusterer gives to none.
        """
        check_is_fitted(self)
        # Clusterers and PCA read one precision, that of the training rows.
        Z = self._represent(X).astype(self._dtype, copy=False)
        check_squares(Z, Z.shape[1], type(self).__name__)
        return self._renumber(self.clusterer_.predict(self._project(Z)))

    def get_feature_names_out(self, input_features=None):
        """Name the subpopulations.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked against the names seen in `fit`.

        Returns
        -------
        names : ndarray of shape (n_subpopulations,), dtype=object
            ``"cluster 0"``, ``"cluster 1"``, ...
        """
        self._check_names_in(input_features)
        return np.asarray([f"cluster {k}" for k in range(len(self.sizes_))], object)

    def _fit_representation(self, X, y):
        self.representation_ = None
        if self.representation is None:
            return self._features(X, reset=True)
        X = as_rows(X, type(self).__name__)
        validate_data(self, X=X, skip_check_array=True)
        self.representation_ = clone(self.representation).fit(X, y)
        return self._represent(X)

    def _represent(self, X):
        if self.representation_ is None:
            return self._features(X, reset=False)
        X = as_rows(X, type(self).__name__)
        return check_array(
            self.representation_.transform(X),
            accept_sparse="csr",
            order="C",
            input_name="the representation",
        )

    def _features(self, X, *, reset):
        """X as a matrix of features; one memory order, so that bits do not differ."""
        X = as_rows(X, type(self).__name__)
        check_numeric(X, type(self).__name__, also=", or use FeatureMatch")
        X = validate_data(
            self,
            X=X,
            reset=reset,
            accept_sparse="csr",
            allow_nd=True,
            order="C",
            dtype=[np.float64, np.float32],
        )
        return X if X.ndim == 2 else X.reshape(len(X), -1)

    def _fit_pca(self, Z, rng):
        seed = draw_seed(rng)
        self.pca_ = None
        if self.n_components is not None and Z.shape[1] > self.n_components:
            n_components = min(self.n_components, Z.shape[0])
            if np.prod(Z.shape) <= DENSE_LIMIT or n_components == Z.shape[0]:
                # So that sparse and dense rows give the same bits; and the sparse
                # solver finds fewer components than rows.
                Z = _dense(Z)
            with np.errstate(divide="ignore", invalid="ignore"):
                # Shares of the variance are not needed, and there may be none.
                self.pca_ = PCA(n_components, random_state=seed).fit(Z)
        return self._project(Z)

    def _project(self, Z):
        """Principal components of Z, dense, in batches of bounded memory."""
        if self.pca_ is None:
            return _dense(Z)
        batches = gen_batches(Z.shape[0], max(1, DENSE_LIMIT // Z.shape[1]))
        # Not fit_transform, which rounds otherwise than transform.
        return np.concatenate([self.pca_.transform(_dense(Z[b])) for b in batches])

    def _make_clusterer(self, n_samples, rng):
        if self.clusterer is not None:
            if _needs_labels(self.clusterer):
                raise ValueError(
                    "clusterer of ClusterMatch must be fitted without labels. Got "
                    f"{self.clusterer!r}. Use a clusterer such as KMeans(10)."
                )
            return clone(self.clusterer)
        seed = draw_seed(rng)
        return KMeans(min(int(self.n_clusters), n_samples), n_init=1, random_state=seed)

    def _number_clusters(self, raw):
        clusters, sizes = np.unique(raw[raw >= 0], return_counts=True)
        if len(clusters) == 0:
            raise ValueError(
                f"{type(self.clusterer_).__name__} gave no row of X to a cluster, so "
                "ClusterMatch has no subpopulation. Loosen its parameters."
            )
        order = np.argsort(-sizes, kind="stable")
        self.sizes_ = sizes[order]
        self._number = np.full(clusters.max() + 2, -1)
        self._number[clusters[order]] = np.arange(len(order))
        self.labels_ = self._renumber(raw)

    def _renumber(self, raw):
        # The last entry is -1: it serves the clusterer's -1 and empty clusters.
        raw = np.where(raw < len(self._number) - 1, raw, -1)
        return self._number[np.maximum(raw, -1)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags


def _needs_labels(clusterer):
    has_tags = hasattr(clusterer, "__sklearn_tags__")
    return has_tags and get_tags(clusterer).target_tags.required


def _dense(Z):
    return Z.toarray() if sparse.issparse(Z) else Z
