"""Fine-pruning: take out the units that clean rows do not use, and train on."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral, Real

import numpy as np
from sklearn.neural_network import MLPClassifier

from skpoison.defenses._last_step import seen_by_last, split_pipeline
from skpoison.defenses._prunable_mlp import PrunableMLP
from skpoison.defenses._trusted_classifier import TrustedClassifier
from skpoison.defenses._trusted_rows import draw_of_each_class
from skpoison.finders._net_activations import is_skorch
from skpoison.utils._containers import take
from skpoison.utils._sklearn import Interval


class FinePruning(TrustedClassifier):
    """Prune the units of a network that trusted rows leave dormant, and tune the rest.

    A network is fitted on all training rows. Then the units of one hidden layer are
    pruned, those first that trusted rows activate least, until the accuracy on a part
    of the trusted rows that is kept for this falls by more than `tolerance`. What is
    left is trained on all trusted rows.

    Parameters
    ----------
    estimator : classifier
        An :class:`~sklearn.neural_network.MLPClassifier` or a net of skorch such as
        :class:`~skpoison.nets.SeededNetClassifier`, or a pipeline that ends in one. A
        clone is fitted; a copy of a trained one is pruned where it is wrapped in
        :class:`~sklearn.frozen.FrozenEstimator`.

    layer : {"penultimate"}, int or str, default="penultimate"
        Layer to prune: the last hidden one, or number `layer`, counted from 0 and,
        where negative, from the last. Those of a net of skorch are its linear layers
        and convolutions in front of the last layer, and can be named, too.

    tolerance : float, default=0.04
        Accuracy, in [0, 1], that pruning may cost on the trusted rows that are kept
        for this. Tuning may bring it back.

    max_pruned : float, default=0.9
        Largest share of the units that is pruned, in [0, 1]. One unit is left always.

    n_epochs : int, default=100
        Passes over the trusted rows in tuning, by a new optimizer with the settings of
        the network. 0 prunes alone.

    validation_size : float, default=0.3
        Share of the trusted rows of each class, in (0, 1), on which accuracy is
        measured; the others tell which units are dormant.

    trusted_size : float, default=0.1
        Share of the training rows of each class, in (0, 1) and two rows at least, that
        stands in for trusted rows where `fit` is given none. They are drawn at random
        and left out when the network is fitted. They may be poisoned like all others,
        and tuning then teaches the poison again.

    random_state : int, RandomState instance or None, default=None
        Seeds the draws, and each `random_state` that `estimator` leaves open.

    Attributes
    ----------
    estimator_ : classifier
        The pruned and tuned network, or the pipeline that ends in it. Units are taken
        out of an `MLPClassifier`, whose `hidden_layer_sizes` tell that; in nets of
        skorch their weights are zero.

    pruned_units_ : ndarray of shape (n_pruned,), dtype=int
        Units or channels of the layer that were pruned, in that order, by their
        numbers in the layer as it was fitted.

    activations_ : ndarray of shape (n_units,)
        Mean magnitude of the activation of each unit over trusted rows.

    accuracy_path_ : ndarray of shape (n_tried + 1,)
        Accuracy on the trusted rows kept for this, after 0, 1, 2, ... pruned units and
        before tuning. The last one may be that of a unit too many, which stayed.

    n_trusted_ : int
        Number of trusted rows.

    classes_ : ndarray of shape (n_classes,)
        Class labels.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    Raises
    ------
    ValueError
        If the classifier is no such network, or cannot be trained on, the layer does
        not exist, or there are too few trusted rows.

    See Also
    --------
    TrustedFineTuning : Trains on trusted rows, without pruning, any classifier.
    skpoison.attacks.BackdoorPoisoner : The attack it was made for.

    Notes
    -----
    The defense of [1]_, algorithm 1, with its threshold of 4 points. It stops a
    backdoor in so far as units that recognize the trigger do little else. Poison of a
    subpopulation has no trigger, and uses the units that its target uses [2]_; what
    helps then is the tuning, and how many trusted rows of the target there are.

    Activations, the stopping rule and tuning use trusted rows alone, never test rows.
    In a net of skorch, activations are what the next layer takes, channels as means
    over pixels; where that has another size, what the layer itself gives. Batch
    normalization right after the layer is pruned with it.

    Trusted rows are arguments of `fit`. In a :class:`~sklearn.pipeline.Pipeline` they
    are requested with `set_fit_request`, and steps before transform them only if the
    pipeline names them in `transform_input`.

    References
    ----------
    .. [1] K. Liu, B. Dolan-Gavitt, S. Garg. "Fine-Pruning: Defending Against
       Backdooring Attacks on Deep Neural Networks", RAID 2018. :arxiv:`1805.12185`

    .. [2] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skpoison.defenses import FinePruning
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_trusted, y, y_trusted = train_test_split(X / 16, y, random_state=0)
    >>> network = MLPClassifier((32,), tol=0.01, random_state=0)
    >>> pruning = FinePruning(network, n_epochs=5, random_state=0)
    >>> pruning = pruning.fit(X, y, X_trusted=X_trusted, y_trusted=y_trusted)
    >>> len(pruning.pruned_units_), pruning.estimator_.hidden_layer_sizes
    (5, (27,))
    """

    _parameter_constraints: dict = {
        **TrustedClassifier._parameter_constraints,
        "layer": [str, Integral],
        "tolerance": [Interval(Real, 0, 1, closed="both")],
        "max_pruned": [Interval(Real, 0, 1, closed="both")],
        "n_epochs": [Interval(Integral, 0, None, closed="left")],
        "validation_size": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        estimator,
        *,
        layer="penultimate",
        tolerance=0.04,
        max_pruned=0.9,
        n_epochs=100,
        validation_size=0.3,
        trusted_size=0.1,
        random_state=None,
    ):
        self.estimator = estimator
        self.layer = layer
        self.tolerance = tolerance
        self.max_pruned = max_pruned
        self.n_epochs = n_epochs
        self.validation_size = validation_size
        self.trusted_size = trusted_size
        self.random_state = random_state

    def _defend(self, model, X, y, X_trusted, y_trusted, random_state):
        network = split_pipeline(model)[1]
        layer = self._prunable(network)
        rows = seen_by_last(model, X_trusted)
        held = self._hold_out(y_trusted, random_state)
        used = take(rows, np.flatnonzero(~held))
        self.activations_ = layer.activations(used)
        order = np.argsort(self.activations_, kind="stable")
        kept = take(rows, np.flatnonzero(held)), y_trusted[held]
        self.pruned_units_ = self._prune(layer, order, network, *kept)
        layer.train(rows, y_trusted, self.n_epochs)
        return model

    def _check_method(self, last):
        owner = type(self).__name__
        if is_skorch(last):
            return
        if not isinstance(last, MLPClassifier):
            raise ValueError(
                f"{owner} prunes MLPClassifier, nets of skorch, and pipelines that end "
                f"in one. Got {type(last).__name__}. Use TrustedFineTuning for it."
            )
        if self.n_epochs and not hasattr(last, "partial_fit"):
            raise ValueError(
                f"{owner} tunes by partial_fit, which MLPClassifier does not have with "
                f"solver={last.solver!r}. Use solver='adam' or 'sgd', or prune alone "
                "with n_epochs=0."
            )

    def _prunable(self, network):
        if is_skorch(network):
            from skpoison.nets._pruning import PrunableNet

            return PrunableNet(network, self.layer, type(self).__name__)
        return PrunableMLP(network, self.layer, type(self).__name__)

    def _hold_out(self, y_trusted, random_state):
        held = draw_of_each_class(y_trusted, self.validation_size, 1, random_state)
        if not held.any():
            raise ValueError(
                f"{type(self).__name__} needs a class with two trusted rows: on one "
                "of them accuracy is measured. Got one trusted row of each class."
            )
        return held

    def _prune(self, layer, order, network, X, y):
        """Prune units in an order while accuracy holds; give those pruned."""
        most = min(int(self.max_pruned * layer.n_units), layer.n_units - 1)
        path = [np.mean(network.predict(X) == y)]
        lowest = path[0] - self.tolerance - 1e-12
        for unit in order[:most]:
            layer.silence([unit])
            path.append(np.mean(network.predict(X) == y))
            if path[-1] < lowest:
                break
        self.accuracy_path_ = np.array(path)
        pruned = order[: len(path) - 1 - (path[-1] < lowest)]
        layer.prune(pruned)
        return pruned
