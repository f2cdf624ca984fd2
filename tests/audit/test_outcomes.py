"""What the intervals of comparisons claim, on outcomes whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skpoison.audit._intervals import _mean_interval
from skpoison.audit._outcomes import Outcome, damage_figures, mean_interval

N_SIMULATIONS = 200


def outcome_of(changes, target, *, is_sample=True, is_stamped=False, plain=None):
    """Outcome whose twin is right on all rows but those that the poison wins."""
    pairs = []
    for part in (changes, changes if plain is None else plain):
        part = np.asarray(part)
        pairs.append(np.stack([part >= 0, part < 1], axis=1))
    return Outcome(np.asarray(target), is_sample, is_stamped, *pairs)


@given(
    changes=st.lists(
        st.lists(st.sampled_from([-1, 0, 0, 1]), min_size=9, max_size=9),
        min_size=1,
        max_size=4,
    ),
    size=st.integers(1, 8),
    is_sample=st.booleans(),
)
@settings(max_examples=40)
def test_figures_are_means_within_their_intervals(changes, size, is_sample):
    target = np.arange(9) < size
    figures = damage_figures([outcome_of(changes, target, is_sample=is_sample)], 0)
    changes = np.array(changes)
    for kind, rows in (("target", target), ("collateral", ~target)):
        value, low, high = (
            figures[f"{kind}_damage{end}"] for end in ("", "_low", "_high")
        )
        assert value == pytest.approx(changes[:, rows].mean())
        assert -1 <= low <= value <= high <= 1
        assert high > low
    expected = 1 - (changes[:, target] < 0).mean()
    assert figures["clean_accuracy"] == pytest.approx(expected)


def test_one_target_has_the_interval_of_an_audit():
    rng = np.random.default_rng(0)
    changes = (rng.random((5, 80)) < [[0.1], [0.2], [0.3], [0.2], [0.1]]).astype(int)
    rows = np.arange(80) < 50
    ours = mean_interval([(changes, rows)], np.random.default_rng(1))
    audits = _mean_interval(changes[:, rows], 50, np.random.default_rng(1))
    np.testing.assert_allclose(ours, audits, atol=0.02)


@pytest.mark.parametrize("n_repeats", [1, 5])
@pytest.mark.parametrize("spread", [0, 0.1])
def test_intervals_hold_the_mean_over_rows_and_repeats(n_repeats, spread):
    """Two targets that share test rows; each repeat shifts all of its rows."""
    rng = np.random.default_rng(0)
    spread = spread if n_repeats > 1 else 0
    targets = [np.arange(60) < 40, np.arange(60) >= 25]
    held = 0
    for _ in range(N_SIMULATIONS):
        level = 0.3 + rng.uniform(-spread, spread, size=n_repeats)[:, None]
        # Rows differ in how easily they are lost, in all repeats alike.
        ease = rng.choice([0.5, 1.5], size=60)
        changes = (rng.random((n_repeats, 60)) < level * ease).astype(int)
        _, low, high = mean_interval([(changes, rows) for rows in targets], rng)
        held += low <= 0.3 <= high
    assert held / N_SIMULATIONS > 0.92


def test_intervals_of_given_rows_hold_the_mean_over_repeats():
    rng = np.random.default_rng(0)
    target = np.arange(20) < 3
    held = 0
    for _ in range(N_SIMULATIONS):
        changes = np.zeros((5, 20), int)
        changes[:, :3] = rng.random((5, 1)) < 0.7
        figures = damage_figures([outcome_of(changes, target, is_sample=False)], 0)
        held += figures["target_damage_low"] <= 0.7 <= figures["target_damage_high"]
    assert held / N_SIMULATIONS > 0.92


def test_one_repeat_tells_nothing_of_given_rows():
    outcome = outcome_of(np.ones((1, 10), int), np.arange(10) < 3, is_sample=False)
    figures = damage_figures([outcome], 0)
    assert (figures["target_damage_low"], figures["target_damage_high"]) == (-1, 1)


def test_more_repeats_and_rows_narrow_the_interval():
    rng = np.random.default_rng(0)
    widths = []
    for n_repeats, n_rows in ((2, 30), (8, 30), (8, 600)):
        changes = (rng.random((n_repeats, n_rows)) < 0.4).astype(int)
        rows = np.ones(n_rows, bool)
        _, low, high = mean_interval([(changes, rows)], np.random.default_rng(0))
        widths.append(high - low)
    assert widths[0] > widths[1] > 3 * widths[2]


def test_targets_count_alike_whatever_their_size():
    changes = np.array([[1, 0, 0, 0, 0, 0]] * 3)
    parts = [(changes, np.arange(6) < 1), (changes, np.arange(6) >= 1)]
    assert mean_interval(parts, np.random.default_rng(0))[0] == 0.5
    # A target without test rows is left out.
    parts.append((changes, np.zeros(6, bool)))
    assert mean_interval(parts, np.random.default_rng(0))[0] == 0.5
    assert np.isnan(mean_interval(parts[2:], np.random.default_rng(0))).all()


def test_with_a_trigger_all_rows_without_it_are_collateral():
    target = np.arange(8) < 4
    stamped, plain = np.zeros((2, 1, 8), int)
    stamped[0, :3] = plain[0, 0] = plain[0, 7] = 1
    figures = damage_figures(
        [outcome_of(stamped, target, is_stamped=True, plain=plain)], 0
    )
    assert figures["target_damage"] == 0.75
    assert figures["collateral_damage"] == 0.25
