"""Clean rows that sanitizers remove, by subpopulation."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.audit._defense_display import of_poisoner
from skpoison.audit._display_arguments import check_audit, check_drawing
from skpoison.audit._display_tools import as_data, distinct_labels, import_pyplot

# The cells have one color in every theme, and so do their texts: those of a page
# that follow its theme would be light on light.
DARK, ON_DARK, ON_LIGHT = 0.71, "white", "black"


class RemovalDisplay:
    """Table of the share of its clean rows that each subpopulation loses.

    It is recommended to use :meth:`from_audit` to create a display. All parameters
    are stored as attributes.

    Parameters
    ----------
    removed : DataFrame of shape (n_defenses, n_subpopulations)
        Shares in [0, 1]. The index names the defenses, the columns the subpopulations.

    Attributes
    ----------
    ax_ : Axes
        Axes with the table.

    figure_ : Figure
        Figure of the axes.

    mesh_ : QuadMesh
        The colored cells.

    text_ : ndarray of shape (n_defenses, n_subpopulations), dtype=object
        Texts in the cells, in percent.

    See Also
    --------
    DefenseDisplay : What is left of the damage, against the budget.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from skpoison.audit import DefenseAudit, RemovalDisplay
    >>> from skpoison.defenses import Trim
    >>> from skpoison.finders import ClusterMatch
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> audit = DefenseAudit(
    ...     LogisticRegression(),
    ...     defenses=[Trim()],
    ...     finder=ClusterMatch(4),
    ...     random_state=0,
    ... )
    >>> display = RemovalDisplay.from_audit(audit.fit(scale(X), y))
    >>> display.removed.shape
    (1, 4)
    """

    def __init__(self, *, removed):
        self.removed = removed

    @classmethod
    def from_audit(
        cls, audit, *, poisoner=None, alpha=None, n_subpopulations=10, ax=None
    ):
        """Draw the table of a fitted audit.

        Parameters
        ----------
        audit : DefenseAudit
            A fitted audit, with a sanitizer among its defenses.

        poisoner : str, default=None
            Name of the attack, with `alpha`; `None` takes the first.

        alpha : float, default=None
            Budget of the attack; `None` draws what is removed where there is no
            poison.

        n_subpopulations : int, default=10
            How many subpopulations to draw: those that lose the largest share to any
            defense come first.

        ax : Axes, default=None
            Where to draw; `None` makes a figure.

        Returns
        -------
        display : RemovalDisplay
            The display, drawn.
        """
        caller = f"{cls.__name__}.from_audit"
        check_audit(audit, "removed_", "DefenseAudit", caller)
        given = {"poisoner": poisoner, "n_subpopulations": n_subpopulations}
        check_drawing(caller, alpha=alpha, **given)
        if alpha is None and poisoner is not None:
            raise ValueError(
                f"{caller}: poisoner={poisoner!r} needs an alpha. Without one, the "
                "table is of rows without poison."
            )
        table = _without_poison(audit) if alpha is None else None
        if table is None:
            table = of_poisoner(audit.removed_, poisoner, caller)
            table = _at_alpha(table, alpha, caller)
        table = table[table["removed"].notna()]
        if table.empty:
            raise ValueError(f"{caller}: none of the defenses removes rows.")
        shares = table.pivot(
            index="defense", columns="subpopulation", values="removed"
        ).loc[list(dict.fromkeys(table["defense"]))]
        most = shares.max().sort_values(ascending=False, kind="stable")
        shares = shares[most.index[:n_subpopulations]]
        names = table.drop_duplicates("subpopulation").set_index("subpopulation")
        shares.columns = names.loc[shares.columns, "name"]
        return cls(removed=shares).plot(ax)

    def plot(self, ax=None):
        """Draw the table.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; `None` makes a figure.

        Returns
        -------
        display : RemovalDisplay
            The display itself.
        """
        check_drawing(f"{type(self).__name__}.plot", ax=ax)
        plt = import_pyplot(f"{type(self).__name__}.plot")
        n_rows, n_columns = self.removed.shape
        if ax is None:
            size = 2.6 + 0.62 * n_columns, 1.8 + 0.42 * n_rows
            _, ax = plt.subplots(layout="constrained", figsize=size)
        self.ax_, self.figure_ = ax, ax.figure
        values = self.removed.to_numpy(float)
        largest = max(float(np.nanmax(values)), 0.05)
        self.mesh_ = ax.pcolormesh(values, cmap="Blues", vmin=0, vmax=largest)
        self.text_ = np.array(
            [
                [self._cell(i, j, values[i, j], largest) for j in range(n_columns)]
                for i in range(n_rows)
            ],
            dtype=object,
        ).reshape(values.shape)
        self._finish(n_rows, n_columns)
        return self

    def _cell(self, i, j, value, largest):
        text = "" if np.isnan(value) else f"{100 * value:.0f}%"
        color = ON_DARK if value > DARK * largest else ON_LIGHT
        center = {"ha": "center", "va": "center", "fontsize": "small"}
        return self.ax_.text(j + 0.5, i + 0.5, text, color=color, **center)

    def _finish(self, n_rows, n_columns):
        self.ax_.grid(False)
        self.ax_.invert_yaxis()
        self.ax_.set_title("clean rows that are removed", loc="left")
        for axis, n, names in [
            (self.ax_.xaxis, n_columns, self.removed.columns),
            (self.ax_.yaxis, n_rows, self.removed.index),
        ]:
            axis.set_ticks(np.arange(n) + 0.5, distinct_labels(list(names), range(n)))
            for label in axis.get_ticklabels():
                as_data(label)
        for label in self.ax_.get_xticklabels():
            label.set(rotation=40, ha="right", rotation_mode="anchor")
        self.ax_.tick_params(length=0)
        self.ax_.spines[:].set_visible(False)


def _without_poison(audit):
    return audit.costs_[audit.costs_["subpopulation"] >= 0]


def _at_alpha(table, alpha, caller):
    known = sorted(set(table["alpha"]))
    if alpha not in known:
        raise ValueError(f"{caller}: alpha must be one of {known}, got {alpha!r}.")
    return table[table["alpha"] == alpha]
