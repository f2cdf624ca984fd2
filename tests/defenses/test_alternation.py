import numpy as np
from sklearn.linear_model import LogisticRegression

from skpoison.defenses import Trim


def test_it_ends_once_the_same_rows_are_kept_twice(blobs):
    X, y, _ = blobs
    trim = Trim(LogisticRegression(), contamination=42, max_iter=100).fit(X, y)
    assert 1 < trim.n_iter_ < 100
    again = LogisticRegression().fit(X[trim.sample_indices_], y[trim.sample_indices_])
    np.testing.assert_allclose(trim.estimator_.coef_, again.coef_, rtol=1e-6)


def test_it_ends_at_the_largest_number_of_fits(blobs):
    X, y, _ = blobs
    assert Trim(contamination=42, max_iter=1).fit(X, y).n_iter_ == 1
