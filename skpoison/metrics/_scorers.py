"""Scorers that ask a fitted pipeline for its target and its clean twin."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from sklearn.utils.metadata_routing import MetadataRequest

from skpoison.metrics._clean_twin import find_poisoner
from skpoison.metrics._damage import collateral_damage, target_damage, target_error
from skpoison.utils._containers import as_rows, copy_rows
from skpoison.utils._inner_model import ask
from skpoison.utils._sklearn import _BaseScorer


class PoisonScorer(_BaseScorer):
    """Scorer ``scorer(estimator, X, y)`` of a poisoned estimator.

    The rows of the target come from the poisoner in the fitted estimator, unless
    `membership` is given, directly or by metadata routing.
    """

    def __init__(self, score_func, *, needs_twin):
        super().__init__(score_func, 1, {}, response_method="predict")
        self._needs_twin = needs_twin

    def __call__(self, estimator, X, y_true, *, membership=None):
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted pipeline with a poisoner, or a fitted
            :class:`~skpoison.PoisonedClassifier`.

        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Test rows.

        y_true : array-like of shape (n_samples,)
            True class labels.

        membership : array-like of shape (n_samples,), dtype=bool, default=None
            True for the rows of the target; `None` asks the poisoner.

        Returns
        -------
        score : float
            The score.
        """
        return self._score(_call, estimator, X, y_true, membership=membership)

    def _score(self, method_caller, estimator, X, y_true, membership=None):
        _check_predicts(estimator, self)
        as_rows(X, repr(self))
        predictions = [method_caller(estimator, "predict", copy_rows(X))]
        if self._needs_twin or membership is None:
            fit = find_poisoner(estimator)
            seen = fit.seen(X)
            if self._needs_twin:
                predictions.insert(0, fit.clean_predictions(seen))
            if membership is None:
                membership = fit.poisoner.membership(seen)
        return self._score_func(y_true, *predictions, membership)

    def get_metadata_routing(self):
        """Request `membership`, unless `set_score_request` said otherwise.

        Returns
        -------
        routing : MetadataRequest
            The request.
        """
        if hasattr(self, "_metadata_request"):
            return self._metadata_request
        request = MetadataRequest(owner=self)
        request.score.add_request(param="membership", alias=True)
        return request

    def _accept_sample_weight(self):
        return False

    def __repr__(self):
        return f"{self._score_func.__name__}_scorer"


def _check_predicts(estimator, scorer):
    if isinstance(estimator, type) or not hasattr(estimator, "predict"):
        raise TypeError(
            f"{scorer!r} scores fitted classifiers and pipelines that end in one. Got "
            f"{estimator!r}, which has no predict."
        )


def _call(estimator, method, X):
    return ask(estimator, method, X, "a scorer")


target_damage_scorer = PoisonScorer(target_damage, needs_twin=True)
"""Accuracy that the target loses to the poison.

``target_damage_scorer(estimator, X, y, *, membership=None)`` compares a fitted
pipeline with a poisoner, or a fitted :class:`~skpoison.PoisonedClassifier`, with its
clean twin. The rows of the target are those that the poisoner names, or `membership`,
given directly or by metadata routing. See :func:`target_damage`.
"""

collateral_damage_scorer = PoisonScorer(collateral_damage, needs_twin=True)
"""Accuracy that all rows outside the target lose to the poison.

``collateral_damage_scorer(estimator, X, y, *, membership=None)``, as
:obj:`target_damage_scorer` on the other rows. See :func:`collateral_damage`.
"""

target_error_scorer = PoisonScorer(target_error, needs_twin=False)
"""Error rate of the poisoned model on the target.

``target_error_scorer(estimator, X, y, *, membership=None)`` fits no clean twin; with
`membership` it needs no poisoner either. See :func:`target_error`.
"""
