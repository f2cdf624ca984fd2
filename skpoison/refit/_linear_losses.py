"""Losses of linear classifiers, written for many models at once."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.special import logsumexp


class MarginLoss:
    """A loss of sign times margin: one output, which is above 0 for a class or not.

    The sign of a class goes into the coefficients, so that it costs nothing per row.

    Parameters
    ----------
    signs : ndarray of shape (n_classes, n_models)
        1 where the model's output is to be above 0 for the class, else -1.
    """

    n_outputs = 1

    def __init__(self, signs):
        self.signs = signs

    def fold(self, W, c, models):
        """Give the coefficients for rows of class ``c``."""
        return W * self.signs[c, models]

    def unfold(self, G, c, models):
        """Give the gradient in the coefficients, from that in the folded ones."""
        return G * self.signs[c, models]

    def residuals(self, Z, c):
        """Give the derivatives in the folded margins, in place."""
        return np.negative(self._slope(Z), out=Z)

    def row_residuals(self, Z, codes, model):
        """Give the derivatives of rows of any class, each of one model."""
        signs = self.signs[codes, model][:, np.newaxis]
        return -signs * self._slope(signs * Z)

    def row_losses(self, Z, codes, model):
        """Give the losses of rows of any class, each of one model."""
        return self._loss(self.signs[codes, model] * Z[:, 0])

    def curvature(self, Z, c, j):
        """Give the second derivatives of rows of class ``c`` of one model."""
        return self._bend(Z * self.signs[c, j])

    def row_curvature(self, Z, codes, model):
        """Give the second derivatives, each of one model."""
        return self._bend(Z * self.signs[codes, model][:, np.newaxis])

    def bent(self, Z, U):
        """Give the change of the residuals where folded margins Z change by U."""
        return self._bend(Z) * U

    def row_bent(self, Z, U, codes, model):
        """Do the same for rows of any class, each of one model."""
        return self.row_curvature(Z, codes, model) * U


class Logistic(MarginLoss):
    """Log loss of two classes."""

    # Wrongly labeled rows start far on the wrong side and end near the boundary:
    # the curvature that they have on the way is near its maximum.
    poison_curvature = 0.25

    @staticmethod
    def _loss(V):
        return np.logaddexp(0, -V)

    @staticmethod
    def _slope(V):
        with np.errstate(over="ignore"):
            np.exp(V, out=V)
        V += 1
        return np.reciprocal(V, out=V)

    def _bend(self, V):
        p = self._slope(V)
        return p * (1 - p)


class SquaredHinge(MarginLoss):
    """Squared hinge loss, one output against the rest."""

    poison_curvature = 2.0

    @staticmethod
    def _loss(V):
        return np.maximum(1 - V, 0) ** 2

    @staticmethod
    def _slope(V):
        np.subtract(1, V, out=V)
        np.maximum(V, 0, out=V)
        V *= 2
        return V

    @staticmethod
    def _bend(V):
        return np.where(V < 1, 2.0, 0.0)


class Softmax:
    """Multinomial log loss, one output a class."""

    poison_curvature = 0.2

    def __init__(self, n_classes):
        self.n_outputs = n_classes

    def fold(self, W, c, models):
        """Give the coefficients, as they are."""
        return W

    def unfold(self, G, c, models):
        """Give the gradient, as it is."""
        return G

    def residuals(self, Z, c):
        """Give the derivatives in the margins, in place."""
        Z = self.probabilities(Z)
        Z[:, c] -= 1
        return Z

    def row_residuals(self, Z, codes, model):
        """Give the derivatives of rows of any class, each of one model."""
        Z = self.probabilities(Z)
        Z[np.arange(len(Z)), codes] -= 1
        return Z

    def row_losses(self, Z, codes, model):
        """Give the losses of rows of any class, each of one model."""
        return logsumexp(Z, axis=1) - Z[np.arange(len(Z)), codes]

    def curvature(self, Z, c, j):
        """Give the second derivatives in each margin, without those across classes."""
        p = self.probabilities(Z)
        return p * (1 - p)

    def row_curvature(self, Z, codes, model):
        """Give the second derivatives, each of one model."""
        return self.curvature(Z, None, None)

    def bent(self, Z, U):
        """Give the change of the residuals at margins Z, where these change by U."""
        p = self.probabilities(Z)
        return p * (U - (p * U).sum(axis=1, keepdims=True))

    def row_bent(self, Z, U, codes, model):
        """Do the same for rows of any class, each of one model."""
        return self.bent(Z, U)

    @staticmethod
    def probabilities(Z):
        """Give the probabilities of the classes, in place."""
        Z -= Z.max(axis=1, keepdims=True)
        np.exp(Z, out=Z)
        Z /= Z.sum(axis=1, keepdims=True)
        return Z
