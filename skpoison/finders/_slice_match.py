"""Subpopulations as every conjunction of a few column values."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from itertools import combinations
from math import prod
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skpoison.finders._base import (
    BaseFinder,
    membership_matrix,
    subpopulation_index,
)
from skpoison.finders._coding import LARGEST_KEY, ColumnCoder
from skpoison.finders._sizes import SIZE_LIMIT, by_decreasing_size, check_sizes
from skpoison.utils._sklearn import Interval, _fit_context


class SliceMatch(BaseFinder):
    """Find every conjunction of up to ``max_depth`` column values.

    Subpopulations overlap: ``sex=Female`` holds ``sex=Female & race=Black``.
    All conjunctions within the size limits are found, by counting integer codes.

    Parameters
    ----------
    max_depth : int, default=3
        Most columns in one conjunction.

    min_size : int or float, default=0.01
        Fewest training rows of a subpopulation: a count, or a share of the
        training rows in (0, 1).

    max_size : int or float, default=None
        Most training rows of a subpopulation: a count, or a share of the
        training rows in (0, 1). `None` sets no limit.

    features : int, str, list, slice, array-like of bool or callable, default=None
        Columns to use: positions, names (frames), a mask, or a callable that is
        given X and returns one of these. `None` takes all columns.

    bins : int or dict, default=5
        How numeric columns are cut into intervals. An int gives that number of
        intervals of about equal size to each numeric column that has more
        distinct values than that. A dict maps column names or positions to a
        number of intervals or to increasing cut points, and leaves the other
        columns as they are. `None` compares values as they are.

    sparse_output : bool, default=False
        Whether `transform` returns a SciPy sparse matrix instead of an array.
        With thousands of subpopulations it should.

    Attributes
    ----------
    sizes_ : ndarray of shape (n_subpopulations,)
        Training rows of each subpopulation, decreasing. Of equal sizes, the
        shorter conjunction comes first.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in `fit`, where X has string names only.

    See Also
    --------
    FeatureMatch : One conjunction depth, without overlap.
    ClusterMatch : Subpopulations where nothing is annotated.

    Notes
    -----
    The subpopulations of [1]_, and the lattice that slice finders such as [2]_
    search for the weakest few. A weak slice is not a vulnerable one, so this
    finder keeps them all.

    References
    ----------
    .. [1] E. Rose, F. Suya, D. Evans. "Poisoning Attacks and Subpopulation
       Susceptibility", VISxAI 2022. https://uvasrg.github.io/poisoning
    .. [2] S. Sagadeeva, M. Boehm. "SliceLine: Fast, Linear-Algebra-based Slice
       Finding for ML Model Debugging", SIGMOD 2021. :doi:`10.1145/3448016.3457323`

    Examples
    --------
    >>> import pandas as pd
    >>> from skpoison.finders import SliceMatch
    >>> X = pd.DataFrame({"sex": ["F", "M", "F", "F"], "job": ["a", "a", "b", "b"]})
    >>> finder = SliceMatch(max_depth=2, min_size=2).fit(X)
    >>> finder.get_feature_names_out()
    array(['sex=F', 'job=a', 'job=b', 'sex=F & job=b'], dtype=object)
    >>> finder.transform(X).sum(axis=0)
    array([3, 2, 2, 2])
    """

    _parameter_constraints: dict = {
        "max_depth": [Interval(Integral, 1, None, closed="left")],
        "min_size": SIZE_LIMIT,
        "max_size": [*SIZE_LIMIT, None],
        "features": "no_validation",
        "bins": [Interval(Integral, 2, None, closed="left"), dict, None],
        "sparse_output": ["boolean"],
    }

    def __init__(
        self,
        max_depth=3,
        *,
        min_size=0.01,
        max_size=None,
        features=None,
        bins=5,
        sparse_output=False,
    ):
        self.max_depth = max_depth
        self.min_size = min_size
        self.max_size = max_size
        self.features = features
        self.bins = bins
        self.sparse_output = sparse_output

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Count all conjunctions.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Training rows. Columns may be of mixed types and hold missing values.

        y : None
            Ignored.

        Returns
        -------
        self : SliceMatch
            The fitted finder.
        """
        self._coder = ColumnCoder(self.features, self.bins, keep_few=True)
        codes = self._coder.fit(self, X)
        low, high = check_sizes(self, len(codes[0]))
        self._combinations = list(_combinations(len(codes), self.max_depth))
        counts = [self._count(codes, c, low) for c in self._combinations]
        owner = np.repeat(np.arange(len(counts)), [len(cells) for cells, _ in counts])
        cells = np.concatenate([cells for cells, _ in counts])
        sizes = np.concatenate([sizes for _, sizes in counts])
        kept = by_decreasing_size(self, sizes, low, high)
        self.sizes_ = sizes[kept]
        self._owner, self._cell = owner[kept], cells[kept]
        return self

    def membership(self, X, target):
        """Tell which rows of X belong to one subpopulation.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows to assign.

        target : int or str
            Number or name of the subpopulation.

        Returns
        -------
        membership : ndarray of shape (n_samples,), dtype=bool
            True for the rows that belong to it.
        """
        check_is_fitted(self)
        index = subpopulation_index(self, target)
        columns = self._combinations[self._owner[index]]
        codes = self._coder.codes(self, X, columns)
        values = np.unravel_index(self._cell[index], self._shape(columns))
        masks = [code == value for code, value in zip(codes, values, strict=True)]
        return np.logical_and.reduce(masks)

    def transform(self, X):
        """Tell which rows of X belong to each subpopulation.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows to assign.

        Returns
        -------
        membership : {ndarray, sparse matrix} of shape \
                (n_samples, n_subpopulations), dtype=bool
            One column for each subpopulation, in the order of `sizes_`.
        """
        check_is_fitted(self)
        codes = self._coder.codes(self, X)
        parts = [self._assign(codes, owner) for owner in np.unique(self._owner)]
        rows = np.concatenate([rows for rows, _ in parts])
        columns = np.concatenate([columns for _, columns in parts])
        shape = (len(codes[0]), len(self.sizes_))
        return membership_matrix(rows, columns, shape, self.sparse_output)

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
        names = np.empty(len(self.sizes_), dtype=object)
        labels = [self._coder.labels(j) for j in range(len(self._coder.columns))]
        for owner in np.unique(self._owner):
            columns, at = (
                self._combinations[owner],
                np.flatnonzero(self._owner == owner),
            )
            values = np.unravel_index(self._cell[at], self._shape(columns))
            texts = [
                [labels[c][v] for v in vs]
                for c, vs in zip(columns, values, strict=True)
            ]
            names[at] = [" & ".join(row) for row in zip(*texts, strict=True)]
        return names

    def _shape(self, columns):
        return tuple(self._coder.n_codes[c] for c in columns)

    def _key(self, codes, columns):
        """Cell of each row in the table of ``columns``, -1 where a value is new."""
        shape = self._shape(columns)
        key = codes[columns[0]].astype(np.int64)
        new = key < 0
        for c, n in zip(columns[1:], shape[1:], strict=True):
            key = key * n + codes[c]
            new = new | (codes[c] < 0)
        return np.where(new, -1, key)

    def _count(self, codes, columns, low):
        """Cells of one combination with at least ``low`` rows, and their sizes."""
        n_cells = prod(self._shape(columns))
        if n_cells > LARGEST_KEY:
            raise ValueError(
                f"SliceMatch cannot count the {n_cells:.1e} value combinations of "
                f"columns {[self._coder.names[c] for c in columns]}. Lower max_depth, "
                "set bins, or choose features with fewer values."
            )
        key = self._key(codes, columns)
        if n_cells <= 8 * len(key):
            sizes = np.bincount(key, minlength=n_cells)
            cells = np.flatnonzero(sizes)
            sizes = sizes[cells]
        else:
            cells, sizes = np.unique(key, return_counts=True)
        kept = sizes >= low
        return cells[kept], sizes[kept]

    def _assign(self, codes, owner):
        """Rows and columns of the memberships in one combination."""
        at = np.flatnonzero(self._owner == owner)
        at = at[np.argsort(self._cell[at])]
        cells = self._cell[at]
        key = self._key(codes, self._combinations[owner])
        place = np.minimum(np.searchsorted(cells, key), len(cells) - 1)
        rows = np.flatnonzero(cells[place] == key)
        return rows, at[place[rows]]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        return tags


def _combinations(n_columns, max_depth):
    for depth in range(1, min(max_depth, n_columns) + 1):
        yield from combinations(range(n_columns), depth)
