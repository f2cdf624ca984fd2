"""Steps of poison, and refits of the attacker's model between them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

# Refits in a row that may be worse than the best one. The first steps often are:
# poison leaves the target before it finds where it does more harm.
PATIENCE = 6


class PoisonAscent:
    """Search for the poison that does most harm to a surrogate.

    Parameters
    ----------
    path : PoisonPath
        The poison; it is moved.

    surrogate : PoisonedSurrogate
        The attacker's model; it is refitted.

    labels : ndarray of shape (n_poison,)
        Class labels of the poison.

    sources : ndarray of shape (n_poison,), dtype=int
        Rows of the attacker that the poison is crafted from.

    in_fit : ndarray of int
        Numbers of the poison rows that refits use.

    refit_every : int
        Number of steps between refits; 0 never refits.

    measure : callable
        Is given the surrogate; returns the objective and the change of parameters
        that poison is to cause.

    Attributes
    ----------
    objectives : list of float
        The objective after each refit, or of the surrogate that stays as it is.

    pulls : list of float
        Mean product of the gradients of poison with the direction, at each step.

    best : ndarray of shape (n_poison, ...)
        The poison with the highest objective, or the highest pull without refits.
    """

    def __init__(self, path, surrogate, labels, sources, in_fit, refit_every, measure):
        self.path, self.surrogate = path, surrogate
        self.labels, self.sources, self.in_fit = labels, sources, in_fit
        self.codes = surrogate.loss.codes(labels)
        self.refit_every, self.measure = refit_every, measure
        self.objectives, self.pulls = [], []
        self.best, self._best_score, self._n_worse = path.rows, -np.inf, 0

    def run(self, n_steps):
        """Take steps; the first refit is with the poison as it is."""
        for step in range(n_steps + 1):
            is_last = step == n_steps
            is_refit = self._is_refit(step, is_last)
            if is_refit or step == 0:
                self._look(is_refit)
            self.pulls.append(self._pull())
            if is_refit or not self.refit_every:
                self._judge()
            if not is_last:
                self.path.move(
                    self._loss.input_gradients(
                        self.path.rows, self.codes, self._direction
                    )
                )

    def _is_refit(self, step, is_last):
        return self.refit_every > 0 and (step % self.refit_every == 0 or is_last)

    def _look(self, is_refit):
        """Refit the surrogate, and ask it where to go."""
        if is_refit:
            at = self.in_fit
            self.surrogate.refit(self.path.rows[at], self.labels[at], self.sources[at])
        objective, self._direction = self.measure(self.surrogate)
        self._loss = self.surrogate.loss
        self.objectives.append(objective)

    def _pull(self):
        products = self._loss.products(self.path.rows, self.codes, self._direction)
        return float(products.mean())

    def _judge(self):
        """Keep the best poison; go back to it where others are worse for long."""
        score = self.objectives[-1] if self.refit_every else self.pulls[-1]
        if score > self._best_score:
            self.best, self._best_score, self._n_worse = self.path.rows, score, 0
            self._kept = self._loss, self._direction
            self.path.keep()
            return
        self._n_worse += 1
        if self._n_worse == PATIENCE:
            self._n_worse = 0
            self._loss, self._direction = self._kept
            self.path.go_back()
