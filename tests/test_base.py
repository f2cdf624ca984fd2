import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from skpoison import SubpopPoisoner
from skpoison.base import BaseSanitizer, BaseSubpopPoisoner


class Threshold(BaseSanitizer):
    """Keeps the rows that a mask or a callable names."""

    _parameter_constraints: dict = {"kept": "no_validation"}

    def __init__(self, kept):
        super().__init__()
        self.kept = kept

    def _sanitize(self, X, y):
        kept = self.kept(X, y) if callable(self.kept) else self.kept
        return kept, np.where(kept, 0.0, 1.0)


def test_sanitizer_keeps_containers(people):
    frame, y = people
    sanitizer = Threshold(lambda X, y: (X.age < 40).to_numpy())
    X_res, y_res = sanitizer.fit_resample(frame, y)
    pd.testing.assert_frame_equal(X_res, frame[frame.age < 40])
    pd.testing.assert_series_equal(y_res, y[frame.age < 40])
    assert sanitizer.scores_.sum() == (frame.age >= 40).sum()
    texts = ["a", "b", "c", "d"]
    keep = np.array([True, False, True, True])
    X_res, y_res = Threshold(keep).fit_resample(texts, ["x", "x", "y", "y"])
    assert (X_res, y_res) == (["a", "c", "d"], ["x", "y", "y"])


def test_sanitizer_after_a_poisoner_tells_what_it_caught(blobs):
    X, y, _ = blobs
    poisoner = SubpopPoisoner(random_state=0)
    sanitizer = Threshold(lambda X, y: np.arange(len(X)) % 2 == 0)
    tree = DecisionTreeClassifier()
    model = Pipeline([("poison", poisoner), ("clean", sanitizer), ("clf", tree)])
    model.fit(X, y)
    left = model["poison"].poison_mask_[model["clean"].sample_indices_]
    assert left.sum() == model["poison"].poison_mask_[::2].sum()


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (np.ones(3, bool), r"shape \(4,\).*Got shape \(3,\)"),
        (np.ones(4), "dtype bool.*float64"),
        (np.zeros(4, bool), "would remove every row"),
    ],
)
def test_bad_sanitizers(kept, message):
    with pytest.raises(ValueError, match=message):
        Threshold(kept).fit_resample(np.eye(4), [0, 0, 1, 1])


def test_hooks_that_return_too_little_are_named(blobs):
    X, y, _ = blobs

    class MaskAlone(BaseSanitizer):
        def _sanitize(self, X, y):
            return np.ones(len(y), bool)

    class WithoutSources(BaseSubpopPoisoner):
        def _craft(self, X, y, members, n_poison, random_state):
            return X[members[:n_poison]], y[members[:n_poison]]

    message = r"MaskAlone\._sanitize must return a tuple of 2: kept, scores.*ndarray"
    with pytest.raises(ValueError, match=message):
        MaskAlone().fit_resample(X, y)
    message = r"WithoutSources\._craft .* tuple of 3: X_poison, .*Got a tuple of 2"
    with pytest.raises(ValueError, match=message):
        WithoutSources(alpha=0.5).fit_resample(X, y)


def test_losing_a_class_warns():
    kept = np.array([True, True, False, False])
    with pytest.warns(UserWarning, match=r"every row of class \[2\]"):
        Threshold(kept).fit_resample(np.eye(4), [0, 1, 2, 2])


def test_one_class_left_raises():
    kept = np.array([True, True, False, False])
    with pytest.raises(ValueError, match=r"class \[1\], and no classifier learns"):
        Threshold(kept).fit_resample(np.eye(4), [0, 0, 1, 1])


def test_sanitizer_returns_the_very_elements_of_a_list():
    rows = [np.array([1, 2]), np.array([1.5, 2.5]), (2**60 + 1, 0.5), [1, True]]
    keep = np.array([True, True, False, True])
    X_res, _ = Threshold(keep).fit_resample(rows, [0, 1, 0, 1])
    assert [x is rows[i] for x, i in zip(X_res, (0, 1, 3), strict=True)] == [True] * 3
