"""The classifier at the end of a pipeline, and what it sees."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from sklearn.pipeline import Pipeline

from skpoison.utils._inner_model import thaw


def split_pipeline(model, frozen=True):
    """Give the steps before a classifier, and the classifier.

    Parameters
    ----------
    model : classifier
        A classifier, or a pipeline, of pipelines or not, that ends in one.

    frozen : bool, default=True
        Whether to look into frozen models.

    Returns
    -------
    before : list of estimators
        Steps before the last, in order; without those that do nothing.

    last : classifier
        The last step.
    """
    look = thaw if frozen else lambda step: step
    before, last = [], look(model)
    while isinstance(last, Pipeline):
        steps = [step for _, step in last.steps]
        before += [step for step in steps[:-1] if step not in (None, "passthrough")]
        last = look(steps[-1])
    return before, last


def seen_by_last(model, X):
    """Give rows as the last step of a fitted pipeline sees them.

    Parameters
    ----------
    model : classifier
        Fitted.

    X : rows of shape (n_samples, ...)
        Rows as the model takes them.

    Returns
    -------
    Z : rows of shape (n_samples, ...)
        Rows as its classifier takes them. Samplers, which act in training only, leave
        them as they are.
    """
    for step in split_pipeline(model)[0]:
        X = step.transform(X) if hasattr(step, "transform") else X
    return X
