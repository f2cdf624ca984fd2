"""Types of `skpoison.finders`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy.typing as npt

from skpoison._typing import (
    BoolArray,
    Classifier,
    Clusterer,
    Columns,
    EstimatorTransformer,
    IntArray,
    Labels,
    ObjectArray,
    RandomState,
    Rows,
    Transformer,
)

__all__ = [
    "ClusterMatch",
    "FeatureMatch",
    "Representation",
    "SliceMatch",
]

class _PartitionFinder(EstimatorTransformer):
    def membership(self, X: Rows, target: int | str) -> BoolArray: ...
    def transform(self, X: Rows) -> Any: ...

class ClusterMatch(_PartitionFinder):
    n_clusters: int
    representation: Any
    n_components: int
    clusterer: Any
    sparse_output: bool
    random_state: RandomState
    sizes_: IntArray
    labels_: IntArray
    representation_: Any
    pca_: Any
    clusterer_: Any
    def __init__(
        self,
        n_clusters: int = 100,
        *,
        representation: Transformer | None = None,
        n_components: int = 10,
        clusterer: Clusterer | None = None,
        sparse_output: bool = False,
        random_state: RandomState = None,
    ) -> None: ...
    def fit(self, X: Rows, y: Labels | None = None) -> Self: ...
    def predict(self, X: Rows) -> IntArray: ...
    def get_feature_names_out(
        self, input_features: npt.ArrayLike | None = None
    ) -> ObjectArray: ...

class FeatureMatch(_PartitionFinder):
    features: Columns
    bins: int | Mapping[int | str, int] | None
    min_size: float
    max_size: float | None
    sparse_output: bool
    sizes_: IntArray
    def __init__(
        self,
        features: Columns,
        *,
        bins: int | Mapping[int | str, int] | None = None,
        min_size: float = 1,
        max_size: float | None = None,
        sparse_output: bool = False,
    ) -> None: ...
    def fit(self, X: Rows, y: Labels | None = None) -> Self: ...
    def predict(self, X: Rows) -> IntArray: ...
    def get_feature_names_out(
        self, input_features: npt.ArrayLike | None = None
    ) -> ObjectArray: ...

class Representation(EstimatorTransformer):
    estimator: Any
    layer: int | str
    pooling: Literal["mean"] | None
    n_components: int | None
    estimator_: Any
    pca_: Any
    def __init__(
        self,
        estimator: Classifier,
        layer: int | str = "penultimate",
        *,
        pooling: Literal["mean"] | None = "mean",
        n_components: int | None = None,
    ) -> None: ...
    def fit(self, X: Rows, y: Labels | None = None) -> Self: ...
    def transform(self, X: Rows) -> Any: ...

class SliceMatch(EstimatorTransformer):
    max_depth: int
    min_size: float
    max_size: float | None
    features: Columns | None
    bins: int | Mapping[int | str, int]
    sparse_output: bool
    sizes_: IntArray
    def __init__(
        self,
        max_depth: int = 3,
        *,
        min_size: float = 0.01,
        max_size: float | None = None,
        features: Columns | None = None,
        bins: int | Mapping[int | str, int] = 5,
        sparse_output: bool = False,
    ) -> None: ...
    def fit(self, X: Rows, y: Labels | None = None) -> Self: ...
    def membership(self, X: Rows, target: int | str) -> BoolArray: ...
    def transform(self, X: Rows) -> Any: ...
    def get_feature_names_out(
        self, input_features: npt.ArrayLike | None = None
    ) -> ObjectArray: ...
