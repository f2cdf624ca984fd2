"""Training that ends on trusted rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import has_fit_parameter

from skpoison.defenses._continue_training import continue_training
from skpoison.defenses._last_step import seen_by_last, split_pipeline
from skpoison.defenses._trusted_classifier import TrustedClassifier
from skpoison.utils._containers import append
from skpoison.utils._sklearn import Interval


class TrustedFineTuning(TrustedClassifier):
    """Fit a classifier on all rows, and go on with rows that are trusted.

    A classifier that learns step by step is trained on, on the trusted rows alone.
    Another one is fitted again on all rows, with a larger weight of the trusted ones.

    Parameters
    ----------
    estimator : classifier
        A classifier with `partial_fit` (:class:`~sklearn.neural_network.MLPClassifier`
        with the solvers "adam" and "sgd", :class:`~sklearn.linear_model.SGDClassifier`,
        nets of skorch), or one whose `fit` takes `sample_weight`, or a pipeline that
        ends in one; the steps before stay as all rows have made them. A clone is
        fitted; a copy of a trained one is tuned where it is wrapped in
        :class:`~sklearn.frozen.FrozenEstimator`.

    n_epochs : int, default=100
        Passes over the trusted rows, for classifiers with `partial_fit`.

    weight : float, default=10.0
        What a trusted row weighs, where any other training row weighs 1, for
        classifiers without `partial_fit`.

    trusted_size : float, default=0.1
        Share of the training rows of each class, in (0, 1) and two rows at least, that
        stands in for trusted rows where `fit` is given none. They are drawn at random
        and left out when the classifier is first fitted. They may be poisoned like all
        others, and nothing is gained then.

    random_state : int, RandomState instance or None, default=None
        Seeds the draw, and each `random_state` that `estimator` leaves open.

    Attributes
    ----------
    estimator_ : classifier
        The tuned classifier, or the pipeline that ends in it.

    n_trusted_ : int
        Number of trusted rows.

    classes_ : ndarray of shape (n_classes,)
        Class labels.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    Raises
    ------
    ValueError
        If the classifier has neither `partial_fit` nor `sample_weight` in `fit`, or
        trusted rows are not like the others or lack a class.

    See Also
    --------
    FinePruning : Prunes a network before it is tuned.

    Notes
    -----
    Poison of a subpopulation is outweighed where trusted rows of that subpopulation are
    many or heavy enough, and nowhere else: a sample of the whole holds few rows of a
    small target. Networks are trained with a new optimizer. Models that sum over rows,
    such as naive Bayes, count each trusted row once more in every epoch.

    Trusted rows are arguments of `fit`. In a :class:`~sklearn.pipeline.Pipeline` they
    are requested with `set_fit_request`, and steps before transform them only if the
    pipeline names them in `transform_input`.

    References
    ----------
    .. [1] K. Liu, B. Dolan-Gavitt, S. Garg. "Fine-Pruning: Defending Against
       Backdooring Attacks on Deep Neural Networks", RAID 2018. :arxiv:`1805.12185`

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison.defenses import TrustedFineTuning
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> trusted, others = slice(0, 100), slice(100, 400)
    >>> poisoned = y.copy()
    >>> poisoned[others][X[others, 0] < 12] = 0
    >>> model = make_pipeline(StandardScaler(), LogisticRegression())
    >>> plain = model.fit(X[others], poisoned[others])
    >>> round(plain.score(X[400:], y[400:]), 2)
    0.54
    >>> tuning = TrustedFineTuning(model, random_state=0)
    >>> tuning = tuning.fit(
    ...     X[others], poisoned[others], X_trusted=X[trusted], y_trusted=y[trusted]
    ... )
    >>> round(tuning.score(X[400:], y[400:]), 2)
    0.78
    """

    _parameter_constraints: dict = {
        **TrustedClassifier._parameter_constraints,
        "n_epochs": [Interval(Integral, 1, None, closed="left")],
        "weight": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        estimator,
        *,
        n_epochs=100,
        weight=10.0,
        trusted_size=0.1,
        random_state=None,
    ):
        self.estimator = estimator
        self.n_epochs = n_epochs
        self.weight = weight
        self.trusted_size = trusted_size
        self.random_state = random_state

    def _check_method(self, last):
        if not hasattr(last, "partial_fit") and not takes_weights(last):
            raise ValueError(
                f"{type(self).__name__} needs a classifier with partial_fit, or whose "
                f"fit takes sample_weight, and {type(last).__name__} has neither. Use "
                "MLPClassifier, SGDClassifier, LogisticRegression or a forest, for "
                "example."
            )

    def _defend(self, model, X, y, X_trusted, y_trusted, random_state):
        last, trusted = split_pipeline(model)[1], seen_by_last(model, X_trusted)
        if hasattr(last, "partial_fit"):
            continue_training(last, trusted, y_trusted, self.n_epochs)
        else:
            rows = append(seen_by_last(model, X), trusted)
            weights = np.repeat([1.0, self.weight], [len(y), len(y_trusted)])
            last.fit(rows, np.concatenate([y, y_trusted]), sample_weight=weights)
        return model


def takes_weights(model):
    """Whether `fit` of a model takes weights of rows."""
    return has_fit_parameter(model, "sample_weight")
