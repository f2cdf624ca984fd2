"""Deep k-nearest neighbors."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.preprocessing import normalize

from skpoison.defenses._neighbor_labels import disagreement
from skpoison.defenses._neighbor_sanitizer import NeighborSanitizer
from skpoison.utils._sklearn import StrOptions

N_NEIGHBORS = 50


class DeepKNN(NeighborSanitizer):
    """Remove the rows that most of their neighbors would label otherwise.

    Neighbors are those in a representation. A row is removed if another label is more
    frequent among them than its own.

    Parameters
    ----------
    representation : transformer, default=None
        What turns rows into vectors, for example
        ``Representation(MLPClassifier())``. A clone is fitted on the rows, poison
        among them; with ``Representation(FrozenEstimator(model))`` it is that of a
        fitted model. `None` takes the features themselves, whose scales then matter;
        images are flattened.

    n_neighbors : int, default=None
        Number of neighbors that vote, of at most all other rows. `None` is 50, or
        half of the mean size of the classes where that is less.

    contamination : "auto", float or int, default="auto"
        How many rows to remove: "auto" removes those with another label more frequent
        around them, but no more than `max_share` of all; a float in (0, 1) is a
        share; an int is the number of poison rows, an oracle that a defender does not
        have. Those with the highest scores are the ones removed.

    max_share : float, default=0.1
        Share of the rows, in (0, 1), of which "auto" removes no more. The original
        has no such limit.

    normalize : bool, default=False
        Whether representations are scaled to unit length first, so that neighbors
        are those in direction.

    class_weight : {"balanced"} or None, default=None
        Weight of votes: "balanced" divides those for a class by its size. With `None`
        neighbors are plain, and a class that is small against `n_neighbors` may be
        outvoted wherever it is.

    n_jobs : int, default=None
        Number of threads of the search for neighbors, as in
        :class:`~sklearn.neighbors.NearestNeighbors`.

    random_state : int, RandomState instance or None, default=None
        Seeds a representation whose `random_state` is None, and the choice among
        rows of one score where not all of them are removed.

    Attributes
    ----------
    representation_ : transformer or None
        The fitted representation; None where there is none.

    n_neighbors_ : int
        Number of neighbors that voted.

    scores_ : ndarray of shape (n_samples,)
        Share of the votes for the most frequent other label less that for the row's
        own, in [-1, 1]; higher is more suspicious, and over 0 the row is outvoted.

    sample_indices_ : ndarray of shape (n_samples_new,), dtype=int
        Rows of X that were kept, in their order.

    classes_ : ndarray of shape (n_classes,)
        Class labels in y.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    Raises
    ------
    ValueError
        If all rows have the same representation.

    See Also
    --------
    KNNSanitizer : Needs a clear vote, and can relabel.

    Notes
    -----
    The original is for a few poison rows around one target, on balanced classes, with
    up to twice as many neighbors as a class has rows. The row itself has no vote, but
    its copies have: where poison are copies of the rows of a subpopulation, the vote
    there turns when they outnumber them, at `alpha` about 1. With less the defense
    removes the poison, with more the clean rows.

    References
    ----------
    .. [1] N. Peri, N. Gupta, W. R. Huang, L. Fowl, C. Zhu, S. Feizi, T. Goldstein,
       J. P. Dickerson. "Deep k-NN Defense against Clean-label Data Poisoning
       Attacks", ECCV Workshops 2020. :arxiv:`1909.13374`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skpoison.defenses import DeepKNN
    >>> X, y = load_digits(return_X_y=True)
    >>> y[::20] = (y[::20] + 1) % 10
    >>> defense = DeepKNN(random_state=0).fit(X, y)
    >>> removed = np.setdiff1d(np.arange(len(X)), defense.sample_indices_)
    >>> len(y[::20]), int(np.sum(removed % 20 == 0)), int(np.sum(removed % 20 != 0))
    (90, 90, 71)
    """

    _parameter_constraints: dict = {
        **NeighborSanitizer._parameter_constraints,
        "n_neighbors": [*NeighborSanitizer._parameter_constraints["n_neighbors"], None],
        "normalize": ["boolean"],
        "class_weight": [StrOptions({"balanced"}), None],
    }
    _limit = 0.0

    def __init__(
        self,
        representation=None,
        *,
        n_neighbors=None,
        contamination="auto",
        max_share=0.1,
        normalize=False,
        class_weight=None,
        n_jobs=None,
        random_state=None,
    ):
        super().__init__()
        self.representation = representation
        self.n_neighbors = n_neighbors
        self.contamination = contamination
        self.max_share = max_share
        self.normalize = normalize
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _wanted_neighbors(self, n_samples):
        if self.n_neighbors is not None:
            return self.n_neighbors
        half = n_samples // (2 * len(self.classes_))
        return max(min(N_NEIGHBORS, half), 1)

    def _as_compared(self, Z):
        return normalize(Z) if self.normalize else Z

    def _judge(self, shares, codes):
        if self.class_weight == "balanced":
            shares = shares / np.bincount(codes)
            shares /= shares.sum(axis=1, keepdims=True)
        own, other, rivals = disagreement(shares, codes)
        return other - own, rivals
