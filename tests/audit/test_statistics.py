"""What the figures of an audit claim, on evidence whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import binomtest, kstest, norm

from skpoison.audit._alpha50 import alpha50, crossings
from skpoison.audit._damages import damages
from skpoison.audit._evidence import Evidence
from skpoison.audit._intervals import curves
from skpoison.audit._sign_flip import q_values, sign_flip_p_value
from skpoison.audit._tables import (
    CURVES,
    RESULTS,
    SUMMARY,
    curves_table,
    results_table,
    summary_table,
)
from skpoison.audit._worst_k import halve, worst_k

ALPHAS = [0.5, 1.0, 2.0]


def partition(sizes):
    """Membership of consecutive rows."""
    blocks = [np.ones((size, 1), bool) for size in sizes]
    return sparse.csc_array(sparse.block_diag(blocks, format="csc"))


def make_evidence(changes, membership, *, right=None, alphas=(1.0,), failed=()):
    """Evidence from changes (n_repeats, n_subpopulations, n_alphas, n_test)."""
    n_repeats, n_subpopulations, _, n_test = np.shape(changes)
    table = pd.DataFrame(
        [
            (repeat, k, alpha, 7, "no", True, 1e-9, None)
            for repeat in range(n_repeats)
            for k in range(n_subpopulations)
            for alpha in alphas
        ],
        columns=[
            "repeat",
            "subpopulation",
            "alpha",
            "n_poison",
            "poison_label",
            "converged",
            "gradient_norm",
            "error",
        ],
    )
    changes = np.array(changes, np.int8).reshape(-1, n_test)
    for model in failed:
        table.loc[model, "error"] = "ValueError: no"
        changes[model] = 0
    if right is None:
        right = np.ones((n_repeats, n_test), bool)
    return Evidence(table, sparse.csr_array(changes), right, membership)


def own_rows_only(changes):
    """Evidence of changes (n_subpopulations, n_repeats, n_rows) in targets alone."""
    n_subpopulations, n_repeats, n_rows = changes.shape
    every = np.zeros((n_repeats, n_subpopulations, 1, n_subpopulations, n_rows), int)
    own = np.arange(n_subpopulations)
    every[:, own, 0, own] = changes.transpose(1, 0, 2)
    every = every.reshape(n_repeats, n_subpopulations, 1, -1)
    return make_evidence(every, partition([n_rows] * n_subpopulations))


def random_evidence(seed, *, n_repeats=2, failed=(), overlapping=False):
    """Some of everything: rows in no subpopulation, lost, gained, wrong before."""
    rng = np.random.default_rng(seed)
    sizes = [30, 25, 20, 16, 10, 7]
    membership = np.zeros((120, len(sizes)), bool)
    start = 0
    for k, size in enumerate(sizes):
        rows = (
            rng.permutation(120)[:size] if overlapping else np.r_[start : start + size]
        )
        membership[rows, k] = True
        start += size
    membership = sparse.csc_array(membership)
    right = rng.random((n_repeats, 120)) < 0.8
    shape = n_repeats, len(sizes), len(ALPHAS), 120
    moved = rng.random(shape) < np.array([0.1, 0.2, 0.3])[:, None]
    changes = np.where(right[:, None, None], 1, -1) * moved
    kwargs = {"right": right, "alphas": ALPHAS, "failed": failed}
    return make_evidence(changes, membership, **kwargs)


def covered(table, truth, name="target_damage"):
    low, high = table[f"{name}_low"], table[f"{name}_high"]
    return ((low <= truth + 1e-12) & (high >= truth - 1e-12)).mean()


def shuffled(evidence, seed):
    order = np.random.default_rng(seed).permutation(len(evidence.table))
    return Evidence(
        evidence.table.iloc[order],
        evidence.changes[order],
        evidence.clean_correct,
        evidence.membership,
    )


# Damage ----------------------------------------------------------------------------


def test_damages_are_the_means_of_the_definition(seed):
    evidence = random_evidence(seed, overlapping=True, failed=[4])
    got = damages(evidence)
    changes, membership = evidence.changes.toarray(), evidence.membership.toarray()
    for j, row in evidence.table.iterrows():
        mask = membership[:, row["subpopulation"]]
        right = evidence.clean_correct[row["repeat"], mask].mean()
        assert got.loc[j, "clean_accuracy"] == pytest.approx(right)
        assert got.loc[j, "n_test"] == mask.sum()
        if j == 4:
            assert got.loc[j, ["target_damage", "collateral_damage"]].isna().all()
            continue
        assert got.loc[j, "target_damage"] == pytest.approx(changes[j, mask].mean())
        assert got.loc[j, "collateral_damage"] == pytest.approx(
            changes[j, ~mask].mean()
        )


def test_sums_do_not_overflow_the_bytes_they_are_made_of():
    evidence = own_rows_only(np.ones((1, 1, 1000), int))
    assert damages(evidence)["target_damage"].tolist() == [1.0]
    assert curves(evidence, 0)["target_damage"].tolist() == [1.0]


def test_a_target_of_all_rows_has_no_collateral_damage():
    evidence = own_rows_only(np.ones((1, 2, 40), int))
    assert damages(evidence)["collateral_damage"].isna().all()
    ends = ["collateral_damage", "collateral_damage_low", "collateral_damage_high"]
    assert curves(evidence, 0)[ends].isna().all(axis=None)


def test_a_target_without_test_rows_has_no_figures():
    changes = np.zeros((1, 2, 1, 20), int)
    membership = sparse.csc_array(np.c_[np.ones(20, bool), np.zeros(20, bool)])
    evidence = make_evidence(changes, membership)
    table = summary_table(
        evidence, None, curves_table(evidence, "ab", 0), "ab", [1, 2], [3, 4]
    )[0]
    empty = table[table["name"] == "b"].iloc[0]
    columns = ["target_damage", "p_value", "q_value", "alpha50", "held_out_damage"]
    assert empty[columns].isna().all()
    assert empty["collateral_damage"] == 0


# Intervals -------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [10, 30, 120])
@pytest.mark.parametrize(
    ("lost", "gained"), [(0, 0), (0.02, 0), (0.05, 0.05), (0.4, 0.1)]
)
def test_intervals_of_one_repeat_cover_at_least_95_percent(n_rows, lost, gained, seed):
    rng = np.random.default_rng(seed)
    draw = rng.random((150, 1, n_rows))
    evidence = own_rows_only((draw < lost).astype(int) - (draw > 1 - gained))
    share = covered(curves(evidence, seed), lost - gained)
    # Two standard errors of 150 intervals.
    assert share > 0.95 - 2 * np.sqrt(0.95 * 0.05 / 150)


@pytest.mark.parametrize(("of_repeat", "least"), [(0, 0.95), (0.2, 0.95), (0.5, 0.9)])
def test_intervals_of_five_repeats_cover_other_repeats_too(of_repeat, least, seed):
    rng = np.random.default_rng(seed)
    n_subpopulations, n_rows, of_noise = 150, 40, 0.3
    latent = (
        rng.standard_normal((n_subpopulations, 1, n_rows))
        + rng.standard_normal((n_subpopulations, 5, 1)) * of_repeat
        + rng.standard_normal((n_subpopulations, 5, n_rows)) * of_noise
    )
    truth = norm.sf(1 / np.sqrt(1 + of_repeat**2 + of_noise**2))
    table = curves(own_rows_only((latent > 1).astype(int)), seed)
    assert covered(table, truth) > least - 2 * np.sqrt(least * (1 - least) / 150)


def test_intervals_of_collateral_damage_cover(seed):
    rng = np.random.default_rng(seed)
    n_models, n_test = 150, 400
    changes = rng.random((1, n_models, 1, n_test)) < 0.03
    membership = np.zeros((n_test, n_models), bool)
    membership[:20] = True
    evidence = make_evidence(changes, sparse.csc_array(membership))
    share = covered(curves(evidence, seed), 0.03, "collateral_damage")
    assert share > 0.95 - 2 * np.sqrt(0.95 * 0.05 / 150)


@pytest.mark.parametrize("n_repeats", [1, 2, 5])
@pytest.mark.parametrize("n_rows", [5, 30, 500])
def test_where_nothing_changed_the_rule_of_three_holds(n_rows, n_repeats, seed):
    evidence = own_rows_only(np.zeros((2, n_repeats, n_rows), int))
    table = curves(evidence, seed)
    assert table["target_damage_low"].tolist() == pytest.approx([-3 / n_rows] * 2)
    assert table["target_damage_high"].tolist() == pytest.approx([3 / n_rows] * 2)
    assert (table["p_value"] == 1).all()


def test_the_rule_of_three_joins_smoothly():
    n_rows, widths = 100, []
    for n_lost in range(8):
        changes = np.zeros((1, 1, n_rows), int)
        changes[..., :n_lost] = 1
        row = curves(own_rows_only(changes), 0).iloc[0]
        widths.append(row["target_damage_high"] - row["target_damage_low"])
    assert (np.diff(widths) >= 0).all()
    assert max(np.diff(widths)) <= 2.5 / n_rows


def test_where_all_was_lost_the_interval_ends_at_one():
    row = curves(own_rows_only(np.ones((1, 1, 60), int)), 0).iloc[0]
    assert row["target_damage_high"] == 1
    assert row["target_damage_low"] == pytest.approx(1 - 3 / 60)


def test_repeats_that_disagree_widen_the_interval():
    agree, disagree = np.zeros((2, 1, 5, 200), int)
    agree[0, :, :40] = 1
    for repeat in range(5):
        disagree[0, repeat, : 20 * repeat] = 1
    tables = [curves(own_rows_only(c), 0).iloc[0] for c in (agree, disagree)]
    assert tables[0]["target_damage"] == tables[1]["target_damage"] == 0.2
    widths = [t["target_damage_high"] - t["target_damage_low"] for t in tables]
    assert widths[1] > 2 * widths[0]


def test_two_repeats_that_disagree_tell_next_to_nothing():
    changes = np.zeros((1, 2, 200), int)
    changes[0, 1, :100] = 1
    row = curves(own_rows_only(changes), 0).iloc[0]
    assert row["target_damage"] == 0.25
    assert (row["target_damage_low"], row["target_damage_high"]) == (-1, 1)


def test_equal_repeats_tell_no_more_than_one():
    """The rows are what is sampled: training the same model again adds none."""
    one = (np.random.default_rng(0).random((1, 1, 100)) < 0.2).astype(int)
    columns = ["target_damage", "target_damage_low", "target_damage_high", "p_value"]
    single = curves(own_rows_only(one), 0)[columns].to_numpy()
    fivefold = curves(own_rows_only(np.repeat(one, 5, axis=1)), 0)[columns].to_numpy()
    np.testing.assert_allclose(single, fivefold, rtol=1e-8)


def test_intervals_narrow_with_the_root_of_the_rows():
    changes = np.tile([1, 0, 0, 0], 25).reshape(1, 1, 100)
    widths = []
    for times in (1, 16):
        row = curves(own_rows_only(np.tile(changes, times)), 0).iloc[0]
        widths.append(row["target_damage_high"] - row["target_damage_low"])
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.1)


@settings(max_examples=30)
@given(
    changes=st.lists(
        st.lists(st.sampled_from([-1, 0, 0, 1]), min_size=12, max_size=12),
        min_size=1,
        max_size=4,
    ),
    seed=st.integers(0, 5),
)
def test_figures_are_within_their_intervals_and_bounds(changes, seed):
    n_repeats = len(changes)
    changes = np.array(changes).reshape(n_repeats, 1, 1, 12)
    membership = sparse.csc_array((np.arange(12) < 7)[:, None])
    evidence = make_evidence(changes, membership)
    row = curves(evidence, seed).iloc[0]
    for name in ("target_damage", "collateral_damage"):
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        assert -1 <= low <= row[name] <= high <= 1
        assert high > low
    assert 0 < row["p_value"] <= row["q_value"] <= 1
    budget = alpha50(evidence, seed).iloc[0]
    assert budget["alpha50_low"] <= budget["alpha50"] <= budget["alpha50_high"]


# P-values --------------------------------------------------------------------------


@settings(max_examples=60)
@given(lost=st.integers(0, 60), gained=st.integers(0, 60))
def test_one_repeat_is_the_exact_test_of_mcnemar(lost, gained):
    sums = np.r_[np.ones(lost, int), -np.ones(gained, int), np.zeros(5, int)]
    expected = 1.0
    if lost + gained:
        expected = binomtest(lost, lost + gained, alternative="greater").pvalue
    assert sign_flip_p_value(sums) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=60)
@given(sums=st.lists(st.integers(-5, 5), max_size=11))
def test_p_value_is_the_share_of_all_sign_assignments(sums):
    sums = np.array(sums, int)
    signs = 1 - 2 * (np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums)) & 1)
    share = (signs @ np.abs(sums) >= sums.sum()).mean()
    assert sign_flip_p_value(sums) == pytest.approx(share, rel=1e-12)


def test_p_value_of_many_rows_keeps_its_digits():
    """A tail far below the rounding error of 1 is not lost, as by a transform."""
    sums = np.repeat([5, 4, 3, 2, 1], 40)
    assert sign_flip_p_value(sums) == pytest.approx(0.5**200, rel=1e-9)
    assert sign_flip_p_value(-sums) == pytest.approx(1)


@settings(max_examples=40)
@given(sums=st.lists(st.integers(-5, 5), min_size=1, max_size=30), place=st.integers(0))
def test_p_value_falls_where_a_gained_row_is_lost(sums, place):
    sums = np.array(sums)
    more = sums.copy()
    more[place % len(sums)] = abs(more[place % len(sums)])
    assert sign_flip_p_value(more) <= sign_flip_p_value(sums) * (1 + 1e-12)


@pytest.mark.parametrize("n_repeats", [1, 3])
def test_p_values_are_conservative_where_poison_does_nothing(n_repeats, seed):
    rng = np.random.default_rng(seed)
    sign = rng.choice([-1, 1], (500, 1, 60))
    changes = sign * (rng.random((500, n_repeats, 60)) < 0.4)
    sums = changes.sum(axis=1)
    p_values = np.array([sign_flip_p_value(of_rows) for of_rows in sums])
    for level in (0.01, 0.05, 0.1, 0.3, 0.5):
        error = np.sqrt(level * (1 - level) / 500)
        assert (p_values <= level).mean() <= level + 3 * error
    # Not idle either: close to uniform where the sums are many-valued.
    assert kstest(p_values, "uniform").statistic < 0.2


def test_q_values_control_the_false_discovery_rate(seed):
    rng = np.random.default_rng(seed)
    n_null, rates, found = 60, [], []
    for _ in range(40):
        lost = np.r_[np.full(n_null, 0.15), np.full(20, 0.4)]
        draw = rng.random((80, 60))
        changes = (draw < lost[:, None]).astype(int) - (draw > 0.85)
        p_values = np.array([sign_flip_p_value(sums) for sums in changes])
        rejected = q_values(p_values) <= 0.1
        rates.append(rejected[:n_null].sum() / max(1, rejected.sum()))
        found.append(rejected[n_null:].mean())
    assert np.mean(rates) < 0.1 * n_null / 80 + 2 * np.std(rates) / np.sqrt(40)
    assert np.mean(found) > 0.5


def test_nan_p_values_stay_nan_and_out_of_the_family():
    adjusted = q_values(np.array([0.01, np.nan, 0.02, np.nan]))
    np.testing.assert_allclose(adjusted, [0.02, np.nan, 0.02, np.nan])
    assert np.isnan(q_values(np.full(3, np.nan))).all()


def test_q_values_are_of_one_alpha_each():
    evidence = random_evidence(3)
    table = curves(evidence, 0)
    for _, of_alpha in table.groupby("alpha"):
        expected = q_values(of_alpha["p_value"].to_numpy())
        np.testing.assert_array_equal(of_alpha["q_value"], expected)


# alpha50 ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([0.0, 0.2, 0.4, 0.6], 1.5),
        ([0.0, 0.5, 0.5, 0.5], 0.5),
        ([0.0, 0.1, 0.2, 0.49], np.inf),
        ([0.5, 0.1, 0.2, 0.3], 0.0),
        ([0.9, 0.9, 0.9, 0.9], 0.0),
        ([0.25, 0.75, 0.1, 0.1], 0.25),
        ([0.3, 0.1, 0.1, 0.7], 1.5),
        ([0.1, 0.4, 0.2, 0.6], 1.5),
    ],
)
def test_budget_of_half_the_target_by_hand(errors, expected):
    found = crossings(np.array([0.0, *ALPHAS]), np.array([errors]))
    assert found == pytest.approx([expected])


def of_errors(errors, n_rows=200, n_repeats=1):
    """Evidence of one target with given error rates at alpha 0, 0.5, 1 and 2."""
    wrong = np.arange(n_rows) < np.array(errors)[:, None] * n_rows - 1e-9
    changes = wrong[1:].astype(int) - wrong[0]
    return make_evidence(
        np.tile(changes, (n_repeats, 1, 1, 1)),
        partition([n_rows]),
        right=np.tile(~wrong[0], (n_repeats, 1)),
        alphas=ALPHAS,
    )


@pytest.mark.parametrize("n_repeats", [1, 3])
@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([0.1, 0.2, 0.4, 0.6], 1.5),
        ([0.1, 0.1, 0.1, 0.2], np.inf),
        ([0.8, 0.9, 0.9, 0.9], 0),
    ],
)
def test_alpha50_of_evidence(errors, expected, n_repeats):
    row = alpha50(of_errors(errors, n_repeats=n_repeats), 0).iloc[0]
    assert row["alpha50"] == pytest.approx(expected)
    assert row["alpha50_low"] <= row["alpha50"] <= row["alpha50_high"]
    if expected in (0, np.inf):
        assert row["alpha50_low"] == row["alpha50_high"] == expected
    else:
        assert 1 < row["alpha50_low"] < 1.5 < row["alpha50_high"] < np.inf


def test_alpha50_may_be_beyond_the_largest_alpha_in_part():
    row = alpha50(of_errors([0.1, 0.2, 0.4, 0.52]), 0).iloc[0]
    assert row["alpha50_low"] < row["alpha50"] < 2
    assert row["alpha50_high"] == np.inf


def test_a_failed_repeat_is_taken_as_the_mean_of_the_others():
    whole = of_errors([0.1, 0.2, 0.4, 0.6], n_repeats=3)
    table, changes = whole.table.copy(), whole.changes.tolil()
    # The second repeat at the largest alpha.
    table.loc[5, "error"] = "ValueError: no"
    changes[5] = 0
    failed = Evidence(
        table, sparse.csr_array(changes), whole.clean_correct, whole.membership
    )
    pd.testing.assert_frame_equal(alpha50(whole, 0), alpha50(failed, 0), rtol=1e-6)
    expected, found = (worst_k(e, None, 0)[0] for e in (whole, failed))
    pd.testing.assert_frame_equal(expected, found, rtol=1e-6)


def test_alpha50_intervals_cover(seed):
    rng = np.random.default_rng(seed)
    n, n_rows = 150, 60
    # Each row falls at a budget of its own, uniform over [0, 3]: half at 1.5.
    falls_at = rng.random((n, n_rows)) * 3
    changes = np.zeros((1, n, 3, n, n_rows), int)
    for place, alpha in enumerate(ALPHAS):
        changes[0, np.arange(n), place, np.arange(n)] = falls_at <= alpha
    evidence = make_evidence(
        changes.reshape(1, n, 3, -1), partition([n_rows] * n), alphas=ALPHAS
    )
    share = covered(alpha50(evidence, seed), 1.5, "alpha50")
    assert share > 0.95 - 2 * np.sqrt(0.95 * 0.05 / 150)


def test_more_damage_needs_no_larger_budget(seed):
    rng = np.random.default_rng(seed)
    curve = np.sort(rng.random((50, 4)), axis=1)
    more = np.minimum(curve + rng.random((50, 4)) * 0.2 * [0, 1, 1, 1], 1)
    alphas = np.array([0.0, *ALPHAS])
    assert (crossings(alphas, more) <= crossings(alphas, curve) + 1e-9).all()


# Worst k ---------------------------------------------------------------------------


def test_held_out_worst_k_is_unbiased_where_nothing_is_damaged(seed):
    """The naive figure of noise alone is far from 0; the held-out one is not."""
    rng = np.random.default_rng(seed)
    found = []
    for draw in range(20):
        changes = rng.choice([-1, 0, 1], (30, 1, 40), p=[0.1, 0.8, 0.1])
        evidence = own_rows_only(changes)
        table, _ = worst_k(evidence, evidence, draw)
        found.append(table.set_index("k"))
    naive, held_out = (
        np.array([table[name] for table in found])
        for name in ("damage", "held_out_damage")
    )
    error = held_out.std(axis=0) / np.sqrt(20)
    assert (np.abs(held_out.mean(axis=0)) < 3.5 * error).all()
    assert (naive.mean(axis=0) > 5 * error).all()
    covers = [
        (table["held_out_low"] <= 0) & (table["held_out_high"] >= 0) for table in found
    ]
    assert np.mean(covers) > 0.85


def test_the_null_arm_is_put_through_the_same():
    poison, null = random_evidence(0), random_evidence(1)
    both, _ = worst_k(poison, null, 5)
    alone, _ = worst_k(null, None, 5)
    np.testing.assert_array_equal(both["null_damage"], alone["damage"])
    np.testing.assert_array_equal(
        both["null_held_out_damage"], alone["held_out_damage"]
    )
    assert alone[["null_damage", "null_held_out_damage"]].isna().all(axis=None)


def test_planted_damage_is_selected_and_measured(seed):
    rng = np.random.default_rng(seed)
    lost = np.full(20, 0.02)
    lost[[3, 7, 8, 15, 19]] = 0.7
    changes = (rng.random((20, 2, 200)) < lost[:, None, None]).astype(int)
    table, ranks = worst_k(own_rows_only(changes), None, seed)
    planted = ranks.nsmallest(5, "selection_rank")["subpopulation"]
    assert set(planted) == {3, 7, 8, 15, 19}
    row = table.set_index("k").loc[5]
    assert row["held_out_low"] < 0.7 < row["held_out_high"]
    assert row["held_out_damage"] == pytest.approx(
        ranks.set_index("subpopulation")
        .loc[[3, 7, 8, 15, 19], "held_out_damage"]
        .mean()
    )


def test_k_goes_up_to_the_number_of_subpopulations():
    for n, ks in [(1, [1]), (4, [1]), (5, [1, 5]), (12, [1, 5, 10])]:
        table, _ = worst_k(own_rows_only(np.zeros((n, 1, 10), int)), None, 0)
        assert table["k"].tolist() == ks


def test_equal_damage_is_ranked_by_number():
    _, ranks = worst_k(own_rows_only(np.zeros((12, 1, 10), int)), None, 0)
    assert ranks["selection_rank"].tolist() == list(range(1, 13))


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=8),
    n_others=st.integers(0, 5),
    seed=st.integers(0, 100),
)
def test_every_subpopulation_is_halved_as_evenly_as_can_be(sizes, n_others, seed):
    indptr = np.cumsum([0, *sizes])
    rows = np.random.default_rng(seed).permutation(sum(sizes) + n_others)[: sum(sizes)]
    membership = sparse.csc_array(
        (np.ones(len(rows), bool), rows, indptr),
        shape=(sum(sizes) + n_others, len(sizes)),
    )
    selecting = halve(membership, np.random.default_rng(seed))
    counts = membership.T.astype(int) @ selecting
    assert (np.abs(2 * counts - np.array(sizes)) <= 1).all()


def test_overlapping_rows_are_halved_at_random():
    membership = random_evidence(0, overlapping=True).membership
    selecting = halve(membership, np.random.default_rng(0))
    assert selecting.sum() == 60


def test_the_odd_row_goes_to_either_half():
    membership = partition([1] * 200)
    selecting = halve(membership, np.random.default_rng(0))
    assert 60 < selecting.sum() < 140


# Tables ----------------------------------------------------------------------------


def tables(evidence, null, random_state=0):
    names, sizes = list("abcdef"), np.arange(60, 0, -10)
    told = pd.DataFrame(
        {"ambient_share": 0.1, "margin": 1.0, "loss_difference": 0.2}, index=range(6)
    )
    by_alpha = curves_table(evidence, names, random_state)
    summary, worst = summary_table(
        evidence, null, by_alpha, names, sizes, sizes // 2, told, random_state
    )
    return results_table(evidence, names, sizes), by_alpha, summary, worst


def test_tables_have_the_columns_they_promise(seed):
    results, by_alpha, summary, worst = tables(
        random_evidence(seed), random_evidence(9)
    )
    assert results.columns.tolist() == RESULTS
    assert by_alpha.columns.tolist() == CURVES
    assert summary.columns.tolist() == SUMMARY
    assert (len(results), len(by_alpha), len(summary), len(worst)) == (36, 18, 6, 6)
    assert summary["target_damage"].is_monotonic_decreasing
    assert not summary.isna().any(axis=None)
    # The evidence knows neither of these.
    unknown = ["newton_decrement", "engine"]
    assert results[unknown].isna().all(axis=None)
    assert results.drop(columns=[*unknown, "error"]).notna().all(axis=None)


def test_tables_agree_with_each_other(seed):
    null = random_evidence(8)
    results, by_alpha, summary, _ = tables(random_evidence(seed), null)
    means = results.groupby(["subpopulation", "alpha"])["target_damage"].mean()
    np.testing.assert_allclose(by_alpha["target_damage"], means)
    largest = by_alpha[by_alpha["alpha"] == 2].set_index("subpopulation")
    summary = summary.set_index("subpopulation").sort_index()
    shared = [c for c in CURVES if c in summary.columns and c != "name"]
    pd.testing.assert_frame_equal(summary[shared], largest[shared])
    of_null = (
        damages(null)
        .groupby(null.table["subpopulation"].where(null.table["alpha"] == 2))[
            "target_damage"
        ]
        .mean()
    )
    np.testing.assert_allclose(summary["null_damage"], of_null)


@pytest.mark.parametrize("overlapping", [False, True])
def test_one_seed_gives_one_result_in_any_order(overlapping, seed):
    evidence = random_evidence(seed, overlapping=overlapping, failed=[5, 20])
    null = random_evidence(4, overlapping=overlapping)
    expected = tables(evidence, null, 3)
    got = tables(shuffled(evidence, 0), shuffled(null, 1), 3)
    for a, b in zip(expected, got, strict=True):
        pd.testing.assert_frame_equal(a, b, check_exact=True)
    other = tables(evidence, null, 4)
    assert not expected[1].equals(other[1])


def test_intervals_do_not_depend_on_the_other_subpopulations():
    evidence = random_evidence(0)
    keep = (evidence.table["subpopulation"] == 2).to_numpy()
    alone = Evidence(
        evidence.table[keep],
        evidence.changes[np.flatnonzero(keep)],
        evidence.clean_correct,
        evidence.membership,
    )
    for function in (curves, alpha50):
        whole = function(evidence, 0).drop(columns="q_value", errors="ignore")
        part = function(alone, 0).drop(columns="q_value", errors="ignore")
        whole = whole[whole["subpopulation"] == 2].reset_index(drop=True)
        pd.testing.assert_frame_equal(whole, part, check_exact=True)


def test_failed_models_take_no_part(seed):
    """The mean over a failed repeat is that of the other one."""
    evidence = random_evidence(seed, failed=[2])
    # Model 2 is repeat 0 of subpopulation 0 at the largest alpha.
    results, by_alpha, summary, _ = tables(evidence, random_evidence(7))
    row = by_alpha.query("subpopulation == 0 and alpha == 2").iloc[0]
    left = results.query("subpopulation == 0 and alpha == 2 and repeat == 1").iloc[0]
    assert row["target_damage"] == left["target_damage"]
    assert row["collateral_damage"] == left["collateral_damage"]
    failed = results[results["error"].notna()]
    assert failed[["target_damage", "collateral_damage"]].isna().all(axis=None)
    counts = summary.set_index("subpopulation")["n_failed"]
    assert counts.sort_index().tolist() == [1, 0, 0, 0, 0, 0]


def test_a_subpopulation_that_always_fails_is_last_and_nan():
    evidence = random_evidence(0, failed=[0, 1, 2, 18, 19, 20])
    _, by_alpha, summary, worst = tables(evidence, random_evidence(7))
    last = summary.iloc[-1]
    assert (last["subpopulation"], last["n_failed"]) == (0, 6)
    assert last["selection_rank"] == 6
    columns = [*CURVES[3:], "alpha50", "alpha50_low", "held_out_damage"]
    assert last[columns].isna().all()
    assert by_alpha.query("subpopulation == 0")[CURVES[3:]].isna().all(axis=None)
    # Five are left, so that the worst five still exist.
    assert worst["held_out_damage"].notna().all()


def test_an_audit_in_which_all_failed_has_tables_of_nan():
    evidence = random_evidence(0, failed=range(36))
    _, by_alpha, summary, worst = tables(evidence, evidence)
    assert by_alpha[CURVES[3:]].isna().all(axis=None)
    assert summary["n_failed"].tolist() == [6] * 6
    assert worst[["damage", "held_out_damage", "held_out_low"]].isna().all(axis=None)


def test_an_audit_stopped_before_its_first_model_has_empty_tables():
    full = random_evidence(0)
    none = Evidence(
        full.table.iloc[:0], full.changes[:0], full.clean_correct, full.membership
    )
    assert results_table(none, list("abcdef"), np.ones(6)).columns.tolist() == RESULTS
    assert curves_table(none, list("abcdef"), 0).columns.tolist() == CURVES


def test_an_audit_stopped_half_way_tells_of_what_is_there():
    """Subpopulation 5 was reached in the first repeat alone, and 4 in neither."""
    full = random_evidence(0)
    k, repeat = full.table["subpopulation"], full.table["repeat"]
    there = np.flatnonzero((k != 4) & ~((k == 5) & (repeat == 1)))
    part = Evidence(
        full.table.iloc[there], full.changes[there], full.clean_correct, full.membership
    )
    _, by_alpha, summary, worst = tables(part, part)
    assert sorted(summary["subpopulation"]) == [0, 1, 2, 3, 5]
    assert not summary.isna().any(axis=None)
    assert worst["held_out_low"].notna().all()
    means = curves(full, 0).query("subpopulation < 4")["target_damage"]
    found = by_alpha.query("subpopulation < 4")["target_damage"]
    assert found.tolist() == means.tolist()


def test_names_stay_as_they_are():
    evidence = own_rows_only(np.zeros((2, 1, 10), int))
    names = ["<b>$x$</b>", 'a"=1, b']
    assert results_table(evidence, names, [1, 2])["name"].tolist() == names
    assert curves_table(evidence, names, 0)["name"].tolist() == names
