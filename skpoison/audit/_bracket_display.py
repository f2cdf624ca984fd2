"""Accuracy under attack, from both sides, against the number of poison rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd

from skpoison.audit._accuracy_bracket import accuracy_bracket
from skpoison.audit._display_arguments import check_drawing
from skpoison.audit._display_tools import (
    COLORS,
    MARKERS,
    add_legend,
    distinct_labels,
    import_pyplot,
    show_percent,
)

COLUMNS = ("target", "n_poison", "certified_accuracy", "attacked_accuracy")
SIDES = ("strongest attack", "certified")


class BracketDisplay:
    """Certified accuracy of subpopulations, and what the strongest attack leaves.

    It is recommended to use :meth:`from_bracket` or :meth:`from_table` to create a
    display. All parameters are stored as attributes.

    Parameters
    ----------
    table : DataFrame
        As :func:`accuracy_bracket` gives it. The columns target, n_poison,
        certified_accuracy and attacked_accuracy are needed; collective_accuracy is
        drawn in the place of certified_accuracy where it is known.

    Attributes
    ----------
    ax_ : Axes
        Axes with the curves.

    figure_ : Figure
        Figure of the axes.

    certified_lines_ : list of Line2D
        Certified accuracy of each target, in the order of `table`.

    attacked_lines_ : list of Line2D
        Accuracy that the strongest attack leaves.

    fill_between_ : list of PolyCollection
        What is not known, between the two.

    legend_ : Legend
        Names of the curves, shortened.

    See Also
    --------
    accuracy_bracket : Makes the table.
    DamageDisplay : Damage of an attack on any victim.

    Notes
    -----
    Between two budgets of the table the accuracy is at least what is certified for the
    larger one, and at most what the attack with the smaller one leaves: lines are
    steps.

    Examples
    --------
    >>> import pandas as pd
    >>> from skpoison.audit import BracketDisplay
    >>> table = pd.DataFrame(
    ...     {
    ...         "target": "cluster 1",
    ...         "n_poison": [0, 10, 20],
    ...         "certified_accuracy": [0.9, 0.6, 0.1],
    ...         "attacked_accuracy": [0.9, 0.8, 0.7],
    ...     }
    ... )
    >>> display = BracketDisplay.from_table(table)
    >>> [text.get_text() for text in display.legend_.get_texts()]
    ['cluster 1: strongest attack', 'cluster 1: certified']
    """

    def __init__(self, *, table):
        self.table = table

    @classmethod
    def from_bracket(
        cls,
        attacks,
        estimator,
        X,
        y,
        *,
        ax=None,
        line_kwargs=None,
        fill_between_kwargs=None,
        legend_kwargs=None,
        **bracket_params,
    ):
        """Make a bracket and draw it.

        Parameters
        ----------
        attacks : dict of str to poisoner, or list of poisoners
            The attacks.

        estimator : PartitionAggregation
            The victim.

        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows.

        y : array-like of shape (n_samples,)
            Their class labels.

        ax : Axes, default=None
            Where to draw; `None` makes a figure.

        line_kwargs : dict, default=None
            Passed to each `ax.plot`.

        fill_between_kwargs : dict, default=None
            Passed to each `ax.fill_between`.

        legend_kwargs : dict, default=None
            Passed to `ax.legend`.

        **bracket_params : dict
            The other arguments of :func:`accuracy_bracket`: X_test, y_test, n_poison
            and those that have defaults.

        Returns
        -------
        display : BracketDisplay
            The display, drawn.
        """
        import_pyplot(f"{cls.__name__}.from_bracket")
        table = accuracy_bracket(attacks, estimator, X, y, **bracket_params)
        return cls.from_table(
            table,
            ax=ax,
            line_kwargs=line_kwargs,
            fill_between_kwargs=fill_between_kwargs,
            legend_kwargs=legend_kwargs,
        )

    @classmethod
    def from_table(
        cls,
        table,
        *,
        targets=None,
        ax=None,
        line_kwargs=None,
        fill_between_kwargs=None,
        legend_kwargs=None,
    ):
        """Draw a bracket.

        Parameters
        ----------
        table : DataFrame
            As :func:`accuracy_bracket` gives it.

        targets : list of str, default=None
            Names of the targets to draw; `None` is all of them.

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
        display : BracketDisplay
            The display, drawn.
        """
        display = cls(table=_choose(table, targets, f"{cls.__name__}.from_table"))
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
        display : BracketDisplay
            The display itself.
        """
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
        self.certified_lines_, self.attacked_lines_, self.fill_between_ = [], [], []
        for i, (_, rows) in enumerate(self.table.groupby("target", sort=False)):
            style = {"color": COLORS[i % len(COLORS)], "linewidth": 1.8}
            style |= {"marker": MARKERS[i % len(MARKERS)], "markersize": 4.5}
            self._plot_target(
                rows.sort_values("n_poison"),
                style | (line_kwargs or {}),
                fill_between_kwargs or {},
            )
        self._finish(legend_kwargs or {})
        return self

    def _plot_target(self, rows, style, fill_between_kwargs):
        budgets, upper = rows["n_poison"].to_numpy(), rows["attacked_accuracy"]
        lower, upper = _best_certificate(rows), upper.to_numpy()
        below = {"linestyle": "--", "drawstyle": "steps-pre", "markerfacecolor": "none"}
        (attacked,) = self.ax_.plot(budgets, upper, drawstyle="steps-post", **style)
        (certified,) = self.ax_.plot(budgets, lower, **(below | style))
        band = {"alpha": 0.15, "color": style["color"], "linewidth": 0}
        between = self.ax_.fill_between(
            np.repeat(budgets, 2)[1:-1],
            np.repeat(lower[1:], 2),
            np.repeat(upper[:-1], 2),
            **(band | fill_between_kwargs),
        )
        self.attacked_lines_.append(attacked)
        self.certified_lines_.append(certified)
        self.fill_between_.append(between)

    def _finish(self, legend_kwargs):
        self.ax_.set(xlabel="inserted rows", ylabel="accuracy on the target")
        self.ax_.set_xlim(left=0)
        self.ax_.set_ylim(0, 1.02)
        show_percent(self.ax_.yaxis)
        names = list(dict.fromkeys(self.table["target"]))
        names = distinct_labels(names, range(len(names)), width=24)
        pairs = zip(self.attacked_lines_, self.certified_lines_, strict=True)
        self.legend_ = add_legend(
            self.ax_,
            [line for pair in pairs for line in pair],
            [f"{name}: {side}" for name in names for side in SIDES],
            **legend_kwargs,
        )


