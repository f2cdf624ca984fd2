"""Removal of rows far from the middle of their class."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils import check_random_state

from skpoison.defenses._centroids import class_centroids
from skpoison.defenses._represented import represented
from skpoison.defenses._score_sanitizer import ScoreSanitizer
from skpoison.utils._sklearn import HasMethods


class SphereFilter(ScoreSanitizer):
    """Remove the rows of each class that are farthest from its centroid.

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

    scores_ : ndarray of shape (n_samples,)
        Distance of each row of X to the centroid of its class; higher is more
        suspicious.

    sample_indices_ : ndarray of shape (n_samples_new,), dtype=int
        Rows of X that were kept, in their order.

    classes_ : ndarray of shape (n_classes,)
        Class labels in y.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    SlabFilter : Measures along the line between centroids only.
    LossFilter : Removes the rows of each class that a model fits worst.

    Notes
    -----
    This is the L2 defense of [2]_. The centroids are those of the data with its poison
    in it, which is what a defender has.

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
    >>> from skpoison.defenses import SphereFilter
    >>> X, y = load_iris(return_X_y=True)
    >>> X[:3] += 10
    >>> sphere = SphereFilter(contamination=9).fit(X, y)
    >>> np.isin([0, 1, 2], sphere.sample_indices_)
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
        return np.linalg.norm(Z - self.centroids_[codes], axis=1)
