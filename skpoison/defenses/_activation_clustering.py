"""Activation clustering."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skpoison.base import BaseSanitizer
from skpoison.defenses._models import fresh_model
from skpoison.defenses._represented import represented
from skpoison.defenses._top_components import top_components
from skpoison.defenses._two_clusters import (
    distance_ratio,
    margins,
    reclassification_ratio,
    silhouette,
)
from skpoison.utils._sklearn import HasMethods, Interval, StrOptions

THRESHOLDS = {"silhouette": 0.1, "distance": 1.0, "reclassification": 1.0}
MAX_SHARE = 0.35


class ActivationClustering(BaseSanitizer):
    """Split each class in two clusters, and remove the smaller if it looks foreign.

    Rows of a class that a model took for it by another reason, such as a trigger,
    have other activations than the rest.

    Parameters
    ----------
    representation : transformer, default=None
        What turns rows into vectors, for example
        ``Representation(MLPClassifier())``. A clone is fitted on the rows, poison
        among them; with ``Representation(FrozenEstimator(model))`` it is that of a
        fitted model. `None` takes the features themselves; images are flattened.

    analysis : {"relative_size", "smaller", "silhouette", "distance", \
            "reclassification"}, default="relative_size"
        When the smaller cluster of a class is removed, see Notes.

    threshold : float, default=None
        What the analysis compares with. `None` is 0.1 for "silhouette", and 1 for
        "distance" and "reclassification"; the others have none.

    max_share : float, default=None
        Largest share of the rows of each class, in (0, 0.5], that is removed: a larger
        cluster is kept, whatever the analysis. `None` is 0.35, or 0.5 for "smaller".

    estimator : classifier, default=None
        Model of the reclassification; that of the victim is the natural choice. `None`
        is logistic regression on scaled features. Other analyses train none.

    reduction : {"pca", "ica"}, default="pca"
        Whether clusters are those of principal components, or of independent ones as
        in the original.

    n_components : int, default=10
        Number of components, or as many as the rows of a class have.

    random_state : int, RandomState instance or None, default=None
        Draws the rows from which silhouettes are told, and seeds each representation
        or estimator whose `random_state` is None.

    Attributes
    ----------
    representation_ : transformer or None
        The fitted representation; None where there is none.

    cluster_shares_ : ndarray of shape (n_classes,)
        Share of the rows of each class in its smaller cluster; 0 for a class whose
        rows all have one representation, which has no clusters.

    evidence_ : ndarray of shape (n_classes,)
        What the analysis measured in each class, see Notes; NaN where it did not look
        as the cluster is too large, or there is none.

    removed_ : ndarray of shape (n_classes,), dtype=bool
        Whether the smaller cluster of each class is removed.

    scores_ : ndarray of shape (n_samples,)
        Distance of each row to the center of the larger cluster of its class less that
        to the center of the smaller, as a share of their sum, in [-1, 1]; plus the
        strength of the evidence, in [0, 1], for rows that are removed, which are those
        over 0; less 2 in classes that keep both clusters. See Notes.

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
        If all rows have the same representation, or a threshold is given to an
        analysis that has none.

    See Also
    --------
    SpectralSignatures : Removes the rows farthest out.

    Notes
    -----
    The number of poison rows is not asked for; `max_share` limits it. Clusters are
    those of k-means, which starts from the halves along the main component. No more
    than one of a class is removed, the smaller one:

    - "relative_size": if it holds no more than `max_share` of the class. The evidence
      is its share.
    - "smaller": always, as `max_share` is half by default. The evidence is the same.
    - "silhouette": if the mean silhouette of the rows is at least `threshold`; that of
      1000 rows, drawn at random, in larger classes.
    - "distance": if its center is nearer to that of another class than to that of the
      rest of its own. The evidence is the ratio of the second distance to the first,
      over `threshold`.
    - "reclassification": a model is trained without the cluster, and classifies it. It
      is removed if fewer than `threshold` rows keep their label for each that goes to
      the other class which gets most of them. The evidence is this ratio.

    Two clusters are found in every class, poisoned or not [1]_; what tells poison is
    the evidence. Scores keep that order: first are the rows that are removed, with more
    the stronger the evidence is, then the rest of their classes, and last the classes
    without evidence. The strength is 1 less the share, the silhouette, ``r / (1 + r)``
    for the ratio r of distances, and ``1 / (1 + r)`` for that of reclassification.

    The authors' code of the paper of subpopulation attacks [2]_ is
    ``analysis="silhouette", max_share=0.5, reduction="ica", n_components=15``.

    Independent components are whitened principal components, turned. Distances do not
    change under turns and neither do clusters and silhouettes, so the whitened
    components are used as they are: nothing has to converge. Whitened, a direction in
    which poison differs counts no more than one of noise, which is why principal
    components are the default.

    References
    ----------
    .. [1] B. Chen, W. Carvalho, N. Baracaldo, H. Ludwig, B. Edwards, T. Lee, I. Molloy,
       B. Srivastava. "Detecting Backdoor Attacks on Deep Neural Networks by Activation
       Clustering", SafeAI 2019. :arxiv:`1811.03728`

    .. [2] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skpoison.attacks import BackdoorPoisoner, FeatureTrigger, everything
    >>> from skpoison.defenses import ActivationClustering
    >>> from skpoison.finders import Representation
    >>> X, y = load_digits(return_X_y=True)
    >>> trigger = FeatureTrigger([0, 7, 56, 63], 16)
    >>> poisoner = BackdoorPoisoner(
    ...     target=everything, alpha=0.03, label=3, trigger=trigger, random_state=0
    ... )
    >>> X, y = poisoner.fit_resample(X, y)
    >>> network = MLPClassifier(64, early_stopping=True, random_state=0)
    >>> defense = ActivationClustering(Representation(network), random_state=0)
    >>> _, y_res = defense.fit_resample(X, y)
    >>> defense.classes_[defense.removed_].tolist()
    [3, 9]
    >>> int(poisoner.n_poison_)
    54
    >>> int(poisoner.poison_mask_[defense.sample_indices_].sum())
    0
    """

    _parameter_constraints: dict = {
        "representation": [HasMethods(["fit", "transform"]), None],
        "analysis": [StrOptions({*THRESHOLDS, "smaller", "relative_size"})],
        "threshold": [Interval(Real, None, None, closed="neither"), None],
        "max_share": [Interval(Real, 0, 0.5, closed="right"), None],
        "estimator": [HasMethods(["fit", "predict"]), None],
        "reduction": [StrOptions({"ica", "pca"})],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        representation=None,
        *,
        analysis="relative_size",
        threshold=None,
        max_share=None,
        estimator=None,
        reduction="pca",
        n_components=10,
        random_state=None,
    ):
        super().__init__()
        self.representation = representation
        self.analysis = analysis
        self.threshold = threshold
        self.max_share = max_share
        self.estimator = estimator
        self.reduction = reduction
        self.n_components = n_components
        self.random_state = random_state

    def _sanitize(self, X, y):
        self._check_threshold()
        rng = check_random_state(self.random_state)
        Z, self.representation_ = represented(
            self.representation, X, y, rng, type(self).__name__
        )
        scores = np.zeros(len(y))
        self.cluster_shares_ = np.zeros(len(self.classes_))
        self.evidence_ = np.full(len(self.classes_), np.nan)
        for k, label in enumerate(self.classes_):
            rows = np.flatnonzero(y == label)
            components = self._components(Z[rows], rng)
            scores[rows] = margins(components)
            inside = scores[rows] > 0
            self.cluster_shares_[k] = share = inside.mean()
            if 0 < share <= self._largest_share():
                self.evidence_[k] = self._measure(
                    X, y, Z, rows, components, inside, rng
                )
        self.removed_ = self._is_foreign(self.evidence_)
        return self._by_evidence(scores, np.searchsorted(self.classes_, y))

    def _check_threshold(self):
        if self.threshold is not None and self.analysis not in THRESHOLDS:
            raise ValueError(
                f"analysis={self.analysis!r} of ActivationClustering has no threshold. "
                f"Got threshold={self.threshold!r}. Set max_share in its place, or "
                f"choose among {sorted(THRESHOLDS)}."
            )

    def _largest_share(self):
        if self.max_share is not None:
            return self.max_share
        return 0.5 if self.analysis == "smaller" else MAX_SHARE

    def _components(self, Z, rng):
        projections, values = top_components(Z, self.n_components, rng)
        if self.reduction == "pca":
            return projections
        return projections / values * np.sqrt(len(Z))

    def _measure(self, X, y, Z, rows, components, inside, rng):
        """Evidence against the rows of a class that are inside its smaller cluster."""
        if self.analysis == "silhouette":
            return silhouette(components, inside, rng)
        if self.analysis == "distance":
            return distance_ratio(Z, y, rows, inside)
        if self.analysis == "reclassification":
            model = fresh_model(self.estimator, rng)
            return reclassification_ratio(model, X, y, rows[inside])
        return inside.mean()

    def _by_evidence(self, scores, codes):
        """Rows that are kept, and scores in the order of the evidence."""
        suspect = self.removed_[codes]
        kept = ~suspect | (scores <= 0)
        strength = np.where(self.removed_, self._strength(self.evidence_), 0)[codes]
        return kept, scores + np.where(kept, -2.0 * ~suspect, strength)

    def _strength(self, evidence):
        """How much the evidence says, from 0 to 1."""
        if self.analysis == "silhouette":
            return evidence.clip(0, 1)
        if self.analysis == "distance":
            return 1 - 1 / (1 + evidence)
        if self.analysis == "reclassification":
            return 1 / (1 + evidence)
        return 1 - evidence

    def _is_foreign(self, evidence):
        threshold = self.threshold
        if threshold is None:
            threshold = THRESHOLDS.get(self.analysis)
        if self.analysis == "silhouette":
            return evidence >= threshold
        if self.analysis == "distance":
            return evidence > threshold
        if self.analysis == "reclassification":
            return evidence < threshold
        return ~np.isnan(evidence)
