"""VGG networks."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from torch import nn

from skpoison.nets._sizes import check_module

# Convolutions in each of the five stages; three linear layers of the original make up
# the count, of which one is left here.
STAGES = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


class VGG(nn.Module):
    """Very deep convolutional network [1]_, with one linear layer.

    As the subpopulation paper uses it [2]_: the mean over the pixels that the
    convolutions leave goes to one linear layer, instead of the original's three.

    Parameters
    ----------
    n_channels : int
        Channels of an image. :class:`SeededNetClassifier` reads it from X.

    n_classes : int
        Number of classes. :class:`SeededNetClassifier` reads it from y.

    n_layers : {11, 13, 16, 19}, default=16
        Layers, counted as in the original. 16 is the paper's.

    width : int, default=64
        Channels of the first stage; the others have 2, 4, 8 and 8 times as many.

    batch_norm : bool, default=True
        Whether to normalize each convolution over the batch. Without it, as in the
        paper, which starts from weights trained on ImageNet, deep ones are hard to
        train from scratch.

    Raises
    ------
    ValueError
        If there is no VGG of `n_layers` layers.

    See Also
    --------
    ConvNet : The paper's smaller network.
    ResNet : Residual network.

    Notes
    -----
    Stages that would leave less than a pixel do not pool, so images may be small.

    References
    ----------
    .. [1] K. Simonyan, A. Zisserman. "Very Deep Convolutional Networks for Large-Scale
       Image Recognition", ICLR 2015. :arxiv:`1409.1556`
    .. [2] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> import torch
    >>> from skpoison.nets import VGG
    >>> module = VGG(n_channels=3, n_classes=2, n_layers=11, width=8)
    >>> module(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 2])
    """

    def __init__(self, n_channels, n_classes, n_layers=16, width=64, batch_norm=True):
        super().__init__()
        given = {"n_channels": n_channels, "n_classes": n_classes, "width": width}
        check_module("VGG", n_layers=n_layers, batch_norm=batch_norm, **given)
        if n_layers not in STAGES:
            raise ValueError(
                f"n_layers={n_layers!r} of VGG must be one of {list(STAGES)}."
            )
        widths = [width, 2 * width, 4 * width, 8 * width, 8 * width]
        stages, n_in = [], n_channels
        for n_convolutions, n_out in zip(STAGES[n_layers], widths, strict=True):
            stages.append(_stage(n_convolutions, n_in, n_out, batch_norm))
            n_in = n_out
        self.stages = nn.ModuleList(stages)
        self.output = nn.Linear(n_in, n_classes)
        self.apply(_start)

    def forward(self, X):
        """Give the logits.

        Parameters
        ----------
        X : Tensor of shape (n_samples, n_channels, height, width)
            Images.

        Returns
        -------
        logits : Tensor of shape (n_samples, n_classes)
            Logarithms of the odds, up to a constant for each image.
        """
        for stage in self.stages:
            X = stage(X)
            if min(X.shape[2:]) > 1:
                X = nn.functional.max_pool2d(X, 2)
        return self.output(X.mean(dim=(2, 3)))


def _stage(n_convolutions, n_in, n_out, batch_norm):
    parts = []
    for _ in range(n_convolutions):
        parts.append(nn.Conv2d(n_in, n_out, 3, padding=1))
        if batch_norm:
            parts.append(nn.BatchNorm2d(n_out))
        parts.append(nn.ReLU())
        n_in = n_out
    return nn.Sequential(*parts)


def _start(part):
    """Keep the variance of activations through the layers (He et al., 2015)."""
    if isinstance(part, nn.Conv2d):
        nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        nn.init.zeros_(part.bias)
