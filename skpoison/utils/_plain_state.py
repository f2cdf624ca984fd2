"""State of objects without frames, for formats that know arrays only, such as skops."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from importlib import import_module
from typing import NamedTuple

import numpy as np
import pandas as pd

NULLABLE = (
    pd.arrays.BooleanArray,
    pd.arrays.FloatingArray,
    pd.arrays.IntegerArray,
)


class PlainState:
    """Mixin of objects that may keep frames, series and indices in their attributes.

    Whatever writes their state, pickle or skops, gets arrays and lists for those of
    pandas and polars, and makes the same frames of them again. Values of other kinds
    are written as they are, and so are frames with a column of an unusual dtype.
    """

    def __getstate__(self):
        """Give the attributes, frames as arrays."""
        state = super().__getstate__() or {}
        return {name: pack(value) for name, value in state.items()}

    def __setstate__(self, state):
        """Take attributes, arrays as frames."""
        vars(self).update({name: unpack(value) for name, value in state.items()})


class Packed(NamedTuple):
    """What a frame, series, index or column is made of.

    Attributes
    ----------
    kind : str
        Which function makes it again.

    parts : dict of str to object
        Arrays, lists, texts, and more of these.
    """

    kind: str
    parts: dict


class Unusual(TypeError):
    """A column that is not taken apart."""


def pack(value):
    """Take a frame, series or index apart; anything else is given as it is."""
    try:
        return _packed(value)
    except Unusual:
        return value


def unpack(value):
    """Make again what `pack` took apart."""
    if not isinstance(value, Packed):
        return value
    return MAKERS[value.kind](**value.parts)


def _packed(value):
    if type(value) is pd.DataFrame:
        columns = [_column(value.iloc[:, j].array) for j in range(value.shape[1])]
        names, index = _packed(value.columns), _packed(value.index)
        parts = {"columns": columns, "names": names, "index": index}
        return Packed("frame", parts | {"attrs": value.attrs})
    if type(value) is pd.Series:
        parts = {"column": _column(value.array), "index": _packed(value.index)}
        return Packed("series", parts | {"name": value.name, "attrs": value.attrs})
    if isinstance(value, pd.Index):
        return _packed_index(value)
    polars = sys.modules.get("polars")
    if polars and isinstance(value, (polars.DataFrame, polars.Series)):
        return _packed_polars(value)
    return value


def _packed_index(index):
    if type(index) is pd.RangeIndex:
        parts = {"start": index.start, "stop": index.stop, "step": index.step}
        return Packed("range", parts | {"name": index.name})
    if type(index) is pd.MultiIndex:
        levels = [_packed_index(level) for level in index.levels]
        codes = [np.asarray(codes) for codes in index.codes]
        return Packed(
            "multi", {"levels": levels, "codes": codes, "names": [*index.names]}
        )
    if type(index) in (pd.Index, pd.CategoricalIndex):
        return Packed("index", {"column": _column(index.array), "name": index.name})
    raise Unusual


def _column(array):
    """Array of NumPy, or what a usual array of pandas is made of."""
    dtype = array.dtype
    if isinstance(dtype, np.dtype) or type(array) is pd.arrays.NumpyExtensionArray:
        return array.to_numpy()
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _packed_index(dtype.categories)
        parts = {"codes": array.codes, "categories": categories}
        return Packed("categories", parts | {"ordered": bool(dtype.ordered)})
    missing = np.asarray(pd.isna(array))
    if isinstance(dtype, pd.StringDtype):
        texts = np.where(missing, None, np.asarray(array, dtype=object))
        is_nan = getattr(dtype, "na_value", pd.NA) is not pd.NA
        parts = {"texts": texts, "storage": dtype.storage}
        return Packed("texts", parts | {"is_nan": is_nan})
    if isinstance(array, NULLABLE):
        values = array.to_numpy(dtype=dtype.numpy_dtype, na_value=0)
        parts = {"values": values, "missing": missing, "dtype": dtype.name}
        return Packed("nullable", parts)
    raise Unusual


def _packed_polars(value):
    polars = sys.modules["polars"]
    if isinstance(value, polars.DataFrame):
        columns = [_packed_polars(column) for column in value.iter_columns()]
        return Packed("polars frame", {"columns": columns})
    dtype = str(value.dtype)
    if not hasattr(polars, dtype):
        raise Unusual
    parts = {"name": value.name, "values": value.to_list(), "dtype": dtype}
    return Packed("polars series", parts)


def _make_frame(columns, names, index, attrs):
    index, columns = unpack(index), map(unpack, columns)
    # Without a dtype, objects that are all texts would become texts of pandas.
    columns = {j: pd.Series(c, index, c.dtype) for j, c in enumerate(columns)}
    frame = pd.DataFrame(columns, index, copy=True)
    frame.columns, frame.attrs = unpack(names), attrs
    return frame


def _make_series(column, index, name, attrs):
    column = unpack(column)
    series = pd.Series(column, unpack(index), column.dtype, name, copy=True)
    series.attrs = attrs
    return series


def _make_range(start, stop, step, name):
    return pd.RangeIndex(start, stop, step, name=name)


def _make_multi(levels, codes, names):
    levels = [unpack(level) for level in levels]
    return pd.MultiIndex(levels, codes, names=names, verify_integrity=True)


def _make_index(column, name):
    column = unpack(column)
    return pd.Index(column, dtype=column.dtype, name=name)


def _make_categories(codes, categories, ordered):
    return pd.Categorical.from_codes(codes, unpack(categories), ordered=ordered)


def _make_texts(texts, storage, is_nan):
    # pandas before 2.3 has one kind of missing text.
    more = {"na_value": np.nan} if is_nan else {}
    return pd.array(texts, dtype=pd.StringDtype(storage, **more))


def _make_nullable(values, missing, dtype):
    array = pd.array(values, dtype=dtype)
    array[missing] = pd.NA
    return array


def _make_polars_frame(columns):
    return import_module("polars").DataFrame([unpack(column) for column in columns])


def _make_polars_series(name, values, dtype):
    polars = import_module("polars")
    return polars.Series(name, values, dtype=getattr(polars, dtype))


MAKERS = {
    "frame": _make_frame,
    "series": _make_series,
    "range": _make_range,
    "multi": _make_multi,
    "index": _make_index,
    "categories": _make_categories,
    "texts": _make_texts,
    "nullable": _make_nullable,
    "polars frame": _make_polars_frame,
    "polars series": _make_polars_series,
}
