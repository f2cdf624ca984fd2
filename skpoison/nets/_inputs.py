"""What nets are given, checked."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import torch
from scipy import sparse

from skpoison.utils._containers import as_rows, is_frame, is_pandas

CHANNELS = (1, 3, 4)


def rows_of_numbers(X, owner):
    """Give rows as an array of numbers, or raise.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe}
        Rows of a table, token numbers, or images with their channels first.

    owner : str
        Name of the estimator, for messages.

    Returns
    -------
    rows : ndarray of shape (n_samples, ...)
        The numbers, in their own dtype.
    """
    if isinstance(X, torch.Tensor):
        X = X.detach().cpu().numpy()
    rows = as_rows(X, owner)
    if sparse.issparse(rows):
        rows = rows.toarray()
    if is_frame(rows):
        rows = rows.to_numpy()
    elif is_pandas(rows):
        rows = np.asarray(rows)
    rows = _without_objects(rows, owner)
    if rows.dtype.kind not in "fiub":
        raise ValueError(
            f"{owner} takes numbers. Got X of dtype {rows.dtype}. Encode texts with "
            "TextTokenizer and categories with OneHotEncoder."
        )
    if rows.dtype.kind == "f" and not np.isfinite(rows).all():
        raise ValueError(
            f"{owner} takes finite numbers. X has NaN or infinity. Impute them, for "
            "instance with SimpleImputer."
        )
    _check_channels(rows, owner)
    return rows


def check_shape(rows, shape, owner):
    """Raise where rows are not of the shape that was fitted."""
    if rows.shape[1:] == tuple(shape):
        return
    if rows.ndim == 2 and len(shape) == 1:
        raise ValueError(
            f"X has {rows.shape[1]} features, but {owner} is expecting {shape[0]} "
            "features as input."
        )
    raise ValueError(
        f"{owner} was fitted on rows of shape {tuple(shape)}. Got rows of shape "
        f"{rows.shape[1:]}. Images must have the channels, height and width of those "
        "in fit."
    )


def _without_objects(rows, owner):
    """Numbers of an array of dtype object, where its rows have one shape."""
    if rows.dtype != object:
        return rows
    shapes = {np.shape(row) for row in rows}
    if len(shapes) > 1:
        raise ValueError(
            f"{owner} takes images of one size. Got the shapes "
            f"{sorted(shapes, key=str)[:5]}. Resize them to one."
        )
    try:
        return np.asarray(rows.tolist(), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{owner} takes numbers. X holds other objects: {error}. Encode texts with "
            "TextTokenizer and categories with OneHotEncoder."
        ) from error


def _check_channels(rows, owner):
    if rows.ndim != 4 or rows.shape[1] in CHANNELS or rows.shape[3] not in CHANNELS:
        return
    raise ValueError(
        f"{owner} takes images with their channels first, of shape (n_samples, "
        f"n_channels, height, width). Got {rows.shape}, whose channels seem to be "
        "last. Use X.transpose(0, 3, 1, 2)."
    )


def to_model(rows, tokens):
    """Give a batch in the dtype that a module takes.

    Parameters
    ----------
    rows : Tensor of shape (n_samples, ...)
        Numbers of any dtype.

    tokens : bool
        Whether the module takes the numbers of tokens.

    Returns
    -------
    rows : Tensor of shape (n_samples, ...)
        Of int64 for tokens and else of float32. Bytes are taken for the pixels of
        images, and put between -0.5 and 0.5.
    """
    if tokens:
        return rows.long()
    if rows.dtype == torch.uint8 and rows.ndim > 3:
        return rows.float() / 255 - 0.5
    return rows.float()
