"""Types that the stubs share; there is no such module at run time.

scikit-learn, imbalanced-learn and SciPy tell no types. A base class of theirs would
make every misspelled attribute pass, so what is inherited from them is declared here.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from abc import ABCMeta
from collections.abc import Callable, Sequence
from os import PathLike as _PathLike
from typing import Any, Literal, Protocol, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IntArray: TypeAlias = npt.NDArray[np.integer[Any]]
ObjectArray: TypeAlias = npt.NDArray[np.object_]

class SparseMatrix(Protocol):
    """Sparse matrix or array of SciPy."""

    def tocsr(self) -> Any: ...

class Frame(Protocol):
    """Frame of pandas or polars."""

    @property
    def columns(self) -> Any: ...
    def __len__(self) -> int: ...

class Series(Protocol):
    """Column of pandas or polars."""

    @property
    def name(self) -> Any: ...
    def to_numpy(self) -> Any: ...
    def __len__(self) -> int: ...

Rows: TypeAlias = npt.ArrayLike | SparseMatrix | Frame
Labels: TypeAlias = npt.ArrayLike | Series | Frame
# Containers that come back as they are: X and y of `fit_resample`.
RowsT = TypeVar("RowsT", bound=Array | list[Any] | Frame)
LabelsT = TypeVar("LabelsT", bound=Array | list[Any] | Series)

Budgets: TypeAlias = Sequence[int] | IntArray
ClassLabel: TypeAlias = str | bytes | int | float | np.generic
PoisonLabel: TypeAlias = (
    Literal["constant", "least_likely", "max_loss", "flip"] | ClassLabel
)
PathLike: TypeAlias = str | _PathLike[str]
RandomState: TypeAlias = int | np.random.RandomState | None
Request: TypeAlias = bool | str | None
Target: TypeAlias = int | str | Callable[[Any], npt.ArrayLike]
Columns: TypeAlias = int | str | slice | npt.ArrayLike | Callable[[Any], Any]
Contamination: TypeAlias = float | Literal["auto"]
Poison: TypeAlias = tuple[Rows, Labels]

class Classifier(Protocol):
    """What has `fit` and `predict`."""

    def fit(self, X: Any, y: Any, /) -> Any: ...
    def predict(self, X: Any, /) -> Any: ...

class Clusterer(Protocol):
    """What has `fit` and `predict`, and needs no labels."""

    def fit(self, X: Any, /) -> Any: ...
    def predict(self, X: Any, /) -> Any: ...

class Transformer(Protocol):
    """What has `fit` and `transform`."""

    def fit(self, X: Any, y: Any, /) -> Any: ...
    def transform(self, X: Any, /) -> Any: ...

class Sampler(Protocol):
    """What has `fit_resample`."""

    def fit_resample(self, X: Any, y: Any, /) -> Any: ...

class Poisoner(Protocol):
    """What has `fit_resample` and `membership`."""

    def fit_resample(self, X: Any, y: Any, /) -> Any: ...
    def membership(self, X: Any, /) -> Any: ...

class Cache(Protocol):
    """Cache of joblib."""

    def cache(self, func: Any, /) -> Any: ...

Finder: TypeAlias = Classifier | Clusterer | Transformer
Defense: TypeAlias = Sampler | Classifier
TargetModel: TypeAlias = Classifier | tuple[npt.ArrayLike, npt.ArrayLike]

class Bunch(dict[str, Any]):
    """Dictionary of scikit-learn whose keys are attributes as well."""

    def __getattr__(self, name: str) -> Any: ...

class Estimator:
    """What estimators of scikit-learn have."""

    _parameter_constraints: dict[str, Any]
    n_features_in_: int
    feature_names_in_: ObjectArray
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...
    def get_metadata_routing(self) -> Any: ...
    def __sklearn_tags__(self) -> Any: ...

class EstimatorClassifier(Estimator):
    """What classifiers of scikit-learn have."""

    classes_: Array
    def score(
        self, X: Rows, y: Labels, sample_weight: npt.ArrayLike | None = None
    ) -> float: ...
    def set_score_request(self, *, sample_weight: Request = ...) -> Self: ...

class EstimatorTransformer(Estimator):
    """What transformers of scikit-learn have."""

    def fit_transform(
        self, X: Rows, y: Labels | None = None, **fit_params: Any
    ) -> Any: ...
    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self: ...

class EstimatorSampler(Estimator, metaclass=ABCMeta):
    """What samplers of imbalanced-learn have."""

    classes_: Array
    sample_indices_: IntArray
    def fit(self, X: Rows, y: Labels) -> Self: ...
    def get_feature_names_out(
        self, input_features: npt.ArrayLike | None = None
    ) -> ObjectArray: ...
