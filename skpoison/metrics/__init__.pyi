"""Types of `skpoison.metrics`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, Self

import numpy.typing as npt
import pandas as pd

from skpoison._typing import Labels, Request, Rows

__all__ = [
    "collateral_damage",
    "collateral_damage_scorer",
    "damage_table",
    "target_damage",
    "target_damage_scorer",
    "target_error",
    "target_error_scorer",
]

class _PoisonScorer:
    def __call__(
        self,
        estimator: Any,
        X: Rows,
        y_true: Labels,
        *,
        membership: npt.ArrayLike | None = None,
    ) -> float: ...
    def get_metadata_routing(self) -> Any: ...
    def set_score_request(self, **kwargs: Request) -> Self: ...

collateral_damage_scorer: _PoisonScorer
target_damage_scorer: _PoisonScorer
target_error_scorer: _PoisonScorer

def collateral_damage(
    y_true: Labels,
    y_clean: Labels,
    y_poisoned: Labels,
    membership: npt.ArrayLike,
    *,
    sample_weight: npt.ArrayLike | None = None,
) -> float: ...
def damage_table(search: Any) -> pd.DataFrame: ...
def target_damage(
    y_true: Labels,
    y_clean: Labels,
    y_poisoned: Labels,
    membership: npt.ArrayLike,
    *,
    sample_weight: npt.ArrayLike | None = None,
) -> float: ...
def target_error(
    y_true: Labels,
    y_poisoned: Labels,
    membership: npt.ArrayLike,
    *,
    sample_weight: npt.ArrayLike | None = None,
) -> float: ...
