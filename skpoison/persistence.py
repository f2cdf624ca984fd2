"""
The :mod:`skpoison.persistence` module names what a saved object may hold.

`skops <https://skops.readthedocs.io>`_ saves what was fitted, and loads it again
without running what a file says. It asks which classes a file may hold.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from importlib import import_module
from inspect import isclass

__all__ = ["trusted_types"]

# Numbers in a class, which networks of scikit-learn go on training with.
OF_SCIKIT_LEARN = (
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
)
PUBLIC = ("attacks", "audit", "defenses", "finders", "influence", "mixture", "refit")
# What is kept inside of those that are public.
INNER = (
    "attacks._targets.everything",
    "defenses._partitions.Partitions",
    "finders._coding.ColumnCoder",
    "finders._coding.IntervalCodes",
    "finders._coding.ValueCodes",
    "finders._feature_match.RowKey",
    "influence._class_weights.ClassWeights",
    "influence._curvature.Curvature",
    "influence._factorizations.Cholesky",
    "influence._factorizations.Eigenvectors",
    "influence._factorizations.Lu",
    "influence._factorizations.Woodbury",
    "influence._linear_loss.LinearLoss",
    "influence._links.Hinge",
    "influence._links.Logistic",
    "influence._links.Softmax",
    "influence._links.Squared",
    "influence._links.SquaredHinge",
    "influence._network_loss.NetworkLoss",
    "influence._pipeline_loss.PipelineLoss",
    "influence._rows.Rows",
    "nets._hugging_face_classifier.TextClassifier",
    "nets._plain_net.Array",
    "utils._plain_state.Packed",
)


def trusted_types():
    """List the classes that a file of skops with objects of this library may hold.

    Nothing is loaded from a file to make the list, and it names each class, so that a
    file that asks for anything else of this library, a function say, is refused.

    Returns
    -------
    names : list of str
        Full names, sorted, for the parameter `trusted` of `skops.io.load`.

    See Also
    --------
    skpoison.audit.SubpopulationAudit : Its tables can be saved and loaded like this.

    Notes
    -----
    Estimators of scikit-learn are known to skops, and its optimizers are in the list.
    Some of its parts are neither, such as the trees of neighbors, with which a forged
    file can crash Python; nor are classes of other packages, or your own. Then
    `skops.io.get_untrusted_types` tells their names. Add those that you know and
    expect; never its whole answer without having read it.

    Examples
    --------
    >>> from skops.io import dumps, loads
    >>> from sklearn.datasets import load_iris
    >>> from skpoison import ClusterMatch
    >>> from skpoison.persistence import trusted_types
    >>> X, y = load_iris(return_X_y=True)
    >>> data = dumps(ClusterMatch(3, random_state=0).fit(X))
    >>> finder = loads(data, trusted=trusted_types())
    >>> finder.transform(X).sum(axis=0)
    array([61, 50, 39])
    """
    names = {f"skpoison.{name}" for name in INNER}
    for part in PUBLIC:
        module = import_module(f"skpoison.{part}")
        classes = filter(isclass, (getattr(module, name) for name in module.__all__))
        names.update(f"{cls.__module__}.{cls.__name__}" for cls in classes)
    # Which are told without importing torch.
    homes = import_module("skpoison.nets")._HOMES
    names.update(f"skpoison.nets.{home}.{name}" for name, home in homes.items())
    return sorted({*names, *OF_SCIKIT_LEARN})
