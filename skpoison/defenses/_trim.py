"""Trimmed training."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

from sklearn.utils import check_random_state

from skpoison.defenses._alternation import until_settled
from skpoison.defenses._models import fresh_model, row_losses
from skpoison.defenses._score_sanitizer import ScoreSanitizer
from skpoison.utils._sklearn import HasMethods, Interval


class Trim(ScoreSanitizer):
    """Remove the rows that a model fits worst, and fit it again without them.

    The model is trained on the rows that are left, the loss of every row measured,
    and the rows with the highest loss left out, until they are the same ones twice.

    Parameters
    ----------
    estimator : classifier, default=None
        Model that measures the loss, with `predict_proba` or `decision_function`;
        that of the victim is the natural choice. `None` is logistic regression on
        scaled features.

    contamination : "auto", float or int, default="auto"
        How many rows to remove: "auto" removes those whose loss is an outlier, three
        robust standard deviations above the median, but no more than `max_share` of
        all; a float in (0, 1) is a share; an int is the number of poison rows, an
        oracle that a defender does not have.

    max_share : float, default=0.1
        Share of the rows, in (0, 1), of which "auto" removes no more.

    max_iter : int, default=5
        Largest number of fits.

    random_state : int, RandomState instance or None, default=None
        Seeds an estimator whose `random_state` is None.

    Attributes
    ----------
    estimator_ : classifier
        The model of the last fit.

    n_iter_ : int
        Number of fits.

    scores_ : ndarray of shape (n_samples,)
        Loss of each row of X under `estimator_`; higher is more suspicious.

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
    IterativeTrimmedLoss : The same from an early model.
    Sever : Removes rows by their gradients.

    Notes
    -----
    The original is for regression and is given the number of poison rows; the paper of
    subpopulation attacks [2]_ uses it for classification, with the same oracle. Poison
    of a subpopulation is fitted well once it is the majority there, so that the rows
    with the highest loss are the clean ones.

    References
    ----------
    .. [1] M. Jagielski, A. Oprea, B. Biggio, C. Liu, C. Nita-Rotaru, B. Li.
       "Manipulating Machine Learning: Poisoning Attacks and Countermeasures for
       Regression Learning", S&P 2018. :arxiv:`1804.00308`

    .. [2] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skpoison.defenses import Trim
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> y[::20] = 1 - y[::20]
    >>> trim = Trim(contamination=29).fit(X, y)
    >>> removed = np.setdiff1d(np.arange(len(X)), trim.sample_indices_)
    >>> float(np.mean(removed % 20 == 0).round(2))
    0.86
    """

    _parameter_constraints: dict = {
        **ScoreSanitizer._parameter_constraints,
        "estimator": [HasMethods(["fit", "predict"]), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        contamination="auto",
        max_share=0.1,
        max_iter=5,
        random_state=None,
    ):
        super().__init__()
        self.estimator = estimator
        self.contamination = contamination
        self.max_share = max_share
        self.max_iter = max_iter
        self.random_state = random_state

    def _sanitize(self, X, y):
        # Seeded once: each fit is that of one model, on other rows.
        model = fresh_model(self.estimator, check_random_state(self.random_state))
        return until_settled(self, model, X, y)

    def _score(self, X, y):
        return row_losses(self.estimator_, X, y, type(self).__name__)
