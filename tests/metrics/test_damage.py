import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning

from skpoison.metrics import collateral_damage, target_damage, target_error

LABELS = np.array(["a", "b", "c"])


@st.composite
def predictions(draw):
    n = draw(st.integers(2, 40))
    code = st.lists(st.integers(0, 2), min_size=n, max_size=n)
    y_true, y_clean, y_poisoned = (LABELS[draw(code)] for _ in range(3))
    mask = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    mask[0], mask[-1] = True, False
    return y_true, y_clean, y_poisoned, np.array(mask)


@given(predictions())
def test_differences_of_error_rates(case):
    y_true, y_clean, y_poisoned, mask = case

    def error(y_pred, rows):
        return np.mean(y_pred[rows] != y_true[rows])

    target = target_damage(y_true, y_clean, y_poisoned, mask)
    assert target == pytest.approx(error(y_poisoned, mask) - error(y_clean, mask))
    collateral = collateral_damage(y_true, y_clean, y_poisoned, mask)
    assert collateral == pytest.approx(error(y_poisoned, ~mask) - error(y_clean, ~mask))
    assert target_error(y_true, y_poisoned, mask) == pytest.approx(
        error(y_poisoned, mask)
    )
    # Antisymmetric, zero against itself, and the sides change places.
    assert target_damage(y_true, y_poisoned, y_clean, mask) == -target
    assert target_damage(y_true, y_clean, y_clean, mask) == 0
    assert target_damage(y_true, y_clean, y_poisoned, ~mask) == collateral
    # The overall loss of accuracy is their weighted mean.
    everyone = np.ones(len(mask), bool)
    share = mask.mean()
    assert target_damage(y_true, y_clean, y_poisoned, everyone) == pytest.approx(
        share * target + (1 - share) * collateral
    )


@given(predictions())
def test_integer_weights_are_repeated_rows(case):
    weight = np.arange(len(case[0])) % 3 + 1
    repeated = [np.repeat(column, weight) for column in case]
    for metric in (target_damage, collateral_damage):
        weighted = metric(*case, sample_weight=weight)
        assert weighted == pytest.approx(metric(*repeated))


def test_nobody_is_nan_and_warns():
    y, nobody = np.array([0, 1]), np.zeros(2, bool)
    with pytest.warns(UndefinedMetricWarning, match="no row of the 2 given is in") as w:
        assert np.isnan(target_damage(y, y, y, nobody))
    assert w[0].filename == __file__
    with pytest.warns(UndefinedMetricWarning, match="target_error is NaN"):
        assert np.isnan(target_error(y, y, nobody))
    with pytest.warns(UndefinedMetricWarning, match="is outside the target"):
        assert np.isnan(collateral_damage(y, y, y, ~nobody))


@pytest.mark.parametrize(
    ("membership", "message"),
    [
        ([0, 1, 1], "boolean array.*int64"),
        ([1.0, 0.0, 1.0], "boolean array.*float64"),
        (np.ones((3, 1), bool), r"shape \(3, 1\)"),
        ([True, False], "inconsistent numbers of samples"),
    ],
)
def test_bad_membership(membership, message):
    y = [0, 1, 0]
    with pytest.raises(ValueError, match=message):
        target_damage(y, y, y, membership)


def test_lengths_differ():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        target_damage([0, 1], [0, 1], [0, 1, 1], [True, False])


@pytest.mark.parametrize(
    "weight",
    [
        [1.0, -1.0, 1.0, 1.0],
        [1.0, np.nan, 1.0, 1.0],
        [1.0, np.inf, 1.0, 1.0],
        [1.0, None, 1.0, 1.0],
        [[1.0], [1.0], [1.0], [1.0]],
        [[1.0], [1.0, 2.0]],
        ["a", "b", "c", "d"],
        np.ma.masked_equal([1.0, 2.0, 3.0, 4.0], 2.0),
        [1.0, 1.0],
        3.0,
    ],
    ids=str,
)
def test_weights_that_are_none_are_refused(weight):
    y, mask = [0, 1, 1, 0], [False, True, True, False]
    with pytest.raises(ValueError, match=r"sample_weight|could not convert"):
        target_damage(y, y, y, mask, sample_weight=weight)


@pytest.mark.parametrize("factor", [1e-320, 1e308])
def test_weights_of_any_size_count_by_their_shares(factor):
    y, wrong, mask = [0, 1, 1, 0], [0, 0, 1, 0], [False, True, True, False]
    weight = np.array([0.5, 0.5, 1.5, 0.5]) * factor
    damage = target_damage(y, y, wrong, mask, sample_weight=weight)
    assert damage == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("name", ["y_true", "y_clean", "y_poisoned"])
@pytest.mark.parametrize(
    "labels",
    [[0, None, 1, 0], [0, pd.NA, 1, 0], [[0], [1, 1], [1], [0]], [0.5, 1, 1, 0]],
)
def test_labels_that_are_none_are_refused_by_name(name, labels):
    given = {n: [0, 1, 1, 0] for n in ("y_true", "y_clean", "y_poisoned")}
    given[name] = labels
    with pytest.raises(
        ValueError, match=rf"{name} of target_damage|Unknown label type"
    ):
        target_damage(**given, membership=[False, True, True, False])


def test_texts_and_numbers_are_not_compared():
    y, texts, mask = [0, 1, 1, 0], ["0", "1", "1", "0"], [True, True, False, False]
    with pytest.raises(ValueError, match="labels, which must be of one kind"):
        target_damage(texts, y, y, mask)


@pytest.mark.parametrize("mask", [[[True], [True, False]], np.ma.masked_all(4, bool)])
def test_memberships_that_are_none_are_refused(mask):
    with pytest.raises(ValueError, match="membership must be a boolean array"):
        target_damage([0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], mask)
