"""Rows that are read a batch at a time."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import torch
from skorch.dataset import Dataset


class Rows(Dataset):
    """Data set of skorch whose batches are taken from the array in one piece.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        Rows; they may be read-only, as those that joblib maps to the disk are.

    y : ndarray of shape (n_samples,) or None
        Numbers of their labels.
    """

    def __getitem__(self, i):
        """Give one row and its label."""
        X, y = self.__getitems__([i])
        return X[0], y[0]

    def __getitems__(self, indices):
        """Give some rows and their labels."""
        # Taking a list of rows copies them, so what torch is given may be written.
        X = torch.from_numpy(np.take(self.X, indices, axis=0))
        if self.y is None:
            return X, torch.zeros(len(indices))
        return X, torch.from_numpy(np.take(self.y, indices))


def as_batch(batch):
    """Leave a batch as :class:`Rows` gives it."""
    return batch


def rows_of(dataset):
    """Look through subsets for the data set that they are taken from."""
    while isinstance(dataset, torch.utils.data.Subset):
        dataset = dataset.dataset
    return dataset
