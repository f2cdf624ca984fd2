"""Template of score sanitizers that a defender can give trusted rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.defenses._score_sanitizer import ScoreSanitizer
from skpoison.defenses._trusted_rows import own_trusted_rows


class TrustingSanitizer(ScoreSanitizer):
    """Template of score sanitizers that a defender can give trusted rows.

    While rows are judged, `_trusted` holds what was given, and `_trusted_rows`
    checks it.
    """

    _trusted = None, None

    def fit(self, X, y, *, X_trusted=None, y_trusted=None):
        """Do as `fit_resample` does, and keep only what was learned.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows.

        y : array-like of shape (n_samples,)
            Class labels.

        X_trusted : rows of shape (n_trusted, ...), default=None
            Rows in the container of X that are known to be clean.

        y_trusted : array-like of shape (n_trusted,), default=None
            Their class labels, each class of y among them.

        Returns
        -------
        self : object
            The fitted sampler.
        """
        self.fit_resample(X, y, X_trusted=X_trusted, y_trusted=y_trusted)
        return self

    def fit_resample(self, X, y, *, X_trusted=None, y_trusted=None):
        """Remove suspicious rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows: a matrix, a pandas or polars frame, images, or texts.

        y : array-like of shape (n_samples,)
            Class labels of any kind.

        X_trusted : rows of shape (n_trusted, ...), default=None
            Rows in the container of X that are known to be clean; the quiz is made
            of them. None of them are in what is returned.

        y_trusted : array-like of shape (n_trusted,), default=None
            Their class labels, each class of y among them.

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
            If fewer than two classes would be left, or the trusted rows do not match.
        """
        self._trusted = X_trusted, y_trusted
        try:
            return super().fit_resample(X, y)
        finally:
            del self._trusted

    def _trusted_rows(self, X):
        """Trusted rows in the container of X, and labels; None if none were given."""
        if all(given is None for given in self._trusted):
            return None
        owner = type(self).__name__
        return own_trusted_rows(X, *self._trusted, self.classes_, owner)
