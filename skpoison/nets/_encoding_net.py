"""Nets of skorch that take the rows and labels that scikit-learn takes."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
import torch
from sklearn.utils import TransformerTags
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
from skorch.callbacks import EpochScoring
from torch import nn
from torch.utils.data import DataLoader, Dataset

from skpoison.nets._batches import Rows, as_batch, rows_of
from skpoison.nets._functional import threads
from skpoison.nets._inputs import check_shape, is_bytes, rows_of_numbers
from skpoison.nets._plain_net import PlainNet
from skpoison.utils._row_sampler import flat_labels, native


class EncodingNet(PlainNet):
    """Net that checks its rows, and gives labels numbers.

    The base of :class:`SeededNetClassifier`, which documents what it learns.
    """

    @property
    def classes_(self):
        """Class labels, sorted."""
        return np.unique(super().classes_)

    def encode(self, y):
        """Give the numbers of class labels.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        codes : ndarray of int64 of shape (n_samples,)
            Their places in `classes_`.
        """
        y = native(np.asarray(y))
        # Texts stay objects: those that are no UTF-8 are no others.
        kind = object if self.classes_.dtype.kind in "OU" else None
        places = pd.Index(self.classes_, dtype=kind)
        codes = places.get_indexer(pd.Index(y, dtype=kind))
        unseen = pd.unique(y[codes < 0])
        if len(unseen):
            raise ValueError(
                f"y of {type(self).__name__} has labels that were unseen in training: "
                f"{unseen[:5].tolist()}. The classes are {self.classes_.tolist()}."
            )
        return codes.astype(np.int64)

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Rows.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
            The most probable class of each.
        """
        codes = self.predict_proba(X).argmax(axis=1)
        return self.classes_[codes]

    def fit_transform(self, X, y, **fit_params):
        """Fit the network, and give the activations of the rows it was fitted on.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Training rows.

        y : array-like of shape (n_samples,)
            Class labels.

        **fit_params : dict
            Passed to `fit`.

        Returns
        -------
        X_out : ndarray of float32 of shape (n_samples, n_activations)
            Activations of the layer `layer`.
        """
        return self.fit(X, y, **fit_params).transform(X)

    def check_data(self, X, y):
        """Check rows and labels, as skorch asks for.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            Rows.

        y : ndarray of shape (n_samples,)
            Class labels.
        """
        self.encode(y)

    def get_dataset(self, X, y=None):
        """Give rows and the numbers of their labels to skorch.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Rows.

        y : array-like of shape (n_samples,), default=None
            Class labels.

        Returns
        -------
        dataset : torch.utils.data.Dataset
            Rows, and the numbers of their labels.
        """
        if isinstance(X, Dataset):
            return X
        check_is_fitted(self, "input_shape_")
        rows = self._rows(X)
        check_shape(rows, self.input_shape_, type(self).__name__)
        if is_bytes(rows) != self.takes_bytes_:
            raise ValueError(
                f"{type(self).__name__} was fitted on images of "
                f"{'bytes' if self.takes_bytes_ else 'numbers that are no bytes'}. Got "
                f"images of dtype {rows.dtype}. Pass pixels as in fit: bytes are put "
                "between -0.5 and 0.5, other numbers are taken as they are."
            )
        if y is None:
            self._check_names(X, reset=False)
        return Rows(rows, None if y is None else self.encode(y))

    def get_params_for(self, prefix):
        """Give the parameters of a part.

        Parameters
        ----------
        prefix : str
            Its name, such as "iterator_train".

        Returns
        -------
        params : dict of str to object
            Its parameters.
        """
        params = super().get_params_for(prefix)
        if prefix in ("iterator_train", "iterator_valid"):
            params.setdefault(
                "batch_size", int(self.batch_size)
            )  # torch takes no other
        return params

    def get_iterator(self, dataset, training=False):
        """Give the batches of a data set.

        Parameters
        ----------
        dataset : torch.utils.data.Dataset
            Rows.

        training : bool, default=False
            Whether they are trained on.

        Returns
        -------
        iterator : torch.utils.data.DataLoader
            Their batches.
        """
        iterator = super().get_iterator(dataset, training)
        if type(iterator) is not DataLoader:
            return iterator
        if isinstance(rows_of(dataset), Rows):
            iterator.collate_fn = as_batch
        if not training:
            # Else each prediction would draw from torch's own.
            iterator.generator = torch.Generator()
        elif self._leaves_one(len(dataset)):
            iterator.batch_sampler.drop_last = True
        return iterator

    def evaluation_step(self, batch, training=False):
        """Pass a batch through the module, without gradients.

        Parameters
        ----------
        batch : tuple of Tensor
            Rows and their labels.

        training : bool, default=False
            Whether dropout and the like are on.

        Returns
        -------
        logits : Tensor of shape (n_samples, n_classes)
            Outputs.
        """
        with threads(self.n_threads):
            return super().evaluation_step(batch, training)

    @property
    def _default_callbacks(self):
        # Rows set aside have the numbers of their labels, and not the labels.
        accuracy = EpochScoring(_accuracy, name="valid_acc", lower_is_better=False)
        return [
            (name, accuracy if name == "valid_acc" else callback)
            for name, callback in super()._default_callbacks
        ]

    def _checked(self, X, y):
        name = type(self).__name__
        if y is None:
            raise ValueError(
                f"{name} requires y to be passed, but the target y is None."
            )
        rows = self._rows(X)
        labels = flat_labels(y, name)
        column_or_1d(y, warn=True)  # which tells the user where y is a column
        y = labels
        if len(rows) != len(y):
            raise ValueError(
                f"X and y of {name} must have as many rows. Got {len(rows)} and "
                f"{len(y)}."
            )
        return rows, y

    def _check_classes(self, classes):
        if classes is not None and set(classes) != set(self.classes_.tolist()):
            raise ValueError(
                f"classes={list(classes)} of {type(self).__name__} must be those of "
                f"the first call of partial_fit, {self.classes_.tolist()}."
            )

    def _check_names(self, X, reset):
        """Remember the names of features, or hold others against them."""
        is_table = len(self.input_shape_) == 1
        validate_data(self, X, reset=reset, skip_check_array=True, ensure_2d=is_table)

    def __sklearn_tags__(self):
        """Take images and sparse matrices; `transform` gives float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags(preserves_dtype=[])
        tags.input_tags.sparse = tags.input_tags.three_d_array = True
        return tags

    def _has_seen_data(self):
        return self.initialized_ and hasattr(self, "input_shape_")

    def _padding(self):
        """Give the number of the token that stands after the end of a text."""
        return 0

    def _rows(self, X):
        return rows_of_numbers(X, type(self).__name__)

    def _learn_shape(self, rows, y):
        classes = np.unique(y if self.classes is None else self.classes)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs labels of at least 2 classes. Got 1 "
                f"class: {classes.tolist()}."
            )
        self.classes_inferred_ = classes
        self.input_shape_ = rows.shape[1:]
        self.takes_bytes_ = is_bytes(rows)

    def _leaves_one(self, n_samples):
        batch_norm = nn.modules.batchnorm._BatchNorm
        size = self.get_params_for("iterator_train").get("batch_size", self.batch_size)
        return (
            size > 1
            and n_samples > size
            and n_samples % size == 1
            and any(isinstance(part, batch_norm) for part in self.module_.modules())
        )


def _accuracy(net, X, y):
    return float(np.mean(net.predict_proba(X).argmax(axis=1) == np.asarray(y)))
