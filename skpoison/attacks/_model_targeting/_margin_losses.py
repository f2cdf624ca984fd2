"""Losses of a linear model as functions of the margin, for two models at once."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.influence._links import Hinge, Logistic, SquaredHinge

# What rounding may add to a difference of losses, as a share of their size.
ROUNDING = 1e-12
# How near to 1 margins are where the hinge loss may have any slope between its two.
BEND = 1e-6
N_POINTS = 33
GRID = np.linspace(0, 1, N_POINTS)[:, np.newaxis]
# Each round shrinks the brackets of maxima by the number of points.
N_ROUNDS = 4


class MarginLoss:
    """Loss of a row as a function of its margin, the output times the label in -1, 1.

    The difference of two models on a row is ``value(-a) - value(b)``: a is minus the
    margin of the one and b the margin of the other, and it rises in both.
    """

    is_smooth = True

    def steepest(self, margins):
        """Give the first derivatives, close to a bend the steeper one."""
        return self.slope(margins)

    def differences(self, a, b):
        """Give the loss of one model less that of the other."""
        return self.value(-a) - self.value(b)

    def edge_maxima(self, a, b, da, db):
        """Largest difference on segments along which a rises and b falls.

        Parameters
        ----------
        a, b : ndarray of shape (n_edges,)
            Where each segment starts.

        da, db : ndarray of shape (n_edges,)
            What it adds to a and to b, at least and at most 0.

        Returns
        -------
        t : ndarray of shape (n_edges,)
            Where the largest difference is, in [0, 1].

        top : ndarray of shape (n_edges,)
            A number that no difference on the segment exceeds.
        """
        inside = self._candidates(a, b, da, db)
        T = np.zeros((len(inside) + 2, len(a)))
        T[1], T[2:] = 1, np.minimum(np.maximum(inside, 0), 1)
        values = self.differences(a + T * da, b + T * db)
        best = values.argmax(axis=0), np.arange(len(a))
        return T[best], values[best] + self._rounding(a + da, b + db)

    def _rounding(self, a, b):
        return ROUNDING * (1 + self.value(-a) + self.value(b))


class LogisticMargin(MarginLoss):
    """Log loss."""

    # The largest product of a margin and the size of the slope there: W(1 / e).
    largest_pull = 0.2784645427610738

    @staticmethod
    def value(margins):
        """Give the losses."""
        return np.log1p(np.exp(-np.abs(margins))) + np.maximum(-margins, 0)

    @staticmethod
    def slope(margins):
        """Give the first derivatives."""
        return -1 / _one_and_exp(margins)

    @staticmethod
    def curvature(margins):
        """Give the second derivatives."""
        p = 1 / _one_and_exp(margins)
        return p * (1 - p)

    def edge_maxima(self, a, b, da, db):
        """Bracket the only change of sign of the derivative; see `MarginLoss`.

        Where b falls no faster than a rises the difference falls and then rises, so
        that the ends are highest; elsewhere it rises and then falls.
        """
        low, high = np.zeros_like(a), np.ones_like(a)
        at = np.arange(len(a))
        for _ in range(N_ROUNDS):
            T = low + (high - low) * GRID
            # The derivative, times what makes it cheap.
            rises = da * _one_and_exp(b + T * db) > -db * _one_and_exp(-a - T * da)
            last = np.minimum(np.maximum(rises.sum(axis=0), 1), N_POINTS - 1)
            low, high = T[last - 1, at], T[last, at]
        t = (low + high) / 2
        # The derivative is 0 in the bracket, and the second one at most a quarter.
        slack = (da**2 + db**2) * (high - low) ** 2 / 32
        T = np.array([t, np.zeros_like(t), np.ones_like(t)])
        values = self.differences(a + T * da, b + T * db)
        best = values.argmax(axis=0), at
        is_hill = -db > da
        top = np.maximum(values[best], np.where(is_hill, values[0] + slack, -np.inf))
        return T[best], top + self._rounding(a + da, b + db)


class HingeMargin(MarginLoss):
    """Hinge loss."""

    is_smooth = False
    largest_pull = 1.0

    @staticmethod
    def value(margins):
        """Give the losses."""
        return np.maximum(1 - margins, 0)

    @staticmethod
    def slope(margins):
        """Give the first derivatives; where the loss bends, that of its left."""
        return np.where(margins <= 1, -1.0, 0.0)

    def steepest(self, margins):
        """Give the first derivatives, close to a bend the steeper one."""
        return self.slope(margins - BEND)

    @staticmethod
    def curvature(margins):
        """Give the second derivatives, which are 0 but where the loss bends."""
        return np.zeros_like(margins)

    @staticmethod
    def _candidates(a, b, da, db):
        """Where the difference bends."""
        return _roots(np.array([a + 1, b - 1]), np.array([da, db]))


class SquaredHingeMargin(MarginLoss):
    """Squared hinge loss."""

    largest_pull = 0.5

    @staticmethod
    def value(margins):
        """Give the losses."""
        return np.maximum(1 - margins, 0) ** 2

    @staticmethod
    def slope(margins):
        """Give the first derivatives."""
        return -2 * np.maximum(1 - margins, 0)

    @staticmethod
    def curvature(margins):
        """Give the second derivatives."""
        return np.where(margins < 1, 2.0, 0.0)

    @staticmethod
    def _candidates(a, b, da, db):
        """Where the pieces join, and the vertex of the parabola between them."""
        vertex = _roots((1 + a) * da + (1 - b) * db, da**2 - db**2)
        return np.vstack([_roots(np.array([a + 1, b - 1]), np.array([da, db])), vertex])


def _one_and_exp(x):
    """Give 1 plus the exponential, which does not overflow."""
    return 1 + np.exp(np.minimum(x, 700))


def _roots(start, change):
    """Where ``start + t * change`` is 0; 0 where it has no root."""
    return np.divide(-start, change, out=np.zeros_like(start), where=change != 0)


MARGIN_LOSSES = {
    Logistic: LogisticMargin(),
    Hinge: HingeMargin(),
    SquaredHinge: SquaredHingeMargin(),
}
