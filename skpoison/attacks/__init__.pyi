"""Types of `skpoison.attacks`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from skpoison._typing import (
    Array,
    BoolArray,
    Cache,
    Classifier,
    EstimatorClassifier,
    Finder,
    FloatArray,
    IntArray,
    Labels,
    Poisoner,
    PoisonLabel,
    RandomState,
    Rows,
    Sampler,
    Target,
    TargetModel,
)
from skpoison.base import BaseSubpopPoisoner

__all__ = [
    "BackdoorPoisoner",
    "DefenseAwarePoisoner",
    "FeatureConstraints",
    "FeatureTrigger",
    "GradientPoisoner",
    "ImpossibilityPoisoner",
    "InfluencePoisoner",
    "KKTPoisoner",
    "ModelTargetedPoisoner",
    "OneHotGroup",
    "PoisonedClassifier",
    "SpecificRows",
    "SubpopPoisoner",
    "WitchesBrewPoisoner",
    "everything",
    "model_lower_bound",
    "reachability_bound",
]

class _Poisoner(BaseSubpopPoisoner):
    def _craft(
        self,
        X: Any,
        y: Array,
        members: IntArray,
        n_poison: int,
        random_state: np.random.RandomState,
    ) -> tuple[Any, Array, IntArray]: ...

class BackdoorPoisoner(_Poisoner):
    trigger: Callable[[Any], Any] | None
    trigger_: Callable[[Any], Any]
    def __init__(
        self,
        finder: Finder | None = None,
        *,
        target: Target = 0,
        alpha: float = 1.0,
        relative_to: Literal["train", "aux"] = "train",
        label: PoisonLabel = "constant",
        replace: bool = True,
        aux_size: float | None = None,
        surrogate: Classifier | None = None,
        trigger: Callable[[Any], Any] | None = None,
        random_state: RandomState = None,
    ) -> None: ...
    @property
    def test_time_requirement(self) -> str: ...
    def apply_trigger(self, X: Rows) -> Any: ...

class DefenseAwarePoisoner(_Poisoner):
    defense: Any
    tactics: tuple[str, ...]
    max_loss: float
    spread: float
    max_copies: float
    n_neighbors: int
    n_rounds: int
    rounds_: pd.DataFrame | None
    survival_: float | None
    tactic_: str | None
    def __init__(
        self,
        finder: Finder | None = None,
        *,
        defense: Sampler | None = None,
        target: Target = 0,
        alpha: float = 1.0,
        relative_to: Literal["train", "aux"] = "train",
        label: PoisonLabel = "constant",
        replace: bool = True,
        aux_size: float | None = None,
        surrogate: Classifier | None = None,
        tactics: tuple[str, ...] = ("copy", "loss", "density", "spread", "clump"),
        max_loss: float = 0.9,
        spread: float = 0.25,
        max_copies: float = 3.0,
        n_neighbors: int = 10,
        n_rounds: int = 4,
        random_state: RandomState = None,
    ) -> None: ...

class FeatureConstraints:
    lower: Any
    upper: Any
    integer: Any
    one_hot: Any
    immutable: Any
    step: Any
    eps: Any
    def __init__(
        self,
        lower: npt.ArrayLike | None = None,
        upper: npt.ArrayLike | None = None,
        *,
        integer: npt.ArrayLike | None = None,
        one_hot: Sequence[Sequence[int] | OneHotGroup] = (),
        immutable: npt.ArrayLike | None = None,
        step: npt.ArrayLike | None = None,
        eps: npt.ArrayLike | None = None,
    ) -> None: ...
    @classmethod
    def from_data(
        cls,
        X: Rows,
        *,
        immutable: npt.ArrayLike | None = None,
        step: npt.ArrayLike | None = None,
        eps: npt.ArrayLike | None = None,
    ) -> FeatureConstraints: ...
    def for_rows(self, X: Rows) -> FeatureConstraints: ...
    def resolve(
        self, shape: int | tuple[int, ...], names: list[str] | None = None
    ) -> FeatureConstraints: ...
    @property
    def movable(self) -> BoolArray: ...
    def moves(self, share: float) -> FloatArray: ...
    def project(self, X: Array, X0: Array | None = None) -> FloatArray: ...
    def relax(self, X: Array, X0: Array | None = None) -> FloatArray: ...
    def check(self, X: Array, owner: str, X0: Array | None = None) -> None: ...
    def describe(self, mask: BoolArray) -> str: ...

class FeatureTrigger:
    features: Any
    value: Any
    def __init__(
        self,
        features: int | str | tuple[Any, ...] | list[int] | list[str],
        value: npt.ArrayLike,
    ) -> None: ...
    def __call__(self, X: Rows) -> Any: ...

class GradientPoisoner(_Poisoner):
    objective: Literal["error", "loss"]
    constraints: FeatureConstraints | None
    n_steps: int
    step_size: float
    refit_every: int
    constraints_: FeatureConstraints | None
    objectives_: FloatArray | None
    inner_products_: FloatArray | None
    def __init__(
        self,
        finder: Finder | None = None,
        *,
        target: Target = 0,
        alpha: float = 1.0,
        relative_to: Literal["train", "aux"] = "train",
        label: PoisonLabel = "constant",
        replace: bool = True,
        aux_size: float | None = None,
        surrogate: Classifier | None = None,
        objective: Literal["error", "loss"] = "error",
        constraints: FeatureConstraints | None = None,
        n_steps: int = 30,
        step_size: float = 0.1,
        refit_every: int = 1,
        random_state: RandomState = None,
    ) -> None: ...

class ImpossibilityPoisoner(_Poisoner):
    alpha: Any
    swapped_classes_: Array
    noise_: float
    critical_alpha_: float
    def __init__(
        self,
        finder: Finder | None = None,
        *,
        target: Target = "smallest",
        alpha: float | Literal["critical"] = "critical",
        relative_to: Literal["train", "aux"] = "train",
        label: Literal["flip", "constant"] = "flip",
        aux_size: float | None = None,
        random_state: RandomState = None,
    ) -> None: ...

class InfluencePoisoner(_Poisoner):
    objective: Literal["error", "loss"]
    constraints: FeatureConstraints | None
    n_steps: int
    step_size: float
    refit_every: int
    damping: float
    solver: Literal["auto", "exact", "cg", "nystroem", "kfac"]
    constraints_: FeatureConstraints | None
    objectives_: FloatArray | None
    influences_: FloatArray | None
    min_eigenvalue_: float | None
    def __init__(
        self,
        finder: Finder | None = None,
        *,
        target: Target = 0,
        alpha: float = 1.0,
        relative_to: Literal["train", "aux"] = "train",
        label: PoisonLabel = "constant",
        replace: bool = True,
        aux_size: float | None = None,
        surrogate: Classifier | None = None,
        objective: Literal["error", "loss"] = "error",
        constraints: FeatureConstraints | None = None,
        n_steps: int = 30,
        step_size: float = 0.1,
        refit_every: int = 1,
        damping: float = 0.0,
        solver: Literal["auto", "exact", "cg", "nystroem", "kfac"] = "auto",
        random_state: RandomState = None,
    ) -> None: ...

class KKTPoisoner(_Poisoner):
    constraints: FeatureConstraints | None
    target_model: Any
    target_estimator_: Any
    lower_bound_: float | None
    gradient_norm_: float | None
    n_distinct_: int | None
    def __init__(
        self,
        finder: Finder | None = None,
        *,
        target: Target = 0,
        alpha: float = 1.0,
        relative_to: Literal["train", "aux"] = "train",
        label: PoisonLabel = "constant",
        replace: bool = True,
        aux_size: float | None = None,
        surrogate: Classifier | None = None,
        constraints: FeatureConstraints | None = None,
        target_model: Literal["auto"] | TargetModel = "auto",
        random_state: RandomState = None,
    ) -> None: ...

class ModelTargetedPoisoner(_Poisoner):
    constraints: FeatureConstraints | None
    target_model: Any
    polish: bool
    tol: float
    target_estimator_: Any
    lower_bound_: float | None
    loss_differences_: FloatArray | None
    n_reached_: int | None
    inner_gap_: float | None
    def __init__(
        self,
        finder: Finder | None = None,
        *,
        target: Target = 0,
        alpha: float = 1.0,
        relative_to: Literal["train", "aux"] = "train",
        label: PoisonLabel = "constant",
        replace: bool = True,
        aux_size: float | None = None,
        surrogate: Classifier | None = None,
        constraints: FeatureConstraints | None = None,
        target_model: Literal["auto"] | TargetModel = "auto",
        polish: bool = True,
        tol: float = 0.05,
        random_state: RandomState = None,
    ) -> None: ...

@dataclass(frozen=True, eq=False)
class OneHotGroup:
    columns: Array
    exactly_one: bool = True

class PoisonedClassifier(EstimatorClassifier):
    estimator: Any
    poisoner: Any
    memory: Any
    estimator_: Any
    poisoner_: Any
    def __init__(
        self,
        estimator: Classifier,
        poisoner: Poisoner,
        memory: str | Cache | None = None,
    ) -> None: ...
    def fit(self, X: Rows, y: Labels) -> Self: ...
    @property
    def clean_estimator_(self) -> Any: ...
    def predict(self, X: Rows) -> Array: ...
    def predict_proba(self, X: Rows) -> FloatArray: ...
    def decision_function(self, X: Rows) -> FloatArray: ...
    def get_metadata_routing(self) -> Any: ...

class SpecificRows:
    rows: Any
    def __init__(self, rows: Rows) -> None: ...
    def __call__(self, X: Rows) -> BoolArray: ...

class SubpopPoisoner(_Poisoner): ...

class WitchesBrewPoisoner(_Poisoner):
    targets: Any
    n_targets: int
    eps: float
    constraints: FeatureConstraints | None
    n_steps: int
    step_size: float
    n_restarts: int
    augment: Literal["shift_flip"] | Callable[[Any, Any], Any] | None
    target_rows_: Any
    target_indices_: IntArray
    target_label_: Any
    adversarial_label_: Any
    matching_losses_: FloatArray
    def __init__(
        self,
        finder: Finder | None = None,
        *,
        target: Target = 0,
        alpha: float = 1.0,
        relative_to: Literal["train", "aux"] = "train",
        label: PoisonLabel = "constant",
        replace: bool = True,
        aux_size: float | None = None,
        surrogate: Classifier | None = None,
        targets: Literal["subpopulation", "random"] | Rows = "subpopulation",
        n_targets: int = 1,
        eps: float = 16 / 255,
        constraints: FeatureConstraints | None = None,
        n_steps: int = 250,
        step_size: float = 0.1,
        n_restarts: int = 8,
        augment: Literal["shift_flip"] | Callable[[Any, Any], Any] | None = None,
        random_state: RandomState = None,
    ) -> None: ...
    def success(self, estimator: Classifier) -> float: ...

def everything(X: Rows) -> BoolArray: ...
def model_lower_bound(
    estimator: Classifier,
    X: Rows,
    y: Labels,
    target_model: TargetModel,
    *,
    constraints: FeatureConstraints | None = None,
    max_iter: int = 200,
) -> float: ...
def reachability_bound(
    estimator: Classifier, X: Rows, y: Labels, target_model: TargetModel
) -> float: ...
