"""Remove rows that make a model of a few rows worse."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state

from skpoison.defenses._one_more_row import has_closed_form, quiz_margins
from skpoison.defenses._quiz import draw_split, quiz_losses
from skpoison.defenses._trusting_sanitizer import TrustingSanitizer
from skpoison.refit import refit_poisoned
from skpoison.utils._containers import take
from skpoison.utils._inner_model import check_classifier
from skpoison.utils._random import seeded_clone
from skpoison.utils._sklearn import N_JOBS, HasMethods, Interval, StrOptions

# Share of the rows that a base set, and a quiz, take at most.
LARGEST_PART = 0.25


class Roni(TrustingSanitizer):
    """Remove rows that make a model of a few rows worse: reject on negative impact.

    A model is trained on a small base set, once as it is and once with each other row
    added, and put to a quiz. The impact of a row is what its presence costs there, on
    average over many base sets.

    Parameters
    ----------
    estimator : classifier, default=None
        Model that is put to the quiz. `None` is logistic regression on scaled
        features.

    base_size : int, default=10
        Rows of a base set, of each class one at least, and of X a quarter at most.
        One row more is lost in a large set.

    quiz_size : int, default=50
        Rows of a quiz, of X a quarter at most; all trusted rows that are not in the
        base set, where there are any.

    n_trials : int, default=10
        Number of base sets that each row is added to, at least.

    metric : {"accuracy", "log_loss"}, default="accuracy"
        What the quiz measures. A single row moves the accuracy of a model of few
        others; choose the finer "log_loss", which a few sure answers dominate, for
        larger base sets.

    fidelity : {"auto", "refit", "influence"}, default="auto"
        - "refit": models that are trained until they converge, by
          :func:`~skpoison.refit.refit_poisoned`.
        - "influence": estimates of them by one Newton step, which rank rows. For
          linear models only; for binary logistic regression with an L2 penalty, alone
          or as `None`, in closed form and by far the fastest.
        - "auto": "influence" where it has the closed form, otherwise "refit".

    contamination : "auto", float or int, default="auto"
        How many rows to remove: "auto" removes those with a positive impact that is an
        outlier, three robust standard deviations above the median, but no more than
        `max_share` of all; a float in (0, 1) is a share; an int is the number of
        poison rows, an oracle that a defender does not have.

    max_share : float, default=0.1
        Share of the rows, in (0, 1), of which "auto" removes no more.

    n_jobs : int, default=None
        Number of jobs of refits that have no engine; `None` is 1 unless in a
        :func:`joblib.parallel_config` context.

    random_state : int, RandomState instance or None, default=None
        Draws base sets and quizzes, and seeds an estimator whose `random_state` is
        None.

    Attributes
    ----------
    n_splits_ : int
        Number of base sets.

    n_judged_ : ndarray of shape (n_samples,)
        Number of base sets that each row of X was added to. It is 0 for a row that is
        the only one of its class, which is in all base sets.

    fidelity_ : {"refit", "influence"}
        Whether models were refitted or estimated.

    scores_ : ndarray of shape (n_samples,)
        Impact of each row of X: quiz loss with it less that without, in accuracy or
        in nats; higher is more suspicious. 0 for rows that were not judged.

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
    GroupRoni : The same for the rows of a subpopulation at once.
    skpoison.refit.refit_poisoned : Trains the models.

    Notes
    -----
    Base sets and quizzes are drawn from `X_trusted` where `fit_resample` is given
    any [1]_. Otherwise they are rows of X, taken in turn, and poisoned themselves: the
    ranking is worse, and of no use once the poison is the majority.

    Poison of a subpopulation passes by construction: a quiz of everybody has few
    rows of it, and one row alone does little [3]_.

    References
    ----------
    .. [1] B. Nelson, M. Barreno, F. J. Chi, A. D. Joseph, B. I. P. Rubinstein,
       U. Saini, C. Sutton, J. D. Tygar, K. Xia. "Misleading Learners: Co-opting Your
       Spam Filter", in Machine Learning in Cyber Trust, 2009.
       :doi:`10.1007/978-0-387-88735-7_2`

    .. [2] M. Barreno, B. Nelson, A. D. Joseph, J. D. Tygar. "The security of machine
       learning", Machine Learning 81, 2010. :doi:`10.1007/s10994-010-5188-5`

    .. [3] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.metrics import roc_auc_score
    >>> from skpoison.defenses import Roni
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> y[::20] = 1 - y[::20]
    >>> roni = Roni(random_state=0).fit(X, y)
    >>> round(roc_auc_score(np.arange(len(X)) % 20 == 0, roni.scores_), 2)
    0.98
    """

    _parameter_constraints: dict = {
        **TrustingSanitizer._parameter_constraints,
        "estimator": [HasMethods(["fit", "predict"]), None],
        "base_size": [Interval(Integral, 2, None, closed="left")],
        "quiz_size": [Interval(Integral, 1, None, closed="left")],
        "n_trials": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions({"accuracy", "log_loss"})],
        "fidelity": [StrOptions({"auto", "refit", "influence"})],
        "n_jobs": N_JOBS,
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        base_size=10,
        quiz_size=50,
        n_trials=10,
        metric="accuracy",
        fidelity="auto",
        contamination="auto",
        max_share=0.1,
        n_jobs=None,
        random_state=None,
    ):
        super().__init__()
        self.estimator = estimator
        self.base_size = base_size
        self.quiz_size = quiz_size
        self.n_trials = n_trials
        self.metric = metric
        self.fidelity = fidelity
        self.contamination = contamination
        self.max_share = max_share
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _sanitize(self, X, y):
        scores = self._score(X, y)
        suspects = self._suspects(scores, y)
        if self.contamination == "auto":
            suspects &= scores > 0
        return ~suspects, scores

    def _score(self, X, y):
        rng = check_random_state(self.random_state)
        model, X, known = self._model_and_rows(X, rng)
        self.n_judged_, self.n_splits_ = np.zeros(len(y), dtype=int), 0
        total, (X_known, y_known) = np.zeros(len(y)), known or (X, y)
        for base, quiz in self._splits(y_known, known is not None, rng):
            used = [] if known else np.concatenate([base, quiz])
            rest = np.delete(np.arange(len(y)), used)
            drawn = [(take(X_known, at), y_known[at]) for at in (base, quiz)]
            total[rest] += self._impact(model, *drawn, (take(X, rest), y[rest]))
            self.n_judged_[rest] += 1
            self.n_splits_ += 1
        return total / np.maximum(self.n_judged_, 1)

    def _model_and_rows(self, X, rng):
        """Choose the model, and give rows and trusted rows as it sees them."""
        check_classifier(self.estimator, type(self).__name__)
        known = self._trusted_rows(X)
        if self.estimator is None:
            model = LogisticRegression(max_iter=1000)
            # A base set is too small to tell the scale of a feature.
            scaler = StandardScaler(with_mean=False).fit(_as_numbers(X))

            def see(X):
                return scaler.transform(_as_numbers(X))

        else:
            model, see = seeded_clone(self.estimator, rng), _as_they_are
        closed = has_closed_form(model, len(self.classes_))
        self.fidelity_ = self.fidelity
        if self.fidelity == "auto":
            self.fidelity_ = "influence" if closed else "refit"
        if closed and self.fidelity_ == "influence" and self.estimator is not None:
            see = _as_numbers
        return model, see(X), known and (see(known[0]), known[1])

    def _splits(self, y, trusted, rng):
        """Draw base sets and quizzes until each row was judged often enough."""
        codes = np.unique(y, return_inverse=True)[1]
        single = np.bincount(codes)[codes] == 1
        base_share = min(min(self.base_size, len(y)) / len(y), LARGEST_PART)
        quiz_share = min(self.quiz_size, len(y)) / len(y)
        quiz_share = 1.0 if trusted else min(quiz_share, LARGEST_PART)
        while self._is_judged_less(single, trusted):
            judged = np.zeros(len(y)) if trusted else self.n_judged_
            base, quiz = draw_split(judged, codes, base_share, quiz_share, rng)
            self._check_quiz(quiz, len(y), trusted)
            yield base, quiz

    def _is_judged_less(self, single, trusted):
        if trusted:
            return self.n_splits_ < self.n_trials
        return np.any(self.n_judged_[~single] < self.n_trials)

    def _check_quiz(self, quiz, n_rows, trusted):
        if len(quiz) == 0:
            rows = "trusted rows" if trusted else "rows"
            raise ValueError(
                f"{type(self).__name__} needs {rows} for a base set and for a quiz, "
                f"three of some class. Got {n_rows} {rows}. Give more."
            )

    def _impact(self, model, base, quiz, rows):
        """Quiz loss with each row in the base set, less that without."""
        closed = has_closed_form(model, len(self.classes_))
        if closed and self.fidelity_ == "influence":
            losses = self._estimated_losses(model, base, quiz, rows)
        else:
            losses = self._refitted_losses(model, base, quiz, rows)
        return losses[1:] - losses[0]

    def _estimated_losses(self, model, base, quiz, rows):
        (X_base, y_base), (X_quiz, y_quiz), (X, y) = base, quiz, rows
        codes = [labels == self.classes_[1] for labels in (y_base, y_quiz, y)]
        before, after = quiz_margins(
            model, X_base, codes[0].astype(float), X_quiz, X, codes[2].astype(float)
        )
        margins = np.column_stack([before, after])
        if self.metric == "accuracy":
            return ((margins > 0) != codes[1][:, np.newaxis]).mean(axis=0)
        signs = np.where(codes[1], -1, 1)[:, np.newaxis]
        return np.logaddexp(0, signs * margins).mean(axis=0)

    def _refitted_losses(self, model, base, quiz, rows):
        X, y = rows
        one_more = [(take(X, [i]), y[i : i + 1]) for i in range(len(y))]
        nothing = take(X, np.arange(0)), y[:0]
        models = refit_poisoned(
            model,
            *base,
            [nothing, *one_more],
            fidelity=self.fidelity_,
            n_jobs=self.n_jobs,
        )
        losses = quiz_losses(models, *quiz, self.metric, type(self).__name__)
        return losses.mean(axis=1)


def _as_they_are(X):
    return X


def _as_numbers(X):
    return check_array(X, accept_sparse="csr", dtype=np.float64)
