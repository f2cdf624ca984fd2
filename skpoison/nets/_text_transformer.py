"""A small transformer for texts."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import torch
from torch import nn

from skpoison.nets._sizes import check_module

PADDING = 0


class TextTransformer(nn.Module):
    """Transformer encoder [1]_ small enough to train on a CPU.

    Tokens and their places are embedded, pass `n_layers` encoder layers that normalize
    first, and the mean over the tokens of a text goes to one linear layer.

    Parameters
    ----------
    n_classes : int
        Number of classes. :class:`SeededNetClassifier` reads it from y.

    n_tokens : int, default=20000
        Size of the vocabulary, the padding and the unknown token included: that of
        :class:`TextTokenizer`.

    max_length : int, default=256
        Largest number of tokens of a text.

    d_model : int, default=64
        Numbers that stand for a token in each layer; a multiple of `n_heads`.

    n_layers : int, default=1
        Encoder layers. With 0, the net is a bag of embeddings.

    n_heads : int, default=4
        Attention heads of each layer.

    d_feedforward : int, default=128
        Units of the hidden layer within each encoder layer.

    dropout : float, default=0.1
        Share of numbers that are dropped in training.

    Raises
    ------
    ValueError
        If rows are no token numbers below `n_tokens`, texts are longer than
        `max_length`, or `d_model` is not a multiple of `n_heads`.

    See Also
    --------
    TextTokenizer : Turns texts into the numbers of their tokens.
    HuggingFaceClassifier : Trained transformers.

    References
    ----------
    .. [1] A. Vaswani, N. Shazeer, N. Parmar, J. Uszkoreit, L. Jones, A. N. Gomez,
       L. Kaiser, I. Polosukhin. "Attention Is All You Need", NIPS 2017.
       :arxiv:`1706.03762`

    Examples
    --------
    >>> import torch
    >>> from skpoison.nets import TextTransformer
    >>> module = TextTransformer(n_classes=2, n_tokens=100, max_length=8)
    >>> module(torch.tensor([[5, 17, 2, 0, 0], [9, 9, 1, 4, 3]])).shape
    torch.Size([2, 2])
    """

    def __init__(
        self,
        n_classes,
        n_tokens=20000,
        max_length=256,
        d_model=64,
        n_layers=1,
        n_heads=4,
        d_feedforward=128,
        dropout=0.1,
    ):
        super().__init__()
        given = {"n_classes": n_classes, "n_tokens": n_tokens, "dropout": dropout}
        given |= {"max_length": max_length, "n_layers": n_layers, "n_heads": n_heads}
        check_module(
            "TextTransformer", d_model=d_model, d_feedforward=d_feedforward, **given
        )
        if d_model % n_heads:
            raise ValueError(
                f"d_model={d_model} of TextTransformer must be a multiple of "
                f"n_heads={n_heads}."
            )
        self.tokens = nn.Embedding(n_tokens, d_model, padding_idx=PADDING)
        self.places = nn.Embedding(max_length, d_model)
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(
            d_model,
            n_heads,
            d_feedforward,
            dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = (
            nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)
            if n_layers
            else None
        )
        self.norm = nn.LayerNorm(d_model)
        self.output = nn.Linear(d_model, n_classes)
        for embedding in (self.tokens, self.places):
            nn.init.normal_(embedding.weight, std=d_model**-0.5)
        with torch.no_grad():
            self.tokens.weight[PADDING] = 0

    def forward(self, X):
        """Give the logits.

        Parameters
        ----------
        X : Tensor of int of shape (n_samples, n_tokens)
            Numbers of the tokens of each text, 0 after its end.

        Returns
        -------
        logits : Tensor of shape (n_samples, n_classes)
            Logarithms of the odds, up to a constant for each text.
        """
        self._check(X)
        is_padding = X == PADDING
        Z = self.dropout(self._embed(X))
        if self.encoder is not None:
            # Attention to nothing is NaN, so texts without a token look at padding.
            is_hidden = is_padding & ~is_padding.all(dim=1, keepdim=True)
            Z = self.encoder(Z, src_key_padding_mask=is_hidden)
        weights = (~is_padding).to(Z.dtype).unsqueeze(2)
        mean = (self.norm(Z) * weights).sum(1) / weights.sum(1).clamp(min=1)
        return self.output(self.dropout(mean))

    def _check(self, X):
        max_length = self.places.num_embeddings
        if X.ndim != 2 or X.is_floating_point():
            raise ValueError(
                "TextTransformer takes token numbers, integers of shape (n_samples, "
                f"n_tokens). Got {X.dtype} of shape {tuple(X.shape)}. Turn texts into "
                "them with TextTokenizer."
            )
        if X.shape[1] > max_length:
            raise ValueError(
                f"TextTransformer takes texts of at most max_length={max_length} "
                f"tokens. Got {X.shape[1]}. Cut the texts, or raise max_length."
            )

    def _embed(self, X):
        try:
            return self.tokens(X) + self.places.weight[: X.shape[1]]
        except IndexError as error:
            raise ValueError(
                "TextTransformer takes token numbers from 0 to "
                f"{self.tokens.num_embeddings - 1}. Got {int(X.min())} to "
                f"{int(X.max())}. Set n_tokens to max_tokens of the tokenizer."
            ) from error
