"""What the prose says of results, written from the results."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from ._format import number, only, the
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
    return f"Without a defense, {number(100 * row['target_damage'], 1)} points are lost"


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
