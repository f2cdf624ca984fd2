"""Types of `skpoison.refit`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable, Sequence
from typing import Any, Literal, Never, TypeVar, overload

import numpy.typing as npt

from skpoison._typing import (
    Array,
    BoolArray,
    Classifier,
    FloatArray,
    Labels,
    Poison,
    Rows,
)

__all__ = [
    "RefitEnsemble",
    "refit_poisoned",
    "register_engine",
]

_EngineT = TypeVar("_EngineT", bound=Callable[..., Any])

class RefitEnsemble(Sequence[Any]):
    converged_: BoolArray
    gradient_norms_: FloatArray
    newton_decrements_: FloatArray
    fidelity_: Literal["refit", "influence"]
    engine_: str
    def __init__(
        self,
        estimator: Classifier,
        X: Rows,
        y: Array,
        poisons: Sequence[Poison],
        *,
        converged: npt.ArrayLike | None = None,
        gradient_norms: npt.ArrayLike | None = None,
    ) -> None: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, j: int) -> Any: ...
    @overload
    def __getitem__(self, j: slice) -> Never: ...
    def predict(self, X: Rows) -> Array: ...

def refit_poisoned(
    estimator: Classifier,
    X: Rows,
    y: Labels,
    poisons: Sequence[Poison],
    *,
    fidelity: Literal["refit", "influence"] = "refit",
    n_jobs: int | None = None,
) -> RefitEnsemble: ...
def register_engine(
    estimator_type: type[Any] | str,
    *,
    fidelity: Literal["refit", "influence"] = "refit",
    subclasses: bool = False,
) -> Callable[[_EngineT], _EngineT]: ...
