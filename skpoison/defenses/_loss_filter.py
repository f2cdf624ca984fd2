"""Removal of rows by the loss of one model."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from sklearn.utils import check_random_state

from skpoison.defenses._models import fresh_model, row_losses
from skpoison.defenses._score_sanitizer import ScoreSanitizer
from skpoison.utils._sklearn import HasMethods


class LossFilter(ScoreSanitizer):
    """Remove the rows of each class that a model of all rows fits worst.

    Parameters
    ----------
    estimator : classifier, default=None
        Model that measures the loss, with `predict_proba` or `decision_function`;
        that of the victim is the natural choice. `None` is logistic regression on
        scaled features.

    contamination : "auto", float or int, default="auto"
        How many rows to remove: "auto" removes those whose loss is an outlier in their
        class, three robust standard deviations above the median, but no more than
        `max_share` of the class; a float in (0, 1) is a share of each class; an int is
        the number of poison rows, an oracle that a defender does not have, and the
        classes share it by their sizes.

    max_share : float, default=0.1
        Share of the rows of a class, in (0, 1), of which "auto" removes no more.

    random_state : int, RandomState instance or None, default=None
        Seeds an estimator whose `random_state` is None.

    Attributes
    ----------
    estimator_ : classifier
        The model, fitted on all rows.

    scores_ : ndarray of shape (n_samples,)
        Loss of each row of X; higher is more suspicious.

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
    Trim : Fits again without the rows, and judges all classes together.
    SphereFilter : Removes rows far from the middle of their class.
    SlabFilter : Removes rows far from it on the way to another class.

    Notes
    -----
    `Trim` with ``max_iter=1`` has the same scores, and compares the rows of all
    classes. Poison gets past the filter [1]_ where the model has learned from it, so
    that its loss is low.

    References
    ----------
    .. [1] P. W. Koh, J. Steinhardt, P. Liang. "Stronger Data Poisoning Attacks Break
       Data Sanitization Defenses", Machine Learning, 2022. :arxiv:`1811.00741`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skpoison.defenses import LossFilter
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> y[::20] = 1 - y[::20]
    >>> loss_filter = LossFilter(contamination=29).fit(X, y)
    >>> removed = np.setdiff1d(np.arange(len(X)), loss_filter.sample_indices_)
    >>> bool(np.mean(removed % 20 == 0) > 0.6)
    True
    """

    _parameter_constraints: dict = {
        **ScoreSanitizer._parameter_constraints,
        "estimator": [HasMethods(["fit", "predict"]), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        contamination="auto",
        max_share=0.1,
        random_state=None,
    ):
        super().__init__()
        self.estimator = estimator
        self.contamination = contamination
        self.max_share = max_share
        self.random_state = random_state

    def _sanitize(self, X, y):
        losses = self._score(X, y)
        return ~self._suspects(losses, y, groups=y), losses

    def _score(self, X, y):
        rng = check_random_state(self.random_state)
        self.estimator_ = fresh_model(self.estimator, rng).fit(X, y)
        return row_losses(self.estimator_, X, y, type(self).__name__)
