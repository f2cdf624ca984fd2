"""Label sanitization by nearest neighbors."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Real

import numpy as np

from skpoison.defenses._neighbor_labels import disagreement
from skpoison.defenses._neighbor_sanitizer import NeighborSanitizer
from skpoison.utils._aux_rows import rows_with
from skpoison.utils._containers import is_pandas, take
from skpoison.utils._row_sampler import flat_labels
from skpoison.utils._sklearn import Interval, StrOptions


class KNNSanitizer(NeighborSanitizer):
    """Remove or relabel the rows whose neighbors agree on another label.

    A row is suspect if more than a share of its neighbors carry one other label.

    Parameters
    ----------
    representation : transformer, default=None
        What turns rows into vectors, for example ``StandardScaler()``, or
        ``make_column_transformer((OneHotEncoder(), ...))`` for mixed columns. A clone
        is fitted on the rows. `None` takes the features themselves, whose scales then
        matter; images are flattened.

    n_neighbors : int, default=10
        Number of neighbors that vote, of at most all other rows.

    threshold : float, default=0.5
        Share of the neighbors, in [0.5, 1), of which more must carry one other label.

    action : {"remove", "relabel"}, default="remove"
        What becomes of suspects: they are removed, or all rows are kept and these get
        the label on which their neighbors agree, as in the original.

    contamination : "auto", float or int, default="auto"
        How many rows are suspect: "auto" suspects those over `threshold`, but no more
        than `max_share` of all; a float in (0, 1) is a share; an int is the number of
        poison rows, an oracle that a defender does not have. Those with the highest
        scores are the ones suspected.

    max_share : float, default=0.1
        Share of the rows, in (0, 1), of which "auto" suspects no more. The original
        has no such limit.

    n_jobs : int, default=None
        Number of threads of the search for neighbors, as in
        :class:`~sklearn.neighbors.NearestNeighbors`.

    random_state : int, RandomState instance or None, default=None
        Seeds a representation whose `random_state` is None, and the choice among
        rows of one score where not all of them are suspect.

    Attributes
    ----------
    representation_ : transformer or None
        The fitted representation; None where there is none.

    n_neighbors_ : int
        Number of neighbors that voted.

    relabeled_indices_ : ndarray of shape (n_relabeled,), dtype=int
        Rows of X that got another label; none unless `action` is "relabel".

    new_labels_ : ndarray of shape (n_relabeled,)
        The labels that they got.

    scores_ : ndarray of shape (n_samples,)
        Share of the neighbors that carry the most frequent other label, in [0, 1];
        higher is more suspicious.

    sample_indices_ : ndarray of shape (n_samples_new,), dtype=int
        Rows of X that were kept, in their order; all of them if `action` is
        "relabel".

    classes_ : ndarray of shape (n_classes,)
        Class labels in y.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    Raises
    ------
    ValueError
        If all rows have the same representation, or only one label would be left.

    See Also
    --------
    DeepKNN : Removes whatever is outvoted.

    Notes
    -----
    The row itself has no vote, but its copies have: poison that repeats rows of a
    subpopulation more often than these are there is the clear vote, and the clean
    rows are the ones that are removed or relabeled.

    References
    ----------
    .. [1] A. Paudice, L. Muñoz-González, E. C. Lupu. "Label Sanitization against Label
       Flipping Poisoning Attacks", ECML PKDD Workshops 2018. :arxiv:`1803.00992`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison.defenses import KNNSanitizer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> y_flipped = y.copy()
    >>> y_flipped[::20] = 1 - y[::20]
    >>> defense = KNNSanitizer(StandardScaler(), action="relabel", random_state=0)
    >>> X_res, y_res = defense.fit_resample(X, y_flipped)
    >>> len(X_res), int(np.sum(y_flipped != y)), int(np.sum(y_res != y))
    (569, 29, 19)
    """

    _parameter_constraints: dict = {
        **NeighborSanitizer._parameter_constraints,
        "threshold": [Interval(Real, 0.5, 1, closed="left")],
        "action": [StrOptions({"remove", "relabel"})],
    }

    def __init__(
        self,
        representation=None,
        *,
        n_neighbors=10,
        threshold=0.5,
        action="remove",
        contamination="auto",
        max_share=0.1,
        n_jobs=None,
        random_state=None,
    ):
        super().__init__()
        self.representation = representation
        self.n_neighbors = n_neighbors
        self.threshold = threshold
        self.action = action
        self.contamination = contamination
        self.max_share = max_share
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit_resample(self, X, y):
        """Remove or relabel suspicious rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows: a matrix, a pandas or polars frame, images, or texts.

        y : array-like of shape (n_samples,)
            Class labels of any kind.

        Returns
        -------
        X_resampled : {ndarray, sparse matrix, dataframe, list} of shape \
                (n_samples_new, ...)
            The rows that were kept, in their order and in the container of X; all of
            them if `action` is "relabel".

        y_resampled : array-like of shape (n_samples_new,)
            Their labels, in the container of y; those of `relabeled_indices_` are
            not those that came in.

        Raises
        ------
        ValueError
            If fewer than two classes would be left.
        """
        X, y = super().fit_resample(X, y)
        if len(self.relabeled_indices_) == 0:
            return X, y
        labels = flat_labels(y, type(self).__name__)
        return X, _with_labels(y, labels, self.relabeled_indices_, self.new_labels_)

    @property
    def _limit(self):
        return self.threshold

    def _judge(self, shares, codes):
        _, other, rivals = disagreement(shares, codes)
        return other, rivals

    def _sanitize(self, X, y):
        scores, suspects, rivals = self._judged(X, y)
        is_relabeled = suspects & (self.action == "relabel")
        self.relabeled_indices_ = np.flatnonzero(is_relabeled)
        self.new_labels_ = self.classes_[rivals[is_relabeled]]
        self._check_classes_left(np.append(y[~is_relabeled], self.new_labels_))
        return ~suspects | is_relabeled, scores


def _with_labels(y, labels, rows, new_labels):
    """Give rows other labels, in the container of y."""
    sources = np.arange(len(labels))
    sources[rows] = rows_with(labels, new_labels)
    y_new = take(y, sources)
    if is_pandas(y_new):
        y_new.index = y.index
    return y_new
