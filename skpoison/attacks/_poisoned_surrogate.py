"""The attacker's model as it would be with the poison."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skpoison.attacks._numeric_rows import rows_in_container
from skpoison.influence._class_weights import ClassWeights, last_step
from skpoison.influence._curvature import Curvature
from skpoison.influence._losses import is_skorch, loss_of
from skpoison.utils._containers import stack
from skpoison.utils._random import draw_seed, seeded_clone


class PoisonedSurrogate:
    """A model fitted on the attacker's rows, and then on the poison as well.

    Networks are refitted from their first weights: trained on from others, they take
    up too little of the poison to stand for the victim.

    Parameters
    ----------
    model : classifier
        The attacker's model. A frozen one stays as it is.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows that the attacker sees.

    values : ndarray of shape (n_samples, ...)
        The same, as numbers.

    y : ndarray of shape (n_samples,)
        Their class labels.

    members : ndarray of shape (n_members,), dtype=int
        Rows of X in the target.

    owner : str
        Whose `surrogate` it is, for errors.

    random_state : RandomState instance
        Seeds the model.

    Attributes
    ----------
    loss : TrainingLoss
        Loss of the model as it is.
    """

    def __init__(self, model, X, values, y, members, owner, random_state):
        self.X = values if isinstance(X, np.ndarray) and X.dtype == object else X
        self.values, self.y, self.owner = values, y, owner
        self._unfitted = seeded_clone(model, random_state)
        self.model = clone(self._unfitted)
        # Models of one optimum go on from the last fit.
        self._goes_on = isinstance(last_step(self.model), LogisticRegression)
        self._seed = draw_seed(random_state)
        self._fit(self.X, y)
        self.loss = loss_of(self.model, self.X, owner)
        self.codes = self.loss.codes(y)
        self.target = values[members], self.codes[members]
        self._train = values, self.codes

    @property
    def is_frozen(self):
        """Whether the model cannot be refitted."""
        return isinstance(self.model, FrozenEstimator)

    def refit(self, rows, labels, sources):
        """Fit the model on the attacker's rows and on poison.

        Parameters
        ----------
        rows : ndarray of shape (n_poison, ...)
            The poison as numbers.

        labels : ndarray of shape (n_poison,)
            Its class labels.

        sources : ndarray of shape (n_poison,), dtype=int
            Rows of X that it was crafted from.
        """
        if self._goes_on:
            last_step(self.model).set_params(warm_start=True)
        else:
            self.model = clone(self._unfitted)
        X = stack([self.X, rows_in_container(rows, self.X, sources)])
        with warnings.catch_warnings():
            # The first fit has said so.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._fit(X, np.concatenate([self.y, labels]))
        self.loss = loss_of(self.model, self.X, self.owner)
        codes = np.concatenate([self.codes, self.loss.codes(labels)])
        self._train = np.concatenate([self.values, rows]), codes

    def _fit(self, X, y):
        if not is_skorch(last_step(self.model)):
            self.model.fit(X, y)
            return
        from skpoison.nets._functional import seeded

        with seeded(self._seed):
            self.model.fit(X, y)

    def target_losses(self):
        """Give the loss of each of the target's rows with its true label."""
        return np.asarray(self.loss.losses(*self.target), dtype=float)

    def target_gradient(self, weights=None):
        """Give the gradient of the target in the parameters, of shape (n_params,).

        Parameters
        ----------
        weights : ndarray of shape (n_members,), default=None
            Weights of the losses of the target's rows; `None` takes their mean.

        Returns
        -------
        gradient : ndarray of shape (n_params,)
            Gradient of the weighted sum of their losses.
        """
        gradient = self.loss.gradient(*self.target, weights)
        return np.asarray(gradient, dtype=float)

    def curvature(self, **settings):
        """Give the curvature of the mean training objective.

        Parameters
        ----------
        **settings : dict
            Of `Curvature`.
        """
        X, codes = self._train
        weights = ClassWeights(self.model, self.loss.classes, codes, self.owner)
        rows = weights.of_rows(codes)
        return Curvature(self.loss, X, codes, weights=rows, **settings)
