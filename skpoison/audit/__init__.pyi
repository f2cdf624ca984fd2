"""Types of `skpoison.audit`."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, TypeAlias

import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import (
    LineCollection,
    PathCollection,
    PolyCollection,
    QuadMesh,
)
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from skpoison._typing import (
    Array,
    Classifier,
    Defense,
    Estimator,
    Finder,
    FloatArray,
    Labels,
    ObjectArray,
    PathLike,
    RandomState,
    Request,
    Rows,
    Sampler,
    Target,
)
from skpoison.base import BaseSubpopPoisoner
from skpoison.defenses import PartitionAggregation

__all__ = [
    "BracketDisplay",
    "DamageDisplay",
    "DefenseAudit",
    "DefenseDisplay",
    "RemovalDisplay",
    "SubpopulationAudit",
    "VulnerabilityDisplay",
    "accuracy_bracket",
    "compare_attacks",
    "transfer_matrix",
]

_Classifiers: TypeAlias = Mapping[str, Classifier] | Sequence[Classifier]
_Defenses: TypeAlias = Mapping[str, Defense] | Sequence[Defense]
_Poisoners: TypeAlias = Mapping[str, BaseSubpopPoisoner] | Sequence[BaseSubpopPoisoner]
_Fidelity: TypeAlias = Literal["refit", "influence"]
_Kind: TypeAlias = Literal["target", "collateral"]
_DefenseKind: TypeAlias = Literal[
    "target",
    "worst",
    "collateral",
    "recall",
    "precision",
    "auc",
    "clean_removed",
    "target_removed",
]
_Kwargs: TypeAlias = Mapping[str, Any]

class _BaseAudit(Estimator):
    def set_callbacks(self, *callbacks: Any) -> Self: ...
    def to_html(self, path: PathLike) -> None: ...

class BracketDisplay:
    table: pd.DataFrame
    ax_: Axes
    figure_: Figure
    certified_lines_: list[Line2D]
    attacked_lines_: list[Line2D]
    fill_between_: list[PolyCollection]
    legend_: Legend
    def __init__(self, *, table: pd.DataFrame) -> None: ...
    @classmethod
    def from_bracket(
        cls,
        attacks: _Poisoners,
        estimator: PartitionAggregation,
        X: Rows,
        y: Labels,
        *,
        ax: Axes | None = None,
        line_kwargs: _Kwargs | None = None,
        fill_between_kwargs: _Kwargs | None = None,
        legend_kwargs: _Kwargs | None = None,
        **bracket_params: Any,
    ) -> Self: ...
    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame,
        *,
        targets: list[str] | None = None,
        ax: Axes | None = None,
        line_kwargs: _Kwargs | None = None,
        fill_between_kwargs: _Kwargs | None = None,
        legend_kwargs: _Kwargs | None = None,
    ) -> Self: ...
    def plot(
        self,
        ax: Axes | None = None,
        *,
        line_kwargs: _Kwargs | None = None,
        fill_between_kwargs: _Kwargs | None = None,
        legend_kwargs: _Kwargs | None = None,
    ) -> Self: ...

class DamageDisplay:
    curves: pd.DataFrame
    null: pd.DataFrame | None
    kind: _Kind
    fidelity: _Fidelity
    ax_: Axes
    figure_: Figure
    lines_: list[Line2D]
    fill_between_: list[PolyCollection]
    null_line_: Line2D | None
    legend_: Legend
    def __init__(
        self,
        *,
        curves: pd.DataFrame,
        null: pd.DataFrame | None = None,
        kind: _Kind = "target",
        fidelity: _Fidelity = "refit",
    ) -> None: ...
    @classmethod
    def from_audit(
        cls,
        audit: SubpopulationAudit,
        *,
        subpopulations: Sequence[int | str] | None = None,
        kind: _Kind = "target",
        ax: Axes | None = None,
        line_kwargs: _Kwargs | None = None,
        fill_between_kwargs: _Kwargs | None = None,
        legend_kwargs: _Kwargs | None = None,
    ) -> Self: ...
    def plot(
        self,
        ax: Axes | None = None,
        *,
        line_kwargs: _Kwargs | None = None,
        fill_between_kwargs: _Kwargs | None = None,
        legend_kwargs: _Kwargs | None = None,
    ) -> Self: ...

class DefenseAudit(_BaseAudit):
    estimator: Any
    defenses: _Defenses
    poisoners: _Poisoners | None
    finder: Any
    targets: Sequence[int | str] | None
    alphas: npt.ArrayLike
    n_repeats: int
    trusted_size: float | None
    min_test: int
    n_jobs: int | None
    checkpoint: PathLike | None
    random_state: RandomState
    results_: pd.DataFrame
    summary_: pd.DataFrame
    costs_: pd.DataFrame
    removed_: pd.DataFrame
    skipped_: pd.DataFrame
    finder_: Any
    clean_accuracy_: float
    n_samples_: dict[str, int]
    classes_: Array
    def __init__(
        self,
        estimator: Classifier,
        *,
        defenses: _Defenses,
        poisoners: _Poisoners | None = None,
        finder: Finder | None = None,
        targets: Sequence[int | str] | None = None,
        alphas: npt.ArrayLike = (0.5, 1.0, 2.0),
        n_repeats: int = 1,
        trusted_size: float | None = None,
        min_test: int = 30,
        n_jobs: int | None = None,
        checkpoint: PathLike | None = None,
        random_state: RandomState = None,
    ) -> None: ...
    def fit(
        self,
        X: Rows,
        y: Labels,
        *,
        X_aux: Rows | None = None,
        y_aux: Labels | None = None,
        X_test: Rows | None = None,
        y_test: Labels | None = None,
    ) -> Self: ...
    def set_fit_request(
        self,
        *,
        X_aux: Request = ...,
        X_test: Request = ...,
        y_aux: Request = ...,
        y_test: Request = ...,
    ) -> Self: ...

class DefenseDisplay:
    curves: pd.DataFrame
    kind: _DefenseKind
    ax_: Axes
    figure_: Figure
    lines_: list[Line2D]
    fill_between_: list[PolyCollection]
    legend_: Legend
    def __init__(
        self,
        *,
        curves: pd.DataFrame,
        kind: _DefenseKind = "target",
    ) -> None: ...
    @classmethod
    def from_audit(
        cls,
        audit: DefenseAudit,
        *,
        poisoner: str | None = None,
        kind: _DefenseKind = "target",
        ax: Axes | None = None,
        line_kwargs: _Kwargs | None = None,
        fill_between_kwargs: _Kwargs | None = None,
        legend_kwargs: _Kwargs | None = None,
    ) -> Self: ...
    def plot(
        self,
        ax: Axes | None = None,
        *,
        line_kwargs: _Kwargs | None = None,
        fill_between_kwargs: _Kwargs | None = None,
        legend_kwargs: _Kwargs | None = None,
    ) -> Self: ...

class RemovalDisplay:
    removed: pd.DataFrame
    ax_: Axes
    figure_: Figure
    mesh_: QuadMesh
    text_: ObjectArray
    def __init__(self, *, removed: pd.DataFrame) -> None: ...
    @classmethod
    def from_audit(
        cls,
        audit: DefenseAudit,
        *,
        poisoner: str | None = None,
        alpha: float | None = None,
        n_subpopulations: int = 10,
        ax: Axes | None = None,
    ) -> Self: ...
    def plot(self, ax: Axes | None = None) -> Self: ...

class SubpopulationAudit(_BaseAudit):
    estimator: Any
    finder: Any
    poisoner: BaseSubpopPoisoner | None
    alphas: npt.ArrayLike
    defense: Any
    n_repeats: int
    fidelity: _Fidelity
    poison_before: str | None
    min_test: int
    n_jobs: int | None
    checkpoint: PathLike | None
    random_state: RandomState
    results_: pd.DataFrame
    null_: pd.DataFrame
    curves_: pd.DataFrame
    summary_: pd.DataFrame
    worst_k_: pd.DataFrame
    susceptibility_: pd.DataFrame
    skipped_: pd.DataFrame
    finder_: Any
    clean_accuracy_: float
    n_samples_: dict[str, int]
    classes_: Array
    def __init__(
        self,
        estimator: Classifier,
        *,
        finder: Finder | None = None,
        poisoner: BaseSubpopPoisoner | None = None,
        alphas: npt.ArrayLike = (0.5, 1.0, 2.0),
        defense: Sampler | None = None,
        n_repeats: int = 1,
        fidelity: _Fidelity = "refit",
        poison_before: str | None = None,
        min_test: int = 30,
        n_jobs: int | None = None,
        checkpoint: PathLike | None = None,
        random_state: RandomState = None,
    ) -> None: ...
    def fit(
        self,
        X: Rows,
        y: Labels,
        *,
        X_aux: Rows | None = None,
        y_aux: Labels | None = None,
        X_test: Rows | None = None,
        y_test: Labels | None = None,
    ) -> Self: ...
    def set_fit_request(
        self,
        *,
        X_aux: Request = ...,
        X_test: Request = ...,
        y_aux: Request = ...,
        y_test: Request = ...,
    ) -> Self: ...

class VulnerabilityDisplay:
    table: pd.DataFrame
    x: list[str]
    alpha: float
    correlations: pd.DataFrame | None
    fidelity: _Fidelity
    axes_: ObjectArray
    figure_: Figure
    points_: list[PathCollection]
    error_bars_: list[LineCollection]
    labels_: list[list[Annotation]]
    spearman_: FloatArray
    def __init__(
        self,
        *,
        table: pd.DataFrame,
        x: list[str],
        alpha: float,
        correlations: pd.DataFrame | None = None,
        fidelity: _Fidelity = "refit",
    ) -> None: ...
    @classmethod
    def from_audit(
        cls,
        audit: SubpopulationAudit,
        *,
        x: str | Sequence[str] = ("n_train", "clean_accuracy"),
        alpha: float | None = None,
        n_labels: int = 3,
        ax: Axes | npt.ArrayLike | None = None,
        scatter_kwargs: _Kwargs | None = None,
    ) -> Self: ...
    def plot(
        self,
        ax: Axes | npt.ArrayLike | None = None,
        *,
        n_labels: int = 3,
        scatter_kwargs: _Kwargs | None = None,
    ) -> Self: ...

def accuracy_bracket(
    attacks: _Poisoners,
    estimator: PartitionAggregation,
    X: Rows,
    y: Labels,
    *,
    X_test: Rows,
    y_test: Labels,
    n_poison: npt.ArrayLike,
    X_aux: Rows | None = None,
    y_aux: Labels | None = None,
    finder: Finder | None = None,
    targets: Sequence[Target] = (0,),
    collective: bool = True,
    time_limit: float = 10.0,
    n_repeats: int = 5,
    n_jobs: int | None = None,
    random_state: RandomState = None,
) -> pd.DataFrame: ...
def compare_attacks(
    attacks: _Poisoners,
    estimator: Classifier,
    X: Rows,
    y: Labels,
    *,
    X_test: Rows,
    y_test: Labels,
    X_aux: Rows | None = None,
    y_aux: Labels | None = None,
    n_repeats: int = 5,
    n_jobs: int | None = None,
    random_state: RandomState = None,
) -> pd.DataFrame: ...
def transfer_matrix(
    surrogates: _Classifiers,
    victims: _Classifiers,
    X: Rows,
    y: Labels,
    *,
    poisoner: BaseSubpopPoisoner,
    X_test: Rows,
    y_test: Labels,
    X_aux: Rows | None = None,
    y_aux: Labels | None = None,
    targets: Sequence[Target] | None = None,
    n_repeats: int = 5,
    n_jobs: int | None = None,
    random_state: RandomState = None,
) -> pd.DataFrame: ...
