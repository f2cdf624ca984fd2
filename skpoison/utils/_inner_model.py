"""What an estimator takes over from one that it holds."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import replace

from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags


def fitted_has(method):
    """Give the check that the classifier within has a method."""

    def check(self):
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


def tags_of(tags, estimator):
    """Read X as the classifier within does, which alone looks at its content.

    Parameters
    ----------
    tags : sklearn.utils.Tags
        Tags of the outer classifier, changed in place.

    estimator : classifier
        The inner one.

    Returns
    -------
    tags : sklearn.utils.Tags
        The tags.
    """
    inner = get_tags(estimator)
    for name in ("sparse", "allow_nan", "string", "categorical", "three_d_array"):
        setattr(tags.input_tags, name, getattr(inner.input_tags, name))
    classifier_tags = inner.classifier_tags or tags.classifier_tags
    tags.classifier_tags = replace(classifier_tags, multi_label=False)
    return tags


def other_type(estimator):
    """Tell what an estimator is that says that it is no classifier.

    Parameters
    ----------
    estimator : object
        Any object.

    Returns
    -------
    kind : str or None
        Its type, such as "regressor" or "clusterer"; None for a classifier, and for
        one that does not say what it is.
    """
    if not hasattr(estimator, "__sklearn_tags__"):
        kind = getattr(estimator, "_estimator_type", None)
    else:
        kind = get_tags(estimator).estimator_type
    return None if kind == "classifier" else kind


def check_classifier(estimator, owner):
    """Raise where an estimator says that it is no classifier.

    Parameters
    ----------
    estimator : object
        Any object; None passes.

    owner : str
        Who complains.
    """
    if kind := other_type(estimator):
        raise ValueError(
            f"estimator of {owner} must be a classifier. Got "
            f"{type(estimator).__name__}, a {kind}."
        )


def thaw(model):
    """Give the model inside a frozen one."""
    while isinstance(model, FrozenEstimator):
        model = model.estimator
    return model


def ask(model, method, X, owner):
    """Ask a method of a model of the user's about rows that it may not read.

    Parameters
    ----------
    model : estimator
        Fitted.

    method : str
        Its name, for example "predict_proba".

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows.

    owner : str
        Who asks.

    Returns
    -------
    answer : ndarray of shape (n_samples, ...)
        What the method gives.
    """
    try:
        return getattr(model, method)(X)
    except TypeError as error:
        raise TypeError(
            f"{type(model).__name__} in {owner} cannot read X: {error}. Encode the "
            "columns in a pipeline that ends in it."
        ) from error
    except ValueError as error:
        if type(error) is not ValueError:  # such as that it is not fitted
            raise
        what = f"{type(model).__name__} in {owner} cannot read X"
        raise ValueError(f"{what}: {error}") from error
