"""Types of `skpoison.influence`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, Literal, Self

import pandas as pd

from skpoison._typing import (
    Array,
    Classifier,
    Estimator,
    FloatArray,
    Labels,
    RandomState,
    Rows,
)

__all__ = [
    "SubpopulationInfluence",
]

class SubpopulationInfluence(Estimator):
    estimator: Any
    curvature: Literal["gauss_newton", "hessian"]
    damping: float
    solver: Literal["auto", "exact", "cg", "nystroem", "kfac"]
    rank: int
    random_state: RandomState
    estimator_: Any
    classes_: Array
    n_params_: int
    min_eigenvalue_: float
    verification_: pd.DataFrame | None
    def __init__(
        self,
        estimator: Classifier,
        *,
        curvature: Literal["gauss_newton", "hessian"] = "gauss_newton",
        damping: float = 0.0,
        solver: Literal["auto", "exact", "cg", "nystroem", "kfac"] = "auto",
        rank: int = 50,
        random_state: RandomState = None,
    ) -> None: ...
    def fit(self, X: Rows, y: Labels) -> Self: ...
    def score_rows(
        self,
        X_target: Rows,
        y_target: Labels,
        X: Rows | None = None,
        y: Labels | None = None,
        *,
        verify: int = 0,
    ) -> FloatArray: ...
    def feature_gradients(
        self, X_target: Rows, y_target: Labels, X_poison: Rows, y_poison: Labels
    ) -> FloatArray: ...