def _best_certificate(rows):
    certified = rows["certified_accuracy"]
    if "collective_accuracy" in rows:
        certified = rows["collective_accuracy"].fillna(certified)
    return certified.to_numpy()


def _choose(table, targets, caller):
    """Rows of the targets to draw, in the order that was asked for."""
    check_drawing(caller, targets=targets)
    columns = table.columns if isinstance(table, pd.DataFrame) else []
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise ValueError(
            f"{caller}: table must be one of accuracy_bracket, with the columns "
            f"{list(COLUMNS)}. It lacks {missing}."
        )
    if table.empty:
        raise ValueError(f"{caller}: table has no rows, so there is nothing to draw.")
    texts = table[list(COLUMNS[1:])].select_dtypes(exclude="number")
    if texts.size:
        raise ValueError(
            f"{caller}: table must hold numbers in {list(texts)}. Got "
            f"{texts.dtypes.iloc[0]}."
        )
    if targets is None:
        return table
    known = table["target"].unique().tolist()
    unknown = [name for name in targets if name not in known]
    if unknown or not len(targets):
        raise ValueError(
            f"{caller}: targets must be a list of names in the table, {known}. Got "
            f"{targets!r}."
        )
    order = {name: i for i, name in enumerate(targets)}
    rows = table[table["target"].isin(targets)]
    return rows.sort_values("target", key=lambda names: names.map(order), kind="stable")
