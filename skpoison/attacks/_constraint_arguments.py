"""Arguments of constraints, as arrays of the shape of a row."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np

from skpoison.attacks._one_hot_groups import OneHotGroup


def check_positive(value, parameter, advice):
    """Raise for sizes below 0, and where all of them are 0."""
    if value is None:
        return
    value = _as_floats(value, parameter)
    if not (value >= 0).all() or not value.any():
        raise ValueError(
            f"{parameter} of FeatureConstraints must be above 0 somewhere and below 0 "
            f"nowhere. Got {value.tolist()}; {advice}."
        )


def _as_floats(value, parameter):
    """Array of numbers, which texts and truth values are not."""
    try:
        array = np.asarray(value)
    except ValueError:  # of lists of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "iuf":
        raise ValueError(
            f"{parameter} of FeatureConstraints must be a number, or an array of one "
            f"for each feature. Got {value!r}."
        )
    return array.astype(float)


def per_feature(value, default, shape, parameter):
    """Floats of the shape of a row, from one value or one for each feature."""
    value = _as_floats(default if value is None else value, parameter)
    _check_shape(value.shape, shape, parameter)
    if np.isnan(value).any() and not np.isnan(default):
        raise ValueError(f"{parameter} of FeatureConstraints must not hold NaN.")
    return np.broadcast_to(value, shape).copy()


def _check_shape(given, shape, parameter):
    try:
        fits = np.broadcast_shapes(given, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{parameter} of FeatureConstraints must be one value, or one for each "
            f"feature of a row of shape {shape}. Got shape {given}."
        )


def feature_mask(features, shape, names, parameter):
    """Mask of features that come as a mask, as indices or as names."""
    mask = np.zeros(shape, dtype=bool)
    if features is None:
        return mask
    try:
        is_mask = np.asarray(features).dtype == bool
    except ValueError as error:
        raise ValueError(
            f"{parameter} of FeatureConstraints must be a mask, or numbers or names of "
            f"features. Got {features!r}."
        ) from error
    if is_mask:
        _check_shape(np.shape(features), shape, parameter)
        return mask | features
    at = [_index(feature, names, parameter) for feature in np.atleast_1d(features)]
    _check_indices(at, shape, parameter)
    mask[np.array(at, dtype=int)] = True
    return mask


def _index(feature, names, parameter):
    if not isinstance(feature, str):
        return feature
    if names is None or feature not in names:
        raise ValueError(
            f"{parameter} of FeatureConstraints names {feature!r}, which is no feature "
            f"of X. Its names are {names}."
        )
    return names.index(feature)


def _check_indices(at, shape, parameter):
    whole = all(isinstance(j, Integral) and 0 <= j < shape[0] for j in at)
    if (len(shape) > 1 and len(at)) or not whole:
        raise ValueError(
            f"{parameter} of FeatureConstraints must be a mask of the shape of a row, "
            f"{shape}, or, for tables, numbers of columns. Got {list(at)}."
        )


def one_hot_groups(one_hot, shape):
    """List of OneHotGroup, from groups and lists of columns."""
    try:
        groups = [
            group if isinstance(group, OneHotGroup) else OneHotGroup(np.array(group))
            for group in one_hot
        ]
        sizes = [len(group.columns) for group in groups]
    except (TypeError, ValueError):
        sizes = [0]
    if not all(sizes):
        raise ValueError(
            "one_hot of FeatureConstraints must be a list of lists of columns, none of "
            f"them empty, or of OneHotGroup. Got {one_hot!r}."
        )
    columns = [j for group in groups for j in group.columns]
    _check_indices(columns, shape, "one_hot")
    twice = sorted({j for j in columns if columns.count(j) > 1})
    if twice:
        raise ValueError(
            "one_hot of FeatureConstraints must name each column once. Got "
            f"{twice} more often."
        )
    return groups
