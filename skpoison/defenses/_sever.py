"""Removal of rows by their gradients."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, check_random_state

from skpoison.defenses._alternation import until_settled
from skpoison.defenses._last_step import seen_by_last
from skpoison.defenses._models import fresh_model, row_losses
from skpoison.defenses._row_gradients import (
    RowGradients,
    check_gradients,
    outlier_scores,
)
from skpoison.defenses._score_sanitizer import ScoreSanitizer, fence
from skpoison.utils._containers import take
from skpoison.utils._sklearn import HasMethods, Interval, StrOptions


class Sever(ScoreSanitizer):
    """Remove the rows whose gradients stand out where all gradients vary most.

    A model is fitted, the gradients of the losses of the rows are centred, and the rows
    that lie farthest out along their top singular vector are removed; then the model is
    fitted again, and so on. The rows of all classes are judged together, as published.

    Parameters
    ----------
    estimator : classifier, default=None
        Model whose gradients are known: `LogisticRegression`, `LinearSVC`,
        `RidgeClassifier`, `MLPClassifier`, a net of skorch, or a pipeline that ends in
        one. With ``variant="paper"`` any with `predict_proba`. `None` is logistic
        regression on scaled features.

    variant : {"published", "paper"}, default="published"
        "published" is the algorithm of [1]_. "paper" is what the authors of
        subpopulation attacks [2]_ ran under its name: no gradients, but the score
        ``(s * (1 - s) * norm(x)) ** 2``, s being the probability of the label and x
        the features that the classifier sees, at the end of a pipeline.

    contamination : "auto", float or int, default="auto"
        How many rows to remove in all rounds together: "auto" removes those that are
        outliers in a round, three robust standard deviations above the median of the
        square roots of the scores, but no more than `max_share` of all; a float in
        (0, 1) is a share; an int is the number of poison rows, an oracle that a
        defender does not have.

    max_share : float, default=0.1
        Share of the rows, in (0, 1), of which "auto" removes no more in all rounds
        together.

    max_iter : int, default=5
        Largest number of rounds. Each of the published algorithm removes the same part
        of what may be removed, and those removed do not come back; "auto" ends at a
        round without outliers. The paper's judges all rows in each round, and ends
        once the same are left twice.

    random_state : int, RandomState instance or None, default=None
        Seeds an estimator whose `random_state` is None, and draws the vector that
        the search for the singular vector starts from.

    Attributes
    ----------
    estimator_ : classifier
        The model of the last fit.

    n_iter_ : int
        Number of fits.

    scores_ : ndarray of shape (n_samples,)
        Score of each row of X in the last round that judged it; higher is more
        suspicious. Those of the published variant are squared projections over their
        mean, so that those of different rounds compare.

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
    TypeError
        If the gradients of the estimator are not known.

    See Also
    --------
    Trim : Removes rows by their loss, of any model.
    skpoison.influence.SubpopulationInfluence : What each row does to a subpopulation.

    Notes
    -----
    The singular vector is found by products with the gradients of all rows, which are
    never written down: memory is that of the rows. Weights of classes are those of the
    loss; penalties are the same for all rows, and centring takes them out.

    The algorithm of the theory removes rows above a random threshold until the variance
    is below a bound that is taken as known. Here, each of a few rounds removes the rows
    of the highest scores, a part of a given number. The authors' experiments with
    classifiers take more than there is poison: of each class as many rows, in two
    rounds. With the number of poison rows alone, clean rows that go in their place
    leave poison; twice as many, with ``max_iter=2``, is near to their setting.

    The paper's variant removes rows of which the model is unsure, not those that it is
    sure are mislabelled.

    References
    ----------
    .. [1] I. Diakonikolas, G. Kamath, D. M. Kane, J. Li, J. Steinhardt, A. Stewart.
       "Sever: A Robust Meta-Algorithm for Stochastic Optimization", ICML 2019.
       :arxiv:`1803.02815`

    .. [2] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skpoison.defenses import Sever
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> y[::20] = 1 - y[::20]
    >>> sever = Sever(contamination=29, random_state=0).fit(X, y)
    >>> removed = np.setdiff1d(np.arange(len(X)), sever.sample_indices_)
    >>> bool(np.mean(removed % 20 == 0) > 0.8)
    True
    """

    _parameter_constraints: dict = {
        **ScoreSanitizer._parameter_constraints,
        "estimator": [HasMethods(["fit", "predict"]), None],
        "variant": [StrOptions({"published", "paper"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        variant="published",
        contamination="auto",
        max_share=0.1,
        max_iter=5,
        random_state=None,
    ):
        super().__init__()
        self.estimator = estimator
        self.variant = variant
        self.contamination = contamination
        self.max_share = max_share
        self.max_iter = max_iter
        self.random_state = random_state

    def _sanitize(self, X, y):
        rng = check_random_state(self.random_state)
        model = fresh_model(self.estimator, rng)
        if self.variant == "paper":
            self._check_predict_proba(model)
            return until_settled(self, model, X, y)
        check_gradients(model, type(self).__name__)
        return self._published(model, X, y, rng)

    def _published(self, model, X, y, rng):
        rows, scores, self.n_iter_ = np.arange(len(y)), np.empty(len(y)), 0
        for total in self._schedule(len(y)):
            self._check_classes_left(y[rows])
            scores[rows] = self._fit_round(model, take(X, rows), y[rows], rng)
            count = min(total - len(y) + len(rows), self._n_outliers(scores[rows]))
            if count == 0:
                break
            worst = np.argsort(-scores[rows], kind="stable")[:count]
            rows = np.delete(rows, worst)
        kept = np.isin(np.arange(len(y)), rows)
        if self.contamination != "auto":
            self._check_no_class_deleted(~kept, y)
        return kept, scores

    def _schedule(self, n_samples):
        """Numbers of rows that may be removed by the end of each round."""
        if isinstance(self.contamination, Integral):
            budget = min(self.contamination, n_samples)
        elif self.contamination == "auto":
            budget = int(self.max_share * n_samples)
        else:
            budget = round(self.contamination * n_samples)
        # More rounds than rows are one for each row.
        n_rounds = min(self.max_iter, max(budget, 1))
        totals = np.linspace(0, budget, n_rounds + 1)[1:]
        return np.unique(np.ceil(totals).astype(int))

    def _fit_round(self, model, X, y, rng):
        self.estimator_, self.n_iter_ = model.fit(X, y), self.n_iter_ + 1
        gradients = RowGradients(self.estimator_, X, y, type(self).__name__)
        scores = outlier_scores(gradients, len(y), rng)
        return scores / (scores.mean() or 1)

    def _n_outliers(self, scores):
        if self.contamination != "auto":
            return len(scores)
        return np.count_nonzero(np.sqrt(scores) > fence(np.sqrt(scores)))

    def _check_predict_proba(self, model):
        if not hasattr(model, "predict_proba"):
            raise ValueError(
                f"{type(self).__name__} with variant='paper' needs an estimator with "
                f"predict_proba, and {type(model).__name__} has none. Use another, for "
                "example LogisticRegression(), or variant='published'."
            )

    def _suspects(self, scores, y, groups=None):
        # Their order is that of the scores, which are squares.
        return super()._suspects(np.sqrt(scores), y, groups)

    def _score(self, X, y):
        """Score of the paper's variant."""
        s = np.exp(-row_losses(self.estimator_, X, y, type(self).__name__))
        return (s * (1 - s) * _norms(seen_by_last(self.estimator_, X))) ** 2


def _norms(X):
    X = check_array(X, accept_sparse="csr", allow_nd=True, dtype=np.float64)
    if sparse.issparse(X):
        return sparse.linalg.norm(X, axis=1)
    return np.linalg.norm(X.reshape(len(X), -1), axis=1)
