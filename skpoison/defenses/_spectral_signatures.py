"""Spectral signatures."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skpoison.defenses._represented import represented
from skpoison.defenses._score_sanitizer import ScoreSanitizer
from skpoison.defenses._top_components import top_components
from skpoison.utils._sklearn import HasMethods, Interval


class SpectralSignatures(ScoreSanitizer):
    """Remove the rows farthest out along the main direction of their class.

    The representation of each class is centered, and its rows scored by the size of
    their projection on the first right singular vector. Poison that shares a trait,
    such as a trigger, pulls that vector towards itself.

    Parameters
    ----------
    representation : transformer, default=None
        What turns rows into vectors, for example
        ``Representation(MLPClassifier())``. A clone is fitted on the rows, poison
        among them; with ``Representation(FrozenEstimator(model))`` it is that of a
        fitted model. `None` takes the features themselves; images are flattened.

    contamination : "auto", float or int, default="auto"
        How many rows to remove: "auto" removes those whose score is an outlier in
        their class, three robust standard deviations above the median, but no more
        than `max_share` of each class. A float in (0, 1) is the largest share of a
        class that may be poison, and `factor` times as much of every class is
        removed. An int is the number of poison rows, an oracle that a defender does
        not have; as all may have one label, `factor` times as many rows are removed
        from every class.

    factor : float, default=1.5
        Rows to remove from every class for each poison row that `contamination`
        tells of, at least 1. "auto" has no use for it.

    max_share : float, default=0.1
        Share of the rows of each class, in (0, 1), of which "auto" removes no more.

    random_state : int, RandomState instance or None, default=None
        Seeds a representation whose `random_state` is None, and the first guess of
        singular vectors of more than 256 numbers.

    Attributes
    ----------
    representation_ : transformer or None
        The fitted representation; None where there is none.

    scores_ : ndarray of shape (n_samples,)
        Size of the projection of each row, in the units of the representation; higher
        is more suspicious. The only row of a class has 0.

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
        If all rows have the same representation, or `contamination` and `factor`
        would remove every row of a class.

    See Also
    --------
    ActivationClustering : Splits each class in two.
    Sever : The same of gradients, over all classes.

    Notes
    -----
    The original removes 1.5 times the largest number of poison rows from every class;
    the paper of subpopulation attacks [2]_ the rows above the 85th percentile of every
    class, which are ``contamination=0.15, factor=1``, to a row.

    Poison that follows the distribution of the data has no direction of its own: on
    subpopulation attacks the authors of [2]_ caught 18 of 40 and 20 of 150 poison rows.

    References
    ----------
    .. [1] B. Tran, J. Li, A. Madry. "Spectral Signatures in Backdoor Attacks",
       NeurIPS 2018. :arxiv:`1811.00636`

    .. [2] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skpoison.attacks import BackdoorPoisoner, FeatureTrigger, everything
    >>> from skpoison.defenses import SpectralSignatures
    >>> from skpoison.finders import Representation
    >>> X, y = load_digits(return_X_y=True)
    >>> trigger = FeatureTrigger([0, 7, 56, 63], 16)
    >>> poisoner = BackdoorPoisoner(
    ...     target=everything, alpha=0.03, label=3, trigger=trigger, random_state=0
    ... )
    >>> X, y = poisoner.fit_resample(X, y)
    >>> network = MLPClassifier(64, early_stopping=True, random_state=0)
    >>> defense = SpectralSignatures(
    ...     Representation(network), contamination=54, random_state=0
    ... )
    >>> _, y_res = defense.fit_resample(X, y)
    >>> int(poisoner.n_poison_)
    54
    >>> int(poisoner.poison_mask_[defense.sample_indices_].sum())
    2
    """

    _parameter_constraints: dict = {
        **ScoreSanitizer._parameter_constraints,
        "representation": [HasMethods(["fit", "transform"]), None],
        "factor": [Interval(Real, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        representation=None,
        *,
        contamination="auto",
        factor=1.5,
        max_share=0.1,
        random_state=None,
    ):
        super().__init__()
        self.representation = representation
        self.contamination = contamination
        self.factor = factor
        self.max_share = max_share
        self.random_state = random_state

    def _sanitize(self, X, y):
        scores = self._score(X, y)
        return ~self._suspects(scores, y, groups=y), scores

    def _score(self, X, y):
        rng = check_random_state(self.random_state)
        Z, self.representation_ = represented(
            self.representation, X, y, rng, type(self).__name__
        )
        scores = np.zeros(len(y))
        for label in self.classes_:
            rows = y == label
            projections, _ = top_components(Z[rows], 1, rng)
            scores[rows] = np.abs(projections).sum(axis=1)
        return scores

    def _count(self, scores, share):
        if self.contamination == "auto":
            return super()._count(scores, share)
        n_poison = min(self.contamination, len(scores) / share)
        if not isinstance(self.contamination, Integral):
            n_poison = self.contamination * len(scores)
        return self.factor * n_poison
