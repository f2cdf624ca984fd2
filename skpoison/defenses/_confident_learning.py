"""Confident learning, by cleanlab."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils import check_random_state

from skpoison.defenses._models import fresh_model
from skpoison.defenses._score_sanitizer import ScoreSanitizer
from skpoison.utils._random import draw_seed
from skpoison.utils._sklearn import N_JOBS, HasMethods, Interval, StrOptions


class ConfidentLearning(ScoreSanitizer):
    """Remove the rows whose labels cleanlab takes for errors.

    Out-of-sample probabilities of the classes come from cross-validation, and cleanlab
    estimates from them which labels were confused with which. Needs cleanlab,
    ``pip install 'skpoison[cleanlab]'``.

    Parameters
    ----------
    estimator : classifier, default=None
        Model with `predict_proba`. `None` is logistic regression on scaled features.

    contamination : "auto", float or int, default="auto"
        How many rows to remove: "auto" removes those that cleanlab finds, but no more
        than `max_share` of all, the least likely labels first; a float in (0, 1) is a
        share; an int is the number of poison rows, an oracle that a defender does not
        have.

    max_share : float, default=0.1
        Share of the rows, in (0, 1), of which "auto" removes no more.

    filter_by : {"prune_by_noise_rate", "prune_by_class", "both", \
            "confident_learning", "predicted_neq_given", "low_normalized_margin", \
            "low_self_confidence"}, default="prune_by_noise_rate"
        Which labels cleanlab takes for errors; see
        ``cleanlab.filter.find_label_issues``.

    cv : int, default=5
        Number of folds, drawn at random with the same share of each class.

    n_jobs : int, default=None
        Folds that are fitted in parallel. `None` means 1, and -1 all processors.

    random_state : int, RandomState instance or None, default=None
        Draws the folds, and seeds an estimator whose `random_state` is None.

    Attributes
    ----------
    pred_probs_ : ndarray of shape (n_samples, n_classes)
        Probability of each class, by a model that has not seen the row.

    issues_ : ndarray of shape (n_samples,), dtype=bool
        True for the labels that cleanlab takes for errors, whatever `contamination`.

    scores_ : ndarray of shape (n_samples,)
        1 less the quality that cleanlab gives to the label, which is its probability;
        higher is more suspicious.

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
    ImportError
        If cleanlab is not installed.

    ValueError
        If a class has fewer rows than there are folds, or the estimator has no
        `predict_proba`.

    See Also
    --------
    Trim : Removes the rows that a model of all the others fits worst.

    Notes
    -----
    The models are fitted on the numbers of the classes, 0, 1, 2, ..., in sorted order,
    as :func:`~sklearn.model_selection.cross_val_predict` has it.

    Poison of a subpopulation is not found once it is the majority there: models of
    other folds learn it, too, and the clean labels are the unlikely ones.

    References
    ----------
    .. [1] C. G. Northcutt, L. Jiang, I. L. Chuang. "Confident Learning: Estimating
       Uncertainty in Dataset Labels", JAIR, 2021. :arxiv:`1911.00068`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skpoison.defenses import ConfidentLearning
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> y[::20] = 1 - y[::20]
    >>> confident = ConfidentLearning(random_state=0).fit(X, y)
    >>> kept = confident.sample_indices_
    >>> bool(np.mean(kept % 20 == 0) < 0.02)
    True
    """

    _parameter_constraints: dict = {
        **ScoreSanitizer._parameter_constraints,
        "estimator": [HasMethods(["fit", "predict"]), None],
        "filter_by": [
            StrOptions(
                {
                    "prune_by_noise_rate",
                    "prune_by_class",
                    "both",
                    "confident_learning",
                    "predicted_neq_given",
                    "low_normalized_margin",
                    "low_self_confidence",
                }
            )
        ],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "n_jobs": N_JOBS,
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        contamination="auto",
        max_share=0.1,
        filter_by="prune_by_noise_rate",
        cv=5,
        n_jobs=None,
        random_state=None,
    ):
        super().__init__()
        self.estimator = estimator
        self.contamination = contamination
        self.max_share = max_share
        self.filter_by = filter_by
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _score(self, X, y):
        find_label_issues, get_label_quality_scores = _cleanlab()
        codes = np.searchsorted(self.classes_, y)
        self._check_class_sizes(codes)
        self.pred_probs_ = self._predict(X, codes)
        # More jobs of cleanlab are processes, which cost more than they save here.
        self.issues_ = find_label_issues(
            codes, self.pred_probs_, filter_by=self.filter_by, n_jobs=1
        )
        return 1 - get_label_quality_scores(codes, self.pred_probs_)

    def _predict(self, X, codes):
        rng = check_random_state(self.random_state)
        model = fresh_model(self.estimator, rng)
        if not hasattr(model, "predict_proba"):
            raise ValueError(
                f"{type(self).__name__} needs an estimator with predict_proba. Got "
                f"{type(model).__name__}, which has none. Use LogisticRegression(), or "
                "wrap it in CalibratedClassifierCV. Trim works with decision_function, "
                "too."
            )
        folds = StratifiedKFold(self.cv, shuffle=True, random_state=draw_seed(rng))
        return cross_val_predict(
            model, X, codes, cv=folds, method="predict_proba", n_jobs=self.n_jobs
        )

    def _count(self, scores, share):
        """Count the rows to remove; those of cleanlab come first in their order."""
        if self.contamination != "auto":
            return super()._count(scores, share)
        return min(int(self.issues_.sum()), int(self.max_share * len(scores)))

    def _suspects(self, scores, y, groups=None):
        if self.contamination == "auto":
            # Only what cleanlab finds; quality is at least 0, so that these are last.
            scores = np.where(self.issues_, scores, -1.0)
        return super()._suspects(scores, y, groups)

    def _check_class_sizes(self, codes):
        sizes = np.bincount(codes)
        if sizes.min() < self.cv:
            small = self.classes_[sizes < self.cv].tolist()
            raise ValueError(
                f"cv={self.cv} of {type(self).__name__} needs as many rows of each "
                f"class. The classes {small} have {sizes[sizes < self.cv].tolist()}. "
                "Use fewer folds, or drop or merge these classes."
            )


def _cleanlab():
    try:
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
    except ImportError as error:
        raise ImportError(
            "ConfidentLearning needs cleanlab. Install it with pip install "
            "'skpoison[cleanlab]'."
        ) from error
    return find_label_issues, get_label_quality_scores
