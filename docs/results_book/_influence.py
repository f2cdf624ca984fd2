"""Influence of training rows: times against pyDVL, and agreement."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import pandas as pd

from ._format import number, seconds, times
from ._registry import table


@table(
    "influence_adult.json",
    title="Influence of training rows of Adult on one subpopulation, against pyDVL:"
    " CPU time of the first call in a fresh process, later calls, and peak"
    " memory.",
)
def influence_times(influence):
    rows = []
    for name, found in influence["results"].items():
        for threads in ("1 threads", "2 threads"):
            run = found[threads]
            rows.append(
                {"model, rows": name, "threads": threads[0]}
                | {
                    f"{label}, {side}": write(run[key][time])
                    for time, label, write in WHAT
                    for side, key in {"ours": "ours", "pyDVL": "pydvl"}.items()
                }
                | {"times as long": times(run["ratios"]["cpu_first"])}
            )
    return pd.DataFrame(rows)


WHAT = [
    ("cpu_first", "first", seconds),
    ("cpu_later", "later", seconds),
    ("peak_mb", "MB", "{:.0f}".format),
]


@table(
    "influence_adult.json",
    title="Agreement of the scores: with an exact solve, pyDVL's with the same,"
    " those of the Gauss-Newton matrix with those of the Hessian, and its"
    " smallest eigenvalue.",
)
def influence_agreement(influence):
    return pd.DataFrame(
        {
            "model, rows": name,
            "exact": number(found["correlation_with_exact"], 4),
            "pyDVL": number(found["pydvl_correlation_with_exact"], 4),
            "Gauss-Newton and Hessian": number(
                found.get("correlation_of_gauss_newton_with_hessian", float("nan"))
            ),
            "smallest eigenvalue": "{:.1e}".format(
                found["1 threads"]["ours"]["min_eigenvalue"]
            ),
        }
        for name, found in influence["results"].items()
    )
