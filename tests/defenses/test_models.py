"""What models say of rows."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skpoison.defenses._models import row_losses


class Diverged(LogisticRegression):
    def predict_proba(self, X):
        proba = super().predict_proba(X)
        proba[:2] = np.nan
        return proba


def test_losses_of_nan_are_an_error_and_not_of_rows_to_keep():
    X, y = load_iris(return_X_y=True)
    model = Diverged(max_iter=1000).fit(X, y)
    with pytest.raises(ValueError, match=r"Trim compares losses, .* 2 of 150 rows"):
        row_losses(model, X, y, "Trim")


def test_scores_of_pairs_are_not_taken_for_those_of_classes():
    X, y = load_iris(return_X_y=True)
    pairs = make_pipeline(StandardScaler(), SVC(decision_function_shape="ovo"))
    with pytest.raises(ValueError, match=r"of SVC gives one for each pair. Use 'ovr'"):
        row_losses(pairs.fit(X, y), X, y, "Trim")
    two = y < 2
    losses = row_losses(pairs.fit(X[two], y[two]), X[two], y[two], "Trim")
    assert (losses < 0).all()
