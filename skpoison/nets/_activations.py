"""Activations of layers, batch by batch."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import torch
from sklearn.utils.validation import check_is_fitted
from skorch.dataset import unpack_data

from skpoison.nets._inputs import to_model
from skpoison.nets._layers import as_columns, listening, takes_tokens


def iter_activations(net, X, layer, pooling="mean", *, owner):
    """Give what a layer of a net makes of some rows.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        A fitted net.

    X : array-like of shape (n_samples, ...)
        Rows that the net takes.

    layer : str or int
        Layer, as in :func:`skpoison.nets._layers.listening`.

    pooling : {"mean"} or None, default="mean"
        Whether to take the mean over pixels or tokens.

    owner : str
        Name of the estimator, for messages.

    Yields
    ------
    activations : ndarray of float32 of shape (n_batch, n_activations)
        Activations of the next rows.
    """
    check_is_fitted(net, "module_")
    padding = net._padding() if hasattr(net, "_padding") else 0
    module = getattr(net.module_, "_orig_mod", net.module_)
    iterator = net.get_iterator(net.get_dataset(X), training=False)
    with listening(module, layer, owner) as heard:
        for batch in iterator:
            net.evaluation_step(batch)
            if not heard:
                raise ValueError(
                    f"layer={layer!r} of {owner} is not passed by the rows: "
                    f"{type(module).__name__} does not call it. Name another."
                )
            rows = unpack_data(batch)[0]
            if isinstance(rows, torch.Tensor):
                rows = to_model(rows, takes_tokens(module))
            columns = as_columns(heard[-1].detach(), rows, pooling, padding)
            heard.clear()
            yield columns.cpu().numpy()
