"""Criteria of classification as losses of single rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import torch
from torch import nn
from torch.nn import functional as F


class RowCriterion:
    """Loss of each row as a function of the outputs of a module.

    The second derivatives are those in the scores, whose softmax is the prediction.
    With them the Gauss-Newton matrix is the Fisher information of the model.

    Parameters
    ----------
    criterion : {torch.nn.CrossEntropyLoss, torch.nn.NLLLoss}
        Criterion of a skorch classifier. The outputs are logits for the first and
        probabilities, of which skorch takes the logarithm, for the second.

    Notes
    -----
    Weights of classes multiply the losses. Their mean over a batch, by which torch
    divides, is no property of a row and left out.
    """

    def __init__(self, criterion):
        self.weight = criterion.weight
        self.of_probabilities = isinstance(criterion, nn.NLLLoss)
        self.smoothing = getattr(criterion, "label_smoothing", 0.0)

    def scores(self, outputs):
        """Give logits, or logarithms of probabilities, of shape (n_rows, n_classes)."""
        if not self.of_probabilities:
            return outputs
        return torch.log(outputs + torch.finfo(outputs.dtype).eps)

    def losses(self, scores, codes):
        """Give the loss of each row."""
        if self.of_probabilities:
            return F.nll_loss(scores, codes, self.weight, reduction="none")
        return F.cross_entropy(
            scores,
            codes,
            self.weight,
            reduction="none",
            label_smoothing=self.smoothing,
        )

    def scales(self, codes):
        """Give what the second derivatives of each row are multiplied by."""
        if self.weight is None:
            return torch.ones(len(codes), device=codes.device)
        smooth = self.smoothing * self.weight.mean()
        return (1 - self.smoothing) * self.weight[codes] + smooth

    @staticmethod
    def bend(scores, tangents):
        """Give the change of the derivatives where scores change by tangents."""
        p = torch.softmax(scores, dim=-1)
        return p * (tangents - (p * tangents).sum(dim=-1, keepdim=True))

    @staticmethod
    def roots(scores):
        """Give R of shape (..., n_classes - 1, n_classes).

        R'R are the second derivatives. It is the transposed Cholesky factor of the
        covariance of one draw of a class, of which the last row is 0 and left out.

        References
        ----------
        .. [1] :doi:`Tanabe and Sagae, "An exact Cholesky decomposition and the
           generalized inverse of the variance-covariance matrix of the multinomial
           distribution, with applications", 1992
           <10.1111/j.2517-6161.1992.tb01875.x>`
        """
        p = torch.softmax(scores, dim=-1)
        tail = p.flip(-1).cumsum(-1).flip(-1)
        tiny = torch.finfo(p.dtype).tiny
        first = torch.sqrt(p[..., :-1] / tail[..., :-1].clamp_min(tiny))
        after = torch.sqrt(tail[..., 1:])
        ratio = (first / after.clamp_min(tiny)).unsqueeze(-1) * p.unsqueeze(-2)
        diagonal = torch.diag_embed(first * after)
        return F.pad(diagonal, (0, 1)) - torch.triu(ratio, diagonal=1)
