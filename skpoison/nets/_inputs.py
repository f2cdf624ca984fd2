"""What nets are given, checked."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import torch
from scipy import sparse

from skpoison.nets._layers import takes_tokens
from skpoison.utils._containers import as_rows, is_frame, is_pandas

CHANNELS = (1, 3, 4)
LARGEST = np.finfo(np.float32).max


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
    rows = as_rows(_of_one_size(X, owner), owner)
    if sparse.issparse(rows):
        rows = rows.toarray()
    if is_frame(rows):
        rows = rows.to_numpy()
    elif is_pandas(rows):
        rows = np.asarray(rows)
    rows = _without_objects(rows, owner)
    if rows.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported by {owner}. Got X of dtype {rows.dtype}. Pass "
            "its real and imaginary parts as features."
        )
    if rows.dtype.kind not in "fiub":
        raise ValueError(
            f"{owner} takes numbers. Got X of dtype {rows.dtype}. Encode texts with "
            "TextTokenizer and categories with OneHotEncoder."
        )
    if rows.size == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={rows.shape}) while a minimum of 1 "
            f"is required by {owner}."
        )
    _check_finite(rows, owner)
    _check_channels(rows, owner)
    # What torch does not read.
    is_odd = not rows.dtype.isnative or rows.dtype.itemsize > 8
    return rows.astype(f"={rows.dtype.kind}8") if is_odd else rows


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


def _of_one_size(X, owner):
    """Give a collection of images as a list of arrays of one shape."""
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1:
        X = list(X)
    if not isinstance(X, (list, tuple)):
        return X
    shapes = {x.shape for x in X if isinstance(x, np.ndarray) and x.ndim > 1}
    if len(shapes) > 1:
        raise ValueError(
            f"{owner} takes images of one size. Got the shapes {sorted(shapes)[:5]}. "
            "Resize them to one."
        )
    return X


def _without_objects(rows, owner):
    """Numbers of an array of dtype object."""
    if rows.dtype != object:
        return rows
    try:
        return np.asarray(rows.tolist(), dtype=np.float64)
    except (TypeError, ValueError) as error:
        # As scikit-learn has it: a TypeError where it cannot be a number at all.
        raise type(error)(
            f"{owner} takes numbers. X holds other objects: {error}. Encode texts with "
            "TextTokenizer and categories with OneHotEncoder."
        ) from error


def _check_finite(rows, owner):
    # Least and largest numbers are NaN where one is, and need no memory.
    least, largest = rows.min(), rows.max()
    if not (least >= -LARGEST and largest <= LARGEST):
        raise ValueError(
            f"{owner} takes finite numbers. X has NaN, infinity or a number that is "
            f"too large for float32: they are from {least} to {largest}. Impute "
            "missing ones, for instance with SimpleImputer, and scale large ones."
        )


def _check_channels(rows, owner):
    if rows.ndim != 4 or rows.shape[1] in CHANNELS or rows.shape[3] not in CHANNELS:
        return
    raise ValueError(
        f"{owner} takes images with their channels first, of shape (n_samples, "
        f"n_channels, height, width). Got {rows.shape}, whose channels seem to be "
        "last. Use X.transpose(0, 3, 1, 2)."
    )


def is_bytes(rows):
    """Whether rows are images whose pixels are bytes."""
    return rows.dtype == np.uint8 and rows.ndim > 3


def to_model(rows, tokens):
    """Give a batch in the dtype that a module takes.

    Parameters
    ----------
    rows : Tensor of shape (n_samples, ...)
        Numbers of any dtype.

    tokens : bool
        Whether the module embeds the numbers of tokens.

    Returns
    -------
    rows : Tensor of shape (n_samples, ...)
        Integers are of int64 where the module takes tokens; all others are of float32.
        Bytes are taken for the pixels of images, and put between -0.5 and 0.5.
    """
    if tokens and not rows.is_floating_point():
        return rows.long()
    if rows.dtype == torch.uint8 and rows.ndim > 3:
        return rows.float() / 255 - 0.5
    return rows.float()


def module_rows(net, X):
    """Give rows as the module of a net takes them.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        A fitted net.

    X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows as the net takes them: numbers, the bytes of images, or tokens.

    Returns
    -------
    rows : ndarray of shape (n_samples, ...)
        Numbers of float32, or tokens.
    """
    rows = torch.as_tensor(rows_of_numbers(X, type(net).__name__))
    return to_model(rows, takes_tokens(net.module_)).numpy()
