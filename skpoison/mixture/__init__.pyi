"""Types of `skpoison.mixture`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy.typing as npt
import pandas as pd

from skpoison._typing import (
    Array,
    Classifier,
    EstimatorClassifier,
    Finder,
    FloatArray,
    IntArray,
    Labels,
    RandomState,
    Rows,
)

__all__ = [
    "ImpossibilityBound",
    "SubpopulationMixtureClassifier",
    "critical_alpha",
    "impossibility_bound",
    "locality",
]

@dataclass(frozen=True, eq=False, repr=False)
class ImpossibilityBound:
    table: pd.DataFrame
    conditions: tuple[str, ...]
    n_samples: int
    smallest: str

class SubpopulationMixtureClassifier(EstimatorClassifier):
    finder: Any
    estimator: Any
    empty: Literal["error", "overall"]
    n_jobs: int | None
    random_state: RandomState
    finder_: Any
    names_: list[str]
    codes_: IntArray
    class_counts_: IntArray
    estimators_: list[Any] | None
    def __init__(
        self,
        finder: Finder | None = None,
        estimator: Classifier | None = None,
        *,
        empty: Literal["error", "overall"] = "error",
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None: ...
    def fit(self, X: Rows, y: Labels) -> Self: ...
    def predict(self, X: Rows) -> Array: ...
    def predict_proba(self, X: Rows) -> FloatArray: ...

def critical_alpha(
    estimator: Classifier,
    X: Rows,
    y: Labels,
    finder: Finder | None = None,
    *,
    X_test: Rows,
    y_test: Labels,
    label: Literal["flip", "constant"] = "flip",
    alphas: npt.ArrayLike | None = None,
    targets: Sequence[int | str] | None = None,
    noise: npt.ArrayLike | None = None,
    X_aux: Rows | None = None,
    y_aux: Labels | None = None,
    n_repeats: int = 3,
    n_jobs: int | None = None,
    random_state: RandomState = None,
) -> pd.DataFrame: ...
def impossibility_bound(
    finder: Finder | None,
    X: Rows,
    y: Labels,
    *,
    noise: npt.ArrayLike | None = None,
    random_state: RandomState = None,
) -> ImpossibilityBound: ...
def locality(
    estimator: Classifier,
    X: Rows,
    y: Labels,
    finder: Finder | None = None,
    *,
    X_test: Rows | None = None,
    n_changes: int = 20,
    share: float = 0.5,
    alpha: float = 1.0,
    n_jobs: int | None = None,
    random_state: RandomState = None,
) -> pd.DataFrame: ...
