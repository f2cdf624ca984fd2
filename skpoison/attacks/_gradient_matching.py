"""Rows whose gradient points along a given one."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from contextlib import nullcontext

import numpy as np

from skpoison.utils._random import draw_seed

# Shares of all steps after which steps shrink to a tenth.
DECAYS = (3 / 8, 5 / 8, 7 / 8)


class GradientMatching:
    """The angle between the mean gradient of rows and a direction.

    Parameters
    ----------
    loss : TrainingLoss
        Loss of the surrogate.

    codes : ndarray of shape (n_samples,), dtype=int
        Classes of the rows.

    direction : ndarray of shape (n_params,)
        Where the mean gradient of the rows is to point; not zero.

    augment : callable, default=None
        Augmentation of images that the gradients are taken behind.
    """

    def __init__(self, loss, codes, direction, augment=None):
        self.loss, self.codes = loss, codes
        self.direction = direction / np.linalg.norm(direction)
        self.augment = augment

    def value(self, X):
        """Give one minus the cosine, in [0, 2], of rows that are not augmented."""
        return 1 - self._cosine(self.loss.gradient(X, self.codes))[0]

    def derivatives(self, X, seed=None):
        """Give the derivatives of `value` in the rows, of the shape of X.

        The seed is that of the augmentation, the same for both gradients.
        """
        with self._draws(seed):
            gradient = self.loss.gradient(X, self.codes, **self._options())
        cosine, unit, norm = self._cosine(gradient)
        if norm == 0:
            return np.zeros_like(X)
        along = (cosine * unit - self.direction) / (norm * len(X))
        with self._draws(seed):
            return self.loss.input_gradients(X, self.codes, along, **self._options())

    def _cosine(self, gradient):
        """Cosine, unit vector and norm; rows without a gradient have cosine 0."""
        gradient = np.asarray(gradient, dtype=float)
        norm = np.linalg.norm(gradient)
        unit = gradient / norm if norm else gradient
        return float(unit @ self.direction), unit, norm

    def _options(self):
        return {} if self.augment is None else {"augment": self.augment}

    def _draws(self, seed):
        if self.augment is None:
            return nullcontext()
        from skpoison.nets._functional import seeded

        return seeded(seed)


class SignedAdam:
    """Steps of Adam on the signs of derivatives.

    Parameters
    ----------
    shape : tuple of int
        Shape of what is moved.
    """

    decays = (0.9, 0.999)
    tiny = 1e-8

    def __init__(self, shape):
        self.mean, self.square, self.n_steps = np.zeros(shape), np.zeros(shape), 0

    def direction(self, derivatives):
        """Give the next step, of at most about 1 in each coordinate."""
        signs = np.sign(derivatives)
        first, second = self.decays
        self.n_steps += 1
        self.mean = first * self.mean + (1 - first) * signs
        self.square = second * self.square + (1 - second) * signs**2
        mean = self.mean / (1 - first**self.n_steps)
        square = self.square / (1 - second**self.n_steps)
        return mean / (np.sqrt(square) + self.tiny)


def match_gradients(matching, ball, n_steps, step_size, random_state):
    """Move rows inside a ball until their gradient matches.

    Parameters
    ----------
    matching : GradientMatching
        What is made small.

    ball : EpsBall
        Where rows may be.

    n_steps : int
        Number of steps.

    step_size : float
        Size of the first steps, as a fraction of the ball's radius.

    random_state : RandomState instance
        Source of the start, and of the augmentation.

    Returns
    -------
    X : ndarray of the shape of the ball's rows
        Rows.

    value : float
        One minus the cosine.
    """
    X, adam = ball.draw(random_state), SignedAdam(ball.shape)
    for step in range(n_steps):
        n_decays = sum(step >= share * n_steps for share in DECAYS)
        derivatives = matching.derivatives(X, draw_seed(random_state))
        size = step_size * 0.1**n_decays * ball.radius
        X = ball.clip(X - size * adam.direction(derivatives))
    X = ball.settle(X)
    return X, matching.value(X)
