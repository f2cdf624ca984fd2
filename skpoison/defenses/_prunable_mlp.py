"""Units of a hidden layer of scikit-learn's network, to be pruned."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from sklearn.frozen import FrozenEstimator

from skpoison.defenses._continue_training import continue_training
from skpoison.finders import Representation


class PrunableMLP:
    """Units of a hidden layer of a fitted `MLPClassifier`.

    Parameters
    ----------
    model : MLPClassifier
        A fitted network, which is changed in place.

    layer : {"penultimate"} or int
        The hidden layer.

    owner : str
        The defense, which is named in errors.
    """

    def __init__(self, model, layer, owner):
        self.model = model
        self._number = _number(model.n_layers_ - 2, layer, owner)
        self._outgoing = model.coefs_[self._number + 1].copy()
        self.n_units = len(self._outgoing)

    def activations(self, X):
        """Mean magnitude of what each unit gives, over some rows."""
        layer = Representation(FrozenEstimator(self.model), layer=self._number)
        return np.abs(layer.fit(X).transform(X)).mean(axis=0)

    def silence(self, units):
        """Let some units have no effect, on top of those that have none."""
        self.model.coefs_[self._number + 1][units] = 0

    def prune(self, units):
        """Take some units out for good, and bring the others back."""
        model, k = self.model, self._number
        kept = np.setdiff1d(np.arange(self.n_units), units)
        model.coefs_[k] = model.coefs_[k][:, kept]
        model.intercepts_[k] = model.intercepts_[k][kept]
        model.coefs_[k + 1] = self._outgoing[kept]
        sizes = [len(intercept) for intercept in model.intercepts_[:-1]]
        model.set_params(hidden_layer_sizes=tuple(sizes))
        # It trains the parameters as they were.
        vars(model).pop("_optimizer", None)

    def train(self, X, y, n_epochs):
        """Train what is left."""
        continue_training(self.model, X, y, n_epochs)


def _number(n_hidden, layer, owner):
    if n_hidden == 0:
        raise ValueError(
            f"{owner} prunes units of a hidden layer, and the MLPClassifier has none. "
            "Give it one with hidden_layer_sizes."
        )
    if layer == "penultimate":
        return n_hidden - 1
    if not isinstance(layer, Integral) or not -n_hidden <= layer < n_hidden:
        raise ValueError(
            f"layer={layer!r} of {owner} does not exist. The hidden layers of this "
            f"MLPClassifier are {list(range(n_hidden))}, and 'penultimate' is the last."
        )
    return int(layer) % n_hidden
