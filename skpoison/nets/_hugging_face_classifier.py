"""Trained transformers of Hugging Face."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import re
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
import transformers
from safetensors import SafetensorError
from torch import nn

from skpoison.nets._net_arguments import check_arguments
from skpoison.nets._plain_checkpoint import (
    model_of,
    plain_architecture,
    plain_tokenizer,
    tokenizer_of,
)
from skpoison.nets._seeded_net_classifier import SeededNetClassifier
from skpoison.nets._text_tokenizer import check_texts

SURROGATE = re.compile("[\ud800-\udfff]")


class HuggingFaceClassifier(SeededNetClassifier):
    """Fine-tune a trained transformer to classify texts.

    Texts go in; the checkpoint's own tokenizer cuts them. The defaults are those of the
    subpopulation paper for BERT on IMDB [1]_ [2]_.

    Parameters
    ----------
    checkpoint : str or path-like
        Folder with a model and its tokenizer, as `save_pretrained` writes them, or the
        name of one on the Hugging Face hub, which is then downloaded. Code that it
        brings is not run.

    revision : str, default="main"
        Which version of a checkpoint on the hub: the hash of a commit is one that
        nobody can change afterwards, a branch or a tag may move. A folder has one only.

    max_length : int, default=256
        Texts are cut after so many tokens. The time of a batch grows with its longest
        text.

    optimizer : class of torch.optim.Optimizer, default=torch.optim.AdamW
        The optimizer.

    lr : float, default=1e-5
        Learning rate at the start.

    max_epochs : int, default=4
        Number of passes over the training rows.

    batch_size : int, default=16
        Rows of a minibatch.

    freeze : {"features"}, list of str or None, default=None
        ``None`` fine-tunes every parameter, which is BERT-FT in the paper.
        ``"features"`` trains the last linear layer alone. The paper's BERT-LL trains
        the last of BERT's 12 blocks, too:
        ``["*embeddings*", "*.layer.[0-9].*", "*.layer.10.*", "*pooler*"]``.

    schedule : {"linear"} or None, default="linear"
        Whether the learning rate falls to 0 over the epochs.

    layer : str or int, default="penultimate"
        Layer that `transform` gives, see :class:`SeededNetClassifier`. The mean over
        the tokens of BERT's last block is ``"model.bert.encoder"``.

    device : str or torch.device, default="auto"
        Where to compute. ``"auto"`` is the first GPU, or else the CPU.

    random_state : int, RandomState instance or None, default=None
        Seed of the new last layer, shuffles and dropout.

    verbose : int, default=0
        Whether to print a line for each epoch.

    **kwargs : dict
        Other parameters of :class:`SeededNetClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.

    module_ : torch.nn.Module
        The network; ``module_.model`` is the model of transformers.

    tokenizer_ : transformers.PreTrainedTokenizerBase
        The checkpoint's tokenizer.

    history_ : skorch.history.History
        Losses of each epoch.

    Raises
    ------
    ValueError
        If there is no such checkpoint, it cannot classify texts, or texts are empty.

    See Also
    --------
    SeededNetClassifier : The classifier that this one is.
    TextTransformer : A small transformer to train from scratch.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`
    .. [2] J. Devlin, M.-W. Chang, K. Lee, K. Toutanova. "BERT: Pre-training of Deep
       Bidirectional Transformers for Language Understanding", NAACL 2019.
       :arxiv:`1810.04805`

    Examples
    --------
    >>> from skpoison.nets import HuggingFaceClassifier
    >>> bert = HuggingFaceClassifier("bert-base-uncased", random_state=0)
    >>> bert.fit(["a fine film", "a dull film"], [1, 0])  # doctest: +SKIP
    """

    def __init__(
        self,
        checkpoint,
        *,
        revision="main",
        max_length=256,
        optimizer=torch.optim.AdamW,
        lr=1e-5,
        max_epochs=4,
        batch_size=16,
        freeze=None,
        schedule="linear",
        layer="penultimate",
        device="auto",
        random_state=None,
        verbose=0,
        **kwargs,
    ):
        super().__init__(
            **{"module": TextClassifier} | kwargs,
            optimizer=optimizer,
            lr=lr,
            max_epochs=max_epochs,
            batch_size=batch_size,
            freeze=freeze,
            schedule=schedule,
            layer=layer,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.checkpoint = checkpoint
        self.revision = revision
        self.max_length = max_length

    def fit(self, X, y, **fit_params):
        """Fine-tune the checkpoint.

        Parameters
        ----------
        X : array-like of str of shape (n_samples,)
            Texts.

        y : array-like of shape (n_samples,)
            Class labels of any kind.

        **fit_params : dict
            Passed to the module and to `train_split`.

        Returns
        -------
        self : HuggingFaceClassifier
            The fitted classifier.
        """
        check_arguments(self)
        if not (self.warm_start and self._has_seen_data()):
            self._load_tokenizer()
        return super().fit(X, y, **fit_params)

    def _make_module(self):
        with _clear_errors(self), _quiet():
            module = TextClassifier(self._make_model(), self._padding())
        most = getattr(module.model.config, "max_position_embeddings", self.max_length)
        if self.max_length > most:
            raise ValueError(
                f"max_length={self.max_length} of {type(self).__name__} must be at "
                f"most {most}, the places that {str(self.checkpoint)!r} knows."
            )
        return module

    def _make_model(self):
        auto = transformers.AutoModelForSequenceClassification
        model, report = auto.from_pretrained(
            self.checkpoint,
            revision=self.revision,
            num_labels=len(self.classes_),
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            trust_remote_code=False,
        )
        _check_loaded(model, report)
        return model

    def _load_tokenizer(self):
        with _clear_errors(self), _quiet():
            self.tokenizer_ = transformers.AutoTokenizer.from_pretrained(
                self.checkpoint,
                revision=self.revision,
                padding_side="right",
                trust_remote_code=False,
            )
        if self.tokenizer_.pad_token_id is None:
            raise ValueError(
                f"checkpoint={str(self.checkpoint)!r} of {type(self).__name__} has a "
                "tokenizer without a padding token. Set its pad_token, and save it."
            )

    def __getstate__(self):
        """Give the tokenizer and the architecture as texts, and the rest as arrays."""
        state = super().__getstate__()
        if hasattr(self, "tokenizer_"):
            state["tokenizer_"] = plain_tokenizer(self.tokenizer_)
        if hasattr(self, "module_"):
            state["_architecture"] = plain_architecture(self.module_.model)
        return state

    def _restore(self, trained, epochs, state):
        """Make the net again without its checkpoint."""
        if "tokenizer_" in state:
            state["tokenizer_"] = tokenizer_of(state["tokenizer_"])
        architecture = state.pop("_architecture", None)
        if architecture is not None:
            vars(self)["_make_model"] = partial(model_of, architecture)
        super()._restore(trained, epochs, state)
        vars(self).pop("_make_model", None)

    def _check_names(self, X, reset):
        """Texts have no features."""

    def _padding(self):
        return self.tokenizer_.pad_token_id

    def _rows(self, X):
        """Token numbers of texts; rows that are numbers have been cut before."""
        if isinstance(X, np.ndarray) and X.dtype.kind == "i" and X.ndim == 2:
            return X
        if not hasattr(self, "tokenizer_"):
            self._load_tokenizer()
        texts = check_texts(X, type(self).__name__)
        for i, text in enumerate(texts):
            if not text.isascii() and SURROGATE.search(text):
                raise ValueError(
                    f"Text number {i} that {type(self).__name__} was given is not "
                    "Unicode: it holds a lone surrogate. Read it with its encoding."
                )
        numbers = self.tokenizer_(
            texts,
            truncation=True,
            max_length=self.max_length,
            padding="max_length",
            return_attention_mask=False,
        )["input_ids"]
        return np.asarray(numbers, dtype=np.int64)


class TextClassifier(nn.Module):
    """Model of transformers that takes token numbers and gives logits."""

    def __init__(self, model, padding):
        super().__init__()
        self.model, self.padding = model, padding

    def forward(self, X):
        """Give the logits; columns that are padding in all rows are left out."""
        is_token = X.ne(self.padding)
        longest = int(is_token.sum(dim=1).max())
        X, is_token = X[:, :longest], is_token[:, :longest]
        return self.model(input_ids=X, attention_mask=is_token.long()).logits


def _check_loaded(model, report):
    """Raise where more than the head, which is new, and the pooler are not given."""
    missing = {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}
    encoder = f"{model.base_model_prefix}."
    lost = sorted(
        name for name in missing if name.startswith(encoder) and "pooler" not in name
    )
    if lost:
        raise ValueError(
            f"its weights are of another architecture than {type(model).__name__}: "
            f"{lost[:5]} are missing or of another shape."
        )


@contextmanager
def _clear_errors(net):
    """Say which checkpoint cannot be used."""
    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ValueError(
            f"checkpoint={str(net.checkpoint)!r} of {type(net).__name__} is no folder "
            "with a tokenizer and a model that classifies texts, nor the name of one "
            "on the Hugging Face hub that can be reached. The reason: "
            f"{str(error).strip().splitlines()[0]}"
        ) from error


@contextmanager
def _quiet():
    """Keep transformers from telling that the last layer is new, as it should be."""
    log = transformers.utils.logging
    verbosity, shows_bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if shows_bars:
            log.enable_progress_bar()
