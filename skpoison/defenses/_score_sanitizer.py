"""Template of sanitizers that remove the rows with the highest scores."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np

from skpoison.base import BaseSanitizer
from skpoison.utils._sklearn import Interval, RealNotInt, StrOptions

# Median absolute deviations of a normal distribution in its standard deviation.
PER_SIGMA = 1.4826
OUTLYING = 3.0


class ScoreSanitizer(BaseSanitizer):
    """Template of sanitizers that remove the rows with the highest scores.

    A subclass sets `contamination` and `max_share` in its constructor, and implements
    `_score`. One that judges again and again overrides `_sanitize`, and calls
    `_suspects` on the scores.
    """

    _parameter_constraints: dict = {
        "contamination": [
            StrOptions({"auto"}),
            Interval(RealNotInt, 0, 1, closed="neither"),
            Interval(Integral, 0, None, closed="left"),
        ],
        "max_share": [Interval(Real, 0, 1, closed="neither")],
    }

    def _sanitize(self, X, y):
        scores = self._score(X, y)
        return ~self._suspects(scores, y), scores

    @abstractmethod
    def _score(self, X, y):
        """Suspicion of each row, (n_samples,); higher is more suspicious."""

    def _suspects(self, scores, y, groups=None):
        """Rows to remove, among the rows of each group alike.

        Parameters
        ----------
        scores : ndarray of shape (n_samples,)
            Suspicion of each row.

        y : ndarray of shape (n_samples,)
            Class labels: those of a class are never all removed on request.

        groups : ndarray of shape (n_samples,), default=None
            Groups that are judged apart, such as `y`; `None` is one group.

        Returns
        -------
        suspects : ndarray of shape (n_samples,), dtype=bool
            True for the rows to remove.
        """
        suspects = np.zeros(len(scores), dtype=bool)
        groups = np.zeros(len(scores)) if groups is None else groups
        left = 0.0  # over from rounding: together, groups lose what they should
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            wanted = self._count(scores[rows], len(rows) / len(scores)) + left
            count = round(wanted)
            left = wanted - count
            suspects[rows[np.argsort(-scores[rows], kind="stable")[:count]]] = True
        if self.contamination != "auto":
            self._check_no_class_deleted(suspects, y)
        return suspects

    def _count(self, scores, share):
        """Say how many rows to remove from a group that is a share of all."""
        if self.contamination == "auto":
            outliers = np.count_nonzero(scores > fence(scores))
            return min(outliers, int(self.max_share * len(scores)))
        if isinstance(self.contamination, Integral):
            # An int may be larger than any float.
            return share * min(self.contamination, len(scores) / share)
        return self.contamination * len(scores)

    def _check_no_class_deleted(self, suspects, y):
        lost = np.setdiff1d(self.classes_, y[~suspects]).tolist()
        if lost:
            raise ValueError(
                f"contamination={self.contamination!r} of {type(self).__name__} would "
                f"delete every row of class {lost}: it removes {suspects.sum()} of "
                f"{len(y)} rows. Ask for less."
            )


def fence(scores):
    """Score above which a row is an outlier: three robust deviations over the median.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores.

    Returns
    -------
    fence : float
        The fence. Where more than half of the scores are equal it is that score.
    """
    median = np.median(scores)
    spread = PER_SIGMA * np.median(np.abs(scores - median))
    return median + max(OUTLYING * spread, 1e-9 * abs(median))
