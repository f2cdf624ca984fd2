"""Base class of sanitizers."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from abc import abstractmethod

import numpy as np

from skpoison.finders._base import check_mask
from skpoison.utils._containers import take
from skpoison.utils._hooks import check_returned
from skpoison.utils._row_sampler import RowSampler
from skpoison.utils._sklearn import _fit_context


class BaseSanitizer(RowSampler):
    """Base class of defenses that remove rows from the training data.

    The template validates the input and removes the rows; a new defense
    implements `_sanitize` and nothing else.

    Attributes
    ----------
    scores_ : ndarray of shape (n_samples,)
        Suspicion of each row of X; higher is more suspicious.

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
    BaseSubpopPoisoner : Base class of attacks.

    Examples
    --------
    A defense that drops the tenth of the rows farthest from the mean:

    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skpoison.base import BaseSanitizer
    >>> class SphereSanitizer(BaseSanitizer):
    ...     def _sanitize(self, X, y):
    ...         scores = np.linalg.norm(X - X.mean(axis=0), axis=1)
    ...         return scores <= np.quantile(scores, 0.9), scores
    >>> X, y = load_iris(return_X_y=True)
    >>> X_res, y_res = SphereSanitizer().fit_resample(X, y)
    >>> X_res.shape
    (135, 4)
    """

    _parameter_constraints: dict = {}

    @_fit_context(prefer_skip_nested_validation=False)
    def fit_resample(self, X, y):
        """Remove suspicious rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows: a matrix, a pandas or polars frame, images, or texts.

        y : array-like of shape (n_samples,)
            Class labels of any kind.

        Returns
        -------
        X_resampled : {ndarray, sparse matrix, dataframe, list} of shape \
                (n_samples_new, ...)
            The rows that were kept, in their order and in the container of X.

        y_resampled : array-like of shape (n_samples_new,)
            Their labels, in the container of y.

        Raises
        ------
        ValueError
            If fewer than two classes would be left.
        """
        rows, labels, y = self._check_X_y(X, y)
        origin = f"{type(self).__name__}._sanitize"
        given = self._sanitize(rows, labels)
        kept, scores = check_returned(given, ("kept", "scores"), origin)
        kept = check_mask(kept, len(labels), origin)
        self._check_classes_left(labels[kept])
        self.scores_ = np.asarray(scores)
        self.sample_indices_ = np.flatnonzero(kept)
        rows = X if isinstance(X, list) else rows
        return take(rows, self.sample_indices_), take(y, self.sample_indices_)

    @abstractmethod
    def _sanitize(self, X, y):
        """Judge the rows; the one hook of a defense.

        Parameters
        ----------
        X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
            Training rows. Lists come as arrays.

        y : ndarray of shape (n_samples,)
            Their class labels.

        Returns
        -------
        kept : ndarray of shape (n_samples,), dtype=bool
            False for the rows to remove.

        scores : ndarray of shape (n_samples,)
            Suspicion of each row; higher is more suspicious.
        """

    def _check_classes_left(self, labels):
        lost = np.setdiff1d(self.classes_, labels).tolist()
        left = len(self.classes_) - len(lost)
        if left < 2:
            what = "every row" if left == 0 else f"every row of class {lost}"
            rest = "" if left == 0 else ", and no classifier learns from one class"
            raise ValueError(
                f"{type(self).__name__} would remove {what}{rest}. Make it less strict."
            )
        if lost:
            warnings.warn(
                f"{type(self).__name__} removes every row of class {lost}.",
                UserWarning,
                stacklevel=4,
            )
