"""Types of `skpoison.datasets`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, Literal, overload

import numpy.typing as npt

from skpoison._typing import Array, Bunch, FloatArray, IntArray, PathLike, RandomState

__all__ = [
    "fetch_adult",
    "fetch_cifar10",
    "fetch_imdb",
    "fetch_utkface",
    "get_data_home",
    "make_subpopulations",
]

@overload
def fetch_adult(
    *,
    data_home: PathLike | None = None,
    subset: Literal["train", "test", "all"] = "train",
    encoding: Literal["paper"] | None = None,
    balance: Literal["undersample", "paper"] | None = None,
    as_frame: bool = True,
    return_X_y: Literal[False] = False,
    download_if_missing: bool = True,
    random_state: RandomState = None,
) -> Bunch: ...
@overload
def fetch_adult(
    *,
    data_home: PathLike | None = None,
    subset: Literal["train", "test", "all"] = "train",
    encoding: Literal["paper"] | None = None,
    balance: Literal["undersample", "paper"] | None = None,
    as_frame: bool = True,
    return_X_y: Literal[True],
    download_if_missing: bool = True,
    random_state: RandomState = None,
) -> tuple[Any, Any]: ...
@overload
def fetch_adult(
    *,
    data_home: PathLike | None = None,
    subset: Literal["train", "test", "all"] = "train",
    encoding: Literal["paper"] | None = None,
    balance: Literal["undersample", "paper"] | None = None,
    as_frame: bool = True,
    return_X_y: bool = False,
    download_if_missing: bool = True,
    random_state: RandomState = None,
) -> Bunch | tuple[Any, Any]: ...
@overload
def fetch_cifar10(
    *,
    data_home: PathLike | None = None,
    subset: Literal["train", "test", "all"] = "all",
    split: Literal["correct", "paper"] | None = "correct",
    dtype: Literal["uint8", "float32"] = "uint8",
    return_X_y: Literal[False] = False,
    download_if_missing: bool = True,
    random_state: RandomState = None,
) -> Bunch: ...
@overload
def fetch_cifar10(
    *,
    data_home: PathLike | None = None,
    subset: Literal["train", "test", "all"] = "all",
    split: Literal["correct", "paper"] | None = "correct",
    dtype: Literal["uint8", "float32"] = "uint8",
    return_X_y: Literal[True],
    download_if_missing: bool = True,
    random_state: RandomState = None,
) -> tuple[Array, Array]: ...
@overload
def fetch_cifar10(
    *,
    data_home: PathLike | None = None,
    subset: Literal["train", "test", "all"] = "all",
    split: Literal["correct", "paper"] | None = "correct",
    dtype: Literal["uint8", "float32"] = "uint8",
    return_X_y: bool = False,
    download_if_missing: bool = True,
    random_state: RandomState = None,
) -> Bunch | tuple[Array, Array]: ...
@overload
def fetch_imdb(
    *,
    data_home: PathLike | None = None,
    subset: Literal["train", "test", "all"] = "all",
    split: Literal["correct", "paper"] | None = "correct",
    as_frame: bool = True,
    cache: bool = True,
    return_X_y: Literal[False] = False,
    download_if_missing: bool = True,
    random_state: RandomState = None,
) -> Bunch: ...
@overload
def fetch_imdb(
    *,
    data_home: PathLike | None = None,
    subset: Literal["train", "test", "all"] = "all",
    split: Literal["correct", "paper"] | None = "correct",
    as_frame: bool = True,
    cache: bool = True,
    return_X_y: Literal[True],
    download_if_missing: bool = True,
    random_state: RandomState = None,
) -> tuple[Any, Any]: ...
@overload
def fetch_imdb(
    *,
    data_home: PathLike | None = None,
    subset: Literal["train", "test", "all"] = "all",
    split: Literal["correct", "paper"] | None = "correct",
    as_frame: bool = True,
    cache: bool = True,
    return_X_y: bool = False,
    download_if_missing: bool = True,
    random_state: RandomState = None,
) -> Bunch | tuple[Any, Any]: ...
@overload
def fetch_utkface(
    *,
    data_home: PathLike | None = None,
    task: Literal["gender", "race", "age"] = "gender",
    min_age: int = 15,
    size: int | None = None,
    split: Literal["correct", "paper"] | None = "correct",
    dtype: Literal["uint8", "float32"] = "uint8",
    cache: bool = True,
    return_X_y: Literal[False] = False,
    random_state: RandomState = None,
) -> Bunch: ...
@overload
def fetch_utkface(
    *,
    data_home: PathLike | None = None,
    task: Literal["gender", "race", "age"] = "gender",
    min_age: int = 15,
    size: int | None = None,
    split: Literal["correct", "paper"] | None = "correct",
    dtype: Literal["uint8", "float32"] = "uint8",
    cache: bool = True,
    return_X_y: Literal[True],
    random_state: RandomState = None,
) -> tuple[Array, Array]: ...
@overload
def fetch_utkface(
    *,
    data_home: PathLike | None = None,
    task: Literal["gender", "race", "age"] = "gender",
    min_age: int = 15,
    size: int | None = None,
    split: Literal["correct", "paper"] | None = "correct",
    dtype: Literal["uint8", "float32"] = "uint8",
    cache: bool = True,
    return_X_y: bool = False,
    random_state: RandomState = None,
) -> Bunch | tuple[Array, Array]: ...
def get_data_home(data_home: PathLike | None = None) -> str: ...
@overload
def make_subpopulations(
    n_samples: int = 1000,
    n_subpopulations: int = 10,
    *,
    n_features: int = 2,
    n_classes: int = 2,
    noise: npt.ArrayLike = 0.0,
    weights: npt.ArrayLike | None = None,
    cluster_std: float = 0.15,
    spacing: float = 2.0,
    labels: npt.ArrayLike | None = None,
    shuffle: bool = True,
    return_clean_labels: Literal[False] = False,
    random_state: RandomState = None,
) -> tuple[FloatArray, IntArray, IntArray]: ...
@overload
def make_subpopulations(
    n_samples: int = 1000,
    n_subpopulations: int = 10,
    *,
    n_features: int = 2,
    n_classes: int = 2,
    noise: npt.ArrayLike = 0.0,
    weights: npt.ArrayLike | None = None,
    cluster_std: float = 0.15,
    spacing: float = 2.0,
    labels: npt.ArrayLike | None = None,
    shuffle: bool = True,
    return_clean_labels: Literal[True],
    random_state: RandomState = None,
) -> tuple[FloatArray, IntArray, IntArray, IntArray]: ...
@overload
def make_subpopulations(
    n_samples: int = 1000,
    n_subpopulations: int = 10,
    *,
    n_features: int = 2,
    n_classes: int = 2,
    noise: npt.ArrayLike = 0.0,
    weights: npt.ArrayLike | None = None,
    cluster_std: float = 0.15,
    spacing: float = 2.0,
    labels: npt.ArrayLike | None = None,
    shuffle: bool = True,
    return_clean_labels: bool = False,
    random_state: RandomState = None,
) -> (
    tuple[FloatArray, IntArray, IntArray]
    | tuple[FloatArray, IntArray, IntArray, IntArray]
): ...
