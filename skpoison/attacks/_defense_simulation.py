"""An attacker's rehearsal of a defense."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from skpoison.defenses._models import row_losses
from skpoison.utils._containers import stack, take


@dataclass
class Rehearsal:
    """What became of poison.

    Parameters
    ----------
    tactic : str
        What chose the poison.

    sources : ndarray of shape (n_poison,), dtype=int
        Rows that the poison copies.

    tried : ndarray of shape (n_tried,), dtype=int
        Rows that were copied in the rehearsal.

    survived : ndarray of shape (n_tried,), dtype=bool
        Which of those the defense kept.

    error : float
        Mean probability of a wrong class on the members.

    model : classifier
        The surrogate, fitted on what the defense kept.
    """

    tactic: str
    sources: np.ndarray
    tried: np.ndarray
    survived: np.ndarray
    error: float
    model: Any

    @property
    def survival(self):
        """Share of the poison that the defense kept."""
        return float(self.survived.mean())


class DefenseSimulation:
    """The victim's cleaning and training, on the attacker's rows.

    Parameters
    ----------
    defense : sanitizer
        Cloned and run anew each time.

    model : classifier
        Cloned and fitted on what the defense keeps.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows that the attacker sees.

    y : ndarray of shape (n_samples,)
        Their class labels.

    members : ndarray of shape (n_members,), dtype=int
        Rows of X in the target.

    labels : ndarray of shape (n_samples,)
        Class label that a copy of each row of X has.

    n_tried : int
        Number of poison rows that the defense is given.

    owner : str
        The attack, which is named in errors.
    """

    def __init__(self, defense, model, X, y, members, labels, n_tried, owner):
        self.defense, self.model, self.owner = defense, model, owner
        self.X, self.y, self.labels, self.n_tried = X, y, labels, n_tried
        self._X_members, self._y_members = take(X, members), y[members]

    def run(self, tactic, sources):
        """Rehearse with copies of rows.

        Parameters
        ----------
        tactic : str
            What chose them.

        sources : ndarray of shape (n_poison,), dtype=int
            Rows of X to copy, in random order. The first are taken, or all of them
            again and again.

        Returns
        -------
        rehearsal : Rehearsal
            What became of the poison.
        """
        tried = np.resize(sources, self.n_tried)
        X = stack([self.X, take(self.X, tried)])
        y = np.concatenate([self.y, self.labels[tried]])
        with warnings.catch_warnings():
            # They are about rows that nobody trains on.
            warnings.simplefilter("ignore", UserWarning)
            kept = self._kept(X, y)
            model = clone(self.model).fit(take(X, kept), y[kept])
        losses = row_losses(model, self._X_members, self._y_members, self.owner)
        survived = np.isin(np.arange(len(self.y), len(y)), kept)
        error = float(np.mean(1 - np.exp(-losses)))
        return Rehearsal(tactic, sources, tried, survived, error, model)

    def _kept(self, X, y):
        defense = clone(self.defense)
        defense.fit_resample(X, y)
        if not hasattr(defense, "sample_indices_"):
            raise ValueError(
                f"defense={self.defense!r} of {self.owner} must tell which rows it "
                "keeps in sample_indices_, as sanitizers of skpoison.defenses do."
            )
        return defense.sample_indices_
