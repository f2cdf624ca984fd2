"""Networks of skorch, which is imported only when one is refitted."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.refit._registry import register_engine


@register_engine("skorch.classifier.NeuralNetClassifier", subclasses=True)
def refit_skorch(estimator, X, y, poisons, *, n_jobs):
    """Train all networks as one, on minibatches that share the clean rows."""
    from skpoison.refit._torch import refit_nets

    return refit_nets(estimator, X, y, poisons)
