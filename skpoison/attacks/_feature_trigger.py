"""A trigger that sets features."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys

import numpy as np
import pandas as pd
from scipy import sparse

from skpoison.utils._containers import (
    NUMBERS,
    as_rows,
    is_frame,
    is_pandas,
    is_texts,
    one_column,
    rows_like,
)
from skpoison.utils._sklearn import _get_column_indices


class FeatureTrigger:
    """Set features of rows to fixed values: `trigger` of a backdoor.

    Parameters
    ----------
    features : int, str, tuple, or list of int or str
        Columns of a matrix or frame, by number or name. Where a row is an image, an
        index into it, as a tuple: ``(7, 7)`` is one pixel, and
        ``(..., slice(-3, None), slice(-3, None))`` the 3 x 3 pixels in the last corner
        of all channels.

    value : scalar or array-like
        What they are set to: one value for all, or one for each.

    See Also
    --------
    BackdoorPoisoner : The attack that uses it.

    Examples
    --------
    >>> import numpy as np
    >>> from skpoison.attacks import FeatureTrigger
    >>> trigger = FeatureTrigger([0, 2], 9)
    >>> trigger(np.zeros((2, 3), dtype=int))
    array([[9, 0, 9],
           [9, 0, 9]])
    >>> trigger
    FeatureTrigger(features=[0, 2], value=9)
    """

    def __init__(self, features, value):
        self.features = features
        self.value = value

    def __call__(self, X):
        """Set the features of copies of the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Rows.

        Returns
        -------
        X_stamped : {ndarray, sparse matrix, dataframe, list} of shape (n_samples, ...)
            The rows with the features set, in the container of X.
        """
        rows = as_rows(X, type(self).__name__)
        self._check_names_some()
        if is_texts(rows):
            raise ValueError(
                f"{type(self).__name__} sets features, and texts have none. Pass a "
                "callable that takes texts and returns texts."
            )
        if is_frame(rows):
            return self._in_frame(rows)
        if sparse.issparse(rows):
            return self._in_sparse(rows)
        stamped = self._in_array(rows)
        return rows_like(stamped, X) if isinstance(X, list) else stamped

    def __repr__(self):
        name = type(self).__name__
        return f"{name}(features={self.features!r}, value={self.value!r})"

    def _check_names_some(self):
        is_several = isinstance(self.features, (str, list, tuple, np.ndarray))
        if is_several and np.size(np.asarray(self.features, object)) == 0:
            raise ValueError(
                f"features of {type(self).__name__} must name at least one. Got "
                f"{self.features!r}."
            )

    def _in_array(self, X):
        place = self.features if isinstance(self.features, tuple) else (self.features,)
        X, value = X.copy(), self._cast(self.value, X.dtype)
        try:
            X[(slice(None), *place)] = value
        except (IndexError, ValueError) as error:
            raise ValueError(
                f"features={self.features!r} and value={self.value!r} of "
                f"{type(self).__name__} must fit rows of shape {X.shape[1:]}: {error}."
            ) from error
        return X

    def _in_sparse(self, X):
        columns, values = self._columns(X)
        values = [self._cast(value, X.dtype) for value in values]
        old, n = X.tocoo(), X.shape[0]
        kept = ~np.isin(old.col, columns)
        rows = np.tile(np.arange(n, dtype=old.row.dtype), len(columns))
        data = np.concatenate([old.data[kept], np.repeat(values, n)], dtype=X.dtype)
        at = (
            np.concatenate([old.row[kept], rows]),
            np.concatenate([old.col[kept], np.repeat(columns, n)]),
        )
        stamped = type(X)(sparse.coo_array((data, at), shape=X.shape))
        stamped.eliminate_zeros()
        return stamped

    def _in_frame(self, X):
        columns, values = self._columns(X)
        X = X.copy() if is_pandas(X) else X.clone()
        for j, value in zip(columns, values, strict=True):
            if is_pandas(X):
                X.isetitem(j, self._pandas_column(X, j, value))
            else:
                X = X.with_columns(self._polars_column(X, j, value))
        return X

    def _columns(self, X):
        """Numbers of the columns, and the value of each."""
        columns = np.atleast_1d(_get_column_indices(X, self.features))
        try:
            values = np.broadcast_to(np.asarray(self.value, object), columns.shape)
        except ValueError as error:
            raise ValueError(
                f"value of {type(self).__name__} must be one for all of the "
                f"{len(columns)} features, or one for each. Got {self.value!r}."
            ) from error
        return columns, values.tolist()

    def _cast(self, value, dtype):
        """Return the value in the dtype of X, or raise where it would be another."""
        try:
            value = np.asarray(value)
        except ValueError as error:  # of lists of different lengths
            raise self._misfit(value, dtype) from error
        if dtype.kind in NUMBERS and value.dtype.kind not in NUMBERS:
            raise self._misfit(value.tolist(), dtype)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                cast = value.astype(dtype)
        except (TypeError, ValueError) as error:
            raise self._misfit(value.tolist(), dtype) from error
        is_float = dtype.kind == "f"
        kept = np.isfinite(cast) == np.isfinite(value) if is_float else cast == value
        if not np.all(kept):
            raise self._misfit(value.tolist(), dtype)
        return cast

    def _pandas_column(self, X, j, value):
        dtype, is_missing = X.dtypes.iloc[j], pd.isna(value)
        categories = getattr(dtype, "categories", [value])
        if not is_missing and value not in categories:
            raise self._misfit(value, dtype)
        column = pd.Series([value] * len(X), index=X.index, dtype=object)
        try:
            cast = column.astype(dtype)
        except (TypeError, ValueError) as error:
            raise self._misfit(value, dtype) from error
        if not (cast.isna() if is_missing else cast == value).all():
            raise self._misfit(value, dtype)
        return cast

    def _polars_column(self, X, j, value):
        polars = sys.modules["polars"]
        name, dtype = X.columns[j], X.dtypes[j]
        try:
            return polars.Series(name, [value] * len(X), dtype=dtype, strict=True)
        except (TypeError, polars.exceptions.PolarsError) as error:
            raise self._misfit(value, dtype) from error

    def _misfit(self, value, dtype):
        return ValueError(
            f"value of {type(self).__name__} must be one that features of dtype "
            f"{dtype} can have. Got {value!r}."
        )


def last_feature_trigger(X, owner):
    """Set the last feature, or pixel, to the largest value that it has in X."""
    if is_texts(X):
        raise ValueError(
            f"trigger=None of {owner} sets a feature, and texts have none. Pass "
            "trigger=, a callable that takes texts and returns texts."
        )
    if is_frame(X) or sparse.issparse(X):
        place, values = X.shape[1] - 1, one_column(X, X.shape[1] - 1)
    else:
        place = -1 if X.ndim == 2 else (-1,) * (X.ndim - 1)
        values = X[(slice(None), *np.atleast_1d(place))]
    values = [value for value in values.tolist() if not pd.isna(value)]
    try:
        return FeatureTrigger(place, max(values))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"trigger=None of {owner} sets the last feature to its largest value, and "
            "it has no values that can be sorted. Pass trigger=, for example a "
            "FeatureTrigger."
        ) from error
