"""Rows with their classes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np

from skpoison.utils._plain_state import PlainState


@dataclass
class Rows(PlainState):
    """Rows of a data set, and their classes.

    Attributes
    ----------
    given : {ndarray, sparse matrix, dataframe} of shape (n_rows, ...)
        Rows as a model takes them.

    values : {ndarray, sparse matrix} of shape (n_rows, ...)
        The same as numbers.

    codes : ndarray of shape (n_rows,)
        Codes of their classes.
    """

    given: object
    values: object
    codes: np.ndarray
