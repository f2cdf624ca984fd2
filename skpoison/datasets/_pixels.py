"""What the image data sets do to their pixels."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.utils._sklearn import Options, StrOptions

DTYPES = [StrOptions({"uint8", "float32"}), Options(type, {np.uint8, np.float32})]


def scale(images, dtype):
    """Give uint8 images as they are, or as the paper's numbers in [-0.5, 0.5]."""
    if np.dtype(dtype) == np.uint8:
        return images
    images = images.astype(np.float32)
    images /= 255
    images -= 0.5
    return images
