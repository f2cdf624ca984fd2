"""Hidden activations of a fitted model."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from scipy.special import expit
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    MetaEstimatorMixin,
    TransformerMixin,
    clone,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skpoison.finders._net_activations import (
    components_of,
    gather,
    is_skorch,
    net_activations,
)
from skpoison.utils._containers import as_rows, n_rows, take
from skpoison.utils._inner_model import ask, thaw
from skpoison.utils._row_sampler import flat_labels
from skpoison.utils._sklearn import HasMethods, Interval, StrOptions, _fit_context

ACTIVATIONS = {
    "identity": lambda Z: Z,
    "logistic": expit,
    "relu": lambda Z: np.maximum(Z, 0),
    "tanh": np.tanh,
}


class Representation(
    MetaEstimatorMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Represent rows by the hidden activations of a model.

    The model is the attacker's surrogate: rows that it sees alike are alike.

    Parameters
    ----------
    estimator : classifier
        Model to look into: an :class:`~sklearn.neural_network.MLPClassifier`, a
        net of skorch such as :class:`~skpoison.nets.SeededNetClassifier`, or a
        pipeline that ends in one. Other classifiers have no hidden layer; their
        `predict_proba`, or else `decision_function`, is the representation. A
        clone is fitted; wrap the model in
        :class:`~sklearn.frozen.FrozenEstimator` to use it as it is.

    layer : {"penultimate", "output"}, int or str, default="penultimate"
        Which activations: those of the last hidden layer, the output, or those
        of hidden layer number `layer`, counted from 0 and, where negative, from
        the last. Only networks have numbered layers; those of a net of skorch are
        its parts with parameters, and what is made of each on the way to the next.
        Parts of a net can be named, too, as in its module's `named_modules`.

    pooling : {"mean"} or None, default="mean"
        What becomes of layers of a net of skorch that give images or the tokens of
        a text: the mean over the pixels or tokens, or (`None`) every number.

    n_components : int, default=None
        Number of principal components that stand for the activations. Those of nets
        of skorch are learned batch by batch, so that layers with more numbers than
        memory can hold have a representation. `None` keeps the activations.

    Attributes
    ----------
    estimator_ : classifier
        The fitted model.

    pca_ : IncrementalPCA or None
        The fitted components; None where there are none.

    n_features_in_ : int
        Number of features seen in `fit`, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in `fit`, where X has string names only.

    Raises
    ------
    ValueError
        If there is no such layer, or the activations of all rows would take more than
        4 GiB and `n_components` does not say how many are enough.

    See Also
    --------
    ClusterMatch : Subpopulations as clusters of a representation.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skpoison.finders import Representation
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((16, 4), solver="lbfgs", max_iter=1000, random_state=0)
    >>> Representation(network).fit(X, y).transform(X).shape
    (150, 4)
    >>> Representation(network, layer=0).fit(X, y).transform(X).shape
    (150, 16)
    """

    _parameter_constraints: dict = {
        "estimator": [
            HasMethods(["fit", "predict_proba"]),
            HasMethods(["fit", "decision_function"]),
        ],
        "layer": [str, Integral],
        "pooling": [StrOptions({"mean"}), None],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self, estimator, layer="penultimate", *, pooling="mean", n_components=None
    ):
        self.estimator = estimator
        self.layer = layer
        self.pooling = pooling
        self.n_components = n_components

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Training rows, in any form that the model reads.

        y : array-like of shape (n_samples,), default=None
            Class labels. A frozen model needs none.

        Returns
        -------
        self : Representation
            The fitted transformer.
        """
        X = as_rows(X, type(self).__name__)
        validate_data(self, X=X, skip_check_array=True)
        y = None if y is None else flat_labels(y, type(self).__name__)
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.pca_ = None
        if self.n_components is not None:
            self.pca_ = components_of(self._batches(X), n_rows(X), self.n_components)
        self._n_features_out = self._activations(take(X, [0])).shape[1]
        return self

    def transform(self, X):
        """Give the activations.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows to represent.

        Returns
        -------
        X_out : ndarray of shape (n_samples, n_activations)
            Activations of the chosen layer.
        """
        check_is_fitted(self)
        X = as_rows(X, type(self).__name__)
        validate_data(self, X=X, reset=False, skip_check_array=True)
        return self._activations(X)

    def _activations(self, X):
        return gather(self._batches(X), n_rows(X), self.pca_)

    def _batches(self, X):
        """Give the activations, of nets of skorch a batch at a time."""
        model, X = self._last_step(X)
        if is_skorch(model):
            return net_activations(model, X, self.layer, self.pooling)
        if isinstance(model, MLPClassifier) and self.layer != "output":
            return [_hidden(model, X, self._layer_number(model))]
        if self.layer not in ("penultimate", "output"):
            raise ValueError(
                f"layer={self.layer!r} of Representation asks for a hidden layer, and "
                f"{type(model).__name__} has none. Use layer='output'."
            )
        return [_output(model, X)]

    def _last_step(self, X):
        """Give the model at the end of all pipelines, and the rows that it sees."""
        model = thaw(self.estimator_)
        while isinstance(model, Pipeline):
            X = model[:-1].transform(X) if len(model) > 1 else X
            model = thaw(model[-1])
        return model, X

    def _layer_number(self, network):
        n_hidden = network.n_layers_ - 2
        if n_hidden == 0:
            raise ValueError(
                f"layer={self.layer!r} of Representation asks for a hidden layer, and "
                "the network has none. Use layer='output'."
            )
        if isinstance(self.layer, str) and self.layer != "penultimate":
            raise ValueError(
                f"layer={self.layer!r} of Representation names a layer, and those of "
                f"MLPClassifier have numbers: 0 to {n_hidden - 1}. 'penultimate' and "
                "'output' are known, too."
            )
        number = -1 if self.layer == "penultimate" else int(self.layer)
        if not -n_hidden <= number < n_hidden:
            raise ValueError(
                f"layer={self.layer!r} of Representation is out of range: the network "
                f"has {n_hidden} hidden layers, numbered 0 to {n_hidden - 1}."
            )
        return number % n_hidden

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.target_tags.required = inner.target_tags.required
        tags.transformer_tags.preserves_dtype = []
        return tags


def _hidden(network, X, number):
    """Activations of one hidden layer of a fitted MLPClassifier."""
    dtype = network.coefs_[0].dtype
    Z = check_array(X, accept_sparse=["csr", "csc"], dtype=[dtype], order="C")
    activate = ACTIVATIONS[network.activation]
    for W, b in zip(
        network.coefs_[: number + 1], network.intercepts_[: number + 1], strict=True
    ):
        Z = activate(safe_sparse_dot(Z, W) + b)
    return Z


def _output(model, X):
    has_proba = hasattr(model, "predict_proba")
    method = "predict_proba" if has_proba else "decision_function"
    scores = ask(model, method, X, "Representation")
    return scores.reshape(-1, 1) if scores.ndim == 1 else scores
