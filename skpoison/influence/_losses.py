"""From a fitted model to its training loss."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from skpoison.influence._linear_loss import known_class, linear_loss
from skpoison.influence._network_loss import network_loss
from skpoison.influence._pipeline_loss import pipeline_loss
from skpoison.utils._inner_model import thaw

KNOWN = (
    "LogisticRegression, LinearSVC, RidgeClassifier, MLPClassifier, a skorch "
    "NeuralNetClassifier, or a pipeline of affine steps, such as StandardScaler or "
    "PCA, that ends in one"
)


def loss_of(model, X, owner, parameter="surrogate"):
    """Give the training loss of a fitted model, or raise.

    Parameters
    ----------
    model : classifier
        A fitted classifier, frozen or not, or a pipeline that ends in one.

    X : {ndarray, sparse matrix} of shape (n_samples, ...)
        Rows that the model reads; those on which the steps of a pipeline are tested.

    owner : str
        Who asks, for the error.

    parameter : str, default="surrogate"
        Name of the owner's parameter that holds the model.

    Returns
    -------
    loss : TrainingLoss
        Its loss.
    """
    model = thaw(model)
    if isinstance(model, Pipeline):
        return pipeline_loss(model, X, owner, parameter)
    loss = linear_loss(model) or network_loss(model)
    if loss is None and is_skorch(model):
        from skpoison.influence._torch import module_loss

        loss = module_loss(model)
    if loss is None:
        raise _without_gradients(model, owner, parameter)
    return loss


def check_has_gradients(model, owner, parameter="surrogate"):
    """Raise for a model, fitted or not, of a class without known gradients.

    Parameters
    ----------
    model : classifier
        A classifier, frozen or not, or a pipeline that ends in one.

    owner : str
        Who asks, for the error.

    parameter : str, default="surrogate"
        Name of the owner's parameter that holds the model.
    """
    if not has_gradients(model):
        raise _without_gradients(model, owner, parameter)


def has_gradients(model):
    """Whether a model, fitted or not, is of a class with known gradients."""
    last = thaw(model)
    while isinstance(last, Pipeline):
        last = thaw(last.steps[-1][1])
    return bool(known_class(last) or isinstance(last, MLPClassifier) or is_skorch(last))


def _without_gradients(model, owner, parameter):
    return TypeError(
        f"{parameter}={model!r} of {owner} has no gradients that this library knows. "
        f"Use {KNOWN}. Label flipping (SubpopPoisoner) and BackdoorPoisoner work with "
        "any model."
    )


def is_skorch(model):
    """Whether a model is a net of skorch, which is not imported to find out."""
    return any(
        f"{cls.__module__}.{cls.__qualname__}"
        == "skorch.classifier.NeuralNetClassifier"
        for cls in type(model).__mro__
    )
