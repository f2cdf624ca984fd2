import numpy as np
from sklearn.linear_model import LogisticRegression

from skpoison.defenses import LossFilter, Trim


def test_scores_are_those_of_trim_in_its_first_round(blobs):
    X, y, _ = blobs
    loss_filter = LossFilter(contamination=0.1).fit(X, y)
    trim = Trim(contamination=0.1, max_iter=1).fit(X, y)
    np.testing.assert_array_equal(loss_filter.scores_, trim.scores_)


def test_each_class_is_judged_apart(blobs):
    X, _, blob = blobs
    y = (blob > 1).astype(int)
    sizes = np.bincount(y)
    loss_filter = LossFilter(LogisticRegression(), contamination=0.1).fit(X, y)
    kept = np.bincount(y[loss_filter.sample_indices_])
    np.testing.assert_array_equal(sizes - kept, np.round(sizes * 0.1))
    for label in (0, 1):
        own = np.flatnonzero(y == label)
        is_kept = np.isin(own, loss_filter.sample_indices_)
        scores = loss_filter.scores_[own]
        assert scores[is_kept].max() <= scores[~is_kept].min()
