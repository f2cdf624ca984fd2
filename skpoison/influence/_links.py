"""Losses of a row as functions of the outputs of a model.

Each function takes outputs Z of shape (n_samples, n_outputs) and the codes of classes.
A model of two classes has one output, which is above 0 for the second.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy.special import expit, logsumexp, softmax


def signs(codes, n_outputs):
    """1 where an output is to be above 0 for the class of a row, else -1."""
    if n_outputs == 1:
        return np.where(codes == 1, 1.0, -1.0)[:, np.newaxis]
    return np.where(codes[:, np.newaxis] == np.arange(n_outputs), 1.0, -1.0)


class Logistic:
    """Log loss of two classes, of one output."""

    is_smooth = True

    @staticmethod
    def losses(Z, codes):
        """Give the loss of each row."""
        return np.logaddexp(0, -signs(codes, 1) * Z)[:, 0]

    @staticmethod
    def residuals(Z, codes):
        """Give the derivatives in the outputs."""
        return expit(Z) - (codes == 1)[:, np.newaxis]

    @staticmethod
    def bend(Z, codes, U):
        """Give the change of the residuals where outputs change by U."""
        p = expit(Z)
        return p * (1 - p) * U

    @staticmethod
    def second(Z, codes):
        """Give the second derivatives, of shape (n_samples, n_outputs, n_outputs)."""
        p = expit(Z)
        return (p * (1 - p))[:, :, np.newaxis]

    @staticmethod
    def roots(Z):
        """Give matrices that times their transposes are the second derivatives."""
        return np.sqrt(expit(Z) * expit(-Z))[:, :, np.newaxis]


class Softmax:
    """Multinomial log loss, of one output for each class."""

    is_smooth = True

    @staticmethod
    def losses(Z, codes):
        """Give the loss of each row."""
        return logsumexp(Z, axis=1) - Z[np.arange(len(Z)), codes]

    @staticmethod
    def residuals(Z, codes):
        """Give the derivatives in the outputs."""
        R = softmax(Z, axis=1)
        R[np.arange(len(Z)), codes] -= 1
        return R

    @staticmethod
    def bend(Z, codes, U):
        """Give the change of the residuals where outputs change by U."""
        p = softmax(Z, axis=1)
        return p * (U - (p * U).sum(axis=1, keepdims=True))

    @staticmethod
    def second(Z, codes):
        """Give the second derivatives, of shape (n_samples, n_outputs, n_outputs)."""
        p = softmax(Z, axis=1)
        return p[:, :, np.newaxis] * (np.eye(Z.shape[1]) - p[:, np.newaxis])

    @staticmethod
    def roots(Z):
        """Give matrices that times their transposes are the second derivatives.

        One column fewer than classes, in the closed form of the Cholesky factor.
        """
        p = softmax(Z, axis=1)
        rest = np.cumsum(p[:, ::-1], axis=1)[:, ::-1]  # of this class and those after
        columns = []
        for j in range(Z.shape[1] - 1):
            column = np.zeros_like(p)
            column[:, j] = np.sqrt(p[:, j] * _share(rest[:, j + 1], rest[:, j]))
            after = _share(p[:, j + 1 :], rest[:, [j + 1]])
            column[:, j + 1 :] = -after * column[:, [j]]
            columns.append(column)
        return np.stack(columns, axis=2)


def _share(part, whole):
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


class _OneAgainstRest:
    """A loss that is a sum over outputs, each of its own class against the rest."""

    is_smooth = True

    def bend(self, Z, codes, U):
        """Give the change of the residuals where outputs change by U."""
        return self._second(Z, signs(codes, Z.shape[1])) * U

    def second(self, Z, codes):
        """Give the second derivatives, of shape (n_samples, n_outputs, n_outputs)."""
        of_outputs = self._second(Z, signs(codes, Z.shape[1]))
        return of_outputs[:, :, np.newaxis] * np.eye(Z.shape[1])


class SquaredHinge(_OneAgainstRest):
    """Squared hinge loss."""

    @staticmethod
    def losses(Z, codes):
        """Give the loss of each row."""
        S = signs(codes, Z.shape[1])
        return (np.maximum(1 - S * Z, 0) ** 2).sum(axis=1)

    @staticmethod
    def residuals(Z, codes):
        """Give the derivatives in the outputs."""
        S = signs(codes, Z.shape[1])
        return -2 * S * np.maximum(1 - S * Z, 0)

    @staticmethod
    def _second(Z, S):
        return np.where(S * Z < 1, 2.0, 0.0)


class Hinge(_OneAgainstRest):
    """Hinge loss; it has no curvature, and a subgradient where it bends."""

    is_smooth = False

    @staticmethod
    def losses(Z, codes):
        """Give the loss of each row."""
        return np.maximum(1 - signs(codes, Z.shape[1]) * Z, 0).sum(axis=1)

    @staticmethod
    def residuals(Z, codes):
        """Give the derivatives in the outputs."""
        S = signs(codes, Z.shape[1])
        return np.where(S * Z < 1, -S, 0.0)

    @staticmethod
    def _second(Z, S):
        return np.zeros_like(Z)


class Squared(_OneAgainstRest):
    """Squared distance of the outputs from 1 for the class of a row and -1 else."""

    @staticmethod
    def losses(Z, codes):
        """Give the loss of each row."""
        return ((Z - signs(codes, Z.shape[1])) ** 2).sum(axis=1)

    @staticmethod
    def residuals(Z, codes):
        """Give the derivatives in the outputs."""
        return 2 * (Z - signs(codes, Z.shape[1]))

    @staticmethod
    def _second(Z, S):
        return np.full_like(Z, 2.0)
