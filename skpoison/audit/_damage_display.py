"""Damage against budget."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

from skpoison.audit._display_arguments import check_audit, check_drawing
from skpoison.audit._display_curves import draw_curve, from_zero
from skpoison.audit._display_tools import (
    GREY,
    add_legend,
    distinct_labels,
    import_pyplot,
    show_percent,
)

KINDS = {
    "target": "accuracy lost on the target",
    "collateral": "accuracy lost on all other rows",
}
N_WORST = 5


class DamageDisplay:
    """Budget curves: the accuracy that an attack costs, against its size.

    It is recommended to use :meth:`from_audit` to create a display. All parameters
    are stored as attributes.

    Parameters
    ----------
    curves : DataFrame
        One row for each subpopulation and alpha, with the columns subpopulation,
        name, alpha, damage, low and high. Damage is a share of the test rows;
        rows without damage are left out.

    null : DataFrame, default=None
        Control with the columns alpha and damage: the mean damage of the same
        added rows with their true labels.

    kind : {"target", "collateral"}, default="target"
        Whether damage is that of the target or of all other rows.

    fidelity : {"refit", "influence"}, default="refit"
        Whether models were refitted or estimated; an estimate is labeled so.

    Attributes
    ----------
    ax_ : Axes
        Axes with the curves.

    figure_ : Figure
        Figure of the axes.

    lines_ : list of Line2D
        Curve of each subpopulation, in the order of `curves`.

    fill_between_ : list of PolyCollection
        Interval band of each subpopulation.

    null_line_ : Line2D or None
        The control.

    legend_ : Legend
        Names of the curves, shortened.

    See Also
    --------
    VulnerabilityDisplay : Damage against what is known before an attack.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from skpoison.audit import DamageDisplay, SubpopulationAudit
    >>> from skpoison.finders import ClusterMatch
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> finder = ClusterMatch(4, random_state=0)
    >>> audit = SubpopulationAudit(LogisticRegression(), finder=finder, random_state=0)
    >>> display = DamageDisplay.from_audit(audit.fit(scale(X), y))
    >>> [text.get_text() for text in display.legend_.get_texts()]
    ['cluster 1', 'cluster 2', 'cluster 0', 'true labels (mean)']
    """

    def __init__(self, *, curves, null=None, kind="target", fidelity="refit"):
        self.curves = curves
        self.null = null
        self.kind = kind
        self.fidelity = fidelity

    @classmethod
    def from_audit(
        cls,
        audit,
        *,
        subpopulations=None,
        kind="target",
        ax=None,
        line_kwargs=None,
        fill_between_kwargs=None,
        legend_kwargs=None,
    ):
        """Draw the budget curves of a fitted audit.

        Parameters
        ----------
        audit : SubpopulationAudit
            A fitted audit.

        subpopulations : list of int or str, default=None
            Numbers or names of subpopulations; `None` takes the five with the
            most damage.

        kind : {"target", "collateral"}, default="target"
            Damage of the target, or of all other rows.

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
        display : DamageDisplay
            The display, drawn.

        Notes
        -----
        Bands are the 95 % intervals of the audit. The grey control is the mean of
        the null arm over the subpopulations drawn.
        """
        caller = f"{cls.__name__}.from_audit"
        check_audit(audit, "curves_", "SubpopulationAudit", caller)
        check_drawing(caller, subpopulations=subpopulations)
        _check_kind(kind, caller)
        chosen = _choose(audit.summary_, subpopulations, caller)
        damage = f"{kind}_damage"
        columns = {damage: "damage", f"{damage}_low": "low", f"{damage}_high": "high"}
        curves = audit.curves_.rename(columns=columns).set_index("subpopulation")
        curves = curves.loc[chosen, ["name", "alpha", *columns.values()]].reset_index()
        display = cls(
            curves=curves,
            null=_mean_null(audit.null_, chosen, damage),
            kind=kind,
            fidelity=audit.fidelity,
        )
        return display.plot(
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
            Passed to `ax.legend`. By default the legend is below axes whose figure
            has a layout engine, and inside of others.

        Returns
        -------
        display : DamageDisplay
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
        plt = import_pyplot(f"{type(self).__name__}.plot")
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        ax.axhline(0, color=GREY, linewidth=0.8, zorder=1)
        self._plot_curves(line_kwargs or {}, fill_between_kwargs or {})
        self._plot_null(line_kwargs or {})
        self._finish(legend_kwargs or {})
        return self

    def _plot_curves(self, line_kwargs, fill_between_kwargs):
        self.lines_, self.fill_between_ = [], []
        groups = self.curves.groupby("subpopulation", sort=False)
        for i, (_, curve) in enumerate(groups):
            line, band = draw_curve(
                self.ax_,
                *from_zero(curve, ["damage", "low", "high"]),
                place=i,
                faint=len(groups) > N_WORST,
                line_kwargs=line_kwargs,
                fill_between_kwargs=fill_between_kwargs,
            )
            self.lines_.append(line)
            self.fill_between_.append(band)

    def _plot_null(self, line_kwargs):
        self.null_line_ = None
        if self.null is not None and len(self.null):
            style = {**line_kwargs, "color": GREY, "linestyle": (0, (4, 2))}
            (self.null_line_,) = self.ax_.plot(
                *from_zero(self.null, ["damage"]), **style
            )

    def _finish(self, legend_kwargs):
        estimate = "\n(influence estimate)" if self.fidelity == "influence" else ""
        self.ax_.set(
            xlabel="alpha: poison rows / rows of the target in training",
            ylabel=KINDS[self.kind] + estimate,
        )
        self.ax_.set_xlim(left=0)
        show_percent(self.ax_.yaxis)
        named = self.curves.drop_duplicates("subpopulation")
        names = distinct_labels(named["name"], named["subpopulation"], width=36)
        handles = list(self.lines_)
        if self.null_line_ is not None:
            handles, names = [*handles, self.null_line_], [*names, "true labels (mean)"]
        self.legend_ = add_legend(self.ax_, handles, names, **legend_kwargs)


def _check_kind(kind, caller):
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"{caller}: kind must be one of {list(KINDS)}, got {kind!r}.")


def _choose(summary, subpopulations, caller):
    """Numbers of the subpopulations to draw, each once."""
    if subpopulations is None:
        return summary["subpopulation"].head(N_WORST).tolist()
    if isinstance(subpopulations, (str, Integral)):
        subpopulations = [subpopulations]
    chosen = []
    for wanted in subpopulations:
        if not isinstance(wanted, (str, Integral)):
            raise ValueError(
                f"{caller}: subpopulations must be numbers or names, got {wanted!r}."
            )
        column = "name" if isinstance(wanted, str) else "subpopulation"
        found = summary.loc[summary[column] == wanted, "subpopulation"].tolist()
        if not found:
            raise ValueError(
                f"{caller}: subpopulations must be numbers or names in summary_, got "
                f"{wanted!r}, which is not there. Those that were not attacked are in "
                "skipped_, with the reason."
            )
        chosen += found
    if not chosen:
        raise ValueError(
            f"{caller}: subpopulations is empty, so there is nothing to draw. Pass "
            "numbers or names in summary_, or None for the worst."
        )
    return list(dict.fromkeys(chosen))


def _mean_null(null, chosen, damage):
    """Mean damage of the null arm over repeats and the chosen subpopulations."""
    rows = null[null["subpopulation"].isin(chosen)]
    return rows.groupby("alpha")[damage].mean().rename("damage").reset_index()
