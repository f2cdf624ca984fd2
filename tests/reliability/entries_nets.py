"""Entry points: texts and networks."""

import tempfile
from functools import cache

import numpy as np
from malformed import odd
from malformed_cases import (
    Argument,
    EntryPoint,
    always,
    count,
    either,
    flag,
    labels,
    new_rows,
    number,
    one_of,
    parameter,
    rows,
    seed,
)
from small_data import ENDLESS, classes, data, n_rows

# Networks: made when they are first asked for, as they import torch.


def make(name, **given):
    """Make a module, and say how many parameters it has."""
    from skpoison import nets

    def call(**parameters):
        module = getattr(nets, name)(**(given | parameters))
        return {"n": sum(p.numel() for p in module.parameters())}

    return call


def check_module(result, given):
    assert result["n"] > 0


LARGE = ["int 2**31", "int 10**18", "int 10**400"]
SIZE = parameter(3, count(1), but=LARGE)
RATE = parameter(0.0, number(0, 1))


def module(name, **parameters):
    return EntryPoint(
        f"nets.{name}",
        lambda **given: make(name)(**given),
        parameters,
        check_module,
        (f"skpoison.nets.{name}",),
    )


def texts():
    return ["a good film", "a bad film", "good, good"] * 4


def tokenize(X, **parameters):
    from skpoison.nets import TextTokenizer

    return TextTokenizer(**parameters).fit(X).transform(X)


def check_tokens(result, given):
    assert result.dtype == np.int64
    assert (result >= 0).all()
    assert (result[:, 0] > 0).all()


TEXTS = [
    odd("an empty text", lambda good: ["", *good[1:]]),
    odd("blanks", lambda good: ["  ", *good[1:]]),
    odd("None among them", lambda good: [None, *good[1:]]),
    odd("a number among them", lambda good: [1.5, *good[1:]]),
    odd("bytes", lambda good: [text.encode() for text in good]),
    odd("lone surrogates", lambda good: ["\ud800 word", *good[1:]]),
    odd("NUL", lambda good: ["a\0b", *good[1:]]),
    odd("no words", lambda good: ["...", "!!"] * 6),
    odd("a long text", lambda good: ["word " * 10**5, *good[1:]]),
    odd("a set", lambda good: set(good)),
    odd("a series", lambda good: __import__("pandas").Series(good)),
    odd("an array", lambda good: np.array(good)),
    odd("objects", lambda good: np.array(good, dtype=object)),
    odd("two dimensions", lambda good: np.array(good)[:, None]),
    odd("numbers", lambda good: np.zeros((12, 3))),
    odd("a text", lambda good: "a good film"),
    odd("nothing", lambda good: []),
]


# Classifiers.


def ask(net, X):
    """All that a net says of rows."""
    proba = net.predict_proba(X)
    return {"proba": proba, "labels": net.predict(X), "classes": net.classes_}


def train(X, y, **parameters):
    """Probabilities of a net that was trained on the rows."""
    from skpoison.nets import SeededNetClassifier, TabularNet

    net = SeededNetClassifier(TabularNet, module__hidden_layer_sizes=(3,), **parameters)
    net.fit(X, y)
    return {
        "proba": net.predict_proba(X),
        "labels": net.predict(X),
        "classes": net.classes_,
    }


@cache
def trained():
    from skpoison.nets import SeededNetClassifier, TabularNet

    net = SeededNetClassifier(TabularNet, max_epochs=1, random_state=0)
    return net.fit(data(), classes())


def predict(X):
    net = trained()
    return {
        "proba": net.predict_proba(X),
        "labels": net.predict(X),
        "classes": net.classes_,
    }


def check_net(result, given):
    """Labels are of the classes, and probabilities are some, in single precision."""
    assert len(result["labels"]) == len(result["proba"]) == n_rows(given["X"])
    assert set(result["labels"].tolist()) <= set(result["classes"].tolist())
    assert np.isfinite(result["proba"]).all()
    assert np.allclose(result["proba"].sum(axis=1), 1, atol=1e-4)


def is_text(value):
    return isinstance(value, str)


def frozen(value):
    """Patterns of names of parameters."""
    return value is None or value == "features" or all(map(is_text, value))


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "bad", "film", "good"]


