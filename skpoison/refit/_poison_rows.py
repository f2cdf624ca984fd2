"""Rows of all poisons together, and which of them are copies."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from skpoison.utils._containers import is_pandas, is_polars, take


@dataclass
class PoisonRows:
    """Poison rows in the order of their models.

    The content of a row is a number: the first clean row that it is a copy of, or
    `n_clean` and on for the rows of `new`.
    """

    X: object
    codes: np.ndarray
    sizes: np.ndarray
    first: np.ndarray
    content: np.ndarray
    new: object

    def __post_init__(self):
        self.n_clean = len(self.first)
        self.owner = np.repeat(np.arange(len(self.sizes)), self.sizes)
        self.start = np.concatenate([[0], np.cumsum(self.sizes)])
        self._order = np.argsort(self.content, kind="stable")
        self._groups = np.searchsorted(
            self.content[self._order],
            np.arange(self.n_clean + self.new.shape[0] + 1),
        )

    def having(self, content):
        """Poison rows that have a content of the list, and where it is in the list."""
        begin, end = self._groups[content], self._groups[content + 1]
        which = np.repeat(np.arange(len(content)), end - begin)
        shift = begin - np.cumsum(end - begin) + (end - begin)
        return self._order[np.arange(len(which)) + shift[which]], which

    def of(self, j):
        """Poison rows of model ``j``."""
        return slice(self.start[j], self.start[j + 1])


def stack_poisons(X, y, poisons):
    """Rows and labels of all poisons, one under the other, and the size of each."""
    sizes = np.array([len(y_poison) for _, y_poison in poisons], np.intp)
    rows = [X_poison for X_poison, y_poison in poisons if len(y_poison)]
    labels = [y_poison for _, y_poison in poisons if len(y_poison)]
    if not rows:
        return take(X, np.empty(0, np.intp)), y[:0], sizes
    return _stack(rows), np.concatenate(labels), sizes


def _stack(parts):
    if sparse.issparse(parts[0]):
        return sparse.vstack(parts, format=parts[0].format)
    if is_pandas(parts[0]):
        return pd.concat(parts)
    if is_polars(parts[0]):
        return sys.modules["polars"].concat(parts)
    return np.concatenate(parts)


def encode(y, classes):
    """Position of each label among the sorted classes, or None where one is new."""
    codes = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    return codes if np.array_equal(classes[codes], y) else None


def number_contents(X, X_poison):
    """Compare rows by their bytes.

    Returns the first clean row with the content of each clean row, the content of
    each poison row, and the positions of the poison rows that are new.
    """
    seen = {}
    first = np.array(
        [seen.setdefault(row, i) for i, row in enumerate(_rows_as_bytes(X))], np.intp
    )
    content, new = np.empty(X_poison.shape[0], np.intp), []
    for i, row in enumerate(_rows_as_bytes(X_poison)):
        content[i] = seen.setdefault(row, len(first) + len(new))
        if content[i] == len(first) + len(new):
            new.append(i)
    return first, content, np.array(new, np.intp)


def _rows_as_bytes(X):
    if not sparse.issparse(X):
        X = np.ascontiguousarray(X)
        return X.view(f"V{X.strides[0]}").ravel().tolist() if X.size else []
    pairs = zip(X.indptr[:-1], X.indptr[1:], strict=True)
    return ((X.indices[a:b].tobytes(), X.data[a:b].tobytes()) for a, b in pairs)
