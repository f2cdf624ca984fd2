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
    tags.classifier_tags = replace(inner.classifier_tags, multi_label=False)
    return tags


def thaw(model):
    """Give the model inside a frozen one."""
    while isinstance(model, FrozenEstimator):
        model = model.estimator
    return model
