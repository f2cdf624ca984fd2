"""The headline of the report, in plain words, and its key figures."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.audit._html_text import (
    count,
    name,
    number,
    percent,
    plural,
    points,
    points_between,
)

LARGE = 0.1
SIGNIFICANT = 0.05


def is_estimate(audit):
    """Whether the figures are estimated rather than refitted."""
    return audit.fidelity == "influence"


def largest_alpha(audit):
    """Budget that the summary is about."""
    return audit.curves_["alpha"].max()


def banner(audit):
    """Box that says what the figures are not, where they are estimates."""
    if not is_estimate(audit):
        return ""
    decrement = audit.results_["newton_decrement"].median()
    return (
        '<p class="banner" role="note"><strong>ESTIMATE.</strong> No poisoned model '
        "was fitted: influence functions estimate what it would be. The estimate ranks "
        "subpopulations, it can be far off for a single one, and it states no risk. "
        "Audit with <code>fidelity=&quot;refit&quot;</code> before you rely on a "
        f"figure. Median Newton decrement: {number(decrement)}.</p>"
    )


def statement(audit):
    """How many lose much: the headline in one sentence."""
    damage = audit.summary_["target_damage"]
    n_large, n_all = int((damage > LARGE).sum()), len(damage)
    if damage.notna().sum() == 0:
        return "No subpopulation could be measured"
    large = f"more than {points(LARGE).removesuffix('.0')} points of accuracy"
    if is_estimate(audit):
        verbs = "is estimated to lose", "are estimated to lose"
    else:
        verbs = "loses", "lose"
    if n_large == 0:
        return f"None of {plural(n_all, 'subpopulation')} {verbs[0]} {large}"
    of = f"{n_large:,} of {plural(n_all, 'subpopulation')}"
    return f"{of} {verbs[0] if n_large == 1 else verbs[1]} {large}"


def headline(audit):
    """Headline, and in plain words who is hit hardest and what that costs."""
    title = f"<h1>{statement(audit)}</h1>"
    worst_row = audit.summary_.iloc[0]
    if np.isnan(worst_row["target_damage"]):
        return title + '<p class="lede">Every model failed; see the reasons below.</p>'
    alpha = largest_alpha(audit)
    return title + "".join(
        f'<p class="lede">{text}</p>'
        for text in (
            f"That is at alpha = {alpha:g}: an attacker who goes for one of them adds "
            f"{plural_of_alpha(alpha)} for each of its training rows.",
            hardest(audit, worst_row),
            price(audit, worst_row),
        )
    )


def plural_of_alpha(alpha):
    """Budget as a number of rows."""
    return f"{alpha:g} poison row{'' if alpha == 1 else 's'}"


def hardest(audit, row):
    """Who is hit hardest, as selected and as measured on other rows."""
    between = points_between(row["target_damage_low"], row["target_damage_high"])
    loses = "is estimated to lose" if is_estimate(audit) else "loses"
    text = (
        f"Hit hardest is <strong>{name(row['name'], 60)}</strong>, which {loses} "
        f"{points(row['target_damage'])} points {between}. The worst of many is partly "
        "bad luck"
    )
    table = audit.worst_k_
    held_out = table[(table["k"] == 1) & (table["alpha"] == largest_alpha(audit))]
    if held_out.empty:
        return f"{text}."
    one = held_out.iloc[0]
    return (
        f"{text}: chosen on one half of the test rows and measured on the other, the "
        f"worst {loses} <strong>{points(one['held_out_damage'])} points</strong> "
        f"{points_between(one['held_out_low'], one['held_out_high'])}. "
        "Brackets are 95% intervals."
    )


def price(audit, row):
    """Say what the worst attack takes."""
    rows = audit.results_
    rows = rows[rows["subpopulation"] == row["subpopulation"]]
    n_poison = rows.loc[rows["alpha"] == largest_alpha(audit), "n_poison"].mean()
    share = n_poison / audit.n_samples_["train"]
    text = (
        f"That attack takes {count(n_poison)} poison rows, {percent(share, '.2g')} of "
        f"the training data, and costs everybody else "
        f"{points(row['collateral_damage'])} points. The same rows with their true "
        f"labels cost the target {points(row['null_damage'])} points."
    )
    if 0 < row["alpha50"] < np.inf:
        text += (
            f" From alpha = {row['alpha50']:.2g} on, about "
            f"{count(row['alpha50'] * row['n_train'])} poison rows, half of its test "
            "rows are misclassified."
        )
    return text


def short_headline(audit):
    """Headline of the box in a notebook."""
    estimate = "<b>ESTIMATE.</b> " if is_estimate(audit) else ""
    alpha = largest_alpha(audit)
    return (
        f'<div style="font-weight:600;margin-bottom:.5em">{estimate}'
        f"{statement(audit)} at alpha = {alpha:g}.</div>"
    )


def tiles(audit):
    """Key figures."""
    summary, estimate = audit.summary_, ", estimated" if is_estimate(audit) else ""
    damage = summary["target_damage"]
    known = damage.dropna()
    median = np.median(known) if len(known) else np.nan
    n_models = len(audit.results_) + len(audit.null_)
    n_failed = sum(arm["error"].notna().sum() for arm in (audit.results_, audit.null_))
    n_skipped, n_large = len(audit.skipped_), (damage > LARGE).sum()
    n_sure = (summary["q_value"] <= SIGNIFICANT).sum()
    figures = [
        (f"{len(summary):,}", f"subpopulations attacked, {n_skipped:,} skipped"),
        (f"{n_large:,}", f"lose more than {100 * LARGE:g} points{estimate}"),
        (f"{n_sure:,}", f"significant: q ≤ {SIGNIFICANT}"),
        (
            points(median),
            f"points lost by the median subpopulation{estimate}",
        ),
        (percent(audit.clean_accuracy_), "accuracy of the clean model"),
        (
            f"{n_models:,}",
            f"models {'estimated' if estimate else 'refitted'}, {n_failed:,} failed",
        ),
    ]
    items = (f"<li><b>{value}</b><span>{text}</span></li>" for value, text in figures)
    return '<ul class="tiles">' + "".join(items) + "</ul>"
