"""Types of `skpoison.nets`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import numpy.typing as npt
import torch
from skorch import NeuralNetClassifier
from torch import Tensor, nn
from torch.optim import Optimizer

from skpoison._typing import (
    Array,
    Classifier,
    EstimatorTransformer,
    FloatArray,
    IntArray,
    Labels,
    ObjectArray,
    PathLike,
    RandomState,
    Request,
    Rows,
)

__all__ = [
    "VGG",
    "ConvNet",
    "HuggingFaceClassifier",
    "ResNet",
    "SeededNetClassifier",
    "TabularNet",
    "TextTokenizer",
    "TextTransformer",
]

class _EncodingNet(NeuralNetClassifier):
    @property
    def classes_(self) -> Array: ...
    def encode(self, y: Labels) -> IntArray: ...
    def predict(self, X: Rows) -> Array: ...
    def fit_transform(self, X: Rows, y: Labels, **fit_params: Any) -> FloatArray: ...
    def check_data(self, X: Array, y: Array) -> None: ...
    def get_dataset(self, X: Rows, y: Labels | None = None) -> Any: ...
    def get_iterator(self, dataset: Any, training: bool = False) -> Any: ...
    def evaluation_step(
        self, batch: tuple[Tensor, ...], training: bool = False
    ) -> Tensor: ...

class ConvNet(nn.Module):
    def __init__(
        self,
        n_channels: int,
        image_size: tuple[int, int],
        n_classes: int,
        width: int = 32,
        negative_slope: float = 0.1,
    ) -> None: ...
    def forward(self, X: Tensor) -> Tensor: ...

class HuggingFaceClassifier(SeededNetClassifier):
    checkpoint: PathLike
    revision: str
    max_length: int
    optimizer: type[Optimizer]
    lr: float
    max_epochs: int
    batch_size: int
    freeze: Literal["features"] | list[str] | None
    schedule: Literal["linear"] | None
    layer: str | int
    device: str | torch.device
    random_state: RandomState
    verbose: int
    module_: nn.Module
    tokenizer_: Any
    history_: Any
    def __init__(
        self,
        checkpoint: PathLike,
        *,
        revision: str = "main",
        max_length: int = 256,
        optimizer: type[Optimizer] = ...,
        lr: float = 1e-05,
        max_epochs: int = 4,
        batch_size: int = 16,
        freeze: Literal["features"] | list[str] | None = None,
        schedule: Literal["linear"] | None = "linear",
        layer: str | int = "penultimate",
        device: str | torch.device = "auto",
        random_state: RandomState = None,
        verbose: int = 0,
        **kwargs: Any,
    ) -> None: ...
    def fit(self, X: Rows, y: Labels, **fit_params: Any) -> Self: ...

class ResNet(nn.Module):
    def __init__(
        self, n_channels: int, n_classes: int, n_blocks: int = 3, width: int = 16
    ) -> None: ...
    def forward(self, X: Tensor) -> Tensor: ...

class SeededNetClassifier(_EncodingNet):
    module: type[nn.Module] | nn.Module
    criterion: type[nn.Module]
    optimizer: type[Optimizer]
    lr: float
    max_epochs: int
    batch_size: int
    train_split: Callable[..., Any] | None
    freeze: Literal["features"] | list[str] | None
    pretrained: Classifier | Mapping[str, Any] | PathLike | None
    layer: str | int
    schedule: Literal["linear"] | None
    augmentation: Literal["shift_and_flip"] | Callable[..., Any] | None
    mixed_precision: Literal["auto"] | bool
    device: str | torch.device
    n_threads: int | None
    random_state: RandomState
    verbose: int
    module_: nn.Module
    input_shape_: tuple[int, ...]
    takes_bytes_: bool
    n_features_in_: int
    feature_names_in_: ObjectArray
    history_: Any
    def __init__(
        self,
        module: type[nn.Module] | nn.Module,
        *,
        criterion: type[nn.Module] = ...,
        optimizer: type[Optimizer] = ...,
        lr: float = 0.001,
        max_epochs: int = 12,
        batch_size: int = 32,
        train_split: Callable[..., Any] | None = None,
        freeze: Literal["features"] | list[str] | None = None,
        pretrained: Classifier | Mapping[str, Any] | PathLike | None = None,
        layer: str | int = "penultimate",
        schedule: Literal["linear"] | None = None,
        augmentation: Literal["shift_and_flip"] | Callable[..., Any] | None = None,
        mixed_precision: Literal["auto"] | bool = "auto",
        device: str | torch.device = "auto",
        n_threads: int | None = 1,
        random_state: RandomState = None,
        verbose: int = 0,
        **kwargs: Any,
    ) -> None: ...
    def get_params(self, deep: bool = True, **kwargs: Any) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...
    def set_score_request(self, *, sample_weight: Request = ...) -> Self: ...
    def __sklearn_clone__(self) -> Self: ...
    def fit(self, X: Rows, y: Labels, **fit_params: Any) -> Self: ...
    def partial_fit(
        self,
        X: Rows,
        y: Labels | None = None,
        classes: npt.ArrayLike | None = None,
        **fit_params: Any,
    ) -> Self: ...
    def initialize_for(self, X: Rows, y: Labels) -> Self: ...
    def transform(self, X: Rows) -> FloatArray: ...
    def iter_activations(
        self,
        X: Rows,
        layer: str | int | None = None,
        pooling: Literal["mean"] | None = "mean",
    ) -> Iterator[Array]: ...
    def mixes_precision(self) -> bool: ...
    def initialize(self) -> Self: ...
    def initialize_module(self) -> Self: ...
    def infer(self, x: Tensor, **fit_params: Any) -> Tensor: ...

class TabularNet(nn.Module):
    def __init__(
        self,
        n_features: int,
        n_classes: int,
        hidden_layer_sizes: Sequence[int] = (10,),
        dropout: float = 0.0,
    ) -> None: ...
    def forward(self, X: Tensor) -> Tensor: ...

class TextTokenizer(EstimatorTransformer):
    max_tokens: int
    max_length: int
    min_df: int
    lowercase: bool
    token_pattern: str
    vocabulary_: dict[str, int]
    def __init__(
        self,
        max_tokens: int = 20000,
        max_length: int = 256,
        min_df: int = 2,
        lowercase: bool = True,
        token_pattern: str = "(?u)\\b\\w+\\b",
    ) -> None: ...
    def fit(self, X: npt.ArrayLike, y: Any = None) -> Self: ...
    def transform(self, X: npt.ArrayLike) -> Any: ...

class TextTransformer(nn.Module):
    def __init__(
        self,
        n_classes: int,
        n_tokens: int = 20000,
        max_length: int = 256,
        d_model: int = 64,
        n_layers: int = 1,
        n_heads: int = 4,
        d_feedforward: int = 128,
        dropout: float = 0.1,
    ) -> None: ...
    def forward(self, X: Tensor) -> Tensor: ...

class VGG(nn.Module):
    def __init__(
        self,
        n_channels: int,
        n_classes: int,
        n_layers: Literal[11, 13, 16, 19] = 16,
        width: int = 64,
        batch_norm: bool = True,
    ) -> None: ...
    def forward(self, X: Tensor) -> Tensor: ...
