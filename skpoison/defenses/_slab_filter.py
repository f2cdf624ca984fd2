"""Removal of rows by their place on the line between classes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.metrics import pairwise_distances
from sklearn.utils import check_random_state

from skpoison.defenses._centroids import class_centroids
from skpoison.defenses._represented import represented
from skpoison.defenses._score_sanitizer import ScoreSanitizer
from skpoison.utils._sklearn import HasMethods


class SlabFilter(ScoreSanitizer):
    """Remove the rows of each class that are far off on the way to another class.

    The distance from the centroid of the class is measured along the line to the
    centroid of the nearest other class, in both directions.

    Parameters
    ----------
    representation : transformer, default=None
        Space of the distances; a clone is fitted. `None` takes X as it is: scale
        features of different units, with
        :class:`~sklearn.preprocessing.StandardScaler` say.

    contamination : "auto", float or int, default="auto"
        How many rows to remove: "auto" removes those whose distance is an outlier in
        their class, three robust standard deviations above the median, but no more
        than `max_share` of the class; a float in (0, 1) is a share of each class; an
        int is the number of poison rows, an oracle that a defender does not have, and
        the classes share it by their sizes.

    max_share : float, default=0.1
        Share of the rows of a class, in (0, 1), of which "auto" removes no more.

    random_state : int, RandomState instance or None, default=None
        Seeds a representation whose `random_state` is None.

    Attributes
    ----------
    representation_ : transformer or None
        The fitted representation.

    centroids_ : ndarray of shape (n_classes, n_components)
        Mean of the rows of each class, poison included.

    nearest_ : ndarray of shape (n_classes,)
        The class to which the line from each class leads.

    scores_ : ndarray of shape (n_samples,)
        Distance of each row of X to the centroid of its class along the line; higher
        is more suspicious.

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
        If two classes have the same centroid, so that there is no line.

    See Also
    --------
    SphereFilter : Measures in all directions.
    LossFilter : Removes the rows of each class that a model fits worst.

    Notes
    -----
    The original [1]_ is for two classes, between which there is one line. Its score is
    the distance times the length of the line, which changes nothing about the order
    within a class.

    References
    ----------
    .. [1] J. Steinhardt, P. W. Koh, P. Liang. "Certified Defenses for Data Poisoning
       Attacks", NIPS 2017. :arxiv:`1706.03691`

    .. [2] P. W. Koh, J. Steinhardt, P. Liang. "Stronger Data Poisoning Attacks Break
       Data Sanitization Defenses", Machine Learning, 2022. :arxiv:`1811.00741`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skpoison.defenses import SlabFilter
    >>> X, y = load_iris(return_X_y=True)
    >>> y[:3] = 2
    >>> slab = SlabFilter(contamination=9).fit(X, y)
    >>> np.isin([0, 1, 2], slab.sample_indices_)
    array([False, False, False])
    """

    _parameter_constraints: dict = {
        **ScoreSanitizer._parameter_constraints,
        "representation": [HasMethods(["fit", "transform"]), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        representation=None,
        *,
        contamination="auto",
        max_share=0.1,
        random_state=None,
    ):
        super().__init__()
        self.representation = representation
        self.contamination = contamination
        self.max_share = max_share
        self.random_state = random_state

    def _sanitize(self, X, y):
        scores = self._score(X, y)
        return ~self._suspects(scores, y, groups=y), scores

    def _score(self, X, y):
        rng, owner = check_random_state(self.random_state), type(self).__name__
        Z, self.representation_ = represented(self.representation, X, y, rng, owner)
        self.centroids_, codes = class_centroids(Z, y, self.classes_)
        away = Z - self.centroids_[codes]
        return np.abs(np.einsum("ij,ij->i", away, self._directions()[codes]))

    def _directions(self):
        """Direction from the centroid of each class to the nearest other one."""
        distances = pairwise_distances(self.centroids_)
        np.fill_diagonal(distances, np.inf)
        nearest = distances.argmin(axis=1)
        self.nearest_ = self.classes_[nearest]
        lines = self.centroids_[nearest] - self.centroids_
        lengths = np.linalg.norm(lines, axis=1)
        if not lengths.all():
            one = int(np.flatnonzero(lengths == 0)[0])
            same = [self.classes_[one].item(), self.nearest_[one].item()]
            raise ValueError(
                f"{type(self).__name__} measures along the lines between centroids, "
                f"and those of the classes {same} are the same. Use another "
                "representation, or SphereFilter."
            )
        return lines / lengths[:, np.newaxis]
