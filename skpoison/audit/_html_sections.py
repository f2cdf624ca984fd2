"""The parts of the report, from the headline to how to reproduce it."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.audit import _html_about as about
from skpoison.audit._damage_display import DamageDisplay
from skpoison.audit._display_tools import draw_svg, signed
from skpoison.audit._html_headline import SIGNIFICANT, is_estimate, largest_alpha
from skpoison.audit._html_text import (
    cell,
    count,
    escape,
    name,
    number,
    percent,
    plural,
    points,
    points_between,
    probability,
    section,
    table,
)
from skpoison.audit._vulnerability_display import AXES, VulnerabilityDisplay

N_FAILURES = 200
CALLER = "SubpopulationAudit.to_html"


def all_sections(audit):
    """Make the sections: identifier, heading and HTML of each."""
    made = [
        ("figures", "Figures", figures(audit)),
        ("subpopulations", "All subpopulations", subpopulations(audit)),
        ("worst", "The worst, corrected for selection", worst(audit)),
        ("susceptibility", "What predicts the damage", susceptibility(audit)),
        ("missing", "Skipped and failed", missing(audit)),
        ("data", "Data and seeds", about.data(audit)),
        ("meaning", "What the numbers mean", about.meaning(audit)),
        ("reproduce", "How to reproduce", about.reproduce(audit)),
    ]
    return [(ident, text, section(ident, text, body)) for ident, text, body in made]


def figures(audit):
    """Figures drawn by the displays, in the colors of the page."""
    damage, vulnerability = DamageDisplay.from_audit, VulnerabilityDisplay.from_audit
    alpha = largest_alpha(audit)
    made = [
        (
            lambda ax: damage(audit, ax=ax),
            "Accuracy that the worst subpopulations lose, against the budget",
            "The five worst. Bands are 95% intervals; the dashed line is the control: "
            "the same rows with their true labels.",
        ),
        (
            lambda ax: damage(audit, ax=ax, kind="collateral"),
            "Accuracy that all other rows lose, against the budget",
            "What the same attacks cost everybody else. Mind the scale.",
        ),
        (
            lambda ax: vulnerability(audit, x="n_train", ax=ax),
            "Damage of each subpopulation against its size in training",
            f"Each point is a subpopulation at alpha = {alpha:g}, with its interval.",
        ),
        (
            lambda ax: vulnerability(audit, x="clean_accuracy", ax=ax),
            "Damage of each subpopulation against its clean accuracy",
            "A subpopulation that the clean model serves well can be an easy target.",
        ),
    ]
    boxes = []
    for i, (draw, title, text) in enumerate(made):
        title += " (estimate)" if is_estimate(audit) else ""
        svg = draw_svg(draw, caller=CALLER, ident=f"figure-{i + 1}", title=title)
        caption = f"<figcaption><strong>{title}.</strong> {text}</figcaption>"
        boxes.append(f"<figure>{svg}{caption}</figure>")
    return '<div class="figures">' + "".join(boxes) + "</div>"


def subpopulations(audit):
    """Everything in `summary_`, to sort and to filter."""
    alpha = largest_alpha(audit)
    estimate = ", estimate" if is_estimate(audit) else ""
    heads = [
        "Subpopulation",
        f"Damage at alpha = {alpha:g}{estimate}",
        "q-value",
        "True labels",
        "Everybody else",
        "Clean accuracy",
        "alpha50",
        "Training rows",
        "Test rows",
    ]
    controls = (
        '<div class="controls" id="controls" hidden>'
        '<label>Find <input type="search" id="find" autocomplete="off"></label>'
        '<label><input type="checkbox" id="sure"> only significant '
        f"(q ≤ {SIGNIFICANT})</label>"
        '<span class="muted" id="shown" role="status"></span></div>'
    )
    rows = [_row(row) for row in audit.summary_.to_dict("records")]
    words = (
        f"<p>Worst first. Damage is in points of accuracy lost on the target at "
        f"alpha = {alpha:g}, with its 95% interval; bold q-values are at most "
        f"{SIGNIFICANT}. Select a column head to sort by it.</p>"
    )
    label = "All subpopulations"
    return (
        words
        + controls
        + table(heads, rows, label=label, ident="all", css="scroll tall", sorted_by=1)
    )


def _row(row):
    sure = row["q_value"] <= SIGNIFICANT
    damage, q_value, alpha50 = row["target_damage"], row["q_value"], row["alpha50"]
    between = points_between(row["target_damage_low"], row["target_damage_high"])
    share = 0 if np.isnan(damage) else 100 * min(max(damage, 0), 1)
    failed = f"<br><small>{row['n_failed']:,} failed</small>" if row["n_failed"] else ""
    cells = [
        cell(
            f"{points(damage)} <small>{between}</small>{failed}",
            value=damage,
            css="bar",
            style=f"--share:{share:.1f}%",
        ),
        cell(probability(q_value), value=q_value, css="sure" if sure else ""),
        *(
            cell(points(row[column]), value=row[column])
            for column in ("null_damage", "collateral_damage")
        ),
        cell(percent(row["clean_accuracy"]), value=row["clean_accuracy"]),
        cell(_alpha50(row), value=alpha50),
        *(cell(count(row[n]), value=row[n]) for n in ("n_train", "n_test")),
    ]
    return (
        f"<tr{' data-sure' if sure else ''}>"
        f'<th scope="row" data-value="{escape(row["name"])}">{name(row["name"], 60)} '
        f"<small>no.&nbsp;{row['subpopulation']}</small></th>{''.join(cells)}</tr>"
    )


def _alpha50(row):
    alpha50, low, high = row["alpha50"], row["alpha50_low"], row["alpha50_high"]
    if np.isinf(alpha50):
        return "not reached"
    if np.isnan(low) or np.isnan(high):
        return number(alpha50, ".2f")
    return (
        f"{number(alpha50, '.2f')} <small>"
        f"[{number(low, '.2f')}, {number(high, '.2f')}]</small>"
    )


def worst(audit):
    """Table of the worst k, as selected and as measured on other rows."""
    estimate = ", estimate" if is_estimate(audit) else ""
    heads = [
        "Worst k at alpha",
        f"Chosen and measured on the same rows{estimate}",
        f"Chosen on one half, measured on the other{estimate}",
        "Control, same rows",
        "Control, other half",
    ]
    rows = [
        f'<tr><th scope="row">{row["k"]:.0f} worst at {row["alpha"]:g}</th>'
        + cell(points(row["damage"]))
        + cell(
            f"<b>{points(row['held_out_damage'])}</b> <small>"
            f"{points_between(row['held_out_low'], row['held_out_high'])}</small>"
        )
        + cell(points(row["null_damage"]))
        + cell(points(row["null_held_out_damage"]))
        + "</tr>"
        for row in audit.worst_k_.to_dict("records")
    ]
    return (
        "<p>Mean points lost by the k worst subpopulations. Whoever picks the largest "
        "of many noisy figures picks luck as well, so the middle column picks on one "
        "half of the test rows and measures on the other. The control does the same "
        "to the models that were given the same rows with their true labels: its first "
        "column shows how much damage selection alone can make.</p>"
        + table(heads, rows, label="The worst, corrected for selection")
    )


def susceptibility(audit):
    """Rank correlations of damage with what is known before an attack."""
    estimate = " (estimated)" if is_estimate(audit) else ""
    rows = [
        f'<tr><th scope="row">{escape(AXES[row["predictor"]])}</th>'
        + cell(
            f"<b>{number(row['spearman'], '.2f')}</b> <small>"
            f"[{number(row['low'], '.2f')}, {number(row['high'], '.2f')}]</small>"
        )
        + cell(probability(row["p_value"]))
        + cell(_rho(row["spearman"]))
        + "</tr>"
        for row in audit.susceptibility_.to_dict("records")
    ]
    heads = ["Known before", "Spearman's rho", "p-value", signed("-1 to 1")]
    return (
        "<p>Rank correlation, over subpopulations, of what is known without an attack "
        f"with the measured damage{estimate}. Near 1 or {signed('-1')}, it tells who "
        "is weak; near 0, it does not.</p>"
        + table(heads, rows, label="What predicts the damage")
    )


def _rho(rho):
    if np.isnan(rho):
        return ""
    left, width = 50 * (1 + min(rho, 0)), 50 * abs(rho)
    style = f"left:{left:.1f}%;width:{width:.1f}%"
    return f'<span class="rho" aria-hidden="true"><i style="{style}"></i></span>'


def missing(audit):
    """Subpopulations that were not attacked, and models that failed, with reasons."""
    return skipped(audit.skipped_) + _failed(audit)


def skipped(table_of):
    """Subpopulations that were not attacked, with reasons."""
    title = f"<h3>{plural(len(table_of), 'subpopulation')} skipped</h3>"
    if table_of.empty:
        return title + "<p>All that the finder found were attacked.</p>"
    rows = [
        f'<tr><th scope="row">{name(row["name"])}</th>'
        + "".join(cell(count(row[n])) for n in ("n_train", "n_aux", "n_test"))
        + cell(escape(row["reason"]), css="text")
        + "</tr>"
        for row in table_of.to_dict("records")
    ]
    heads = ["Subpopulation", "Training rows", "Attacker's rows", "Test rows", "Reason"]
    css = "scroll tall" if len(rows) > 12 else "scroll"
    return title + table(
        heads, rows, label="Skipped subpopulations", css=css, notes={4}
    )


def _failed(audit):
    arms = {"poison": audit.results_, "true labels": audit.null_}
    failed = [
        {**row, "arm": arm}
        for arm, results in arms.items()
        for row in results[results["error"].notna()].to_dict("records")
    ]
    title = f"<h3>{plural(len(failed), 'model')} failed</h3>"
    loose = sum(_not_converged(results) for results in arms.values())
    if loose:
        others = plural(loose, "other model was", "other models were")
        title += f"<p>{others} not fitted to convergence.</p>"
    if not failed:
        return title + "<p>Every model was fitted.</p>"
    rows = [
        f'<tr><th scope="row">{name(row["name"])}</th>'
        + cell(escape(row["arm"]))
        + cell(f"{row['alpha']:g}")
        + cell(count(row["repeat"]))
        + cell(escape(str(row["error"])[:400]), css="text")
        + "</tr>"
        for row in failed[:N_FAILURES]
    ]
    heads = ["Subpopulation", "Arm", "alpha", "Repeat", "Error"]
    css = "scroll tall" if len(rows) > 12 else "scroll"
    more = len(failed) - len(rows)
    rest = f"<p>{more:,} more are in results_ and null_.</p>" if more else ""
    return title + table(heads, rows, label="Failed models", css=css, notes={4}) + rest


def _not_converged(results):
    fitted = results[results["error"].isna()]
    return (~fitted["converged"].astype(bool)).sum()
