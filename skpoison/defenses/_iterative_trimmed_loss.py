"""Iterative trimmed loss minimisation."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from skpoison.defenses._models import fresh_model, row_losses
from skpoison.defenses._rounds import FullRounds, ShortRounds, goes_on
from skpoison.defenses._score_sanitizer import ScoreSanitizer
from skpoison.utils._sklearn import HasMethods, Interval, RealNotInt


class IterativeTrimmedLoss(ScoreSanitizer):
    """Remove the rows that a model fits worst while it is being trained.

    Networks fit what most rows say first, and the exceptions later. An early model
    measures the loss of every row, and then the model is trained on, for a round at a
    time, on the rows with the lowest loss so far (ILTM).

    Parameters
    ----------
    estimator : classifier, default=None
        Model that measures the loss, with `predict_proba` or `decision_function`;
        that of the victim is the natural choice. Those that can be trained on from
        their weights are; see Notes. `None` is logistic regression on scaled features.

    contamination : "auto", float or int, default="auto"
        How many rows to remove: "auto" removes those whose loss is an outlier, three
        robust standard deviations above the median, but no more than `max_share` of
        all; a float in (0, 1) is a share; an int is the number of poison rows, an
        oracle that a defender does not have.

    max_share : float, default=0.1
        Share of the rows, in (0, 1), of which "auto" removes no more.

    n_rounds : int, default=10
        Number of rounds after the early model; the largest number where each fits the
        model anew, since they end once the same rows are left twice.

    n_epochs : int, default=5
        Passes over the rows, or iterations of the solver, in which the early model is
        trained, and of each round. Used where the model is trained on.

    early_share : float, default=0.1
        Share of the rows of each class, in (0, 1], on which the early model is fitted
        where models are fitted anew; no fewer than ten rows of a class that has them.

    random_state : int, RandomState instance or None, default=None
        Seeds an estimator whose `random_state` is None, and draws the rows of an early
        model that is fitted on a share.

    Attributes
    ----------
    estimator_ : classifier
        The model after the last round.

    n_iter_ : int
        Number of rounds.

    trained_on_ : bool
        Whether each round went on from the weights of the one before; False where it
        fitted the model anew.

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
    Trim : The same from a model that is trained to the end.
    LossFilter : One fit, and each class judged apart.

    Notes
    -----
    Trained on are :class:`~sklearn.linear_model.SGDClassifier` and others with
    `partial_fit` and `max_iter`, :class:`~sklearn.neural_network.MLPClassifier`, nets
    of skorch, and :class:`~sklearn.linear_model.LogisticRegression` with other solvers
    than liblinear, all of them also as the last step of a pipeline, whose other steps
    are fitted once, on all rows. All other models, frozen ones among them, are fitted
    anew in each round, and so are those with early stopping or balanced class weights,
    which `partial_fit` refuses, and naive Bayes, whose `partial_fit` sums over all rows
    it ever saw and would not forget the poison.

    A net with a small learning rate needs more epochs: as long as the early model knows
    nothing, the rows with the highest loss are any.

    The original [1]_ is given the share of rows to keep; "auto" judges it in each
    round.

    References
    ----------
    .. [1] Y. Shen, S. Sanghavi. "Learning with Bad Training Data via Iterative Trimmed
       Loss Minimization", ICML 2019. :arxiv:`1810.11874`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison.defenses import IterativeTrimmedLoss
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> y[::20] = 1 - y[::20]
    >>> model = make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss"))
    >>> trimmed = IterativeTrimmedLoss(model, contamination=29, random_state=0)
    >>> removed = np.setdiff1d(np.arange(len(X)), trimmed.fit(X, y).sample_indices_)
    >>> bool(np.mean(removed % 20 == 0) > 0.8)
    True
    """

    _parameter_constraints: dict = {
        **ScoreSanitizer._parameter_constraints,
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
        "n_epochs": [Interval(Integral, 1, None, closed="left")],
        "early_share": [Interval(RealNotInt, 0, 1, closed="right")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        contamination="auto",
        max_share=0.1,
        n_rounds=10,
        n_epochs=5,
        early_share=0.1,
        random_state=None,
    ):
        super().__init__()
        self.estimator = estimator
        self.contamination = contamination
        self.max_share = max_share
        self.n_rounds = n_rounds
        self.n_epochs = n_epochs
        self.early_share = early_share
        self.random_state = random_state

    def _sanitize(self, X, y):
        rounds = self._rounds(X, y)
        self.estimator_, self.n_iter_ = rounds.early(), 0
        kept, before = ~self._suspects(self._score(X, y), y), None
        while self.n_iter_ < self.n_rounds and not self._has_settled(kept, before):
            self._check_classes_left(y[kept])
            self.estimator_ = rounds.next(np.flatnonzero(kept))
            self.n_iter_ += 1
            losses = self._score(X, y)
            before, kept = kept, ~self._suspects(losses, y)
        return kept, losses

    def _rounds(self, X, y):
        rng = check_random_state(self.random_state)
        model = fresh_model(self.estimator, rng)
        self.trained_on_ = goes_on(model)
        if self.trained_on_:
            return ShortRounds(model, X, y, self.n_epochs)
        return FullRounds(model, X, y, self.early_share, rng)

    def _has_settled(self, kept, before):
        return not self.trained_on_ and np.array_equal(kept, before)

    def _score(self, X, y):
        return row_losses(self.estimator_, X, y, type(self).__name__)
