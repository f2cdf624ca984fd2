"""The paper's convolutional network."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from torch import nn

from skpoison.nets._sizes import check_module


class ConvNet(nn.Module):
    """Convolutional network of the subpopulation paper, for small images [1]_.

    A 3x3 convolution, then three stages of two 3x3 convolutions and an average pooling
    that halves height and width, then a convolution to as many channels as there are
    classes, whose pixels a last linear layer reads. Activations are leaky ReLU.

    Parameters
    ----------
    n_channels : int
        Channels of an image. :class:`SeededNetClassifier` reads it from X.

    image_size : tuple of (int, int)
        Height and width of an image in pixels, at least 8. :class:`SeededNetClassifier`
        reads it from X.

    n_classes : int
        Number of classes. :class:`SeededNetClassifier` reads it from y.

    width : int, default=32
        Channels of the first convolution. The stages have 1, 2 and 4 times as many, and
        twice that in their second convolution. 32 is the paper's.

    negative_slope : float, default=0.1
        Slope of the leaky ReLU for negative inputs.

    See Also
    --------
    VGG : The paper's larger network.
    ResNet : Residual network.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> import torch
    >>> from skpoison.nets import ConvNet
    >>> module = ConvNet(n_channels=3, image_size=(32, 32), n_classes=10)
    >>> module(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_channels, image_size, n_classes, width=32, negative_slope=0.1):
        super().__init__()
        given = {"n_channels": n_channels, "n_classes": n_classes, "width": width}
        given |= {"image_size": image_size, "negative_slope": negative_slope}
        check_module("ConvNet", **given)
        if len(image_size) != 2:
            raise ValueError(
                "image_size of ConvNet must be a height and a width, in pixels. Got "
                f"{tuple(image_size)}."
            )
        height, across = image_size
        if min(height, across) < 8:
            raise ValueError(
                "ConvNet halves its images three times, so they need at least 8 x 8 "
                f"pixels. Got image_size={tuple(image_size)}. Use larger images."
            )
        self.features = nn.Sequential(
            *_convolution(n_channels, width, negative_slope),
            *_stage(width, width, 2 * width, negative_slope),
            *_stage(2 * width, 2 * width, 4 * width, negative_slope),
            *_stage(4 * width, 4 * width, 8 * width, negative_slope),
            nn.Conv2d(8 * width, n_classes, 3, padding=1),
            nn.Flatten(),
        )
        n_pixels = (height // 8) * (across // 8)
        self.output = nn.Linear(n_classes * n_pixels, n_classes)

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
        return self.output(self.features(X))


def _convolution(n_in, n_out, negative_slope):
    return [nn.Conv2d(n_in, n_out, 3, padding=1), nn.LeakyReLU(negative_slope)]


def _stage(n_in, n_first, n_second, negative_slope):
    return [
        *_convolution(n_in, n_first, negative_slope),
        *_convolution(n_first, n_second, negative_slope),
        nn.AvgPool2d(2),
    ]
