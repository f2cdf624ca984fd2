"""The parts of the report of a defense audit."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.audit import _html_about as about
from skpoison.audit._defense_display import DefenseDisplay
from skpoison.audit._defense_findings import helps
from skpoison.audit._defense_tasks import NO_DEFENSE
from skpoison.audit._display_tools import draw_svg
from skpoison.audit._html_sections import N_FAILURES, skipped
from skpoison.audit._html_text import (
    cell,
    count,
    definitions,
    escape,
    name,
    number,
    percent,
    plural,
    points,
    points_between,
    section,
    table,
)
from skpoison.audit._removal_display import RemovalDisplay

CALLER = "DefenseAudit.to_html"
# Subpopulations of each defense in the table of those that it harms.
N_HARMED = 5


def all_sections(audit):
    """Make the sections: identifier, heading and HTML of each."""
    made = [
        ("figures", "Figures", figures(audit)),
        ("defenses", "What each defense leaves", defenses(audit)),
        ("harm", "Whom a defense harms", harm(audit)),
        ("missing", "Skipped and failed", missing(audit)),
        ("data", "Data and seeds", about.data(audit)),
        ("meaning", "What the numbers mean", meaning()),
        ("reproduce", "How to reproduce", about.reproduce(audit)),
    ]
    return [(ident, text, section(ident, text, body)) for ident, text, body in made]


def tiles(audit):
    """Key figures."""
    results = audit.results_
    n_targets = results["subpopulation"].nunique()
    figures = [
        (f"{len(audit.summary_['defense'].unique()) - 1:,}", "defenses"),
        (f"{results['poisoner'].nunique():,}", "attacks"),
        (f"{n_targets:,}", f"targets, {len(audit.skipped_):,} skipped"),
        (percent(audit.clean_accuracy_), "accuracy of the clean model"),
        (
            f"{len(results):,}",
            f"poisoned models, {results['error'].notna().sum():,} failed",
        ),
    ]
    items = (f"<li><b>{value}</b><span>{text}</span></li>" for value, text in figures)
    return '<ul class="tiles">' + "".join(items) + "</ul>"


def figures(audit):
    """Figures drawn by the displays, in the colors of the page."""
    made = []
    for poisoner in audit.results_["poisoner"].unique():
        for kind, title, text in [
            ("target", "What is left of the damage", "Means over the targets."),
            ("recall", "Poison that is removed", "Means over the targets."),
        ]:
            if kind == "recall" and audit.results_["recall"].isna().all():
                continue
            made.append(
                (
                    lambda ax, p=poisoner, k=kind: DefenseDisplay.from_audit(
                        audit, poisoner=p, kind=k, ax=ax
                    ),
                    f"{title}: {poisoner}",
                    f"{text} Grey is the victim without a defense.",
                )
            )
    if (audit.costs_["subpopulation"] >= 0).any() and audit.costs_[
        "removed"
    ].notna().any():
        made.append(
            (
                lambda ax: RemovalDisplay.from_audit(audit, ax=ax),
                "Clean rows that each subpopulation loses",
                "Without any poison; those that lose most come first.",
            )
        )
    boxes = []
    for i, (draw, title, text) in enumerate(made):
        svg = draw_svg(draw, caller=CALLER, ident=f"figure-{i + 1}", title=title)
        caption = f"<strong>{escape(title)}.</strong> {text}"
        boxes.append(f"<figure>{svg}<figcaption>{caption}</figcaption></figure>")
    return '<div class="figures">' + "".join(boxes) + "</div>"


def defenses(audit):
    """Everything in `summary_` at the largest budget, to sort and to filter."""
    alpha = audit.summary_["alpha"].max()
    heads = [
        "Defense",
        "Attack",
        f"Damage left at alpha = {alpha:g}",
        "Change",
        "Random removal",
        "Worst-off",
        "Everybody else",
        "Poison removed",
        "Precision",
        "AUC",
        "Clean rows lost",
        "Target's clean rows lost",
    ]
    controls = (
        '<div class="controls" id="controls" hidden>'
        '<label>Find <input type="search" id="find" autocomplete="off"></label>'
        '<label><input type="checkbox" id="sure"> only those that are sure to help'
        '</label><span class="muted" id="shown" role="status"></span></div>'
    )
    words = (
        "<p>Damage is in points of accuracy lost on the target, with its 95% interval; "
        "change is that against no defense: negative helps, and bold is sure to. "
        "Select a column head to sort by it.</p>"
    )
    at_alpha = audit.summary_[audit.summary_["alpha"] == alpha]
    order = list(at_alpha["poisoner"].unique())
    rows = [_row(r, order.index(r["poisoner"])) for r in at_alpha.to_dict("records")]
    made = table(heads, rows, label="What each leaves", ident="all", notes={1})
    return words + controls + made


def _row(row, place):
    share = 0 if np.isnan(row["target_damage"]) else 100 * _clipped(row)
    failed = f"<br><small>{row['n_failed']:,} failed</small>" if row["n_failed"] else ""
    bar = {"css": "bar", "style": f"--share:{share:.1f}%"}
    cells = [
        cell(name(row["poisoner"], 40), value=place, css="text"),
        _interval_cell(row, "target_damage", failed, **bar),
        _interval_cell(row, "change", css="sure" if helps(row) else ""),
        *(
            _interval_cell(row, column)
            for column in ("random_damage", "worst_damage", "collateral_damage")
        ),
        *(
            cell(percent(row[column]), value=row[column])
            for column in ("recall", "precision")
        ),
        cell(number(row["auc"], ".2f"), value=row["auc"]),
        *(
            cell(percent(row[column]), value=row[column])
            for column in ("clean_removed", "target_removed")
        ),
    ]
    defense = "no defense" if row["defense"] == NO_DEFENSE else row["defense"]
    return (
        f"<tr{' data-sure' if helps(row) else ''}>"
        f'<th scope="row" data-value="{escape(defense)}">{name(defense, 40)}</th>'
        f"{''.join(cells)}</tr>"
    )


def _clipped(row):
    return min(max(row["target_damage"], 0), 1)


def _interval_cell(row, column, more="", **style):
    between = points_between(row[f"{column}_low"], row[f"{column}_high"])
    text = f"{points(row[column])} <small>{between}</small>{more}"
    return cell(text, value=row[column], **style)


def harm(audit):
    """Who loses rows or accuracy to each defense, where there is no poison."""
    heads = [
        "Defense",
        "Subpopulation",
        "Clean rows lost",
        "Accuracy lost",
        "Random removal",
        "Training rows",
    ]
    rows = []
    for _, table_of in audit.costs_.groupby("defense", sort=False):
        everybody = table_of[table_of["subpopulation"] < 0]
        groups = table_of[table_of["subpopulation"] >= 0].sort_values(
            ["removed", "accuracy_cost"], ascending=False, kind="stable"
        )
        for row in [
            *everybody.to_dict("records"),
            *groups.head(N_HARMED).to_dict("records"),
        ]:
            rows.append(
                f'<tr><th scope="row">{name(row["defense"], 40)}</th>'
                + cell(name(row["name"], 60), css="text")
                + cell(percent(row["removed"]))
                + _interval_cell(row, "accuracy_cost")
                + _interval_cell(row, "random_cost")
                + cell(count(row["n_train"]))
                + "</tr>"
            )
    return (
        "<p>Each defense was given the clean rows, too. Of all rows, and of the "
        f"{N_HARMED} subpopulations that lose the largest share: clean training rows "
        "that are removed, and points of accuracy lost, beside those that as many rows "
        "removed at random cost.</p>"
        + table(heads, rows, label="Whom a defense harms", notes={1})
    )


def missing(audit):
    """Subpopulations that were not attacked, and models that failed, with reasons."""
    failed = audit.results_[audit.results_["error"].notna()]
    title = f"<h3>{plural(len(failed), 'model')} failed</h3>"
    if failed.empty:
        return skipped(audit.skipped_) + title + "<p>Every model was fitted.</p>"
    rows = [
        f'<tr><th scope="row">{name(row["defense"], 40)}</th>'
        + cell(name(row["poisoner"], 40))
        + cell(name(row["name"]))
        + cell(f"{row['alpha']:g}")
        + cell(escape(str(row["error"])[:400]), css="text")
        + "</tr>"
        for row in failed.head(N_FAILURES).to_dict("records")
    ]
    heads = ["Defense", "Attack", "Subpopulation", "alpha", "Error"]
    css = "scroll tall" if len(rows) > 12 else "scroll"
    return (
        skipped(audit.skipped_)
        + title
        + table(heads, rows, label="Failed models", css=css, notes={4})
    )


def meaning():
    """Definitions, in the order in which a reader meets them."""
    return definitions(
        [
            (
                "Damage left",
                "Accuracy that the target's test rows lose against the clean twin: the "
                "victim without a defense and without poison. What a defense costs by "
                "itself is part of it.",
            ),
            (
                "Change",
                "Damage left less the damage without a defense, on the same test rows.",
            ),
            (
                "Random removal",
                "The control: as many rows as the defense removed, drawn at random. A "
                "defense that does no better has found nothing.",
            ),
            (
                "Worst-off",
                "The target that is hit hardest without a defense, chosen on one half "
                "of the test rows and measured on the other.",
            ),
            (
                "Poison removed, precision, AUC",
                "Share of the poison that is removed; share of poison among what is "
                "removed; chance that the scores rank a poison row above a clean one. "
                "A defender cannot compute them.",
            ),
            (
                "Clean rows lost",
                "Share of the clean training rows that are removed. A defense that "
                "deletes a minority is worse than none.",
            ),
            (
                "What it does not say",
                "A defense that stops these attacks need not stop one that knows it: "
                "compare DefenseAwarePoisoner.",
            ),
        ]
    )
