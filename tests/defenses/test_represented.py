import numpy as np
import pytest

from skpoison.defenses import (
    ActivationClustering,
    DeepKNN,
    LabelFlipSmoothing,
    SlabFilter,
    SpectralSignatures,
    SphereFilter,
)

SPACES = [
    ActivationClustering(),
    DeepKNN(n_neighbors=3),
    LabelFlipSmoothing(),
    SlabFilter(),
    SpectralSignatures(),
    SphereFilter(),
]


@pytest.mark.parametrize("defense", SPACES, ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("size", [1e160, 1e306])
def test_numbers_whose_squares_overflow_are_refused(defense, size):
    X, y = np.random.RandomState(0).randn(20, 3) * size, np.arange(20) % 2
    with pytest.raises(ValueError, match=r"needs sums of squares that are finite"):
        defense.fit(X, y)


def test_numbers_whose_squares_fit_are_taken():
    X, y = np.random.RandomState(0).randn(20, 3), np.arange(20) % 2
    small = SphereFilter().fit(X, y)
    large = SphereFilter().fit(X * 2.0**500, y)
    assert np.allclose(large.scores_ / 2.0**500, small.scores_)
    assert np.array_equal(large.sample_indices_, small.sample_indices_)
