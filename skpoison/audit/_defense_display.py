"""What defenses leave of the damage, against the budget."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.audit._defense_tasks import NO_DEFENSE
from skpoison.audit._display_arguments import check_audit, check_drawing
from skpoison.audit._display_curves import draw_curve
from skpoison.audit._display_tools import (
    GREY,
    add_legend,
    distinct_labels,
    import_pyplot,
    show_percent,
)

KINDS = {
    "target": ("target_damage", "accuracy lost on the target"),
    "worst": ("worst_damage", "accuracy lost by the worst-off target"),
    "collateral": ("collateral_damage", "accuracy lost on all other rows"),
    "recall": ("recall", "poison that is removed"),
    "precision": ("precision", "poison among the removed rows"),
    "auc": ("auc", "AUC of the scores"),
    "clean_removed": ("clean_removed", "clean rows that are removed"),
    "target_removed": ("target_removed", "clean rows of the target that are removed"),
}
N_FAINT = 3


class DefenseDisplay:
    """Curves of the defenses: what is left of the damage, against the budget.

    It is recommended to use :meth:`from_audit` to create a display. All parameters
    are stored as attributes.

    Parameters
    ----------
    curves : DataFrame
        One row for each defense and alpha, with the columns defense, alpha, value, low
        and high; those of the defense "none" are drawn in grey. The ends of intervals
        may be NaN. Rows without a value are left out.

    kind : {"target", "worst", "collateral", "recall", "precision", "auc", \
            "clean_removed", "target_removed"}, default="target"
        What the values are.

    Attributes
    ----------
    ax_ : Axes
        Axes with the curves.

    figure_ : Figure
        Figure of the axes.

    lines_ : list of Line2D
        Curve of each defense, in the order of `curves`.

    fill_between_ : list of PolyCollection
        Interval band of each defense.

    legend_ : Legend
        Names of the defenses, shortened.

    See Also
    --------
    RemovalDisplay : Clean rows that each subpopulation loses.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from skpoison.audit import DefenseAudit, DefenseDisplay
    >>> from skpoison.defenses import Trim
    >>> from skpoison.finders import ClusterMatch
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> audit = DefenseAudit(
    ...     LogisticRegression(),
    ...     defenses=[Trim()],
    ...     finder=ClusterMatch(4),
    ...     random_state=0,
    ... )
    >>> display = DefenseDisplay.from_audit(audit.fit(scale(X), y))
    >>> [text.get_text() for text in display.legend_.get_texts()]
    ['no defense', 'Trim']
    """

    def __init__(self, *, curves, kind="target"):
        self.curves = curves
        self.kind = kind

    @classmethod
    def from_audit(
        cls,
        audit,
        *,
        poisoner=None,
        kind="target",
        ax=None,
        line_kwargs=None,
        fill_between_kwargs=None,
        legend_kwargs=None,
    ):
        """Draw the curves of a fitted audit.

        Parameters
        ----------
        audit : DefenseAudit
            A fitted audit.

        poisoner : str, default=None
            Name of the attack; `None` takes the first.

        kind : {"target", "worst", "collateral", "recall", "precision", "auc", \
                "clean_removed", "target_removed"}, default="target"
            What to draw, of the columns of `summary_`.

        ax : Axes, default=None
            Where to draw; `None` makes a figure.

        line_kwargs : dict, default=None
            Passed to each `ax.plot`.

        fill_between_kwargs : dict, default=None
            Passed to each `ax.fill_between`.

        legend_kwargs : dict, default=None
            Passed to `ax.legend`.

        Returns
        -------
        display : DefenseDisplay
            The display, drawn.
        """
        caller = f"{cls.__name__}.from_audit"
        check_audit(audit, "removed_", "DefenseAudit", caller)
        check_drawing(caller, poisoner=poisoner)
        _check_kind(kind, caller)
        summary = of_poisoner(audit.summary_, poisoner, caller)
        column = KINDS[kind][0]
        columns = [column, f"{column}_low", f"{column}_high"]
        curves = summary.reindex(columns=["defense", "alpha", *columns])
        curves.columns = ["defense", "alpha", "value", "low", "high"]
        return cls(curves=curves, kind=kind).plot(
            ax,
            line_kwargs=line_kwargs,
            fill_between_kwargs=fill_between_kwargs,
            legend_kwargs=legend_kwargs,
        )

    def plot(
        self,
        ax=None,
        *,
        line_kwargs=None,
        fill_between_kwargs=None,
        legend_kwargs=None,
    ):
        """Draw the curves.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; `None` makes a figure.

        line_kwargs : dict, default=None
            Passed to each `ax.plot`.

        fill_between_kwargs : dict, default=None
            Passed to each `ax.fill_between`.

        legend_kwargs : dict, default=None
            Passed to `ax.legend`.

        Returns
        -------
        display : DefenseDisplay
            The display itself.
        """
        _check_kind(self.kind, type(self).__name__)
        check_drawing(
            f"{type(self).__name__}.plot",
            ax=ax,
            line_kwargs=line_kwargs,
            fill_between_kwargs=fill_between_kwargs,
            legend_kwargs=legend_kwargs,
        )
        line_kwargs = line_kwargs or {}
        plt = import_pyplot(f"{type(self).__name__}.plot")
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.fill_between_ = [], []
        known = self.curves[self.curves["value"].notna()]
        names = list(dict.fromkeys(known["defense"]))
        others = [name for name in names if name != NO_DEFENSE]
        if NO_DEFENSE in names:
            self._add(known, NO_DEFENSE, 0, len(names), {"color": GREY, **line_kwargs})
        for i, name in enumerate(others):
            self._add(known, name, i, len(names), line_kwargs, fill_between_kwargs)
        ordered = [NO_DEFENSE] * (NO_DEFENSE in names) + others
        self._finish(ordered, legend_kwargs or {})
        return self

    def _add(self, curves, name, place, n, line_kwargs, fill_between_kwargs=None):
        curve = curves[curves["defense"] == name]
        line, band = draw_curve(
            self.ax_,
            *(curve[c].to_numpy(float) for c in ("alpha", "value", "low", "high")),
            place=place,
            faint=n > N_FAINT,
            line_kwargs=line_kwargs,
            fill_between_kwargs=fill_between_kwargs,
        )
        self.lines_.append(line)
        self.fill_between_.append(band)

    def _finish(self, names, legend_kwargs):
        self.ax_.set(
            xlabel="alpha: poison rows / rows of the target in training",
            ylabel=KINDS[self.kind][1],
        )
        self.ax_.set_xlim(left=0)
        if self.kind in ("target", "worst", "collateral"):
            self.ax_.axhline(0, color=GREY, linewidth=0.8, zorder=1)
        show_percent(self.ax_.yaxis)
        named = ["no defense" if name == NO_DEFENSE else name for name in names]
        labels = distinct_labels(named, np.arange(len(named)), width=36)
        self.legend_ = add_legend(self.ax_, list(self.lines_), labels, **legend_kwargs)


def _check_kind(kind, caller):
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"{caller}: kind must be one of {list(KINDS)}, got {kind!r}.")


def of_poisoner(table, poisoner, caller):
    """Rows of one attack, or of the first."""
    known = list(dict.fromkeys(table["poisoner"]))
    if poisoner is not None and poisoner not in known:
        raise ValueError(
            f"{caller}: poisoner must be one of {known}, got {poisoner!r}."
        )
    return table[table["poisoner"] == (known[0] if poisoner is None else poisoner)]
