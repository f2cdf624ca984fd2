"""Differentiable augmentation of images."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import torch
from torch import nn

PADDINGS = {"zeros": "constant", "reflect": "reflect"}


def shift_and_flip(
    X, *, max_shift=0.125, flip=True, padding="reflect", random_state=None
):
    """Shift each image at random, and flip it from left to right at random.

    Images move by whole pixels, so each pixel that comes out is one that went in, or
    padding, and derivatives pass through to the images as they were.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_channels, height, width)
        Images.

    max_shift : int or float, default=0.125
        Largest shift in each direction: in pixels if an int, and else a fraction of
        height and width, rounded. Shifts are uniform, and independent in height and
        width.

    flip : bool, default=True
        Whether to flip each image with probability 1/2.

    padding : {"reflect", "zeros"}, default="reflect"
        What moves in from outside of an image: its reflection, or zeros.

    random_state : Generator of torch, RandomState instance or None, default=None
        Source of the draws, which are made on the CPU whatever the device of X.
        `None` is torch's own.

    Returns
    -------
    X_out : Tensor of shape (n_samples, n_channels, height, width)
        Images, on the device and of the dtype of X.

    Raises
    ------
    ValueError
        If X holds no images, or a shift is negative or as large as an image.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`.
       Their nets for CIFAR-10 are trained with shifts of an eighth and flips.

    Examples
    --------
    >>> import torch
    >>> from skpoison.nets._augmentations import shift_and_flip
    >>> X = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> draws = torch.Generator().manual_seed(2)
    >>> shift_and_flip(X, max_shift=1, padding="zeros", random_state=draws)[0, 0]
    tensor([[ 0.,  0.,  0.,  0.],
            [ 2.,  1.,  0.,  0.],
            [ 6.,  5.,  4.,  0.],
            [10.,  9.,  8.,  0.]])
    """
    down, across = _check(X, max_shift, padding)
    n, height, width = len(X), *X.shape[2:]
    rows = _draw(2 * down + 1, n, random_state) + torch.arange(height)
    columns = torch.arange(width).expand(n, -1)
    shifts = _draw(2 * across + 1, n, random_state)
    if flip:
        flipped = _draw(2, n, random_state) == 1
        columns = torch.where(flipped, columns.flip(1), columns)
    mode = PADDINGS[padding]
    padded = nn.functional.pad(X, (across, across, down, down), mode=mode)
    return _pick(padded, rows, columns + shifts)


def _check(X, max_shift, padding):
    """Check the arguments; give the largest shifts in pixels."""
    if not isinstance(X, torch.Tensor) or X.ndim != 4:
        raise ValueError(
            "shift_and_flip takes a tensor of images, of shape (n_samples, n_channels, "
            f"height, width). Got {type(X).__name__} of shape {tuple(np.shape(X))}."
        )
    if padding not in PADDINGS:
        raise ValueError(
            f"padding={padding!r} of shift_and_flip must be one of {list(PADDINGS)}."
        )
    is_pixels = isinstance(max_shift, (int, np.integer))
    shifts = [
        int(max_shift) if is_pixels else round(max_shift * side) for side in X.shape[2:]
    ]
    if max_shift < 0 or any(
        s >= side for s, side in zip(shifts, X.shape[2:], strict=True)
    ):
        raise ValueError(
            f"max_shift={max_shift} of shift_and_flip must be at least 0 and less than "
            f"the whole of an image. The images have "
            f"{X.shape[2]} x {X.shape[3]} pixels."
        )
    return shifts


def _draw(n_values, n_images, random_state):
    """Draw an integer from 0 on for each image, of shape (n_images, 1)."""
    if isinstance(random_state, np.random.RandomState):
        return torch.from_numpy(random_state.randint(n_values, size=(n_images, 1)))
    return torch.randint(n_values, (n_images, 1), generator=random_state)


def _pick(X, rows, columns):
    """Pixels of each image at its own rows and columns."""
    images = torch.arange(len(X), device=X.device)[:, None, None, None]
    channels = torch.arange(X.shape[1], device=X.device)[:, None, None]
    rows, columns = rows.to(X.device), columns.to(X.device)
    return X[images, channels, rows[:, None, :, None], columns[:, None, None, :]]


AUGMENTATIONS = {"shift_and_flip": shift_and_flip}


def check_augmented(changed, X, owner):
    """Give what an augmentation returned, or raise where a module cannot read it.

    Parameters
    ----------
    changed : object
        What it returned.

    X : Tensor of shape (n_samples, ...)
        What it was given.

    owner : str
        Who complains.

    Returns
    -------
    changed : Tensor of shape (n_samples, ...)
        What it returned.
    """
    is_tensor = isinstance(changed, torch.Tensor)
    if is_tensor and changed.shape[:1] == X.shape[:1] and changed.dtype == X.dtype:
        return changed
    got = f"{changed.dtype} of shape {tuple(changed.shape)}" if is_tensor else changed
    raise ValueError(
        f"augmentation of {owner} must return a tensor of {len(X)} rows of {X.dtype}. "
        f"Got {got!r}."
    )
