"""Residual networks for small images."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from torch import nn

from skpoison.nets._sizes import check_module


class ResNet(nn.Module):
    """Residual network for CIFAR-10 [1]_, of 6 * `n_blocks` + 2 layers.

    Three stages of `n_blocks` residual blocks; the second and third halve height and
    width, and double the channels. Shortcuts have no parameters: where the size
    changes they leave out every other pixel, and the new channels are zero.

    Parameters
    ----------
    n_channels : int
        Channels of an image. :class:`SeededNetClassifier` reads it from X.

    n_classes : int
        Number of classes. :class:`SeededNetClassifier` reads it from y.

    n_blocks : int, default=3
        Blocks of each stage. 3 is ResNet-20, 5 is ResNet-32, 9 is ResNet-56.

    width : int, default=16
        Channels of the first stage.

    See Also
    --------
    ConvNet : The subpopulation paper's smaller network.
    VGG : The subpopulation paper's larger network.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun. "Deep Residual Learning for Image
       Recognition", CVPR 2016, section 4.2. :arxiv:`1512.03385`

    Examples
    --------
    >>> import torch
    >>> from skpoison.nets import ResNet
    >>> module = ResNet(n_channels=3, n_classes=10, n_blocks=1)
    >>> module(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_channels, n_classes, n_blocks=3, width=16):
        super().__init__()
        given = {"n_channels": n_channels, "n_classes": n_classes}
        check_module("ResNet", n_blocks=n_blocks, width=width, **given)
        self.stem = nn.Sequential(*_normalized(n_channels, width, 1), nn.ReLU())
        self.stages = nn.Sequential(
            *_stage(n_blocks, width, width, 1),
            *_stage(n_blocks, width, 2 * width, 2),
            *_stage(n_blocks, 2 * width, 4 * width, 2),
        )
        self.output = nn.Linear(4 * width, n_classes)

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
        return self.output(self.stages(self.stem(X)).mean(dim=(2, 3)))


class ResidualBlock(nn.Module):
    """Two convolutions around which their input is carried."""

    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.stride, self.n_new = stride, n_out - n_in
        self.residual = nn.Sequential(
            *_normalized(n_in, n_out, stride), nn.ReLU(), *_normalized(n_out, n_out, 1)
        )

    def forward(self, X):
        """Give the activations."""
        shortcut = X[:, :, :: self.stride, :: self.stride]
        shortcut = nn.functional.pad(shortcut, (0, 0, 0, 0, 0, self.n_new))
        return nn.functional.relu(self.residual(X) + shortcut)


def _normalized(n_in, n_out, stride):
    convolution = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(n_out)]


def _stage(n_blocks, n_in, n_out, stride):
    first = ResidualBlock(n_in, n_out, stride)
    return [first, *(ResidualBlock(n_out, n_out, 1) for _ in range(n_blocks - 1))]
