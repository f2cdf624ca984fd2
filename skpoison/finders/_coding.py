"""Integer codes for the values of columns."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections import Counter
from itertools import pairwise
from math import inf
from numbers import Integral
from operator import index

import numpy as np
import pandas as pd
from sklearn.utils.validation import validate_data

from skpoison.utils._containers import (
    as_rows,
    is_frame,
    is_polars,
    is_texts,
    one_column,
)
from skpoison.utils._content import check_content
from skpoison.utils._plain_state import PlainState
from skpoison.utils._sklearn import _get_column_indices

# Rows of codes are numbered by 64-bit integers.
LARGEST_KEY = 2**62


class ValueCodes(PlainState):
    """Codes 0, 1, ... for the distinct values of one column; missing is a value."""

    def fit(self, column):
        """Learn the values of ``column`` and return its codes."""
        codes, values = pd.factorize(column)
        self.values = _index(np.asarray(values))
        missing = codes < 0
        self.has_missing = bool(missing.any())
        self.n_codes = len(values) + self.has_missing
        codes[missing] = len(values)
        return codes

    def codes(self, column):
        """Codes of ``column``, -1 for values not met in fit."""
        codes = self.values.get_indexer(_index(column))
        if self.has_missing:
            codes[np.asarray(pd.isna(column))] = len(self.values)
        return codes

    def labels(self, name):
        """Texts such as ``sex=Male``, one for each code."""
        texts = [_text(v) for v in self.values]
        taken = Counter(texts + ["missing"] * self.has_missing)
        # A string that reads like a number, or like a missing value, is quoted.
        texts = [
            repr(str(v)) if taken[text] > 1 and isinstance(v, str) else text
            for v, text in zip(self.values, texts, strict=True)
        ]
        return [f"{name}={text}" for text in texts + ["missing"] * self.has_missing]


def _index(values):
    """Index of values as they are: as texts, pandas refuses some that Python has."""
    return pd.Index(values, dtype=object if values.dtype == object else None)


class IntervalCodes:
    """Codes for the intervals between cut points of a numeric column."""

    def __init__(self, bins):
        self.bins = bins

    def fit(self, column):
        """Place the cut points on ``column`` and return its codes."""
        values = _as_floats(column)
        present = values[~np.isnan(values)]
        cuts = np.unique(self._cut_points(present))
        self.cuts = cuts[np.isfinite(cuts)]
        self.has_missing = len(present) < len(values)
        self.n_codes = len(self.cuts) + 1 + self.has_missing
        return self.codes(column)

    def _cut_points(self, present):
        if not isinstance(self.bins, Integral):
            return np.asarray(self.bins, dtype=float)
        if len(present) == 0:
            return present
        # With so many, every value has a quantile of its own.
        bins = min(self.bins, 2 * len(present))
        shares = np.linspace(0, 1, bins + 1)[1:-1]
        cuts = np.quantile(present, shares, method="inverted_cdf")
        cuts = cuts[cuts > present.min()]
        if len(cuts) == 0:
            # One value fills all quantiles: it is one interval, the rest another.
            return present[present > present.min()].min(initial=inf)
        return _readable(np.unique(cuts), present)

    def codes(self, column):
        """Give the interval of each value; -1 where missing is new."""
        values = _as_floats(column)
        codes = np.searchsorted(self.cuts, values, side="right")
        codes[np.isnan(values)] = len(self.cuts) + 1 if self.has_missing else -1
        return codes

    def labels(self, name):
        """Texts such as ``30<=age<40``, one for each code."""
        cuts = [_text(c) for c in self.cuts]
        if not cuts:
            labels = [f"{name}=any"]
        else:
            inner = [f"{a}<={name}<{b}" for a, b in pairwise(cuts)]
            labels = [f"{name}<{cuts[0]}", *inner, f"{name}>={cuts[-1]}"]
        return labels + [f"{name}=missing"] * self.has_missing


class ColumnCoder:
    """Integer codes for chosen columns of any two-dimensional container."""

    def __init__(self, features, bins, *, keep_few):
        self.features = features
        self.bins = bins
        self.keep_few = keep_few

    def fit(self, finder, X):
        """Learn the codes and return them, one array for each column."""
        X = check_table(finder, X, reset=True)
        self.columns = self._columns(finder, X)
        names = _column_names(X)
        self.names = [names[j] for j in self.columns]
        self._check_bins(finder)
        self.coders, codes = [], []
        for j, name in zip(self.columns, self.names, strict=True):
            column = as_native(one_column(X, j))
            coder = self._coder(finder, name, j, column)
            try:
                codes.append(coder.fit(column))
            except TypeError as error:
                raise TypeError(
                    f"{type(finder).__name__} cannot compare the values of column "
                    f"{name!r}: {error}. Leave it out of features."
                ) from error
            self.coders.append(coder)
        return codes

    def codes(self, finder, X, positions=None):
        """Codes of the columns of X at ``positions``, -1 for values not met in fit."""
        X = check_table(finder, X, reset=False)
        positions = range(len(self.columns)) if positions is None else positions
        return [self._codes_at(finder, X, p) for p in positions]

    def _codes_at(self, finder, X, position):
        column = as_native(one_column(X, self.columns[position]))
        try:
            return self.coders[position].codes(column)
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(
                f"{type(finder).__name__} cuts column {self.names[position]!r} into "
                f"intervals, and cannot read it as numbers: {error}."
            ) from error

    @property
    def n_codes(self):
        """Number of codes of each column."""
        return [coder.n_codes for coder in self.coders]

    def labels(self, position):
        """Texts of the codes of one column."""
        return self.coders[position].labels(self.names[position])

    def _columns(self, finder, X):
        features = self.features
        features = features(X) if callable(features) else features
        if features is None:
            return list(range(X.shape[1]))
        try:
            # scikit-learn 1.6 finds names in pandas frames only.
            table = pd.DataFrame(columns=X.columns) if is_polars(X) else X
            columns = [index(j) for j in _get_column_indices(table, features)]
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(
                f"features={self.features!r} of {type(finder).__name__} must name "
                f"columns of X, which has {X.shape[1]} of them: {error}{_advice(X)}"
            ) from error
        if len(columns) == 0:
            raise ValueError(
                f"features={self.features!r} of {type(finder).__name__} selects no "
                "column of X. Name at least one."
            )
        if len(set(columns)) < len(columns):
            raise ValueError(
                f"features={self.features!r} of {type(finder).__name__} names a column "
                "twice. Name each once."
            )
        return columns

    def _check_bins(self, finder):
        if not isinstance(self.bins, dict):
            return
        unknown = set(self.bins) - set(self.names) - set(self.columns)
        if unknown:
            raise ValueError(
                f"bins of {type(finder).__name__} names {sorted(unknown, key=str)}, "
                f"not among the columns in use: {self.names}."
            )
        for name, cuts in self.bins.items():
            _check_cuts(finder, name, cuts)
        for name, j in zip(self.names, self.columns, strict=True):
            if name in self.bins and j in self.bins:
                raise ValueError(
                    f"bins of {type(finder).__name__} cuts one column twice, as "
                    f"{name!r} and as {j}. Name it once."
                )

    def _coder(self, finder, name, j, column):
        bins = self.bins
        if isinstance(bins, dict):
            bins = bins.get(name, bins.get(j))
            if bins is not None and not is_numeric(column):
                raise ValueError(
                    f"bins of {type(finder).__name__} cuts column {name!r}, which is "
                    f"not numeric. Cut numeric columns only."
                )
        if bins is None or not is_numeric(column):
            return ValueCodes()
        few = self.keep_few and isinstance(bins, Integral)
        if few and pd.Series(column).nunique() <= bins:
            return ValueCodes()
        return IntervalCodes(bins)


def check_table(finder, X, *, reset):
    """Return X as a matrix or frame with checked columns; values stay as they are."""
    if is_texts(X):
        raise ValueError(
            f"{type(finder).__name__} reads columns, and raw texts have none. Use "
            "ClusterMatch with a representation instead."
        )
    check_content(X, type(finder).__name__)
    if isinstance(X, list):
        # NumPy would turn the numbers of a row that also holds texts into texts.
        X = np.asarray(X, dtype=object)
    if is_frame(X):
        validate_data(finder, X=X, reset=reset, skip_check_array=True)
        return as_rows(X, type(finder).__name__)
    X = validate_data(
        finder,
        X=X,
        reset=reset,
        dtype=None,
        accept_sparse=["csr", "csc"],
        ensure_all_finite="allow-nan",
    )
    check_content(X, type(finder).__name__)
    return X


def _check_cuts(finder, name, cuts):
    if isinstance(cuts, Integral) and cuts >= 2:
        return
    try:
        points = np.asarray([] if isinstance(cuts, Integral) else cuts, dtype=float)
    except (TypeError, ValueError):
        points = np.empty(0)
    finite = points.ndim == 1 and len(points) > 0 and np.isfinite(points).all()
    if finite and (np.diff(points) > 0).all():
        return
    raise ValueError(
        f"bins[{name!r}] of {type(finder).__name__} must be a number of intervals, at "
        f"least 2, or increasing finite cut points. Got {cuts!r}."
    )


def _column_names(X):
    names = list(X.columns) if is_frame(X) else []
    named = names and all(isinstance(name, str) for name in names)
    return names if named else [f"x{j}" for j in range(X.shape[1])]


def as_native(column):
    """Column in a dtype that pandas can look up: its byte order, no half precision."""
    dtype = column.dtype
    if not isinstance(dtype, np.dtype):
        return column
    wanted = np.dtype(np.float32) if dtype == np.float16 else dtype.newbyteorder("=")
    return column if wanted == dtype else column.astype(wanted)


def is_numeric(column, *, bools=False):
    """Whether a column holds numbers; whether truth values count is `bools`."""
    if column.dtype == object and pd.api.types.infer_dtype(column) == "string":
        return False
    column = pd.Series(column)
    if column.dtype == object:
        column = column.infer_objects()
    if pd.api.types.is_bool_dtype(column):
        return bools
    return pd.api.types.is_numeric_dtype(column)


def _as_floats(column):
    return pd.Series(column).to_numpy(dtype=float, na_value=np.nan)


def _readable(cuts, values):
    """Cut points of as few digits as leave the sizes of the intervals about equal."""
    sizes = _interval_sizes(cuts, values)
    for digits in range(4, 16):
        short = np.asarray([float(f"{cut:.{digits}g}") for cut in cuts])
        moved = abs(_interval_sizes(short, values) - sizes).max()
        if moved <= 0.1 * sizes.min():
            return short
    return cuts


def _interval_sizes(cuts, values):
    codes = np.searchsorted(cuts, values, side="right")
    return np.bincount(codes, minlength=len(cuts) + 1)


def _text(value):
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    # Half of a pair of surrogates is text to Python, and cannot be printed.
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _advice(X):
    """Tell what may have taken the names of the columns away."""
    if is_frame(X):
        return ""
    return (
        " X is an array. If a step of a pipeline made it of a frame, put the finder or "
        'poisoner before that step, or call set_output(transform="pandas") of the step.'
    )
