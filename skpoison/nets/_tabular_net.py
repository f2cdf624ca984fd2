"""A network for tables."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from itertools import pairwise

from torch import nn

from skpoison.nets._sizes import check_module


class TabularNet(nn.Module):
    """Fully connected network with ReLU units.

    Parameters
    ----------
    n_features : int
        Number of columns. :class:`SeededNetClassifier` reads it from X.

    n_classes : int
        Number of classes. :class:`SeededNetClassifier` reads it from y.

    hidden_layer_sizes : sequence of int, default=(10,)
        Units of each hidden layer. The paper's network for Adult has one layer of 10
        units [1]_.

    dropout : float, default=0.0
        Share of the units of each hidden layer that are dropped in training.

    See Also
    --------
    SeededNetClassifier : The classifier that trains it.
    sklearn.neural_network.MLPClassifier : The same network in scikit-learn.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> import torch
    >>> from skpoison.nets import TabularNet
    >>> module = TabularNet(n_features=57, n_classes=2)
    >>> module(torch.zeros(3, 57)).shape
    torch.Size([3, 2])
    """

    def __init__(self, n_features, n_classes, hidden_layer_sizes=(10,), dropout=0.0):
        super().__init__()
        given = {"n_features": n_features, "n_classes": n_classes, "dropout": dropout}
        given["hidden_layer_sizes"] = hidden_layer_sizes
        check_module("TabularNet", **given)
        sizes = [n_features, *hidden_layer_sizes]
        parts = []
        for n_in, n_out in pairwise(sizes):
            parts += [nn.Linear(n_in, n_out), nn.ReLU()]
            if dropout:
                parts.append(nn.Dropout(dropout))
        self.hidden = nn.Sequential(*parts)
        self.output = nn.Linear(sizes[-1], n_classes)

    def forward(self, X):
        """Give the logits.

        Parameters
        ----------
        X : Tensor of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        logits : Tensor of shape (n_samples, n_classes)
            Logarithms of the odds, up to a constant for each row.
        """
        return self.output(self.hidden(X))
