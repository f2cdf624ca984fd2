"""Tactics that choose which rows an attacker copies."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from functools import cached_property

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array

from skpoison.defenses._models import row_losses
from skpoison.utils._inner_model import thaw

TACTICS = ("copy", "loss", "density", "spread", "clump")
# Weight of rows that a tactic turns to when the copies of all others are used up.
LAST_RESORT = 1e-6


class PoisonTactics:
    """Weights with which the attacker's rows are copied, tactic by tactic.

    Parameters
    ----------
    poisoner : DefenseAwarePoisoner
        Its `max_loss`, `spread`, `max_copies` and `n_neighbors` are used.

    model : classifier
        The surrogate, fitted on the attacker's rows.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows that the attacker sees.

    y : ndarray of shape (n_samples,)
        Their class labels.

    members : ndarray of shape (n_members,), dtype=int
        Rows of X in the target.

    labels : ndarray of shape (n_samples,)
        Class label that a copy of each row of X would have.
    """

    def __init__(self, poisoner, model, X, y, members, labels):
        self.poisoner, self.model, self.X, self.y = poisoner, model, X, y
        self.members, self.labels = members, labels
        self.is_member = np.isin(np.arange(len(y)), members)
        self.owner = type(poisoner).__name__

    def weights(self, tactic, model, trust):
        """Weight of each row of X; those of the members are above zero.

        Parameters
        ----------
        tactic : str
            One of `TACTICS`.

        model : classifier
            The surrogate with the poison so far.

        trust : ndarray of shape (n_samples,)
            What weights are multiplied by, above zero.

        Returns
        -------
        weights : ndarray of shape (n_samples,)
            Weights.
        """
        weights = np.zeros(len(self.y))
        weights[self.members] = trust[self.members]
        if tactic == "loss":
            weights[self.members] *= self._is_below_cap(model)
        elif tactic == "density":
            weights[self.members] *= self._affinity
        elif tactic == "clump":
            weights[self.members] *= self._nearness
        elif tactic == "spread" and len(self._outside):
            share = self.poisoner.spread
            weights[self.members] = (1 - share) * _shares(trust[self.members])
            weights[self._outside] = share * _shares(trust[self._outside])
        return weights

    def _is_below_cap(self, model):
        """One for rows with a loss below the cap, then those of the lowest loss."""
        clean = row_losses(model, self.X, self.y, self.owner)
        losses = row_losses(model, self.X, self.labels, self.owner)[self.members]
        low = losses <= np.quantile(clean, self.poisoner.max_loss)
        return np.where(low, 1, LAST_RESORT / (1 + _ranks(losses)))

    @cached_property
    def _affinity(self):
        """Density of clean rows with the poison's label, over that of the target.

        Both are one more than their number among the rows nearest to each member.
        """
        near = _nearest(self._Z, self._Z[self.members], self.poisoner.n_neighbors)
        agree = self.y[near] == self.labels[self.members][:, None]
        own = self.is_member[near].sum(axis=1)
        return (agree.sum(axis=1) + 1) / (own + 1)

    @cached_property
    def _nearness(self):
        """Weights that fall from the member nearest to the poison's class."""
        Z = self._Z[self.members]
        near = _nearest(Z, Z[[np.argmax(self._affinity)]], len(self.members))[0]
        weights = np.empty(len(near))
        steps = np.arange(len(near)) / len(near)
        weights[near] = np.exp(-3 * self.poisoner.max_copies * steps)
        return weights

    @cached_property
    def _outside(self):
        """The nearest rows outside the target that a wrong label makes poison."""
        outside = np.flatnonzero(~self.is_member & (self.labels != self.y))
        if not len(outside):
            return outside
        search = NearestNeighbors(n_neighbors=1).fit(self._Z[self.members])
        distance = search.kneighbors(self._Z[outside])[0].ravel()
        n_wanted = max(1, round(self.poisoner.spread * len(self.members)))
        return outside[np.argsort(distance, kind="stable")[:n_wanted]]

    @cached_property
    def _Z(self):
        """Rows as the classifier gets them: as the steps before it leave them."""
        model, X = thaw(self.model), self.X
        if isinstance(model, Pipeline) and len(model) > 1:
            X = model[:-1].transform(X)
        try:
            Z = check_array(X, accept_sparse="csr", allow_nd=True)
        except ValueError as error:
            raise ValueError(
                f"{self.owner} compares rows as the surrogate's classifier gets them, "
                "which must be numbers, none of them missing. Pass "
                "surrogate=make_pipeline(<encoder>, <classifier>), or tactics=('copy', "
                "'loss'), which compare no rows."
            ) from error
        return Z.reshape(len(Z), -1) if isinstance(Z, np.ndarray) else Z


def draw_capped(weights, n_draws, cap, random_state):
    """Draw rows by their weights, none of them more than `cap` times.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
        Weights. Those above zero times `cap` must be able to give `n_draws`.

    n_draws : int
        Number of draws.

    cap : int
        Largest number of draws of one row.

    random_state : RandomState instance
        Source of the draws.

    Returns
    -------
    rows : ndarray of shape (n_draws,), dtype=int
        Rows, in random order.
    """
    shares = _capped_shares(weights, n_draws, cap)
    order = random_state.permutation(len(weights))
    # Systematic sampling: each row its share of the draws, rounded up or down.
    ends = np.floor(np.cumsum(shares[order]) + random_state.uniform(0.01, 0.99))
    counts = np.diff(ends, prepend=0.0).astype(np.intp)
    return random_state.permutation(np.repeat(order, counts))


def _capped_shares(weights, total, cap):
    """Shares of a total in proportion to weights, those above the cap cut to it."""
    shares, full = np.zeros(len(weights)), np.zeros(len(weights), dtype=bool)
    while True:
        free = ~full & (weights > 0)
        rest = total - cap * full.sum()
        shares[full], shares[free] = cap, rest * weights[free] / weights[free].sum()
        over = free & (shares > cap)
        if not over.any():
            return shares
        full |= over


def _nearest(Z, queries, n_neighbors):
    search = NearestNeighbors(n_neighbors=min(n_neighbors, Z.shape[0])).fit(Z)
    return search.kneighbors(queries, return_distance=False)


def _ranks(values):
    return np.argsort(np.argsort(values, kind="stable"), kind="stable")


def _shares(values):
    return values / values.sum()
