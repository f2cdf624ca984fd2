"""A sampler over rows of any container."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
from imblearn.base import BaseSampler
from imblearn.utils import check_target_type
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skpoison.utils._containers import as_rows, is_pandas, is_polars
from skpoison.utils._plain_state import PlainState


class RowSampler(PlainState, BaseSampler):
    """Sampler whose rows and labels come back in the container they came in.

    imbalanced-learn's own template turns rows into matrices; this one takes
    frames, images and texts as they are. A subclass implements `fit_resample`.
    """

    _sampling_type = "bypass"

    def __init__(self):
        super().__init__()

    def fit(self, X, y):
        """Do as `fit_resample` does, and keep only what was learned.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows.

        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        self : object
            The fitted sampler.
        """
        self.fit_resample(X, y)
        return self

    def _fit_resample(self, X, y):
        """Leave the hook of imbalanced-learn unused."""

    def _check_X_y(self, X, y):
        """Check the input; return rows, labels as a flat array, labels as they came.

        Content is left to the finder or model that reads it: what one cannot
        take, another can.
        """
        owner = type(self).__name__
        X = as_rows(X, owner)
        validate_data(self, X=X, y=y, skip_check_array=True)
        labels = flat_labels(y, owner)
        y = y if isinstance(y, list) or is_pandas(y) or is_polars(y) else np.asarray(y)
        check_consistent_length(X, labels)
        self.classes_ = check_classes(labels, owner)
        self.sampling_strategy_ = {}
        return X, labels, y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.sampler_tags.sample_indices = True
        return tags


def flat_labels(y, owner):
    """Labels as a one-dimensional array with the natural dtype of its values."""
    array = _one_label_a_row(y, owner)
    if np.any(pd.isna(array)):
        raise ValueError(
            f"{owner} needs a label for every row, and y has missing values: Input y "
            "contains NaN. Drop those rows."
        )
    if array.dtype.kind == "f":
        assert_all_finite(array, input_name="y")
    if array.dtype == object and pd.api.types.infer_dtype(array.ravel()) != "string":
        # Labels of nullable and categorical columns come as objects.
        array = pd.Series(array.ravel()).infer_objects().to_numpy().reshape(array.shape)
    check_classification_targets(array)
    labels, _ = check_target_type(array, indicate_one_vs_all=True)
    return column_or_1d(labels)


def _one_label_a_row(y, owner):
    """Labels as an array, whatever their number of dimensions."""
    if isinstance(y, np.ma.MaskedArray):
        raise ValueError(
            f"{owner} does not take masked labels, whose mask would be lost. Drop the "
            "masked rows, and pass y.compressed()."
        )
    try:
        array = np.asarray(y)
    except ValueError as error:
        raise ValueError(
            f"{owner} needs one label for each row. y has several for some: {error}"
        ) from error
    if array.dtype.kind == "V":
        raise ValueError(
            f"{owner} needs one label for each row. Got an array of dtype "
            f"{array.dtype}. Pass one of its fields."
        )
    return native(array)


def native(array):
    """Array of a dtype that all libraries read: no others' byte order, no StringDType.

    Parameters
    ----------
    array : ndarray
        Values.

    Returns
    -------
    array : ndarray
        The same values.
    """
    if array.dtype.kind == "T":
        return array.astype(object)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def check_classes(labels, owner):
    """Classes of flat labels in their order, at least two."""
    try:
        classes = np.unique(labels)
    except TypeError as error:
        raise ValueError(
            f"{owner} needs class labels of one kind, which can be sorted. y mixes "
            f"{sorted({type(label).__name__ for label in labels})}."
        ) from error
    if len(classes) < 2:
        raise ValueError(
            f"{owner} needs at least two classes in y. Got one class: "
            f"{classes.tolist()}."
        )
    return classes
