"""Subpopulations as equal values of annotated columns."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skpoison.finders._base import BasePartitionFinder
from skpoison.finders._coding import LARGEST_KEY, ColumnCoder
from skpoison.finders._sizes import SIZE_LIMIT, by_decreasing_size, check_sizes
from skpoison.utils._sklearn import Interval, _fit_context


class FeatureMatch(BasePartitionFinder):
    """Find subpopulations as rows that agree on chosen columns.

    Each combination of values met in training is a subpopulation. A missing
    value is a value of its own, and a new row whose combination was not met in
    training belongs to none.

    Parameters
    ----------
    features : int, str, list, slice, array-like of bool or callable
        Columns to compare: positions, names (frames), a mask, or a callable
        that is given X and returns one of these, such as
        :func:`~sklearn.compose.make_column_selector`. `None` takes all columns.

    bins : int or dict, default=None
        How numeric columns are cut into intervals before values are compared.
        `None` compares values as they are. An int gives that number of
        intervals of about equal size to each numeric column. A dict maps column
        names or positions to a number of intervals or to increasing cut points.

    min_size : int or float, default=1
        Fewest training rows of a subpopulation: a count, or a share of the
        training rows in (0, 1). Smaller ones are dropped.

    max_size : int or float, default=None
        Most training rows of a subpopulation: a count, or a share of the
        training rows in (0, 1). `None` sets no limit.

    sparse_output : bool, default=False
        Whether `transform` returns a SciPy sparse matrix instead of an array.

    Attributes
    ----------
    sizes_ : ndarray of shape (n_subpopulations,)
        Training rows of each subpopulation, decreasing. Of equal sizes, the
        one met first in training comes first.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in `fit`, where X has string names only.

    See Also
    --------
    SliceMatch : Every conjunction of up to a few values, overlapping.
    ClusterMatch : Subpopulations where nothing is annotated.

    Notes
    -----
    The paper's FeatureMatch filter. On Adult it compares education, race and
    sex [1]_.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> import pandas as pd
    >>> from skpoison.finders import FeatureMatch
    >>> X = pd.DataFrame({"sex": ["F", "M", "F", "F"], "age": [31, 64, 70, 35]})
    >>> finder = FeatureMatch(["sex", "age"], bins={"age": [65]}).fit(X)
    >>> finder.get_feature_names_out()
    array(['sex=F & age<65', 'sex=M & age<65', 'sex=F & age>=65'], dtype=object)
    >>> finder.sizes_
    array([2, 1, 1])
    >>> finder.predict(pd.DataFrame({"sex": ["M", "M"], "age": [20, 90]}))
    array([ 1, -1])
    """

    _parameter_constraints: dict = {
        "features": "no_validation",
        "bins": [Interval(Integral, 2, None, closed="left"), dict, None],
        "min_size": SIZE_LIMIT,
        "max_size": [*SIZE_LIMIT, None],
        "sparse_output": ["boolean"],
    }

    def __init__(
        self, features, *, bins=None, min_size=1, max_size=None, sparse_output=False
    ):
        self.features = features
        self.bins = bins
        self.min_size = min_size
        self.max_size = max_size
        self.sparse_output = sparse_output

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the combinations of values.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Training rows. Columns may be of mixed types and hold missing values.

        y : None
            Ignored.

        Returns
        -------
        self : FeatureMatch
            The fitted finder.
        """
        self._coder = ColumnCoder(self.features, self.bins, keep_few=False)
        codes = self._coder.fit(self, X)
        self._key = RowKey(self._coder.n_codes)
        first_rows, sizes = self._key.fit(codes)
        low, high = check_sizes(self, len(codes[0]))
        kept = by_decreasing_size(self, sizes, low, high)
        self.sizes_ = sizes[kept]
        self._number = np.full(len(sizes) + 1, -1)
        self._number[kept] = np.arange(len(kept))
        self._cells = np.column_stack(codes)[first_rows[kept]]
        return self

    def predict(self, X):
        """Give the number of the subpopulation of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows to assign.

        Returns
        -------
        subpopulation : ndarray of shape (n_samples,), dtype=int
            Number of the subpopulation, -1 for a row that belongs to none.
        """
        check_is_fitted(self)
        return self._number[self._key.keys(self._coder.codes(self, X))]

    def get_feature_names_out(self, input_features=None):
        """Describe the subpopulations.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked against the names seen in `fit`.

        Returns
        -------
        names : ndarray of shape (n_subpopulations,), dtype=object
            Texts such as ``"education=Masters & sex=Female"``.
        """
        self._check_names_in(input_features)
        labels = [
            np.asarray(self._coder.labels(j), dtype=object)[cells]
            for j, cells in enumerate(self._cells.T)
        ]
        return np.asarray(
            [" & ".join(row) for row in zip(*labels, strict=True)], dtype=object
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        return tags


class RowKey:
    """One integer for each distinct row of codes, and -1 for rows not met in fit."""

    def __init__(self, n_codes):
        self.n_codes = n_codes

    def fit(self, codes):
        """Learn the distinct rows; return the first row and the count of each."""
        self.steps = []
        key = self._combine(codes, learn=True)
        distinct, first, counts = np.unique(key, return_index=True, return_counts=True)
        order = np.argsort(first)
        self.distinct, self.order = distinct, np.argsort(order)
        return first[order], counts[order]

    def keys(self, codes):
        """Give the number of each row by first appearance, -1 where it is new."""
        key = self._combine(codes, learn=False)
        found = _find(self.distinct, key)
        return np.where(found < 0, -1, self.order[found])

    def _combine(self, codes, *, learn):
        key, size, steps = codes[0].astype(np.int64), self.n_codes[0], iter(self.steps)
        new = key < 0
        for code, n in zip(codes[1:], self.n_codes[1:], strict=True):
            if size > LARGEST_KEY // n:
                # Renumber before the mixed-radix key would overflow.
                if learn:
                    self.steps.append(np.unique(key))
                distinct = self.steps[-1] if learn else next(steps)
                key, size = _find(distinct, key), len(distinct)
                new |= key < 0
            key, size = key * n + code, size * n
            new |= code < 0
        return np.where(new, -1, key)


def _find(distinct, key):
    """Position of each key in a sorted array, -1 where it is not there."""
    at = np.minimum(np.searchsorted(distinct, key), len(distinct) - 1)
    return np.where(distinct[at] == key, at, -1)
