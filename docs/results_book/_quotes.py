"""What the prose says of results, written from the results."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from ._format import number, only, share, the
from ._registry import quote

README = "README.md"
GUIDE = "docs/user_guide"


@quote(README, "attacks_model_targeted.csv")
def readme_certified_budget(attacks):
    ratio = attacks["used_by_induced_bound"].max()
    return f"at most {number(ratio)} times the certified minimum"


@quote(README, "audit_adult.json")
def readme_audit(audit):
    found = audit["audits"]["before the classifier"]
    return f"{found['models']:,} of them"


@quote(f"{GUIDE}/defenses.rst", "defenses_adult.csv")
def guide_no_defense(defenses):
    row = the(only(defenses, alpha=2.0), defense="none")
    return f"without a defense, {number(100 * row['target_damage'], 1)} points are lost"


@quote(f"{GUIDE}/optimized_attacks.rst", "attacks_oracle.csv")
def guide_oracle(oracle):
    row = oracle.set_index("attacker").loc["victim's model, own and victim's rows"]
    name = "gain_over_flip_at_1"
    gain, low, high = (number(row[f"{name}{end}"], 3) for end in ("", "_low", "_high"))
    return f"{gain}, with a 95 % interval over 5 seeds of {low} to {high}"


@quote(f"{GUIDE}/optimized_attacks.rst", "attacks_oracle_net.csv")
def guide_oracle_net(oracle):
    damage = oracle.set_index("attacker")["damage"].map(lambda x: number(x, 3))
    found = damage["best of all tried"], damage["label flip, alpha 1"]
    return f"get to {found[0]} against {found[1]}"


@quote(f"{GUIDE}/optimized_attacks.rst", "attacks_adult.csv")
def guide_half_budget(adult):
    rows = only(adult, model="LR", filter="FM")
    half = the(rows, attack="influence", alpha=0.5)["damage"]
    flip = the(rows, attack="label flip", alpha=1.0)["damage"]
    return f"({number(half, 3)} against {number(flip, 3)})"


@quote(f"{GUIDE}/optimized_attacks.rst", "attacks_witches_brew_summary.csv")
def guide_witches_brew(summary):
    gains = only(summary, n_targets="all", measure="log_gain").set_index("what")
    one, other = (
        number(gains["estimate"][arm], 1) for arm in ("one cluster", "random")
    )
    row = gains.loc["difference"]
    ends = f"{number(row['low'], 1)} to {number(row['high'], 1)}"
    return f"by {one} against {other}; the interval of the difference is {ends}"


@quote(f"{GUIDE}/bounds.rst", "attacks_model_targeted.csv")
def guide_certified_budget(attacks):
    ratio = attacks["used_by_induced_bound"].max()
    return f"at most {number(ratio)} times that bound"


@quote(f"{GUIDE}/influence.rst", "influence_adult.json")
def guide_influence(influence):
    name, found = "correlation_of_gauss_newton_with_hessian", influence["results"]
    some, all_ = (number(found[f"MLP, n={n}"][name]) for n in (8000, 32561))
    return f"with {some} for 8,000 training rows and with {all_} for 32,561"


@quote(f"{GUIDE}/influence.rst", "refit_linear.json")
def guide_estimates(linear):
    found = linear["influence"]
    error = number(found["max_error_of_damage"])
    return (
        f"a rank correlation of {number(found['rank_correlation'])} with that of true"
        f" refits, and was off by up to {error} of accuracy"
    )


@quote(f"{GUIDE}/optimized_attacks.rst", "attacks_adult.csv", "attacks_faces.csv")
def guide_stealth(adult, faces):
    medians = [
        frame[(frame["model"] == "LR") & frame["attack"].isin(MOVING)][
            "collateral_median"
        ]
        for frame in (adult, faces)
    ]
    most, low, high = medians[0].max(), medians[1].min(), medians[1].max()
    return (
        f"stays at {number(most)} or below,"
        f" and on the embeddings it is {number(low)} to {number(high)}"
    )


MOVING = ["influence", "gradient", "model-targeted"]


@quote(f"{GUIDE}/defenses.rst", "defenses_easy_cases.csv")
def guide_harder_cases(cases):
    harder = only(cases, case="many_outliers").set_index(["defense", "count"])["recall"]
    pairs = {
        name: tuple(number(harder[name, count])[1:] for count in ("auto", "told"))
        for name in ("Sever", "LossFilter", "SphereFilter", "SlabFilter")
    }
    sever, *others = pairs.items()
    rest = ", ".join(f"{name} {auto} and {told}" for name, (auto, told) in others)
    return f"Sever finds {sever[1][0]} with the defaults and {sever[1][1]} told, {rest}"


@quote(f"{GUIDE}/defenses.rst", "defenses_adult.csv")
def guide_sure_defenses(defenses):
    at_two = only(defenses, alpha=2.0, poisoner="label flip")
    *first, last = at_two[at_two["change_high"] < 0]["defense"]
    return f"{', '.join(first)} and {last}"


@quote(f"{GUIDE}/defenses.rst", "defenses_adult.csv")
def guide_rehearsed_trim(defenses):
    rows = only(defenses, alpha=1.0, defense="Trim").set_index("poisoner")
    left = 100 * rows.loc["rehearsed", ["target_damage", "change"]]
    flipped, rehearsed = (share(rows["recall"][p]) for p in ("label flip", "rehearsed"))
    return (
        f"{flipped} of the flipped rows and {rehearsed} of the rehearsed ones, which"
        f" then cost {number(left.iloc[0], 1)} points where they cost"
        f" {number(left.iloc[0] - left.iloc[1], 1)} without any defense"
    )


@quote(f"{GUIDE}/defenses.rst", "defenses_adult_costs.csv")
def guide_costs(costs):
    tenth = costs[costs["removed"].round(2) == 0.1]["most_removed"]
    sphere = costs.set_index("defense")["accuracy_cost"]["SphereFilter"]
    return (
        f"takes {number(100 * tenth.min(), 0)} to {share(tenth.max())} of the cluster"
        " that it takes most of, and SphereFilter costs"
        f" {number(100 * sphere, 1)} points"
    )