@cache
def checkpoint():
    """Make a folder with a small model and its tokenizer."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tempfile.TemporaryDirectory()
    numbers = {word: i for i, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]"
    ).save_pretrained(folder.name)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=4,
        max_position_embeddings=8,
    )
    transformers.utils.logging.disable_progress_bar()
    transformers.BertModel(config).save_pretrained(folder.name)
    transformers.utils.logging.enable_progress_bar()
    return folder


def fine_tune(X, y, **parameters):
    from unittest.mock import patch

    from skpoison.nets import HuggingFaceClassifier

    with patch("huggingface_hub.constants.HF_HUB_OFFLINE", True):
        net = HuggingFaceClassifier(**parameters).fit(X, y)
    return {
        "proba": net.predict_proba(X),
        "labels": net.predict(X),
        "classes": net.classes_,
    }


def of_texts():
    return np.arange(12) % 2


NETS = [
    EntryPoint(
        "nets.TextTokenizer.fit",
        tokenize,
        {
            "X": Argument(texts, [*new_rows(texts).malformations[:20], *TEXTS], always),
            "max_tokens": parameter(50, count(3)),
            "max_length": parameter(4, count(1), but=LARGE),
            "min_df": parameter(1, count(1)),
            "lowercase": parameter(True, flag),
            "token_pattern": parameter(r"(?u)\b\w+\b", lambda p: isinstance(p, str)),
        },
        check_tokens,
        ("skpoison.nets.TextTokenizer",),
    ),
    module(
        "TabularNet",
        n_features=SIZE,
        n_classes=parameter(2, count(1), but=LARGE),
        hidden_layer_sizes=parameter(
            (3,), lambda sizes: all(count(1)(size) for size in sizes)
        ),
        dropout=RATE,
    ),
    module(
        "ConvNet",
        n_channels=SIZE,
        image_size=parameter((8, 8), lambda s: len(s) == 2 and all(map(count(8), s))),
        n_classes=SIZE,
        width=parameter(2, count(1), but=LARGE),
        negative_slope=parameter(0.1, number(0)),
    ),
    module(
        "ResNet",
        n_channels=SIZE,
        n_classes=SIZE,
        n_blocks=parameter(1, count(1), but=LARGE),
        width=parameter(2, count(1), but=LARGE),
    ),
    module(
        "VGG",
        n_channels=SIZE,
        n_classes=SIZE,
        n_layers=parameter(11, lambda n: n in (11, 13, 16, 19)),
        width=parameter(2, count(1), but=LARGE),
        batch_norm=parameter(True, flag),
    ),
    module(
        "TextTransformer",
        n_classes=SIZE,
        n_tokens=parameter(9, count(1), but=LARGE),
        max_length=parameter(4, count(1), but=LARGE),
        d_model=parameter(4, lambda d: count(1)(d) and d % 2 == 0, but=LARGE),
        n_layers=parameter(1, count(0), but=LARGE),
        n_heads=parameter(2, lambda h: h in (1, 2, 4)),
        d_feedforward=parameter(4, count(1), but=LARGE),
        dropout=RATE,
    ),
]
CLASSIFIERS = [
    EntryPoint(
        "nets.SeededNetClassifier.fit",
        train,
        {
            "X": rows(data),
            "y": labels(classes),
            "lr": parameter(0.01, number(0, 1e6)),
            "max_epochs": parameter(1, count(0), but=ENDLESS),
            "batch_size": parameter(16, either(count(1), count(-1, -1))),
            "freeze": parameter(None, frozen),
            "layer": parameter("penultimate", either(is_text, count())),
            "schedule": parameter(None, one_of(None, "linear")),
            "augmentation": parameter(None, either(one_of(None), callable)),
            "mixed_precision": parameter("auto", one_of("auto", True, False)),
            "n_threads": parameter(1, either(count(1), one_of(None)), but=ENDLESS),
            "random_state": parameter(0, seed),
        },
        check_net,
        ("skpoison.nets.SeededNetClassifier",),
    ),
    EntryPoint(
        "nets.SeededNetClassifier.predict", predict, {"X": new_rows(data)}, check_net
    ),
    EntryPoint(
        "nets.HuggingFaceClassifier.fit",
        fine_tune,
        {
            "X": Argument(texts, TEXTS, always),
            "y": labels(of_texts),
            "checkpoint": parameter(
                lambda: checkpoint().name, lambda path: path == checkpoint().name
            ),
            "max_length": parameter(4, count(1, 8)),
            "max_epochs": parameter(1, count(0), but=ENDLESS),
            "random_state": parameter(0, seed),
        },
        check_net,
        ("skpoison.nets.HuggingFaceClassifier",),
    ),
]
ENTRIES = [*NETS, *CLASSIFIERS]
