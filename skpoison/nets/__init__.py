"""The :mod:`skpoison.nets` module has networks of torch for tables, images and texts.

They need torch and skorch, which are imported when one of the names below is.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from importlib import import_module

_HOMES = {
    "ConvNet": "_conv_net",
    "HuggingFaceClassifier": "_hugging_face_classifier",
    "ResNet": "_resnet",
    "SeededNetClassifier": "_seeded_net_classifier",
    "TabularNet": "_tabular_net",
    "TextTokenizer": "_text_tokenizer",
    "TextTransformer": "_text_transformer",
    "VGG": "_vgg",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = import_module(f"{__name__}.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "skorch", "transformers"):
            raise
        extra = "huggingface" if error.name == "transformers" else "torch"
        raise ModuleNotFoundError(
            f"skpoison.nets.{name} needs {error.name}, which is not installed. Use: "
            f"pip install 'skpoison[{extra}]'",
            name=error.name,
        ) from error
    return getattr(home, name)


def __dir__():
    return sorted(__all__)
