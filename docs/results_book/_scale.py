"""How audits grow, and what clusters make of them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd

from ._figures import BLUE, GRAY, ORANGE, _axes
from ._format import number, only, seconds
from ._registry import figure, table

NAMES = {
    "rows": "rows",
    "columns": "columns",
    "subpopulations": "subpopulations",
    "repeats": "repeats of each model",
}


def _gib(mib):
    return f"{mib / 1024:,.2f} GiB"


@table(
    "audit_scale.csv",
    title="Audits of a logistic regression with `ClusterMatch`, three budgets and two"
    " arms, in one process and one thread: CPU time by stage, and the peak of"
    " resident memory, the rows and Python included.",
)
def scale_audits(audits):
    audits = audits.drop_duplicates(
        ["rows", "columns", "subpopulations", "repeats", "dtype"]
    ).sort_values(["models", "rows", "columns"])
    return pd.DataFrame(
        {
            "rows x columns": [
                f"{row.rows:,} x {row.columns}, {row.dtype}"
                for row in audits.itertuples()
            ],
            "models": [f"{models:,}" for models in audits["models"]],
            "clusters": audits["find_cpu"].map(seconds),
            "models trained": audits["models_cpu"].map(seconds),
            "tables": audits["tables_cpu"].map(seconds),
            "in all": audits["cpu_seconds"].map(seconds),
            "peak": audits["peak_mib"].map(_gib),
            "the rows alone": audits["data_mib"].map(_gib),
            "checkpoint": [f"{mib:,.1f} MiB" for mib in audits["checkpoint_mib"]],
        }
    )


@table(
    "audit_scale.json",
    title="Growth, where the others are held at 125,000 rows, 50 columns, 100"
    " subpopulations and one repeat: CPU time as a power, by least squares of the"
    " logarithms, and peak memory at both ends.",
)
def scale_growth(scale):
    return pd.DataFrame(
        {
            "in": NAMES[found["sweep"]],
            "from": f"{found['smallest']:,.0f}",
            "to": f"{found['largest']:,.0f}",
            "power of CPU time": number(found["power_of_cpu_seconds"]),
            "of the models alone": number(found["power_of_models_cpu"]),
            "peak memory there": " and ".join(
                _gib(found[f"mib_at_{end}"]) for end in ("smallest", "largest")
            ),
        }
        for found in scale["slopes"]
    )


@table(
    "audit_scale.csv",
    title="An extrapolation, and no measurement: the audit of 1,000,000 rows, 50"
    " columns, 1,000 subpopulations and three budgets, for more rows. Time by the"
    " power of rows of each stage, memory by its increase between the two largest"
    " audits of 100 subpopulations.",
)
def scale_ahead(audits):
    whole = only(audits, sweep="whole", dtype="float64").iloc[0]
    rows = only(audits, sweep="rows").sort_values("rows")
    (few, some), (small, large) = (rows[c].tail(2) for c in ("rows", "peak_mib"))
    found = []
    for n in (1_000_000, 10_000_000, 100_000_000):
        more = n / whole["rows"]
        spent = {
            stage: whole[f"{stage}_cpu"] * more ** _power(rows, f"{stage}_cpu")
            for stage in ("find", "models", "tables")
        }
        mib = whole["peak_mib"] + (n - whole["rows"]) * (large - small) / (some - few)
        found.append(
            {
                "rows": f"{n:,}" + ("" if more > 1 else ", measured"),
                "clusters": _hours(spent["find"]),
                "6,000 models": _hours(spent["models"]),
                "tables": _hours(spent["tables"]),
                "memory of one process": f"{mib / 1024:,.1f} GiB",
                "the rows alone": f"{whole['data_mib'] * more / 1024:,.1f} GiB",
            }
        )
    return pd.DataFrame(found)


def _power(rows, of):
    return np.polyfit(np.log(rows["rows"]), np.log(rows[of]), 1)[0]


def _hours(spent):
    return f"{spent / 3600:,.1f} h" if spent >= 3600 else f"{spent / 60:,.1f} min"


@figure(
    "audit_scale.csv",
    title="CPU time and peak memory of an audit by its rows, columns, subpopulations"
    " and repeats. Dashed: in proportion to what is varied.",
)
def scale_curves(audits):
    drawn, axes = _axes(9, 4.6, columns=4, rows=2, sharex="col", sharey="row")
    for (top, bottom), (sweep, name) in zip(axes.T, NAMES.items(), strict=True):
        found = only(audits, sweep=sweep).sort_values(sweep)
        _curve(top, found[sweep], found["cpu_seconds"], BLUE)
        _curve(bottom, found[sweep], found["peak_mib"] / 1024, ORANGE)
        bottom.set_xlabel(name)
    axes[0, 0].set_ylabel("CPU seconds")
    axes[1, 0].set_ylabel("peak memory, GiB")
    return drawn


def _curve(ax, x, y, color):
    from matplotlib.ticker import LogLocator

    ends = np.array([x.min(), x.max()])
    ax.plot(ends, y.iloc[-1] * ends / ends[1], "--", color=GRAY, linewidth=1)
    ax.plot(x, y, "o-", color=color, markersize=4)
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(x, [_short(value) for value in x], fontsize=8)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()


def _short(value):
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= max(unit, 10_000):
            return f"{value / unit:.0f}{name}"
    return f"{value:g}"
