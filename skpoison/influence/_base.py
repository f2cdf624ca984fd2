"""What attacks and influence ask of a fitted model."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from abc import ABC, abstractmethod

import numpy as np


class TrainingLoss(ABC):
    """Loss of a fitted classifier as a function of its parameters and of its rows.

    Every quantity that influence and the optimised attacks need is one of five: losses,
    gradients in the parameters, their products with a vector, the derivatives of these
    products in the rows, and curvature (see ``_curvature.py``). Parameters are one flat
    vector of length `n_params`.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Class labels; `codes` below number them.

    n_params : int
        Number of parameters.

    is_plain : bool
        Whether it is made of arrays and plain values, and of nothing that torch made.
    """

    is_plain = True

    @abstractmethod
    def losses(self, X, codes):
        """Give the loss of each row, of shape (n_samples,)."""

    @abstractmethod
    def gradient(self, X, codes, weights=None):
        """Give the weighted sum of the gradients of rows, of shape (n_params,).

        Without weights it is their mean.
        """

    @abstractmethod
    def products(self, X, codes, V):
        """Give the product of each row's gradient with V, of shape (n_samples,)."""

    @abstractmethod
    def input_gradients(self, X, codes, V):
        """Give the derivatives of `products` in the rows, of the shape of X."""

    @abstractmethod
    def penalty(self, n_samples):
        """Give the penalty's second derivatives, of shape (n_params,).

        They are those of the mean objective over so many training rows.
        """

    @abstractmethod
    def curvature_matrix(self, X, codes, kind="gauss_newton", weights=None):
        """Give the second derivatives of the weighted sum of the losses of rows.

        Of shape (n_params, n_params), without the penalty; `kind` is "gauss_newton"
        or "hessian".
        """

    @abstractmethod
    def curvature_product(self, X, codes, v, kind="gauss_newton", weights=None):
        """Give the product of the same matrix with v, of shape (n_params,)."""

    def check_curvature(self, kind):
        """Raise where there is no curvature of this kind, or none that is known."""
        return None

    def flat_directions(self):
        """Give orthonormal directions in which no loss and no penalty changes.

        Of shape (n_directions, n_params). All gradients are orthogonal to them.
        """
        return np.empty((0, self.n_params))

    def codes(self, y):
        """Give the number of the class of each label, all known to the model."""
        codes = np.minimum(np.searchsorted(self.classes, y), len(self.classes) - 1)
        if not np.array_equal(self.classes[codes], y):
            unknown = np.setdiff1d(y, self.classes).tolist()
            raise ValueError(
                f"The model was fitted on the classes {self.classes.tolist()}. Got "
                f"{unknown} as well."
            )
        return codes

    def _weights(self, n_samples, weights):
        if weights is None:
            return np.full(n_samples, 1 / n_samples)
        return np.asarray(weights, dtype=float)
