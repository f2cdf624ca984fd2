"""Tokenizers and architectures of transformers as texts and numbers, and back."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import json

import transformers
from tokenizers import Tokenizer


def plain_tokenizer(tokenizer):
    """Give all that makes a tokenizer cut texts as it does, as JSON.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerFast
        Tokenizer of the package tokenizers; others are programs, which have no state.

    Returns
    -------
    text : str
        JSON.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise TypeError(
            f"{type(tokenizer).__name__} is no tokenizer of the package tokenizers and "
            "cannot be saved as plain values. Save the net with pickle, for yourself, "
            "or choose a checkpoint with a fast tokenizer."
        )
    named = {name: str(token) for name, token in tokenizer.special_tokens_map.items()}
    return json.dumps(
        {
            "tokenizer": tokenizer.backend_tokenizer.to_str(),
            "named": named,
            "padding_side": tokenizer.padding_side,
            "truncation_side": tokenizer.truncation_side,
            "input_names": tokenizer.model_input_names,
        }
    )


def tokenizer_of(text):
    """Make the tokenizer that `plain_tokenizer` told of."""
    state = json.loads(text)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(state["tokenizer"]),
        padding_side=state["padding_side"],
        truncation_side=state["truncation_side"],
        model_input_names=state["input_names"],
        **state["named"],
    )


def plain_architecture(model):
    """Give the configuration of a model as JSON."""
    return model.config.to_json_string(use_diff=False)


def model_of(text):
    """Make a model that `plain_architecture` told of, with weights yet to be set.

    No code of a checkpoint is run: the architecture is one that transformers knows.
    """
    config = json.loads(text)
    config.pop("auto_map", None)
    config = transformers.AutoConfig.for_model(**config)
    return transformers.AutoModelForSequenceClassification.from_config(
        config, trust_remote_code=False
    )
