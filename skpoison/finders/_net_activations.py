"""Activations of nets of skorch, batch by batch."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys

import numpy as np
from sklearn.decomposition import IncrementalPCA

# More than this is refused: it is what 50,000 rows of 21,000 numbers take.
MAX_BYTES = 2**32
# Most rows of a step of the components, and most numbers in them: a decomposition of
# each step takes several times their memory.
STEP, MOST_NUMBERS = 1024, 2**23


def is_skorch(model):
    """Whether a model is a net of skorch, which then has been imported."""
    skorch = sys.modules.get("skorch")
    return skorch is not None and isinstance(model, skorch.NeuralNet)


def net_activations(net, X, layer, pooling):
    """Give the activations of a net.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        A fitted net.

    X : array-like of shape (n_samples, ...)
        Rows that the net takes.

    layer : str or int
        Layer of :class:`~skpoison.finders.Representation`.

    pooling : {"mean"} or None
        What becomes of pixels and tokens.

    Yields
    ------
    activations : ndarray of shape (n_batch, n_activations)
        Activations of the next rows.
    """
    from skpoison.nets._activations import iter_activations

    if layer == "output":
        yield net.predict_proba(X)
    else:
        yield from iter_activations(net, X, layer, pooling, owner="Representation")


def gather(batches, n_rows, pca):
    """Stack the activations of all rows, or their components.

    Parameters
    ----------
    batches : iterable of ndarray of shape (n_batch, n_activations)
        Activations.

    n_rows : int
        Number of rows in all.

    pca : IncrementalPCA or None
        Fitted components.

    Returns
    -------
    out : ndarray of shape (n_rows, n_columns)
        The activations, or their components.
    """
    out, start = None, 0
    for batch in batches:
        rows = batch if pca is None else pca.transform(batch)
        if out is None:
            _check_memory(n_rows, rows)
            out = np.empty((n_rows, rows.shape[1]), rows.dtype)
        out[start : start + len(rows)] = rows
        start += len(rows)
    return out


def components_of(batches, n_rows, n_components):
    """Learn principal components, a step of rows at a time.

    Parameters
    ----------
    batches : iterable of ndarray of shape (n_batch, n_activations)
        Activations.

    n_rows : int
        Number of rows in all.

    n_components : int
        Number of components.

    Returns
    -------
    pca : IncrementalPCA
        The fitted components.
    """
    pca, waiting, n_waiting, left = IncrementalPCA(n_components), [], 0, n_rows
    for batch in batches:
        _check_components(n_components, n_rows, batch.shape[1])
        step = max(n_components, min(STEP, MOST_NUMBERS // batch.shape[1]))
        waiting.append(batch)
        n_waiting, left = n_waiting + len(batch), left - len(batch)
        # The last step takes what is left, as each needs as many rows as components.
        if left == 0 or (n_waiting >= step and left >= step):
            pca.partial_fit(np.concatenate(waiting))
            waiting, n_waiting = [], 0
    return pca


def _check_components(n_components, n_rows, n_activations):
    most = min(n_rows, n_activations)
    if n_components > most:
        raise ValueError(
            f"n_components={n_components} of Representation must be at most the number "
            f"of rows and of activations, {most}."
        )


def _check_memory(n_rows, rows):
    n_bytes = n_rows * rows.shape[1] * rows.itemsize
    if n_bytes > MAX_BYTES:
        raise ValueError(
            f"Representation would take {n_bytes / 2**30:.1f} GiB for {n_rows} rows of "
            f"{rows.shape[1]} activations. Use pooling='mean', or say with "
            "n_components how many principal components are enough."
        )
