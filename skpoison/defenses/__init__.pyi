"""Types of `skpoison.defenses`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, Literal, Self, overload

import numpy.typing as npt
import pandas as pd

from skpoison._typing import (
    Array,
    BoolArray,
    Budgets,
    Classifier,
    Contamination,
    EstimatorClassifier,
    Finder,
    FloatArray,
    IntArray,
    Labels,
    LabelsT,
    RandomState,
    Request,
    Rows,
    RowsT,
    Transformer,
)
from skpoison.base import BaseSanitizer

__all__ = [
    "ActivationClustering",
    "ConfidentLearning",
    "DeepKNN",
    "FinePruning",
    "GroupRoni",
    "IterativeTrimmedLoss",
    "KNNSanitizer",
    "LabelFlipSmoothing",
    "LossFilter",
    "MultigroupRobustClassifier",
    "PartitionAggregation",
    "Roni",
    "Sever",
    "SlabFilter",
    "SpectralSignatures",
    "SphereFilter",
    "Trim",
    "TrustedFineTuning",
]

class _Sanitizer(BaseSanitizer):
    def _sanitize(self, X: Any, y: Array) -> tuple[BoolArray, FloatArray]: ...

class _TrustedClassifier(EstimatorClassifier):
    def fit(
        self,
        X: Rows,
        y: Labels,
        *,
        X_trusted: Rows | None = None,
        y_trusted: Labels | None = None,
    ) -> Self: ...
    def predict(self, X: Rows) -> Array: ...
    def predict_proba(self, X: Rows) -> FloatArray: ...
    def decision_function(self, X: Rows) -> FloatArray: ...
    def set_fit_request(
        self, *, X_trusted: Request = ..., y_trusted: Request = ...
    ) -> Self: ...

class _TrustingSanitizer(_Sanitizer):
    def fit(
        self,
        X: Rows,
        y: Labels,
        *,
        X_trusted: Rows | None = None,
        y_trusted: Labels | None = None,
    ) -> Self: ...
    @overload
    def fit_resample(
        self,
        X: RowsT,
        y: LabelsT,
        *,
        X_trusted: Rows | None = None,
        y_trusted: Labels | None = None,
    ) -> tuple[RowsT, LabelsT]: ...
    @overload
    def fit_resample(
        self,
        X: Rows,
        y: Labels,
        *,
        X_trusted: Rows | None = None,
        y_trusted: Labels | None = None,
    ) -> tuple[Any, Any]: ...
    def set_fit_request(
        self, *, X_trusted: Request = ..., y_trusted: Request = ...
    ) -> Self: ...
    def set_fit_resample_request(
        self, *, X_trusted: Request = ..., y_trusted: Request = ...
    ) -> Self: ...

class ActivationClustering(_Sanitizer):
    representation: Any
    analysis: Literal[
        "relative_size", "smaller", "silhouette", "distance", "reclassification"
    ]
    threshold: float | None
    max_share: float | None
    estimator: Any
    reduction: Literal["pca", "ica"]
    n_components: int
    random_state: RandomState
    representation_: Any
    cluster_shares_: FloatArray
    evidence_: FloatArray
    removed_: BoolArray
    def __init__(
        self,
        representation: Transformer | None = None,
        *,
        analysis: Literal[
            "relative_size", "smaller", "silhouette", "distance", "reclassification"
        ] = "relative_size",
        threshold: float | None = None,
        max_share: float | None = None,
        estimator: Classifier | None = None,
        reduction: Literal["pca", "ica"] = "pca",
        n_components: int = 10,
        random_state: RandomState = None,
    ) -> None: ...

class ConfidentLearning(_Sanitizer):
    estimator: Any
    contamination: Contamination
    max_share: float
    filter_by: Literal[
        "prune_by_noise_rate",
        "prune_by_class",
        "both",
        "confident_learning",
        "predicted_neq_given",
        "low_normalized_margin",
        "low_self_confidence",
    ]
    cv: int
    n_jobs: int | None
    random_state: RandomState
    pred_probs_: FloatArray
    issues_: BoolArray
    def __init__(
        self,
        estimator: Classifier | None = None,
        *,
        contamination: Contamination = "auto",
        max_share: float = 0.1,
        filter_by: Literal[
            "prune_by_noise_rate",
            "prune_by_class",
            "both",
            "confident_learning",
            "predicted_neq_given",
            "low_normalized_margin",
            "low_self_confidence",
        ] = "prune_by_noise_rate",
        cv: int = 5,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None: ...

class DeepKNN(_Sanitizer):
    representation: Any
    n_neighbors: int | None
    contamination: Contamination
    max_share: float
    normalize: bool
    class_weight: Literal["balanced"] | None
    n_jobs: int | None
    random_state: RandomState
    representation_: Any
    n_neighbors_: int
    def __init__(
        self,
        representation: Transformer | None = None,
        *,
        n_neighbors: int | None = None,
        contamination: Contamination = "auto",
        max_share: float = 0.1,
        normalize: bool = False,
        class_weight: Literal["balanced"] | None = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None: ...

class FinePruning(_TrustedClassifier):
    estimator: Any
    layer: int | str
    tolerance: float
    max_pruned: float
    n_epochs: int
    validation_size: float
    trusted_size: float
    random_state: RandomState
    estimator_: Any
    pruned_units_: IntArray
    activations_: FloatArray
    accuracy_path_: FloatArray
    n_trusted_: int
    def __init__(
        self,
        estimator: Classifier,
        *,
        layer: int | str = "penultimate",
        tolerance: float = 0.04,
        max_pruned: float = 0.9,
        n_epochs: int = 100,
        validation_size: float = 0.3,
        trusted_size: float = 0.1,
        random_state: RandomState = None,
    ) -> None: ...

class GroupRoni(_TrustingSanitizer):
    finder: Any
    estimator: Any
    n_clusters: int
    min_size: int
    contamination: Contamination
    max_share: float
    n_jobs: int | None
    random_state: RandomState
    finder_: Any
    groups_: pd.DataFrame
    def __init__(
        self,
        finder: Finder | None = None,
        *,
        estimator: Classifier | None = None,
        n_clusters: int = 30,
        min_size: int = 10,
        contamination: Contamination = "auto",
        max_share: float = 0.1,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None: ...

class IterativeTrimmedLoss(_Sanitizer):
    estimator: Any
    contamination: Contamination
    max_share: float
    n_rounds: int
    n_epochs: int
    early_share: float
    random_state: RandomState
    estimator_: Any
    n_iter_: int
    trained_on_: bool
    def __init__(
        self,
        estimator: Classifier | None = None,
        *,
        contamination: Contamination = "auto",
        max_share: float = 0.1,
        n_rounds: int = 10,
        n_epochs: int = 5,
        early_share: float = 0.1,
        random_state: RandomState = None,
    ) -> None: ...

class KNNSanitizer(_Sanitizer):
    representation: Any
    n_neighbors: int
    threshold: float
    action: Literal["remove", "relabel"]
    contamination: Contamination
    max_share: float
    n_jobs: int | None
    random_state: RandomState
    representation_: Any
    n_neighbors_: int
    relabeled_indices_: IntArray
    new_labels_: Array
    def __init__(
        self,
        representation: Transformer | None = None,
        *,
        n_neighbors: int = 10,
        threshold: float = 0.5,
        action: Literal["remove", "relabel"] = "remove",
        contamination: Contamination = "auto",
        max_share: float = 0.1,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None: ...
    @overload
    def fit_resample(self, X: RowsT, y: LabelsT) -> tuple[RowsT, LabelsT]: ...
    @overload
    def fit_resample(self, X: Rows, y: Labels) -> tuple[Any, Any]: ...

class LabelFlipSmoothing(EstimatorClassifier):
    representation: Any
    flip_probability: float
    ridge: float
    random_state: RandomState
    representation_: Any
    coef_: FloatArray
    intercept_: FloatArray
    def __init__(
        self,
        representation: Transformer | None = None,
        *,
        flip_probability: float = 0.1,
        ridge: float = 1.0,
        random_state: RandomState = None,
    ) -> None: ...
    def fit(self, X: Rows, y: Labels) -> Self: ...
    def predict(self, X: Rows) -> Array: ...
    def certified_radius(self, X: Rows) -> IntArray: ...
    def exact_radius(self, X: Rows) -> IntArray: ...
    @overload
    def certified_accuracy(self, X: Rows, y: Labels, n_flips: int) -> float: ...
    @overload
    def certified_accuracy(
        self, X: Rows, y: Labels, n_flips: Budgets
    ) -> FloatArray: ...

class LossFilter(_Sanitizer):
    estimator: Any
    contamination: Contamination
    max_share: float
    random_state: RandomState
    estimator_: Any
    def __init__(
        self,
        estimator: Classifier | None = None,
        *,
        contamination: Contamination = "auto",
        max_share: float = 0.1,
        random_state: RandomState = None,
    ) -> None: ...

class MultigroupRobustClassifier(EstimatorClassifier):
    estimator: Any
    finder: Any
    tolerance: float
    n_levels: int
    max_iter: int
    random_state: RandomState
    estimator_: Any
    finder_: Any
    updates_: FloatArray
    n_iter_: int
    residual_: float
    def __init__(
        self,
        estimator: Classifier,
        *,
        finder: Finder | None = None,
        tolerance: float = 0.0001,
        n_levels: int = 1,
        max_iter: int = 10000,
        random_state: RandomState = None,
    ) -> None: ...
    def fit(self, X: Rows, y: Labels) -> Self: ...
    def predict_proba(self, X: Rows) -> FloatArray: ...
    def predict(self, X: Rows) -> Array: ...

class PartitionAggregation(EstimatorClassifier):
    estimator: Any
    n_partitions: int
    spread: int
    partition_by: Literal["row", "features"]
    n_jobs: int | None
    random_state: RandomState
    estimators_: list[Any] | None
    offsets_: IntArray
    def __init__(
        self,
        estimator: Classifier | None = None,
        *,
        n_partitions: int = 50,
        spread: int = 1,
        partition_by: Literal["row", "features"] = "row",
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None: ...
    def fit(self, X: Rows, y: Labels) -> Self: ...
    def votes(self, X: Rows) -> IntArray: ...
    def predict_proba(self, X: Rows) -> FloatArray: ...
    def predict(self, X: Rows) -> Array: ...
    def certified_radius(self, X: Rows) -> IntArray: ...
    @overload
    def certified_accuracy(self, X: Rows, y: Labels, n_poison: int) -> float: ...
    @overload
    def certified_accuracy(
        self, X: Rows, y: Labels, n_poison: Budgets
    ) -> FloatArray: ...
    @overload
    def collective_certificate(
        self,
        X: Rows,
        y: Labels,
        n_poison: int,
        membership: npt.ArrayLike | None = None,
        *,
        time_limit: float = 10.0,
    ) -> int: ...
    @overload
    def collective_certificate(
        self,
        X: Rows,
        y: Labels,
        n_poison: Budgets,
        membership: npt.ArrayLike | None = None,
        *,
        time_limit: float = 10.0,
    ) -> IntArray: ...
    def get_metadata_routing(self) -> Any: ...

class Roni(_TrustingSanitizer):
    estimator: Any
    base_size: int
    quiz_size: int
    n_trials: int
    metric: Literal["accuracy", "log_loss"]
    fidelity: Literal["auto", "refit", "influence"]
    contamination: Contamination
    max_share: float
    n_jobs: int | None
    random_state: RandomState
    n_splits_: int
    n_judged_: IntArray
    fidelity_: Literal["refit", "influence"]
    def __init__(
        self,
        estimator: Classifier | None = None,
        *,
        base_size: int = 10,
        quiz_size: int = 50,
        n_trials: int = 10,
        metric: Literal["accuracy", "log_loss"] = "accuracy",
        fidelity: Literal["auto", "refit", "influence"] = "auto",
        contamination: Contamination = "auto",
        max_share: float = 0.1,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None: ...

class Sever(_Sanitizer):
    estimator: Any
    variant: Literal["published", "paper"]
    contamination: Contamination
    max_share: float
    max_iter: int
    random_state: RandomState
    estimator_: Any
    n_iter_: int
    def __init__(
        self,
        estimator: Classifier | None = None,
        *,
        variant: Literal["published", "paper"] = "published",
        contamination: Contamination = "auto",
        max_share: float = 0.1,
        max_iter: int = 5,
        random_state: RandomState = None,
    ) -> None: ...

class SlabFilter(_Sanitizer):
    representation: Any
    contamination: Contamination
    max_share: float
    random_state: RandomState
    representation_: Any
    centroids_: FloatArray
    nearest_: Array
    def __init__(
        self,
        representation: Transformer | None = None,
        *,
        contamination: Contamination = "auto",
        max_share: float = 0.1,
        random_state: RandomState = None,
    ) -> None: ...

class SpectralSignatures(_Sanitizer):
    representation: Any
    contamination: Contamination
    factor: float
    max_share: float
    random_state: RandomState
    representation_: Any
    def __init__(
        self,
        representation: Transformer | None = None,
        *,
        contamination: Contamination = "auto",
        factor: float = 1.5,
        max_share: float = 0.1,
        random_state: RandomState = None,
    ) -> None: ...

class SphereFilter(_Sanitizer):
    representation: Any
    contamination: Contamination
    max_share: float
    random_state: RandomState
    representation_: Any
    centroids_: FloatArray
    def __init__(
        self,
        representation: Transformer | None = None,
        *,
        contamination: Contamination = "auto",
        max_share: float = 0.1,
        random_state: RandomState = None,
    ) -> None: ...

class Trim(_Sanitizer):
    estimator: Any
    contamination: Contamination
    max_share: float
    max_iter: int
    random_state: RandomState
    estimator_: Any
    n_iter_: int
    def __init__(
        self,
        estimator: Classifier | None = None,
        *,
        contamination: Contamination = "auto",
        max_share: float = 0.1,
        max_iter: int = 5,
        random_state: RandomState = None,
    ) -> None: ...

class TrustedFineTuning(_TrustedClassifier):
    estimator: Any
    n_epochs: int
    weight: float
    trusted_size: float
    random_state: RandomState
    estimator_: Any
    n_trusted_: int
    def __init__(
        self,
        estimator: Classifier,
        *,
        n_epochs: int = 100,
        weight: float = 10.0,
        trusted_size: float = 0.1,
        random_state: RandomState = None,
    ) -> None: ...
