"""What finders share, and how any finder is asked."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import re
from copy import copy
from difflib import get_close_matches
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skpoison.utils._containers import n_rows
from skpoison.utils._sklearn import _check_feature_names_in, _safe_indexing


class BaseFinder(TransformerMixin, BaseEstimator):
    """Base class of finders.

    A subclass learns subpopulations in `fit`, sets `sizes_` (decreasing) and
    implements `get_feature_names_out`, `membership` and `transform`.
    """

    @property
    def _n_features_out(self):
        return len(self.sizes_)

    def _check_names_in(self, input_features):
        check_is_fitted(self)
        if input_features is not None:
            _check_feature_names_in(self, input_features)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


class BasePartitionFinder(BaseFinder):
    """Base class of finders whose subpopulations do not overlap.

    A subclass implements `predict`; the rest follows from it.
    """

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
        return self.predict(X) == subpopulation_index(self, target)

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
            One column for each subpopulation, in the order of `sizes_`. A row
            without a subpopulation is False everywhere.
        """
        codes = self.predict(X)
        rows = np.flatnonzero(codes >= 0)
        shape = (len(codes), len(self.sizes_))
        return membership_matrix(rows, codes[rows], shape, self.sparse_output)


def membership_matrix(rows, columns, shape, sparse_output):
    """Boolean matrix that is True at (rows, columns), dense or CSR."""
    if sparse_output:
        ones = np.ones(len(rows), dtype=bool)
        return sparse.csr_matrix((ones, (rows, columns)), shape=shape)
    out = np.zeros(shape, dtype=bool)
    out[rows, columns] = True
    return out


def subpopulation_index(finder, target):
    """Give the number of ``target``, a number or a name, in a fitted finder."""
    if isinstance(target, bool) or not isinstance(target, (Integral, str)):
        raise ValueError(
            f"target={target!r} must be the number or the name of a subpopulation of "
            f"{type(finder).__name__}. Got {type(target).__name__}."
        )
    if isinstance(target, Integral):
        return _check_number(finder, int(target))
    number = _made_up_number(finder, target)
    if number is not None:
        return _check_number(finder, number)
    names = list(_names(finder))
    if names.count(target) > 1:
        raise ValueError(
            f"target={target!r} is the name of {names.count(target)} subpopulations of "
            f"{type(finder).__name__}. Give a number."
        )
    if target in names:
        return names.index(target)
    near = get_close_matches(str(target), names, n=3, cutoff=0.4) or names[:3]
    raise ValueError(
        f"target={target!r} is not a subpopulation of {type(finder).__name__}. "
        f"Choose one of its {len(names)} names, for example "
        f"{', '.join(map(repr, near))}; get_feature_names_out() lists them all."
    )


def _made_up_number(finder, target):
    """Read the number in a name that `subpopulation_names` made up; None otherwise."""
    match = re.fullmatch(r"subpopulation (\d+)", str(target))
    if match is None or hasattr(finder, "get_feature_names_out"):
        return None
    return int(match[1])


def _check_number(finder, number):
    count = _n_subpopulations(finder)
    if number < 0 or (count is not None and number >= count):
        allowed = "a number from 0" if count is None else f"in [0, {count - 1}]"
        raise ValueError(
            f"target={number} is out of range: {type(finder).__name__} found "
            f"{count} subpopulations, so target must be {allowed}."
        )
    return number


def _n_subpopulations(finder):
    if hasattr(finder, "sizes_"):
        return len(finder.sizes_)
    try:
        return len(finder.get_feature_names_out())
    except (AttributeError, ValueError):
        return None


def _names(finder):
    try:
        return finder.get_feature_names_out()
    except (AttributeError, ValueError) as error:
        raise ValueError(
            f"{type(finder).__name__} gives its subpopulations no names, so target "
            "must be a number or a callable."
        ) from error


def subpopulation_name(finder, index):
    """Name of subpopulation ``index``, made up where the finder has no names."""
    return subpopulation_names(finder, index + 1)[index]


def subpopulation_names(finder, count):
    """Names of the first ``count`` subpopulations, made up where there are none."""
    try:
        return [str(name) for name in finder.get_feature_names_out()[:count]]
    except (AttributeError, ValueError):
        return [f"subpopulation {k}" for k in range(count)]


def subpopulation_membership(finder, X, index):
    """Boolean mask of the rows of X in subpopulation ``index`` of any finder.

    Asks `membership` first, which costs one subpopulation alone, then `predict`
    (clusterers, pipelines that end in one), then `transform`.
    """
    if hasattr(finder, "membership"):
        mask = finder.membership(X, index)
    elif hasattr(finder, "predict"):
        mask = np.asarray(finder.predict(X)) == index
    else:
        mask = _safe_indexing(finder.transform(X), [index], axis=1)
        mask = mask.toarray() if sparse.issparse(mask) else np.asarray(mask)
        mask = mask.ravel()
    return check_mask(mask, n_rows(X), type(finder).__name__)


def all_memberships(finder, *parts):
    """CSC matrices that tell for the rows of each part all their subpopulations.

    The finder's number of subpopulations is the number of columns; where it does not
    tell that, the largest number that any row of the parts has, and one.
    """
    if not isinstance(finder, BaseFinder) and hasattr(finder, "predict"):
        codes = [_check_codes(finder.predict(X), finder) for X in parts]
        count = max(_n_subpopulations(finder) or 0, *(c.max() + 1 for c in codes))
        return [_one_column_a_row(c, count) for c in codes]
    if isinstance(finder, BaseFinder) and hasattr(finder, "sparse_output"):
        # A dense matrix of rows by subpopulations would be far larger than the rows.
        finder = copy(finder)
        finder.sparse_output = True
    return [_sparse_mask(finder.transform(X), finder) for X in parts]


def _check_codes(codes, finder):
    codes = np.asarray(codes)
    if codes.dtype.kind not in "iu":
        raise ValueError(
            f"{type(finder).__name__}.predict must give the numbers of subpopulations, "
            f"integers from 0. Got dtype {codes.dtype}."
        )
    return codes.astype(np.intp, copy=False)


def _one_column_a_row(codes, count):
    rows = np.flatnonzero(codes >= 0)
    shape = (len(codes), count)
    return sparse.csc_array(membership_matrix(rows, codes[rows], shape, True))


def _sparse_mask(mask, finder):
    mask = mask if sparse.issparse(mask) else np.asarray(mask)
    if mask.dtype != bool:
        raise ValueError(
            f"The membership given by {type(finder).__name__}.transform must have "
            f"dtype bool, a column for each subpopulation. Got dtype {mask.dtype}."
        )
    return sparse.csc_array(mask)


def check_mask(mask, n, origin):
    """Return a boolean mask of length n, or tell what is wrong with it."""
    mask = np.asarray(mask)
    if mask.shape != (n,):
        raise ValueError(
            f"The membership given by {origin} must have shape ({n},), one value "
            f"for each row. Got shape {mask.shape}."
        )
    if mask.dtype == object and all(isinstance(m, (bool, np.bool_)) for m in mask):
        mask = mask.astype(bool)
    if mask.dtype != bool:
        raise ValueError(
            f"The membership given by {origin} must have dtype bool, one value for "
            f"each row. Got dtype {mask.dtype}."
        )
    return mask
