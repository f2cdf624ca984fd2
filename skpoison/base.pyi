"""Types of `skpoison.base`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from abc import abstractmethod
from typing import Any, Literal, Self, overload

import numpy as np
import numpy.typing as npt

from skpoison._typing import (
    Array,
    BoolArray,
    Classifier,
    EstimatorSampler,
    Finder,
    FloatArray,
    IntArray,
    Labels,
    LabelsT,
    PoisonLabel,
    RandomState,
    Request,
    Rows,
    RowsT,
    Target,
)

__all__ = [
    "BaseSanitizer",
    "BaseSubpopPoisoner",
]

class BaseSanitizer(EstimatorSampler):
    scores_: FloatArray
    @overload
    def fit_resample(self, X: RowsT, y: LabelsT) -> tuple[RowsT, LabelsT]: ...
    @overload
    def fit_resample(self, X: Rows, y: Labels) -> tuple[Any, Any]: ...
    @abstractmethod
    def _sanitize(self, X: Any, y: Array) -> tuple[npt.ArrayLike, npt.ArrayLike]: ...

class BaseSubpopPoisoner(EstimatorSampler):
    finder: Any
    target: Target
    alpha: float
    relative_to: Literal["train", "aux"]
    label: PoisonLabel
    replace: bool
    aux_size: float | None
    surrogate: Any
    random_state: RandomState
    finder_: Any
    target_name_: str
    n_poison_: int
    poison_mask_: BoolArray
    poison_label_: Any
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
        random_state: RandomState = None,
    ) -> None: ...
    @overload
    def fit_resample(
        self,
        X: RowsT,
        y: LabelsT,
        *,
        X_aux: Rows | None = None,
        y_aux: Labels | None = None,
    ) -> tuple[RowsT, LabelsT]: ...
    @overload
    def fit_resample(
        self,
        X: Rows,
        y: Labels,
        *,
        X_aux: Rows | None = None,
        y_aux: Labels | None = None,
    ) -> tuple[Any, Any]: ...
    def membership(self, X: Rows) -> BoolArray: ...
    @property
    def test_time_requirement(self) -> str: ...
    @abstractmethod
    def _craft(
        self,
        X: Any,
        y: Array,
        members: IntArray,
        n_poison: int,
        random_state: np.random.RandomState,
    ) -> tuple[Any, npt.ArrayLike, npt.ArrayLike]: ...
    def set_fit_resample_request(
        self, *, X_aux: Request = ..., y_aux: Request = ...
    ) -> Self: ...
