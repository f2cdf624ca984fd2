import numpy as np
import pytest

from skpoison.defenses import LossFilter, SlabFilter, SphereFilter
from skpoison.defenses._score_sanitizer import fence


@pytest.mark.parametrize("sanitizer", [SphereFilter, SlabFilter, LossFilter])
@pytest.mark.parametrize("count", [0, 1, 7, 40])
def test_a_number_of_rows_is_met_over_all_classes(sanitizer, count):
    rng = np.random.RandomState(0)
    y = rng.randint(3, size=113)
    X = rng.normal(y[:, np.newaxis], 1, (113, 2))
    defense = sanitizer(contamination=count, random_state=0).fit(X, y)
    assert len(defense.sample_indices_) == 113 - count


def test_equal_scores_are_no_outliers():
    assert not (np.ones(9) > fence(np.ones(9))).any()
    assert (np.array([1.0] * 9 + [2]) > fence(np.array([1.0] * 9 + [2]))).sum() == 1


def test_more_poison_than_any_float_counts_is_refused():
    X, y = np.random.RandomState(0).randn(30, 2), np.arange(30) % 2
    with pytest.raises(ValueError, match="would delete every row of class"):
        LossFilter(contamination=10**400).fit(X, y)
